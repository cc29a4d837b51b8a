package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"taskstatus/function/secret"
)

// A token is a bearer token of which only the hash is known here: no secret, unless
// somebody made the token up.
type token struct {
	name string
	sum  secret.Value // SHA-256
}

func parseTokens(tokens string) ([]token, error) {
	var parsed []token
	for i, entry := range strings.Split(tokens, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		name, sum, _ := strings.Cut(entry, ":")
		name = strings.TrimSpace(name)
		if name == "" || len(sum) != hex.EncodedLen(sha256.Size) {
			return nil, fmt.Errorf("ACCESS_TOKENS: entry %d is not name:sha256-hex", i+1)
		}
		raw, err := hex.DecodeString(sum)
		if err != nil {
			return nil, fmt.Errorf("ACCESS_TOKENS: the hash of entry %d (%q) is not hexadecimal", i+1, name)
		}
		if none := sha256.Sum256(nil); string(raw) == string(none[:]) {
			return nil, fmt.Errorf("ACCESS_TOKENS: entry %d (%q) is the hash of no token at all", i+1, name)
		}
		parsed = append(parsed, token{name, secret.New(string(raw))})
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
		if subtle.ConstantTimeCompare(sum[:], []byte(t.sum.Reveal())) == 1 {
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
