// Package access decides who may see what: who bears a token, who signed in
// with one in a browser, and what a signed link opens. It knows HTTP and nothing
// of tasks, and it fails closed: with nothing configured nobody is let in.
package access

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"taskstatus/function/secret"
)

// A Policy says who is let in. The zero value lets nobody in. It is safe for use
// by several goroutines at once.
type Policy struct {
	open     bool
	tokens   []token
	keys     []secret.Value
	origins  *http.CrossOriginProtection
	attempts *attempts
}

// Parse reads a policy. mode is the variable ACCESS: "open" lets everybody in,
// "token" (also if empty) those with a bearer token. tokens is the variable
// ACCESS_TOKENS: name:sha256-hex, several by comma; one name may have several,
// so that a token can be replaced without a gap. keys is the variable
// SIGNING_KEY, which sessions and links are signed with: one, or two by comma
// while the first takes the second's place. publicURL is where browsers find
// the site; empty for where they asked. The error has a line for each variable that
// is wrong, which begins with its name, and never repeats a token, a hash or a key.
func Parse(mode, tokens, keys, publicURL string) (Policy, error) {
	p := Policy{origins: http.NewCrossOriginProtection(), attempts: new(attempts)}
	var wrong error
	switch mode {
	case "open":
		p.open = true
	case "", "token":
	default:
		wrong = fmt.Errorf("ACCESS is %q: it can be token or open", mode)
	}
	var inTokens, inKeys error
	p.tokens, inTokens = parseTokens(tokens)
	p.keys, inKeys = parseKeys(keys)
	wrong = errors.Join(wrong, inTokens, inKeys)
	if publicURL != "" {
		if err := p.origins.AddTrustedOrigin(originOf(publicURL)); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("PUBLIC_URL: %w", err))
		}
	}
	if wrong != nil {
		return Policy{}, wrong
	}
	return p, nil
}

// originOf is the address of a site as browsers write it (RFC 6454, section 6.2).
func originOf(site string) string {
	site = strings.ToLower(site)
	if bare, ok := strings.CutSuffix(site, ":443"); ok && strings.HasPrefix(site, "https://") {
		return bare
	}
	return site
}

// Open reports whether everybody is let in.
func (p Policy) Open() bool { return p.open }

// Configured reports whether anybody can be let in at all.
func (p Policy) Configured() bool { return p.open || len(p.tokens) > 0 }

// Signs reports whether browsers can sign in and links be signed: there has to be
// a key, and something that it opens.
func (p Policy) Signs() bool { return !p.open && len(p.tokens) > 0 && len(p.keys) > 0 }

// The reasons why somebody is not let in, for the log.
var (
	errNoCredentials = errors.New("no token and no session")
	errWrongToken    = errors.New("the token is not one of ACCESS_TOKENS")
)

// Caller returns the name of the token that the request bears, or that its
// browser signed in with, which session says; "" where everybody is let in and it has
// neither. The error says, for the log, why it is not let in; if it has a method
// RetryAfter, there were too many attempts.
func (p Policy) Caller(r *http.Request, now time.Time) (name string, session bool, err error) {
	name, err = p.Bearer(r, now)
	switch {
	case err == nil:
		return name, false, nil
	case p.open:
		return "", false, nil
	case !errors.Is(err, errNoCredentials):
		return "", false, err
	}
	name, err = p.session(r, now)
	return name, err == nil, err
}

// Bearer returns the name of the token that the request bears (RFC 6750, section
// 2.1). Neither a session nor open access counts. Its error is like Caller's.
func (p Policy) Bearer(r *http.Request, now time.Time) (name string, err error) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errNoCredentials
	}
	t, err := p.try(r, strings.TrimSpace(value), now)
	return t.name, err
}
