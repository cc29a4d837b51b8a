package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// looked is what it says of a site.
func looked(t *testing.T, client *http.Client, site, token string) (string, error) {
	t.Helper()
	variables := map[string]string{"PUBLIC_URL": site, "TOKEN": token}
	var out strings.Builder
	err := run(t.Context(), client, func(name string) string { return variables[name] }, &out)
	return out.String(), err
}

// A site answers like the function, but where it is given something else to say.
type site struct {
	header http.Header // beside what all have
	paths  map[string]http.HandlerFunc
}

func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, values := range s.header {
		w.Header()[name] = values
	}
	path := r.URL.Path
	if strings.HasPrefix(path, "/tasks/t-") {
		path = "/tasks/{taskId}"
	}
	if answer, ok := s.paths[path]; ok {
		answer(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	switch path {
	case "/healthz":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "ok")
	case "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html>")
	default:
		told(http.StatusNotFound, problem{Type: "/problems/not-found", Detail: "there is no " + strings.TrimPrefix(r.URL.Path, "/tasks/")})(w, r)
	}
}

// told answers with a problem document of the function's.
func told(status int, p problem) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"type": p.Type, "title": p.Title, "detail": p.Detail, "hint": p.Hint, "requestId": p.RequestID, "status": status})
	}
}

// foreign answers as Function Compute itself does.
func foreign(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func TestSite(t *testing.T) {
	const task = "/tasks/{taskId}"
	at := func(path string, answer http.HandlerFunc) site {
		return site{paths: map[string]http.HandlerFunc{path: answer}}
	}
	for _, test := range []struct {
		name  string
		site  site
		token string
		want  string // how what is wrong begins; empty where nothing is
		says  string // in what is said of what is good
	}{
		{"all is well", site{}, "hunter2", "", "CloudSSO answers the function's role\n"},
		{"open to everybody", site{}, "", "", "CloudSSO answers the function's role\n"},
		{"no token given", at(task, told(401, problem{Type: "/problems/unauthorized"})), "", "", "with TOKEN set to one"},
		{"a task after all", at(task, foreign(200, `{"taskId":"t-0"}`, "Content-Security-Policy", "default-src 'none'")), "hunter2", "", "CloudSSO answers the function's role\n"},
		{"a task by somebody else", at(task, foreign(200, `<!DOCTYPE html>`)), "hunter2", "function: HTTP 200, and not as", ""},
		{"a task by somebody else, in JSON", at(task, foreign(200, `{}`)), "hunter2", "function: HTTP 200, and not as", ""},
		{"a page that breaks", at("/", foreign(500, `<!DOCTYPE html>`, "Content-Type", "text/html", "Content-Security-Policy", "default-src 'none'")), "hunter2", "pages: / answers HTTP 500", "CloudSSO answers the function's role\n"},
		{"an id that CloudSSO does not take", at(task, told(400, problem{Type: "/problems/invalid"})), "hunter2", "", "look up a real task"},
		{"the default domain", site{header: http.Header{"Content-Disposition": {"attachment"}}}, "hunter2", "domain: browsers download the pages", "CloudSSO answers the function's role\n"},
		{"a domain that is not deployed", at("/healthz", foreign(404, `{"RequestId":"1-6b","Code":"DomainNameNotFound","Message":"domain name 'x' does not exist"}`)), "", "domain: Function Compute does not know 127.0.0.1", ""},
		{"no function", at("/healthz", foreign(404, `{"ErrorCode":"FunctionNotFound","ErrorMessage":"hunter2"}`)), "", "function: Function Compute has nothing at this address (FunctionNotFound)", ""},
		{"a function that does not start", at("/healthz", foreign(502, `{"errorMessage":"hunter2"}`, "X-Fc-Error-Type", "FunctionUnhandledError")), "", "function: it does not start, or broke (FunctionUnhandledError)", ""},
		{"one that breaks with 200", at("/healthz", foreign(200, `{"errorMessage":"hunter2"}`, "X-Fc-Error-Type", "UnhandledInvocationError")), "", "function: it does not start, or broke", ""},
		{"a gateway's failure", at("/healthz", foreign(502, `{"Code":"BadResponse"}`)), "", "function: it is not the function that answers, but Function Compute or something before it: HTTP 502 BadResponse", ""},
		{"a gateway's page", at("/healthz", foreign(403, `<h1>hunter2</h1>`, "Content-Type", "text/html")), "", "function: it is not the function that answers", ""},
		{"a redirect", at("/healthz", foreign(301, "", "Location", "https://example.com/")), "", "domain: 127.0.0.1 redirects elsewhere", ""},
		{"something else", at("/healthz", foreign(200, "hello")), "", "function: /healthz answers HTTP 200 and not ok", ""},
		{"pages that are none", at("/", foreign(200, "{}")), "", `pages: / is "application/json"`, ""},
		{"headers that are lost", at("/", foreign(200, "", "Content-Type", "text/html")), "", "pages: the function's security headers are lost", ""},
		{"nobody is let in", at(task, told(503, problem{Type: "/problems/unconfigured"})), "hunter2", "access: nobody is let in yet", ""},
		{"a wrong token", at(task, told(401, problem{Type: "/problems/unauthorized"})), "hunter2", "access: TOKEN is not let in", ""},
		{"too many wrong tokens", at(task, told(429, problem{Type: "/problems/too-many-attempts"})), "hunter2", "access: too many wrong tokens", ""},
		{"throttled", at(task, told(503, problem{Type: "/problems/throttled", Title: "CloudSSO is busy", Hint: "Wait.", RequestID: "1-6b"})), "hunter2", "CloudSSO: CloudSSO is busy: Wait. (request id 1-6b)", ""},
		{"too slow", at(task, told(504, problem{Type: "/problems/timeout", Title: "CloudSSO took too long"})), "hunter2", "CloudSSO: CloudSSO took too long", ""},
		{"a bug", at(task, told(500, problem{Type: "/problems/internal", Title: "Something went wrong here", RequestID: "1-6b"})), "hunter2", "function: Something went wrong here (request id 1-6b)", ""},
		{"no words", at(task, func(w http.ResponseWriter, r *http.Request) {
			foreign(500, "hunter2", "Content-Security-Policy", "default-src 'none'")(w, r)
		}), "hunter2", "function: HTTP 500", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.site)
			defer server.Close()
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			said, err := looked(t, client, server.URL+"/", test.token)
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if !strings.Contains(said, test.says) || strings.Contains(said+fmt.Sprint(err), "hunter2") {
				t.Errorf("said %s %v, want %q in it", said, err, test.says)
			}
		})
	}
}

// TestWay: what can be wrong before anybody answers.
func TestWay(t *testing.T) {
	over := httptest.NewUnstartedServer(site{})
	over.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of every refused certificate
	over.StartTLS()
	defer over.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	still := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer still.Close()
	trusting := func(change func(*tls.Config)) *http.Client {
		transport := over.Client().Transport.(*http.Transport).Clone()
		transport.DisableKeepAlives = true
		transport.TLSClientConfig.ServerName = "" // which the test's client takes for everything
		change(transport.TLSClientConfig)
		return &http.Client{Transport: transport}
	}
	port := over.Listener.Addr().(*net.TCPAddr).Port
	asking := func(code byte) *http.Client {
		names := &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: nameServer(t, code)}}
		return &http.Client{Transport: &http.Transport{DialContext: names.DialContext}}
	}
	for _, test := range []struct {
		name, site string
		client     *http.Client
		want       string
	}{
		{"all is well", over.URL, trusting(func(*tls.Config) {}), ""},
		{"no name", "https://status.example.com", asking(noSuchName), "domain: status.example.com does not resolve: make it a CNAME of <account id>.<region>.fc.aliyuncs.com"},
		{"no name server", "https://status.example.com", asking(serverFailure), "network: the name server does not say where status.example.com is"},
		{"nobody there", gone.URL, new(http.Client), "network: 127.0.0.1 does not answer over http"},
		{"not over https", strings.Replace(gone.URL, "http:", "https:", 1), new(http.Client), "network: 127.0.0.1 does not answer over https"},
		{"silence", still.URL, &http.Client{Timeout: 50 * time.Millisecond}, "network: 127.0.0.1 did not answer in time"},
		{"an unknown authority", over.URL, new(http.Client), "certificate: nobody who is trusted here vouches for it"},
		{"another name's certificate", fmt.Sprintf("https://localhost:%d", port), trusting(func(*tls.Config) {}), "certificate: it is for example.com"},
		{"an old certificate", over.URL, trusting(func(c *tls.Config) { c.Time = func() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) } }), "certificate: it is out of date"},
		{"no address", "", nil, "PUBLIC_URL is not set"},
		{"a path", "https://status.example.com/tasks", nil, "PUBLIC_URL: "},
		{"no scheme", "status.example.com", nil, "PUBLIC_URL: "},
		{"a token that everybody could read", "http://status.example.com", nil, "PUBLIC_URL: \"http://status.example.com\" does not begin with https://"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := looked(t, test.client, test.site, "")
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// What a name server answers with (RFC 1035, section 4.1.1).
const serverFailure, noSuchName = 2, 3

// nameServer leads to a name server that answers every question with that code.
func nameServer(t *testing.T, code byte) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		for packet := make([]byte, 512); ; {
			n, from, err := server.ReadFrom(packet)
			if err != nil {
				return
			}
			packet[2], packet[3] = 0x81, 0x80|code // an answer
			server.WriteTo(packet[:n], from)
		}
	}()
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}
}

// TestFunction looks at the built function itself, which asks a CloudSSO that answers
// this and that: what it says of each is told apart.
func TestFunction(t *testing.T) {
	var code atomic.Value
	cloudSSO := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		status := http.StatusForbidden
		if strings.HasPrefix(code.Load().(string), "EntityNotExists") {
			status = http.StatusNotFound
		}
		foreign(status, fmt.Sprintf(`{"Code":%q,"RequestId":"005F4623","Message":"hunter2"}`, code.Load()))(w, nil)
	}))
	defer cloudSSO.Close()
	const token, hash = "hunter2", "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7"
	binary := filepath.Join(t.TempDir(), "function")
	if out, err := exec.Command("go", "build", "-o", binary, "taskstatus/function").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	function := listening(t, binary, "CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_ENDPOINT="+cloudSSO.URL, "ACCESS_TOKENS=smoke:"+hash,
		"ALIBABA_CLOUD_ACCESS_KEY_ID=id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=secret-hunter2")
	for _, test := range []struct {
		name, code, token string
		want              string
	}{
		{"all is well", "EntityNotExists.Task", token, ""},
		{"no token given", "EntityNotExists.Task", "", ""},
		{"a wrong token", "EntityNotExists.Task", "wrong-hunter2", "access: TOKEN is not let in"},
		{"another directory or region", "EntityNotExists.Directory", token, "directory: directory d-00fc2p61abcd is not known in this region; set CLOUDSSO_DIRECTORY_ID"},
		{"a right that is missing", "NoPermission", token, "role: CloudSSO refused this function: For the operator: the function's RAM role needs cloudsso:GetTaskStatus"},
		{"a key that is wrong", "InvalidAccessKeyId.NotFound", token, "role: CloudSSO refused this function: the credentials of this function are not accepted"},
		{"a clock that is wrong", "InvalidTimeStamp.Expired", token, "role: CloudSSO refused this function: the clock of this function is off"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code.Store(test.code)
			said, err := looked(t, new(http.Client), function, test.token)
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s: %s", err, test.want, said)
			}
			if strings.Contains(said+fmt.Sprint(err), "hunter2") {
				t.Errorf("said %s %v", said, err)
			}
		})
	}
	t.Run("nobody is let in", func(t *testing.T) {
		closed := listening(t, binary, "CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_ENDPOINT="+cloudSSO.URL)
		if _, err := looked(t, new(http.Client), closed, token); err == nil || !strings.HasPrefix(err.Error(), "access: nobody is let in yet") {
			t.Errorf("got %v", err)
		}
	})
}

// listening starts the function as a plain server, and returns where it is.
func listening(t *testing.T, binary string, environ ...string) string {
	t.Helper()
	command := exec.Command(binary, "-listen", "127.0.0.1:0")
	command.Env = append([]string{"HOME=" + t.TempDir()}, environ...)
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			go func() {
				for lines.Scan() { // else it would stop at a full pipe
				}
			}()
			return "http://" + line.Address
		}
	}
	t.Fatal("it does not listen")
	return ""
}
