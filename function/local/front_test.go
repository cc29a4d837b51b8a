package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestEvent(t *testing.T) {
	c := newClock(time.Date(2026, 11, 23, 10, 0, 0, 123_000_000, time.UTC))
	s := start(t, options{binary: echo(t), now: c.Now, rotate: time.Hour})
	host := strings.TrimPrefix(s.frontURL, "http://")
	for _, test := range []struct {
		name, method, path, body string
		headers                  []string
		want                     func(e *httpEvent) // changes what every event holds
	}{
		{name: "plain", method: "GET", path: "/", want: func(e *httpEvent) {}},
		{name: "post", method: "POST", path: "/chat/slack", body: "text=task%20t-1", headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, want: func(e *httpEvent) {
			e.RawPath, e.RequestContext.HTTP.Path = "/chat/slack", "/chat/slack"
			e.Body = "text=task%20t-1"
			e.Headers["Content-Type"] = "application/x-www-form-urlencoded"
			e.Headers["Content-Length"] = "15"
		}},
		{name: "encoded path", method: "GET", path: "/a%2Fb/%E4%B8%AD%20x//y/../z", want: func(e *httpEvent) {
			e.RawPath = "/a%2Fb/%E4%B8%AD%20x//y/../z"
			e.RequestContext.HTTP.Path = "/a/b/中 x//y/../z"
		}},
		{name: "query", method: "GET", path: "/tasks?id=t-1,t-2&id=t-3&q=a+b%26c&empty", want: func(e *httpEvent) {
			e.RawPath, e.RequestContext.HTTP.Path = "/tasks", "/tasks"
			e.QueryParameters = map[string]string{"id": "t-1,t-2,t-3", "q": "a b&c", "empty": ""}
		}},
		{name: "headers", method: "GET", path: "/", headers: []string{"accept", "text/html", "ACCEPT", "*/*", "x-one", "1"}, want: func(e *httpEvent) {
			e.Headers["Accept"] = "text/html,*/*"
			e.Headers["X-One"] = "1"
		}},
		{name: "dropped headers", method: "GET", path: "/", headers: []string{"X-Fc-Invocation-Type", "Sync", "x-fc-request-id", "1", "Keep-Alive", "timeout=5", "Connection", "close"}, want: func(e *httpEvent) {}},
		{name: "user agent", method: "OPTIONS", path: "/", headers: []string{"User-Agent", "curl/8"}, want: func(e *httpEvent) {
			e.Headers["User-Agent"] = "curl/8"
			e.RequestContext.HTTP.UserAgent = "curl/8"
		}},
		{name: "binary body", method: "POST", path: "/", body: "\xff\x00{", want: func(e *httpEvent) {
			e.Body = base64.StdEncoding.EncodeToString([]byte("\xff\x00{"))
			e.IsBase64Encoded = true
			e.Headers["Content-Length"] = "3"
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := httpEvent{
				Version: "v1", RawPath: "/",
				Headers:         map[string]string{"Host": host, "User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"},
				QueryParameters: map[string]string{},
				RequestContext: requestContext{
					AccountID: accountID, DomainName: "127.0.0.1", DomainPrefix: "127",
					HTTP: httpContext{Method: test.method, Path: "/", Protocol: "HTTP/1.1", SourceIP: "127.0.0.1", UserAgent: "Go-http-client/1.1"},
					Time: "2026-11-23T10:00:00Z", TimeEpoch: "1795428000123",
				},
			}
			test.want(&want)
			r := s.send(t, test.method, test.path, test.body, test.headers...)
			want.RequestContext.RequestID = r.header.Get("X-Fc-Request-Id")
			if want.RequestContext.RequestID == "" {
				t.Error("the response has no request id")
			}
			wanted, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.body; r.status != http.StatusOK || got != string(wanted) {
				t.Errorf("got %d\n%s\nwant\n%s", r.status, got, wanted)
			}
		})
	}
}

func TestRequestLimits(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	// What Go's client adds by itself counts as well.
	own := len("Host") + len(s.frontURL) - len("http://") + len("User-Agent") + len("Go-http-client/1.1") + len("Accept-Encoding") + len("gzip") +
		len("Connection") + len("close")
	for _, test := range []struct {
		name, method, path string
		header, body       int // bytes of one
		status             int
		code               string
	}{
		{name: "8 KB of headers", method: "GET", path: "/", header: maxRequestHeaders - own - len("X-Long"), status: 200},
		{name: "a byte more of headers", method: "GET", path: "/", header: maxRequestHeaders - own - len("X-Long") + 1, status: 400, code: "InvalidArgument"},
		{name: "4 KB of path", method: "GET", path: "/?" + strings.Repeat("a", maxRequestPath-2), status: 200},
		{name: "a byte more of path", method: "GET", path: "/?" + strings.Repeat("a", maxRequestPath-1), status: 400, code: "InvalidArgument"},
		{name: "more than 32 MB of body", method: "POST", path: "/", body: maxRequestBody + 1, status: 413, code: "RequestEntityTooLarge"},
		{name: "PUT", method: "PUT", path: "/", status: 403, code: "AccessDenied"},
		{name: "DELETE", method: "DELETE", path: "/", status: 403, code: "AccessDenied"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			if test.header > 0 {
				headers = []string{"X-Long", strings.Repeat("x", test.header)}
			}
			r := s.send(t, test.method, test.path, strings.Repeat("x", test.body), headers...)
			if r.status != test.status {
				t.Fatalf("got %d %.200s", r.status, r.body)
			}
			if test.code == "" {
				return
			}
			var refusal struct{ RequestID, Code, Message string }
			decode(t, r.body, &refusal)
			if refusal.Code != test.code || refusal.Message == "" || refusal.RequestID != r.header.Get("X-Fc-Request-Id") {
				t.Errorf("got %s, want %s", r.body, test.code)
			}
		})
	}
}

func TestResponse(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	answer := func(answer string) string { return `{"do":"answer","answer":` + answer + `}` }
	headersOf := func(size int) string {
		return fmt.Sprintf(`{"statusCode":200,"headers":{"X-Long":%q},"isBase64Encoded":false,"body":""}`, strings.Repeat("x", size-len("X-Long")))
	}
	const unsaid = "\x00" // a header that must not be there
	for _, test := range []struct {
		name, body string
		status     int
		want       string
		headers    map[string]string
	}{
		{
			"plain", answer(`{"statusCode":201,"headers":{"Content-Type":"text/plain","x-lower":"1"},"isBase64Encoded":false,"body":"<é>"}`),
			201, "<é>", map[string]string{"Content-Type": "text/plain", "X-Lower": "1", "Content-Length": "4"},
		},
		{
			"base64", answer(`{"statusCode":200,"headers":{"Content-Type":"image/png"},"isBase64Encoded":true,"body":"/wA="}`),
			200, "\xff\x00", map[string]string{"Content-Type": "image/png"},
		},
		{
			"no content type", answer(`{"statusCode":200,"headers":{},"isBase64Encoded":false,"body":"<html>"}`),
			200, "<html>", map[string]string{"Content-Type": unsaid},
		},
		{
			"forbidden headers", answer(`{"statusCode":200,"headers":{"x-fc-error-type":"x","X-FC-Request-Id":"mine","Connection":"close","Content-Length":"99",
				"Date":"never","Keep-Alive":"1","Server":"mine","Content-Disposition":"attachment; filename=x"},"isBase64Encoded":false,"body":"abc"}`),
			200, "abc", map[string]string{"X-Fc-Error-Type": unsaid, "Keep-Alive": unsaid, "Server": unsaid, "Content-Disposition": unsaid, "Content-Length": "3"},
		},
		{
			"inline disposition", answer(`{"statusCode":200,"headers":{"Content-Disposition":"inline"},"isBase64Encoded":false,"body":""}`),
			200, "", map[string]string{"Content-Disposition": "inline"},
		},
		{
			"304", answer(`{"statusCode":304,"headers":{"ETag":"W/\"1\""},"isBase64Encoded":false,"body":""}`),
			304, "", map[string]string{"Etag": `W/"1"`},
		},
		{"8 KB of headers", answer(headersOf(maxResponseHeaders)), 200, "", nil},
		{"a byte more of headers", answer(headersOf(maxResponseHeaders + 1)), 502, "BadResponse", nil},
		{"a string", answer(`"hello"`), 502, "BadResponse", nil},
		{"null", answer(`null`), 502, "BadResponse", nil},
		{"no status", answer(`{"headers":{},"isBase64Encoded":false,"body":""}`), 502, "BadResponse", nil},
		{"status as text", answer(`{"statusCode":"200","headers":{},"isBase64Encoded":false,"body":""}`), 502, "BadResponse", nil},
		{"status of no response", answer(`{"statusCode":101,"headers":{},"isBase64Encoded":false,"body":""}`), 502, "BadResponse", nil},
		{"null headers", answer(`{"statusCode":200,"headers":null,"isBase64Encoded":false,"body":""}`), 502, "BadResponse", nil},
		{"several values", answer(`{"statusCode":200,"headers":{"Set-Cookie":["a","b"]},"isBase64Encoded":false,"body":""}`), 502, "BadResponse", nil},
		{"no isBase64Encoded", answer(`{"statusCode":200,"headers":{},"body":""}`), 502, "BadResponse", nil},
		{"no body", answer(`{"statusCode":200,"headers":{},"isBase64Encoded":false}`), 502, "BadResponse", nil},
		{"bad base64", answer(`{"statusCode":200,"headers":{},"isBase64Encoded":true,"body":"!"}`), 502, "BadResponse", nil},
		{"header injection", answer(`{"statusCode":200,"headers":{"X-A":"1\r\nSet-Cookie: x"},"isBase64Encoded":false,"body":""}`), 502, "BadResponse", nil},
		{"bad header name", answer(`{"statusCode":200,"headers":{"X A":"1"},"isBase64Encoded":false,"body":""}`), 502, "BadResponse", nil},
		{"function error", `{"do":"error"}`, 502, "as ordered", map[string]string{"X-Fc-Error-Type": "UnhandledInvocationError"}},
		{"function exit", `{"do":"exit"}`, 502, "Process exited unexpectedly before completing request", map[string]string{"X-Fc-Error-Type": "UnhandledInvocationError"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := s.send(t, http.MethodPost, "/", test.body)
			if r.status != test.status {
				t.Fatalf("got %d %s", r.status, r.body)
			}
			if test.status == http.StatusBadGateway && !strings.Contains(r.body, test.want) || test.status != http.StatusBadGateway && r.body != test.want {
				t.Errorf("got %q, want %q", r.body, test.want)
			}
			for name, want := range test.headers {
				if got, ok := r.header[name]; want == unsaid && ok || want != unsaid && r.header.Get(name) != want {
					t.Errorf("%s: got %q", name, got)
				}
			}
			if id := r.header.Get("X-Fc-Request-Id"); !strings.HasPrefix(id, "1-") {
				t.Errorf("got the request id %q", id)
			}
		})
	}

	t.Run("HEAD", func(t *testing.T) {
		if r := s.send(t, http.MethodHead, "/", ""); r.status != http.StatusOK || r.body != "" {
			t.Errorf("got %d %q", r.status, r.body)
		}
	})
}
