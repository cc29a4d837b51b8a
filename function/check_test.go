package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"taskstatus/function/acs"
	"taskstatus/function/check"
	"taskstatus/function/cloudsso"
	"taskstatus/function/entry"
	"taskstatus/function/site"
	"taskstatus/function/task"
	"taskstatus/function/trigger"
)

const (
	failedID = task.ID("t-shfqw1u1edszvxw5abcd")
	openID   = task.ID("t-sh5k4gesm6twlrqbabcd")
)

// tasks knows two tasks: one that failed and one that never ends.
type tasks struct{ waits []time.Duration }

func (k *tasks) Look(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result {
	k.waits = append(k.waits, wait)
	if wait > 0 && ids[0] == openID {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	results := make([]task.Result, len(ids))
	for i, id := range ids {
		t := task.Task{ID: id, Directory: directory, Status: task.InProgress}
		if id == failedID {
			t.Status = task.Failed
		}
		results[i] = task.Result{ID: id, Task: t}
	}
	return results
}

func (*tasks) ListTasks(context.Context, task.ListRequest) (task.Page, error) {
	return task.Page{Tasks: []task.Task{}}, nil
}

// team keeps what it is told.
type team struct{ told []task.Notice }

func (m *team) Tell(_ context.Context, n task.Notice) ([]string, error) {
	m.told = append(m.told, n)
	return []string{"chat"}, nil
}

func newChecks() (*checks, *tasks, *team) {
	known, told := new(tasks), new(team)
	directories := []task.DirectoryID{"d-00fc2p61abcd"}
	return &checks{
		checker: &check.Checker{Looker: known, Lister: known, Teller: told, Directories: directories, Retries: defaultRetries, Now: time.Now},
		site:    &site.Site{Looker: known, Directories: directories, Now: time.Now},
	}, known, told
}

func TestReceive(t *testing.T) {
	const event = `{"specversion":"1.0","id":"1","source":"/ci","type":"x","data":{"taskId":"` + string(failedID) + `"}}`
	for _, test := range []struct {
		name, contentType, body string
		alone                   bool // nobody can be invoked
		later                   bool
		result, handed          string // parts
		err                     task.Kind
		notTaken                bool
		told                    int
	}{
		{name: "a question", contentType: "application/json", body: `{"taskId":"` + string(openID) + `","wait":3600}`, result: `"status":"InProgress"`},
		{name: "an event", contentType: "application/cloudevents+json", body: event, later: true, result: `{"accepted":true}`, handed: string(failedID)},
		{name: "no events", contentType: "application/cloudevents-batch+json", body: `[]`, later: true, result: `{"accepted":true}`},
		{name: "what the team is to be told", contentType: "application/json", body: `{"taskId":"` + string(failedID) + `","notify":true}`, later: true, result: `{"accepted":true}`, handed: `"notify":true`},
		{name: "an event, alone", contentType: "application/cloudevents+json", body: event, alone: true, result: `"told":["chat"]`, told: 1},
		{name: "what the team is to be told, alone", contentType: "application/json", body: `{"taskId":"` + string(failedID) + `","notify":true}`, alone: true, result: `"failed":1`, told: 1},
		{name: "what has not ended, alone", contentType: "application/json", body: `{"taskId":"` + string(openID) + `","notify":true}`, alone: true, notTaken: true},
		{name: "of another directory", contentType: "application/json", body: `{"taskId":"` + string(failedID) + `","directoryId":"d-00xz91nf0000","notify":true}`, err: task.Forbidden},
		{name: "an event about nothing", contentType: "application/cloudevents+json", body: strings.Replace(event, "taskId", "task_id", 1), err: task.Invalid},
		{name: "too many", contentType: "application/cloudevents-batch+json", body: "[" + strings.Repeat(event+",", check.MaxTasks) + event + "]", err: task.Invalid},
		{name: "nonsense", contentType: "application/json", body: `x`, err: task.Invalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, known, told := newChecks()
			var handed string
			if !test.alone {
				c.invoke = func(_ context.Context, payload []byte, delay time.Duration) error {
					handed = string(payload)
					return nil
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			result, later, err := c.Receive(ctx, http.Header{"Content-Type": {test.contentType}}, []byte(test.body))
			if test.notTaken != errors.Is(err, site.ErrNotTaken) {
				t.Errorf("got %v", err)
			}
			if test.notTaken {
				return
			}
			if test.err != task.Internal {
				if e, ok := errors.AsType[*task.Error](err); !ok || e.Kind != test.err {
					t.Errorf("got %v", err)
				}
				return
			}
			got, _ := json.Marshal(result)
			if err != nil || later != test.later || !strings.Contains(string(got), test.result) {
				t.Errorf("got %s, %v, %v", got, later, err)
			}
			if !strings.Contains(handed, test.handed) || test.handed == "" && handed != "" {
				t.Errorf("handed on %s", handed)
			}
			if len(told.told) != test.told {
				t.Errorf("told %+v", told.told)
			}
			if test.name == "a question" && known.waits[0] != site.MaxWait {
				t.Errorf("waited %v", known.waits)
			}
		})
	}
}

// TestLastAttempt: what is told of a task that has not ended depends on whether
// it will be tried again.
func TestLastAttempt(t *testing.T) {
	for attempt, told := range map[int]int{0: 0, defaultRetries - 1: 0, defaultRetries: 1} {
		c, _, team := newChecks()
		ctx := context.WithValue(t.Context(), invocationKey{}, &invocation{attempt: attempt})
		_, err := c.direct(ctx, trigger.Direct{IDs: []task.ID{openID}, Notify: true, Wait: time.Millisecond})
		if said, ok := errors.AsType[trigger.InvocationError](err); !ok || !strings.Contains(said.Error(), "not ended yet") || len(team.told) != told {
			t.Errorf("attempt %d: told %+v, %v", attempt, team.told, err)
		}
	}
}

func TestTimer(t *testing.T) {
	c, _, _ := newChecks()
	result, err := c.timer(t.Context(), trigger.Timer{Time: time.Now(), Payload: `{"sweep":"5m"}`})
	got, _ := json.Marshal(result)
	if err != nil || !strings.HasPrefix(string(got), `{"tasks":[],"done":true,"counts":{"failed":0,`) || !strings.Contains(string(got), `"told":[],"from":"`) {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := c.timer(t.Context(), trigger.Timer{Time: time.Now()}); task.KindOf(err) != task.Invalid {
		t.Errorf("without a payload: %v", err)
	}
}

// TestOutcomeInLog: what came of a check is in the line of its invocation.
func TestOutcomeInLog(t *testing.T) {
	c, _, _ := newChecks()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c.checker.Now = func() time.Time { return noon }
	event := trigger.CloudEvent{ID: "1", Source: "/ci", Type: "assigned", Data: json.RawMessage(`{"taskId":"` + string(failedID) + `"}`)}
	for _, test := range []struct {
		name string
		do   func(context.Context) (any, error)
		want string
	}{
		{"an event", func(ctx context.Context) (any, error) { return c.cloudEvents(ctx, []trigger.CloudEvent{event}) },
			`"tasks":"` + string(failedID) + ` Failed","counts":{"failed":1},"told":["chat"],"calls"`},
		{"the same again", func(ctx context.Context) (any, error) { return c.cloudEvents(ctx, []trigger.CloudEvent{event}) }, `"ignored":1,"calls"`},
		{"a sweep", func(ctx context.Context) (any, error) {
			return c.timer(ctx, trigger.Timer{Time: noon, Payload: `{"sweep":"5m"}`})
		}, `"from":"2026-03-01T11:54:30Z","to":"2026-03-01T11:59:30Z","calls"`},
	} {
		ctx, line := entry.New(t.Context())
		_, err := test.do(ctx)
		var log strings.Builder
		line.Write(slog.New(slog.NewJSONHandler(&log, nil)))
		if err != nil || !strings.Contains(log.String(), test.want) {
			t.Errorf("%s: %v, want %s in %s", test.name, err, test.want, &log)
		}
	}
}

// TestObserver: a call is its invocation's, and seen by itself only by who wants to.
func TestObserver(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		var calls, lines strings.Builder
		ctx, line := entry.New(t.Context())
		line.RequestID = "1-req"
		observer(slog.New(slog.NewJSONHandler(&calls, &slog.HandlerOptions{Level: level})), "cloudsso")(ctx,
			acs.Call{Action: "GetTask", Status: http.StatusForbidden, Code: "NoPermission", RequestID: "R-1"})
		line.Write(slog.New(slog.NewJSONHandler(&lines, nil)))
		if want := `"calls":1,"upstreamRequestId":"R-1","upstreamCode":"NoPermission"`; !strings.Contains(lines.String(), want) {
			t.Errorf("want %s in %s", want, &lines)
		}
		if want := `"msg":"cloudsso","requestId":"1-req","action":"GetTask"`; strings.Contains(calls.String(), want) != (level == slog.LevelDebug) {
			t.Errorf("at %v logged %s", level, &calls)
		}
	}
}

// TestDeployed: what the code takes for granted of Function Compute stands in s.yaml.
func TestDeployed(t *testing.T) {
	deployed, err := os.ReadFile("../s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("maxAsyncRetryAttempts: %d\n", defaultRetries),
		fmt.Sprintf("reservedConcurrency: %d\n", defaultInstances),
		fmt.Sprintf("CHECK_INSTANCES: \"%d\"\n", defaultInstances),
		fmt.Sprintf("CHECK_RETRIES: \"%d\"\n", defaultRetries),
	} {
		if !strings.Contains(string(deployed), want) {
			t.Errorf("it has no %s", want)
		}
	}
}

// TestInvocation: what a check depends on gets from Function Compute to where it is asked for.
func TestInvocation(t *testing.T) {
	fc := new(fccontext.FcContext)
	fc.RetryCount, fc.Function.Name = 3, "check"
	ctx := withInvocation(t.Context(), fc)
	if attempt(ctx) != 3 || target(ctx, "").Function != "check" || target(ctx, "other").Function != "other" {
		t.Errorf("got %d, %+v", attempt(ctx), target(ctx, ""))
	}
	if attempt(t.Context()) != 0 {
		t.Error("a first attempt is none")
	}
}

// TestNewChecker: the configuration gets to where it is gone by.
func TestNewChecker(t *testing.T) {
	asked := 0
	cloudSSO := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer cloudSSO.Close()
	c, err := readConfig(environment("CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_ENDPOINT="+cloudSSO.URL,
		"NOTIFY_ON=finished", "TASK_DETAILS=off", "CHECK_INSTANCES=7", "CHECK_RETRIES=2"))
	if err != nil {
		t.Fatal(err)
	}
	got := newChecker(c, *cloudsso.New(c.endpoint, acs.NewCredentials(true, "", "")), new(team))
	if !got.Finished || got.Details || got.Instances != 7 || got.Retries != 2 || len(got.Directories) != 1 {
		t.Errorf("got %+v", got)
	}
	ctx := acs.WithCredentials(t.Context(), "id", "secret", "token")
	began := time.Now()
	for range 3 {
		got.Looker.Look(ctx, "d-00fc2p61abcd", []task.ID{failedID}, 0)
	}
	// 7 of 40 a second: the second and the third have to wait, and none is tried again.
	if took := time.Since(began); asked != 3 || took < 2*7*time.Second/40 {
		t.Errorf("asked %d times in %v", asked, took)
	}
}

// TestLastAttemptIsAnError: a check that comes again wakes nobody; one that does not come
// to its end at all does.
func TestLastAttemptIsAnError(t *testing.T) {
	for attempt, want := range map[int]string{0: "INFO", defaultRetries - 1: "INFO", defaultRetries: "ERROR"} {
		c, _, _ := newChecks()
		ctx, line := entry.New(context.WithValue(t.Context(), invocationKey{}, &invocation{attempt: attempt}))
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		if _, err := c.direct(ctx, trigger.Direct{IDs: []task.ID{openID}, Notify: true}); err == nil {
			t.Fatalf("attempt %d: no error", attempt)
		}
		var log strings.Builder
		line.Write(slog.New(slog.NewJSONHandler(&log, nil)))
		if !strings.Contains(log.String(), `"level":"`+want+`"`) {
			t.Errorf("attempt %d: want %s: %s", attempt, want, &log)
		}
	}
}
