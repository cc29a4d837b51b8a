package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// withLink returns a request by a link to tasks of the first directory.
func (s *soak) withLink(target string, ids ...string) *http.Request {
	r := s.get(target + "?" + linkQuery(s.function.variables["SIGNING_KEY"], s.cloudSSO.directories[0], s.now().Add(time.Hour), ids...))
	r.Header.Del("Authorization")
	return r
}

// withSession returns a request of a browser that has signed in.
func (s *soak) withSession(target string) *http.Request {
	r := s.get(target, "Accept", "text/html", "Cookie", sessionCookie(s.function.variables["SIGNING_KEY"], localToken, s.now().Add(time.Hour)))
	r.Header.Del("Authorization")
	return r
}

// guess returns a request of somebody who guesses tokens, from an address of its own.
func (s *soak) guess(r *rand.Rand, target string) *http.Request {
	request := s.get(target, "Authorization", fmt.Sprint("Bearer ", r.IntN(1e6)))
	request.RemoteAddr = fmt.Sprintf("10.0.%d.%d:1", r.IntN(8), r.IntN(256))
	return request
}

// isRefused wants somebody not to be let in, or not to be listened to any more.
func isRefused(a soakAnswer) problem {
	if a.status == http.StatusTooManyRequests {
		return problem{}
	}
	return hasStatus(http.StatusUnauthorized)(a)
}
