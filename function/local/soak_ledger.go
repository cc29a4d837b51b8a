package main

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"
)

// soakTask begins the id of every task that a soak makes to be told of. What
// follows says who is to be told.
const (
	soakTask    = "t-soak"
	soakProgram = soakTask + "p" // the generic webhook alone
	soakTeam    = soakTask + "t" // everybody
	soakWaiter  = soakTask + "w" // who asked for it in a chat
)

var soakTaskID = regexp.MustCompile(soakTask + "[ptw][0-9]+")

// A ledger knows who is to be told of which task, and who was.
type ledger struct {
	mu       sync.Mutex
	due      map[string]*toldTask
	expected int // each by one receiver
	told     int
	after    latencies // from the task's end
}

// A toldTask is one that somebody is still to be told of.
type toldTask struct {
	ends time.Time
	by   map[string]bool // receivers that have not been told
}

func newLedger() *ledger { return &ledger{due: make(map[string]*toldTask)} }

// expect notes that receivers are to be told of a task, at least once each.
func (l *ledger) expect(id string, ends time.Time, receivers ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &toldTask{ends: ends, by: make(map[string]bool)}
	for _, name := range receivers {
		t.by[name] = true
	}
	l.due[id] = t
	l.expected += len(t.by)
}

// withdraw takes back what was expected and did not come yet: the function did not take it over.
func (l *ledger) withdraw(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.due[id]; t != nil {
		l.expected -= len(t.by)
		delete(l.due, id)
	}
}

// heard reads what came to a receiver. What a sweep tells is not counted: it
// must not stand in for the message that was lost.
func (l *ledger) heard(entry chatEntry) {
	if entry.Status != "shown" || entry.Platform == "webhook" && !bytes.Contains(entry.Raw, []byte(`"type":"tasks.ended"`)) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, found := range soakTaskID.FindAll(entry.Raw, -1) {
		t := l.due[string(found)]
		if t == nil || !t.by[entry.Platform] {
			continue
		}
		delete(t.by, entry.Platform)
		l.told++
		l.after.add(entry.At.Sub(t.ends))
		if len(t.by) == 0 {
			delete(l.due, string(found))
		}
	}
}

// counts returns how many were to be told and how many have been.
func (l *ledger) counts() (expected, told int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.expected, l.told
}

// afterEnd returns how long after the end of their tasks half, and 99 of 100, were told.
func (l *ledger) afterEnd() (half, most time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.after.quantile(0.5), l.after.quantile(0.99)
}

// failures says who was not told of what.
func (l *ledger) failures() (failures []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.expected == 0 {
		failures = append(failures, "there was nothing to be told")
	}
	for _, id := range slices.Sorted(maps.Keys(l.due)) {
		failures = append(failures, fmt.Sprintf("lost: %s, which ended at %s, was not told to %v", id, l.due[id].ends.Format(time.TimeOnly), slices.Sorted(maps.Keys(l.due[id].by))))
	}
	return failures
}
