package acs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"taskstatus/function/task"
)

func TestClassify(t *testing.T) {
	tests := []struct {
		code   string
		status int
		kind   task.Kind
		retry  bool
	}{
		{"Throttling", 400, task.Throttled, true},
		{"Throttling.User", 0, task.Throttled, true},
		{"Rejected.Throttling", 503, task.Throttled, true},
		{"", 429, task.Throttled, true},
		{"NoPermission", 400, task.Refused, false},
		{"Forbidden.RAM", 400, task.Refused, false},
		{"AccessDenied", 400, task.Refused, false},
		{"InvalidAccessKeyId.NotFound", 404, task.Refused, false},
		{"InvalidSecurityToken.Expired", 400, task.Refused, false},
		{"SignatureDoesNotMatch", 400, task.Refused, false},
		{"InvalidTimeStamp.Expired", 400, task.Refused, false},
		{"nopermission", 500, task.Refused, false},
		{"", 401, task.Refused, false},
		{"Surprise", 403, task.Refused, false},
		{"SignatureNonceUsed", 400, task.Upstream, true},
		{"InternalError", 400, task.Upstream, true},
		{"ServiceUnavailable", 0, task.Upstream, true},
		{"", 502, task.Upstream, true},
		{"Surprise", 400, task.Upstream, false},
		{"", 302, task.Upstream, false},
		{"", 0, task.Upstream, false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d %s", test.status, test.code), func(t *testing.T) {
			if kind, retry := Classify(test.code, test.status); kind != test.kind || retry != test.retry {
				t.Errorf("got %v, %t, want %v, %t", kind, retry, test.kind, test.retry)
			}
		})
	}
}

func TestTransportError(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	tests := []struct {
		name  string
		err   error
		kind  task.Kind
		retry bool
		says  string
	}{
		{"EOF", io.EOF, task.Upstream, true, "Act: EOF"},
		{"cut", fmt.Errorf("%s %w", poison, io.ErrUnexpectedEOF), task.Upstream, true, "Act: unexpected EOF"},
		{"reset", &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, task.Upstream, true, "connection reset"},
		{"refused", &url.Error{Op: "Get", URL: "https://h/?" + token, Err: refused}, task.Upstream, true, "Act: dial tcp: connection refused"},
		{"no such name", &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}}, task.Upstream, false, "Act: dial tcp: lookup h: no such host"},
		{"names cannot be looked up now", &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "server misbehaving", Name: "h", IsTemporary: true}}, task.Upstream, true, "server misbehaving"},
		{"deadline", context.DeadlineExceeded, task.Timeout, true, "Act: context deadline exceeded"},
		{"anything else", errors.New(poison), task.Upstream, false, "Act: no HTTP answer (*errors.errorString)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, retry := TransportError("Act", test.err)
			if e.Kind != test.kind || retry != test.retry || !strings.Contains(e.Error(), test.says) {
				t.Errorf("got %v, %t, want %v with %q, %t", e, retry, test.kind, test.says, test.retry)
			}
			checkNoSecrets(t, e)
		})
	}
}

func TestEnded(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	if e, ok := errors.AsType[*task.Error](Ended(ctx, "Act")); !ok || e.Kind != task.Timeout || !errors.Is(e, context.DeadlineExceeded) {
		t.Errorf("error %v, want timeout", e)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	err := Ended(ctx, "Act")
	if _, ok := errors.AsType[*task.Error](err); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestPlain(t *testing.T) {
	for s, want := range map[string]string{
		"":                      "",
		"Throttling.User":       "Throttling.User",
		strings.Repeat("a", 80): strings.Repeat("a", 80),
		strings.Repeat("a", 81): "",
		"two words":             "",
		"line\nbreak":           "",
		"<b>":                   "",
		"中":                     "",
	} {
		if got := Plain(s, "."); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
}
