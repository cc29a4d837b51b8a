package task

import "time"

// A NoticeKind says what a Notice tells of. Programs that are told go by it.
type NoticeKind string

// What a notice can tell of.
const (
	// NoticeEnded tells of tasks that were watched and have ended.
	NoticeEnded NoticeKind = "tasks.ended"
	// NoticeOpen tells of tasks that are not watched any longer though nobody
	// knows how they end.
	NoticeOpen NoticeKind = "tasks.open"
	// NoticeSweep tells of the tasks of a period that went wrong or take long.
	NoticeSweep NoticeKind = "tasks.sweep"
	// NoticeDigest tells of all tasks of a period.
	NoticeDigest NoticeKind = "tasks.digest"
	// NoticeTest tells of a task that never was.
	NoticeTest NoticeKind = "tasks.test"
)

// LongOpen is how long a task may be open before a sweep tells of it. Most
// take seconds.
const LongOpen = 30 * time.Minute

// A Notice is something that a team is told without having asked.
type Notice struct {
	// ID is the same whenever the same is told again.
	ID        string
	Kind      NoticeKind
	Directory DirectoryID
	// Results are the tasks, at least one but in a digest.
	Results []Result
	// Succeeded is how many tasks of a digest did well, which are not among Results.
	Succeeded int
	// From and To bound the period of a sweep or digest; To is not part of it.
	// Both are zero in other notices.
	From, To time.Time
}

// At is when what the notice tells of was so: when the period or the last of
// the tasks ended. It is zero where nobody knows.
func (n Notice) At() time.Time {
	at := n.To
	for _, r := range n.Results {
		if n.To.IsZero() && r.Task.End.After(at) {
			at = r.Task.End
		}
	}
	return at
}
