// Package access decides who may see what. It knows HTTP and nothing of tasks,
// and it fails closed: with nothing configured nobody is let in.
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// A Policy says who is let in. The zero value lets nobody in.
type Policy struct {
	open   bool
	tokens []token
}

// A token is a bearer token of which only the hash is known here.
type token struct {
	name string
	sum  [sha256.Size]byte
}

// Parse reads a policy. mode is the variable ACCESS: "open" lets everybody in,
// "token" (also if empty) those with a bearer token. tokens is the variable
// ACCESS_TOKENS: name:sha256-hex, several by comma; one name may have several,
// so that a token can be replaced without a gap. Errors name the variable and
// never repeat a hash.
func Parse(mode, tokens string) (Policy, error) {
	var p Policy
	switch mode {
	case "open":
		p.open = true
	case "", "token":
	default:
		return Policy{}, fmt.Errorf("ACCESS is %q: it can be token or open", mode)
	}
	for i, entry := range strings.Split(tokens, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		name, sum, _ := strings.Cut(entry, ":")
		t := token{name: strings.TrimSpace(name)}
		if t.name == "" || len(sum) != hex.EncodedLen(sha256.Size) {
			return Policy{}, fmt.Errorf("ACCESS_TOKENS: entry %d is not name:sha256-hex", i+1)
		}
		if _, err := hex.Decode(t.sum[:], []byte(sum)); err != nil {
			return Policy{}, fmt.Errorf("ACCESS_TOKENS: the hash of entry %d (%q) is not hexadecimal", i+1, t.name)
		}
		if t.sum == sha256.Sum256(nil) {
			return Policy{}, fmt.Errorf("ACCESS_TOKENS: entry %d (%q) is the hash of no token at all", i+1, t.name)
		}
		p.tokens = append(p.tokens, t)
	}
	return p, nil
}

// Configured reports whether anybody can be let in at all.
func (p Policy) Configured() bool { return p.open || len(p.tokens) > 0 }

// Caller reports whether the request is let in, and the name of the token that
// it bears (RFC 6750, section 2.1), "" where everybody is and it bears none. It compares hashes, and
// always all of them, so that the time it takes tells nothing.
func (p Policy) Caller(r *http.Request) (name string, ok bool) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(value)))
	for i := range p.tokens {
		if subtle.ConstantTimeCompare(sum[:], p.tokens[i].sum[:]) == 1 {
			name, ok = p.tokens[i].name, true
		}
	}
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", p.open
	}
	return name, true
}
