package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A token is a bearer token of which only the hash is known here.
type token struct {
	name string
	sum  [sha256.Size]byte
}

func parseTokens(tokens string) ([]token, error) {
	var parsed []token
	for i, entry := range strings.Split(tokens, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		name, sum, _ := strings.Cut(entry, ":")
		t := token{name: strings.TrimSpace(name)}
		if t.name == "" || len(sum) != hex.EncodedLen(sha256.Size) {
			return nil, fmt.Errorf("ACCESS_TOKENS: entry %d is not name:sha256-hex", i+1)
		}
		if _, err := hex.Decode(t.sum[:], []byte(sum)); err != nil {
			return nil, fmt.Errorf("ACCESS_TOKENS: the hash of entry %d (%q) is not hexadecimal", i+1, t.name)
		}
		if t.sum == sha256.Sum256(nil) {
			return nil, fmt.Errorf("ACCESS_TOKENS: entry %d (%q) is the hash of no token at all", i+1, t.name)
		}
		parsed = append(parsed, t)
	}
	return parsed, nil
}

// try returns the token of that value. It compares hashes, and always all of
// them, so that the time it takes tells nothing; and an address that has made
// too many guesses learns nothing of a right one either.
func (p Policy) try(r *http.Request, value string, now time.Time) (token, error) {
	sum := sha256.Sum256([]byte(value))
	var found token
	ok := false
	for _, t := range p.tokens {
		if subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1 {
			found, ok = t, true
		}
	}
	if p.attempts == nil {
		return token{}, errWrongToken // the zero policy
	}
	if err := p.attempts.take(addressOf(r), sum, ok, now); err != nil {
		return token{}, err
	}
	if !ok {
		return token{}, errWrongToken
	}
	return found, nil
}
