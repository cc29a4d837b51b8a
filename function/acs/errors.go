package acs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"taskstatus/function/task"
)

// maxPlainLength is beyond the longest code and request id.
const maxPlainLength = 80

// Classify judges an error by its code and, where that says nothing, by the
// HTTP status (0 where unknown), and reports whether another attempt may fare
// better. It knows the codes of Alibaba Cloud's gateways, which all APIs share;
// an API's own codes are for its package to judge first. No list of them is
// published, and throttling comes with 400 as well as 429; so the code goes by
// what it begins with or holds.
func Classify(code string, status int) (kind task.Kind, retry bool) {
	code = strings.ToLower(code)
	begins := func(prefix string) bool { return strings.HasPrefix(code, prefix) }
	holds := func(part string) bool { return strings.Contains(code, part) }
	switch {
	case holds("throttling"):
		return task.Throttled, true
	case begins("signaturenonceused"): // by an attempt whose answer was lost: the next has a new one
		return task.Upstream, true
	case Denied(code), Misdated(code),
		holds("securitytoken"), holds("accesskey"), holds("signature"):
		return task.Refused, false
	case status == http.StatusTooManyRequests:
		return task.Throttled, true
	case status >= 500, begins("serviceunavailable"), begins("internalerror"):
		return task.Upstream, true
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return task.Refused, false
	}
	return task.Upstream, false
}

// Denied reports whether the code says that the credentials are good, but not
// for this: a permission is missing.
func Denied(code string) bool {
	code = strings.ToLower(code)
	return strings.HasPrefix(code, "nopermission") || strings.HasPrefix(code, "forbidden") || strings.HasPrefix(code, "accessdenied")
}

// Misdated reports whether the code says that the date of the signature is off:
// then the clock here is, and neither the credentials nor what they may do.
func Misdated(code string) bool {
	return strings.HasPrefix(strings.ToLower(code), "invalidtimestamp")
}

// TransportError is the error of an exchange that came to no answer, and
// whether another may fare better. Of the causes only those are named whose
// text holds no more than addresses: others repeat the URL or the peer's bytes.
func TransportError(action string, err error) (e *task.Error, retry bool) {
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
	unresolved, _ := errors.AsType[*net.DNSError](err)
	return e, timedOut || unresolved != nil && unresolved.IsTemporary || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPIPE)
}

// Ended is the error of a call whose context is done: Timeout where the time
// was up, but no *task.Error where the caller gave up.
func Ended(ctx context.Context, action string) error {
	err := fmt.Errorf("%s: %w", action, ctx.Err())
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &task.Error{Kind: task.Timeout, Cause: err}
}

// Plain returns s if it is short and made of letters, digits and the other
// characters given, else nothing: what an API sends goes no further unless it
// can only be a name.
func Plain(s, others string) string {
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
