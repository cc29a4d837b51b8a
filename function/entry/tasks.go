package entry

import (
	"context"
	"log/slog"
	"strings"

	"taskstatus/function/task"
)

const (
	// maxNamed is how many tasks are named, as many as one may ask for over HTTP. Of
	// more it is only said how many stand how.
	maxNamed = 20
	// perNamed is about how many bytes that takes of each.
	perNamed = 40
	// maxReason bounds, in characters, why a task failed.
	maxReason = 200
)

// Tasks adds how the tasks stand that were looked up, and why the first failed of
// those that did. Where none could be looked up, the invocation comes to nothing.
func Tasks(ctx context.Context, results []task.Result) {
	e := of(ctx)
	if e == nil || len(results) == 0 {
		return
	}
	var named strings.Builder
	if len(results) <= maxNamed {
		named.Grow(len(results) * perNamed)
	}
	var reason string
	var failure error
	failures := 0
	for i, r := range results {
		state := string(r.Task.Status)
		switch {
		case r.Err != nil:
			state, _ = kind(r.Err)
			failures++
			if failure == nil {
				failure = r.Err
			}
		case r.Task.Status == task.Failed && reason == "":
			reason = r.Task.FailureReason
		}
		if len(results) <= maxNamed {
			if i > 0 {
				named.WriteString(", ")
			}
			named.WriteString(string(r.ID))
			named.WriteByte(' ')
			named.WriteString(state)
		}
	}
	c := task.Count(results)
	counts := make([]slog.Attr, 0, 4)
	for _, count := range [...]struct {
		name string
		n    int
	}{{"failed", c.Failed}, {"inProgress", c.InProgress}, {"success", c.Success}, {"unknown", c.Unknown}} {
		if count.n > 0 {
			counts = append(counts, slog.Int(count.name, count.n))
		}
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	e.known("tasks", named.String())
	e.add(slog.Attr{Key: "counts", Value: slog.GroupValue(counts...)})
	e.known("reason", cut(reason))
	if failure != nil && e.failure == "" {
		outcome, level := kind(failure)
		if failures < len(results) {
			outcome = e.outcome
		}
		e.end(outcome, level, failure)
	}
}

// cut shortens a reason that is too long.
func cut(reason string) string {
	n := 0
	for i := range reason {
		if n++; n > maxReason {
			return reason[:i] + "…"
		}
	}
	return reason
}
