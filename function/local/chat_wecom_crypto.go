package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A weComLetter is the envelope in which WeCom and a bot write to each other:
// encrypted under one secret and signed with another.
type weComLetter struct {
	token string
	key   []byte // nil: there is none
}

// weComKey returns the bytes of a key of 43 characters.
func weComKey(text string) []byte {
	key, err := base64.StdEncoding.DecodeString(text + "=")
	if err != nil || len(key) != 32 {
		return nil
	}
	return key
}

// seal encrypts a text, and returns the parameters that prove who did it.
func (l weComLetter) seal(text string, at time.Time) (sealed string, query url.Values) {
	if l.key != nil {
		message := make([]byte, 16, 20+len(text))
		rand.Read(message)
		message = binary.BigEndian.AppendUint32(message, uint32(len(text)))
		message = append(message, text...) // and no receiver's id: a smart bot has none
		sealed = base64.StdEncoding.EncodeToString(encryptCBC(l.key, l.key[:aes.BlockSize], message, weComBlock))
	}
	timestamp, nonce := strconv.FormatInt(at.Unix(), 10), randomHex(16)
	return sealed, url.Values{
		"msg_signature": {l.sign(timestamp, nonce, sealed)},
		"timestamp":     {timestamp},
		"nonce":         {nonce},
	}
}

func (l weComLetter) sign(timestamp, nonce, sealed string) string {
	parts := []string{l.token, timestamp, nonce, sealed}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// open verifies and decrypts a bot's answer.
func (l weComLetter) open(body []byte) (object, error) {
	letter, ok := readObject(body)
	if !ok {
		return nil, errors.New("the response is not a JSON object")
	}
	number, ok := letter["timestamp"].(float64)
	if !ok {
		return nil, errors.New("the response's timestamp is not a number")
	}
	sealed := letter.text("encrypt")
	timestamp := strconv.FormatInt(int64(number), 10)
	if letter.text("msgsignature") != l.sign(timestamp, letter.text("nonce"), sealed) {
		return nil, errors.New("the response's msgsignature is wrong")
	}
	text, err := l.decrypt(sealed)
	if err != nil {
		return nil, fmt.Errorf("the response cannot be decrypted: %w", err)
	}
	message, ok := readObject(text)
	if !ok {
		return nil, errors.New("the response holds no JSON object")
	}
	return message, nil
}

func (l weComLetter) decrypt(sealed string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 || l.key == nil {
		return nil, errors.New("it is no whole number of blocks in base64")
	}
	block, err := aes.NewCipher(l.key)
	if err != nil {
		return nil, err
	}
	cipher.NewCBCDecrypter(block, l.key[:aes.BlockSize]).CryptBlocks(data, data)
	pad := int(data[len(data)-1])
	if len(data)%weComBlock != 0 || pad < 1 || pad > weComBlock || pad > len(data) {
		return nil, errors.New("it is not padded to 32 bytes")
	}
	for _, b := range data[len(data)-pad:] {
		if int(b) != pad {
			return nil, errors.New("its padding is wrong")
		}
	}
	data = data[:len(data)-pad]
	if len(data) < 20 {
		return nil, errors.New("it is too short")
	}
	length := binary.BigEndian.Uint32(data[16:20])
	data = data[20:]
	if uint64(length) > uint64(len(data)) {
		return nil, errors.New("its length is wrong")
	}
	if len(data) > int(length) {
		return nil, errors.New("it names a receiver, which a smart bot must not")
	}
	return data, nil
}
