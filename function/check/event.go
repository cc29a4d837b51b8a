package check

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"taskstatus/function/task"
)

// Events waits for the tasks that the events say were started, for as long as there is
// time, and tells of them as Tasks does, together where there are several.
// Events of another kind are ignored, as are those that are delivered again after
// they were checked. The errors are those of Tasks and of the Lister.
func (c *Checker) Events(ctx context.Context, events []Event, last bool) (Outcome, error) {
	var out Outcome
	var failed []error
	tasks := make(map[task.DirectoryID][]task.ID)
	looking, cancel := leave(ctx, tellFor)
	defer cancel()
	for _, event := range events {
		directory, ids, err := c.tasksOf(looking, event)
		if err != nil {
			failed = append(failed, fmt.Errorf("event %.100q: %w", event.ID, err))
		}
		if len(ids) == 0 {
			out.Ignored++
		}
		for _, id := range ids {
			if !slices.Contains(tasks[directory], id) {
				tasks[directory] = append(tasks[directory], id)
			}
		}
	}

	var mu sync.Mutex
	var waiting sync.WaitGroup
	for directory, ids := range tasks {
		waiting.Go(func() {
			checked, err := c.Tasks(ctx, directory, ids, UntilDeadline, last)
			mu.Lock()
			defer mu.Unlock()
			out.Results = append(out.Results, checked.Results...)
			out.Told = append(out.Told, checked.Told...)
			if err != nil {
				failed = append(failed, err)
			}
		})
	}
	waiting.Wait()
	if len(failed) == 0 {
		for _, event := range events {
			c.handled.add(event)
		}
	}
	return out, errors.Join(failed...)
}

// tasksOf returns the tasks that an event says were started: none where it is of
// another kind, about a directory that is not looked into, or has been checked.
func (c *Checker) tasksOf(ctx context.Context, event Event) (task.DirectoryID, []task.ID, error) {
	if c.handled.has(event) {
		return "", nil, nil
	}
	s, ok := readEvent(event)
	if !ok || s.directory != "" && !slices.Contains(c.Directories, s.directory) {
		return "", nil, nil
	}
	if len(s.ids) > 0 {
		return s.directory, s.ids, nil
	}
	return c.search(ctx, s)
}

// search looks for the tasks of an event that names none among those that
// started when it happened, and are about the same.
func (c *Checker) search(ctx context.Context, s started) (task.DirectoryID, []task.ID, error) {
	r, ok := s.request()
	if !ok {
		c.Log.WarnContext(ctx, "the event names neither a task nor what to find it by: sweep for what it started", slog.String("event", s.event))
		return "", nil, nil
	}
	r.Directory = s.directory
	if r.Directory == "" {
		r.Directory = c.Directories[0]
	}
	r.StartedSince = c.since(s.at.Add(-startedAround))
	for tries := 0; ; tries++ {
		results, err := c.list(ctx, r)
		if task.KindOf(err) == task.Refused {
			c.once.Do(func() {
				c.Log.ErrorContext(ctx, "events name no task, and the role may not list tasks to find it (cloudsso:ListTasks): sweep instead", slog.String("error", err.Error()))
			})
			return "", nil, nil
		}
		if err != nil {
			return "", nil, err
		}
		var ids []task.ID
		for _, found := range results {
			if found.Task.Start.Before(s.at.Add(startedAround)) {
				ids = append(ids, found.ID)
			}
		}
		if len(ids) > 0 {
			return r.Directory, ids, nil
		}
		if tries == newTries {
			c.Log.WarnContext(ctx, "the event names no task, and none that it can mean is listed", slog.String("event", s.event))
			return "", nil, nil
		}
		if !pause(ctx, newEvery) {
			return "", nil, ctx.Err()
		}
	}
}

// startedAround is how far the time of an event may be from the start of its task.
const startedAround = time.Minute

// handled keeps the latest events that were checked. It lasts as long as the
// instance: to another one an event that comes again is new.
type handled struct {
	mu    sync.Mutex
	names map[string]bool
}

// remembered is how many events are kept: more than come before one of them is
// delivered again.
const remembered = 4096

func (h *handled) has(e Event) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.names[e.Source+" "+e.ID]
}

func (h *handled) add(e Event) {
	if e.ID == "" {
		return // nobody can tell it from others
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.names == nil || len(h.names) == remembered {
		h.names = make(map[string]bool)
	}
	h.names[e.Source+" "+e.ID] = true
}
