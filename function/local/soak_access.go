package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What lets in who bears no token, made as the README has it and apart from the function.

// sign signs parts with what the function signs sessions and links with.
func (s *soak) sign(parts ...string) string {
	mac := hmac.New(sha256.New, []byte(s.function.variables["SIGNING_KEY"]))
	mac.Write([]byte(strings.Join(parts, "\n")))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// withLink returns a request by a link to tasks of the first directory.
func (s *soak) withLink(target string, ids ...string) *http.Request {
	expires := strconv.FormatInt(s.now().Add(time.Hour).Unix(), 10)
	subject := s.cloudSSO.directories[0] + " " + strings.Join(ids, " ")
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	r := s.get(target + separator + "expires=" + expires + "&signature=" + s.sign("link", subject, expires))
	r.Header.Del("Authorization")
	return r
}

// withSession returns a request of a browser that has signed in.
func (s *soak) withSession(target string) *http.Request {
	expires := strconv.FormatInt(s.now().Add(time.Hour).Unix(), 10)
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(localToken)))
	r := s.get(target, "Accept", "text/html", "Cookie", "__Host-session="+expires+"."+s.sign("session", expires, id))
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
