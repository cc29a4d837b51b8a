package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What the function lets in by, made as the README has it and apart from the function's code.

// tokenHash is what the function knows a token by.
func tokenHash(token string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(token))) }

// accessSignature signs what a session or a link says with a signing key.
func accessSignature(key string, parts ...string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(strings.Join(parts, "\n")))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// sessionCookie is that of a browser which has signed in with a token, until then.
func sessionCookie(key, token string, until time.Time) string {
	expires := strconv.FormatInt(until.Unix(), 10)
	return "__Host-session=" + expires + "." + accessSignature(key, "session", expires, tokenHash(token))
}

// linkQuery opens tasks of a directory until then.
func linkQuery(key, directory string, until time.Time, ids ...string) string {
	expires := strconv.FormatInt(until.Unix(), 10)
	return "expires=" + expires + "&signature=" + accessSignature(key, "link", directory+" "+strings.Join(ids, " "), expires)
}
