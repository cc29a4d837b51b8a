package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"taskstatus/function/secret"
)

// A token is a bearer token of which only the hash is known here: no secret, unless
// somebody made the token up.
type token struct {
	name string
	sum  secret.Value // SHA-256, in hexadecimal, small letters
}

func parseTokens(tokens string) ([]token, error) {
	var parsed []token
	for i, entry := range strings.Split(tokens, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		name, sum, _ := strings.Cut(entry, ":")
		name, sum = strings.TrimSpace(name), strings.TrimSpace(sum)
		if name == "" || len(sum) != hex.EncodedLen(sha256.Size) {
			return nil, fmt.Errorf("ACCESS_TOKENS: entry %d is not a name, a colon and the %d hexadecimal digits that this prints: printf %%s \"$TOKEN\" | sha256sum; several are joined by comma",
				i+1, hex.EncodedLen(sha256.Size))
		}
		if _, err := hex.DecodeString(sum); err != nil {
			return nil, fmt.Errorf("ACCESS_TOKENS: the hash of entry %d (%q) is not hexadecimal", i+1, name)
		}
		sum = strings.ToLower(sum)
		if sum == hash("") {
			return nil, fmt.Errorf("ACCESS_TOKENS: entry %d (%q) is the hash of no token at all", i+1, name)
		}
		if slices.ContainsFunc(parsed, func(t token) bool { return t.sum.Reveal() == sum }) {
			return nil, fmt.Errorf("ACCESS_TOKENS: entry %d (%q) is the token of another entry: nobody could tell who it is", i+1, name)
		}
		parsed = append(parsed, token{name, secret.New(sum)})
	}
	return parsed, nil
}

func hash(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// try returns the token of that value. It compares hashes, and always all of
// them, so that the time it takes tells nothing; and an address that has made
// too many guesses learns nothing of a right one that is new there.
func (p Policy) try(r *http.Request, value string, now time.Time) (token, error) {
	sum := hash(value)
	var found token
	ok := false
	for _, t := range p.tokens {
		if subtle.ConstantTimeCompare([]byte(sum), []byte(t.sum.Reveal())) == 1 {
			found, ok = t, true
		}
	}
	if p.attempts == nil {
		return token{}, errWrongToken // the zero policy
	}
	address := addressOf(r)
	if err := p.attempts.take(address, sum, ok, now); err != nil {
		return token{}, err
	}
	if !ok {
		return token{}, fmt.Errorf("%w, from %v", errWrongToken, address)
	}
	return found, nil
}
