package check

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"taskstatus/function/task"
)

// UntilDeadline is longer than any invocation: to wait so long is to wait for as long as there is time.
const UntilDeadline = 24 * time.Hour

const (
	// tellFor is kept of an invocation's time to tell what was found. Where there is
	// little time a quarter of it is kept.
	tellFor = 10 * time.Second

	// A task that was started a moment ago may not be found at first: it is looked
	// for so many times more, so far apart.
	newTries = 3
	newEvery = 5 * time.Second
)

// Tasks waits for tasks to end, for as long as wait and there is time, and tells
// of those that did, if it is worth it. An empty directory stands for the one
// that has them. The error, an Error unless the directory is not shown, says that
// the check is to be made again: because a task has not ended or could not be
// looked up, or because somebody could not be told. Where it will not be made
// again, with last, that is told too.
func (c *Checker) Tasks(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration, last bool) (Outcome, error) {
	looking, cancel := leave(ctx, tellFor)
	defer cancel()
	if directory == "" {
		directory = c.locate(looking, ids[0])
	}
	if err := task.Shown(directory, c.Directories); err != nil {
		return Outcome{}, err
	}
	results := c.await(looking, directory, ids, wait)
	if !c.Details {
		results = withoutDetails(results)
	}

	ended, open := []task.Result{}, []task.Result{}
	for _, r := range results {
		switch {
		case r.Err != nil || !r.Task.Done():
			open = append(open, r)
		case c.Finished || r.Task.Status == task.Failed:
			ended = append(ended, r)
		}
	}
	out := Outcome{Results: results}
	var failed error
	if len(ended) > 0 {
		out.Told, failed = c.tell(ctx, notice(task.NoticeEnded, directory, ended))
	}
	if len(open) == 0 {
		return out, failed
	}
	if last {
		told, err := c.tell(ctx, notice(task.NoticeOpen, directory, open))
		out.Told = append(out.Told, told...)
		failed = errors.Join(failed, err)
	}
	return out, errors.Join(unfinished(len(results), open), failed)
}

// tell tells a team. Its error is an Error.
func (c *Checker) tell(ctx context.Context, n task.Notice) (told []string, err error) {
	told, err = c.Teller.Tell(ctx, n)
	if err != nil {
		err = Error("not everybody was told: " + err.Error())
	}
	return told, err
}

// leave returns a context that ends so long before ctx does.
func leave(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(margin, time.Until(deadline)/4)))
}

// locate returns the directory that has the task; the first where none seems to.
func (c *Checker) locate(ctx context.Context, id task.ID) task.DirectoryID {
	if len(c.Directories) > 1 {
		for _, directory := range c.Directories {
			if c.Looker.Look(ctx, directory, []task.ID{id}, 0)[0].Err == nil {
				return directory
			}
		}
	}
	return c.Directories[0]
}

// await looks at the tasks until all have ended, for as long as wait and ctx.
func (c *Checker) await(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result {
	end := c.Now().Add(wait)
	for tries := 0; ; tries++ {
		results := c.Looker.Look(ctx, directory, ids, max(0, end.Sub(c.Now())))
		isNew := func(r task.Result) bool { return r.Err != nil && task.KindOf(r.Err) == task.NotFound }
		if tries == newTries || end.Sub(c.Now()) < newEvery || !slices.ContainsFunc(results, isNew) || !pause(ctx, newEvery) {
			return results
		}
	}
}

// unfinished says which of the tasks are open, and of those that could not be
// looked up why the first could not.
func unfinished(all int, open []task.Result) error {
	const named = 3
	text := fmt.Sprintf("%d of %d tasks: not ended yet:", len(open), all)
	for _, r := range open[:min(len(open), named)] {
		text += " " + string(r.ID)
	}
	if len(open) > named {
		text += " …"
	}
	i := slices.IndexFunc(open, func(r task.Result) bool { return r.Err != nil })
	if i < 0 {
		return Error(text)
	}
	err := open[i].Err
	return fmt.Errorf("%w: %w", Error(text+", or not known: "+string(open[i].ID)+": "+task.KindOf(err).Title().En), err)
}

// notice is what there is to tell of tasks that were watched.
func notice(kind task.NoticeKind, directory task.DirectoryID, results []task.Result) task.Notice {
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = string(r.ID)
	}
	slices.Sort(ids)
	return task.Notice{ID: noticeID(string(kind), string(directory), ids), Kind: kind, Directory: directory, Results: results}
}

// noticeID is made of what a notice tells of, so that whoever tells of the same
// gives it the same.
func noticeID(parts ...any) string {
	sum := sha256.Sum256(fmt.Appendln(nil, parts...))
	return "msg_" + hex.EncodeToString(sum[:12])
}

func withoutDetails(results []task.Result) []task.Result {
	results = slices.Clone(results)
	for i := range results {
		results[i].Task.Details = nil
	}
	return results
}

// byEnd is the order in which tasks are told of that a list had in none.
func byEnd(a, b task.Result) int {
	return cmp.Or(a.Task.End.Compare(b.Task.End), a.Task.Start.Compare(b.Task.Start), cmp.Compare(a.ID, b.ID))
}
