package trigger_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"taskstatus/function/trigger"
)

func serve(t testing.TB, h http.HandlerFunc, ev event) (answer, string) {
	t.Helper()
	var log bytes.Buffer
	f := &trigger.Function{HTTP: h, Log: slog.New(slog.NewJSONHandler(&log, nil))}
	result, err := invoke(t.Context(), f, ev.encode(t))
	if err != nil {
		t.Fatal(err)
	}
	return parseAnswer(t, result), log.String()
}

func TestResponse(t *testing.T) {
	set := func(name string, values ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.Header()[name] = values }
	}
	write := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
	}
	both := func(first, second http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { first(w, r); second(w, r) }
	}
	type headers = map[string]string
	tests := []struct {
		name    string
		method  string
		handler http.HandlerFunc
		status  int // 0 is 200
		headers headers
		body    string
		base64  bool
	}{
		{name: "nothing", handler: func(http.ResponseWriter, *http.Request) {}, headers: headers{}},
		{name: "HTML found", handler: write("<!DOCTYPE html>"), headers: headers{"Content-Type": "text/html; charset=utf-8"}, body: "<!DOCTYPE html>"},
		{name: "text found", handler: write("任务"), headers: headers{"Content-Type": "text/plain; charset=utf-8"}, body: "任务"},
		{name: "type given", handler: both(set("Content-Type", "text/css"), write("a{}")), headers: headers{"Content-Type": "text/css"}, body: "a{}"},
		{name: "no type wanted", handler: both(set("Content-Type"), write("a")), headers: headers{}, body: "a"},
		{
			name: "not UTF-8", handler: both(set("Content-Type", "image/png"), write("\x89PNG\xff")),
			headers: headers{"Content-Type": "image/png"}, body: "\x89PNG\xff", base64: true,
		},
		{
			name: "long text", handler: both(set("Content-Type", "text/plain"), write(strings.Repeat("任<", 257))),
			headers: headers{"Content-Type": "text/plain"}, body: strings.Repeat("任<", 257), base64: true,
		},
		{
			name: "text just not long", handler: both(set("Content-Type", "text/plain"), write(strings.Repeat("任<", 256))),
			headers: headers{"Content-Type": "text/plain"}, body: strings.Repeat("任<", 256),
		},
		{
			name: "encoded content", handler: both(set("Content-Encoding", "br"), write("looks like text")),
			headers: headers{"Content-Encoding": "br"}, body: "looks like text", base64: true,
		},
		{name: "several values", handler: set("Vary", "Accept", "Cookie"), headers: headers{"Vary": "Accept, Cookie"}},
		{name: "no values", handler: set("Vary"), headers: headers{}},
		{name: "line break in a value", handler: set("Location", "/a\r\nX-Evil: 1"), headers: headers{"Location": "/a  X-Evil: 1"}},
		{
			name: "headers that FC refuses",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				for _, name := range []string{"X-Fc-Request-Id", "Connection", "Content-Length", "Date", "Keep-Alive", "Server"} {
					w.Header().Set(name, "1")
				}
				w.Header()["x-fc-error-type"] = []string{"lower case"}
				w.Header()["server"] = []string{"lower case"}
				w.Header().Set("Content-Disposition", "Attachment; filename=x")
				w.Header().Set("X-Fine", "1")
			},
			headers: headers{"X-Fine": "1"},
		},
		{name: "inline disposition", handler: set("Content-Disposition", "inline"), headers: headers{"Content-Disposition": "inline"}},
		{name: "HEAD", method: "HEAD", handler: write("<html>"), headers: headers{"Content-Type": "text/html; charset=utf-8"}},
		{name: "HEAD of binary", method: "HEAD", handler: write("\xff"), headers: headers{"Content-Type": "text/plain; charset=utf-8"}},
		{
			name: "headers too late",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Early", "1")
				w.WriteHeader(http.StatusTeapot)
				w.Header().Set("X-Early", "2")
				w.Header().Set("X-Late", "1")
				w.WriteHeader(http.StatusOK)
				w.WriteHeader(0)
			},
			status: http.StatusTeapot, headers: headers{"X-Early": "1"},
		},
		{
			name: "headers after the body",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write(nil)
				w.Header().Set("X-Late", "1")
			},
			headers: headers{},
		},
		{
			name: "informational status",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusEarlyHints)
				w.Header().Set("X-After", "1")
				w.WriteHeader(http.StatusAccepted)
			},
			status: http.StatusAccepted, headers: headers{"X-After": "1"},
		},
		{
			name: "no content",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNoContent)
				if n, err := w.Write([]byte("x")); n != 0 || !errors.Is(err, http.ErrBodyNotAllowed) {
					panic(fmt.Sprint(n, err))
				}
			},
			status: http.StatusNoContent, headers: headers{},
		},
		{
			name: "not modified",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Etag", `W/"1"`)
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(http.StatusNotModified)
				_, _ = w.Write([]byte("x"))
			},
			status: http.StatusNotModified, headers: headers{"Etag": `W/"1"`},
		},
		{
			name: "response controller",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				c := http.NewResponseController(w)
				_, _, hijack := c.Hijack()
				for _, err := range []error{c.Flush(), c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}), c.EnableFullDuplex(), hijack} {
					if !errors.Is(err, http.ErrNotSupported) {
						panic(err)
					}
				}
			},
			headers: headers{},
		},
		{name: "redirect", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			http.Redirect(w, r, "/tasks/t-aaaaaa", http.StatusSeeOther)
		}, status: http.StatusSeeOther, headers: headers{"Content-Type": "text/html", "Location": "/tasks/t-aaaaaa"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, log := serve(t, test.handler, event{Method: test.method, Path: "/"})
			if test.status == 0 {
				test.status = http.StatusOK
			}
			if *a.StatusCode != test.status {
				t.Errorf("status %d, want %d; log: %s", *a.StatusCode, test.status, log)
			}
			if !maps.Equal(a.Headers, test.headers) {
				t.Errorf("headers %q, want %q", a.Headers, test.headers)
			}
			if *a.IsBase64Encoded != test.base64 || bodyOf(t, a) != test.body {
				t.Errorf("body %q, base64 %v, want %q, %v", *a.Body, *a.IsBase64Encoded, test.body, test.base64)
			}
			if !strings.Contains(log, `"level":"INFO"`) {
				t.Errorf("logged %s", log)
			}
		})
	}
}

func bodyOf(t testing.TB, a answer) string {
	t.Helper()
	if !*a.IsBase64Encoded {
		return *a.Body
	}
	body, err := base64.StdEncoding.DecodeString(*a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestResponseCarriesOneCookie(t *testing.T) {
	a, log := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "secret-1"})
		http.SetCookie(w, &http.Cookie{Name: "other", Value: "secret-2"})
	}, event{Path: "/"})
	if a.Headers["Set-Cookie"] != "session=secret-1" {
		t.Errorf("cookie %q", a.Headers["Set-Cookie"])
	}
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, `"level":"WARN"`) || strings.Contains(log, "secret") {
		t.Errorf("want one warning without the cookies, got: %s", log)
	}
}

func TestInvalidStatusIsAnInternalError(t *testing.T) {
	for _, status := range []int{-1, 0, 99, 1000} {
		a, log := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }, event{Path: "/"})
		if *a.StatusCode != 500 || !strings.Contains(log, fmt.Sprintf("invalid status %d", status)) {
			t.Errorf("status %d: got %d; log: %s", status, *a.StatusCode, log)
		}
	}
}

// The same handler gives the same answer through FC and through net/http's own server.
func TestRoundTrip(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /echo/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s|%s|%s|%s|%s|%s", r.Method, r.PathValue("rest"), r.URL.EscapedPath(), r.URL.Query().Encode(), r.Header.Get("X-In"), r.Proto)
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		w.WriteHeader(http.StatusCreated)
		_, _ = io.Copy(w, r.Body)
	})
	mux.HandleFunc("POST /form", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.FormValue("a"), "|", r.FormValue("b"))
	})
	mux.HandleFunc("POST /limited", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4)); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		}
	})
	mux.HandleFunc("GET /parts", func(w http.ResponseWriter, _ *http.Request) {
		for _, part := range []string{"<ht", "ml>", "</html>"} {
			_, _ = io.WriteString(w, part)
		}
	})
	mux.HandleFunc("GET /binary", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x1f\x8b\x08\x00\xff")) })
	mux.HandleFunc("GET /large", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("<任务>&\u2028", 10_000))
	})
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "style.css", time.Unix(1_700_000_000, 0), strings.NewReader("body{color:red}"))
	})
	mux.Handle("GET /moved", http.RedirectHandler("/echo/there", http.StatusMovedPermanently))
	mux.HandleFunc("GET /host", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+"|"+r.Header.Get("Host"))
	})
	mux.HandleFunc("GET /status/{code}", func(w http.ResponseWriter, r *http.Request) {
		var code int
		_, _ = fmt.Sscan(r.PathValue("code"), &code)
		w.Header().Set("Vary", "Accept")
		w.Header().Add("Vary", "Cookie")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "body")
	})

	server := httptest.NewServer(mux)
	defer server.Close()
	client := &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	tests := []event{
		{Path: "/echo/a"},
		{Path: "/echo/a%2Fb%20c"},
		{Path: "/echo/%E4%BB%BB", Query: map[string]string{"q": "任 务&=+%", "empty": "", "a": "1,2"}},
		{Path: "/echo/", Headers: map[string]string{"X-In": "one, two"}},
		{Path: "/echo/a//b"},
		{Path: "/echo/../echo/a"},
		{Path: "//echo/a"},
		{Path: "/missing"},
		{Path: "/echo", Method: "DELETE"},
		{Path: "/echo", Method: "POST", Body: "任务 <&>"},
		{Path: "/echo", Method: "POST", Body: "\x00\xff", Base64: true},
		{Path: "/echo", Method: "POST"},
		{Path: "/form", Method: "POST", Body: "a=1&b=%2B", Query: map[string]string{"b": "no"}, Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
		{Path: "/limited", Method: "POST", Body: "12345"},
		{Path: "/parts"},
		{Path: "/parts", Method: "HEAD"},
		{Path: "/binary"},
		{Path: "/large"},
		{Path: "/file"},
		{Path: "/file", Headers: map[string]string{"If-Modified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"}},
		{Path: "/file", Headers: map[string]string{"Range": "bytes=2-5"}},
		{Path: "/file", Method: "HEAD"},
		{Path: "/moved"},
		{Path: "/host", Headers: map[string]string{"Host": "tasks.example.com"}},
		{Path: "/status/200"},
		{Path: "/status/204"},
		{Path: "/status/304"},
		{Path: "/status/404"},
		{Path: "/status/503"},
		{Path: "/status/599", Method: "HEAD"},
	}
	for _, ev := range tests {
		t.Run(ev.Method+" "+ev.Path, func(t *testing.T) {
			query := url.Values{}
			for name, value := range ev.Query {
				query.Set(name, value)
			}
			// By hand, because a client would clean the path.
			req, err := http.NewRequestWithContext(t.Context(), ev.Method, server.URL, strings.NewReader(ev.Body))
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Path, err = url.PathUnescape(ev.Path)
			if err != nil {
				t.Fatal(err)
			}
			req.URL.RawPath, req.URL.RawQuery = ev.Path, query.Encode()
			for name, value := range ev.Headers {
				req.Header.Set(name, value)
			}
			if host := ev.Headers["Host"]; host != "" {
				req.Host = host
			}
			want, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer want.Body.Close()
			wantBody, err := io.ReadAll(want.Body)
			if err != nil {
				t.Fatal(err)
			}
			wantHeaders := map[string]string{}
			for name, values := range want.Header {
				if name != "Date" && name != "Content-Length" {
					wantHeaders[name] = strings.Join(values, ", ")
				}
			}

			got, _ := serve(t, mux.ServeHTTP, ev)
			if *got.StatusCode != want.StatusCode {
				t.Errorf("status %d, net/http gives %d", *got.StatusCode, want.StatusCode)
			}
			if !maps.Equal(got.Headers, wantHeaders) {
				t.Errorf("headers %q, net/http gives %q", got.Headers, wantHeaders)
			}
			if body := bodyOf(t, got); body != string(wantBody) {
				t.Errorf("body %.200q, net/http gives %.200q", body, wantBody)
			}
		})
	}
}
