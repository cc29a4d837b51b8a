package access

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// SessionLife is how long a browser stays signed in (OWASP ASVS 4.0.3, 3.3.2: at
// level 2 no longer than 12 hours). That it would end after half an hour of nothing
// takes a memory that there is not.
const SessionLife = 12 * time.Hour

// maxSessions is how many cookies are looked at that could be the session's: a
// browser has one.
const maxSessions = 2

// sessionCookie has a prefix by which browsers take it only over https, for the
// whole site and for no other host (RFC 6265bis, section 4.1.3.2).
const sessionCookie = "__Host-session"

var errEnded = errors.New("the session has ended, or was never one")

// SameOrigin fails where a page of another site has had the browser send the
// request (by Sec-Fetch-Site, else Origin; none of both is no browser). It is
// to be asked before what a browser posts is done.
func (p Policy) SameOrigin(r *http.Request) error { return p.origins.Check(r) }

// SignIn returns the name of the token and the cookie that keeps its bearer
// signed in. Nothing is remembered here: the cookie says until when, signed
// together with the token's hash, so that it ends with the token or the key. The error
// is like Caller's.
func (p Policy) SignIn(r *http.Request, value string, now time.Time) (name string, cookie *http.Cookie, err error) {
	t, err := p.try(r, value, now)
	if err != nil {
		return "", nil, err
	}
	until := unix(now.Add(SessionLife))
	c := newCookie()
	c.Value = until + "." + p.sign(forSession, until, t.sum.Reveal())
	c.MaxAge = int(SessionLife / time.Second)
	return t.name, c, nil
}

// SignOut returns the cookie that takes the place of a session's.
func (p Policy) SignOut() *http.Cookie {
	c := newCookie()
	c.MaxAge = -1
	return c
}

func newCookie() *http.Cookie {
	return &http.Cookie{Name: sessionCookie, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// session returns the name of the token that the request's browser is signed in with.
func (p Policy) session(r *http.Request, now time.Time) (name string, err error) {
	err = errNoCredentials
	for _, value := range sessions(r) {
		err = errEnded
		until, given, _ := strings.Cut(value, ".")
		if _, ok := ahead(until, now); !ok {
			continue
		}
		for _, t := range p.tokens {
			if p.signed(given, forSession, until, t.sum.Reveal()) {
				return t.name, nil
			}
		}
	}
	return "", err
}

// sessions are the values of the session's cookie, of which some may be none.
// Function Compute joins lines of a header with commas, and of cookies there may be
// several lines (RFC 9113, section 8.2.3); in those of ours there is no comma.
func sessions(r *http.Request) (values []string) {
	for _, line := range r.Header["Cookie"] {
		for cookie := range strings.FieldsFuncSeq(line, func(c rune) bool { return c == ';' || c == ',' }) {
			name, value, _ := strings.Cut(strings.TrimSpace(cookie), "=")
			if name == sessionCookie && len(values) < maxSessions {
				values = append(values, value)
			}
		}
	}
	return values
}

// unix is a time as it is signed: in seconds of Unix time.
func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// ahead reads a time that was signed, and reports whether it is still to come.
func ahead(value string, now time.Time) (until time.Time, ok bool) {
	seconds, err := strconv.ParseInt(value, 10, 64)
	until = time.Unix(seconds, 0)
	return until, err == nil && now.Before(until)
}
