package entry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"taskstatus/function/budget"
	"taskstatus/function/task"
)

// written is the line of an invocation in which that is done, without its time and duration.
func written(t testing.TB, do func(context.Context)) string {
	t.Helper()
	ctx, e := New(t.Context())
	e.RequestID, e.Kind = "1-req", "direct"
	do(ctx)
	var log strings.Builder
	e.Write(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "ms" {
			return slog.Attr{}
		}
		return a
	}})))
	return log.String()
}

func TestWrite(t *testing.T) {
	refused := &task.Error{Kind: task.Refused, Cause: errors.New("NoPermission")}
	for _, test := range []struct {
		name string
		do   func(context.Context)
		want string
	}{
		{"nothing is known", func(context.Context) {},
			`"INFO","msg":"invocation","requestId":"1-req","kind":"direct","calls":0,"outcome":"ok"}`},
		{"the later of two fields", func(ctx context.Context) {
			Add(ctx, slog.String("a", "1"), slog.Int("b", 2))
			Add(ctx, slog.String("a", "3"))
		}, `"INFO","msg":"invocation","requestId":"1-req","kind":"direct","a":"3","b":2,"calls":0,"outcome":"ok"}`},
		{"calls, of which the last went well", func(ctx context.Context) {
			Called(ctx, "R-1", "Throttling.User")
			Called(ctx, "R-2", "")
			Called(ctx, "", "")
		}, `"INFO","msg":"invocation","requestId":"1-req","kind":"direct","calls":3,"upstreamRequestId":"R-2","upstreamCode":"Throttling.User","outcome":"ok"}`},
		{"raised, and not lowered", func(ctx context.Context) {
			Raise(ctx, slog.LevelWarn)
			Raise(ctx, slog.LevelInfo)
		}, `"WARN","msg":"invocation","requestId":"1-req","kind":"direct","calls":0,"outcome":"ok"}`},
		{"refused", func(ctx context.Context) { Fail(ctx, refused) },
			`"WARN","msg":"invocation","requestId":"1-req","kind":"direct","calls":0,"outcome":"refused","error":"refused: NoPermission"}`},
		{"too late", func(ctx context.Context) { Fail(ctx, context.DeadlineExceeded) },
			`"WARN","msg":"invocation","requestId":"1-req","kind":"direct","calls":0,"outcome":"timeout","error":"context deadline exceeded"}`},
		{"not found", func(ctx context.Context) { Fail(ctx, &task.Error{Kind: task.NotFound}) },
			`"INFO","msg":"invocation","requestId":"1-req","kind":"direct","calls":0,"outcome":"not-found","error":"not-found"}`},
		{"unforeseen", func(ctx context.Context) { Fail(ctx, errors.New("x")) },
			`"ERROR","msg":"invocation","requestId":"1-req","kind":"direct","calls":0,"outcome":"internal","error":"x"}`},
		{"whoever asked has gone", func(ctx context.Context) { Fail(ctx, fmt.Errorf("x: %w", context.Canceled)) },
			`"INFO","msg":"invocation","requestId":"1-req","kind":"direct","calls":0,"outcome":"canceled","error":"x: context canceled"}`},
		{"raised before it fails", func(ctx context.Context) {
			Raise(ctx, slog.LevelWarn)
			Fail(ctx, &task.Error{Kind: task.NotFound})
		}, `"WARN","msg":"invocation","requestId":"1-req","kind":"direct","calls":0,"outcome":"not-found","error":"not-found"}`},
		{"ended otherwise", func(ctx context.Context) {
			Fail(ctx, refused)
			End(ctx, "failed", slog.LevelError, errors.New("x"))
		}, `"ERROR","msg":"invocation","requestId":"1-req","kind":"direct","calls":0,"outcome":"failed","error":"x"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, want := written(t, test.do), `{"level":`+test.want+"\n"; got != want {
				t.Errorf("got  %swant %s", got, want)
			}
		})
	}
}

func TestTasks(t *testing.T) {
	result := func(id string, status task.Status, reason string) task.Result {
		return task.Result{ID: task.ID(id), Task: task.Task{Status: status, FailureReason: reason}}
	}
	lost := func(id string, kind task.Kind) task.Result {
		return task.Result{ID: task.ID(id), Err: &task.Error{Kind: kind}}
	}
	many := make([]task.Result, maxNamed+1)
	for i := range many {
		many[i] = result("t-x", task.Success, "")
	}
	for _, test := range []struct {
		name    string
		results []task.Result
		want    string // from the level on, without the ids and the calls
	}{
		{"none", nil, `"INFO","calls":0,"outcome":"ok"`},
		{"one", []task.Result{result("t-a", task.Success, "")}, `"INFO","tasks":"t-a Success","counts":{"success":1},"calls":0,"outcome":"ok"`},
		{"a reason beside a success is none", []task.Result{result("t-a", task.Success, "x")}, `"INFO","tasks":"t-a Success","counts":{"success":1},"calls":0,"outcome":"ok"`},
		{"of each", []task.Result{result("t-a", task.InProgress, ""), result("t-b", task.Failed, "first"), result("t-c", task.Failed, "second"), result("t-d", task.Success, ""), result("t-e", "Paused", "")},
			`"INFO","tasks":"t-a InProgress, t-b Failed, t-c Failed, t-d Success, t-e Paused","counts":{"failed":2,"inProgress":1,"success":1,"unknown":1},"reason":"first","calls":0,"outcome":"ok"`},
		{"one that is not found", []task.Result{lost("t-a", task.NotFound)}, `"INFO","tasks":"t-a not-found","counts":{"unknown":1},"calls":0,"outcome":"not-found","error":"not-found"`},
		{"some that could not be looked up", []task.Result{result("t-a", task.Success, ""), lost("t-b", task.Throttled)},
			`"WARN","tasks":"t-a Success, t-b throttled","counts":{"success":1,"unknown":1},"calls":0,"outcome":"ok","error":"throttled"`},
		{"all that could not", []task.Result{lost("t-a", task.Upstream), lost("t-b", task.NotFound)},
			`"WARN","tasks":"t-a upstream, t-b not-found","counts":{"unknown":2},"calls":0,"outcome":"upstream","error":"upstream"`},
		{"a reason in many words", []task.Result{result("t-a", task.Failed, strings.Repeat("云", maxReason+1))},
			`"INFO","tasks":"t-a Failed","counts":{"failed":1},"reason":"` + strings.Repeat("云", maxReason) + `…","calls":0,"outcome":"ok"`},
		{"a reason of just as many", []task.Result{result("t-a", task.Failed, strings.Repeat("云", maxReason))},
			`"INFO","tasks":"t-a Failed","counts":{"failed":1},"reason":"` + strings.Repeat("云", maxReason) + `","calls":0,"outcome":"ok"`},
		{"as many as are named", many[1:], `"INFO","tasks":"` + strings.Repeat("t-x Success, ", maxNamed-1) + `t-x Success","counts":{"success":20},"calls":0,"outcome":"ok"`},
		{"too many to name", many, `"INFO","counts":{"success":21},"calls":0,"outcome":"ok"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := written(t, func(ctx context.Context) { Tasks(ctx, test.results) })
			got = strings.Replace(got, `"msg":"invocation","requestId":"1-req","kind":"direct",`, "", 1)
			if want := `{"level":` + test.want + "}\n"; got != want {
				t.Errorf("got  %swant %s", got, want)
			}
		})
	}
	t.Run("what was decided before stands", func(t *testing.T) {
		got := written(t, func(ctx context.Context) {
			End(ctx, "failed", slog.LevelError, errors.New("x"))
			Tasks(ctx, []task.Result{lost("t-a", task.Throttled)})
		})
		if !strings.HasSuffix(got, `"outcome":"failed","error":"x"}`+"\n") {
			t.Errorf("got %s", got)
		}
	})
}

// TestBudget: however many tasks there are, their names are made room for once.
func TestBudget(t *testing.T) {
	results := make([]task.Result, maxNamed)
	for i := range results {
		results[i] = task.Result{ID: "t-shfqw1u1edszvxw5abcd", Task: task.Task{Status: task.InProgress}}
	}
	budget.Test(t, []budget.Item{{Name: "many tasks", Allocations: 5, Do: func() {
		ctx, _ := New(context.Background())
		Tasks(ctx, results)
	}}})
}

// TestNoEntry: outside an invocation nothing is kept.
func TestNoEntry(t *testing.T) {
	ctx := t.Context()
	Add(ctx, slog.Int("a", 1))
	Raise(ctx, slog.LevelError)
	Called(ctx, "R-1", "x")
	Fail(ctx, errors.New("x"))
	Tasks(ctx, []task.Result{{ID: "t-a"}})
	if id := RequestID(ctx); id != "" {
		t.Errorf("got the id %q", id)
	}
}

// TestTogether: several goroutines add at once, and one even after the line is written.
func TestTogether(t *testing.T) {
	const goroutines, times = 8, 50
	ctx, e := New(t.Context())
	var group, late sync.WaitGroup
	for i := range goroutines {
		group.Go(func() {
			for n := range times {
				Called(ctx, fmt.Sprint(i), "")
				Add(ctx, slog.Int(fmt.Sprint("field", i), n))
				Raise(ctx, slog.LevelInfo)
				Tasks(ctx, []task.Result{{ID: "t-a", Err: errors.New("x")}})
			}
		})
	}
	group.Wait()
	late.Go(func() { Add(ctx, slog.Int("late", 1)) })
	var log strings.Builder
	e.Write(slog.New(slog.NewJSONHandler(&log, nil)))
	late.Wait()
	for _, want := range []string{fmt.Sprintf(`"calls":%d,`, goroutines*times), fmt.Sprintf(`"field%d":%d`, goroutines-1, times-1)} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("want %s once in %s", want, &log)
		}
	}
}
