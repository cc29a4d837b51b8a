package check

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"taskstatus/function/clock"
	"taskstatus/function/entry"
	"taskstatus/function/task"
)

const (
	// startedAround is how far the time of an event may be from the start of its task.
	startedAround = time.Minute

	// searchRate is how many searches a second all instances make together: CloudSSO takes 20
	// lists, and sweeps want some.
	searchRate = 10

	// maxMeant is how many tasks an event can mean that names none. More are others'
	// as well, and each of their events would find them all.
	maxMeant = 3
)

// Events waits for the tasks that the events say were started, for as long as there is
// time, and tells of them as Tasks does, together where there are several.
// Events of another kind are ignored, as are those that are delivered again after
// they were checked. The error is an Error.
func (c *Checker) Events(ctx context.Context, events []Event, attempt int) (Outcome, error) {
	looking, cancel := leave(ctx, tellFor)
	defer cancel()
	var failed []error
	ignored := 0
	tasks := make(map[task.DirectoryID][]task.ID)
	// In any order: where the time is not enough for all, each attempt gets to others.
	events = slices.Clone(events)
	rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for _, event := range events {
		directory, ids, err := c.tasksOf(looking, event)
		switch {
		case err != nil:
			failed = append(failed, fmt.Errorf("%w (%w)", Error("the task of an event cannot be looked for: "+shownOf(err)), err))
		case len(ids) == 0:
			ignored++
		}
		for _, id := range ids {
			if !slices.Contains(tasks[directory], id) {
				tasks[directory] = append(tasks[directory], id)
			}
		}
	}
	out, untold := c.tasks(ctx, tasks, UntilDeadline, attempt)
	out.Ignored = ignored
	out, err := c.settle(ctx, out, append(failed, untold...), attempt)
	if err == nil {
		for _, event := range events {
			if event.ID != "" {
				c.handled.Add(event.name())
			}
		}
	}
	return out, err
}

// tasksOf returns the tasks that an event says were started: none where it is of
// another kind, about a directory that is not looked into, or has been checked.
func (c *Checker) tasksOf(ctx context.Context, event Event) (task.DirectoryID, []task.ID, error) {
	if c.handled.Has(event.name()) {
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
	// Of several such events in an invocation the log has the last.
	leaveToSweep := func(why string) (task.DirectoryID, []task.ID, error) {
		entry.Add(ctx, slog.String("event", s.event), slog.String("leftToSweep", why))
		entry.Raise(ctx, slog.LevelWarn)
		return "", nil, nil
	}
	r, ok := s.request()
	if !ok {
		return leaveToSweep("it does not say what the task is about")
	}
	directories := c.Directories
	if s.directory != "" {
		directories = []task.DirectoryID{s.directory}
	}
	r.StartedSince = s.at.Add(-startedAround)
	for tries := 0; ; tries++ {
		for _, r.Directory = range directories {
			// Many events come at the same time, to many instances.
			if clock.Sleep(ctx, rand.N(2*time.Duration(max(1, c.Instances))*time.Second/searchRate)) != nil { // #nosec G404 -- no secret
				return "", nil, ctx.Err()
			}
			listed, err := c.list(ctx, r)
			if task.KindOf(err) == task.Refused {
				return leaveToSweep("the role may not list tasks to find it (cloudsso:ListTasks): " + err.Error())
			}
			if err != nil {
				return "", nil, err
			}
			var ids []task.ID
			for _, t := range listed {
				if t.Start.Before(s.at.Add(startedAround)) {
					ids = append(ids, t.ID)
				}
			}
			if len(ids) > maxMeant {
				return leaveToSweep(fmt.Sprintf("it can mean any of %d", len(ids)))
			}
			if len(ids) > 0 {
				return r.Directory, ids, nil
			}
		}
		if tries == newTries {
			return leaveToSweep("none that it can mean is listed")
		}
		if clock.Sleep(ctx, newEvery) != nil {
			return "", nil, ctx.Err()
		}
	}
}

// Refuse says why an event that somebody posts would come to nothing, before it is
// taken: the error is Invalid, or Forbidden for a directory that is not shown.
func (c *Checker) Refuse(event Event) error {
	s, ok := readEvent(event)
	if !ok && event.Source != "" && !isAlibabas(event.Source) {
		return task.Errorf(task.Invalid, task.Text{
			En: "the event %.100q names no task: its data takes what a direct question has, such as {\"taskId\":\"t-…\"}",
			Zh: "事件 %.100q 中没有任务 ID：data 应与直接查询相同，例如 {\"taskId\":\"t-…\"}",
		}, event.ID)
	}
	if len(s.ids) > MaxTasks {
		return tooMany(len(s.ids))
	}
	if s.directory != "" {
		return task.Shown(s.directory, c.Directories)
	}
	return nil
}
