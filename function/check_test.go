package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"taskstatus/function/check"
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

func (k *tasks) Look(_ context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result {
	k.waits = append(k.waits, wait)
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
	log := slog.New(slog.DiscardHandler)
	return &checks{
		checker: &check.Checker{Looker: known, Lister: known, Teller: told, Directories: directories, Now: time.Now, Log: log},
		site:    &site.Site{Looker: known, Directories: directories, Log: log, Now: time.Now},
		log:     log,
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
		told                    int
	}{
		{name: "a question", contentType: "application/json", body: `{"taskId":"` + string(openID) + `","wait":3600}`, result: `"status":"InProgress"`},
		{name: "an event", contentType: "application/cloudevents+json", body: event, later: true, result: `{"accepted":true}`, handed: string(failedID)},
		{name: "no events", contentType: "application/cloudevents-batch+json", body: `[]`, later: true, result: `{"accepted":true}`},
		{name: "what the team is to be told", contentType: "application/json", body: `{"taskId":"` + string(failedID) + `","notify":true}`, later: true, result: `{"accepted":true}`, handed: `"notify":true`},
		{name: "an event, alone", contentType: "application/cloudevents+json", body: event, alone: true, result: `"told":["chat"]`, told: 1},
		{name: "what the team is to be told, alone", contentType: "application/json", body: `{"taskId":"` + string(failedID) + `","notify":true}`, alone: true, result: `"failed":1`, told: 1},
		{name: "what has not ended, alone", contentType: "application/json", body: `{"taskId":"` + string(openID) + `","notify":true}`, alone: true, err: task.Timeout},
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
			result, later, err := c.Receive(t.Context(), http.Header{"Content-Type": {test.contentType}}, []byte(test.body))
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
	for attempt, told := range map[int]int{0: 0, maxRetries - 1: 0, maxRetries: 1} {
		c, _, team := newChecks()
		ctx := context.WithValue(t.Context(), attemptKey{}, attempt)
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

// TestDeployed: what the code takes for granted of Function Compute stands in s.yaml.
func TestDeployed(t *testing.T) {
	deployed, err := os.ReadFile("../s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("maxAsyncRetryAttempts: %d\n", maxRetries),
		fmt.Sprintf("reservedConcurrency: %d\n", defaultInstances),
		fmt.Sprintf("CHECK_INSTANCES: \"%d\"\n", defaultInstances),
	} {
		if !strings.Contains(string(deployed), want) {
			t.Errorf("it has no %s", want)
		}
	}
}
