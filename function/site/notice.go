package site

import (
	"time"

	"taskstatus/function/task"
)

// maxNoticed bounds the tasks in a NoticeDocument: Standard Webhooks would have
// less than 20 KB in one.
const maxNoticed = 40

// A NoticeDocument is a notice as programs are told it, in the form of Standard
// Webhooks (specification 1.0.0, "Payload structure").
type NoticeDocument struct {
	Type task.NoticeKind `json:"type"`
	// Timestamp is when what it tells of was so, not when it was sent.
	Timestamp time.Time  `json:"timestamp"`
	Data      NoticeData `json:"data"`
}

// NoticeData is what a notice tells of: tasks, and how many of a period there
// are in all.
type NoticeData struct {
	DirectoryID task.DirectoryID `json:"directoryId"`
	From        *time.Time       `json:"from,omitempty"`
	To          *time.Time       `json:"to,omitempty"`
	Documents
	// Omitted is how many of those counted are not among Tasks: those of a digest
	// that succeeded do not come into it.
	Omitted int `json:"omitted,omitempty"`
}

// Notice is a notice for a program.
func (s *Site) Notice(n task.Notice) any {
	d := NoticeDocument{Type: n.Kind, Timestamp: n.At(), Data: NoticeData{
		DirectoryID: n.Directory,
		Documents:   documents(n.Results, task.English, func(t task.Task) string { return s.Link(t.Directory, []task.ID{t.ID}) }),
	}}
	if d.Timestamp.IsZero() {
		d.Timestamp = s.Now().UTC()
	}
	d.Data.Counts.Success += n.Succeeded
	if more := len(n.Results) - maxNoticed; more > 0 {
		d.Data.Tasks, d.Data.Omitted = d.Data.Tasks[:maxNoticed], more
	}
	if !n.To.IsZero() {
		d.Data.From, d.Data.To = &n.From, &n.To
	}
	return d
}
