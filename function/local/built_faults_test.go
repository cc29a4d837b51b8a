package main

import (
	"cmp"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// These tests have the function, as it is deployed, meet what can go wrong
// between it and CloudSSO.

const (
	patienceHint   = "Try again in a few seconds"
	operatorHint   = "For the operator"
	clockHint      = "set this machine&#39;s clock"
	roleHint       = "needs a RAM role that Function Compute may assume"
	badCredentials = "the credentials of this function are not accepted"
	// noAnswerYet is how a chat is told what takes too long for it.
	noAnswerYet = "Still checking"
)

// A faultTest is something that goes wrong, and what each kind of caller is told.
type faultTest struct {
	name string
	// set has it go wrong on a stage that works, and returns how to have it work again.
	set func(*testing.T, *stage) (mend func())
	// env is that of a stage of its own, where it goes wrong from the beginning.
	env func(*testing.T) map[string]string
	// The problem; empty for none, because the caller notices nothing.
	problem    string
	status     int
	retryAfter string
	says       []string // in the problem, and in the page
	// chat is the title in a chat; empty for the problem's.
	chat string
	// unasked means that nothing went to CloudSSO.
	unasked bool
}

// faultOn turns one of the faults of CloudSSO's stand-in on.
func faultOn(query string) func(*testing.T, *stage) func() {
	return func(t *testing.T, s *stage) func() {
		s.setFault(t, "kind="+query)
		return func() { s.clearFaults(t) }
	}
}

// clockOff has CloudSSO's clock that much ahead of the function's.
func clockOff(ahead string) func(*testing.T, *stage) func() {
	return func(t *testing.T, s *stage) func() {
		s.order(t, http.MethodPost, "/clock?ahead="+ahead, "")
		return func() { s.order(t, http.MethodPost, "/clock?ahead=0", "") }
	}
}

// endpoint is the environment with another address for CloudSSO.
func endpoint(address func(*testing.T) string) func(*testing.T) map[string]string {
	return func(t *testing.T) map[string]string {
		return map[string]string{"CLOUDSSO_ENDPOINT": address(t)}
	}
}

var faultTests = []faultTest{
	{name: "throttled for a minute", set: faultOn("throttle400&ms=60000"), problem: "throttled", status: 503, retryAfter: "60", says: []string{"CloudSSO is busy", patienceHint}},
	{name: "throttled for a moment", set: faultOn("throttle400&ms=10"), problem: "throttled", status: 503, retryAfter: "1", says: []string{patienceHint}},
	{name: "throttled with 429", set: faultOn("throttle429"), problem: "throttled", status: 503, retryAfter: "3", says: []string{patienceHint}},
	{name: "no permission", set: faultOn("nopermission"), problem: "refused", status: 502, says: []string{operatorHint, "cloudsso:GetTaskStatus"}},
	{name: "unknown key", set: faultOn("unknownkey"), problem: "refused", status: 502, says: []string{operatorHint, badCredentials, roleHint}},
	{name: "expired token", set: faultOn("expiredtoken"), problem: "refused", status: 502, says: []string{operatorHint, badCredentials, roleHint}},
	{name: "bad signature", set: faultOn("badsignature"), problem: "refused", status: 502, says: []string{operatorHint, badCredentials, roleHint}},
	{name: "nonce used", set: faultOn("nonceused"), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "wrong directory", set: faultOn("wrongdirectory"), problem: "not-found", status: 404, says: []string{"directory " + defaultDirectory + " is not known in this region"}},
	{name: "unavailable", set: faultOn("unavailable"), problem: "upstream", status: 502, retryAfter: "3", says: []string{"CloudSSO gave no usable answer", patienceHint}},
	{name: "internal error", set: faultOn("error500"), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "HTML", set: faultOn("html"), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "cut", set: faultOn("cut"), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "no status", set: faultOn("nostatus"), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "another task", set: faultOn("othertask"), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "times that are none", set: faultOn("badtimes"), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "reset", set: faultOn("reset"), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "huge", set: faultOn("huge"), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "stall", set: faultOn("stall"), problem: "timeout", status: 504, retryAfter: "3", says: []string{"CloudSSO took too long", patienceHint}, chat: noAnswerYet},
	{name: "slow, but not too slow", set: faultOn("slow&ms=300"), status: 200},

	{name: "the clock is 20 minutes behind", set: clockOff("20m"), problem: "refused", status: 502, says: []string{" behind CloudSSO&#39;s: CloudSSO refuses the date of the signature, not the role", clockHint}},
	{name: "the clock is 20 minutes ahead", set: clockOff("-20m"), problem: "refused", status: 502, says: []string{" ahead of CloudSSO&#39;s: CloudSSO refuses the date of the signature, not the role", clockHint}},
	{name: "the clock is 10 minutes ahead", set: clockOff("-10m"), status: 200},

	{name: "the role was taken away", set: func(t *testing.T, s *stage) func() {
		s.order(t, http.MethodDelete, "/credentials", "")
		return func() { s.rotate(t, false) }
	}, problem: "refused", status: 502, says: []string{operatorHint, badCredentials, roleHint}},
	{name: "no role at all", env: func(*testing.T) map[string]string { return map[string]string{} }, set: func(t *testing.T, s *stage) func() {
		s.order(t, http.MethodDelete, "/credentials", "")
		return func() { s.rotate(t, false) }
	}, problem: "refused", status: 502, says: []string{"this function has no credentials: give it a RAM role"}, unasked: true},

	{name: "a name that nobody knows", env: endpoint(func(*testing.T) string { return "https://does-not-exist.invalid" }),
		problem: "upstream", status: 502, retryAfter: "3", says: []string{"CloudSSO&#39;s address is not known: CLOUDSSO_REGION, or CLOUDSSO_ENDPOINT, is not the right one"}},
	{name: "nobody listens", env: endpoint(func(*testing.T) string { return "https://127.0.0.1:1" }),
		problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "a certificate that nobody vouches for", env: endpoint(func(t *testing.T) string {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		return server.URL
	}), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "no TLS", env: endpoint(func(t *testing.T) string {
		server := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(server.Close)
		return strings.Replace(server.URL, "http", "https", 1)
	}), problem: "upstream", status: 502, retryAfter: "3", says: []string{patienceHint}},
	{name: "silence", env: endpoint(func(t *testing.T) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		return "https://" + listener.Addr().String()
	}), problem: "timeout", status: 504, retryAfter: "3", says: []string{patienceHint}, chat: noAnswerYet},
}

func TestBuiltFaults(t *testing.T) {
	// An exchange that looks well is logged at this level only.
	debug := map[string]string{"LOG_LEVEL": "debug"}
	shared := start(t, options{instances: 4, env: debug})
	for _, test := range faultTests {
		t.Run(test.name, func(t *testing.T) {
			s := shared
			if test.env != nil {
				env := test.env(t)
				maps.Copy(env, debug)
				s = start(t, options{instances: 4, env: env})
			}
			id := s.createTask(t, "seconds=0")
			var mend func()
			if test.set != nil {
				mend = test.set(t, s)
			}
			test.check(t, s, id)
			if mend == nil {
				return
			}
			mend()
			if test.problem == "not-found" {
				id = s.createTask(t, "seconds=0") // that one counts as not found for a few seconds
			}
			well := faultTest{status: http.StatusOK}
			well.check(t, s, id)
		})
	}
	for kind := range faultKinds {
		if !strings.Contains(shared.log.String(), "(fault "+kind+")") {
			t.Errorf("nothing is said of the fault %s", kind)
		}
	}
}

// check asks in all ways at once, and judges what each caller is told.
func (test *faultTest) check(t *testing.T, s *stage, id string) {
	t.Helper()
	before := len(s.log.String())
	var asJSON, page, invoked reply
	var said saying
	var group sync.WaitGroup
	group.Go(func() { asJSON = s.get(t, "/tasks/"+id) })
	group.Go(func() { page = s.get(t, "/tasks/"+id, "Accept", "text/html", "Accept-Language", "en") })
	group.Go(func() { invoked = s.invoke(t, `{"taskId":"`+id+`"}`) })
	group.Go(func() { said = s.say(t, "slack", "task "+id+" en") })
	group.Wait()

	if len(said.Messages) != 1 || said.Messages[0].Status != "shown" || said.Millis > 2500 {
		t.Fatalf("chat: got %+v", said)
	}
	message := said.Messages[0]
	told := map[string]string{"JSON": asJSON.body, "page": page.body, "invocation": invoked.body, "chat": message.Title + message.Text}
	if asJSON.status != test.status || page.status != test.status || !strings.Contains(page.body, "<h1") {
		t.Errorf("got %d %s, and the page %d %s; want %d", asJSON.status, asJSON.body, page.status, page.body, test.status)
	}
	if test.problem == "" {
		for form, body := range told {
			if !strings.Contains(body, id) || strings.Contains(body, "problem") || asJSON.header.Get("Retry-After") != "" {
				t.Errorf("%s: got %s", form, body)
			}
		}
		return
	}

	var problem struct {
		Type, Title, Detail, Hint, RequestID string
		Status                               int
		Retryable                            bool
	}
	decode(t, asJSON.body, &problem)
	if problem.Type != "/problems/"+test.problem || problem.Status != test.status || problem.Retryable != (test.retryAfter != "") ||
		problem.RequestID != asJSON.header.Get("X-Fc-Request-Id") || asJSON.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %v %s", asJSON.header, asJSON.body)
	}
	for form, r := range map[string]reply{"JSON": asJSON, "page": page} {
		if r.header.Get("Retry-After") != test.retryAfter || r.header.Get("Cache-Control") != "no-store" || r.header.Get("X-Fc-Error-Type") != "" {
			t.Errorf("%s: got the header %v", form, r.header)
		}
	}
	for _, want := range test.says {
		plain := strings.ReplaceAll(want, "&#39;", "'")
		if !strings.Contains(problem.Title+problem.Detail+problem.Hint, plain) || !strings.Contains(page.body, want) {
			t.Errorf("%q is not told: %s %s", want, asJSON.body, page.body)
		}
		// An invocation's error has no hint, and a chat no detail where it waits no longer.
		if strings.Contains(problem.Title+problem.Detail, plain) && !strings.Contains(invoked.body, escaped(plain)) {
			t.Errorf("%q is not told to who invokes: %s", plain, invoked.body)
		}
		if test.chat == "" && !strings.Contains(told["chat"], plain) {
			t.Errorf("%q is not told in the chat: %s", plain, told["chat"])
		}
	}
	if invoked.header.Get("X-Fc-Error-Type") == "" || !strings.Contains(invoked.body, `"errorMessage":"`+problem.Title) {
		t.Errorf("invocation: got %s", invoked.body)
	}
	if want := cmp.Or(test.chat, problem.Title); !strings.Contains(message.Title, want) {
		t.Errorf("chat: got %q, want %q", message.Title, want)
	}

	logged := s.log.String()[before:]
	asked := strings.Count(logged, `"calls":`) > strings.Count(logged, `"calls":0,`)
	if asked == test.unasked || !strings.Contains(logged, `"outcome":"`+test.problem+`","error":"`+test.problem) {
		t.Errorf("the log lacks the exchange or the error: %s", logged)
	}
	told["log"] = logged
	for form, body := range told {
		for _, secret := range append(s.keySecrets(), "string to sign", "x-acs-security-token", "Signature=", "request throttling", "goroutine") {
			if strings.Contains(body, secret) {
				t.Errorf("%s repeats what nobody may see: %q in %s", form, secret, body)
			}
		}
	}
	delete(told, "log")
	for form, body := range told {
		if strings.Contains(body, strings.TrimPrefix(s.function.variables["CLOUDSSO_ENDPOINT"], "http://")) {
			t.Errorf("%s says where CloudSSO is: %s", form, body)
		}
	}
}

// escaped is a text as the SDK writes it in JSON.
func escaped(text string) string {
	encoded, _ := json.Marshal(text) // a string always marshals
	return strings.Trim(string(encoded), `"`)
}

// keySecrets are the secret parts of all keys so far.
func (s *stage) keySecrets() []string {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	var secrets []string
	for _, known := range s.keys.known {
		secrets = append(secrets, known.ID, known.Secret, known.Token)
	}
	return secrets
}

// TestBuiltTransientFaults: what passes within a call is never seen by the reader.
func TestBuiltTransientFaults(t *testing.T) {
	s := start(t, options{})
	for _, fault := range []string{
		"throttle400&ms=10", "throttle429", "nonceused", "unavailable", "error500", "html", "reset",
		"cut", "nostatus", "othertask", "badtimes", "huge", "stall",
	} {
		t.Run(fault, func(t *testing.T) {
			s.setFault(t, "count=1&kind="+fault)
			id := s.createTask(t, "seconds=0")
			if r := s.get(t, "/tasks/"+id); r.status != http.StatusOK || !strings.Contains(r.body, `"done":true`) {
				t.Errorf("got %d %s", r.status, r.body)
			}
			if calls := s.counts(t).Tasks[id]; calls != 2 {
				t.Errorf("CloudSSO was asked %d times, want 2", calls)
			}
		})
	}
}

// TestBuiltClockOfFunctionCompute: with a clock that is off the function cannot
// invoke itself either, and the log, to which the sender is pointed, says why.
func TestBuiltClockOfFunctionCompute(t *testing.T) {
	s := start(t, options{})
	id := s.createTask(t, "seconds=0")
	post := func() reply {
		return s.send(t, http.MethodPost, "/events", `{"taskId":"`+id+`","notify":true}`, "Content-Type", "application/json", "Authorization", "Bearer "+localToken)
	}
	mend := clockOff("20m")(t, s)
	if r := post(); r.status != http.StatusServiceUnavailable || !strings.Contains(r.body, "/problems/not-taken") || !strings.Contains(r.body, "the log says why") || !strings.Contains(r.body, `"retryable":true`) || r.header.Get("Retry-After") != "10" {
		t.Errorf("got %d %s", r.status, r.body)
	}
	if want := "the clock of this function is off: Function Compute refuses the date of the signature"; !strings.Contains(functionLog(s), want) {
		t.Errorf("%q is not logged", want)
	}
	mend()
	if r := post(); r.status != http.StatusAccepted {
		t.Errorf("afterwards: got %d %s", r.status, r.body)
	}
}
