package main

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// tickTimes returns when the ticks that came were due, in the order in which they came.
func tickTimes(t *testing.T, s *stage) []string {
	t.Helper()
	var times []string
	for _, sent := range s.ended(t).OnSuccess {
		var tick struct{ TriggerTime, TriggerName, Payload string }
		decode(t, sent.RequestPayload, &tick)
		if tick.TriggerName != "sweep" || tick.Payload != `{"sweep":"1m"}` {
			t.Errorf("got %s", sent.RequestPayload)
		}
		times = append(times, tick.TriggerTime)
	}
	return times
}

func TestTimerTicks(t *testing.T) {
	c := newClock(time.Date(2026, 11, 23, 10, 0, 17, 123_000_000, time.UTC))
	spec := timerSpec{Name: "sweep", Every: time.Minute, Payload: `{"sweep":"1m"}`}
	for _, test := range []struct {
		name, fault string
		want        []string // due
	}{
		{"as it should", "", []string{"10:01:00", "10:02:00", "10:03:00", "10:04:00"}},
		{"lost", "kind=lost&count=2", []string{"10:03:00", "10:04:00"}},
		{"doubled", "kind=doubled&count=1", []string{"10:01:00", "10:01:00", "10:02:00", "10:03:00", "10:04:00"}},
		{"late", "kind=late&count=1", []string{"10:02:00", "10:01:00", "10:03:00", "10:04:00"}},
		{"until cleared", "kind=lost", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newClock(c.Now())
			s := start(t, options{binary: echo(t), now: c.Now, after: c.After, rotate: time.Hour, timers: []timerSpec{spec}})
			if test.fault != "" {
				s.order(t, http.MethodPost, "/timers/faults?"+test.fault, "")
			}
			next := time.Date(2026, 11, 23, 10, 1, 0, 0, time.UTC)
			for range 4 {
				eventually(t, "the timer waits for its time", func() bool { return c.waits(next.Sub(c.Now())) })
				c.advance(next.Sub(c.Now()))
				// The next tick is waited for when this one was sent.
				next = next.Add(time.Minute)
				eventually(t, "the timer waits again", func() bool { return c.waits(next.Sub(c.Now())) })
				s.ended(t)
				if half := next.Add(-30 * time.Second); c.waits(half.Sub(c.Now())) { // what is late comes between two ticks
					c.advance(half.Sub(c.Now()))
					eventually(t, "it came late", func() bool { return slices.Contains(tickTimes(t, s), "2026-11-23T10:01:00Z") })
				}
			}
			got := tickTimes(t, s)
			for i, due := range test.want {
				test.want[i] = "2026-11-23T" + due + "Z"
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestTimerOrders(t *testing.T) {
	c := newClock(time.Date(2026, 11, 23, 10, 0, 17, 0, time.UTC))
	s := start(t, options{binary: noFunction, now: c.Now, after: c.After, rotate: time.Hour})
	const made = `{"timers":[{"name":"timer-1","every":"1m","payload":"{\"sweep\":\"1m\"}","next":"2026-11-23T10:01:00Z","ticks":0}]}` + "\n"
	if r := s.order(t, http.MethodPost, "/timers?every=1m&payload=%7B%22sweep%22:%221m%22%7D", ""); r.body != made {
		t.Errorf("got %s, want %s", r.body, made)
	}
	for _, path := range []string{
		"/timers", "/timers?every=x", "/timers?every=0s", "/timers?every=1500ms", "/timers?every=1m&name=timer-1",
		"/timers/faults", "/timers/faults?kind=x", "/timers/faults?kind=lost&count=x",
	} {
		if r := do(t, http.MethodPost, s.consoleURL+path, ""); r.status != http.StatusBadRequest {
			t.Errorf("%s: got %+v", path, r)
		}
	}
	if r := s.order(t, http.MethodGet, "/timers", ""); r.body != made {
		t.Errorf("got %s, want %s", r.body, made)
	}
	if r := s.order(t, http.MethodPost, "/timers/faults?kind=late&count=2", ""); r.body != `{"faults":[{"kind":"late","count":2}]}`+"\n" {
		t.Errorf("got %s", r.body)
	}
	if r := s.order(t, http.MethodDelete, "/timers/faults", ""); r.body != `{"faults":[]}`+"\n" {
		t.Errorf("got %s", r.body)
	}
	if r := s.order(t, http.MethodDelete, "/timers", ""); r.body != `{"timers":[]}`+"\n" {
		t.Errorf("got %s", r.body)
	}
	c.advance(time.Hour)
	if n := s.counts(t).Invocations; n != 0 {
		t.Errorf("%d ticks came of a timer that is gone", n)
	}
}

func TestParseTimer(t *testing.T) {
	for text, want := range map[string]timerSpec{
		`1m={"sweep":"1m"}`: {Every: time.Minute, Payload: `{"sweep":"1m"}`},
		"1h30m=a=b":         {Every: 90 * time.Minute, Payload: "a=b"},
		"5s":                {Every: 5 * time.Second},
	} {
		if got, err := parseTimer(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "=x", "1=x", "100ms=x", "-1m=x"} {
		if got, err := parseTimer(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

func TestShortPeriod(t *testing.T) {
	for period, want := range map[time.Duration]string{
		time.Minute: "1m", time.Hour: "1h", 90 * time.Second: "1m30s", 90 * time.Minute: "1h30m", 30 * time.Second: "30s", 10 * time.Minute: "10m", 10 * time.Hour: "10h",
	} {
		if got := shortPeriod(period); got != want {
			t.Errorf("%v: got %s, want %s", period, got, want)
		}
	}
}
