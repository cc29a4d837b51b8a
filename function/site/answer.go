package site

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The media types.
const (
	page        = "text/html; charset=utf-8"
	jsonType    = "application/json"
	problemType = "application/problem+json"
	plainText   = "text/plain; charset=utf-8"
)

// The cache policies. What needs permission is for one person only. A task that
// is done never changes; its page, as all files, does with a release.
const (
	noStore      = "no-store"
	revalidate   = "private, no-cache"
	privatePage  = "private, max-age=300"
	doneDocument = "private, max-age=86400, immutable"
	publicFile   = "public, max-age=300"
)

// securityPolicy lets a page load files of this site, and send forms to it, and
// nothing else.
const securityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// An answer is a whole response, made before anything of it is written.
type answer struct {
	status      int
	contentType string
	cache       string
	// localized answers are in the language of the exchange.
	localized bool
	// validator is what an ETag is made of; empty for none.
	validator string
	// retryAfter is sent in whole seconds, rounded up; zero for not at all.
	retryAfter time.Duration
	// header holds what else there is.
	header http.Header
	body   []byte
}

func (a *answer) set(name, value string) {
	if a.header == nil {
		a.header = make(http.Header)
	}
	a.header.Set(name, value)
}

// write sends the answer, or 304 where the client has it already.
func (a *answer) write(w http.ResponseWriter, e *exchange) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	h.Set("Cache-Control", a.cache)
	h.Set("Content-Security-Policy", securityPolicy)
	if a.localized {
		h.Set("Content-Language", e.language.Tag())
	}
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept, Accept-Language, Authorization, Prefer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(seconds(a.retryAfter)))
	}
	if a.validator != "" {
		tag := weakTag(a.validator)
		h.Set("ETag", tag)
		if a.status == http.StatusOK && matches(e.request.Header.Get("If-None-Match"), tag) {
			a.status = http.StatusNotModified
			w.WriteHeader(a.status)
			return
		}
	}
	if a.contentType != "" {
		h.Set("Content-Type", a.contentType)
	}
	w.WriteHeader(a.status)
	if e.request.Method != http.MethodHead {
		// Nobody is left to tell of a connection that broke.
		_, _ = w.Write(a.body)
	}
}

// seconds is d in whole seconds, rounded up and at least 1.
func seconds(d time.Duration) int {
	return int(max(time.Second, d+time.Second-1) / time.Second)
}

// weakTag is weak (RFC 9110, section 8.8.3): two answers with the same tag say
// the same, though the id of the request to CloudSSO in them may differ.
func weakTag(validator string) string {
	sum := sha256.Sum256([]byte(validator))
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// matches compares as If-None-Match does: weakly (RFC 9110, section 13.1.2).
func matches(ifNoneMatch, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for candidate := range strings.SplitSeq(ifNoneMatch, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
