package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// report prints what there is to know, and returns what went wrong.
func (s *soak) report(lasting []*measured, panics []string) error {
	s.line()
	s.tally.print(s.out)
	stats := s.cloudSSO.snapshot()
	fmt.Fprintf(s.out, "calls to CloudSSO %v, answered %v, over %d connections\n", stats.Calls, stats.Statuses, stats.Connections)
	expected, told := s.ledger.counts()
	half, most := s.ledger.afterEnd()
	fmt.Fprintf(s.out, "notifications: %d expected, %d told, %d lost; after the task's end, half within %v and 99%% within %v\n", expected, told, expected-told, short(half), short(most))
	fmt.Fprintf(s.out, "%d faults, %d times killed, %d times stood still\n", s.faultsOn.count(), s.kills.count(), s.still.times.count())
	failures := append(s.tally.failures(), s.ledger.failures()...)
	if left := s.underWay(); left != (queueState{}) {
		failures = append(failures, fmt.Sprintf("%v after the load, asynchronous invocations are not at an end: %+v", s.drain, left))
	}
	for _, m := range lasting {
		fmt.Fprintln(s.out, m.size)
		failures = append(failures, m.size.failures()...)
	}
	if failures = append(failures, panics...); len(failures) == 0 {
		fmt.Fprintln(s.out, "passed: nothing grew, broke by itself or was lost")
		return nil
	}
	const shown = 40
	left := len(failures) - min(len(failures), shown)
	text := strings.Join(failures[:len(failures)-left], "\n  ")
	if left > 0 {
		text += fmt.Sprintf("\n  and %d more", left)
	}
	return errors.New("the soak failed:\n  " + text)
}

// line says how far the soak is.
func (s *soak) line() {
	all := s.tally.sum()
	expected, told := s.ledger.counts()
	s.say("%d requests; errors: %d without a fault, %d with one; notifications: %d expected, %d told; asynchronous: %d under way; %s",
		all.requests, all.calm, all.excused, expected, told, s.underWay().total(), s.sizes([]*measured{s.pages, s.single, s.checks}))
}

// total is how many those are.
func (s queueState) total() int { return s.Waiting + s.Running + s.Retrying }

// sizes says how much memory instances have, and this program's goroutines.
func (s *soak) sizes(of []*measured) string {
	var said []string
	for _, m := range of {
		if now, _, err := residentMemory(m.instance.process.Process.Pid); err == nil {
			said = append(said, fmt.Sprintf("%s %d MB", m.name, now>>20))
		}
	}
	return strings.Join(append(said, fmt.Sprintf("%d goroutines of the stand-ins", runtime.NumGoroutine())), ", ")
}

func (s *soak) say(format string, args ...any) {
	fmt.Fprintf(s.out, "%s %s\n", s.now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
