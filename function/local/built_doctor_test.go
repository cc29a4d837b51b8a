package main

import (
	"errors"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// These tests break the function, as it is deployed or about to be, in every way that
// its doctor knows, and want the fault named.

// An examined is a finding of the doctor's.
type examined struct {
	Check, Detail, Hint string
	OK, Warning         bool
}

// examine invokes the function to examine itself.
func (s *stage) examine(t testing.TB) []examined {
	t.Helper()
	r := s.invoke(t, `{"doctor":true}`)
	var answer struct{ Doctor []examined }
	decode(t, r.body, &answer)
	if len(answer.Doctor) == 0 || r.header.Get("X-Fc-Error-Type") != "" {
		t.Fatalf("got %s", r.body)
	}
	s.keepsSecrets(t, r.body)
	return answer.Doctor
}

// A caller is somebody at the command line: the credentials and further variables.
type caller struct {
	key key
	env map[string]string
}

// caller returns who has the credentials that the console issues.
func (s *stage) caller(t testing.TB) caller {
	t.Helper()
	var c caller
	var issued struct{ AccessKeyID, AccessKeySecret, SecurityToken string }
	decode(t, s.order(t, http.MethodGet, "/credentials", "").body, &issued)
	c.key = key{ID: issued.AccessKeyID, Secret: issued.AccessKeySecret, Token: issued.SecurityToken}
	return c
}

// doctor runs the command, configured like the function, and returns what it prints and
// whether it finds all well.
func (s *stage) doctor(t testing.TB, c caller) (findings []examined, well bool) {
	t.Helper()
	command := exec.Command(s.function.binary, "doctor")
	variables := map[string]string{
		"HOME": t.TempDir(), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
		"ALIBABA_CLOUD_ACCESS_KEY_ID": c.key.ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": c.key.Secret, "ALIBABA_CLOUD_SECURITY_TOKEN": c.key.Token,
	}
	maps.Copy(variables, s.function.variables)
	maps.Copy(variables, c.env)
	for name, value := range variables {
		command.Env = append(command.Env, name+"="+value)
	}
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || failed.ExitCode() != 1) {
		t.Fatal(err)
	}
	s.keepsSecrets(t, string(out)+stderr.String())
	bad := 0
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		if hint, ok := strings.CutPrefix(line, "        -> "); ok {
			findings[len(findings)-1].Hint = hint
			continue
		}
		state, said := strings.TrimSpace(line[:8]), line[8:]
		check, detail, _ := strings.Cut(said, ": ")
		findings = append(findings, examined{Check: check, Detail: detail, OK: state != "wrong", Warning: state == "warning"})
		if state == "wrong" {
			bad++
		}
	}
	if (err != nil) != (bad > 0) || (bad > 0) != strings.Contains(stderr.String(), "found something wrong") {
		t.Errorf("%v, %s, of\n%s", err, &stderr, out)
	}
	return findings, err == nil
}

// keepsSecrets fails the test where a text has a secret of the function's in it.
func (s *stage) keepsSecrets(t testing.TB, text string) {
	t.Helper()
	for name, value := range s.function.variables {
		secret := strings.Contains(name, "SECRET") || strings.Contains(name, "TOKEN") || strings.Contains(name, "KEY") || strings.Contains(name, "WEBHOOK")
		if secret && len(value) > 5 && strings.Contains(text, value) {
			t.Errorf("%s is shown in %s", name, text)
		}
	}
	for _, secret := range s.keySecrets() {
		if strings.Contains(text, secret) {
			t.Errorf("a key is shown in %s", text)
		}
	}
}

// findingsOf picks those of the checks that begin so.
func findingsOf(all []examined, check string) (found []examined) {
	for _, f := range all {
		if strings.HasPrefix(f.Check, check) {
			found = append(found, f)
		}
	}
	return found
}

// A doctorTest is a set-up that is broken in one way.
type doctorTest struct {
	name string
	env  map[string]string // of the function and the caller
	set  func(*testing.T, *stage) (mend func())
	// What is found: the check, how its detail begins, what is in it besides and in the hint.
	check, detail, also, hint string
	warning                   bool
	// others are checks that go wrong for the same reason.
	others []string
	// inside means that only the deployed function finds it, and outside that only the command does.
	inside, outside bool
}

const (
	status = "GetTaskStatus " + defaultDirectory
	noPort = "http://127.0.0.1:1" // where nobody listens
)

var doctorTests = []doctorTest{
	{name: "no directory", outside: true, env: map[string]string{"CLOUDSSO_DIRECTORY_ID": ""},
		check: "configuration", detail: "CLOUDSSO_DIRECTORY_ID: is not set"},
	{name: "another directory", env: map[string]string{"CLOUDSSO_DIRECTORY_ID": defaultDirectory + ",d-00xz91nf0000"}, set: onlyDefaultDirectory,
		check: "GetTaskStatus d-00xz91nf0000", detail: "CloudSSO knows no such directory in this region", also: "HTTP 404 EntityNotExists.Directory, request id ", hint: "CLOUDSSO_REGION"},
	{name: "no permission", set: faultOn("nopermission&action=GetTaskStatus"),
		check: status, detail: "these credentials are good, but not for this", also: "NoPermission", hint: "cloudsso:GetTaskStatus on acs:cloudsso:*:*:directory/" + defaultDirectory},
	{name: "no permission to list", env: map[string]string{"RECENT_TASKS": "on"}, set: faultOn("nopermission&action=ListTasks"),
		check: "ListTasks " + defaultDirectory, detail: "these credentials are good, but not for this", hint: "cloudsso:ListTasks on acs:cloudsso:*:*:directory/" + defaultDirectory},
	{name: "no permission for details", env: map[string]string{"TASK_DETAILS": "on"}, set: faultOn("nopermission&action=GetTask"),
		check: "GetTask " + defaultDirectory, detail: "these credentials are good, but not for this", hint: "cloudsso:GetTask on acs:cloudsso:*:*:directory/" + defaultDirectory},
	{name: "a name that nobody knows", env: map[string]string{"CLOUDSSO_ENDPOINT": "https://does-not-exist.invalid"},
		check: "CloudSSO", detail: "does-not-exist.invalid is out of reach: its name ", hint: ""},
	{name: "nobody listens", env: map[string]string{"CLOUDSSO_ENDPOINT": noPort},
		check: "CloudSSO", detail: "127.0.0.1:1 is out of reach: the connection is refused", hint: "CLOUDSSO_ENDPOINT"},
	{name: "the clock is 20 minutes behind", set: clockOff("20m"),
		check: "clock", detail: "it is ", also: " behind CloudSSO's", hint: "set this machine's clock", others: []string{status, "invocation"}},
	{name: "the clock is 20 minutes ahead", set: clockOff("-20m"),
		check: "clock", detail: "it is ", also: " ahead of CloudSSO's", hint: "set this machine's clock", others: []string{status, "invocation"}},
	{name: "the clock is 5 minutes ahead", set: clockOff("-5m"), warning: true,
		check: "clock", detail: "it is ", also: " ahead of CloudSSO's", hint: "set this machine's clock"},
	{name: "expired credentials", set: faultOn("expiredtoken"),
		check: status, detail: "the credentials have expired", also: "InvalidSecurityToken.Expired", hint: "get new ones"},
	{name: "an unknown key", set: faultOn("unknownkey"),
		check: status, detail: "CloudSSO does not know the AccessKey", also: "InvalidAccessKeyId.NotFound", hint: "get new credentials"},
	{name: "a wrong signature", set: faultOn("badsignature"),
		check: status, detail: "the signature does not match", also: "SignatureDoesNotMatch", hint: "AccessKey secret"},
	{name: "throttled", set: faultOn("throttle400"),
		check: status, detail: "CloudSSO takes no more calls of this account right now", also: "Throttling.User", hint: "try again"},
	{name: "out of order", set: faultOn("unavailable"),
		check: status, detail: "CloudSSO is out of order", also: "HTTP 503 ServiceUnavailable", hint: "try again"},
	{name: "no answer", set: faultOn("stall"),
		check: status, detail: "CloudSSO took too long", hint: "try again"},
	{name: "a lost connection", set: faultOn("reset&action=GetTaskStatus"),
		check: status, detail: "the connection was lost", hint: "try again"},
	{name: "HTML", set: faultOn("html"),
		check: status, detail: "CloudSSO is out of order", also: "HTTP 502"},
	{name: "nobody is let in", env: map[string]string{"ACCESS": "token", "ACCESS_TOKENS": ","}, warning: true,
		check: "configuration", detail: "neither ACCESS_TOKENS nor ACCESS=open is set: nobody is let in"},
	{name: "no browser", env: map[string]string{"ACCESS": "token", "ACCESS_TOKENS": "local:" + tokenHash("local"), "SIGNING_KEY": ""}, warning: true,
		check: "configuration", detail: "SIGNING_KEY is not set: browsers cannot sign in"},
	{name: "an application's secret that is wrong", set: secretRefused,
		check: "chat feishu", detail: "is answered and is posted to", also: "FEISHU_APP_ID and FEISHU_APP_SECRET do not belong together"},
	{name: "a chat out of reach", env: map[string]string{"SLACK_API_URL": noPort, "SLACK_WEBHOOK_URL": noPort + "/services/hunter2"},
		check: "chat slack", detail: "is answered and is posted to", also: noPort + " is out of reach: the connection is refused"},
	{name: "a program out of reach", env: map[string]string{"WEBHOOK_URL": noPort + "/hunter2", "WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		check: "chat webhook", detail: "is posted to", also: "its address is out of reach: the connection is refused"},
	{name: "the function may not be invoked", inside: true, set: invokingDenied,
		check: "invocation", detail: "this function may not invoke status", also: "HTTP 403 AccessDenied", hint: "fc:InvokeFunction on acs:fc:*:*:functions/status"},
	{name: "the function to invoke does not exist", inside: true, env: map[string]string{"CHECK_FUNCTION": "another"},
		check: "invocation", detail: "the function that CHECK_FUNCTION names does not exist"},
}

// onlyDefaultDirectory has CloudSSO forget every directory but the first.
func onlyDefaultDirectory(_ *testing.T, s *stage) func() {
	s.cloudSSO.directories = s.cloudSSO.directories[:1]
	return nil
}

// secretRefused has Feishu take the application's secret for a wrong one.
func secretRefused(t *testing.T, s *stage) func() {
	s.setChatFault(t, "platform=feishu&kind=revoked&on=token")
	return nil
}

// invokingDenied takes the right to invoke the function away from its role.
func invokingDenied(t *testing.T, s *stage) func() {
	s.setRight(t, "deny=fc:InvokeFunction")
	return nil
}

func TestBuiltDoctor(t *testing.T) {
	t.Parallel()
	for _, test := range doctorTests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{env: test.env})
			if test.set != nil {
				test.set(t, s)
			}
			if !test.inside {
				findings, well := s.doctor(t, s.caller(t))
				test.judge(t, findings)
				if well != test.warning {
					t.Errorf("all well: %v", well)
				}
			}
			if !test.outside {
				test.judge(t, s.examine(t))
			}
		})
	}
}

// judge wants the one fault found, and nothing else wrong.
func (test *doctorTest) judge(t *testing.T, findings []examined) {
	t.Helper()
	for _, f := range findings {
		same := f.Check == test.check && strings.HasPrefix(f.Detail, test.detail)
		switch {
		case same && (f.OK != test.warning || f.Warning != test.warning):
			t.Errorf("%+v is %v", f, f.OK)
		case same && (!strings.Contains(f.Detail, test.also) || !strings.Contains(f.Hint, test.hint)):
			t.Errorf("got %+v", f)
		case !same && (!f.OK || f.Warning) && !slices.Contains(test.others, f.Check):
			t.Errorf("besides, %+v", f)
		}
	}
	for _, f := range findingsOf(findings, test.check) {
		if strings.HasPrefix(f.Detail, test.detail) {
			return
		}
	}
	t.Errorf("not found: %+v", findings)
}

// TestBuiltDoctorHealthy: all is well, each time it is asked, and nothing has come of it.
func TestBuiltDoctorHealthy(t *testing.T) {
	t.Parallel()
	s := start(t, options{env: map[string]string{
		"CLOUDSSO_DIRECTORY_ID": defaultDirectory + ",d-00xz91nf0000", "RECENT_TASKS": "on", "TASK_DETAILS": "on",
		"ACCESS": "token", "ACCESS_TOKENS": "local:" + tokenHash("local"),
	}})
	for range 2 {
		command, well := s.doctor(t, s.caller(t))
		if !well {
			t.Error("not well")
		}
		for form, findings := range map[string][]examined{"command": command, "invocation": s.examine(t)} {
			for _, f := range findings {
				if !f.OK || f.Warning || f.Detail == "" || f.Hint != "" {
					t.Errorf("%s: %+v", form, f)
				}
			}
			for check, want := range map[string]int{
				"configuration": 1, "access": 1, "credentials": 1, "CloudSSO": 1, "clock": 1, "GetTaskStatus d-": 2, "GetTask d-": 2, "ListTasks d-": 2,
				"chat ": len(receiverNames), "invocation": map[string]int{"invocation": 1}[form],
			} {
				if found := findingsOf(findings, check); len(found) != want {
					t.Errorf("%s: %d findings of %s, want %d: %+v", form, len(found), check, want, findings)
				}
			}
		}
	}
	counts := s.counts(t)
	for action, want := range map[string]int{"GetTaskStatus": 8, "GetTask": 8, "ListTasks": 8} { // twice two, each way
		if counts.Calls[action] != want {
			t.Errorf("%d calls of %s, want %d", counts.Calls[action], action, want)
		}
	}
	sent := s.silent(t)
	if len(sent.OnFailure) != 0 || len(sent.OnSuccess) != 2 {
		t.Fatalf("got %+v", sent)
	}
	for _, end := range sent.OnSuccess {
		if end.ResponsePayload != `{"pong":true}` || end.RequestContext.InvokeCount != 1 {
			t.Errorf("got %+v", end)
		}
	}
}

// TestBuiltDoctorManyWrong: all that is wrong with the configuration is said at once,
// and what can still be looked at is.
func TestBuiltDoctorManyWrong(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	c := s.caller(t)
	c.env = map[string]string{"RECENT_TASKS": "yes", "TIME_ZONE": "Moon", "ACCESS_TOKENS": "bot:hunter2"}
	findings, well := s.doctor(t, c)
	wrong := findingsOf(findings, "configuration")
	if well || len(wrong) != 3 {
		t.Fatalf("well: %v, %+v", well, wrong)
	}
	for i, variable := range []string{"ACCESS_TOKENS", "RECENT_TASKS", "TIME_ZONE"} {
		if wrong[i].OK || !strings.HasPrefix(wrong[i].Detail, variable+": ") {
			t.Errorf("got %+v", wrong[i])
		}
	}
	if len(findingsOf(findings, "access")) != 0 {
		t.Error("it is said who is let in, which nobody knows")
	}
	for _, check := range []string{"credentials", "CloudSSO", status, "chat slack"} {
		if found := findingsOf(findings, check); len(found) != 1 || !found[0].OK {
			t.Errorf("%s: %+v", check, found)
		}
	}
}

// TestBuiltDoctorNoStart: a function that is configured wrong does not start, not even to
// be examined: what is wrong is in its log.
func TestBuiltDoctorNoStart(t *testing.T) {
	t.Parallel()
	s := start(t, options{env: map[string]string{"RECENT_TASKS": "yes", "TIME_ZONE": "Moon"}})
	r := s.invoke(t, `{"doctor":true}`)
	if r.header.Get("X-Fc-Error-Type") == "" || !strings.Contains(r.body, "(exit status 1)") {
		t.Errorf("got %s", r.body)
	}
	for _, variable := range []string{"RECENT_TASKS: ", "TIME_ZONE: "} {
		if !strings.Contains(s.log.String(), variable) {
			t.Errorf("%s is not in the log", variable)
		}
	}
}

// TestBuiltDoctorNoRole: without credentials nothing is asked of CloudSSO.
func TestBuiltDoctorNoRole(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.order(t, http.MethodDelete, "/credentials", "")
	command, well := s.doctor(t, s.caller(t))
	if well {
		t.Error("all is well")
	}
	for want, findings := range map[string][]examined{
		"no credentials were found: set ALIBABA_CLOUD_ACCESS_KEY_ID": command,
		"this function has no credentials: give it a RAM role":       s.examine(t),
	} {
		found := findingsOf(findings, "credentials")
		if len(found) != 1 || found[0].OK || !strings.HasPrefix(found[0].Detail, want) {
			t.Errorf("got %+v, want %s", found, want)
		}
		if len(findingsOf(findings, "CloudSSO")) != 1 || len(findingsOf(findings, status)) != 0 {
			t.Errorf("got %+v", findings)
		}
	}
	if n := s.counts(t).Calls["GetTaskStatus"]; n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestBuiltDoctorRotated: who still has credentials of before is told that they are over.
func TestBuiltDoctorRotated(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	before := s.caller(t)
	s.rotate(t, true)
	findings, well := s.doctor(t, before)
	if found := findingsOf(findings, status); well || len(found) != 1 || !strings.HasPrefix(found[0].Detail, "the credentials have expired (HTTP 400 InvalidSecurityToken.Expired, request id ") {
		t.Errorf("well: %v, %+v", well, found)
	}
	for _, f := range s.examine(t) {
		if !f.OK {
			t.Errorf("inside: %+v", f)
		}
	}
}

// TestBuiltDoctorDeadline: an invocation with hardly any time says what it could find out.
func TestBuiltDoctorDeadline(t *testing.T) {
	t.Parallel()
	s := start(t, options{timeout: 2 * time.Second})
	s.setFault(t, "kind=stall")
	began := time.Now()
	findings := s.examine(t)
	if found := findingsOf(findings, status); len(found) != 1 || found[0].Detail != "CloudSSO took too long" {
		t.Errorf("got %+v", findings)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestBuiltVersion prints what is stamped in.
func TestBuiltVersion(t *testing.T) {
	t.Parallel()
	binary, err := buildFunction()
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"-version", "--version"} {
		if out, err := exec.Command(binary, flag).Output(); err != nil || string(out) != "unknown\n" {
			t.Errorf("%s: %q, %v", flag, out, err)
		}
	}
}
