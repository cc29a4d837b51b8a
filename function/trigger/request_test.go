package trigger_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"taskstatus/function/trigger"
)

// An event is what FC makes of an HTTP request.
type event struct {
	Method, Path, ContextPath, Body string
	Base64                          bool
	Headers, Query                  map[string]string
}

func (e event) encode(t testing.TB) []byte {
	t.Helper()
	body := e.Body
	if e.Base64 {
		body = base64.StdEncoding.EncodeToString([]byte(body))
	}
	data, err := json.Marshal(map[string]any{
		"version": "v1", "rawPath": e.Path, "body": body, "isBase64Encoded": e.Base64,
		"headers": e.Headers, "queryParameters": e.Query,
		"requestContext": map[string]any{
			"domainName": "tasks.example.com", "requestId": "1-event",
			"http": map[string]string{"method": e.Method, "path": e.ContextPath, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRequest(t *testing.T) {
	type request struct {
		method, uri, path, query, host, proto, remote, body string
		header                                              http.Header
	}
	tests := []struct {
		file string
		want request
	}{
		{"http-documented.json", request{
			method: "GET", uri: "/example?parameter1=value1&parameter2=value1%2Cvalue2", path: "/example",
			query: "parameter1=value1&parameter2=value1%2Cvalue2", host: "trigger-id.cn-hangzhou.fcapp.run",
			proto: "HTTP/1.1", remote: "11.11.11.11:0", body: "Hello FC!",
			header: http.Header{"Header1": {"value1"}, "Header2": {"value1,value2"}},
		}},
		{"http-empty-request-id.json", request{
			method: "POST", uri: "/2023-03-30/functions/status/invocations", path: "/2023-03-30/functions/status/invocations",
			host: "143.cn-huhehaote.fc.aliyuncs.com", proto: "HTTP/1.1", remote: "192.0.2.5:0", body: `{"taskId":"t-shfqw1u1edszvxw5abcd"}`,
			header: http.Header{
				"Accept": {"application/json"}, "Connection": {"keep-alive"},
				"Content-Type": {"application/octet-stream"}, "X-Acs-Action": {"InvokeFunction"},
			},
		}},
		{"http-base64-body.json", request{
			method: "POST", uri: "/chat/slack", path: "/chat/slack", host: "tasks.example.com", proto: "HTTP/1.1", remote: "[2001:db8::7]:0",
			body:   "\x00\xff\xfe\x89PNG",
			header: http.Header{"Content-Type": {"application/octet-stream"}, "Content-Length": {"7"}},
		}},
		{"http-comma-query.json", request{
			method: "GET", uri: "/tasks?flag=&id=t-aaaaaa%2Ct-bbbbbb&q=a+b%26c%3Dd%2F%C3%BC&wait=20", path: "/tasks",
			query: "flag=&id=t-aaaaaa%2Ct-bbbbbb&q=a+b%26c%3Dd%2F%C3%BC&wait=20", host: "tasks.example.com",
			proto: "HTTP/1.1", remote: "192.0.2.1:0", header: http.Header{"Accept": {"text/html,application/json;q=0.9"}},
		}},
		{"http-encoded-path.json", request{
			method: "GET", uri: "//evil.example/a%2Fb%3Fc/%E4%BB%BB", path: "//evil.example/a/b?c/任", host: "tasks.example.com",
			proto: "HTTP/2.0", remote: "192.0.2.1:0", header: http.Header{},
		}},
		{"http-loose-types.json", request{
			method: "GET", uri: "/tasks/a%20b?id=t-aaaaaa%2Ct-bbbbbb&wait=20", path: "/tasks/a b",
			query: "id=t-aaaaaa%2Ct-bbbbbb&wait=20", proto: "HTTP/1.1", remote: ":0",
			header: http.Header{"Accept": {"text/html,application/json"}, "Age": {"3"}, "Dnt": {"true"}, "Empty": {""}},
		}},
		{"http-bare.json", request{method: "GET", uri: "/", path: "/", proto: "HTTP/1.1", remote: ":0", header: http.Header{}}},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			r := newRecorder()
			ctx := fccontext.NewContext(t.Context(), &fccontext.FcContext{RequestID: "1-fc"})
			if _, err := r.Invoke(ctx, read(t, test.file)); err != nil {
				t.Fatal(err)
			}
			req := r.only(t).(*http.Request)
			body, err := io.ReadAll(req.Body)
			if err != nil {
				t.Fatal(err)
			}
			got := request{
				method: req.Method, uri: req.RequestURI, path: req.URL.Path, query: req.URL.RawQuery, host: req.Host,
				proto: req.Proto, remote: req.RemoteAddr, body: string(body), header: maps.Clone(req.Header),
			}
			test.want.header["X-Fc-Request-Id"] = []string{"1-fc"}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			if req.ContentLength != int64(len(body)) {
				t.Errorf("ContentLength = %d, the body has %d bytes", req.ContentLength, len(body))
			}
			if (len(body) == 0) != (req.Body == http.NoBody) {
				t.Errorf("body of %d bytes is %T", len(body), req.Body)
			}
			if !req.ProtoAtLeast(1, 1) {
				t.Errorf("version %d.%d", req.ProtoMajor, req.ProtoMinor)
			}
		})
	}
}

func TestRequestHeaders(t *testing.T) {
	tests := []struct {
		name string
		in   map[string]string
		want http.Header
		host string
	}{
		{
			name: "forged FC headers",
			in: map[string]string{
				"X-Fc-Request-Id": "forged", "x-fc-request-id": "forged", "X-FC-ACCESS-KEY-ID": "forged",
				"x-Fc-security-token": "forged", "X-Fc-": "forged", "X-Fc-\u00e9": "forged", "X-Fcx": "kept",
			},
			want: http.Header{"X-Fcx": {"kept"}},
			host: "tasks.example.com",
		},
		{
			name: "names that differ in letter case",
			in:   map[string]string{"authorization": "b", "Authorization": "a", "AUTHORIZATION": "c"},
			want: http.Header{"Authorization": {"a", "b", "c"}},
			host: "tasks.example.com",
		},
		{
			name: "host in lower case",
			in:   map[string]string{"host": "other.example", "Cookie": "a=1; b=2"},
			want: http.Header{"Cookie": {"a=1; b=2"}},
			host: "other.example",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRecorder()
			if _, err := r.Invoke(t.Context(), event{Path: "/", Headers: test.in}.encode(t)); err != nil {
				t.Fatal(err)
			}
			req := r.only(t).(*http.Request)
			test.want["X-Fc-Request-Id"] = []string{"1-event"}
			if !reflect.DeepEqual(req.Header, test.want) {
				t.Errorf("header %v, want %v", req.Header, test.want)
			}
			if req.Host != test.host {
				t.Errorf("host %q, want %q", req.Host, test.host)
			}
		})
	}
}

func TestRequestIDIsNeverEmpty(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		r := newRecorder()
		ctx := fccontext.NewContext(t.Context(), &fccontext.FcContext{})
		if _, err := r.Invoke(ctx, read(t, "http-empty-request-id.json")); err != nil {
			t.Fatal(err)
		}
		seen[r.only(t).(*http.Request).Header.Get("X-Fc-Request-Id")] = true
	}
	if len(seen) != 2 || seen[""] {
		t.Errorf("request ids %v, want two different ones", seen)
	}
}

func TestMalformedHTTPEvent(t *testing.T) {
	tests := []struct{ name, event, detail string }{
		{"body of a wrong type", `{"version":"v1","body":{"taskId":"t-aaaaaa"}}`, `"body" cannot be of type object`},
		{"flag of a wrong type", `{"version":"v1","isBase64Encoded":"true"}`, `"isBase64Encoded" cannot be of type string`},
		{"headers of a wrong type", `{"headers":[{"a":"b"}],"version":"v1"}`, `"headers" cannot be of type array`},
		{"header of a wrong type", `{"headers":{"a":{"b":"c"}},"version":"v1"}`, "a header or query parameter is neither text nor a list of texts"},
		{"parameter of a wrong type", `{"version":"v1","queryParameters":{"a":[["b"]]}}`, "a header or query parameter is neither text nor a list of texts"},
		{"context of a wrong type", `{"version":"v1","requestContext":"x"}`, `"requestContext" cannot be of type string`},
		{"method of a wrong type", `{"version":"v1","requestContext":{"http":{"method":7}}}`, `"requestContext.http.method" cannot be of type number`},
		{"body that is not base64", `{"version":"v1","isBase64Encoded":true,"body":"%"}`, "the request's body is not the base64 that the event says it is"},
		{"path with a broken escape", `{"version":"v1","rawPath":"/%zz"}`, "the request's path is not a URL path"},
		{"path with a control character", `{"version":"v1","rawPath":"/\u0000"}`, "the request's path is not a URL path"},
		{"path without a slash", `{"version":"v1","rawPath":"tasks"}`, "the request's path is not a URL path"},
		{"path that is a URL", `{"version":"v1","rawPath":"http://evil.example/"}`, "the request's path is not a URL path"},
		{"asterisk", `{"version":"v1","rawPath":"*"}`, "the request's path is not a URL path"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRecorder()
			ctx := fccontext.NewContext(t.Context(), &fccontext.FcContext{RequestID: "1-fc"})
			result, err := r.Invoke(ctx, []byte(test.event))
			if err != nil {
				t.Fatal(err)
			}
			if len(r.got) != 0 {
				t.Errorf("reached a handler: %+v", r.got)
			}
			a := parseAnswer(t, result)
			var problem struct{ Type, Title, Detail, RequestID string }
			if err := json.Unmarshal([]byte(*a.Body), &problem); err != nil {
				t.Fatal(err)
			}
			if *a.StatusCode != 400 || a.Headers["Content-Type"] != "application/problem+json" ||
				problem.Type != "/problems/invalid" || problem.RequestID != "1-fc" || problem.Detail != test.detail {
				t.Errorf("got %s, want a 400 problem with detail %q", result, test.detail)
			}
			if r.logRecords() != 1 || strings.Contains(r.log.String(), "evil") {
				t.Errorf("want one log record without values, got:\n%s", &r.log)
			}
		})
	}
}

// TestOversizedHTTPEvent: of what is too large for anybody here nothing is copied,
// and whoever sent it learns why.
func TestOversizedHTTPEvent(t *testing.T) {
	for _, test := range []struct {
		name, body string
		status     int
	}{
		{"as large as anything that is taken", strings.Repeat("\x01", 64<<10), 200},
		{"too large", strings.Repeat("x", 512<<10), 413},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &trigger.Function{
				HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }),
				Log:  slog.New(slog.DiscardHandler),
			}
			result, err := invoke(t.Context(), f, event{Method: "POST", Path: "/tasks", Body: test.body}.encode(t))
			if want := fmt.Sprintf(`{"statusCode":%d,`, test.status); err != nil || !strings.HasPrefix(string(result), want) {
				t.Errorf("got %.200s, %v; want %s", result, err, want)
			}
			if why := strings.Contains(string(result), "/problems/too-large") && strings.Contains(string(result), "at most 64 KB"); why != (test.status == 413) {
				t.Errorf("it does not say why: %.300s", result)
			}
		})
	}
}
