package cloudsso

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"taskstatus/function/task"
)

const (
	// maxPlainLength is beyond the longest code and request id.
	maxPlainLength = 80
	// maxRetryAfter bounds the wait that an answer can ask for: more is
	// likelier a mistake than a wish.
	maxRetryAfter = 5 * time.Minute
)

// An answer is one HTTP response, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
	// at is when it had come.
	at time.Time
}

// failure is the part of an error answer that is used, without regard to the
// case of the names: gateways differ in it. CloudSSO's Message is left out on
// purpose: it can repeat the canonical request with the token.
type failure struct {
	Code               string
	RequestID          string
	AccessDeniedDetail struct{ AuthAction string }
}

// failure returns what an answer says of itself as an error. A body that is
// not JSON says nothing; a field of another type is left out.
func (a *answer) failure() failure {
	var f failure
	_ = json.Unmarshal(a.body, &f)
	f.Code = plain(f.Code, "._-")
	f.RequestID = a.requestID(f.RequestID)
	f.AccessDeniedDetail.AuthAction = plain(f.AccessDeniedDetail.AuthAction, "._-:")
	return f
}

// requestID returns the id in the body, or else the one in the header.
func (a *answer) requestID(inBody string) string {
	if id := plain(inBody, "._-"); id != "" {
		return id
	}
	return plain(a.header.Get("x-acs-request-id"), "._-")
}

// err turns an answer other than 200 into an error, and reports whether trying
// again may help. The request for the directory was dated at the time given.
func (a *answer) err(action string, directory task.DirectoryID, f failure, dated time.Time) (e *task.Error, retry bool) {
	kind, retry := classify(f.Code, a.status)
	e = &task.Error{Kind: kind, RequestID: f.RequestID}
	cause := action + ": HTTP " + strconv.Itoa(a.status)
	if f.Code != "" {
		cause += " " + f.Code
	}
	if f.AccessDeniedDetail.AuthAction != "" {
		cause += ", missing permission " + f.AccessDeniedDetail.AuthAction
	}
	e.Cause = errors.New(cause)
	if retry {
		e.RetryAfter = a.retryAfter(dated)
	}
	switch code := strings.ToLower(f.Code); {
	case strings.HasPrefix(code, "entitynotexists.directory"):
		e.Detail = task.Text{
			En: "directory " + string(directory) + " is not known in this region",
			Zh: "该地域中没有目录 " + string(directory),
		}
	case strings.HasPrefix(code, "invalidtimestamp"):
		e.Detail = task.Text{En: "the clock of this function is off", Zh: "本函数的系统时间不准确"}
		if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
			off := dated.Sub(date).Abs().Round(time.Second)
			e.Detail.En += fmt.Sprintf(": it differs from CloudSSO's by %v", off)
			e.Detail.Zh += fmt.Sprintf("，与云 SSO 相差 %v", off)
		}
	case kind == task.Invalid:
		e.Detail = task.Text{En: "CloudSSO does not accept one of the ids", Zh: "云 SSO 不接受其中的某个 ID"}
	}
	return e, retry
}

// malformed is the error for an answer of 200 that makes no sense.
func malformed(action, what, requestID string) *task.Error {
	return &task.Error{Kind: task.Upstream, Cause: errors.New(action + ": " + what), RequestID: requestID}
}

// classify judges an error by its code and, where that says nothing, by the
// HTTP status. CloudSSO publishes no list of its codes, and throttling comes
// with 400 as well as 429; so the code goes by what it begins with or holds.
func classify(code string, status int) (kind task.Kind, retry bool) {
	code = strings.ToLower(code)
	begins := func(prefix string) bool { return strings.HasPrefix(code, prefix) }
	holds := func(part string) bool { return strings.Contains(code, part) }
	switch {
	case holds("throttling"):
		return task.Throttled, true
	case begins("signaturenonceused"): // by an attempt whose answer was lost: the next has a new one
		return task.Upstream, true
	case begins("entitynotexists"):
		return task.NotFound, false
	case begins("nopermission"), begins("forbidden"), begins("invalidtimestamp"),
		holds("securitytoken"), holds("accesskey"), holds("signature"):
		return task.Refused, false
	case (begins("invalid") || begins("missing")) && (holds("taskid") || holds("directoryid")):
		return task.Invalid, false
	case status == http.StatusTooManyRequests:
		return task.Throttled, true
	case status >= 500, begins("serviceunavailable"), begins("internalerror"):
		return task.Upstream, true
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return task.Refused, false
	}
	return task.Upstream, false
}

// retryAfter is how long an answer asks to be left alone: the longest of
// Alibaba's rate limit headers and of Retry-After (RFC 9110, section 10.2.3).
func (a *answer) retryAfter(now time.Time) time.Duration {
	wait := max(timeLeft(a.header.Get("x-ratelimit-user-api")), timeLeft(a.header.Get("x-ratelimit-user")))
	after := a.header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(after, 10, 31); err == nil {
		wait = max(wait, time.Duration(seconds)*time.Second)
	} else if at, err := http.ParseTime(after); err == nil {
		wait = max(wait, at.Sub(now))
	}
	return min(wait, maxRetryAfter)
}

// timeLeft reads the milliseconds of "Limit:1,Remain:0,TimeLeft:2000,Reset:1234".
func timeLeft(header string) time.Duration {
	for field := range strings.SplitSeq(header, ",") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(field), "TimeLeft:"); ok {
			ms, _ := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}

// transportError is the error of an exchange that came to no answer, and
// whether another may fare better. Of the causes only those are named whose
// text holds no more than addresses: others repeat the URL or the peer's bytes.
func transportError(action string, err error) (e *task.Error, retry bool) {
	e = &task.Error{Kind: task.Upstream}
	timedOut := false
	if failed, ok := errors.AsType[net.Error](err); ok && failed.Timeout() {
		e.Kind, timedOut = task.Timeout, true
	}
	cause := fmt.Errorf("no HTTP answer (%T)", err)
	for _, known := range [...]error{context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF, http.ErrSchemeMismatch} {
		if errors.Is(err, known) {
			cause = known
		}
	}
	if failed, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		cause = failed
	}
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		cause = failed
	}
	e.Cause = fmt.Errorf("%s: %w", action, cause)
	return e, timedOut || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPIPE)
}

// ended is the error of a call whose context is done: Timeout where the time
// was up, but no *task.Error where the caller gave up.
func ended(ctx context.Context, action string) error {
	err := fmt.Errorf("%s: %w", action, ctx.Err())
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &task.Error{Kind: task.Timeout, Cause: err}
}

// plain returns s if it is short and made of letters, digits and the other
// characters given, else nothing: what CloudSSO sends goes no further unless
// it can only be a name.
func plain(s, others string) string {
	if len(s) > maxPlainLength {
		return ""
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte(others, s[i]) < 0 {
			return ""
		}
	}
	return s
}
