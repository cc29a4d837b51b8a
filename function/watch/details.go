package watch

import (
	"context"
	"time"

	"taskstatus/function/task"
)

const (
	// detailsTimeout bounds the try for the details. CloudSSO answers within
	// some 100 ms; what takes longer than this may still be worth asking the
	// source for, and a reader waits for both.
	detailsTimeout = 2500 * time.Millisecond

	// sourceTimeout is what the source may take for one question: with less
	// left after a try for the details, there is none.
	sourceTimeout = 4 * time.Second

	// refusedFor is how long the details are left alone that the role may not
	// have. A role that is given the permission has them after this time, and
	// one that never is costs next to no calls.
	refusedFor = 10 * time.Minute

	// partialFor is how long the answer for a finished task stands that lacks its details.
	partialFor = 30 * time.Second
)

// A DetailSource fetches one task from CloudSSO with its details.
type DetailSource interface {
	GetTask(context.Context, task.DirectoryID, task.ID) (task.Task, error)
}

// A pause is a time in which nobody is asked for details.
type pause struct {
	since time.Time
	lasts time.Duration
}

// fetch asks for the task. While its details are wanted and not known it asks
// for both at once, and only for the task where that fails: the details are
// no reason not to tell what is known without them.
func (w *Watcher) fetch(ctx context.Context, k key) (task.Task, error) {
	if w.Details == nil {
		return w.status(ctx, k)
	}
	w.mu.Lock()
	known := w.known.last(k)
	paused := w.paused[k.directory]
	w.mu.Unlock()
	if known.Details == nil && !fresh(paused.since, w.now(), paused.lasts) && w.leavesTime(ctx) {
		t, err := w.withDetails(ctx, k)
		if err == nil || ctx.Err() != nil {
			return t, err
		}
		w.pause(k.directory, err)
	}
	if known.Done() {
		return known, nil // only its details were asked for
	}
	t, err := w.status(ctx, k)
	// Beside an error as well: a task that is not found for a moment has the same details after it.
	t.Details = known.Details
	return t, err
}

func (w *Watcher) status(ctx context.Context, k key) (task.Task, error) {
	if err := w.pace.wait(ctx, w.now()); err != nil {
		return task.Task{}, err
	}
	return w.source.GetTaskStatus(ctx, k.directory, k.id)
}

// leavesTime reports whether a try for the details leaves the source its time.
func (w *Watcher) leavesTime(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(w.now()) >= detailsTimeout+sourceTimeout
}

func (w *Watcher) withDetails(ctx context.Context, k key) (task.Task, error) {
	if err := w.detailsPace.wait(ctx, w.now()); err != nil {
		return task.Task{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, detailsTimeout)
	defer cancel()
	return w.Details.GetTask(ctx, k.directory, k.id)
}

// pause has nobody asked for details of the directory's tasks for a while after
// err, unless it is about the one task.
func (w *Watcher) pause(directory task.DirectoryID, err error) {
	lasts := max(openFor, task.RetryAfter(err))
	switch kind := task.KindOf(err); {
	case kind == task.Refused:
		lasts = refusedFor
	case !kind.Retryable():
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused[directory] = pause{w.now(), lasts}
}
