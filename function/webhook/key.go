package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"taskstatus/function/secret"
)

const (
	// keyPrefix is what a symmetric key begins with (Standard Webhooks 1.0.0,
	// "Signature scheme": secret serialization).
	keyPrefix = "whsec_"
	// minKey and maxKey bound a key's bytes (the same: 192 bits at least, 512 at most).
	minKey = 24
	maxKey = 64
	// maxKeys is how many keys there can be at a time: one, and the one that takes its place.
	maxKeys = 2
)

// howKeysLook ends every error about a key.
const howKeysLook = `a key is "whsec_" and the base64 of 24 to 64 random bytes, as made by: echo "whsec_$(openssl rand -base64 32)"`

// A Key is a symmetric key that sender and receiver share (Standard Webhooks
// 1.0.0, "Signature scheme": v1). The zero Key signs nothing and nothing is
// genuine by it. It is printed as asterisks.
type Key struct{ secret.Value }

// ParseKey reads "whsec_" and the base64 of 24 to 64 bytes. Its error never
// repeats the value, and says how such a key looks and how to make one.
func ParseKey(s string) (Key, error) {
	encoded, ok := strings.CutPrefix(s, keyPrefix)
	switch {
	case s == "":
		return Key{}, errors.New("the key is empty: " + howKeysLook)
	case !ok:
		return Key{}, errors.New(`the key does not begin with "whsec_": ` + howKeysLook)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case err != nil, strings.ContainsAny(encoded, "\r\n"): // which the decoder passes over
		return Key{}, errors.New("the key is not in base64: " + howKeysLook)
	case len(raw) < minKey:
		return Key{}, fmt.Errorf("the key has %d bytes, too few: %s", len(raw), howKeysLook)
	case len(raw) > maxKey:
		return Key{}, fmt.Errorf("the key has %d bytes, too many: %s", len(raw), howKeysLook)
	}
	return Key{secret.New(string(raw))}, nil
}

// Keys are those that a sender may have signed with: two while one takes the
// other's place. With none, nothing is genuine.
type Keys []Key

// ParseKeys reads one key, or two by comma; of nothing it makes no Keys. Its
// error never repeats a value.
func ParseKeys(s string) (Keys, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var keys Keys
	for entry := range strings.SplitSeq(s, ",") {
		if len(keys) == maxKeys {
			return nil, errors.New("there are more than two keys: while one takes the other's place there are two, by comma")
		}
		key, err := ParseKey(strings.TrimSpace(entry))
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(keys)+1, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
