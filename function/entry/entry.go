// Package entry makes the one line that each invocation leaves in the log. Its context
// carries the entry, those on its way add to it, and who began it writes it when the
// invocation is over. Where a context carries none, nothing is kept. What is worth a
// field is for those to say who add it: of HTTP, chats and checks nothing may enter.
package entry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"taskstatus/function/task"
)

// An Entry is what the log will say of an invocation. It may be added to by several
// goroutines at once.
type Entry struct {
	// RequestID is the id of the invocation, by which its line is found, and Kind what
	// invoked the function. They are set by who began the entry, before anybody adds to it.
	RequestID, Kind string

	began time.Time

	mu      sync.Mutex
	level   slog.Level
	outcome string
	failure string
	// calls is how many exchanges with APIs of Alibaba Cloud's there were. upstreamRequestID
	// and upstreamCode are the latest that they had.
	calls                           int
	upstreamRequestID, upstreamCode string
	fields                          []slog.Attr
	// room spares most entries a slice that grows.
	room [16]slog.Attr
}

type key struct{}

// New begins the entry of an invocation, and returns a context that carries it.
func New(ctx context.Context) (context.Context, *Entry) {
	e := &Entry{began: time.Now(), outcome: "ok"}
	e.fields = e.room[:2] // the first are kept for RequestID and Kind
	return context.WithValue(ctx, key{}, e), e
}

func of(ctx context.Context) *Entry {
	e, _ := ctx.Value(key{}).(*Entry)
	return e
}

// RequestID returns the id of the invocation that ctx is of; empty where it is of none.
func RequestID(ctx context.Context) string {
	if e := of(ctx); e != nil {
		return e.RequestID
	}
	return ""
}

// Add adds fields. One takes the place of another of the same name.
func Add(ctx context.Context, fields ...slog.Attr) {
	e := of(ctx)
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, field := range fields {
		e.add(field)
	}
}

func (e *Entry) add(field slog.Attr) {
	if i := slices.IndexFunc(e.fields, func(known slog.Attr) bool { return known.Key == field.Key }); i >= 0 {
		e.fields[i] = field
		return
	}
	e.fields = append(e.fields, field)
}

// Raise has the line at least that level.
func Raise(ctx context.Context, level slog.Level) {
	if e := of(ctx); e != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.level = max(e.level, level)
	}
}

// Called counts an exchange with an API of Alibaba Cloud's. Where they are not empty,
// requestID is the API's id of it and code why it failed.
func Called(ctx context.Context, requestID, code string) {
	e := of(ctx)
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	if requestID != "" {
		e.upstreamRequestID = requestID
	}
	if code != "" {
		e.upstreamCode = code
	}
}

// Fail says that the invocation comes to nothing because of err, whose kind is its outcome.
func Fail(ctx context.Context, err error) {
	outcome, level := kind(err)
	End(ctx, outcome, level, err)
}

// kind is the word for err in the log, and how much it matters there. Whoever goes
// away before the answer is there has cancelled it: that is nobody's fault.
func kind(err error) (string, slog.Level) {
	if errors.Is(err, context.Canceled) {
		return "canceled", slog.LevelInfo
	}
	k := task.KindOf(err)
	switch {
	case k == task.Internal:
		return k.String(), slog.LevelError
	case k == task.Refused || k.Retryable():
		return k.String(), slog.LevelWarn
	}
	return k.String(), slog.LevelInfo
}

// End says how the invocation ends, in a word to group by, how much that matters, and
// why it is so.
func End(ctx context.Context, outcome string, level slog.Level, err error) {
	e := of(ctx)
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.end(outcome, level, err)
}

func (e *Entry) end(outcome string, level slog.Level, err error) {
	e.outcome, e.level, e.failure = outcome, max(e.level, level), err.Error()
}

// Write writes the line, once everything is known.
func (e *Entry) Write(log *slog.Logger) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fields[0], e.fields[1] = slog.String("requestId", e.RequestID), slog.String("kind", e.Kind)
	e.add(slog.Int("calls", e.calls))
	e.known("upstreamRequestId", e.upstreamRequestID)
	e.known("upstreamCode", e.upstreamCode)
	e.add(slog.Int64("ms", time.Since(e.began).Milliseconds()))
	e.add(slog.String("outcome", e.outcome))
	e.known("error", e.failure)
	log.LogAttrs(context.Background(), e.level, "invocation", e.fields...)
}

// known adds a text unless it is empty.
func (e *Entry) known(name, value string) {
	if value != "" {
		e.add(slog.String(name, value))
	}
}
