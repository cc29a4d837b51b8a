package site

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
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
// is done never changes; its page does with a release. A file whose name is made
// of its content never does.
const (
	noStore      = "no-store"
	revalidate   = "private, no-cache"
	privatePage  = "private, max-age=300"
	doneDocument = "private, max-age=86400, immutable"
	publicFile   = "public, max-age=31536000, immutable"
	// publicDocument changes with a release, like a page.
	publicDocument = "public, max-age=300"
)

// securityPolicy lets a page load files of this site, and send forms to it, and
// nothing else.
const securityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// securityHeader is what every answer has. A year of https is for this host alone:
// what else is below the domain is not known here. Framing is refused twice, for
// who does not know the policy's frame-ancestors.
// The values are lists because a header takes them as they are, time after time.
var securityHeader = [...]struct {
	name  string
	value []string
}{
	{"Content-Security-Policy", []string{securityPolicy}},
	{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	{"Permissions-Policy", []string{"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Strict-Transport-Security", []string{"max-age=31536000"}},
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"X-Frame-Options", []string{"DENY"}},
	{"X-Robots-Tag", []string{"noindex"}},
}

// SetSecurityHeader sets what every answer has that a browser may get from this
// origin (OWASP Secure Headers Project), this package's own and others.
func SetSecurityHeader(h http.Header) {
	for _, field := range securityHeader {
		h[field.name] = field.value
	}
}

// varying is what of a request an answer about tasks depends on.
const varying = "Accept, Accept-Encoding, Accept-Language, Authorization, Cookie, Prefer"

// An answer is a whole response, made before anything of it is written.
type answer struct {
	status      int
	contentType string
	// encoding is the coding that the body is in; empty for none.
	encoding string
	cache    string
	// vary is what of the request the answer depends on; empty for varying.
	vary string
	// posts is an answer with a form that has to come from this site.
	posts bool
	// localized answers are in the language of the exchange.
	localized bool
	// tag is the ETag; empty for none.
	tag string
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

// notModified reports whether the client has the answer already: its body need not be made.
func (a *answer) notModified(e *exchange) bool {
	return a.tag != "" && a.status == http.StatusOK && matches(e.request.Header.Get("If-None-Match"), a.tag)
}

// write sends the answer, or 304 where the client has it already.
func (a *answer) write(w http.ResponseWriter, e *exchange) {
	h := w.Header()
	SetSecurityHeader(h)
	for name, values := range a.header {
		h[name] = values
	}
	h["Cache-Control"] = []string{a.cache}
	if a.posts {
		// With no referrer, browsers give no origin either (Fetch, "append a request
		// Origin header"), and the older ones nothing else to go by.
		h["Referrer-Policy"] = []string{"same-origin"}
	}
	if a.localized {
		h["Content-Language"] = []string{e.language.Tag()}
	}
	h["Vary"] = []string{cmp.Or(a.vary, varying)}
	if a.retryAfter > 0 {
		h["Retry-After"] = []string{strconv.Itoa(seconds(a.retryAfter))}
	}
	if a.tag != "" {
		h["Etag"] = []string{a.tag}
	}
	if a.notModified(e) {
		a.status = http.StatusNotModified
		w.WriteHeader(a.status)
		return
	}
	if a.contentType != "" {
		h["Content-Type"] = []string{a.contentType}
	}
	a.compress(e)
	if a.encoding != "" {
		h["Content-Encoding"] = []string{a.encoding}
	}
	w.WriteHeader(a.status)
	if e.request.Method != http.MethodHead {
		// Nobody is left to tell of a connection that broke.
		_, _ = w.Write(a.body)
	}
}

// minCompressed is the size from which a body is compressed. It takes some 50 µs more
// than to send it as it is, of which Function Compute makes base64: for the page of one
// task a quarter of all that it costs, for 4 KB less. The page of twenty is down to a
// seventh, where a reader waits for a slow network longer than for that.
const minCompressed = 8 << 10

// zipper is used again and again, by one answer at a time: a new one takes 1.2 MB, more
// time to clear than most bodies take to compress. A sync.Pool would lose it too often.
var zipper struct {
	sync.Mutex
	w *gzip.Writer
}

// compress puts a large body into gzip for who takes that.
func (a *answer) compress(e *exchange) {
	if a.encoding != "" || len(a.body) < minCompressed || !takesGzip(e.request) {
		return
	}
	zipper.Lock()
	defer zipper.Unlock()
	if zipper.w == nil {
		zipper.w, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // which is a level there is
	}
	var b bytes.Buffer
	zipper.w.Reset(&b)
	_, _ = zipper.w.Write(a.body) // a buffer takes everything
	_ = zipper.w.Close()
	a.encoding, a.body = "gzip", b.Bytes()
}

// seconds is d in whole seconds, rounded up and at least 1.
func seconds(d time.Duration) int {
	return int(max(time.Second, d+time.Second-1) / time.Second)
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
