package trigger_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"taskstatus/function/entry"
	"taskstatus/function/task"
	"taskstatus/function/trigger"
)

// TestOneLine: whatever an invocation is and however it ends, it leaves one line in the
// log, by which it is found and grouped.
func TestOneLine(t *testing.T) {
	failure := func(err error) func(context.Context) error {
		return func(context.Context) error { return err }
	}
	well := failure(nil)
	panics := func(context.Context) error { panic("at the disco") }
	looks := func(ctx context.Context) error {
		entry.Called(ctx, "R-1", "Throttling.User")
		entry.Called(ctx, "R-2", "")
		entry.Tasks(ctx, []task.Result{{ID: "t-a", Task: task.Task{Status: task.Failed, FailureReason: "No Permission."}}})
		return nil
	}
	for _, test := range []struct {
		name    string
		event   []byte
		does    func(context.Context) error
		retries int
		kind    string
		level   string
		outcome string
		more    map[string]any // what else is known
		cause   string         // the beginning of error
	}{
		{"an answered request", read(t, "http-documented.json"), well, 0, "http", "INFO", "ok", nil, ""},
		{"a request about tasks", read(t, "http-documented.json"), looks, 0, "http", "INFO", "ok",
			map[string]any{"tasks": "t-a Failed", "counts": map[string]any{"failed": 1.0}, "reason": "No Permission.", "calls": 2.0, "upstreamRequestId": "R-2", "upstreamCode": "Throttling.User"}, ""},
		{"a request that panics", read(t, "http-documented.json"), panics, 0, "http", "ERROR", "internal", map[string]any{"status": 500.0}, "panic: at the disco\ngoroutine "},
		{"a repeated request", read(t, "http-documented.json"), well, 2, "http", "WARN", "invalid", map[string]any{"status": 400.0, "attempt": 2.0}, "repeated HTTP trigger event"},
		{"a malformed request", []byte(`{"version":"v1","requestContext":{"http":{"method":7}}}`), well, 0, "http", "WARN", "invalid", map[string]any{"status": 400.0}, "malformed HTTP trigger event: invalid: "},
		{"an oversized request", event{Method: "POST", Path: "/", Body: strings.Repeat("x", 512<<10)}.encode(t), well, 0, "http", "WARN", "too-large", map[string]any{"status": 413.0}, "oversized HTTP trigger event"},
		{"a direct invocation", read(t, "direct-upper-case.json"), looks, 0, "direct", "INFO", "ok",
			map[string]any{"tasks": "t-a Failed", "counts": map[string]any{"failed": 1.0}, "reason": "No Permission.", "calls": 2.0, "upstreamRequestId": "R-2", "upstreamCode": "Throttling.User"}, ""},
		{"a direct invocation that CloudSSO refuses", read(t, "direct-upper-case.json"), failure(&task.Error{Kind: task.Refused}), 0, "direct", "WARN", "refused", nil, "refused"},
		{"a direct invocation with a task id that is none", []byte(`{"taskId":7}`), well, 0, "direct", "WARN", "invalid", nil, "invalid: "},
		{"events", read(t, "cloudevents-array.json"), well, 3, "events", "INFO", "ok", map[string]any{"attempt": 3.0}, ""},
		{"an event whose check failed", read(t, "cloudevent-eventbridge.json"), failure(trigger.InvocationError("again")), 0, "events", "WARN", "failed", nil, "again"},
		{"malformed events", []byte(`[7]`), well, 0, "events", "WARN", "invalid", nil, "invalid: "},
		{"a timer", read(t, "timer-documented.json"), well, 0, "timer", "INFO", "ok", nil, ""},
		{"a timer that panics", read(t, "timer-documented.json"), panics, 0, "timer", "ERROR", "internal", nil, "panic: at the disco\ngoroutine "},
		{"a timer whose caller has gone", read(t, "timer-documented.json"), failure(context.Canceled), 0, "timer", "WARN", "canceled", nil, "context canceled"},
		{"a timer without a time", []byte(`{"triggerTime":"x","triggerName":"y"}`), well, 0, "timer", "WARN", "invalid", nil, "invalid: "},
		{"what is of no kind", []byte(`{"a":1}`), well, 0, "unknown", "WARN", "invalid", nil, "invalid: "},
		{"what is no JSON", []byte(`x`), well, 1, "unknown", "WARN", "invalid", map[string]any{"attempt": 1.0}, "invalid: "},
		{"anything unforeseen", read(t, "timer-documented.json"), failure(errors.New("unforeseen")), 0, "timer", "ERROR", "internal", nil, "unforeseen"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log strings.Builder
			f := &trigger.Function{
				HTTP:        http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _ = test.does(r.Context()) }),
				Direct:      func(ctx context.Context, _ trigger.Direct) (any, error) { return nil, test.does(ctx) },
				CloudEvents: func(ctx context.Context, _ []trigger.CloudEvent) (any, error) { return nil, test.does(ctx) },
				Timer:       func(ctx context.Context, _ trigger.Timer) (any, error) { return nil, test.does(ctx) },
				Log:         slog.New(slog.NewJSONHandler(&log, nil)),
			}
			_, _ = f.Invoke(fccontext.NewContext(t.Context(), &fccontext.FcContext{RequestID: "1-req", RetryCount: test.retries}), test.event)
			got := make(map[string]any)
			if err := json.Unmarshal([]byte(log.String()), &got); err != nil {
				t.Fatalf("%v: not one line: %s", err, &log)
			}
			want := map[string]any{
				"level": test.level, "msg": "invocation", "requestId": "1-req", "kind": test.kind, "calls": 0.0, "outcome": test.outcome,
				"time": got["time"], "ms": got["ms"],
			}
			if test.cause != "" {
				want["error"] = got["error"]
			}
			maps.Copy(want, test.more)
			if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
				t.Errorf("got %s, want the fields of %v", &log, want)
			}
			for name := range want {
				if encoded(got[name]) != encoded(want[name]) {
					t.Errorf("%s is %v, want %v", name, got[name], want[name])
				}
			}
			if cause, _ := got["error"].(string); !strings.HasPrefix(cause, test.cause) {
				t.Errorf("the cause is %q, want %q", cause, test.cause)
			}
		})
	}
}

func encoded(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// TestWrittenBeforeTheAnswer: what is written later may never be, as Function Compute
// freezes an instance that has answered.
func TestWrittenBeforeTheAnswer(t *testing.T) {
	r := newRecorder()
	for _, file := range []string{"http-documented.json", "direct-upper-case.json", "cloudevents-array.json", "timer-documented.json"} {
		r.log.Reset()
		if _, err := r.Function.Invoke(t.Context(), read(t, file)); err != nil || r.logRecords() != 1 {
			t.Errorf("%s: %v, logged %q", file, err, &r.log)
		}
	}
}
