// Package trigger is the edge to Function Compute (FC): it tells what kind of
// event an invocation carries, turns an HTTP trigger event into a net/http
// request and the handler's answer into FC's response object, and hands
// CloudEvents, timer ticks and direct invocations on as Go values.
//
// What an event means, who may see what, and every page and route are other
// packages' business and may not enter; neither may any type of FC leave,
// except through Function.Context.
package trigger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"taskstatus/function/entry"
	"taskstatus/function/task"
)

// answerMargin is kept back of an invocation's time, to send the answer in: FC
// gives the caller of one that is late nothing at all. Where there is little time
// a quarter of it is kept.
const answerMargin = time.Second

// A Function answers FC's invocations. It may be used by several goroutines at once.
type Function struct {
	// HTTP answers HTTP trigger events. It finds the request id in the
	// request's X-Fc-Request-Id, which no caller can forge.
	HTTP http.Handler
	// SetHeader sets what every answer has, where HTTP cannot give one. It may be nil.
	SetHeader func(http.Header)

	// Direct, CloudEvents and Timer answer the other kinds of event; their
	// result is encoded as JSON. One that is nil refuses its kind.
	Direct      func(context.Context, Direct) (any, error)
	CloudEvents func(context.Context, []CloudEvent) (any, error)
	Timer       func(context.Context, Timer) (any, error)

	// Context prepares the context of one invocation. It may be nil, and is
	// not called where there is no FcContext.
	Context func(context.Context, *fccontext.FcContext) context.Context

	// Log gets one line for each invocation, with what no caller may see: panics, and
	// the causes of errors.
	Log *slog.Logger
}

// An InvocationError is the text of a failed invocation. FC shows it to
// whoever invoked the function, with the name of this type as errorType. One
// that a handler returns, wrapped or not, is the whole of what they are shown.
type InvocationError string

func (e InvocationError) Error() string { return string(e) }

// Invoke answers one invocation; it is what fc.Start takes, which encodes the
// result as JSON. An HTTP trigger event always gets a response object. For the
// other kinds the result is JSON already, and the error, if any, is an InvocationError.
func (f *Function) Invoke(ctx context.Context, event []byte) (result any, err error) {
	growStack(len(event))
	ctx, line := entry.New(ctx)
	// Before there is an answer: then Function Compute may freeze the instance.
	defer line.Write(f.Log)
	var ev any
	defer func() {
		if p := recover(); p != nil {
			entry.Fail(ctx, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			if ev, ok := ev.(*httpEvent); ok {
				result, err = f.refuse(ctx, ev, problemOf(task.Internal, http.StatusInternalServerError, "")), nil
				return
			}
			result, err = nil, internalError(line.RequestID)
		}
	}()

	// Once an invocation: FromContext writes to the value that it returns.
	fc, inFC := fccontext.FromContext(ctx)
	if inFC {
		line.RequestID = fc.RequestID
	}
	ev, err = classify(event)
	line.Kind = kindOf(ev)
	if ev, ok := ev.(*httpEvent); ok {
		line.RequestID = cmp.Or(line.RequestID, ev.RequestContext.RequestID)
	}
	line.RequestID = cmp.Or(line.RequestID, rand.Text())
	if inFC && fc.RetryCount > 0 {
		entry.Add(ctx, slog.Int("attempt", fc.RetryCount))
	}
	if err != nil {
		return nil, fail(ctx, err)
	}
	if ev, ok := ev.(*httpEvent); ok && inFC && fc.RetryCount > 0 {
		return f.refuseRepeated(ctx, ev), nil
	}
	if inFC && f.Context != nil {
		ctx = f.Context(ctx, fc)
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-max(0, min(answerMargin, time.Until(deadline)/4))))
		defer cancel()
	}

	var value any
	switch ev := ev.(type) {
	case *httpEvent:
		return f.serve(ctx, ev), nil
	case []CloudEvent:
		value, err = answer(ctx, "CloudEvents", f.CloudEvents, ev)
	case Timer:
		value, err = answer(ctx, "timer events", f.Timer, ev)
	case Direct:
		value, err = answer(ctx, "direct invocations", f.Direct, ev)
	}
	var encoded json.RawMessage
	if err == nil {
		encoded, err = encode(value) // here, where it can still be told and logged that it cannot be
	}
	if err != nil {
		return nil, fail(ctx, err)
	}
	return encoded, nil
}

// kindOf is what the log calls the kind of an event.
func kindOf(event any) string {
	switch event.(type) {
	case *httpEvent:
		return "http"
	case []CloudEvent:
		return "events"
	case Timer:
		return "timer"
	case Direct:
		return "direct"
	}
	return "unknown"
}

func answer[E any](ctx context.Context, kind string, handler func(context.Context, E) (any, error), event E) (any, error) {
	if handler == nil {
		return nil, invalid("this function takes no %s", kind)
	}
	return handler(ctx, event)
}

// fail says in the log why the invocation failed, and returns what of it the caller
// may read. Who returns an InvocationError has chosen that already.
func fail(ctx context.Context, err error) error {
	if e, ok := errors.AsType[InvocationError](err); ok {
		entry.End(ctx, "failed", slog.LevelWarn, err)
		return e
	}
	entry.Fail(ctx, err)
	entry.Raise(ctx, slog.LevelWarn) // most who invoke the function do not wait for what comes of it
	if task.KindOf(err) == task.Internal {
		return internalError(entry.RequestID(ctx))
	}
	return InvocationError(task.Public(err))
}

// detailOf returns what the caller may read of err beside its kind; often nothing.
func detailOf(err error) string {
	if e, ok := errors.AsType[*task.Error](err); ok {
		return e.Detail.En
	}
	return ""
}

func internalError(requestID string) error {
	return InvocationError("internal error, request id " + requestID)
}

// invalid returns an error about the event itself. It is in English only, as
// all that FC says of an invocation is.
func invalid(format string, args ...any) error {
	return &task.Error{Kind: task.Invalid, Detail: task.Text{En: fmt.Sprintf(format, args...)}}
}

// encode is json.Marshal without the escapes for HTML.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
