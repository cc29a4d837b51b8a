package check

import (
	"encoding/json"
	"time"

	"taskstatus/function/task"
)

const (
	// The shortest and the longest period of a timer. The latest that is over may
	// have begun twice as long ago, and CloudSSO lists the tasks of 7 days.
	minPeriod = time.Minute
	maxPeriod = 3 * 24 * time.Hour

	// settled is how long after a task's end its end is surely listed, and our clock
	// past it.
	settled = 10 * time.Second
	// offset is by how much periods begin before full multiples of their length.
	// Ticks are due at those: a little early or late they still mean the same period.
	offset = 30 * time.Second
)

// A Tick is a tick of a timer trigger.
type Tick struct {
	// Time is when it was due, however late it came.
	Time time.Time
	Name string
	// Payload says what to do: {"sweep":"5m"} or {"digest":"24h"}.
	Payload string
}

// read returns what a tick asks for.
func (t Tick) read() (kind task.NoticeKind, period time.Duration, err error) {
	var asked struct{ Sweep, Digest *string }
	if json.Unmarshal([]byte(t.Payload), &asked) != nil || (asked.Sweep == nil) == (asked.Digest == nil) {
		return "", 0, invalidTick(`the timer's payload must be {"sweep":"5m"} or {"digest":"24h"}`)
	}
	kind, value := task.NoticeSweep, asked.Sweep
	if asked.Digest != nil {
		kind, value = task.NoticeDigest, asked.Digest
	}
	period, err = time.ParseDuration(*value)
	if err != nil || period < minPeriod || period > maxPeriod || period%time.Second != 0 {
		return "", 0, invalidTick(`the period in the timer's payload must be from "1m" to "72h", such as "5m" or "24h"`)
	}
	return kind, period, nil
}

func invalidTick(what string) error {
	return &task.Error{Kind: task.Invalid, Detail: task.Text{En: what}}
}

// A window is a period of time; to is not part of it.
type window struct{ from, to time.Time }

// windowAt returns the latest period that is over at a time. Periods follow each other
// without a gap, always at the same times: ticks that come late, twice or again
// mean the same one, and nobody need remember which was the last.
func windowAt(at time.Time, period time.Duration) window {
	line := at.Add(offset - settled).UTC().Truncate(period)
	to := line.Add(-offset)
	return window{to.Add(-period), to}
}

func (w window) has(t time.Time) bool { return !t.Before(w.from) && t.Before(w.to) }
