package cloudsso

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"taskstatus/function/acs"
	"taskstatus/function/task"
)

const (
	directory = task.DirectoryID("d-00fc2p61abcd")
	taskID    = task.ID("t-shfqw1u1edszvxw5abcd")

	accessKeyID = "STS.NUexampleAccessKeyId"
	secret      = "exampleAccessKeySecret"
	token       = "CAISexampleSecurityToken"

	running = `{"RequestId":"R-1","TaskStatus":{"TaskId":"t-shfqw1u1edszvxw5abcd","TaskType":"CreateAccessAssignment","Status":"InProgress","StartTime":"2021-11-05T02:58:07Z"}}`

	// poison is the Message of a refused request: it repeats what was signed.
	poison = `server string to sign is:GET\n/\nx-acs-security-token:` + token + `\nAccessKeySecret:` + secret + `\n&AccessKeyId%3D` + accessKeyID
)

var now = time.Date(2021, 11, 5, 2, 58, 30, 0, time.UTC)

// recorder is what a test client did.
type recorder struct {
	mu    sync.Mutex
	calls []acs.Call
	waits []time.Duration
}

// newClient returns a client of the server that has credentials, a clock that
// stands still, and waits for nothing.
func newClient(t testing.TB, server *httptest.Server) (*Client, *recorder) {
	t.Helper()
	record := new(recorder)
	client := New(server.URL, acs.NewCredentials(true, "", ""))
	client.Now = func() time.Time { return now }
	client.Observe = func(_ context.Context, call acs.Call) {
		record.mu.Lock()
		defer record.mu.Unlock()
		record.calls = append(record.calls, call)
	}
	client.sleep = func(_ context.Context, d time.Duration) error {
		record.mu.Lock()
		defer record.mu.Unlock()
		record.waits = append(record.waits, d)
		return nil
	}
	transport := client.Transport.(*http.Transport)
	if server.Certificate() != nil {
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		transport.TLSClientConfig.RootCAs.AddCert(server.Certificate())
	}
	t.Cleanup(transport.CloseIdleConnections)
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
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// failed is an error body as CloudSSO writes it, with a poisoned message.
func failed(code string) string {
	return `{"RequestId":"R-2","HostId":"cloudsso.cn-shanghai.aliyuncs.com","Code":"` + code + `","Message":"` + poison + `","Recommend":"https://api.aliyun.com/troubleshoot?q=` + code + `"}`
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

// checkNoSecrets fails the test if any way of printing the error shows what only the signed request had.
func checkNoSecrets(t *testing.T, err error) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "err", err)
	slog.New(slog.NewTextHandler(&log, nil)).Error("x", "err", err)
	text := fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String())
	if e, ok := errors.AsType[*task.Error](err); ok {
		text += fmt.Sprintf("%+v %#v %v %+v", *e, *e, e.Cause, e.Detail)
	}
	for _, bad := range []string{token, secret, accessKeyID, "string to sign", "Signature=", "DirectoryId="} {
		if strings.Contains(text, bad) {
			t.Errorf("the error shows %q: %s", bad, text)
		}
	}
}

func TestRequest(t *testing.T) {
	var got *http.Request
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		reply(200, running)(w, r)
	})
	client, _ := newClient(t, server)
	if _, err := client.GetTaskStatus(invocation(), "d-00fc2p61****", "t-a b"); err == nil {
		t.Error("the answer is about another task, and there is no error")
	}
	if got.Method != "GET" || got.RequestURI != "/?DirectoryId=d-00fc2p61%2A%2A%2A%2A&TaskId=t-a%20b" || got.Host != strings.TrimPrefix(server.URL, "http://") {
		t.Errorf("request line %s %s, host %s", got.Method, got.RequestURI, got.Host)
	}
	// The canonical form is written out here once more, so that it is not only compared with itself.
	const (
		emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		signed    = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version"
	)
	nonce := got.Header.Get("X-Acs-Signature-Nonce")
	canonical := sha256.Sum256([]byte(strings.Join([]string{
		"GET", "/", got.URL.RawQuery,
		"host:" + got.Host,
		"x-acs-action:GetTaskStatus",
		"x-acs-content-sha256:" + emptyHash,
		"x-acs-date:2021-11-05T02:58:30Z",
		"x-acs-security-token:" + token,
		"x-acs-signature-nonce:" + nonce,
		"x-acs-version:2021-05-15",
		"", signed, emptyHash,
	}, "\n")))
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "ACS3-HMAC-SHA256\n%x", canonical)
	for name, want := range map[string]string{
		"Accept": "application/json", "X-Acs-Action": "GetTaskStatus", "X-Acs-Version": "2021-05-15", "X-Acs-Date": "2021-11-05T02:58:30Z",
		"X-Acs-Security-Token": token, "X-Acs-Content-Sha256": emptyHash, "User-Agent": "cloudsso-task-status",
		"Authorization": fmt.Sprintf("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%x", accessKeyID, signed, mac.Sum(nil)),
		"Content-Type":  "", "Accept-Encoding": "",
	} {
		if got := got.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestWithoutKeys(t *testing.T) {
	refused := &task.Error{Kind: task.Refused}
	client, record := newClient(t, serve(t, reply(200, running)))
	client.keys = func(context.Context) (*acs.Keys, error) { return nil, refused }
	if _, err := client.GetTaskStatus(invocation(), directory, taskID); err != error(refused) {
		t.Errorf("error %v, want that of the credentials", err)
	}

	client.keys = func(ctx context.Context) (*acs.Keys, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	client.timeout = 20 * time.Millisecond
	if _, err := client.GetTaskStatus(invocation(), directory, taskID); task.KindOf(err) != task.Timeout {
		t.Errorf("error %v, want timeout", err)
	}
	ctx, cancel := context.WithCancel(invocation())
	cancel()
	if _, err := client.GetTaskStatus(ctx, directory, taskID); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	if len(record.calls) != 0 {
		t.Errorf("%d calls", len(record.calls))
	}
}

// TestUnknownHost: a wrong name stays wrong, and is the operator's to mend.
func TestUnknownHost(t *testing.T) {
	client, record := newClient(t, serve(t, reply(200, running)))
	client.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "cloudsso.cn-nowhere.aliyuncs.com", IsNotFound: true}}
	})
	_, err := client.GetTaskStatus(invocation(), directory, taskID)
	e, ok := errors.AsType[*task.Error](err)
	if !ok || e.Kind != task.Upstream || e.Detail != noSuchHost || len(record.calls) != 1 {
		t.Errorf("error %v after %d calls", err, len(record.calls))
	}
}

// TestFaults has one fault at a time, from the first call on, and counts the
// attempts; then the server recovers.
func TestFaults(t *testing.T) {
	reset := func(c *Client) { c.Transport.(*http.Transport).DisableKeepAlives = true }
	short := func(c *Client) { c.timeout = 100 * time.Millisecond }
	tests := []struct {
		name     string
		fault    http.HandlerFunc
		set      func(*Client)
		kind     task.Kind
		attempts int
		says     string // part of the text for the log
	}{
		{"unknown task", reply(404, failed("EntityNotExists.Task")), nil, task.NotFound, 1, "not-found: CloudSSO knows no task t-shfqw1u1edszvxw5abcd in the directory d-00fc2p61abcd: GetTaskStatus: HTTP 404 EntityNotExists.Task"},
		{"unknown directory", reply(404, failed("EntityNotExists.Directory")), nil, task.NotFound, 1, "directory d-00fc2p61abcd is not known in this region"},
		{"another unknown thing", reply(404, failed("EntityNotExists.AccessConfiguration")), nil, task.NotFound, 1, ""},
		{"lower-case fields", reply(404, `{"requestId":"R-2","code":"EntityNotExists.Task","message":"`+poison+`"}`), nil, task.NotFound, 1, "EntityNotExists.Task"},

		{"throttled with 400", reply(400, failed("Throttling")), nil, task.Throttled, 3, "HTTP 400 Throttling"},
		{"throttled by user", reply(400, failed("Throttling.User")), nil, task.Throttled, 3, ""},
		{"throttled by API", reply(400, failed("Throttling.Api")), nil, task.Throttled, 3, ""},
		{"throttled with 503", reply(503, failed("Rejected.Throttling")), nil, task.Throttled, 3, ""},
		{"throttled with 429, no body", reply(429, ""), nil, task.Throttled, 3, "HTTP 429"},

		{"no permission, which says nothing of the task", reply(403, failed("NoPermission")), nil, task.Refused, 1, "refused: GetTaskStatus: HTTP 403 NoPermission"},
		{"no permission with 400", reply(400, failed("NoPermission.RAM")), nil, task.Refused, 1, ""},
		{"no permission for an action", reply(403, `{"Code":"NoPermission","AccessDeniedDetail":{"AuthAction":"cloudsso:GetTaskStatus","EncodedDiagnosticMessage":"`+token+`"}}`), nil, task.Refused, 1, "missing permission cloudsso:GetTaskStatus"},
		{"forbidden", reply(403, failed("Forbidden.RAM")), nil, task.Refused, 1, ""},
		{"unknown key", reply(404, failed("InvalidAccessKeyId.NotFound")), nil, task.Refused, 1, "credentials of this function are not accepted"},
		{"inactive key", reply(400, failed("InvalidAccessKeyId.Inactive")), nil, task.Refused, 1, ""},
		{"expired token", reply(400, failed("InvalidSecurityToken.Expired")), nil, task.Refused, 1, "credentials of this function are not accepted"},
		{"expired token, other name", reply(403, failed("SecurityTokenExpired")), nil, task.Refused, 1, ""},
		{"malformed token", reply(400, failed("InvalidSecurityToken.Malformed")), nil, task.Refused, 1, ""},
		{"bad signature", reply(400, failed("SignatureDoesNotMatch")), nil, task.Refused, 1, "credentials of this function are not accepted"},
		{"incomplete signature", reply(400, failed("IncompleteSignature")), nil, task.Refused, 1, ""},
		{"signature used", reply(400, failed("SignatureNonceUsed")), nil, task.Upstream, 3, ""},
		{"401", reply(401, "who are you"), nil, task.Refused, 1, "HTTP 401"},
		{"403 of a gateway", reply(403, "<html>"+poison), nil, task.Refused, 1, "HTTP 403"},
		{"clock", reply(400, failed("InvalidTimeStamp.Expired"), "Date", "Fri, 05 Nov 2021 03:18:30 GMT"), nil, task.Refused, 1, "the clock of this function is 20m0s behind CloudSSO's: CloudSSO refuses the date of the signature"},
		{"clock, ahead", reply(400, failed("InvalidTimeStamp.Expired"), "Date", "Fri, 05 Nov 2021 02:38:30 GMT"), nil, task.Refused, 1, "the clock of this function is 20m0s ahead of CloudSSO's"},
		{"clock, though it is right", reply(400, failed("InvalidTimeStamp.Format"), "Date", "Fri, 05 Nov 2021 02:58:29 GMT"), nil, task.Refused, 1, "the clock of this function is off: CloudSSO"},
		{"clock, no date", reply(400, failed("InvalidTimeStamp.Format"), "Date", ""), nil, task.Refused, 1, "the clock of this function is off: CloudSSO"},

		{"bad task id", reply(400, failed("InvalidParameter.TaskId")), nil, task.Invalid, 1, "does not accept"},
		{"missing directory id", reply(400, failed("MissingDirectoryId")), nil, task.Invalid, 1, ""},
		{"bad other parameter", reply(400, failed("InvalidParameter.Filter")), nil, task.Upstream, 1, ""},
		{"unknown action", reply(404, failed("InvalidApi.NotFound")), nil, task.Upstream, 1, ""},
		{"unknown code", reply(400, failed("Surprise")), nil, task.Upstream, 1, "HTTP 400 Surprise"},
		{"code that is a text", reply(400, failed("It is "+token)), nil, task.Upstream, 1, "HTTP 400"},
		{"code too long", reply(400, failed(strings.Repeat("a", 81))), nil, task.Upstream, 1, "HTTP 400"},
		{"code that is a number", reply(403, `{"Code":403,"RequestId":"R-2"}`), nil, task.Refused, 1, "HTTP 403"},

		{"500", reply(500, failed("InternalError")), nil, task.Upstream, 3, "HTTP 500 InternalError"},
		{"503", reply(503, failed("ServiceUnavailable")), nil, task.Upstream, 3, ""},
		{"502 in HTML", reply(502, "<html>"+poison), nil, task.Upstream, 3, "HTTP 502"},
		{"500 in XML", reply(500, "<Error><Code>InternalError</Code><Message>"+poison+"</Message></Error>"), nil, task.Upstream, 3, "HTTP 500"},
		{"service unavailable with 400", reply(400, failed("ServiceUnavailable")), nil, task.Upstream, 3, ""},

		{"404 in HTML", reply(404, "<html>"), nil, task.Upstream, 1, "HTTP 404"},
		{"redirect", reply(302, "", "Location", "/elsewhere?"+token), nil, task.Upstream, 1, "HTTP 302"},
		{"no content", reply(204, ""), nil, task.Upstream, 1, "HTTP 204"},
		{"HTML with 200", reply(200, "<html>"+poison), nil, task.Upstream, 3, "not the JSON"},
		{"empty with 200", reply(200, ""), nil, task.Upstream, 3, ""},
		{"cut JSON", reply(200, running[:80]), nil, task.Upstream, 3, ""},
		{"cut body", reply(200, running, "Content-Length", "1000"), nil, task.Upstream, 3, "unexpected EOF"},
		{"no TaskStatus", reply(200, `{"RequestId":"R-2"}`), nil, task.Upstream, 3, "no task"},
		{"null TaskStatus", reply(200, `{"RequestId":"R-2","TaskStatus":null}`), nil, task.Upstream, 3, "no task"},
		{"empty status", reply(200, strings.Replace(running, "InProgress", "", 1)), nil, task.Upstream, 3, "without a status"},
		{"another task", reply(200, strings.Replace(running, "abcd", "efgh", 1)), nil, task.Upstream, 3, "another task"},
		{"bad time", reply(200, strings.Replace(running, "2021-11-05T", "5 November ", 1)), nil, task.Upstream, 3, "start is no time"},
		{"64 MiB", huge, nil, task.Upstream, 3, "more than 1 MiB"},

		{"reset", drop(true), reset, task.Upstream, 3, "connection reset"},
		{"closed without an answer", drop(false), reset, task.Upstream, 3, "EOF"},
		{"never answers", stall, short, task.Timeout, 1, "deadline exceeded"},
		{"never ends", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, running[:20])
			w.(http.Flusher).Flush()
			stall(w, r)
		}, short, task.Timeout, 1, ""},
		{"not HTTP", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(conn, poison+"\r\n\r\n")
			conn.Close()
		}, nil, task.Upstream, 1, "no HTTP answer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			handler := test.fault
			requests, nonces := 0, map[string]bool{}
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				requests++
				nonces[r.Header.Get("X-Acs-Signature-Nonce")] = true
				fault := handler
				mu.Unlock()
				fault(w, r)
			})
			client, record := newClient(t, server)
			if test.set != nil {
				test.set(client)
			}
			got, err := client.GetTaskStatus(invocation(), directory, taskID)
			e, ok := errors.AsType[*task.Error](err)
			if !ok || e.Kind != test.kind || got != (task.Task{}) {
				t.Fatalf("task %+v, error %v; want none, and an error of kind %v", got, err, test.kind)
			}
			mu.Lock()
			if requests != test.attempts || len(nonces) != test.attempts || len(record.calls) != test.attempts || len(record.waits) != test.attempts-1 {
				t.Errorf("%d requests, %d nonces, %d calls, %d waits; want %d attempts", requests, len(nonces), len(record.calls), len(record.waits), test.attempts)
			}
			handler = reply(200, running)
			mu.Unlock()
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %q does not say %q", err, test.says)
			}
			checkNoSecrets(t, err)
			checkNoSecrets(t, fmt.Errorf("calls: %+v", record.calls))

			client.timeout = callTimeout
			if got, err := client.GetTaskStatus(invocation(), directory, taskID); err != nil || got.Status != task.InProgress {
				t.Errorf("after the fault: %+v, %v", got, err)
			}
		})
	}
}

// TestLongestAnswer: as long as is allowed is not too long.
func TestLongestAnswer(t *testing.T) {
	client, record := newClient(t, serve(t, reply(200, running+strings.Repeat(" ", maxBody-len(running)))))
	if got, err := client.GetTaskStatus(invocation(), directory, taskID); err != nil || got.Status != task.InProgress || len(record.calls) != 1 {
		t.Errorf("got %+v, %v after %d calls", got, err, len(record.calls))
	}
}

func huge(w http.ResponseWriter, _ *http.Request) {
	chunk := bytes.Repeat([]byte(" "), 1<<20)
	for range 64 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// stall gives no answer for as long as the client listens, and none after.
func stall(_ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// TestTransientFault has each fault that may pass once, or twice: the caller must not see it.
func TestTransientFault(t *testing.T) {
	faults := map[string]http.HandlerFunc{
		"throttled":      reply(400, failed("Throttling.User")),
		"429":            reply(429, ""),
		"500":            reply(500, failed("InternalError")),
		"502 in HTML":    reply(502, "<html>"),
		"signature used": reply(400, failed("SignatureNonceUsed")),
		"reset":          drop(true),
		"closed":         drop(false),
	}
	for name, fault := range faults {
		for times := 1; times <= 2; times++ {
			t.Run(fmt.Sprintf("%s, times %d", name, times), func(t *testing.T) {
				var dates []string
				server := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if dates = append(dates, r.Header.Get("X-Acs-Date")); len(dates) <= times {
						fault(w, r)
						return
					}
					reply(200, running)(w, r)
				})
				client, record := newClient(t, server)
				clock := now
				client.Now = func() time.Time { clock = clock.Add(time.Second); return clock }
				got, err := client.GetTaskStatus(invocation(), directory, taskID)
				if err != nil || got.Status != task.InProgress {
					t.Fatalf("got %+v, %v", got, err)
				}
				if dates[0] == dates[1] {
					t.Errorf("both attempts are dated %s", dates[0])
				}
				for i, d := range record.waits {
					if mean := [...]time.Duration{firstBackoff, firstBackoff * backoffGrowth}[i]; d < mean/2 || d > mean*3/2 {
						t.Errorf("wait %d is %v, want around %v", i, d, mean)
					}
				}
			})
		}
	}
}

func TestRetryAfter(t *testing.T) {
	tests := []struct {
		name         string
		status       int
		header       []string
		attempts     int
		asked, after time.Duration // asked: at least so long waited
	}{
		{"fits", 400, []string{"x-ratelimit-user-api", "Limit:1,Remain:0,TimeLeft:2000,Reset:1234"}, 3, 2 * time.Second, 2 * time.Second},
		{"other header", 400, []string{"x-ratelimit-user", "Limit:1, Remain:0, TimeLeft: 700"}, 3, 700 * time.Millisecond, 700 * time.Millisecond},
		{"longer of both", 400, []string{"x-ratelimit-user-api", "TimeLeft:100", "x-ratelimit-user", "TimeLeft:900"}, 3, 900 * time.Millisecond, 900 * time.Millisecond},
		{"does not fit", 400, []string{"x-ratelimit-user-api", "Limit:1,Remain:0,TimeLeft:5000,Reset:1234"}, 1, 0, 5 * time.Second},
		{"would leave no time for the call", 400, []string{"x-ratelimit-user-api", "TimeLeft:3700"}, 1, 0, 3700 * time.Millisecond},
		{"Retry-After in seconds", 503, []string{"Retry-After", "7"}, 1, 0, 7 * time.Second},
		{"Retry-After as a date", 503, []string{"Retry-After", "Fri, 05 Nov 2021 02:58:39 GMT"}, 1, 0, 9 * time.Second},
		{"Retry-After in the past", 503, []string{"Retry-After", "Fri, 05 Nov 2021 02:58:00 GMT"}, 3, 0, 0},
		{"absurd", 400, []string{"x-ratelimit-user-api", "TimeLeft:2000000000"}, 1, 0, maxRetryAfter},
		{"overflow", 400, []string{"x-ratelimit-user-api", "TimeLeft:99999999999999999999"}, 1, 0, maxRetryAfter},
		{"negative", 400, []string{"x-ratelimit-user-api", "TimeLeft:-5", "Retry-After", "-1"}, 3, 0, 0},
		{"no number", 400, []string{"x-ratelimit-user-api", "TimeLeft:soon,,:", "Retry-After", "soon"}, 3, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, record := newClient(t, serve(t, reply(test.status, failed("Throttling.User"), test.header...)))
			_, err := client.GetTaskStatus(invocation(), directory, taskID)
			e, ok := errors.AsType[*task.Error](err)
			if !ok || e.Kind != task.Throttled || e.RetryAfter != test.after || e.RequestID != "R-2" {
				t.Errorf("error %+v, want throttled with RetryAfter %v", err, test.after)
			}
			if len(record.calls) != test.attempts {
				t.Errorf("%d attempts, want %d", len(record.calls), test.attempts)
			}
			for _, d := range record.waits {
				if d < test.asked {
					t.Errorf("waited %v, asked for %v", d, test.asked)
				}
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTime runs whole calls with the waits they really make, on a clock of the test's own.
func TestTime(t *testing.T) {
	respond := func(status int, header http.Header) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(failed("Throttling")))}, nil
	}
	stalled := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	tests := []struct {
		name       string
		limit      time.Duration // of the caller, 0 for none
		cancel     time.Duration // when the caller gives up, 0 for never
		transport  roundTrip
		kind       task.Kind
		canceled   bool
		atLeast    time.Duration
		atMost     time.Duration
		attempts   int
		retryAfter time.Duration
	}{
		{
			name: "never answers", transport: stalled,
			kind: task.Timeout, atLeast: callTimeout, atMost: callTimeout, attempts: 2,
		},
		{
			name: "the caller's deadline", transport: stalled, limit: time.Second,
			kind: task.Timeout, atLeast: time.Second, atMost: time.Second, attempts: 1,
		},
		{
			name: "the caller gives up", transport: stalled, cancel: time.Second,
			canceled: true, atLeast: time.Second, atMost: time.Second, attempts: 1,
		},
		{
			name:      "the caller gives up while waiting",
			transport: func(*http.Request) (*http.Response, error) { return respond(429, http.Header{"Retry-After": {"2"}}) },
			cancel:    time.Second, canceled: true, atLeast: time.Second, atMost: time.Second, attempts: 1,
		},
		{
			name:      "throttled, then there is no time for a third attempt",
			transport: func(*http.Request) (*http.Response, error) { return respond(429, http.Header{"Retry-After": {"2"}}) },
			kind:      task.Throttled, atLeast: 2 * time.Second, atMost: callTimeout, attempts: 2, retryAfter: 2 * time.Second,
		},
		{
			name: "slow failures",
			transport: func(*http.Request) (*http.Response, error) {
				time.Sleep(1800 * time.Millisecond)
				return respond(503, http.Header{})
			},
			kind: task.Throttled, atLeast: 3600 * time.Millisecond, atMost: callTimeout, attempts: 2,
		},
		{
			name: "the caller's deadline is too near to retry", limit: 400 * time.Millisecond,
			transport: func(*http.Request) (*http.Response, error) { return respond(503, http.Header{}) },
			kind:      task.Throttled, atMost: 0, attempts: 1,
		},
		{
			name: "quick failures",
			transport: func(*http.Request) (*http.Response, error) {
				return respond(503, http.Header{})
			},
			kind: task.Throttled, atLeast: 200 * time.Millisecond, atMost: 600 * time.Millisecond, attempts: 3,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := New("https://cloudsso.cn-shanghai.aliyuncs.com", acs.NewCredentials(true, "", ""))
				client.Transport = test.transport
				attempts := 0
				client.Observe = func(context.Context, acs.Call) { attempts++ }
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
				_, err := client.GetTaskStatus(ctx, directory, taskID)
				took := time.Since(started)
				e, ok := errors.AsType[*task.Error](err)
				switch {
				case test.canceled && (ok || !errors.Is(err, context.Canceled)):
					t.Errorf("error %v, want canceled", err)
				case !test.canceled && (!ok || e.Kind != test.kind || e.RetryAfter != test.retryAfter):
					t.Errorf("error %+v, want %v with RetryAfter %v", err, test.kind, test.retryAfter)
				case test.kind == task.Timeout && !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("error %v is not that of a deadline", err)
				}
				if took < test.atLeast || took > test.atMost {
					t.Errorf("took %v, want %v to %v", took, test.atLeast, test.atMost)
				}
				if attempts != test.attempts {
					t.Errorf("%d attempts, want %d", attempts, test.attempts)
				}
			})
		})
	}
}

// TestOneAttemptStalls: what swallows a request once is not seen by the caller.
func TestOneAttemptStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := New("https://cloudsso.cn-shanghai.aliyuncs.com", acs.NewCredentials(true, "", ""))
		attempts := 0
		client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if attempts++; attempts == 1 {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(running))}, nil
		})
		started := time.Now()
		got, err := client.GetTaskStatus(invocation(), directory, taskID)
		if took := time.Since(started); err != nil || got.Status != task.InProgress || took > 3*time.Second {
			t.Errorf("got %+v, %v after %v", got, err, took)
		}
	})
}

func TestEndedBefore(t *testing.T) {
	client, record := newClient(t, serve(t, reply(200, running)))
	ctx, cancel := context.WithCancel(invocation())
	cancel()
	if _, err := client.GetTaskStatus(ctx, directory, taskID); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	if len(record.calls) != 0 {
		t.Errorf("%d requests after the caller gave up", len(record.calls))
	}
}

func TestTransport(t *testing.T) {
	t.Run("one connection for many calls, and the TLS session after it", func(t *testing.T) {
		var connections atomic.Int32
		var last *http.Request
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			last = r
			reply(200, running)(w, r)
		}))
		server.EnableHTTP2 = true
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		server.StartTLS()
		defer server.Close()
		client, _ := newClient(t, server)
		get := func() {
			t.Helper()
			if _, err := client.GetTaskStatus(invocation(), directory, taskID); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			get()
		}
		if n := connections.Load(); n != 1 || last.Proto != "HTTP/1.1" {
			t.Errorf("%d connections of %s, want 1 of HTTP/1.1", n, last.Proto)
		}
		client.Transport.(*http.Transport).CloseIdleConnections()
		get()
		if n := connections.Load(); n != 2 || !last.TLS.DidResume {
			t.Errorf("%d connections, session resumed %t; want 2, resumed", n, last.TLS.DidResume)
		}
	})

	t.Run("an error keeps the connection, an answer too long does not", func(t *testing.T) {
		handlers := []http.HandlerFunc{reply(403, failed("NoPermission")), reply(200, running), huge, reply(200, running)}
		var peers []string
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			peers = append(peers, r.RemoteAddr)
			handlers[len(peers)-1](w, r)
		})
		client, _ := newClient(t, server)
		for range 3 { // the third is answered too long and made again
			_, _ = client.GetTaskStatus(invocation(), directory, taskID)
		}
		if len(peers) != 4 || peers[0] != peers[1] || peers[1] != peers[2] || peers[2] == peers[3] {
			t.Errorf("connections %v: want one for the first three", peers)
		}
	})

	t.Run("a kept connection that died is not seen by the caller", func(t *testing.T) {
		for _, hard := range []bool{false, true} {
			requests := 0
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if requests++; requests == 2 {
					drop(hard)(w, r)
					return
				}
				reply(200, running)(w, r)
			})
			client, record := newClient(t, server)
			for range 2 {
				if _, err := client.GetTaskStatus(invocation(), directory, taskID); err != nil {
					t.Fatal(err)
				}
			}
			if requests != 3 || len(record.calls) != 2 || len(record.waits) != 0 {
				t.Errorf("%d requests, %d attempts, %d waits; want 3, 2, 0", requests, len(record.calls), len(record.waits))
			}
		}
	})

	t.Run("a server that closes idle connections", func(t *testing.T) {
		server := serve(t, reply(200, running))
		client, record := newClient(t, server)
		for range 3 {
			if _, err := client.GetTaskStatus(invocation(), directory, taskID); err != nil {
				t.Fatal(err)
			}
			server.CloseClientConnections()
		}
		if len(record.waits) != 0 {
			t.Errorf("%d waits, want none", len(record.waits))
		}
	})

	t.Run("refused", func(t *testing.T) {
		server := serve(t, reply(200, running))
		client, record := newClient(t, server)
		server.Close()
		_, err := client.GetTaskStatus(invocation(), directory, taskID)
		if task.KindOf(err) != task.Upstream || len(record.calls) != 3 || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("error %v after %d attempts", err, len(record.calls))
		}
		checkNoSecrets(t, err)
	})

	t.Run("unknown authority", func(t *testing.T) {
		server := httptest.NewTLSServer(reply(200, running))
		defer server.Close()
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
		client, record := newClient(t, server)
		client.Transport.(*http.Transport).TLSClientConfig.RootCAs = x509.NewCertPool()
		_, err := client.GetTaskStatus(invocation(), directory, taskID)
		if task.KindOf(err) != task.Upstream || len(record.calls) != 1 || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("error %v after %d attempts", err, len(record.calls))
		}
	})

	t.Run("TLS handshake that never ends", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		client := New("https://"+listener.Addr().String(), acs.NewCredentials(true, "", ""))
		client.Transport.(*http.Transport).TLSHandshakeTimeout = 20 * time.Millisecond
		if _, err := client.GetTaskStatus(invocation(), directory, taskID); task.KindOf(err) != task.Timeout {
			t.Errorf("error %v, want timeout", err)
		}
	})

	t.Run("a token that no header can hold", func(t *testing.T) {
		client, _ := newClient(t, serve(t, reply(200, running)))
		_, err := client.GetTaskStatus(acs.WithCredentials(t.Context(), accessKeyID, secret, token+"\n\n"+token), directory, taskID)
		if task.KindOf(err) != task.Upstream {
			t.Errorf("error %v", err)
		}
		checkNoSecrets(t, err)
	})
}

func TestObserve(t *testing.T) {
	type contextKey struct{}
	client, _ := newClient(t, serve(t, reply(404, failed("EntityNotExists.Task"))))
	clock := now
	client.Now = func() time.Time { clock = clock.Add(time.Second); return clock }
	var got acs.Call
	var from any
	client.Observe = func(ctx context.Context, call acs.Call) { got, from = call, ctx.Value(contextKey{}) }
	_, _ = client.GetTask(context.WithValue(invocation(), contextKey{}, "mine"), directory, taskID)
	want := acs.Call{Action: "GetTask", Attempt: 1, Status: 404, Code: "EntityNotExists.Task", RequestID: "R-2", Duration: time.Second}
	if got != want || from != "mine" {
		t.Errorf("observed %+v with %v, want %+v", got, from, want)
	}
}

func TestConcurrent(t *testing.T) {
	client, record := newClient(t, serve(t, reply(200, running)))
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := client.GetTaskStatus(invocation(), directory, taskID); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(record.calls) != 20 {
		t.Errorf("%d calls", len(record.calls))
	}
}
