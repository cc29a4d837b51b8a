// Package watch asks CloudSSO economically: a finished task is asked for once
// and remembered, an open one at most once a second however many people look
// at it, its details, if they are wanted, until they are known, and waiting
// follows the task's own schedule. What a task is, how it is fetched and how
// it is shown are none of its business.
package watch

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"taskstatus/function/clock"
	"taskstatus/function/task"
)

const (
	// openFor is how long the answer for an open task stands: an instance
	// asks for it at most once in this time.
	openFor = time.Second

	// notFoundFor is how long a task counts as unknown. A task created a moment
	// ago may not be found at first, so this is short.
	notFoundFor = 5 * time.Second

	// margin is kept between the end of a wait and the deadline, for the last
	// look. With what the edge keeps to send the answer in, a wait ends 3 s before an invocation.
	margin = 2 * time.Second

	// inFlight bounds the calls of one look at many tasks: CloudSSO allows 100 a
	// second for the whole account, and takes some 100 ms a call.
	inFlight = 8

	// remembered bounds how many tasks are kept in memory.
	remembered = 10_000

	// Calls a second of all instances together, where there are many: together
	// half of the 100 that CloudSSO takes, and of the 20 that it takes for GetTask.
	// The rest is for people.
	statusRate  = 40
	detailsRate = 10
)

// A Source fetches one task from CloudSSO, and says when.
type Source interface {
	GetTaskStatus(context.Context, task.DirectoryID, task.ID) (task.Task, error)
}

// A Watcher looks tasks up, once for all who ask. Create one with New.
type Watcher struct {
	// Details, unless nil, is asked for the details of each task. They never
	// change: once they are known only the source is asked. A task whose details
	// cannot be had is looked up without them. Set it before the first look.
	Details DetailSource

	source Source
	// What the source and Details are asked by: see Share.
	pace, detailsPace pace

	now func() time.Time

	mu     sync.Mutex
	known  *memory
	calls  map[key]*call
	paused map[task.DirectoryID]pause
}

type key struct {
	directory task.DirectoryID
	id        task.ID
}

// A call is one question to the source that is under way. Its fields are
// written before ended is closed and only read afterwards.
type call struct {
	ended chan struct{}
	task  task.Task
	err   error
	// abandoned is set where it failed because the one who asked went away.
	abandoned bool
}

// New returns a Watcher that asks source.
func New(source Source) *Watcher {
	return &Watcher{
		source: source,
		now:    time.Now,
		known:  newMemory(remembered),
		calls:  make(map[key]*call),
		paused: make(map[task.DirectoryID]pause),
	}
}

// Share has the Watcher ask as one of so many instances that may all do so at once:
// together they ask CloudSSO 50 times a second at the most. Without it, it asks as
// fast as it can. Call it before the first look.
func (w *Watcher) Share(instances int) {
	w.pace.every = time.Duration(instances) * time.Second / statusRate
	w.detailsPace.every = time.Duration(instances) * time.Second / detailsRate
}

// Look looks the tasks up, in the order given. Where some are open it goes on
// until all are done, or for as long as wait, or until shortly before the deadline of
// ctx, whichever comes first; with no wait it looks once. A task that was seen
// and can then not be looked up for a while keeps the answer that it had.
func (w *Watcher) Look(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result {
	end := w.now().Add(wait)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-margin).Before(end) {
		end = deadline.Add(-margin)
	}
	results := make([]task.Result, len(ids))
	open := make([]*question, len(ids))
	for i, id := range ids {
		results[i].ID = id
		open[i] = &question{key: key{directory, id}, result: &results[i]}
	}
	for {
		w.askDue(ctx, open, end)
		open = slices.DeleteFunc(open, func(q *question) bool { return q.over })
		left := end.Sub(w.now())
		if len(open) == 0 || left <= 0 {
			return results
		}
		next := slices.MinFunc(open, func(a, b *question) int { return a.due.Compare(b.due) }).due
		if clock.Sleep(ctx, min(next.Sub(w.now()), left)) != nil {
			return results
		}
	}
}

// A question is one task that a Look is about.
type question struct {
	key    key
	result *task.Result
	// due is when to ask next, unless it is over: done, or not worth asking again.
	due  time.Time
	over bool
	// trouble means that CloudSSO did not answer the last time: not even the
	// end of the wait is a reason to ask before it is due.
	trouble bool
}

// askDue asks each question that is due, a few at a time, and returns when all
// have answered. At the end of the wait all are due.
func (w *Watcher) askDue(ctx context.Context, open []*question, end time.Time) {
	now := w.now()
	due := func(q *question) bool { return !q.due.After(now) || !now.Before(end) && !q.trouble }
	if len(open) == 1 {
		if due(open[0]) {
			w.ask(ctx, open[0])
		}
		return
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, inFlight)
	for _, q := range open {
		if !due(q) {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() {
				// Unrecovered, a panic here would end the process and every other invocation with it.
				if p := recover(); p != nil {
					q.result.Err, q.over = fmt.Errorf("panic: %v\n%s", p, debug.Stack()), true
				}
				<-slots
			}()
			w.ask(ctx, q)
		})
	}
	group.Wait()
}

// ask looks the task up and decides when to do so again.
func (w *Watcher) ask(ctx context.Context, q *question) {
	t, err := w.lookUp(ctx, q.key)
	now := w.now()
	q.trouble = err != nil
	switch {
	case err == nil:
		q.result.Task, q.result.Err = t, nil
		q.due, q.over = now.Add(t.RetryAfter(now)), t.Done()
	case !task.KindOf(err).Retryable():
		q.result.Task, q.result.Err = task.Task{}, err
		q.over = true
	default:
		q.due = now.Add(max(openFor, task.RetryAfter(err)))
		if q.result.Task.ID == "" {
			q.result.Err = err
		}
	}
}

// lookUp answers from memory, or joins the call that is under way, or calls.
// The call runs in the goroutine, and within the context, of the first who asks.
// Where that one goes away, the next in line calls again: nobody's
// cancellation becomes another's answer.
func (w *Watcher) lookUp(ctx context.Context, k key) (task.Task, error) {
	for {
		w.mu.Lock()
		if t, err, ok := w.known.recall(k, w.now()); ok {
			w.mu.Unlock()
			return t, err
		}
		c, underWay := w.calls[k]
		if !underWay {
			c = &call{ended: make(chan struct{}), abandoned: true}
			w.calls[k] = c
			w.mu.Unlock()
			w.call(ctx, k, c)
			return c.task, c.err
		}
		w.mu.Unlock()

		select {
		case <-c.ended:
			if !c.abandoned {
				return c.task, c.err
			}
		case <-ctx.Done():
			return task.Task{}, ctx.Err()
		}
	}
}

func (w *Watcher) call(ctx context.Context, k key, c *call) {
	// Deferred, so that those who joined are let go even if the source panics.
	defer func() {
		w.mu.Lock()
		delete(w.calls, k)
		if !c.abandoned {
			w.known.remember(k, c.task, c.err, w.Details != nil && c.task.Details == nil, w.now())
		}
		w.mu.Unlock()
		close(c.ended)
	}()
	c.task, c.err = w.fetch(ctx, k)
	c.abandoned = c.err != nil && ctx.Err() != nil
}
