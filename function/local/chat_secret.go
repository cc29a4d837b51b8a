package main

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// randomHex returns a secret of n characters.
func randomHex(n int) string {
	random := make([]byte, (n+1)/2)
	rand.Read(random)
	return hex.EncodeToString(random)[:n]
}

// firstOf returns the first of a comma-separated list.
func firstOf(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(first)
}

// A rotation is a secret, or two by comma while one takes the other's place.
type rotation string

// used returns the secret that a call is made with: the second where that is
// asked for and there is one, else the first.
func (r rotation) used(u *utterance) string {
	if _, second, ok := strings.Cut(string(r), ","); ok && u.second {
		return firstOf(second)
	}
	return firstOf(string(r))
}
