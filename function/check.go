package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"taskstatus/function/check"
	"taskstatus/function/site"
	"taskstatus/function/task"
	"taskstatus/function/trigger"
)

// maxRetries is how often Function Compute invokes the function again
// that failed an asynchronous invocation, as s.yaml has it.
const maxRetries = 8

// checks answer the invocations that nobody waits for.
type checks struct {
	checker *check.Checker
	site    *site.Site
	log     *slog.Logger
	// invoke hands an event on to be checked later, by an invocation of its own. It is
	// nil where that is not possible.
	invoke func(ctx context.Context, payload []byte, delay time.Duration) error
}

func (c *checks) direct(ctx context.Context, d trigger.Direct) (any, error) {
	wait := d.Wait
	if wait == 0 {
		wait = check.UntilDeadline
	}
	out, err := c.checker.Tasks(ctx, d.Directory, d.IDs, wait, isLast(ctx))
	return c.result(ctx, out, err)
}

func (c *checks) cloudEvents(ctx context.Context, received []trigger.CloudEvent) (any, error) {
	events := make([]check.Event, len(received))
	for i, event := range received {
		events[i] = check.Event(event)
	}
	out, err := c.checker.Events(ctx, events, isLast(ctx))
	return c.result(ctx, out, err)
}

func (c *checks) timer(ctx context.Context, t trigger.Timer) (any, error) {
	out, err := c.checker.Tick(ctx, check.Tick(t))
	return c.result(ctx, out, err)
}

// Receive takes what is posted to /events: a question is answered, all else is
// handed on. Where nobody can be invoked it is checked at once, as far as there is time.
func (c *checks) Receive(ctx context.Context, header http.Header, body []byte) (result any, later bool, err error) {
	posted, err := trigger.ParsePosting(header, body)
	switch {
	case err != nil:
		return nil, false, err
	case posted.Direct != nil && !posted.Direct.Notify:
		d := posted.Direct
		result, err = c.site.Answer(ctx, requestID(ctx), d.Directory, d.IDs, min(d.Wait, site.MaxWait))
		return result, false, err
	case posted.Event == nil:
		return accepted, true, nil
	case c.invoke != nil:
		return accepted, true, c.invoke(ctx, posted.Event, 0)
	case posted.Direct != nil:
		result, err = c.direct(ctx, *posted.Direct)
	default:
		result, err = c.cloudEvents(ctx, posted.CloudEvents)
	}
	if said, ok := errors.AsType[trigger.InvocationError](err); ok {
		// The sender shall send it again.
		err = &task.Error{Kind: task.Timeout, Detail: task.Text{En: said.Error(), Zh: "检查未完成：" + said.Error()}, Cause: err}
	}
	return result, false, err
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

// result logs what came of a check and makes it a document.
func (c *checks) result(ctx context.Context, out check.Outcome, err error) (any, error) {
	document := checked{Documents: c.site.Documents(out.Results), Told: out.Told, Ignored: out.Ignored}
	attrs := []slog.Attr{
		slog.String("requestId", requestID(ctx)),
		slog.Int("attempt", attempt(ctx)),
		slog.Any("counts", document.Counts),
		slog.Any("told", out.Told),
		slog.Int("ignored", out.Ignored),
	}
	if !out.To.IsZero() {
		document.From, document.To = &out.From, &out.To
		attrs = append(attrs, slog.Time("from", out.From), slog.Time("to", out.To))
	}
	if document.Told == nil {
		document.Told = []string{}
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "check", attrs...)
	if said, ok := errors.AsType[check.Error](err); ok {
		err = fmt.Errorf("%w: %w", trigger.InvocationError(said), err)
	}
	return document, err
}

// isLast reports whether Function Compute will not invoke the function again
// should this invocation fail.
func isLast(ctx context.Context) bool { return attempt(ctx) >= maxRetries }
