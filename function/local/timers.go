package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxTimers is how many timers there can be: FC takes 50 triggers.
const maxTimers = 50

// A timerSpec says what a timer trigger sends, and how often.
type timerSpec struct {
	Name    string
	Every   time.Duration
	Payload string
}

// parseTimer reads what -timer says: the period, and the payload after "=".
func parseTimer(text string) (timerSpec, error) {
	period, payload, _ := strings.Cut(text, "=")
	every, err := time.ParseDuration(period)
	if err != nil {
		return timerSpec{}, fmt.Errorf(`%q: it must be like 1m='{"sweep":"1m"}'`, text)
	}
	spec := timerSpec{Every: every, Payload: payload}
	return spec, spec.check()
}

// check refuses periods that a triggerTime, which has whole seconds, cannot tell apart.
func (s timerSpec) check() error {
	if s.Every < time.Second || s.Every%time.Second != 0 {
		return fmt.Errorf("every %v: it must be whole seconds", s.Every)
	}
	return nil
}

// A timer is a trigger that ticks.
type timer struct {
	timerSpec
	stop chan struct{}
	due  time.Time // of the next tick
	last time.Time // of the last one; zero: none yet
	ran  int       // ticks so far
}

// timers are the timer triggers of the function.
type timers struct {
	now    func() time.Time
	after  func(time.Duration) <-chan time.Time
	send   func(payload []byte) error // for asynchronous invocation
	faults faultList[timerFault, *timerFault]
	tasks  sync.WaitGroup

	mu      sync.Mutex
	list    []*timer
	made    int
	closing chan struct{}
	closed  bool
}

func newTimers(now func() time.Time, after func(time.Duration) <-chan time.Time, send func([]byte) error) *timers {
	return &timers{now: now, after: after, send: send, closing: make(chan struct{})}
}

// add starts a timer. It is due whenever the time is a multiple of its period.
func (t *timers) add(spec timerSpec) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made++
	spec.Name = cmp.Or(spec.Name, fmt.Sprint("timer-", t.made))
	switch {
	case t.closed:
		return errClosed
	case slices.ContainsFunc(t.list, func(other *timer) bool { return other.Name == spec.Name }):
		return fmt.Errorf("name %q: there is such a timer", spec.Name)
	case len(t.list) == maxTimers:
		return fmt.Errorf("there are %d timers, and can be no more", maxTimers)
	}
	added := &timer{timerSpec: spec, stop: make(chan struct{}), due: t.now().Truncate(spec.Every).Add(spec.Every)}
	t.list = append(t.list, added)
	t.tasks.Go(func() { t.run(added) })
	return nil
}

// run ticks until the timer is taken away.
func (t *timers) run(ticking *timer) {
	for {
		t.mu.Lock()
		due := ticking.due
		t.mu.Unlock()
		select {
		case <-t.after(due.Sub(t.now())):
		case <-ticking.stop:
			return
		case <-t.closing:
			return
		}
		t.tick(ticking.timerSpec, due)
		t.mu.Lock()
		ticking.due, ticking.last = due.Add(ticking.Every), due
		ticking.ran++
		t.mu.Unlock()
	}
}

// tick sends what is due, or misbehaves when a fault is on.
func (t *timers) tick(spec timerSpec, due time.Time) {
	payload := timerEvent(due.UTC().Format(timeLayout), spec.Name, spec.Payload)
	switch t.faults.take(func(timerFault) bool { return true }).Kind {
	case tickLost:
	case tickLate:
		t.tasks.Go(func() {
			select {
			case <-t.after(spec.Every * 3 / 2):
				t.send(payload)
			case <-t.closing:
			}
		})
	case tickDoubled:
		t.send(payload)
		t.send(payload)
	default:
		t.send(payload)
	}
}

// timerEvent is what a timer trigger sends.
func timerEvent(due, name, payload string) []byte {
	event, err := json.Marshal(map[string]string{"triggerTime": due, "triggerName": name, "payload": payload})
	if err != nil {
		log.Panicf("marshal a timer event: %v", err) // strings always marshal
	}
	return event
}

// clear takes all timers away.
func (t *timers) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, gone := range t.list {
		close(gone.stop)
	}
	t.list = nil
}

// A timerState is what one can see of a timer.
type timerState struct {
	Name    string    `json:"name"`
	Every   string    `json:"every"`
	Payload string    `json:"payload"`
	Next    time.Time `json:"next"`
	Last    time.Time `json:"last,omitzero"`
	Ticks   int       `json:"ticks"`
}

// shortPeriod writes a period as one types it: 1m for Go's 1m0s.
func shortPeriod(period time.Duration) string {
	text := period.String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}

// states returns the timers, never nil.
func (t *timers) states() []timerState {
	t.mu.Lock()
	defer t.mu.Unlock()
	states := make([]timerState, 0, len(t.list))
	for _, one := range t.list {
		state := timerState{Name: one.Name, Every: shortPeriod(one.Every), Payload: one.Payload, Next: one.due.UTC(), Ticks: one.ran}
		if !one.last.IsZero() {
			state.Last = one.last.UTC()
		}
		states = append(states, state)
	}
	return states
}

// Close ends all timers, and what is late does not come any more.
func (t *timers) Close() {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		close(t.closing)
	}
	t.mu.Unlock()
	t.tasks.Wait()
}

// How a tick can misbehave.
const (
	tickLate    = "late"    // comes when the next one is due and half a period more, with its own time
	tickDoubled = "doubled" // comes twice
	tickLost    = "lost"    // never comes
)

// A timerFault is a way in which ticks shall misbehave.
type timerFault struct {
	Kind  string `json:"kind"`
	Count int    `json:"count,omitempty"` // ticks left; 0: until cleared
}

func (f *timerFault) left() *int { return &f.Count }

func (c *console) serveTimers(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"timers": c.timers.states()})
}

func (c *console) serveAddTimer(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	every, err := time.ParseDuration(query.Get("every"))
	if err != nil {
		badRequest(w, errors.New("every must be a period, such as 1m"))
		return
	}
	spec := timerSpec{Name: query.Get("name"), Every: every, Payload: query.Get("payload")}
	err = spec.check()
	if err == nil {
		err = c.timers.add(spec)
	}
	if err != nil {
		badRequest(w, err)
		return
	}
	c.serveTimers(w, r)
}

func (c *console) serveClearTimers(w http.ResponseWriter, r *http.Request) {
	c.timers.clear()
	c.serveTimers(w, r)
}

func (c *console) serveTimerFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"faults": c.timers.faults.active()})
}

func (c *console) serveAddTimerFault(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	count, err := numberParam(query, "count", 0)
	added := timerFault{Kind: query.Get("kind"), Count: int(count)}
	if kinds := []string{tickLate, tickDoubled, tickLost}; !slices.Contains(kinds, added.Kind) {
		err = cmp.Or(err, fmt.Errorf("kind %q: it must be one of %v", added.Kind, kinds))
	}
	if err != nil {
		badRequest(w, err)
		return
	}
	c.timers.faults.add(added)
	c.serveTimerFaults(w, r)
}

func (c *console) serveClearTimerFaults(w http.ResponseWriter, r *http.Request) {
	c.timers.faults.clear()
	c.serveTimerFaults(w, r)
}
