package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"taskstatus/function/secret"
)

const (
	// minKey is how many characters a signing key has at least: as base64, 192 bits.
	minKey = 32
	// maxKeys is how many there can be at a time: one, and the one whose place it takes.
	maxKeys = 2
	// signatureSize is how many bytes of a signature are kept: half, which is as
	// few as RFC 2104, section 5, has it, and a link is the shorter for it.
	signatureSize = sha256.Size / 2
)

// A purpose is what is signed, so that one kind of thing never passes for another.
type purpose string

const (
	forSession purpose = "session"
	forLink    purpose = "link"
)

func parseKeys(keys string) ([]secret.Value, error) {
	var parsed []secret.Value
	for entry := range strings.SplitSeq(keys, ",") {
		entry = strings.TrimSpace(entry)
		switch {
		case entry == "":
			continue
		case len(entry) < minKey:
			return nil, fmt.Errorf("SIGNING_KEY: key %d has less than %d characters: make one with: head -c 32 /dev/urandom | base64", len(parsed)+1, minKey)
		case slices.ContainsFunc(parsed, func(key secret.Value) bool { return key.Reveal() == entry }):
			return nil, errors.New("SIGNING_KEY: both keys are the same")
		case len(parsed) == maxKeys:
			return nil, errors.New("SIGNING_KEY: more than two keys: while one takes the other's place there are two, by comma")
		}
		parsed = append(parsed, secret.New(entry))
	}
	return parsed, nil
}

// sign signs the parts, none of which has a line break in it, with the first key.
func (p Policy) sign(of purpose, parts ...string) string { return signature(p.keys[0], of, parts) }

// signed reports whether that is a signature of the parts by one of the keys. It
// tries all of them, so that the time it takes tells nothing.
func (p Policy) signed(given string, of purpose, parts ...string) bool {
	genuine := 0
	for _, key := range p.keys {
		genuine |= subtle.ConstantTimeCompare([]byte(given), []byte(signature(key, of, parts)))
	}
	return genuine == 1
}

func signature(key secret.Value, of purpose, parts []string) string {
	h := hmac.New(sha256.New, []byte(key.Reveal()))
	h.Write([]byte(string(of) + "\n" + strings.Join(parts, "\n")))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:signatureSize])
}
