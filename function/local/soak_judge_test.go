package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// These tests have every rule of a soak find what it is there to find.

// one wants as many failures as there are parts, each with its part.
func one(t *testing.T, failures []string, parts ...string) {
	t.Helper()
	if len(failures) != len(parts) {
		t.Fatalf("got %q, want %q", failures, parts)
	}
	for i, part := range parts {
		if !strings.Contains(failures[i], part) {
			t.Errorf("%q is not in %q", part, failures[i])
		}
	}
}

func TestLatencies(t *testing.T) {
	var l latencies
	if got := l.quantile(0.5); got != 0 {
		t.Errorf("of none: got %v", got)
	}
	for i := range 100 {
		l.add(time.Duration(i+1) * time.Millisecond)
	}
	l.add(100 * time.Hour)
	for part, want := range map[float64]time.Duration{0: time.Millisecond, 0.5: 51 * time.Millisecond, 0.99: 100 * time.Millisecond} {
		if got := l.quantile(part); got < want || got > want*11/10 {
			t.Errorf("%v: got %v, want %v or a tenth more", part, got, want)
		}
	}
}

func TestDisturbances(t *testing.T) {
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	over := disturbances{grace: 5 * time.Second}
	over.begin(at(100))
	over.end(at(110))
	over.begin(at(200))
	over.end(at(210))
	on := disturbances{grace: 5 * time.Second}
	on.begin(at(100))
	for _, test := range []struct {
		name     string
		of       *disturbances
		from, to int
		want     bool
	}{
		{"before all", &over, 10, 99, false},
		{"as it begins", &over, 90, 100, true},
		{"within one", &over, 102, 103, true},
		{"around one", &over, 90, 120, true},
		{"right after one", &over, 115, 116, true},
		{"well after one", &over, 116, 117, false},
		{"between two", &over, 150, 160, false},
		{"from one to the next", &over, 150, 205, true},
		{"after all", &over, 216, 300, false},
		{"while one is on", &on, 1000, 1001, true},
		{"before one that is on", &on, 98, 99, false},
		{"without any", new(disturbances), 1, 1000, false},
	} {
		if got := test.of.during(at(test.from), at(test.to)); got != test.want {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

func TestStandstill(t *testing.T) {
	at := func(seconds float64) time.Time { return time.Unix(1000, int64(seconds*1e9)) }
	s := standstill{times: disturbances{grace: 5 * time.Second}}
	if s.during(at(0), at(100)) {
		t.Error("it stood still before anybody looked")
	}
	if s.look(at(0)) != 0 || s.look(at(1)) != 0 || s.during(at(0), at(2.5)) {
		t.Error("a second is no standstill")
	}
	if !s.during(at(1), at(9)) {
		t.Error("nobody has looked for 8 s, and it did not stand still")
	}
	if got := s.look(at(9)); got != 8*time.Second {
		t.Errorf("got %v, want 8s", got)
	}
	for _, test := range []struct {
		name     string
		from, to float64
		want     bool
	}{{"before", 0, 0.5, false}, {"within", 2, 3, true}, {"right after", 10, 10.5, true}, {"well after", 15, 10.9, false}} {
		if got := s.during(at(test.from), at(test.to)); got != test.want {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

func TestTallyFails(t *testing.T) {
	unavailable := problem{"status 503, not 200", "busy"}
	for _, test := range []struct {
		name string
		add  func(*tally)
		want []string
	}{
		{"all is well", func(t *tally) { t.add("page", time.Second, problem{}, false) }, nil},
		{"an error while a fault was on", func(t *tally) { t.add("page", time.Second, unavailable, true) }, nil},
		{"an error without a fault", func(t *tally) {
			t.add("page", time.Second, unavailable, true)
			t.add("page", time.Second, unavailable, false)
		}, []string{`page: 1 times without a fault: status 503, not 200, such as "busy"`}},
		{"nothing was asked", func(*tally) {}, []string{"page: there was no such request"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			counts := newTally([]string{"page"})
			test.add(counts)
			one(t, counts.failures(), test.want...)
		})
	}
}

func TestLedgerFails(t *testing.T) {
	const id, other = soakTeam + "000000000001", soakTeam + "0000000000012"
	told := func(platform, raw string) chatEntry {
		return chatEntry{Platform: platform, Status: "shown", Raw: []byte(raw)}
	}
	ended := `{"type":"tasks.ended","data":"` + id + `"}`
	lostTo := func(names ...string) []string {
		return []string{fmt.Sprintf("%s, which ended at", id), fmt.Sprint(names)}
	}
	for _, test := range []struct {
		name  string
		heard []chatEntry
		lost  []string // parts of the one failure
	}{
		{"everybody is told", []chatEntry{told("webhook", ended), told("slack", id)}, nil},
		{"somebody is told twice", []chatEntry{told("webhook", ended), told("webhook", ended), told("slack", id)}, nil},
		{"nobody is told", nil, lostTo("slack", "webhook")},
		{"one is not told", []chatEntry{told("webhook", ended)}, lostTo("slack")},
		{"another is told in its place", []chatEntry{told("webhook", ended), told("feishu", id)}, lostTo("slack")},
		{"the message is refused", []chatEntry{told("webhook", ended), {Platform: "slack", Status: "refused", Raw: []byte(id)}}, lostTo("slack")},
		{"only a sweep tells it", []chatEntry{told("webhook", `{"type":"tasks.sweep","data":"`+id+`"}`), told("slack", id)}, lostTo("webhook")},
		{"another task is told", []chatEntry{told("webhook", ended), told("slack", other)}, lostTo("slack")},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLedger()
			l.expect(id, time.Now(), "slack", "webhook")
			for _, entry := range test.heard {
				l.heard(entry)
			}
			failures := l.failures()
			if len(test.lost) == 0 {
				one(t, failures)
				return
			}
			one(t, failures, test.lost[0])
			one(t, failures, test.lost[1])
		})
	}
	l := newLedger()
	one(t, l.failures(), "nothing to be told")
	l.expect(id, time.Now(), "webhook")
	l.withdraw(id)
	if expected, told := l.counts(); expected != 0 || told != 0 {
		t.Errorf("withdrawn: %d expected, %d told", expected, told)
	}
}

func TestGrowthFails(t *testing.T) {
	const mega = 1 << 20
	for _, test := range []struct {
		name string
		size growth
		want []string
	}{
		{"nothing grows", growth{"x", 10, 10, 30 * mega, 30 * mega, 99 * mega}, nil},
		{"both as far as allowed", growth{"x", 10, 10 + goroutineAllowance, 40 * mega, 50*mega + memoryAllowance, 99 * mega}, nil},
		{"a goroutine too many", growth{"x", 10, 11 + goroutineAllowance, 30 * mega, 30 * mega, 99 * mega}, []string{"x: 10 goroutines became 16"}},
		{"memory grows", growth{"x", 10, 10, 40 * mega, 51*mega + memoryAllowance, 99 * mega}, []string{"x: 40 MB became 63 MB"}},
		{"both grow", growth{"x", 10, 1000, 40 * mega, 400 * mega, 400 * mega}, []string{"goroutines", "MB"}},
		{"no goroutines were seen at first", growth{"x", 0, 10, 30 * mega, 30 * mega, 30 * mega}, []string{"could not be measured"}},
		{"no goroutines were seen at last", growth{"x", 10, 0, 30 * mega, 30 * mega, 30 * mega}, []string{"could not be measured"}},
		{"no memory was seen", growth{"x", 10, 10, 30 * mega, 0, 0}, []string{"could not be measured"}},
	} {
		t.Run(test.name, func(t *testing.T) { one(t, test.size.failures(), test.want...) })
	}
}

func TestCountGoroutines(t *testing.T) {
	const written = `{"level":"INFO","msg":"goroutine 7 [running]"}
SIGQUIT: quit
PC=0x47e1 m=0 sigcode=0

goroutine 0 gp=0x7f m=0 mp=0x7f [idle]:
runtime.futex(0x7f)
goroutine 1 gp=0xc2 m=nil [select, 2 minutes]:
	created by main
goroutine 23 [IO wait]:
`
	if got := countGoroutines([]byte(written)); got != 2 {
		t.Errorf("got %d", got)
	}
}

func TestParseStatus(t *testing.T) {
	now, peak, err := parseStatus([]byte("Name:\tmain\nVmHWM:\t   22952 kB\nVmRSS:\t   10240 kB\nThreads:\t5\n\n"))
	if err != nil || now != 10<<20 || peak != 22952<<10 {
		t.Errorf("got %d, %d, %v", now, peak, err)
	}
	if _, _, err := parseStatus([]byte("Name:\tmain\nState:\tZ (zombie)\n")); err == nil {
		t.Error("a process without memory has some")
	}
}

func TestSoakLog(t *testing.T) {
	l := new(soakLog)
	fmt.Fprintln(l, `{"level":"INFO","status":200}`)
	one(t, l.failures())
	fmt.Fprintln(l, `{"level":"ERROR","error":"panic: index out of range"}`)
	one(t, l.failures(), "index out of range")
	for range 3 {
		l.Write(slices.Repeat([]byte("x"), soakLogKept))
	}
	fmt.Fprint(l, "the end")
	if latest := l.latest(); len(latest) > 2*soakLogKept || !strings.HasSuffix(string(latest), "the end") {
		t.Errorf("%d bytes are kept", len(latest))
	}
}

func TestSoakJudges(t *testing.T) {
	now := time.Unix(1000, 0)
	done := simulatedTask{id: soakDone + "1", end: now, outcome: statusFailed, reason: "No Permission."}
	open := simulatedTask{id: soakDone + "1", end: now.Add(time.Second), outcome: statusSuccess}
	second := simulatedTask{id: soakDone + "2", end: now, outcome: statusSuccess}
	const good = `{"taskId":"t-done1","status":"Failed","done":true,"failureReason":"No Permission."}`
	const running = `{"taskId":"t-done1","status":"InProgress","done":false}`
	const other = `{"taskId":"t-done2","status":"Success","done":true}`
	html, text := http.Header{"Content-Type": {"text/html; charset=utf-8"}}, http.Header{"Content-Type": {"text/plain"}}
	tagged := http.Header{"Etag": {`W/"1"`}}
	page := shows([]simulatedTask{done}, "text/html", "</html>")
	for _, test := range []struct {
		name   string
		judge  soakJudge
		answer soakAnswer
		want   string // a part of what is wrong
	}{
		{"status", hasStatus(404), soakAnswer{status: 404}, ""},
		{"another status", hasStatus(404), soakAnswer{status: 200}, "status 200, not 404"},

		{"JSON", ended(done), soakAnswer{status: 200, body: []byte(good)}, ""},
		{"an error", ended(done), soakAnswer{status: 502, body: []byte(good)}, "status 502"},
		{"cut off", ended(done), soakAnswer{status: 200, body: []byte(good[:40])}, "no JSON"},
		{"another task", ended(done), soakAnswer{status: 200, body: []byte(other)}, "another task's id"},
		{"a failure without a reason", ended(done), soakAnswer{status: 200, body: []byte(strings.Replace(good, "No Permission.", "", 1))}, "another reason"},
		{"another reason", ended(done), soakAnswer{status: 200, body: []byte(strings.Replace(good, "No", "Some", 1))}, "another reason"},
		{"another outcome", ended(done), soakAnswer{status: 200, body: []byte(strings.Replace(good, "Failed", "Success", 1))}, "another outcome"},
		{"in progress and done", ended(done), soakAnswer{status: 200, body: []byte(strings.Replace(good, "Failed", "InProgress", 1))}, "do not agree"},
		{"failed and not done", ended(done), soakAnswer{status: 200, body: []byte(strings.Replace(good, "true", "false", 1))}, "do not agree"},
		{"said to run long after its end", ended(done), soakAnswer{status: 200, body: []byte(running)}, "not done"},

		{"open", tells(open), soakAnswer{status: 200, body: []byte(running)}, ""},
		{"done before its end", tells(open), soakAnswer{status: 200, body: []byte(`{"taskId":"t-done1","status":"Success","done":true}`)}, "before its end"},

		{"several", tellsAll([]simulatedTask{done, second}), soakAnswer{status: 200, body: []byte(`{"tasks":[` + good + `,` + other + `]}`)}, ""},
		{"several, with an error", tellsAll([]simulatedTask{done}), soakAnswer{status: 500}, "status 500"},
		{"several, another order", tellsAll([]simulatedTask{second, done}), soakAnswer{status: 200, body: []byte(`{"tasks":[` + good + `,` + other + `]}`)}, "another task's id"},
		{"several, one missing", tellsAll([]simulatedTask{done, second}), soakAnswer{status: 200, body: []byte(`{"tasks":[` + good + `]}`)}, "not as many"},
		{"several, one not done", tellsAll([]simulatedTask{done}), soakAnswer{status: 200, body: []byte(`{"tasks":[` + running + `]}`)}, "not done"},
		{"several, one with a problem", tellsAll([]simulatedTask{done}), soakAnswer{status: 200, body: []byte(`{"tasks":[{"taskId":"t-done1","problem":{"status":503}}]}`)}, "a problem: 503"},

		{"page", page, soakAnswer{status: 200, header: html, body: []byte("<p>t-done1</p></html>")}, ""},
		{"page with an error", page, soakAnswer{status: 504, header: html}, "status 504"},
		{"page as text", page, soakAnswer{status: 200, header: text, body: []byte("t-done1</html>")}, "content type"},
		{"half a page", page, soakAnswer{status: 200, header: html, body: []byte("<p>t-done1")}, "is missing"},
		{"page of another task", page, soakAnswer{status: 200, header: html, body: []byte("t-done2</html>")}, "a task is missing"},
		{"page with another task", page, soakAnswer{status: 200, header: html, body: []byte("t-done1 t-done2</html>")}, "another task's id"},

		{"not modified", unchanged(done, `W/"1"`), soakAnswer{status: 304, header: tagged}, ""},
		{"modified", unchanged(done, `W/"0"`), soakAnswer{status: 200, header: tagged, body: []byte(good)}, ""},
		{"not modified, and sent", unchanged(done, `W/"1"`), soakAnswer{status: 200, header: tagged, body: []byte(good)}, "status 200, not 304"},
		{"not modified, with a body", unchanged(done, `W/"1"`), soakAnswer{status: 304, header: tagged, body: []byte(good)}, "a body"},
		{"modified, another task", unchanged(done, `W/"0"`), soakAnswer{status: 200, header: tagged, body: []byte(other)}, "another task's id"},
		{"neither", unchanged(done, `W/"1"`), soakAnswer{status: 503}, "status 503"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.answer.at = now
			switch got := test.judge(test.answer).what; {
			case test.want == "" && got != "":
				t.Errorf("got %q", got)
			case !strings.Contains(got, test.want) || test.want != "" && got == "":
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestJudgeSaid(t *testing.T) {
	shown := chatEntry{Status: "shown", Raw: []byte("task t-done1 failed")}
	refused := chatEntry{Status: "refused", Error: "40035", Raw: []byte("t-done1")}
	for _, test := range []struct {
		name  string
		shown chatEntry
		took  time.Duration
		want  string
	}{
		{"an answer", shown, time.Second, ""},
		{"none", chatEntry{}, time.Second, "no answer"},
		{"one that is refused", refused, time.Second, "40035"},
		{"about another task", chatEntry{Status: "shown", Raw: []byte("t-done2")}, time.Second, "something else"},
		{"too late", shown, 4 * time.Second, "too late"},
	} {
		if got := judgeSaid(test.shown, "t-done1", test.took, 3*time.Second).what; !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
