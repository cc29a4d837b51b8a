package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A logLine is a line of the function's log.
type logLine map[string]any

// has fails unless the line has these fields, given as "name=value", and not those given as "!name".
func (l logLine) has(t *testing.T, fields ...string) {
	t.Helper()
	for _, field := range fields {
		name, value, exact := strings.Cut(field, "=")
		got, known := l[strings.TrimPrefix(name, "!")]
		if known == strings.HasPrefix(name, "!") || exact && fmt.Sprint(got) != value {
			t.Errorf("want %s in %v", field, l)
		}
	}
}

// loggedOf returns the one line that an invocation left.
func loggedOf(t *testing.T, lines []logLine, id string) logLine {
	t.Helper()
	var found []logLine
	for _, line := range lines {
		if line["requestId"] == id {
			found = append(found, line)
		}
	}
	if id == "" || len(found) != 1 {
		t.Fatalf("the invocation %q left %d lines: %v", id, len(found), found)
	}
	return found[0]
}

func parseLog(t *testing.T, log string) []logLine {
	t.Helper()
	var lines []logLine
	for text := range strings.Lines(log) {
		var line logLine
		decode(t, text, &line)
		if line["msg"] != "invocation" && line["msg"] != "listening" {
			t.Errorf("a line of another kind: %s", text)
		}
		lines = append(lines, line)
	}
	return lines
}

const requestIDHeader = "X-Fc-Request-Id"

// TestBuiltLog: every kind of invocation, however it ends, leaves one line, which says
// who asked for what, what came of it and what it took of CloudSSO.
func TestBuiltLog(t *testing.T) {
	const token = "hunter2-for-the-log"
	s := start(t, options{instances: 2, env: map[string]string{"ACCESS": "token", "ACCESS_TOKENS": "ci:" + tokenHash(token)}})
	create := func() string { return s.createTask(t, "seconds=0&status=Failed&reason=No+Permission.") }
	bearer := []string{"Authorization", "Bearer " + token}
	id := func(r reply) string { return r.header.Get(requestIDHeader) }

	looked, posted, asked, open := create(), create(), create(), s.createTask(t, "seconds=60")
	first, again := id(s.get(t, "/tasks/"+looked, bearer...)), id(s.get(t, "/tasks/"+looked, bearer...))
	stranger := id(s.get(t, "/tasks/"+looked))
	nowhere := id(s.get(t, "/tasks/t-shnosuchtask0000000", bearer...))
	if said := s.say(t, "slack", "task "+asked); said.Status != http.StatusOK {
		t.Fatalf("got %+v", said)
	}
	direct := id(s.invoke(t, `{"taskId":"`+create()+`"}`))
	event := id(s.invoke(t, `{"specversion":"1.0","id":"1","source":"/ci","type":"assigned","data":{"taskId":"`+posted+`"}}`))
	timer := id(s.invoke(t, `{"triggerTime":"`+time.Now().UTC().Format(time.RFC3339)+`","triggerName":"sweep","payload":"{\"sweep\":\"1h\"}"}`))
	nothing := id(s.invoke(t, `{}`))
	// The credentials of an invocation end while it waits.
	refused := make(chan string, 1)
	go func() { refused <- id(s.invoke(t, `{"taskId":"`+open+`","wait":20}`)) }()
	eventually(t, "it waits", func() bool { return s.counts(t).Tasks[open] > 0 })
	s.rotate(t, true)
	ended := <-refused
	eventually(t, "all is logged", func() bool { return strings.Count(functionLog(s), "\n") >= 10 })

	lines := parseLog(t, functionLog(s))
	if len(lines) != 10 {
		t.Errorf("10 invocations left %d lines", len(lines))
	}
	loggedOf(t, lines, first).has(t, "level=INFO", "kind=http", "method=GET", "route=/tasks/{taskId}", "status=200", "caller=ci", "session=false",
		"tasks="+looked+" Failed", "counts=map[failed:1]", "reason=No Permission.", "calls=1", "upstreamRequestId", "!upstreamCode", "ms", "outcome=ok", "!error", "!attempt")
	loggedOf(t, lines, again).has(t, "kind=http", "tasks="+looked+" Failed", "reason=No Permission.", "calls=0", "!upstreamRequestId", "outcome=ok")
	loggedOf(t, lines, stranger).has(t, "level=INFO", "kind=http", "status=401", "!caller", "!tasks", "calls=0", "outcome=unauthorized", "error")
	loggedOf(t, lines, nowhere).has(t, "level=INFO", "kind=http", "status=404", "calls=1", "upstreamCode=EntityNotExists.Task", "outcome=not-found", "error")
	loggedOf(t, lines, direct).has(t, "level=INFO", "kind=direct", "!status", "counts=map[failed:1]", "calls=1", "outcome=ok")
	loggedOf(t, lines, event).has(t, "level=INFO", "kind=events", "tasks="+posted+" Failed", "reason=No Permission.", "calls=1", fmt.Sprint("told=", receiverNames), "!ignored", "outcome=ok")
	loggedOf(t, lines, timer).has(t, "level=INFO", "kind=timer", "from", "to", "calls=2", "outcome=ok")
	loggedOf(t, lines, nothing).has(t, "level=WARN", "kind=unknown", "calls=0", "outcome=invalid", "error")
	loggedOf(t, lines, ended).has(t, "level=WARN", "kind=direct", "tasks="+open+" refused", "upstreamCode=InvalidSecurityToken.Expired", "outcome=refused", "error")
	i := slices.IndexFunc(lines, func(line logLine) bool { return line["platform"] != nil })
	lines[max(i, 0)].has(t, "level=INFO", "requestId", "kind=http", "method=POST", "route=/chat/{platform}", "platform=slack", "command=task", "status=200",
		"tasks="+asked+" Failed", "reason=No Permission.", "calls=1", "outcome=ok")
}

// TestBuiltLogListening: as a plain server the function logs the same.
func TestBuiltLogListening(t *testing.T) {
	s := start(t, options{})
	binary, err := buildFunction()
	if err != nil {
		t.Fatal(err)
	}
	used, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(binary, "-listen", "127.0.0.1:0")
	server.Env = []string{"HOME=" + t.TempDir(), "ALIBABA_CLOUD_ACCESS_KEY_ID=" + used.ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + used.Secret, "ALIBABA_CLOUD_SECURITY_TOKEN=" + used.Token}
	for name, value := range s.function.variables {
		server.Env = append(server.Env, name+"="+value)
	}
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Signal(os.Kill)
	var log bytes.Buffer
	var listening struct{ Msg, Address string }
	scanner := bufio.NewScanner(output)
	next := func() {
		if !scanner.Scan() {
			t.Fatalf("the log ends: %v\n%s", scanner.Err(), &log)
		}
		log.Write(append(scanner.Bytes(), '\n'))
	}
	next()
	decode(t, log.String(), &listening)

	id := s.createTask(t, "seconds=0&status=Failed&reason=No+Permission.")
	var requests []string
	for _, path := range []string{"/tasks/" + id, "/tasks/" + id, "/nothing"} {
		requests = append(requests, do(t, http.MethodGet, "http://"+listening.Address+path, "").header.Get(requestIDHeader))
		next()
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for scanner.Scan() {
		t.Errorf("one line too many: %s", scanner.Bytes())
	}
	lines := parseLog(t, log.String())
	loggedOf(t, lines, requests[0]).has(t, "kind=http", "route=/tasks/{taskId}", "status=200", "tasks="+id+" Failed", "reason=No Permission.", "calls=1", "upstreamRequestId", "outcome=ok")
	loggedOf(t, lines, requests[1]).has(t, "kind=http", "status=200", "calls=0", "!upstreamRequestId", "outcome=ok")
	loggedOf(t, lines, requests[2]).has(t, "kind=http", "route=none", "status=404", "calls=0", "outcome=no-such-page")
}
