package check

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"taskstatus/function/task"
)

const (
	// reach is how long before a period tasks may have started that ended in it. A
	// list goes by the start.
	reach = 24 * time.Hour

	// listMargin is by how much less than CloudSSO allows a list goes back: it takes
	// its time, and every page asks for the same start.
	listMargin = 10 * time.Minute

	// pageEvery keeps pages apart: CloudSSO takes 20 a second from the whole
	// account, and others want some.
	pageEvery = 100 * time.Millisecond

	// maxListed bounds a list by what fits into memory, and can be read in minutes.
	maxListed = 20_000
)

// Tick does what a timer asks for: in every directory it looks for the tasks of
// the latest period, and tells of those that went wrong or take long (a sweep), or
// of all (a digest). An Error says that somebody could not be told; the others are
// those of the Lister, or Invalid for a tick that asks for nothing.
func (c *Checker) Tick(ctx context.Context, tick Tick) (Outcome, error) {
	kind, period, err := tick.read()
	if err != nil {
		return Outcome{}, err
	}
	w := windowAt(tick.Time, period)
	if c.Now().Sub(w.from) > task.ListWindow-listMargin {
		return Outcome{}, invalidTick("the tick is too old: CloudSSO lists the tasks of 7 days")
	}
	find := c.sweep
	if kind == task.NoticeDigest {
		find = c.digest
	}
	out := Outcome{From: w.from, To: w.to}
	listing, cancel := leave(ctx, tellFor)
	defer cancel()
	var failed []error
	for _, directory := range c.Directories {
		results, succeeded, err := find(listing, directory, w)
		if err != nil {
			failed = append(failed, fmt.Errorf("list the tasks of %s: %w", directory, err))
			continue
		}
		if len(results) == 0 && kind == task.NoticeSweep {
			continue
		}
		if !c.Details {
			results = withoutDetails(results)
		}
		told, err := c.tell(ctx, task.Notice{
			ID:        noticeID(string(kind), string(directory), w.from.Unix(), w.to.Unix()),
			Kind:      kind,
			Directory: directory,
			Results:   results, Succeeded: succeeded,
			From: w.from, To: w.to,
		})
		out.Results = append(out.Results, results...)
		out.Told = append(out.Told, told...)
		if err != nil {
			failed = append(failed, err)
		}
	}
	return out, errors.Join(failed...)
}

// sweep finds the tasks that failed in the period, and those that have been open
// for long since a time in it.
func (c *Checker) sweep(ctx context.Context, directory task.DirectoryID, w window) ([]task.Result, int, error) {
	failed, err := c.list(ctx, task.ListRequest{Directory: directory, Status: task.Failed, StartedSince: c.since(w.from.Add(-reach))})
	if err != nil {
		return nil, 0, err
	}
	open, err := c.list(ctx, task.ListRequest{Directory: directory, Status: task.InProgress, StartedSince: c.since(w.from.Add(-task.LongOpen))})
	if err != nil {
		return nil, 0, err
	}
	failed = slices.DeleteFunc(failed, func(r task.Result) bool { return r.Task.Status != task.Failed || !w.has(endOf(r.Task)) })
	open = slices.DeleteFunc(open, func(r task.Result) bool {
		return r.Task.Done() || r.Task.Start.IsZero() || !w.has(r.Task.Start.Add(task.LongOpen))
	})
	return append(failed, open...), 0, nil
}

// digest finds the tasks that failed in the period and those that are open, and
// counts those that did well in it.
func (c *Checker) digest(ctx context.Context, directory task.DirectoryID, w window) (results []task.Result, succeeded int, err error) {
	all, err := c.list(ctx, task.ListRequest{Directory: directory, StartedSince: c.since(w.from.Add(-reach))})
	if err != nil {
		return nil, 0, err
	}
	for _, r := range all {
		switch t := r.Task; {
		case !t.Done() && t.Start.Before(w.to), t.Status == task.Failed && w.has(endOf(t)):
			results = append(results, r)
		case t.Status == task.Success && w.has(endOf(t)):
			succeeded++
		}
	}
	return results, succeeded, nil
}

// endOf is when a task ended; where CloudSSO does not say, when it started.
func endOf(t task.Task) time.Time {
	if t.End.IsZero() {
		return t.Start
	}
	return t.End
}

// since is the time, or how far back a list can go.
func (c *Checker) since(t time.Time) time.Time {
	if earliest := c.Now().Add(listMargin - task.ListWindow); t.Before(earliest) {
		return earliest
	}
	return t
}

// list returns all tasks that a request is about, each once, in the order of
// their end. It goes on asking CloudSSO where that may help and ctx lasts.
func (c *Checker) list(ctx context.Context, r task.ListRequest) ([]task.Result, error) {
	r.MaxResults = task.MaxPage
	var results []task.Result
	known := make(map[task.ID]bool)
	for {
		page, err := c.Lister.ListTasks(ctx, r)
		if err != nil {
			if again := task.RetryAfter(err); again > 0 && pause(ctx, again) {
				continue
			}
			return nil, err
		}
		for _, t := range page.Tasks {
			// The list goes on while it is read, and shifts under the pages.
			if !known[t.ID] {
				known[t.ID] = true
				results = append(results, task.Result{ID: t.ID, Task: t})
			}
		}
		if page.NextToken == "" {
			slices.SortFunc(results, byEnd)
			return results, nil
		}
		if len(results) >= maxListed {
			c.Log.ErrorContext(ctx, "a list has too many tasks: the rest is left out", slog.String("directory", string(r.Directory)), slog.Int("tasks", len(results)))
			slices.SortFunc(results, byEnd)
			return results, nil
		}
		r.NextToken = page.NextToken
		if !pause(ctx, pageEvery) {
			return nil, fmt.Errorf("after %d tasks: %w", len(results), ctx.Err())
		}
	}
}
