package main

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// binDir holds the binaries that the tests build, each once.
var binDir string

var (
	buildFunction = sync.OnceValues(func() (string, error) { return build("taskstatus/function") })
	buildEcho     = sync.OnceValues(func() (string, error) { return build("./testdata/echo") })
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if binDir, err = os.MkdirTemp("", "local"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(binDir)
		return m.Run()
	}())
}

func build(source string) (string, error) {
	binary := filepath.Join(binDir, filepath.Base(source))
	command := exec.Command("go", "build", "-o", binary, source)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", source, err, output)
	}
	return binary, nil
}

// echo returns the binary of testdata/echo.
func echo(t testing.TB) string {
	t.Helper()
	binary, err := buildEcho()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// options are what a stage can be asked for. The zero value is what the
// program does by default, on ports of its own.
type options struct {
	binary    string            // in place of the function
	env       map[string]string // of the caller: what of it is the function's reaches the function
	instances int
	timeout   time.Duration
	async     queueConfig // its zero members are as by default; negative retries: none
	timers    []timerSpec
	events    string
	rotate    time.Duration
	thawed    bool // do not freeze
	now       func() time.Time
	after     func(time.Duration) <-chan time.Time
}

// A stage is everything running for one test.
type stage struct {
	*cloud
	log *logBuffer
}

// start opens a stage and closes it with the test. When the test fails, what
// the function and CloudSSO logged is shown.
func start(t testing.TB, o options) *stage {
	t.Helper()
	record := ""
	if o.binary == "" {
		if dir := os.Getenv("EXCHANGES"); dir != "" {
			record = filepath.Join(dir, "local-"+rand.Text()+".jsonl")
		}
		binary, err := buildFunction()
		if err != nil {
			t.Fatal(err)
		}
		o.binary = binary
	}
	s := &stage{log: new(logBuffer)}
	c := config{
		function:     o.binary,
		frontAddr:    "127.0.0.1:0",
		consoleAddr:  "127.0.0.1:0",
		cloudSSOAddr: "127.0.0.1:0",
		chatAddr:     "127.0.0.1:0",
		instances:    max(o.instances, 1),
		freeze:       !o.thawed,
		timeout:      o.timeout,
		async:        o.async,
		timers:       o.timers,
		events:       o.events,
		rotate:       o.rotate,
		record:       record,
		seed:         1,
		environ:      []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")},
		log:          s.log,
		now:          o.now,
		after:        o.after,
	}
	if o.timeout == 0 {
		c.timeout = 30 * time.Second
	}
	c.async.timeout = cmp.Or(o.async.timeout, 600*time.Second)
	c.async.retries = max(cmp.Or(o.async.retries, maxRetries), 0)
	c.async.eventAge = cmp.Or(o.async.eventAge, defaultEventAge)
	if o.now == nil {
		c.now = time.Now
	}
	for name, value := range o.env {
		c.environ = append(c.environ, name+"="+value)
	}
	opened, err := openCloud(c)
	if err != nil {
		t.Fatal(err)
	}
	s.cloud = opened
	t.Cleanup(func() {
		s.Close()
		if t.Failed() {
			t.Logf("log:\n%s", s.log)
		}
	})
	return s
}

// A reply is an HTTP response, read.
type reply struct {
	status int
	header http.Header
	body   string
}

// do sends a request; headers are names and values by turns.
func do(t testing.TB, method, url, body string, headers ...string) reply {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	return send(t, request)
}

// get asks the front for a path.
func (s *stage) get(t testing.TB, path string, headers ...string) reply {
	t.Helper()
	return do(t, http.MethodGet, s.frontURL+path, "", headers...)
}

// send sends any request to the front.
func (s *stage) send(t testing.TB, method, path, body string, headers ...string) reply {
	t.Helper()
	return do(t, method, s.frontURL+path, body, headers...)
}

// order sends an order to the console and wants it taken.
func (s *stage) order(t testing.TB, method, path, body string, headers ...string) reply {
	t.Helper()
	r := do(t, method, s.consoleURL+path, body, headers...)
	if r.status != http.StatusOK && r.status != http.StatusAccepted {
		t.Fatalf("%s %s: status %d: %s", method, path, r.status, r.body)
	}
	return r
}

// invoke runs the function with a payload.
func (s *stage) invoke(t testing.TB, payload string, headers ...string) reply {
	t.Helper()
	return s.order(t, http.MethodPost, "/invoke", payload, headers...)
}

// invokeLater has the function run asynchronously, and returns the request's id.
func (s *stage) invokeLater(t testing.TB, payload string) string {
	t.Helper()
	return s.invoke(t, payload, "X-Fc-Invocation-Type", "Async").header.Get("X-Fc-Request-Id")
}

// queued returns how many asynchronous invocations are not at an end.
func (s *stage) queued(t testing.TB) (counts queueState) {
	t.Helper()
	decode(t, s.order(t, http.MethodGet, "/queue", "").body, &counts)
	return counts
}

// ended waits for the end of all asynchronous invocations, and returns what became of them.
func (s *stage) ended(t testing.TB) (sent destinationLists) {
	t.Helper()
	eventually(t, "the queue is empty", func() bool { return s.queued(t) == queueState{} })
	decode(t, s.order(t, http.MethodGet, "/destinations", "").body, &sent)
	return sent
}

// createTask makes a task, such as of "seconds=0&status=Failed", and returns its id.
func (s *stage) createTask(t testing.TB, query string) string {
	t.Helper()
	var answer struct {
		Task  struct{ TaskID string }
		Tasks []struct{ TaskID string }
	}
	decode(t, s.order(t, http.MethodPost, "/tasks?"+query, "").body, &answer)
	if len(answer.Tasks) > 0 {
		return answer.Tasks[0].TaskID
	}
	return answer.Task.TaskID
}

// setFault turns a fault on, such as "kind=reset&count=1".
func (s *stage) setFault(t testing.TB, query string) {
	t.Helper()
	s.order(t, http.MethodPost, "/faults?"+query, "")
}

// clearFaults turns all faults off.
func (s *stage) clearFaults(t testing.TB) {
	t.Helper()
	s.order(t, http.MethodDelete, "/faults", "")
}

// rotate changes the role's key; with expire, earlier ones are refused from now on.
func (s *stage) rotate(t testing.TB, expire bool) {
	t.Helper()
	s.order(t, http.MethodPost, fmt.Sprintf("/credentials/rotate?expire=%t", expire), "")
}

// counts returns what CloudSSO was asked so far.
func (s *stage) counts(t testing.TB) callStats {
	t.Helper()
	var counts callStats
	decode(t, s.order(t, http.MethodGet, "/stats", "").body, &counts)
	return counts
}

// call asks CloudSSO, signed with the role's key, and wants an answer of any status.
func (s *stage) call(t testing.TB, params ...string) reply {
	t.Helper()
	used, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}
	return send(t, sign(t, s.cloudSSOURL, used, s.cloudSSO.now(), params...))
}

// sign returns a request for an action, signed by ACS3. The parameters are
// names and values by turns, the first being Action. The canonical form is
// written here anew, for the verifier to be wrong by itself.
func sign(t testing.TB, endpoint string, used key, at time.Time, params ...string) *http.Request {
	t.Helper()
	query := url.Values{}
	for i := 2; i < len(params); i += 2 {
		query.Set(params[i], params[i+1])
	}
	encoded := strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(query.Encode())
	request, err := http.NewRequest(http.MethodGet, endpoint+"/?"+encoded, nil)
	if err != nil {
		t.Fatal(err)
	}
	emptyHash := sha256.Sum256(nil)
	signACS3(request, used, "/", encoded, [][2]string{ // in order
		{"host", request.URL.Host},
		{"x-acs-action", params[1]},
		{"x-acs-content-sha256", hex.EncodeToString(emptyHash[:])},
		{"x-acs-date", at.UTC().Format(time.RFC3339)},
		{"x-acs-security-token", used.Token},
		{"x-acs-signature-nonce", rand.Text()},
		{"x-acs-version", "2021-05-15"},
	}, hex.EncodeToString(emptyHash[:]))
	return request
}

// say types a text into a chat and returns what came of it. Further fields of
// the form are names and values by turns: from, in, forge, secret, again.
func (s *stage) say(t testing.TB, platform, text string, fields ...string) saying {
	t.Helper()
	form := url.Values{"platform": {platform}, "text": {text}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	var said saying
	decode(t, s.orderChat(t, http.MethodPost, "/say", form.Encode()).body, &said)
	return said
}

// messages returns what came to a platform, or with none named to all, oldest first.
func (s *stage) messages(t testing.TB, platform string) []chatEntry {
	t.Helper()
	var entries []chatEntry
	decode(t, s.orderChat(t, http.MethodGet, "/messages?platform="+platform, "").body, &entries)
	return entries
}

// clearMessages empties all conversations.
func (s *stage) clearMessages(t testing.TB) {
	t.Helper()
	s.orderChat(t, http.MethodDelete, "/messages", "")
}

// setChatFault turns a fault of a platform on, such as "platform=slack&kind=down&count=1".
func (s *stage) setChatFault(t testing.TB, query string) {
	t.Helper()
	s.orderChat(t, http.MethodPost, "/faults?"+query, "")
}

// clearChatFaults turns all faults of the platforms off.
func (s *stage) clearChatFaults(t testing.TB) {
	t.Helper()
	s.orderChat(t, http.MethodDelete, "/faults", "")
}

// checkAddress makes Feishu or WeCom check the function's address, and returns
// what it finds wrong.
func (s *stage) checkAddress(t testing.TB, platform string) string {
	t.Helper()
	var result struct {
		OK    bool
		Error string
	}
	decode(t, s.orderChat(t, http.MethodPost, "/check", "platform="+platform).body, &result)
	if !result.OK && result.Error == "" {
		t.Errorf("%s: neither good nor an error", platform)
	}
	return result.Error
}

// orderChat sends an order to the chats' stand-in and wants it taken.
func (s *stage) orderChat(t testing.TB, method, path, form string) reply {
	t.Helper()
	r := do(t, method, s.chatURL+path, form, "Content-Type", "application/x-www-form-urlencoded")
	if r.status != http.StatusOK {
		t.Fatalf("%s %s: status %d: %s", method, path, r.status, r.body)
	}
	return r
}

// setRight allows or denies the function's role something, such as "deny=fc:InvokeFunction".
func (s *stage) setRight(t testing.TB, query string) {
	t.Helper()
	s.order(t, http.MethodPost, "/rights?"+query, "")
}

// invokeSigned calls InvokeFunction of FC's API for a function, signed with the role's key.
func (s *stage) invokeSigned(t testing.TB, name, payload string, headers ...string) reply {
	t.Helper()
	used, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}
	request := signInvoke(t, s.consoleURL, name, payload, used, time.Now())
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return send(t, request)
}

// send sends a request. A redirect is an answer to look at.
func send(t testing.TB, request *http.Request) reply {
	t.Helper()
	return sendFrom(t, request, nil)
}

// sendFrom is send from an address of this machine's. A connection kept is one that
// the next stage could mistake for its own.
func sendFrom(t testing.TB, request *http.Request, from net.IP) reply {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	response, err := (&http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// signInvoke returns a request for InvokeFunction, signed by ACS3.
func signInvoke(t testing.TB, endpoint, name, payload string, used key, at time.Time) *http.Request {
	t.Helper()
	path := "/2023-03-30/functions/" + strings.NewReplacer("+", "%20", "%7E", "~").Replace(url.QueryEscape(name)) + "/invocations"
	request, err := http.NewRequest(http.MethodPost, endpoint+path, strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	bodyHash := sha256.Sum256([]byte(payload))
	signACS3(request, used, path, "", [][2]string{ // in order
		{"content-type", "application/json"},
		{"host", request.URL.Host},
		{"x-acs-action", "InvokeFunction"},
		{"x-acs-content-sha256", hex.EncodeToString(bodyHash[:])},
		{"x-acs-date", at.UTC().Format(time.RFC3339)},
		{"x-acs-security-token", used.Token},
		{"x-acs-signature-nonce", rand.Text()},
		{"x-acs-version", "2023-03-30"},
	}, hex.EncodeToString(bodyHash[:]))
	return request
}

// signACS3 sets the headers on a request and signs them.
func signACS3(request *http.Request, used key, path, query string, headers [][2]string, bodyHash string) {
	var names []string
	canonical := request.Method + "\n" + path + "\n" + query + "\n"
	for _, header := range headers {
		names = append(names, header[0])
		canonical += header[0] + ":" + header[1] + "\n"
		request.Header.Set(header[0], header[1])
	}
	signed := strings.Join(names, ";")
	hash := sha256.Sum256([]byte(canonical + "\n" + signed + "\n" + bodyHash))
	mac := hmac.New(sha256.New, []byte(used.Secret))
	fmt.Fprintf(mac, "ACS3-HMAC-SHA256\n%x", hash)
	request.Header.Set("Authorization", fmt.Sprintf("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%x", used.ID, signed, mac.Sum(nil)))
}

// decode reads a JSON text.
func decode(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	within(t, 10*time.Second, what, holds)
}

// within is for what takes its time by design.
func within(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

// A logBuffer keeps what several processes log.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// A clock is set by hand.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	waiting []alarm
}

// An alarm goes off when the clock is set to a time, or past it.
type alarm struct {
	at   time.Time
	ring chan time.Time
}

func newClock(now time.Time) *clock { return &clock{now: now} }

// After stands in for time.After.
func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	set := alarm{c.now.Add(d), make(chan time.Time, 1)}
	if d <= 0 {
		set.ring <- c.now
	} else {
		c.waiting = append(c.waiting, set)
	}
	return set.ring
}

// waits reports whether somebody waits for just that long.
func (c *clock) waits(d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.waiting, func(a alarm) bool { return a.at.Equal(c.now.Add(d)) })
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waiting = slices.DeleteFunc(c.waiting, func(a alarm) bool {
		if a.at.After(c.now) {
			return false
		}
		a.ring <- c.now
		return true
	})
}
