package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A playing is a scenario that is played on a stage, with a clock set by hand.
type playing struct {
	*stage
	*clock
	lines *logBuffer
}

func play(t *testing.T, name string) *playing {
	t.Helper()
	c := newClock(time.Date(2026, 11, 23, 10, 0, 10, 0, time.Local))
	p := &playing{start(t, options{binary: echo(t), now: c.Now, after: c.After, rotate: time.Hour}), c, new(logBuffer)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- newScenario(p.cloud, config{now: c.Now, after: c.After}, p.lines).play(ctx, scenarios[name])
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// pass lets time go by as the scenario looks at it.
func (p *playing) pass(t *testing.T, d time.Duration) {
	t.Helper()
	for until := p.Now().Add(d); ; p.advance(scenarioLook) {
		eventually(t, "the scenario has looked", func() bool { return p.waits(scenarioLook) })
		if !p.Now().Before(until) {
			return
		}
	}
}

// created returns the id of the last task that was created.
func (p *playing) created(t *testing.T) string {
	t.Helper()
	_, line, ok := strings.Cut(p.lines.String(), " created  ")
	if !ok {
		t.Fatalf("nothing was created: %s", p.lines)
	}
	return strings.Fields(line)[0]
}

// post has Slack hear of a task, in the function's place.
func (p *playing) post(t *testing.T, text string) {
	t.Helper()
	r := do(t, http.MethodPost, p.function.variables["SLACK_WEBHOOK_URL"], `{"text":"`+text+`"}`, "Content-Type", "application/json")
	if r.status != http.StatusOK {
		t.Fatalf("got %+v", r)
	}
}

func (p *playing) wants(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(p.lines.String(), line) {
			t.Errorf("%q is not in\n%s", line, p.lines)
		}
	}
}

func TestScenarioEvents(t *testing.T) {
	p := play(t, "events")
	p.pass(t, 0)
	id := p.created(t)
	p.wants(t, "10:00:10 created  "+id+" CreateAccessAssignment: ", ", takes 2s\n", "10:00:10 event    "+id+" delivered\n")
	if events := sentEvents(t, p.stage); len(events) != 1 || firstTaskID(events[0]) != id {
		t.Errorf("got %+v", events)
	}
	p.pass(t, 2*time.Second)
	p.wants(t, "10:00:12 ended    "+id+" Failed: No Permission. "+p.frontURL+"/tasks/"+id+"\n")
	p.pass(t, time.Second)
	p.post(t, "Failed: "+id)
	p.setChatFault(t, "platform=slack&kind=down")
	do(t, http.MethodPost, p.function.variables["SLACK_WEBHOOK_URL"], "{}")
	p.pass(t, scenarioLook)
	p.wants(t, "10:00:13 post     on slack, Failed: "+id+" ("+id+" 1.0 s after its end)\n", "10:00:13 refused  on slack: down\n")
	if n := strings.Count(p.lines.String(), " created "); n != 1 {
		t.Errorf("%d tasks were created within %v", n, scenarioEvery)
	}
	p.pass(t, scenarioEvery)
	if n := strings.Count(p.lines.String(), " created "); n != 2 {
		t.Errorf("%d tasks were created, want 2:\n%s", n, p.lines)
	}
}

func TestScenarioSweep(t *testing.T) {
	p := play(t, "sweep")
	p.pass(t, time.Minute)
	if n := strings.Count(p.lines.String(), " created "); n != 4 {
		t.Errorf("%d tasks were created within a minute, want 4:\n%s", n, p.lines)
	}
	eventually(t, "the timer has ticked", func() bool { return p.timers.states()[0].Ticks == 1 })
	p.pass(t, scenarioLook)
	p.wants(t, " tick     due 10:01:00\n")
	id := p.created(t)
	p.post(t, "2 failed: "+id)
	p.pass(t, scenarioLook)
	p.wants(t, " post     on slack, 10.2 s after the tick: 2 failed: "+id+" ("+id+" 58.2 s after its end)\n")
	// The function says what it swept; the echo answers with the tick.
	p.ended(t)
	p.pass(t, scenarioLook)
	p.wants(t, ` swept    due 10:01:00: what ended from "" to "", told to []`+"\n")
	p.queue.destinations.add(destination{
		RequestContext:  destinationRequest{RequestID: "1-2", Condition: success},
		RequestPayload:  string(timerEvent("2026-11-23T10:02:00Z", "sweep", "")),
		ResponsePayload: `{"from":"2026-11-23T10:00:30Z","to":"2026-11-23T10:01:30Z","told":["slack","webhook"]}`,
	})
	p.pass(t, scenarioLook)
	local := func(text string) string { return localTime("2026-11-23T" + text + "Z") }
	p.wants(t, " swept    due "+local("10:02:00")+": what ended from "+local("10:00:30")+" to "+local("10:01:30")+", told to [slack webhook]\n")
	if strings.Contains(p.lines.String(), " event ") {
		t.Errorf("there are events:\n%s", p.lines)
	}
	ticks := p.ended(t).OnSuccess
	if len(ticks) != 2 || !strings.Contains(ticks[0].RequestPayload, `"payload":"{\"sweep\":\"1m\"}"`) {
		t.Errorf("got %+v", ticks)
	}
}

// TestScenarioTellsOfFailures: what FC gives up is no secret.
func TestScenarioTellsOfFailures(t *testing.T) {
	p := play(t, "events")
	p.pass(t, 0)
	p.invokeLater(t, `{"do":"error"}`)
	for gap := range 8 {
		wait := retryGap(gap + 1)
		eventually(t, "it waits for its next attempt", func() bool { return p.waits(wait) })
		p.advance(wait)
	}
	p.ended(t)
	p.pass(t, scenarioLook)
	p.wants(t, " given up request 1-", ": RetriesExhausted after 9 attempts, {\"errorMessage\":\"as ordered\"")
}
