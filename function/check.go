package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"taskstatus/function/check"
	"taskstatus/function/entry"
	"taskstatus/function/site"
	"taskstatus/function/task"
	"taskstatus/function/trigger"
)

// checks answer the invocations that nobody waits for.
type checks struct {
	checker *check.Checker
	site    *site.Site
	// invoke hands an event on to be checked later, by an invocation of its own. It is
	// nil where that is not possible.
	invoke func(ctx context.Context, payload []byte, delay time.Duration) error
}

func (c *checks) direct(ctx context.Context, d trigger.Direct) (any, error) {
	wait := d.Wait
	if wait == 0 {
		wait = check.UntilDeadline
	}
	out, err := c.checker.Tasks(ctx, d.Directory, d.IDs, wait, attempt(ctx))
	return c.result(ctx, out, err)
}

func (c *checks) cloudEvents(ctx context.Context, received []trigger.CloudEvent) (any, error) {
	events := make([]check.Event, len(received))
	for i, event := range received {
		events[i] = check.Event(event)
	}
	out, err := c.checker.Events(ctx, events, attempt(ctx))
	return c.result(ctx, out, err)
}

func (c *checks) timer(ctx context.Context, t trigger.Timer) (any, error) {
	out, err := c.checker.Tick(ctx, check.Tick(t), attempt(ctx))
	return c.result(ctx, out, err)
}

// Receive takes what is posted to /events: a question is answered, all else is
// handed on. Where nobody can be invoked it is checked at once, as far as there is time.
func (c *checks) Receive(ctx context.Context, header http.Header, body []byte) (result any, later bool, err error) {
	posted, err := trigger.ParsePosting(header, body)
	if err == nil {
		err = c.refuse(posted)
	}
	switch d := posted.Direct; {
	case err != nil:
		return nil, false, err
	case d != nil && !d.Notify:
		result, err = c.site.Answer(ctx, d.Directory, d.IDs, min(d.Wait, site.MaxWait))
		return result, false, err
	case posted.Event == nil:
		return accepted, true, nil
	case c.invoke != nil:
		err = c.invoke(ctx, posted.Event, 0)
	case d != nil:
		result, err = c.direct(ctx, *d)
	default:
		result, err = c.cloudEvents(ctx, posted.CloudEvents)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", site.ErrNotTaken, err)
	}
	if c.invoke != nil {
		return accepted, true, nil
	}
	return result, false, nil
}

// refuse says why what is posted would come to nothing.
func (c *checks) refuse(posted trigger.Posting) error {
	tasks := len(posted.CloudEvents)
	if d := posted.Direct; d != nil {
		tasks = len(d.IDs)
		if d.Directory != "" {
			if err := task.Shown(d.Directory, c.checker.Directories); err != nil {
				return err
			}
		}
	}
	if tasks > check.MaxTasks {
		return task.Errorf(task.Invalid, task.Text{
			En: "%d tasks or events are too many at a time: it takes %d",
			Zh: "本次提交了 %d 个任务或事件，单次最多 %d 个",
		}, tasks, check.MaxTasks)
	}
	for _, event := range posted.CloudEvents {
		if err := c.checker.Refuse(check.Event(event)); err != nil {
			return err
		}
	}
	return nil
}

// accepted is the answer to what will be checked later.
var accepted = map[string]bool{"accepted": true}

// A checked document is the result of a check, and what destinations of
// asynchronous invocations get.
type checked struct {
	site.Documents
	Told    []string   `json:"told"`
	Ignored int        `json:"ignored,omitempty"`
	From    *time.Time `json:"from,omitempty"`
	To      *time.Time `json:"to,omitempty"`
}

// result makes what came of a check a document.
func (c *checks) result(ctx context.Context, out check.Outcome, err error) (any, error) {
	document := checked{Documents: c.site.Documents(out.Results), Told: out.Told, Ignored: out.Ignored}
	if document.Told == nil {
		document.Told = []string{}
	}
	if !out.To.IsZero() {
		document.From, document.To = &out.From, &out.To
	}
	logOutcome(ctx, out)
	if said, ok := errors.AsType[check.Error](err); ok {
		err = fmt.Errorf("%w: %w", trigger.InvocationError(said), err)
		if attempt(ctx) >= c.checker.Retries { // no other makes good for it
			entry.Raise(ctx, slog.LevelError)
		}
	}
	return document, err
}

// logOutcome says in the log what came of a check.
func logOutcome(ctx context.Context, out check.Outcome) {
	entry.Tasks(ctx, out.Results)
	if len(out.Told) > 0 {
		entry.Add(ctx, slog.Any("told", out.Told))
	}
	if out.Ignored > 0 {
		entry.Add(ctx, slog.Int("ignored", out.Ignored))
	}
	if !out.To.IsZero() {
		entry.Add(ctx, slog.Time("from", out.From), slog.Time("to", out.To))
	}
}
