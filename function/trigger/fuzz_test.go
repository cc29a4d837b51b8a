package trigger_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"taskstatus/function/trigger"
)

// Whatever comes, the answer is JSON or an error that may be shown, never both,
// never a panic, and at most one handler is asked.
func FuzzInvoke(f *testing.F) {
	files, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file.Name(), ".json") {
			f.Add(read(f, file.Name()))
		}
	}
	for _, seed := range []string{
		"", "null", "[]", "[null]", `""`, `{"version":"v1"}`, `{"version":"v1","headers":{"a":[{}]}}`, `{"VERSION":"v1","rawPath":"/?#%25"}`,
		`[[[[[]]]]]`, `{"specversion":0}`, `{"taskIds":[null]}`, `{"taskId":"t-aaaaaa","wait":1e308}`, `{"version":"v1","requestContext":{"http":null}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newRecorder()
		result, err := r.Invoke(t.Context(), data)
		if len(r.got) > 1 {
			t.Fatalf("%d handlers were asked", len(r.got))
		}
		if r.logRecords() != 1 || strings.Contains(r.log.String(), "panic: ") {
			t.Fatalf("want one log record, and no panic: %s", &r.log)
		}
		if err != nil {
			if _, ok := errors.AsType[trigger.InvocationError](err); !ok || result != nil {
				t.Fatalf("got %s and %T %v", result, err, err)
			}
			if strings.Contains(err.Error(), "internal error") || !utf8.ValidString(err.Error()) {
				t.Fatalf("error %q", err)
			}
			return
		}
		if !json.Valid(result) {
			t.Fatalf("not JSON: %s", result)
		}
		if len(r.got) == 0 {
			if a := parseAnswer(t, result); *a.StatusCode != http.StatusBadRequest {
				t.Fatalf("no handler was asked, status %d", *a.StatusCode)
			}
			return
		}
		switch got := r.got[0].(type) {
		case *http.Request:
			parseAnswer(t, result)
			if !strings.HasPrefix(got.URL.Path, "/") || got.URL.Host != "" || got.Header.Get("X-Fc-Request-Id") == "" {
				t.Fatalf("request %+v", got)
			}
		case []trigger.CloudEvent:
			for _, ev := range got {
				if ev.Data != nil && !json.Valid(ev.Data) {
					t.Fatalf("data %q", ev.Data)
				}
			}
		case trigger.Direct:
			if (len(got.IDs) == 0) != (got.NotifyTest || got.Doctor || got.Ping) || got.Wait < 0 {
				t.Fatalf("direct invocation %+v", got)
			}
		case trigger.Timer:
			if got.Time.IsZero() && !strings.Contains(string(data), "0001-01-01") && got.Payload != string(data) {
				t.Fatalf("timer %+v", got)
			}
		}
	})
}

// What the caller sends is what the handler sees and nothing more, and what
// the handler answers is what the response object holds.
func FuzzHTTP(f *testing.F) {
	f.Add("GET", "/tasks/t-aaaaaa", "id", "a,b", "Accept", "text/html", []byte(nil), false, 200, []byte("<html>"))
	f.Add("POST", "//x/%2F", "a&b", "=", "x-fc-request-id", "forged", []byte("\x00\xff"), true, 404, []byte("\xff"))
	f.Add("head", "/a?b#c", "", "", "host", "evil.example", []byte("{}"), false, 304, []byte("x"))
	f.Add("", "", "version", "v2", "Content-Encoding", "gzip", []byte("任"), false, 204, []byte(""))
	f.Add("GET", "/%", "q", "\xff", "X-A\r\nX-B", "1\r\n2", []byte("\xff"), true, 103, []byte("任"))
	f.Fuzz(func(t *testing.T, method, path, param, value, name, text string, body []byte, encoded bool, status int, reply []byte) {
		for _, s := range []string{method, path, param, value, name, text} {
			if !utf8.ValidString(s) {
				return // JSON carries none of these
			}
		}
		if !encoded && !utf8.Valid(body) {
			return
		}
		ev := event{Method: method, Path: path, Body: string(body), Base64: encoded,
			Headers: map[string]string{name: text}, Query: map[string]string{param: value}}
		var r *http.Request
		a, log := serve(t, func(w http.ResponseWriter, req *http.Request) {
			r = req
			w.Header().Set(name, text)
			w.WriteHeader(status)
			_, _ = w.Write(reply)
		}, ev)
		if r == nil {
			if *a.StatusCode != http.StatusBadRequest || !strings.Contains(log, "the request's path") {
				t.Fatalf("no request, but %d %s", *a.StatusCode, *a.Body)
			}
			return
		}

		if got := r.URL.Query(); len(got) != 1 || got.Get(param) != value {
			t.Errorf("query %v, want %q=%q", got, param, value)
		}
		if again, err := url.ParseRequestURI(r.RequestURI); err != nil || again.Path != r.URL.Path || again.RawQuery != r.URL.RawQuery {
			t.Errorf("RequestURI %q and URL %v disagree", r.RequestURI, r.URL)
		}
		if path == "" {
			path = "/"
		}
		if want, err := url.PathUnescape(path); err != nil || r.URL.Path != want || r.URL.Host != "" {
			t.Errorf("path %q, want %q", r.URL.Path, want)
		}
		if got := r.Header.Values("X-Fc-Request-Id"); len(got) != 1 || got[0] != "1-event" {
			t.Errorf("request id %q", got)
		}
		switch {
		case strings.EqualFold(name, "Host"):
			if text != "" && r.Host != text {
				t.Errorf("host %q, want %q", r.Host, text)
			}
		case len(name) >= 5 && strings.EqualFold(name[:5], "X-Fc-"):
			if len(r.Header) != 1 {
				t.Errorf("header %v", r.Header)
			}
		case r.Header.Get(name) != text || len(r.Header) != 2:
			t.Errorf("header %v, want %q: %q", r.Header, name, text)
		}
		if got, err := io.ReadAll(r.Body); err != nil || string(got) != string(body) || r.ContentLength != int64(len(body)) {
			t.Errorf("body %q of length %d, %v, want %q", got, r.ContentLength, err, body)
		}

		if status < 100 || status > 999 {
			if *a.StatusCode != http.StatusInternalServerError || !strings.Contains(log, "invalid status") {
				t.Errorf("got %d after status %d", *a.StatusCode, status)
			}
			return
		}
		if !strings.Contains(log, `"level":"INFO"`) {
			t.Errorf("logged %s", log)
		}
		want := string(reply)
		switch {
		case status < 200:
			status = http.StatusOK
		case status == http.StatusNoContent, status == http.StatusNotModified:
			want = ""
		}
		if r.Method == http.MethodHead {
			want = ""
		}
		if *a.StatusCode != status || bodyOf(t, a) != want {
			t.Errorf("answer %d %q, want %d %q", *a.StatusCode, *a.Body, status, want)
		}
		for name, value := range a.Headers {
			if strings.ContainsAny(value, "\r\n") || strings.HasPrefix(strings.ToLower(name), "x-fc-") {
				t.Errorf("header %q: %q", name, value)
			}
		}
	})
}
