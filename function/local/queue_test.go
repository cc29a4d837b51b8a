package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// gaps stands in for time.After, does not wait, and remembers how long it would have.
type gaps struct {
	mu   sync.Mutex
	seen []time.Duration
}

func (g *gaps) After(d time.Duration) <-chan time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, d)
	ring := make(chan time.Time, 1)
	ring <- time.Time{}
	return ring
}

func TestRetries(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		async         queueConfig
		condition     string
		count         int
		functionError string
		response      string // a part of it
		gaps          []time.Duration
	}{
		{"success at once", `{"do":"fail","times":0}`, queueConfig{}, "Success", 1, "", "0", nil},
		{"success at last", `{"do":"fail","times":2}`, queueConfig{}, "Success", 3, "", "2", []time.Duration{time.Second, 2 * time.Second}},
		{"failure", `{"do":"error"}`, queueConfig{}, "RetriesExhausted", 9, "UnhandledInvocationError", `"errorMessage":"as ordered"`, []time.Duration{
			1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute,
		}},
		{"fewer attempts", `{"do":"error"}`, queueConfig{retries: 1}, "RetriesExhausted", 2, "UnhandledInvocationError", "as ordered", []time.Duration{time.Second}},
		{"one attempt", `{"do":"error"}`, queueConfig{retries: -1}, "RetriesExhausted", 1, "UnhandledInvocationError", "as ordered", nil},
		{"exit", `{"do":"die","times":1}`, queueConfig{}, "Success", 2, "", "1", []time.Duration{time.Second}},
		{"time out", `{"do":"hang","times":9}`, queueConfig{retries: 1, timeout: 200 * time.Millisecond}, "RetriesExhausted", 2, "UnhandledInvocationError", "time out", []time.Duration{time.Second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var waited gaps
			s := start(t, options{binary: echo(t), async: test.async, after: waited.After})
			id := s.invokeLater(t, test.payload)
			sent := s.ended(t)
			list, other := sent.OnFailure, sent.OnSuccess
			if test.condition == "Success" {
				list, other = other, list
			}
			if len(list) != 1 || len(other) != 0 {
				t.Fatalf("got %+v", sent)
			}
			got := list[0]
			want := destinationRequest{id, "acs:fc:cn-hangzhou:1234567890123456:functions/status", test.condition, test.count}
			if got.RequestContext != want || got.RequestPayload != test.payload || time.Since(time.UnixMilli(got.Timestamp)).Abs() > time.Minute {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if got.ResponseContext != (destinationResult{200, test.functionError}) || !strings.Contains(got.ResponsePayload, test.response) {
				t.Errorf("got %+v %s", got.ResponseContext, got.ResponsePayload)
			}
			if !slices.Equal(waited.seen, test.gaps) {
				t.Errorf("the gaps are %v, want %v", waited.seen, test.gaps)
			}
			if n := s.counts(t).Invocations; n != 1 {
				t.Errorf("%d invocations are counted, want 1 whatever the attempts", n)
			}
		})
	}
}

// TestDestinationForm compares a destination with the documented form, to the letter.
func TestDestinationForm(t *testing.T) {
	c := newClock(time.UnixMilli(1660120276975))
	s := start(t, options{binary: echo(t), now: c.Now, rotate: time.Hour})
	id := s.invokeLater(t, `{"a":1}`)
	s.ended(t)
	want := `{"onSuccess":[{"timestamp":1660120276975,"requestContext":{"requestId":"` + id + `","functionArn":"acs:fc:cn-hangzhou:1234567890123456:functions/status","condition":"Success","approximateInvokeCount":1},` +
		`"requestPayload":"{\"a\":1}","responseContext":{"statusCode":200,"functionError":""},"responsePayload":"{\"a\":1}"}],"onFailure":[]}` + "\n"
	if r := s.order(t, http.MethodGet, "/destinations", ""); r.body != want {
		t.Errorf("got %s, want %s", r.body, want)
	}
	if r := s.order(t, http.MethodDelete, "/destinations", ""); r.body != `{"onSuccess":[],"onFailure":[]}`+"\n" {
		t.Errorf("cleared: got %s", r.body)
	}
}

func TestDestinationsAreBounded(t *testing.T) {
	var d destinations
	for i := range maxDestinations + 1 {
		d.add(newDestination(&queued{requestID: fmt.Sprint(i)}, success, time.Now()))
		d.add(newDestination(&queued{requestID: fmt.Sprint(i)}, eventAgeExceeded, time.Now()))
	}
	for name, list := range map[string][]destination{"success": d.lists().OnSuccess, "failure": d.lists().OnFailure} {
		if len(list) != maxDestinations || list[0].RequestContext.RequestID != "1" {
			t.Errorf("%s: %d, the first %+v", name, len(list), list[0])
		}
	}
}

func TestAsynchronousTimeLimit(t *testing.T) {
	s := start(t, options{binary: echo(t), timeout: 5 * time.Second})
	limit := func(text string) (seconds int, left float64) {
		t.Helper()
		var got struct {
			Context struct{ Function struct{ Timeout int } }
			Left    float64
		}
		decode(t, text, &got)
		return got.Context.Function.Timeout, got.Left
	}
	if seconds, left := limit(s.invoke(t, `{"do":"context"}`).body); seconds != 5 || left > 5 {
		t.Errorf("of one that is waited for: %d s, %v left", seconds, left)
	}
	s.invokeLater(t, `{"do":"context"}`)
	if seconds, left := limit(s.ended(t).OnSuccess[0].ResponsePayload); seconds != 600 || left < 590 || left > 600 {
		t.Errorf("of an asynchronous one: %d s, %v left", seconds, left)
	}
}

// TestAsynchronousApart: however many run asynchronously, callers are answered.
func TestAsynchronousApart(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	s.invokeLater(t, `{"do":"hang","times":1}`)
	s.invokeLater(t, `{"do":"hang","times":1}`)
	eventually(t, "one runs", func() bool { return s.queued(t) == queueState{Waiting: 1, Running: 1} })
	if r := s.invoke(t, `{"a":1}`); r.body != `{"a":1}` {
		t.Errorf("got %+v", r)
	}
}

// A fakeRun runs invocations when the test says so.
type fakeRun struct {
	began chan string // payloads
	end   chan outcome
}

func (f *fakeRun) run(call *invocation) (outcome, error) {
	f.began <- string(call.payload)
	return <-f.end, nil
}

func startQueue(t *testing.T, c *clock, instances int) (*queue, *fakeRun) {
	t.Helper()
	f := &fakeRun{began: make(chan string, 100), end: make(chan outcome, 100)}
	q := newQueue(queueConfig{instances: instances, retries: 2, eventAge: time.Hour, log: io.Discard, now: c.Now, after: c.After}, f.run)
	t.Cleanup(func() {
		close(f.end)
		q.Close()
	})
	return q, f
}

func TestQueueOrder(t *testing.T) {
	q, f := startQueue(t, newClock(time.Now()), 2)
	for _, payload := range []string{"a", "b", "c", "d"} {
		if err := q.add(payload, []byte(payload), 0); err != nil {
			t.Fatal(err)
		}
	}
	first := []string{<-f.began, <-f.began}
	slices.Sort(first)
	if !slices.Equal(first, []string{"a", "b"}) || q.state() != (queueState{Waiting: 2, Running: 2}) {
		t.Errorf("%v run first, %+v", first, q.state())
	}
	for _, want := range []string{"c", "d"} {
		select {
		case early := <-f.began:
			t.Errorf("%s runs beside two others", early)
		default:
		}
		f.end <- outcome{}
		if got := <-f.began; got != want {
			t.Errorf("%s runs next, want %s", got, want)
		}
	}
}

// TestQueueRetryJoinsTheEnd: an attempt again is behind those that came meanwhile.
func TestQueueRetryJoinsTheEnd(t *testing.T) {
	c := newClock(time.Now())
	q, f := startQueue(t, c, 1)
	q.add("1", []byte("a"), 0)
	q.add("2", []byte("b"), 0)
	<-f.began
	f.end <- outcome{ending: failed}
	<-f.began // b, while a waits
	eventually(t, "a waits for its time", func() bool { return c.waits(time.Second) })
	if q.state() != (queueState{Running: 1, Retrying: 1}) {
		t.Errorf("got %+v", q.state())
	}
	q.add("3", []byte("c"), 0)
	c.advance(time.Second)
	eventually(t, "a is in line", func() bool { return q.state() == queueState{Running: 1, Waiting: 2} })
	f.end <- outcome{}
	f.end <- outcome{}
	if next := <-f.began + <-f.began; next != "ca" {
		t.Errorf("%s run next, want ca", next)
	}
}

func TestQueueAge(t *testing.T) {
	c := newClock(time.Now())
	q, f := startQueue(t, c, 1)
	ended := func() destinationLists {
		t.Helper()
		eventually(t, "all is at an end", func() bool { return q.state() == queueState{} })
		return q.destinations.lists()
	}
	q.add("held", []byte("a"), 0)
	q.add("in line", []byte("b"), 0)
	<-f.began
	c.advance(time.Hour + time.Second)
	f.end <- outcome{}
	got := ended()
	if len(got.OnSuccess) != 1 || len(got.OnFailure) != 1 || len(f.began) != 0 {
		t.Fatalf("got %+v", got)
	}
	if d := got.OnFailure[0]; d.RequestContext != (destinationRequest{"in line", functionARN, "EventAgeExceeded", 0}) || d.ResponseContext != (destinationResult{}) {
		t.Errorf("got %+v", d)
	}

	q.add("failed", []byte("c"), 0)
	<-f.began
	f.end <- outcome{ending: failed, payload: []byte("why")}
	eventually(t, "it waits for its time", func() bool { return c.waits(time.Second) })
	c.advance(time.Hour + time.Second)
	got = ended()
	if d := got.OnFailure[1]; d.RequestContext != (destinationRequest{"failed", functionARN, "EventAgeExceeded", 1}) || d.ResponseContext != (destinationResult{200, unhandledError}) || d.ResponsePayload != "why" {
		t.Errorf("got %+v", d)
	}

	// A delay that is asked for does not make an invocation old.
	q.add("delayed", []byte("d"), time.Hour)
	if q.state() != (queueState{Waiting: 1}) {
		t.Errorf("got %+v", q.state())
	}
	eventually(t, "it waits for its time", func() bool { return c.waits(time.Hour) })
	f.end <- outcome{}
	c.advance(time.Hour)
	if got = ended(); len(got.OnSuccess) != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestQueueCloses: what waits is given up, and nothing is taken any more.
func TestQueueCloses(t *testing.T) {
	c := newClock(time.Now())
	q, f := startQueue(t, c, 1)
	q.add("fails", nil, 0)
	q.add("delayed", nil, time.Hour)
	f.end <- outcome{ending: failed}
	eventually(t, "it waits for its next attempt", func() bool { return q.state() == queueState{Waiting: 1, Retrying: 1} })
	q.Close()
	if err := q.add("late", nil, 0); !errors.Is(err, errClosed) {
		t.Errorf("got %v", err)
	}
}

func TestRetryOfAFunctionThatCannotStart(t *testing.T) {
	var waited gaps
	s := start(t, options{binary: noFunction, async: queueConfig{retries: 2}, after: waited.After})
	s.invokeLater(t, "{}")
	if sent := s.ended(t); len(sent.OnFailure) != 1 || sent.OnFailure[0].RequestContext.InvokeCount != 3 || !strings.Contains(sent.OnFailure[0].ResponsePayload, "start the function") {
		t.Errorf("got %+v", sent)
	}
}

func TestKill(t *testing.T) {
	var waited gaps
	s := start(t, options{binary: echo(t), instances: 2, after: waited.After})
	kill := func() int {
		t.Helper()
		var answer struct{ Killed int }
		decode(t, s.order(t, http.MethodPost, "/instances/kill", "").body, &answer)
		return answer.Killed
	}
	first := s.invokeInt(t, `{"do":"pid"}`)
	if n := kill(); n != 0 || s.invokeInt(t, `{"do":"pid"}`) != first {
		t.Errorf("%d killed, while none was busy", n)
	}

	id := s.invokeLater(t, `{"do":"hang","times":1}`)
	answered := make(chan reply, 1)
	go func() { answered <- do(t, http.MethodPost, s.consoleURL+"/invoke", `{"do":"hang","times":1}`) }()
	eventually(t, "both run", func() bool { return strings.Count(s.log.String(), "FC Invoke Start") == 4 })
	if n := kill(); n != 2 {
		t.Errorf("%d killed, want both that were busy", n)
	}
	if r := <-answered; r.header.Get("X-Fc-Error-Type") != "UnhandledInvocationError" || !strings.Contains(r.body, "Process exited unexpectedly before completing request (signal: killed)") {
		t.Errorf("whoever waited got %+v", r)
	}
	sent := s.ended(t)
	if len(sent.OnSuccess) != 1 || sent.OnSuccess[0].RequestContext != (destinationRequest{id, functionARN, "Success", 2}) || sent.OnSuccess[0].ResponsePayload != "1" {
		t.Errorf("got %+v", sent)
	}
	if r := s.invoke(t, `{"a":1}`); r.body != `{"a":1}` {
		t.Errorf("afterwards: got %+v", r)
	}
}
