package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const (
	// scenarioEvery is how often a scenario creates an assignment.
	scenarioEvery = 20 * time.Second
	// scenarioLook is how often it looks at what came of the earlier ones.
	scenarioLook = 250 * time.Millisecond
	// sweepEvery is how often the timer of the scenario "sweep" ticks.
	sweepEvery = time.Minute
	sweepTimer = "sweep"
)

// scenarios are those that can be played, by what they begin with.
var scenarios = map[string]func(*scenario) error{
	"events": (*scenario).beginEvents,
	"sweep":  (*scenario).beginSweep,
}

// A scenario creates assignments for as long as it is played, and says in a
// line each what the stand-ins see of them.
type scenario struct {
	*cloud
	out   io.Writer
	now   func() time.Time
	after func(time.Duration) <-chan time.Time

	made    []simulatedTask
	running []simulatedTask // of those, whose end was not told yet
	post    int             // the number of the last message that was seen
	ticks   int             // of the sweeps that were seen
	tick    time.Time       // when the last of them was due

	outcomes map[string]bool // that were seen, by request id
}

func newScenario(opened *cloud, c config, out io.Writer) *scenario {
	after := c.after
	if after == nil {
		after = time.After
	}
	return &scenario{cloud: opened, out: out, now: c.now, after: after, outcomes: make(map[string]bool)}
}

// play plays a scenario until the context ends.
func (s *scenario) play(ctx context.Context, begin func(*scenario) error) error {
	if err := begin(s); err != nil {
		return fmt.Errorf("begin the scenario: %w", err)
	}
	for next := s.now(); ctx.Err() == nil; {
		if !s.now().Before(next) {
			s.create()
			next = next.Add(scenarioEvery)
		}
		s.look()
		select {
		case <-s.after(scenarioLook):
		case <-ctx.Done():
		}
	}
	return nil
}

func (s *scenario) beginEvents() error {
	s.events.set(eventsOn, 1)
	s.say("begin", "an assignment every %v, and an event of each", scenarioEvery)
	return nil
}

func (s *scenario) beginSweep() error {
	s.events.set(eventsOff, 1)
	s.say("begin", "an assignment every %v, no events, and a timer that ticks every %s", scenarioEvery, shortPeriod(sweepEvery))
	return s.timers.add(timerSpec{Name: sweepTimer, Every: sweepEvery, Payload: `{"sweep":"` + shortPeriod(sweepEvery) + `"}`})
}

// say prints a line.
func (s *scenario) say(step, format string, args ...any) {
	fmt.Fprintf(s.out, "%s %-8s %s\n", s.now().Format(time.TimeOnly), step, fmt.Sprintf(format, args...))
}

// create makes an assignment. Two of three fail, each with the next reason.
func (s *scenario) create() {
	n := len(s.made)
	spec := taskSpec{
		directory: s.cloudSSO.directories[0],
		taskType:  createAssignment,
		length:    2*time.Second + time.Duration(n*5%11)*time.Second,
		outcome:   statusSuccess,
	}
	if n%3 != 2 {
		spec.outcome, spec.reason = statusFailed, failureReasons[(n-n/3)%len(failureReasons)]
	}
	before := s.events.current().Events
	created, _ := s.cloudSSO.order(spec, 1)
	t := created[0]
	s.made = append(s.made, t)
	s.running = append(s.running, t)
	s.say("created", "%s %s: %s for %s in %s, takes %v", t.id, t.taskType, t.configuration.name, t.principal.name, t.account.name, spec.length)
	if s.events.current().Events > before {
		s.say("event", "%s delivered", t.id)
	}
}

// look says what happened since it last looked.
func (s *scenario) look() {
	s.lookAtTasks()
	s.lookAtTimer()
	s.lookAtPosts()
	s.lookAtOutcomes()
}

func (s *scenario) lookAtTasks() {
	s.running = slices.DeleteFunc(s.running, func(t simulatedTask) bool {
		status := t.status(s.now())
		if status == statusInProgress {
			return false
		}
		if t.reason != "" {
			status += ": " + t.reason
		}
		s.say("ended", "%s %s %s/tasks/%s", t.id, status, s.frontURL, t.id)
		return true
	})
}

func (s *scenario) lookAtTimer() {
	for _, state := range s.timers.states() {
		if state.Name == sweepTimer && state.Ticks > s.ticks {
			s.ticks, s.tick = state.Ticks, state.Last.Local()
			s.say("tick", "due %s", s.tick.Format(time.TimeOnly))
		}
	}
}

func (s *scenario) lookAtPosts() {
	for _, entry := range s.chat.messages("") {
		if entry.number <= s.post {
			continue
		}
		s.post = entry.number
		if entry.Error != "" {
			s.say("refused", "on %s: %s", entry.Platform, entry.Error)
			continue
		}
		var named []string
		for _, t := range s.made {
			if strings.Contains(string(entry.Raw), t.id) {
				named = append(named, fmt.Sprintf("%s %.1f s after its end", t.id, entry.At.Sub(t.end).Seconds()))
			}
		}
		title := entry.Title
		if !s.tick.IsZero() {
			title = fmt.Sprintf("%.1f s after the tick: %s", entry.At.Sub(s.tick).Seconds(), title)
		}
		s.say("post", "on %s, %s (%s)", entry.Platform, title, strings.Join(named, ", "))
	}
}

// lookAtOutcomes finds what sweeps answered, and what FC gave up to have the
// function do.
func (s *scenario) lookAtOutcomes() {
	lists := s.queue.destinations.lists()
	for _, d := range slices.Concat(lists.OnSuccess, lists.OnFailure) {
		about := d.RequestContext
		if s.outcomes[about.RequestID] {
			continue
		}
		s.outcomes[about.RequestID] = true
		if about.Condition != success {
			s.say("given up", "request %s: %s after %d attempts, %s", about.RequestID, about.Condition, about.InvokeCount, d.ResponsePayload)
			continue
		}
		request, _ := readObject([]byte(d.RequestPayload))
		answer, _ := readObject([]byte(d.ResponsePayload))
		if request.text("triggerName") == sweepTimer {
			s.say("swept", "due %s: what ended from %s to %s, told to [%s]", localTime(request.text("triggerTime")),
				localTime(answer.text("from")), localTime(answer.text("to")), strings.Join(answer.texts("told"), " "))
		}
	}
}

// localTime shortens a time to what the lines begin with; what is none stays as it is.
func localTime(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Sprintf("%q", text)
	}
	return t.Local().Format(time.TimeOnly)
}
