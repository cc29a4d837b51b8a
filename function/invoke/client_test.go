package invoke

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"taskstatus/function/acs"
	"taskstatus/function/task"
)

const (
	accessKeyID = "STS.NUexampleAccessKeyId"
	secret      = "exampleAccessKeySecret"
	token       = "CAISexampleSecurityToken"

	// poison is the message of a refused request: it repeats what was signed.
	poison = `server string to sign is:POST\n/\nx-acs-security-token:` + token + `\nAccessKeySecret:` + secret + `\n&AccessKeyId%3D` + accessKeyID
)

var (
	now     = time.Date(2021, 11, 5, 2, 58, 30, 0, time.UTC)
	target  = Target{"1234567890123456", "cn-shanghai", "check"}
	payload = []byte(`{"taskIds":["t-shfqw1u1edszvxw5abcd"],"note":"任务"}`)
)

// recorder is what a test client did.
type recorder struct {
	mu    sync.Mutex
	calls []acs.Call
}

// newClient returns a client that has credentials and a clock that stands still.
func newClient(t testing.TB, endpoint string) (*Client, *recorder) {
	t.Helper()
	record := new(recorder)
	client := New(endpoint, acs.NewCredentials(true, "", ""))
	client.Now = func() time.Time { return now }
	client.timeout = 5 * time.Second // a machine that is busy with tests may be slow
	client.Observe = func(_ context.Context, call acs.Call) {
		record.mu.Lock()
		defer record.mu.Unlock()
		record.calls = append(record.calls, call)
	}
	t.Cleanup(client.Transport.(*http.Transport).CloseIdleConnections)
	return client, record
}

func serve(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func invocation() context.Context {
	return acs.WithCredentials(context.Background(), accessKeyID, secret, token)
}

func reply(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

var accept = reply(202, "", "X-Fc-Request-Id", "1-64e70cf1-5cbef92e")

// failed is an error body of API 2023-03-30, gateway one of what stands before it. Both are poisoned.
func failed(code string) string {
	return `{"Code":"` + code + `","Message":"` + poison + `","RequestId":"R-2"}`
}

func gateway(code string) string {
	return `{"errorCode":"` + code + `","errorMessage":"` + poison + `"}`
}

// drop ends the connection without an answer: with a reset where hard, else as if it had been idle.
func drop(hard bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		if hard {
			conn.(*net.TCPConn).SetLinger(0)
		}
		conn.Close()
	}
}

// stall gives no answer for as long as the client listens, and none after.
func stall(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body) // else the server does not see the client leave
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// checkNoSecrets fails the test if any way of printing the error shows what only the signed request had.
func checkNoSecrets(t *testing.T, err error) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "err", err)
	text := fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String())
	if e, ok := errors.AsType[*task.Error](err); ok {
		text += fmt.Sprintf("%+v %#v %v %+v", *e, *e, e.Cause, e.Detail)
	}
	for _, bad := range []string{token, secret, accessKeyID, "string to sign", "Signature=", "taskIds", target.AccountID} {
		if strings.Contains(text, bad) {
			t.Errorf("the error shows %q: %s", bad, text)
		}
	}
}

// verify says what is wrong with the signature of a request, whose canonical
// form is made anew here from what came.
func verify(r *http.Request, body []byte) error {
	signed := []string{"host"}
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-acs-") || name == "content-type" {
			signed = append(signed, name)
		}
	}
	slices.Sort(signed)
	hash := fmt.Sprintf("%x", sha256.Sum256(body))
	canonical := r.Method + "\n" + r.URL.EscapedPath() + "\n" + r.URL.RawQuery + "\n"
	for _, name := range signed {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		canonical += name + ":" + value + "\n"
	}
	canonical += "\n" + strings.Join(signed, ";") + "\n" + hash
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "ACS3-HMAC-SHA256\n%x", sha256.Sum256([]byte(canonical)))
	want := fmt.Sprintf("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%x", accessKeyID, strings.Join(signed, ";"), mac.Sum(nil))
	if got := r.Header.Get("Authorization"); got != want {
		return fmt.Errorf("authorization\n%s, want\n%s", got, want)
	}
	if got := r.Header.Get("X-Acs-Content-Sha256"); got != hash {
		return fmt.Errorf("hash of the body %s, want %s", got, hash)
	}
	return nil
}

func TestRequest(t *testing.T) {
	tests := []struct {
		name    string
		payload []byte
		delay   time.Duration
		want    string // x-fc-async-delay
	}{
		{"at once", payload, 0, ""},
		{"negative", payload, -time.Minute, ""},
		{"later", payload, 90 * time.Second, "90"},
		{"part of a second", payload, 1500 * time.Millisecond, "2"},
		{"as late as can be", payload, maxDelay, "3600"},
		{"as much as can be", bytes.Repeat([]byte("x"), maxPayload), 0, ""},
		{"nothing", nil, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got *http.Request
			var body []byte
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				got = r
				body, _ = io.ReadAll(r.Body)
				accept(w, r)
			})
			client, record := newClient(t, server.URL)
			if err := client.InvokeAsync(invocation(), target, test.payload, test.delay); err != nil {
				t.Fatal(err)
			}
			if got.Method != "POST" || got.RequestURI != "/2023-03-30/functions/check/invocations" || got.Host != strings.TrimPrefix(server.URL, "http://") || !bytes.Equal(body, test.payload) {
				t.Errorf("%s %s to %s with %.80s", got.Method, got.RequestURI, got.Host, body)
			}
			for name, want := range map[string]string{
				"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "cloudsso-task-status", "Accept-Encoding": "",
				"X-Acs-Action": "InvokeFunction", "X-Acs-Version": "2023-03-30", "X-Acs-Date": "2021-11-05T02:58:30Z", "X-Acs-Security-Token": token,
				"X-Fc-Invocation-Type": "Async", "X-Fc-Async-Delay": test.want,
			} {
				if got := got.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if err := verify(got, body); err != nil {
				t.Error(err)
			}
			want := []acs.Call{{Action: "InvokeFunction", Attempt: 1, Status: 202, RequestID: "1-64e70cf1-5cbef92e"}}
			if !slices.Equal(record.calls, want) {
				t.Errorf("observed %+v, want %+v", record.calls, want)
			}
		})
	}
}

// TestAddress has no endpoint configured, and nothing goes out.
func TestAddress(t *testing.T) {
	with := func(change func(*Target)) Target {
		to := Target{"1234567890123456", "cn-shanghai", "check"}
		change(&to)
		return to
	}
	tests := []struct {
		name, endpoint string
		target         Target
		url            string // empty: refused
		says           string
	}{
		{"the public one", "", target, "https://1234567890123456.cn-shanghai.fc.aliyuncs.com/2023-03-30/functions/check/invocations", ""},
		{"another region and function", "", Target{"1", "us-west-1", "_Task-Status_2"}, "https://1.us-west-1.fc.aliyuncs.com/2023-03-30/functions/_Task-Status_2/invocations", ""},
		{"a longest name", "", with(func(to *Target) { to.Function = strings.Repeat("a", 64) }), "https://1234567890123456.cn-shanghai.fc.aliyuncs.com/2023-03-30/functions/" + strings.Repeat("a", 64) + "/invocations", ""},
		{"an endpoint", "http://127.0.0.1:9001", Target{Function: "check"}, "http://127.0.0.1:9001/2023-03-30/functions/check/invocations", ""},
		{"no account", "", with(func(to *Target) { to.AccountID = "" }), "", "account id"},
		{"account is no number", "", with(func(to *Target) { to.AccountID = "1.evil.example/" }), "", "account id"},
		{"account too long", "", with(func(to *Target) { to.AccountID = strings.Repeat("1", 21) }), "", "account id"},
		{"no region", "", with(func(to *Target) { to.Region = "" }), "", "region"},
		{"region that leads elsewhere", "", with(func(to *Target) { to.Region = "cn-a.evil.example/" }), "", "region"},
		{"no function", "", with(func(to *Target) { to.Function = "" }), "", "function's name"},
		{"no function, despite an endpoint", "http://127.0.0.1:9001", Target{}, "", "function's name"},
		{"function with a slash", "", with(func(to *Target) { to.Function = "a/../b" }), "", "function's name"},
		{"function with a question mark", "", with(func(to *Target) { to.Function = "a?b" }), "", "function's name"},
		{"function with a percent sign", "", with(func(to *Target) { to.Function = "a%2Fb" }), "", "function's name"},
		{"function with a digit first", "", with(func(to *Target) { to.Function = "1a" }), "", "function's name"},
		{"function with a dash first", "", with(func(to *Target) { to.Function = "-a" }), "", "function's name"},
		{"function in Chinese", "", with(func(to *Target) { to.Function = "任务" }), "", "function's name"},
		{"function too long", "", with(func(to *Target) { to.Function = strings.Repeat("a", 65) }), "", "function's name"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := New(test.endpoint, acs.NewCredentials(true, "", ""))
			var url string
			client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				url = r.URL.String()
				body, _ := io.ReadAll(r.Body)
				if err := verify(r, body); err != nil {
					t.Error(err)
				}
				return &http.Response{StatusCode: 202, Body: http.NoBody}, nil
			})
			err := client.InvokeAsync(invocation(), test.target, payload, 0)
			if url != test.url {
				t.Errorf("asked %q, want %q", url, test.url)
			}
			switch e, ok := errors.AsType[*task.Error](err); {
			case test.url != "" && err != nil:
				t.Error(err)
			case test.url == "" && (!ok || e.Kind != task.Refused || e.Detail != noTarget || !strings.Contains(err.Error(), test.says)):
				t.Errorf("error %v, want refused, and %q", err, test.says)
			}
		})
	}
}

func TestEndpoint(t *testing.T) {
	tests := []struct{ name, value, want, err string }{
		{"nothing", "", "", ""},
		{"host", "1.cn-shanghai-internal.fc.aliyuncs.com", "https://1.cn-shanghai-internal.fc.aliyuncs.com", ""},
		{"http to loopback", "http://127.0.0.1:9002", "http://127.0.0.1:9002", ""},
		{"http elsewhere", "http://a.example", "", "CHECK_ENDPOINT: plain http"},
		{"path", "https://a.example/api", "", "CHECK_ENDPOINT must be"},
		{"password", "https://user:s3cret@a.example", "", "CHECK_ENDPOINT must be"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Endpoint(test.value)
			if got != test.want || (err != nil) != (test.err != "") {
				t.Fatalf("got %q, %v, want %q, %q", got, err, test.want, test.err)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), test.err) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("error %q, want %q and no password", err, test.err)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name      string
		answer    http.HandlerFunc
		kind      task.Kind
		detail    task.Text
		requestID string
		says      string // all that the log says
	}{
		{"no permission", reply(403, failed("AccessDenied")), task.Refused, noPermission, "R-2", "InvokeFunction: HTTP 403 AccessDenied"},
		{"no permission, says the gateway", reply(403, gateway("AccessDenied"), "X-Fc-Request-Id", "R-3"), task.Refused, noPermission, "R-3", "InvokeFunction: HTTP 403 AccessDenied"},
		{"NoPermission", reply(400, failed("NoPermission")), task.Refused, noPermission, "R-2", "InvokeFunction: HTTP 400 NoPermission"},
		{"Forbidden", reply(400, failed("Forbidden.RAM")), task.Refused, noPermission, "R-2", "InvokeFunction: HTTP 400 Forbidden.RAM"},
		{"403, and no more", reply(403, ""), task.Refused, noPermission, "", "InvokeFunction: HTTP 403"},
		{"403 of a code unknown", reply(403, failed("Surprise")), task.Refused, noPermission, "R-2", "InvokeFunction: HTTP 403 Surprise"},
		{"bad signature", reply(403, gateway("SignatureNotMatch")), task.Refused, badCredentials, "", "InvokeFunction: HTTP 403 SignatureNotMatch"},
		{"unknown key", reply(403, gateway("InvalidAccessKeyID")), task.Refused, badCredentials, "", "InvokeFunction: HTTP 403 InvalidAccessKeyID"},
		{"expired token", reply(400, failed("InvalidSecurityToken.Expired")), task.Refused, badCredentials, "R-2", "InvokeFunction: HTTP 400 InvalidSecurityToken.Expired"},
		{"clock", reply(400, failed("InvalidTimeStamp.Expired")), task.Refused, wrongClock, "R-2", "InvokeFunction: HTTP 400 InvalidTimeStamp.Expired"},
		{"401", reply(401, "who are you"), task.Refused, badCredentials, "", "InvokeFunction: HTTP 401"},
		{"no such function", reply(404, failed("FunctionNotFound")), task.Refused, noFunction, "R-2", "InvokeFunction: HTTP 404 FunctionNotFound"},
		{"404 in HTML", reply(404, "<html>"+poison), task.Upstream, noAnswer, "", "InvokeFunction: HTTP 404"},
		{"too large after all", reply(400, gateway("EntityTooLarge")), task.Invalid, tooLarge, "", "InvokeFunction: HTTP 400 EntityTooLarge"},
		{"413", reply(413, ""), task.Invalid, tooLarge, "", "InvokeFunction: HTTP 413"},
		{"429", reply(429, ""), task.Throttled, busy, "", "InvokeFunction: HTTP 429"},
		{"exhausted", reply(429, gateway("ResourceExhausted")), task.Throttled, busy, "", "InvokeFunction: HTTP 429 ResourceExhausted"},
		{"throttled with 503", reply(503, gateway("ResourceThrottled")), task.Throttled, busy, "", "InvokeFunction: HTTP 503 ResourceThrottled"},
		{"throttled with 400", reply(400, failed("Throttling.User")), task.Throttled, busy, "R-2", "InvokeFunction: HTTP 400 Throttling.User"},
		{"500", reply(500, gateway("InternalServerError")), task.Upstream, noAnswer, "", "InvokeFunction: HTTP 500 InternalServerError"},
		{"502 in HTML", reply(502, "<html>"+poison, "X-Acs-Request-Id", "R-4"), task.Upstream, noAnswer, "R-4", "InvokeFunction: HTTP 502"},
		{"bad argument", reply(400, failed("InvalidArgument")), task.Upstream, noAnswer, "R-2", "InvokeFunction: HTTP 400 InvalidArgument"},
		{"a code that is a text", reply(400, failed("for "+token)), task.Upstream, noAnswer, "R-2", "InvokeFunction: HTTP 400"},
		{"a code that is a number", reply(403, `{"Code":403,"RequestId":"R-2"}`), task.Refused, noPermission, "R-2", "InvokeFunction: HTTP 403"},
		{"a request id that is a text", reply(500, `{"RequestId":"`+poison+`"}`, "X-Fc-Request-Id", "for "+token), task.Upstream, noAnswer, "", "InvokeFunction: HTTP 500"},
		{"invoked at once, and waited for", reply(200, `{"secret":"`+token+`"}`), task.Upstream, noAnswer, "", "InvokeFunction: HTTP 200"},
		{"no content", reply(204, ""), task.Upstream, noAnswer, "", "InvokeFunction: HTTP 204"},
		{"redirect", reply(307, "", "Location", "/elsewhere?"+token), task.Upstream, noAnswer, "", "InvokeFunction: HTTP 307"},
		{"a body cut short", reply(403, failed("AccessDenied"), "Content-Length", "1000"), task.Refused, noPermission, "R-2", "InvokeFunction: HTTP 403 AccessDenied"},
		{"not HTTP", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(conn, poison+"\r\n\r\n")
			conn.Close()
		}, task.Upstream, noAnswer, "", "InvokeFunction: no HTTP answer (*fmt.wrapError)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			requests := 0
			client, record := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests++
				test.answer(w, r)
			}).URL)
			err := client.InvokeAsync(invocation(), target, payload, 0)
			e, ok := errors.AsType[*task.Error](err)
			if !ok || e.Kind != test.kind || e.Detail != test.detail || e.RequestID != test.requestID || e.Cause.Error() != test.says {
				t.Errorf("error %+v, want %v, %v, %q, %q", err, test.kind, test.detail, test.requestID, test.says)
			}
			if requests != 1 || len(record.calls) != 1 || record.calls[0].RequestID != test.requestID {
				t.Errorf("%d requests, observed %+v, want 1 of each", requests, record.calls)
			}
			checkNoSecrets(t, err)
			checkNoSecrets(t, fmt.Errorf("calls: %+v", record.calls))
		})
	}
}

// endless is a body that never ends, and counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) { e.read += len(b); return len(b), nil }

func (e *endless) Close() error { return nil }

func TestEndlessBody(t *testing.T) {
	client, _ := newClient(t, "")
	for status, want := range map[int]string{202: "", 403: "InvokeFunction: HTTP 403"} {
		body := new(endless)
		client.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: body}, nil
		})
		err := client.InvokeAsync(invocation(), target, payload, 0)
		if (err != nil) != (want != "") || err != nil && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("HTTP %d: error %v, want %q", status, err, want)
		}
		if body.read > maxBody {
			t.Errorf("HTTP %d: read %d bytes", status, body.read)
		}
	}
}

// TestNothingSent has what is seen to be wrong before any request.
func TestNothingSent(t *testing.T) {
	gone, cancel := context.WithCancel(invocation())
	cancel()
	late, cancel := context.WithTimeout(invocation(), -time.Second)
	defer cancel()
	missing := func(context.Context) (*acs.Keys, error) {
		return nil, &task.Error{Kind: task.Refused, Detail: task.Text{En: "no credentials", Zh: "-"}}
	}
	tests := []struct {
		name    string
		ctx     context.Context
		payload []byte
		delay   time.Duration
		keys    func(context.Context) (*acs.Keys, error)
		kind    task.Kind
		detail  string
	}{
		{"too large", invocation(), make([]byte, maxPayload+1), 0, nil, task.Invalid, tooLarge.En},
		{"too late", invocation(), payload, maxDelay + 1, nil, task.Invalid, tooLate.En},
		{"no credentials", invocation(), payload, 0, missing, task.Refused, "no credentials"},
		{"the time was up before", late, payload, 0, nil, task.Timeout, tooSlow.En},
		{"the caller has gone", gone, payload, 0, nil, task.Internal, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, record := newClient(t, serve(t, accept).URL)
			if test.keys != nil {
				client.keys = test.keys
			}
			err := client.InvokeAsync(test.ctx, target, test.payload, test.delay)
			e, ok := errors.AsType[*task.Error](err)
			switch {
			case test.kind == task.Internal && (ok || !errors.Is(err, context.Canceled)):
				t.Errorf("error %v, want canceled", err)
			case test.kind != task.Internal && (!ok || e.Kind != test.kind || e.Detail.En != test.detail || e.Detail.Zh == ""):
				t.Errorf("error %+v, want %v with %q", err, test.kind, test.detail)
			}
			if len(record.calls) != 0 {
				t.Errorf("observed %+v, want nothing sent", record.calls)
			}
		})
	}
}

func TestRetry(t *testing.T) {
	answers := map[string]http.HandlerFunc{"taken": accept, "reset": drop(true), "closed": drop(false), "denied": reply(403, failed("AccessDenied"))}
	tests := []struct {
		name    string
		answers []string // one a request; all must come
		kind    task.Kind
		taken   bool
	}{
		{"reset once", []string{"reset", "taken"}, 0, true},
		{"closed once", []string{"closed", "taken"}, 0, true},
		{"reset twice", []string{"reset", "reset"}, task.Upstream, false},
		{"closed twice", []string{"closed", "closed"}, task.Upstream, false},
		{"reset, then an answer", []string{"reset", "denied"}, task.Refused, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var mu sync.Mutex
			nonces := map[string]bool{}
			requests := 0
			client, record := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				if err := verify(r, body); err != nil || !bytes.Equal(body, payload) {
					t.Errorf("request %d: %v, body %s", requests, err, body)
				}
				nonces[r.Header.Get("X-Acs-Signature-Nonce")] = true
				if requests++; requests <= len(test.answers) {
					answers[test.answers[requests-1]](w, r)
				}
			}).URL)
			err := client.InvokeAsync(invocation(), target, payload, 0)
			if (err == nil) != test.taken || err != nil && task.KindOf(err) != test.kind {
				t.Errorf("error %v, want %v", err, test.kind)
			}
			mu.Lock()
			defer mu.Unlock()
			if requests != len(test.answers) || len(nonces) != requests || len(record.calls) != requests || record.calls[1].Attempt != 2 {
				t.Errorf("%d requests, %d nonces, observed %+v, want %d", requests, len(nonces), record.calls, len(test.answers))
			}
			checkNoSecrets(t, err)
		})
	}

	t.Run("a kept connection that died", func(t *testing.T) {
		for _, hard := range []bool{false, true} {
			requests := 0
			client, _ := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				if requests++; requests == 2 {
					drop(hard)(w, r)
					return
				}
				accept(w, r)
			}).URL)
			for range 2 {
				if err := client.InvokeAsync(invocation(), target, payload, 0); err != nil {
					t.Fatal(err)
				}
			}
			if requests != 3 {
				t.Errorf("%d requests, want 3", requests)
			}
		}
	})

	t.Run("one connection for many calls", func(t *testing.T) {
		peers := map[string]bool{}
		n := 0
		client, _ := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			peers[r.RemoteAddr] = true
			if n++; n%2 == 0 {
				reply(403, failed("AccessDenied"))(w, r)
				return
			}
			reply(202, `{"unasked":1}`)(w, r)
		}).URL)
		for range 6 {
			_ = client.InvokeAsync(invocation(), target, payload, 0)
		}
		if n != 6 || len(peers) != 1 {
			t.Errorf("%d requests over %d connections, want 6 over 1", n, len(peers))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTime runs calls on a clock of the test's own.
func TestTime(t *testing.T) {
	stalled := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	tests := []struct {
		name      string
		limit     time.Duration // of the caller, 0 for none
		cancel    time.Duration // when the caller gives up, 0 for never
		transport roundTrip
		canceled  bool
		took      time.Duration
		calls     int
	}{
		{"never answers", 0, 0, stalled, false, callTimeout, 1},
		{"the caller's deadline", 300 * time.Millisecond, 0, stalled, false, 300 * time.Millisecond, 1},
		{"the caller gives up", 0, 300 * time.Millisecond, stalled, true, 300 * time.Millisecond, 1},
		{"lost, then never answers", 0, 0, func() roundTrip {
			first := true
			return func(r *http.Request) (*http.Response, error) {
				if first {
					first = false
					time.Sleep(400 * time.Millisecond)
					return nil, io.EOF
				}
				return stalled(r)
			}
		}(), false, callTimeout, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := New("", acs.NewCredentials(true, "", ""))
				client.Transport = test.transport
				calls := 0
				client.Observe = func(context.Context, acs.Call) { calls++ }
				ctx, cancel := context.WithCancel(invocation())
				defer cancel()
				if test.limit > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.limit)
					defer cancel()
				}
				if test.cancel > 0 {
					time.AfterFunc(test.cancel, cancel)
				}
				started := time.Now()
				err := client.InvokeAsync(ctx, target, payload, 0)
				e, ok := errors.AsType[*task.Error](err)
				switch {
				case test.canceled && (ok || !errors.Is(err, context.Canceled)):
					t.Errorf("error %v, want canceled", err)
				case !test.canceled && (!ok || e.Kind != task.Timeout || e.Detail != tooSlow):
					t.Errorf("error %+v, want timeout", err)
				}
				if took := time.Since(started); took != test.took || calls != test.calls {
					t.Errorf("took %v and %d calls, want %v and %d", took, calls, test.took, test.calls)
				}
			})
		})
	}

	t.Run("over the wire", func(t *testing.T) {
		client, _ := newClient(t, serve(t, stall).URL)
		client.timeout = 50 * time.Millisecond
		err := client.InvokeAsync(invocation(), target, payload, 0)
		if task.KindOf(err) != task.Timeout {
			t.Errorf("error %v, want timeout", err)
		}
		checkNoSecrets(t, err)
	})
}

func TestObserve(t *testing.T) {
	type contextKey struct{}
	client, _ := newClient(t, serve(t, reply(403, failed("AccessDenied"))).URL)
	clock := now
	client.Now = func() time.Time { clock = clock.Add(time.Second); return clock }
	var got acs.Call
	var from any
	client.Observe = func(ctx context.Context, call acs.Call) { got, from = call, ctx.Value(contextKey{}) }
	_ = client.InvokeAsync(context.WithValue(invocation(), contextKey{}, "mine"), target, payload, 0)
	want := acs.Call{Action: "InvokeFunction", Attempt: 1, Status: 403, Code: "AccessDenied", RequestID: "R-2", Duration: time.Second}
	if got != want || from != "mine" {
		t.Errorf("observed %+v with %v, want %+v", got, from, want)
	}
}

// FuzzFailure holds that any answer at all gives an error of a kind, with a
// detail, and without the answer's own words in it.
func FuzzFailure(f *testing.F) {
	f.Add(403, failed("AccessDenied"), "R-3")
	f.Add(404, failed("FunctionNotFound"), "")
	f.Add(429, gateway("ResourceExhausted"), "R-3")
	f.Add(400, gateway("EntityTooLarge"), "R-3")
	f.Add(200, `{"code":1,"errorCode":[],"RequestId":{}}`, "for "+token)
	f.Add(502, "<html>", "<b>")
	f.Add(500, "", "")
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		a := &answer{status, http.Header{"X-Fc-Request-Id": {header}, "X-Acs-Request-Id": {header}}, []byte(body)}
		e, ok := errors.AsType[*task.Error](detailed(a.err(a.failure())))
		if !ok || e.Kind == task.Internal || e.Cause == nil || e.Detail.En == "" || e.Detail.Zh == "" {
			t.Fatalf("error %+v", e)
		}
		if len(e.Error()) > 300 || strings.ContainsAny(e.Cause.Error()+e.RequestID, "\n\r<>{}\"") {
			t.Fatalf("error %q, request %q repeat the answer", e.Error(), e.RequestID)
		}
	})
}
