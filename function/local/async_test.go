package main

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

// TestAsyncRequest: FC takes the header from whoever sends it, for a request as
// for an invocation.
func TestAsyncRequest(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	for _, test := range []struct {
		name, body, delay string
		status            int
		code              string
	}{
		{"taken", "x", "", 202, ""},
		{"later", "x", "3600", 202, ""},
		{"too late", "x", "3601", 400, "InvalidArgument"},
		{"too large", strings.Repeat("x", maxAsyncPayload), "", 413, "RequestEntityTooLarge"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := s.send(t, http.MethodPost, "/", test.body, "X-Fc-Invocation-Type", "async", "X-Fc-Async-Delay", test.delay)
			if r.status != test.status || !strings.Contains(r.body, test.code) || test.code == "" && r.body != "" {
				t.Errorf("got %d %s, want %d %s", r.status, r.body, test.status, test.code)
			}
		})
	}
	if n := s.counts(t).Invocations; n != 2 {
		t.Errorf("%d asynchronous invocations, want 2", n)
	}
}

// TestLogTail: the end of one invocation's log, and of no other's.
func TestLogTail(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	for name, ask := range map[string]func(headers ...string) reply{
		"request":    func(headers ...string) reply { return s.get(t, "/", headers...) },
		"invocation": func(headers ...string) reply { return s.invoke(t, `{"do":"error"}`, headers...) },
	} {
		t.Run(name, func(t *testing.T) {
			first := ask()
			if _, ok := first.header["X-Fc-Log-Result"]; ok {
				t.Error("there is a log that nobody asked for")
			}
			r := ask("X-Fc-Log-Type", "Tail")
			tail, err := base64.StdEncoding.DecodeString(r.header.Get("X-Fc-Log-Result"))
			id := r.header.Get("X-Fc-Request-Id")
			if err != nil || !strings.HasPrefix(string(tail), "FC Invoke Start RequestId: "+id) || !strings.Contains(string(tail), "FC Invoke End RequestId: "+id) ||
				strings.Contains(string(tail), first.header.Get("X-Fc-Request-Id")) {
				t.Errorf("got %q, %v", tail, err)
			}
		})
	}
	var long logBuffer
	tail := &logTail{to: &long}
	for range 2 {
		tail.Write([]byte(strings.Repeat("x", maxLogTail) + "\n"))
	}
	tail.Write([]byte("FC Invoke End RequestId: 1-long\n"))
	if got := tail.of("1-long"); len(got) != maxLogTail || !strings.HasSuffix(string(got), "x\nFC Invoke End RequestId: 1-long\n") || len(long.String()) < 2*maxLogTail {
		t.Errorf("got %d bytes of %d", len(got), len(long.String()))
	}
}
