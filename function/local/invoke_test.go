package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestInvokeFunction(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	for _, payload := range []string{`{"a":1}`, `["no object"]`} {
		if r := s.invokeSigned(t, "status", payload); r.status != http.StatusOK || r.body != payload && !strings.Contains(r.body, "errorMessage") {
			t.Errorf("got %+v", r)
		}
	}
	if r := s.invokeSigned(t, "status", `{"a":1}`, "X-Fc-Invocation-Type", "Async"); r.status != http.StatusAccepted || r.body != "" || r.header.Get("X-Fc-Request-Id") == "" {
		t.Errorf("asynchronous: got %+v", r)
	}
	if n := s.counts(t).Invocations; n != 1 {
		t.Errorf("%d asynchronous invocations are counted, want 1", n)
	}
	if r := do(t, http.MethodPost, s.consoleURL+"/invoke", `{"a":1}`); r.body != `{"a":1}` {
		t.Errorf("unsigned, at /invoke: got %+v", r)
	}
}

func TestInvokeFunctionRefuses(t *testing.T) {
	s := start(t, options{binary: noFunction})
	used, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}
	wrongSecret := used
	wrongSecret.Secret += "x"
	for _, test := range []struct {
		name   string
		make   func() *http.Request
		status int
		code   string
	}{
		{"unsigned", func() *http.Request {
			request, _ := http.NewRequest(http.MethodPost, s.consoleURL+"/2023-03-30/functions/status/invocations", strings.NewReader("{}"))
			return request
		}, 400, "IncompleteSignature"},
		{"wrong secret", func() *http.Request {
			return signInvoke(t, s.consoleURL, "status", "{}", wrongSecret, time.Now())
		}, 400, "SignatureDoesNotMatch"},
		{"stale", func() *http.Request {
			return signInvoke(t, s.consoleURL, "status", "{}", used, time.Now().Add(-time.Hour))
		}, 400, "InvalidTimeStamp.Expired"},
		{"another path than the signed one", func() *http.Request {
			request := signInvoke(t, s.consoleURL, "check", "{}", used, time.Now())
			request.URL.Path = strings.Replace(request.URL.Path, "check", "status", 1)
			return request
		}, 400, "SignatureDoesNotMatch"},
		{"another query than the signed one", func() *http.Request {
			request := signInvoke(t, s.consoleURL, "status", "{}", used, time.Now())
			request.URL.RawQuery = "qualifier=LATEST"
			return request
		}, 400, "SignatureDoesNotMatch"},
		{"another action", func() *http.Request {
			request := signInvoke(t, s.consoleURL, "status", "{}", used, time.Now())
			resign(request, used, "x-acs-action", "DeleteFunction")
			return request
		}, 404, "InvalidApi.NotFound"},
		{"another version", func() *http.Request {
			request := signInvoke(t, s.consoleURL, "status", "{}", used, time.Now())
			resign(request, used, "x-acs-version", "2021-04-06")
			return request
		}, 404, "InvalidApi.NotFound"},
		{"another function", func() *http.Request {
			return signInvoke(t, s.consoleURL, "check", "{}", used, time.Now())
		}, 404, "FunctionNotFound"},
		{"a function with a name to escape", func() *http.Request {
			return signInvoke(t, s.consoleURL, "a b+~中", "{}", used, time.Now())
		}, 404, "FunctionNotFound"},
		{"too large", func() *http.Request {
			request := signInvoke(t, s.consoleURL, "status", strings.Repeat(" ", maxAsyncPayload+1), used, time.Now())
			request.Header.Set("X-Fc-Invocation-Type", "Async")
			return request
		}, 413, "RequestEntityTooLarge"},
		{"too late", func() *http.Request {
			request := signInvoke(t, s.consoleURL, "status", "{}", used, time.Now())
			request.Header.Set("X-Fc-Invocation-Type", "Async")
			request.Header.Set("X-Fc-Async-Delay", "3601")
			return request
		}, 400, "InvalidArgument"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := send(t, test.make())
			var body struct{ RequestID, Code, Message string }
			decode(t, r.body, &body)
			if r.status != test.status || body.Code != test.code || body.Message == "" || body.RequestID == "" || body.RequestID != r.header.Get("X-Fc-Request-Id") {
				t.Errorf("got %d %s, want %d %s", r.status, r.body, test.status, test.code)
			}
		})
	}
	if n := s.counts(t).Invocations; n != 0 {
		t.Errorf("%d invocations are counted of calls refused", n)
	}
	t.Run("twice", func(t *testing.T) {
		first := signInvoke(t, s.consoleURL, "check", "{}", used, time.Now())
		again := first.Clone(t.Context())
		again.Body, _ = first.GetBody()
		send(t, first)
		if r := send(t, again); !strings.Contains(r.body, "SignatureNonceUsed") {
			t.Errorf("got %+v", r)
		}
	})
}

// resign changes a signed header and signs anew.
func resign(request *http.Request, used key, name, value string) {
	var headers [][2]string
	for _, signed := range []string{"content-type", "host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-security-token", "x-acs-signature-nonce", "x-acs-version"} {
		header := [2]string{signed, request.Header.Get(signed)}
		if signed == name {
			header[1] = value
		}
		headers = append(headers, header)
	}
	signACS3(request, used, request.URL.EscapedPath(), "", headers, request.Header.Get("x-acs-content-sha256"))
}

func TestRights(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	s.setRight(t, "deny=fc:InvokeFunction")
	r := s.invokeSigned(t, "status", "{}", "X-Fc-Invocation-Type", "Async")
	if r.status != http.StatusForbidden || !strings.Contains(r.body, `"Code":"AccessDenied"`) || !strings.Contains(r.body, "fc:InvokeFunction") {
		t.Errorf("got %+v", r)
	}
	if r := s.order(t, http.MethodGet, "/rights", ""); !strings.Contains(r.body, `"fc:InvokeFunction":false`) {
		t.Errorf("got %s", r.body)
	}
	s.setRight(t, "allow=fc:InvokeFunction")
	if r := s.invokeSigned(t, "status", "{}"); r.status != http.StatusOK {
		t.Errorf("allowed again: got %+v", r)
	}
	for _, query := range []string{"", "deny=fc:DeleteFunction", "allow=fc:InvokeFunction&deny=fc:InvokeFunction"} {
		if r := do(t, http.MethodPost, s.consoleURL+"/rights?"+query, ""); r.status != http.StatusBadRequest {
			t.Errorf("%q: got %+v", query, r)
		}
	}
}

// TestDelay begins an invocation when a clock set by hand says so.
func TestDelay(t *testing.T) {
	asked, due := make(chan time.Duration, 1), make(chan time.Time)
	s := start(t, options{binary: echo(t), after: func(d time.Duration) <-chan time.Time {
		asked <- d
		return due
	}})
	r := s.invokeSigned(t, "status", `{"do":"error"}`, "X-Fc-Invocation-Type", "Async", "X-Fc-Async-Delay", "3600")
	if r.status != http.StatusAccepted {
		t.Fatalf("got %+v", r)
	}
	if d := <-asked; d != time.Hour {
		t.Errorf("it waits for %v", d)
	}
	if strings.Contains(s.log.String(), "as ordered") {
		t.Error("it ran at once")
	}
	due <- time.Now()
	eventually(t, "the function runs", func() bool { return strings.Contains(s.log.String(), "as ordered") })

	// What still waits when all is shut down does not hold it up.
	s.invokeSigned(t, "status", `{"do":"error"}`, "X-Fc-Invocation-Type", "Async", "X-Fc-Async-Delay", "60")
	<-asked
	s.Close()
}
