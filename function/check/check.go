// Package check looks after tasks that nobody asks about: those that an event
// or a pipeline names, and those that a timer finds. It decides which tasks to
// look at, how long to wait for them and what is worth telling. How CloudSSO is
// asked, how a team is told and how an event gets here are other packages'
// business and may not enter.
package check

import (
	"context"
	"log/slog"
	"sync"
	"time"

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
	// plain words, which anybody may read, who could not be told and why.
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
	Now     func() time.Time
	Log     *slog.Logger

	handled handled
	once    sync.Once // says that events name no task and that tasks cannot be listed
}

// An Outcome is what came of a check.
type Outcome struct {
	// Results are the tasks that were looked at; of a sweep or digest, those that were told of.
	Results []task.Result
	// Told are those who were told. There are none where nothing was worth it.
	Told []string
	// Ignored is how many events had nothing to check, or had been checked before.
	Ignored int
	// From and To bound the period that a timer asked for. Else they are zero.
	From, To time.Time
}

// An Error is why a check has to be made again. Its text is fit for whoever
// invoked the function.
type Error string

func (e Error) Error() string { return string(e) }

// pause waits for d, and reports whether ctx lasted as long.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
