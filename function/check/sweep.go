package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"taskstatus/function/clock"
	"taskstatus/function/task"
)

const (
	// reach is how long before a period tasks may have started that did well in it: a
	// list goes by the start. Those that failed or are open are listed as far back as can be.
	reach = 24 * time.Hour

	// listMargin is by how much less than CloudSSO allows a list goes back: it takes
	// its time, and every page asks for the same start.
	listMargin = 10 * time.Minute

	// pageEvery keeps pages apart: CloudSSO takes 20 a second from the whole
	// account, of which half are left to others.
	pageEvery = 100 * time.Millisecond

	// maxPages bounds a list by what fits into memory, and can be read in minutes.
	maxPages = 1000
)

// Tick does what a timer asks for: in every directory it looks for the tasks of
// the latest period, and tells of those that went wrong or take long (a sweep), or
// of all (a digest). The error is an Error, or Invalid for a tick that asks for nothing.
func (c *Checker) Tick(ctx context.Context, tick Tick, attempt int) (Outcome, error) {
	kind, period, err := tick.read()
	if err != nil {
		return Outcome{}, err
	}
	if tick.Time.IsZero() {
		tick.Time = c.Now()
	}
	w := windowAt(tick.Time, period)
	if c.Now().Sub(w.from) > task.ListWindow-listMargin {
		return Outcome{}, invalidTick("the tick is too old: CloudSSO lists the tasks of 7 days")
	}
	listing, cancel := leave(ctx, tellFor)
	defer cancel()
	out, failed := together(c.Directories, func(directory task.DirectoryID) (Outcome, []error) {
		n, err := c.find(listing, kind, directory, w)
		if err != nil {
			return Outcome{}, []error{fmt.Errorf("%w (%w)", Error(fmt.Sprintf("the tasks of %s cannot be listed: %s", directory, shownOf(err))), err)}
		}
		if len(n.Results) == 0 && kind == task.NoticeSweep {
			return Outcome{}, nil
		}
		told, err := c.tell(ctx, n)
		if err != nil {
			return Outcome{Results: n.Results, Told: told}, []error{err}
		}
		return Outcome{Results: n.Results, Told: told}, nil
	})
	out.From, out.To = w.from, w.to
	return c.settle(ctx, out, failed, attempt)
}

// find finds what there is to tell of a period: the tasks that failed in it and
// those that have been open for long since a time in it; in a digest all that are
// open, and how many did well.
func (c *Checker) find(ctx context.Context, kind task.NoticeKind, directory task.DirectoryID, w window) (task.Notice, error) {
	n := task.Notice{
		ID:   noticeID(string(kind), string(directory), w.from.Unix(), w.to.Unix()),
		Kind: kind, Directory: directory, From: w.from, To: w.to,
	}
	failed, err := c.list(ctx, task.ListRequest{Directory: directory, Status: task.Failed})
	if err != nil {
		return n, err
	}
	for _, t := range failed {
		if t.Status == task.Failed && w.has(endOf(t)) {
			n.Results = append(n.Results, c.result(t))
		}
	}
	open, err := c.list(ctx, task.ListRequest{Directory: directory, Status: task.InProgress})
	if err != nil {
		return n, err
	}
	for _, t := range open {
		if !t.Done() && (w.has(t.Start.Add(task.LongOpen)) || kind == task.NoticeDigest && t.Start.Before(w.to)) {
			n.Results = append(n.Results, c.result(t))
		}
	}
	if kind == task.NoticeSweep {
		return n, nil
	}
	well, err := c.list(ctx, task.ListRequest{Directory: directory, Status: task.Success, StartedSince: w.from.Add(-reach)})
	for _, t := range well {
		if t.Status == task.Success && w.has(endOf(t)) {
			n.Succeeded++
		}
	}
	return n, err
}

func (c *Checker) result(t task.Task) task.Result {
	if !c.Details {
		t.Details = nil
	}
	return task.Result{ID: t.ID, Task: t}
}

// endOf is when a task ended; where CloudSSO does not say, when it started.
func endOf(t task.Task) time.Time {
	if t.End.IsZero() {
		return t.Start
	}
	return t.End
}

// list returns all tasks that a request is about, each once, in the order of their
// end, as far back as can be where the request says no more. It goes on asking CloudSSO
// where that may help and ctx lasts.
func (c *Checker) list(ctx context.Context, r task.ListRequest) ([]task.Task, error) {
	r.MaxResults = task.MaxPage
	if earliest := c.Now().Add(listMargin - task.ListWindow); r.StartedSince.Before(earliest) {
		r.StartedSince = earliest
	}
	var tasks []task.Task
	known := make(map[task.ID]bool)
	for pages := 0; pages < maxPages; {
		page, err := c.Lister.ListTasks(ctx, r)
		if err != nil {
			if again := task.RetryAfter(err); again > 0 && clock.Sleep(ctx, again) == nil {
				continue
			}
			return nil, err
		}
		pages++
		for _, t := range page.Tasks {
			// The list goes on while it is read, and shifts under the pages.
			if !known[t.ID] {
				known[t.ID] = true
				tasks = append(tasks, t)
			}
		}
		if page.NextToken == "" {
			slices.SortFunc(tasks, byEnd)
			return tasks, nil
		}
		r.NextToken = page.NextToken
		if clock.Sleep(ctx, pageEvery*time.Duration(len(c.Directories))) != nil {
			return nil, ctx.Err()
		}
	}
	return nil, task.Errorf(task.Upstream, task.Text{
		En: "the list has more than %d pages, or does not end",
		Zh: "列表超过 %d 页，或没有结尾",
	}, maxPages)
}

// byEnd is the order in which tasks are told of: a list has them in none.
func byEnd(a, b task.Task) int {
	return cmp.Or(a.End.Compare(b.End), a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
}
