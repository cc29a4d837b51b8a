// Package task is the domain: what an asynchronous CloudSSO task is, how it is
// named, what state it is in, what may have made it fail, and which ways there
// are for looking it up to go wrong. It imports only the standard library and
// nothing of this project; everything else may import it. No wire format of
// CloudSSO, no HTTP and no HTML may enter.
package task

import "time"

// A Type says which operation started a task. The values are CloudSSO's own
// (API 2021-05-15, GetTaskStatus, TaskType); a value outside these four is
// kept and shown as it came.
type Type string

// The operations that start a task.
const (
	ProvisionAccessConfiguration   Type = "ProvisionAccessConfiguration"
	DeprovisionAccessConfiguration Type = "DeprovisionAccessConfiguration"
	CreateAccessAssignment         Type = "CreateAccessAssignment"
	DeleteAccessAssignment         Type = "DeleteAccessAssignment"
)

// A Status is the state of a task, in CloudSSO's own words (GetTaskStatus,
// Status). A value outside these three is kept, is not done and is never
// taken for success.
type Status string

// The states of a task.
const (
	InProgress Status = "InProgress"
	Success    Status = "Success"
	Failed     Status = "Failed"
)

// Done reports whether a task in this state has ended.
func (s Status) Done() bool { return s == Success || s == Failed }

// A PrincipalType says what access is for, in CloudSSO's own words (GetTask,
// PrincipalType). A value outside these two is kept and shown as it came.
type PrincipalType string

// What access is for.
const (
	User  PrincipalType = "User"
	Group PrincipalType = "Group"
)

// A Task is what CloudSSO says of one asynchronous task.
type Task struct {
	ID        ID
	Directory DirectoryID
	Type      Type
	Status    Status

	// Start and End are in UTC; each is zero while CloudSSO does not give it.
	Start, End time.Time

	// FailureReason is CloudSSO's free text, exactly as it came: untrusted,
	// to be escaped by whoever shows it. It is empty unless Status is Failed.
	FailureReason string

	// Details is nil unless the task was asked for with GetTask or ListTasks.
	// Copies of a task share it: nobody may write to it.
	Details *Details

	// CheckedAt is when CloudSSO said so, and RequestID its id of the request it answered.
	CheckedAt time.Time
	RequestID string
}

// Details says whom and what a task is about. These are personal data, which
// GetTaskStatus does not give and GetTask and ListTasks do.
type Details struct {
	AccessConfigurationID, AccessConfigurationName string
	PrincipalType                                  PrincipalType
	PrincipalID, PrincipalName                     string
	// TargetPath and TargetPathName lead from the resource directory to the account.
	TargetType, TargetID, TargetName, TargetPath, TargetPathName string
}

// A Result is one look-up: the task, or the reason why it could not be looked up.
type Result struct {
	ID   ID
	Task Task
	Err  error
}

// CanChange reports whether another look may bring something new: the task is
// open, or may be for all that is known.
func (r Result) CanChange() bool {
	if r.Err != nil {
		return KindOf(r.Err).Retryable()
	}
	return !r.Task.Done()
}

// NextLook is how long to wait before looking again at those that can change, by
// the most impatient of them; zero where none can.
func NextLook(results []Result, now time.Time) time.Duration {
	var shortest time.Duration
	for _, r := range results {
		if !r.CanChange() {
			continue
		}
		pause := r.Task.RetryAfter(now)
		if r.Err != nil {
			pause = RetryAfter(r.Err)
		}
		if shortest == 0 || pause < shortest {
			shortest = pause
		}
	}
	return shortest
}

// Done reports whether the task has ended, well or badly.
func (t Task) Done() bool { return t.Status.Done() }

// Elapsed is how long the task took, or has been running at now. It is zero
// where the start is unknown, where a done task has no end, and where a clock
// says that the end lies before the start: it is never negative.
func (t Task) Elapsed(now time.Time) time.Duration {
	end := now
	if t.Done() {
		end = t.End
	}
	if t.Start.IsZero() || end.IsZero() {
		return 0
	}
	return max(0, end.Sub(t.Start))
}

// RetryAfter is how long to leave an open task alone before looking again: the
// older it is, the longer. It is zero for a task that is done. This is the only
// polling interval there is: waiting follows it, and clients are told it.
func (t Task) RetryAfter(now time.Time) time.Duration {
	if t.Done() {
		return 0
	}
	if t.Start.IsZero() {
		return 3 * time.Second // not begun, or not said: most tasks take seconds
	}
	switch age := t.Elapsed(now); {
	case age < 10*time.Second:
		return time.Second
	case age < time.Minute:
		return 3 * time.Second
	case age < 5*time.Minute:
		return 10 * time.Second
	case age < 30*time.Minute:
		return 30 * time.Second
	}
	return time.Minute
}
