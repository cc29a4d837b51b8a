package check

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"taskstatus/function/clock"
	"taskstatus/function/task"
)

const (
	// UntilDeadline is longer than any invocation: to wait so long is to wait for as long as there is time.
	UntilDeadline = 24 * time.Hour

	// MaxTasks is how many tasks one check waits for: as many as can be asked for often
	// enough where others ask as well.
	MaxTasks = 100

	// tellFor is kept of an invocation's time to tell what was found: a chat may take
	// the next message only after a minute, if not two.
	tellFor = 90 * time.Second

	// lookFor is kept of the rest for the last look. It is longer than what the watcher
	// keeps for itself at the end of a wait: else that would end before this does, at once,
	// again and again.
	lookFor = 3 * time.Second

	// roundFor is how long several tasks are waited for at a time: those that ended
	// are told of then, and do not wait for the others.
	roundFor = 10 * time.Second

	// A task that was started a moment ago may not be found at first: it is looked
	// for so many times more, so far apart.
	newTries = 3
	newEvery = 5 * time.Second
)

// Tasks waits for tasks to end, for as long as wait and there is time, and tells
// of those that did, if it is worth it, soon after they did. An empty directory stands
// for those that have them. The error says that the check is to be made again, an
// Error: because a task has not ended or could not be looked up, or because somebody
// could not be told. Where it will not be made again, that attempt being the last,
// that is told too. Any other error is about the question itself.
func (c *Checker) Tasks(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration, attempt int) (Outcome, error) {
	if len(ids) > MaxTasks {
		return Outcome{}, tooMany(len(ids))
	}
	if directory != "" {
		if err := task.Shown(directory, c.Directories); err != nil {
			return Outcome{}, err
		}
	}
	out, failed := c.tasks(ctx, map[task.DirectoryID][]task.ID{directory: ids}, wait, attempt)
	return c.settle(ctx, out, failed, attempt)
}

func tooMany(n int) error {
	return task.Errorf(task.Invalid, task.Text{
		En: "%d tasks are too many to be watched at a time: it takes %d",
		Zh: "本次提交了 %d 个任务，单次最多监测 %d 个",
	}, n, MaxTasks)
}

// tasks waits for the tasks of several directories at the same time.
func (c *Checker) tasks(ctx context.Context, ids map[task.DirectoryID][]task.ID, wait time.Duration, attempt int) (Outcome, []error) {
	looking, cancel := leave(ctx, tellFor)
	defer cancel()
	end := c.Now().Add(wait)
	if deadline, ok := looking.Deadline(); ok && deadline.Add(-lookFor).Before(end) {
		end = deadline.Add(-lookFor)
	}
	if lost := ids[""]; len(lost) > 0 {
		delete(ids, "")
		for directory, found := range c.locate(looking, lost) {
			for _, id := range found {
				if !slices.Contains(ids[directory], id) {
					ids[directory] = append(ids[directory], id)
				}
			}
		}
	}
	return together(slices.Sorted(maps.Keys(ids)), func(directory task.DirectoryID) (Outcome, []error) {
		return c.watch(ctx, looking, directory, ids[directory], end, attempt)
	})
}

// locate finds out which directory has which task. One that nobody seems to have
// belongs to the first.
func (c *Checker) locate(ctx context.Context, ids []task.ID) map[task.DirectoryID][]task.ID {
	located := make(map[task.DirectoryID][]task.ID)
	if len(c.Directories) == 1 {
		located[c.Directories[0]] = ids
		return located
	}
	for tries := 0; ; tries++ {
		for _, directory := range c.Directories {
			var lost []task.ID
			for _, r := range c.Looker.Look(ctx, directory, ids, 0) {
				if r.Err == nil {
					located[directory] = append(located[directory], r.ID)
				} else {
					lost = append(lost, r.ID)
				}
			}
			if ids = lost; len(ids) == 0 {
				return located
			}
		}
		if tries == newTries || clock.Sleep(ctx, newEvery) != nil {
			located[c.Directories[0]] = append(located[c.Directories[0]], ids...)
			return located
		}
	}
}

// watch looks at the tasks of a directory until all have ended, or until the end.
func (c *Checker) watch(ctx, looking context.Context, directory task.DirectoryID, ids []task.ID, end time.Time, attempt int) (out Outcome, failed []error) {
	tell := func(kind task.NoticeKind, results []task.Result) {
		told, err := c.tell(ctx, notice(kind, directory, results))
		out.add(Outcome{Told: told})
		if err != nil {
			failed = append(failed, err)
		}
	}
	latest := make(map[task.ID]task.Result, len(ids))
	open := ids
	for tries := 0; len(open) > 0; {
		wait := end.Sub(c.Now())
		if len(open) > 1 {
			wait = min(wait, roundFor)
		}
		looked := c.Looker.Look(looking, directory, open, max(0, wait))
		open = nil
		var ended []task.Result
		for _, r := range looked {
			if !c.Details {
				r.Task.Details = nil
			}
			if known := latest[r.ID]; r.Err != nil && r.CanChange() && known.ID != "" && known.Err == nil {
				r = known // a look that came to nothing says nothing
			}
			latest[r.ID] = r
			switch {
			case r.Err != nil || !r.Task.Done():
				open = append(open, r.ID)
			case c.isWorthTelling(r, attempt):
				ended = append(ended, r)
			}
		}
		if len(ended) > 0 {
			before := len(failed)
			tell(task.NoticeEnded, ended)
			if len(failed) == before {
				c.remember(ended)
			}
		}
		if !c.Now().Before(end) || looking.Err() != nil {
			break
		}
		if slices.ContainsFunc(looked, task.Result.CanChange) {
			continue
		}
		// What is left is not found, or cannot be looked up.
		if !slices.ContainsFunc(looked, isNotFound) || tries == newTries || end.Sub(c.Now()) < newEvery || clock.Sleep(looking, newEvery) != nil {
			break
		}
		tries++
	}
	for _, id := range ids {
		out.Results = append(out.Results, latest[id])
	}
	if len(open) == 0 {
		return out, failed
	}
	left := make([]task.Result, len(open))
	for i, id := range open {
		left[i] = latest[id]
	}
	// What cannot be looked up however often may not get as far as the last attempt: see settle.
	hopeless := !slices.ContainsFunc(left, func(r task.Result) bool { return !isFinal(r.Err) })
	if attempt >= c.Retries || attempt > 0 && hopeless {
		tell(task.NoticeOpen, left)
	}
	return out, append(failed, unfinished(len(ids), left)...)
}

func isNotFound(r task.Result) bool { return r.Err != nil && task.KindOf(r.Err) == task.NotFound }

// isWorthTelling reports whether a team is to be told of a task that has ended. In
// another attempt it is not told again what this instance told before.
func (c *Checker) isWorthTelling(r task.Result, attempt int) bool {
	return (c.Finished || r.Task.Status == task.Failed) && (attempt == 0 || !c.told.Has(taskName(r.Task)))
}

func (c *Checker) remember(results []task.Result) {
	for _, r := range results {
		c.told.Add(taskName(r.Task))
	}
}

func taskName(t task.Task) string { return string(t.Directory) + " " + string(t.ID) }

// tell tells a team. Its error is an Error.
func (c *Checker) tell(ctx context.Context, n task.Notice) (told []string, err error) {
	told, err = c.Teller.Tell(ctx, n)
	if err != nil {
		err = fmt.Errorf("%w (%w)", Error("not everybody was told: "+err.Error()), err)
	}
	return told, err
}

// unfinished says which of the tasks are open, and which are not known and why.
func unfinished(all int, left []task.Result) []error {
	const named = 3
	var open, lost []string
	var cause error
	for _, r := range left {
		if r.Err == nil {
			open = append(open, string(r.ID))
			continue
		}
		lost = append(lost, string(r.ID)+" ("+task.KindOf(r.Err).Title().En+")")
		if cause == nil || isFinal(cause) {
			cause = r.Err // the one that may pass is the reason to try again
		}
	}
	say := func(what string, names []string) Error {
		text := fmt.Sprintf("%d of %d tasks %s: %s", len(names), all, what, strings.Join(names[:min(len(names), named)], ", "))
		if len(names) > named {
			text += ", …"
		}
		return Error(text)
	}
	var errs []error
	if len(open) > 0 {
		errs = append(errs, say("not ended yet", open))
	}
	if len(lost) > 0 {
		errs = append(errs, fmt.Errorf("%w (%w)", say("not known", lost), cause))
	}
	return errs
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
