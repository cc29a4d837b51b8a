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

// stands goes by the wall clock: the monotonic one may stand still while FC
// keeps the instance frozen, and an answer from before would look fresh.
func (a *answer) stands(now time.Time) bool {
	age := now.Round(0).Sub(a.at.Round(0))
	switch {
	case a.err != nil:
		return age >= 0 && age < notFoundFor
	case a.task.Done():
		return true
	}
	return age >= 0 && age < openFor
}

// remember keeps an answer about the task: what it is, or that there is none.
// Any other error says nothing about the task and is not kept.
func (m *memory) remember(k key, t task.Task, err error, now time.Time) {
	if err != nil && task.KindOf(err) != task.NotFound {
		return
	}
	a := &answer{k, t, err, now}
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
