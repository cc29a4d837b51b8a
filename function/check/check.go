// Package check looks after tasks that nobody asks about: those that an event
// or a pipeline names, and those that a timer finds. It decides which tasks to
// look at, how long to wait for them and what is worth telling. How CloudSSO is
// asked, how a team is told and how an event gets here are other packages'
// business and may not enter.
package check

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"taskstatus/function/entry"
	"taskstatus/function/once"
	"taskstatus/function/task"
)

// A Looker looks tasks up, in the order given, and where some are open goes on
// for as long as wait.
type Looker interface {
	Look(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result
}

// A Lister lists a directory's recent tasks.
type Lister interface {
	ListTasks(context.Context, task.ListRequest) (task.Page, error)
}

// A Teller tells a team.
type Teller interface {
	// Tell tells everybody who is to be told, and returns whom. Its error says in
	// plain words, which anybody may read, who could not be told and why. It has a
	// method Final() bool that says so where trying again brings nothing.
	Tell(context.Context, task.Notice) (told []string, err error)
}

// A Checker checks tasks. Its fields are set before the first check and not changed after.
type Checker struct {
	Looker Looker
	Lister Lister
	Teller Teller
	// Directories are those that are looked into; the first is the default.
	Directories []task.DirectoryID
	// Finished tells of every task that ended, and not only of those that failed.
	Finished bool
	// Details tells whom and what a task is about, which are personal data.
	Details bool
	// Instances is how many may check at the same time, and Retries how often a check
	// is made again that failed.
	Instances, Retries int
	Now                func() time.Time

	handled once.Set // events, by source and id
	told    once.Set // tasks that ended, by directory and id
}

// An Outcome is what came of a check.
type Outcome struct {
	// Results are the tasks that were looked at; of a sweep or digest, those that there was to tell of.
	Results []task.Result
	// Told are those who have been told. There are none where nothing was worth it.
	Told []string
	// Ignored is how many events had nothing to check, or had been checked before.
	Ignored int
	// From and To bound the period that a timer asked for. Else they are zero.
	From, To time.Time
}

// add adds what came of a part of the check.
func (o *Outcome) add(part Outcome) {
	o.Results = append(o.Results, part.Results...)
	for _, name := range part.Told {
		if !slices.Contains(o.Told, name) {
			o.Told = append(o.Told, name)
		}
	}
	o.Ignored += part.Ignored
}

// An Error is why a check has to be made again. Its text is fit for whoever
// invoked the function.
type Error string

func (e Error) Error() string { return string(e) }

// settle decides what the errors of a check come to: it has to be made again, with
// an Error that says why. But where trying again brings nothing, somebody has been
// told, and it was tried twice, that would only tell the others again and again.
func (c *Checker) settle(ctx context.Context, out Outcome, failed []error, attempt int) (Outcome, error) {
	if len(failed) == 0 {
		return out, nil
	}
	said := make([]string, len(failed))
	for i, err := range failed {
		said[i] = shownOf(err)
	}
	err := fmt.Errorf("%w (%w)", Error(strings.Join(said, "; ")), errors.Join(failed...))
	if attempt > 0 && len(out.Told) > 0 && !slices.ContainsFunc(failed, func(err error) bool { return !isFinal(err) }) {
		entry.End(ctx, "failed", slog.LevelError, err)
		return out, nil
	}
	return out, err
}

// shownOf is what whoever invoked the function may read of an error.
func shownOf(err error) string {
	if e, ok := errors.AsType[Error](err); ok {
		return string(e)
	}
	return task.Public(err)
}

// isFinal reports whether another attempt would fail in the same way.
func isFinal(err error) bool {
	if e, ok := errors.AsType[interface {
		error
		Final() bool
	}](err); ok {
		return e.Final()
	}
	e, ok := errors.AsType[*task.Error](err)
	return ok && !e.Kind.Retryable() && e.Kind != task.Internal && e.Kind != task.NotFound
}

// together does the same in several directories at the same time.
func together(directories []task.DirectoryID, do func(task.DirectoryID) (Outcome, []error)) (out Outcome, failed []error) {
	outs, errs := make([]Outcome, len(directories)), make([][]error, len(directories))
	var group sync.WaitGroup
	for i, directory := range directories {
		group.Go(func() {
			defer func() {
				// Unrecovered, a panic here would end the process and every other invocation with it.
				if p := recover(); p != nil {
					errs[i] = []error{fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
				}
			}()
			outs[i], errs[i] = do(directory)
		})
	}
	group.Wait()
	for i := range directories {
		out.add(outs[i])
		failed = append(failed, errs[i]...)
	}
	return out, failed
}

// leave returns a context that ends so long before ctx does, or a quarter of its
// time where there is little.
func leave(ctx context.Context, margin time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(margin, time.Until(deadline)/4)))
}
