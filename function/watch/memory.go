package watch

import (
	"container/list"
	"time"

	"taskstatus/function/task"
)

// memory holds the latest answers, the most recently used first, and forgets
// the least recently used when it is full. It is not safe for concurrent use.
type memory struct {
	size    int
	entries map[key]*list.Element
	order   *list.List
}

type answer struct {
	key  key
	task task.Task
	err  error
	at   time.Time
	// partial means that the task's details are wanted and missing.
	partial bool
}

func newMemory(size int) *memory {
	return &memory{size: size, entries: make(map[key]*list.Element), order: list.New()}
}

// recall returns the answer for k if it still stands.
func (m *memory) recall(k key, now time.Time) (t task.Task, err error, ok bool) {
	element, ok := m.entries[k]
	if !ok {
		return task.Task{}, nil, false
	}
	a := element.Value.(*answer)
	if !a.stands(now) {
		return task.Task{}, nil, false
	}
	m.order.MoveToFront(element)
	return a.task, a.err, true
}

// last returns the task as it was remembered the last time, whether that still
// stands or not, or no task.
func (m *memory) last(k key) task.Task {
	if element, ok := m.entries[k]; ok {
		return element.Value.(*answer).task
	}
	return task.Task{}
}

func (a *answer) stands(now time.Time) bool {
	switch {
	case a.err != nil:
		return fresh(a.at, now, notFoundFor)
	case a.task.Done() && a.partial:
		return fresh(a.at, now, partialFor)
	case a.task.Done():
		return true
	}
	return fresh(a.at, now, openFor)
}

// fresh reports whether what is from the time given is less than d old. It goes
// by the wall clock: the monotonic one may stand still while FC keeps the
// instance frozen, and what is from before would look fresh.
func fresh(from, now time.Time, d time.Duration) bool {
	age := now.Round(0).Sub(from.Round(0))
	return age >= 0 && age < d
}

// remember keeps an answer about the task: what it is, or that there is none.
// Any other error says nothing about the task and is not kept.
func (m *memory) remember(k key, t task.Task, err error, partial bool, now time.Time) {
	if err != nil && task.KindOf(err) != task.NotFound {
		return
	}
	a := &answer{k, t, err, now, partial}
	if element, ok := m.entries[k]; ok {
		element.Value = a
		m.order.MoveToFront(element)
		return
	}
	m.entries[k] = m.order.PushFront(a)
	if m.order.Len() > m.size {
		oldest := m.order.Back()
		delete(m.entries, m.order.Remove(oldest).(*answer).key)
	}
}
