package main

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestInvoke(t *testing.T) {
	s := start(t, options{binary: echo(t), timeout: 20 * time.Second, env: map[string]string{
		"TASK_DETAILS": "on", "SLACK_TEAM_ID": "T1", "SECRET_OF_THE_CALLER": "x", "FC_REGION": "x", "ACCESS": "token",
	}})
	current, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}

	t.Run("answer", func(t *testing.T) {
		r := s.invoke(t, `{"taskId":"t-1"}`)
		if r.body != `{"taskId":"t-1"}` || r.header.Get("X-Fc-Request-Id") == "" || r.header.Get("X-Fc-Error-Type") != "" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("context", func(t *testing.T) {
		r := s.invoke(t, `{"do":"context"}`)
		var got struct {
			Context struct {
				RequestID   string
				Credentials struct{ AccessKeyID, AccessKeySecret, SecurityToken string }
				Function    struct {
					Name, Handler, Memory string
					Timeout               int
				}
				Service           struct{ Qualifier, VersionID string }
				Region, AccountID string
				RetryCount        int
			}
			Left float64
		}
		decode(t, r.body, &got)
		c := got.Context
		if c.RequestID != r.header.Get("X-Fc-Request-Id") || c.Region != "cn-hangzhou" || c.AccountID != accountID || c.RetryCount != 0 ||
			c.Function.Name != "status" || c.Function.Handler != "main" || c.Function.Memory != "128" || c.Function.Timeout != 20 ||
			c.Service.Qualifier != "LATEST" || c.Service.VersionID != "LATEST" {
			t.Errorf("got %s", r.body)
		}
		if c.Credentials.AccessKeyID != current.ID || c.Credentials.AccessKeySecret != current.Secret || c.Credentials.SecurityToken != current.Token {
			t.Error("these are not the role's credentials")
		}
		if got.Left < 15 || got.Left > 20 {
			t.Errorf("%v s are left of 20", got.Left)
		}
	})
	t.Run("environment", func(t *testing.T) {
		var environ []string
		decode(t, s.invoke(t, `{"do":"environ"}`).body, &environ)
		got := make(map[string]string)
		for _, variable := range environ {
			name, value, _ := strings.Cut(variable, "=")
			got[name] = value
		}
		for name, want := range map[string]string{
			"CLOUDSSO_DIRECTORY_ID": defaultDirectory, "CLOUDSSO_ENDPOINT": s.cloudSSOURL, "PUBLIC_URL": s.frontURL,
			"ACCESS": "token", "TASK_DETAILS": "on", "SLACK_TEAM_ID": "T1", "SECRET_OF_THE_CALLER": "",
			"ALIBABA_CLOUD_ACCESS_KEY_ID": current.ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": current.Secret, "ALIBABA_CLOUD_SECURITY_TOKEN": current.Token,
			"FC_REGION": "cn-hangzhou", "FC_FUNCTION_NAME": "status", "FC_FUNC_CODE_PATH": binDir,
		} {
			if got[name] != want {
				t.Errorf("%s is %q, want %q", name, got[name], want)
			}
		}
		if !strings.HasPrefix(got["FC_RUNTIME_API"], "127.0.0.1:") {
			t.Errorf("FC_RUNTIME_API is %q", got["FC_RUNTIME_API"])
		}
	})
	t.Run("rotated credentials", func(t *testing.T) {
		s.rotate(t, false)
		if r := s.invoke(t, `{"do":"context"}`); strings.Contains(r.body, current.ID) {
			t.Error("a later invocation has the old key")
		}
		if r := s.invoke(t, `{"do":"environ"}`); !strings.Contains(r.body, current.ID) {
			t.Error("the environment must keep the key of the instance's start")
		}
	})
	t.Run("function error", func(t *testing.T) {
		r := s.invoke(t, `{"do":"error"}`)
		if r.status != http.StatusOK || r.header.Get("X-Fc-Error-Type") != "UnhandledInvocationError" || !strings.Contains(r.body, `"errorMessage":"as ordered"`) {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("asynchronous", func(t *testing.T) {
		r := s.invoke(t, `{"do":"error"}`, "X-Fc-Invocation-Type", "Async")
		if r.status != http.StatusAccepted || r.body != "" {
			t.Errorf("got %+v", r)
		}
		line := "asynchronous invocation " + r.header.Get("X-Fc-Request-Id") + `: {"errorMessage":"as ordered"`
		eventually(t, "the error is logged", func() bool { return strings.Contains(s.log.String(), line) })
	})
	t.Run("asynchronous and too large", func(t *testing.T) {
		r := do(t, http.MethodPost, s.consoleURL+"/invoke", strings.Repeat(" ", maxAsyncPayload+1), "X-Fc-Invocation-Type", "Async")
		if r.status != http.StatusRequestEntityTooLarge {
			t.Errorf("got %+v", r)
		}
	})
}

func TestTriggers(t *testing.T) {
	c := newClock(time.Date(2026, 11, 23, 10, 0, 0, 123_000_000, time.UTC))
	s := start(t, options{binary: echo(t), now: c.Now, rotate: time.Hour})
	for _, test := range []struct{ name, path, want string }{
		{"timer", "/timer?payload=%7B%22sweep%22%3A%225m%22%7D", `{"payload":"{\"sweep\":\"5m\"}","triggerName":"timer","triggerTime":"2026-11-23T10:00:00Z"}`},
		{"timer of choice", "/timer?name=digest&time=2026-11-23T09:00:00Z", `{"payload":"","triggerName":"digest","triggerTime":"2026-11-23T09:00:00Z"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if r := s.order(t, http.MethodPost, test.path, ""); r.body != test.want {
				t.Errorf("got %s, want %s", r.body, test.want)
			}
		})
	}
	t.Run("event", func(t *testing.T) {
		r := s.order(t, http.MethodPost, "/event", `{"eventName":"DeleteAccessAssignment","responseElements":{"Task":{"TaskId":"t-1"}}}`)
		var got struct {
			SpecVersion, ID, Source, Type, Time, AliyunPublishTime string
			Data                                                   struct {
				EventName, EventType, EventRW string
				ResponseElements              struct{ Task struct{ TaskID string } }
			}
		}
		decode(t, r.body, &got)
		if got.SpecVersion != "1.0" || got.ID == "" || got.Source != "acs.cloudsso" || got.Type != "cloudsso:ActionTrail:ApiCall" ||
			got.Time != "2026-11-23T18:00:00+08:00" || got.AliyunPublishTime != "2026-11-23T18:00:00.123PRC" ||
			got.Data.EventName != "DeleteAccessAssignment" || got.Data.EventType != "ApiCall" || got.Data.EventRW != "Write" || got.Data.ResponseElements.Task.TaskID != "t-1" {
			t.Errorf("got %s", r.body)
		}
	})
	t.Run("event in its envelope", func(t *testing.T) {
		const event = `{"specversion":"1.0","id":"1","data":{}}`
		if r := s.order(t, http.MethodPost, "/event", event); r.body != event {
			t.Errorf("got %s", r.body)
		}
	})
	t.Run("event that is none", func(t *testing.T) {
		for _, body := range []string{"", "[]", "{", "null"} {
			if r := do(t, http.MethodPost, s.consoleURL+"/event", body); r.status != http.StatusBadRequest {
				t.Errorf("%q: got %+v", body, r)
			}
		}
	})
	t.Run("order from a page in a browser", func(t *testing.T) {
		if r := do(t, http.MethodPost, s.consoleURL+"/invoke", "{}", "Sec-Fetch-Site", "cross-site"); r.status != http.StatusForbidden {
			t.Errorf("got %+v", r)
		}
	})
}

// invokeInt runs the function for a number.
func (s *stage) invokeInt(t *testing.T, payload string) int {
	t.Helper()
	r := s.invoke(t, payload)
	number, err := strconv.Atoi(r.body)
	if err != nil {
		t.Errorf("%s: got %+v", payload, r)
	}
	return number
}

func TestOneInvocationAtATime(t *testing.T) {
	s := start(t, options{binary: echo(t), instances: 2})
	first := s.invokeInt(t, `{"do":"pid"}`)
	if again := s.invokeInt(t, `{"do":"pid"}`); again != first {
		t.Error("an idle instance was not used again")
	}

	const each = 100 * time.Millisecond
	began := time.Now()
	var mu sync.Mutex
	processes := make(map[int]int)
	var calls sync.WaitGroup
	for range 6 {
		calls.Go(func() {
			pid := s.invokeInt(t, `{"do":"pid","ms":100}`)
			mu.Lock()
			defer mu.Unlock()
			processes[pid]++
		})
	}
	calls.Wait()
	if len(processes) != 2 {
		t.Errorf("6 calls ran in %v, want 2 processes", processes)
	}
	if took := time.Since(began); took < 3*each {
		t.Errorf("6 calls of %v took %v on 2 instances: some ran together", each, took)
	}
}

func TestFreeze(t *testing.T) {
	const pause = 200 * time.Millisecond // of a goroutine that ticks each millisecond
	for _, test := range []struct {
		name   string
		thawed bool
		right  func(ticks int) bool
	}{
		{"frozen", false, func(ticks int) bool { return ticks < 40 }},
		{"not frozen", true, func(ticks int) bool { return ticks >= 40 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, options{binary: echo(t), thawed: test.thawed})
			before := s.invokeInt(t, `{"do":"ticks"}`)
			time.Sleep(pause)
			if ticks := s.invokeInt(t, `{"do":"ticks"}`) - before; !test.right(ticks) {
				t.Errorf("%d ticks between two invocations, %v apart", ticks, pause)
			}
		})
	}
}

func TestProcessEnds(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	first := s.invokeInt(t, `{"do":"pid"}`)
	r := s.invoke(t, `{"do":"exit"}`)
	if r.header.Get("X-Fc-Error-Type") != "UnhandledInvocationError" || !strings.Contains(r.body, "Process exited unexpectedly before completing request (exit status 3)") {
		t.Errorf("got %+v", r)
	}
	second := s.invokeInt(t, `{"do":"pid"}`)
	if second == first {
		t.Error("no new instance")
	}
	// Killed while frozen, by the machine's lack of memory for one.
	if err := syscall.Kill(second, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process is gone", func() bool { return syscall.Kill(second, 0) == syscall.ESRCH })
	third := s.invokeInt(t, `{"do":"pid"}`)
	if third == second {
		t.Error("no new instance")
	}
	s.Close()
	if err := syscall.Kill(third, 0); err != syscall.ESRCH {
		t.Errorf("the process outlives the stage: %v", err)
	}
	if r, err := http.Get(s.frontURL); err == nil {
		r.Body.Close()
		t.Error("the front still listens")
	}
}

func TestTimeLimit(t *testing.T) {
	s := start(t, options{binary: echo(t), timeout: 250 * time.Millisecond})
	first := s.invokeInt(t, `{"do":"pid"}`)
	r := s.invoke(t, `{"do":"pid","ms":10000}`)
	if r.header.Get("X-Fc-Error-Type") != "UnhandledInvocationError" || r.body != `{"errorMessage":"Function time out after 1 seconds"}` {
		t.Errorf("got %+v", r)
	}
	if again := s.invokeInt(t, `{"do":"pid"}`); again == first {
		t.Error("the instance was not killed")
	}
	if r := s.send(t, http.MethodPost, "/", `{"do":"pid","ms":10000}`); r.status != http.StatusGatewayTimeout || r.header.Get("X-Fc-Error-Type") == "" {
		t.Errorf("got %+v", r)
	}
}

func TestFunctionThatCannotStart(t *testing.T) {
	s := start(t, options{binary: noFunction})
	if r := s.get(t, "/"); r.status != http.StatusInternalServerError || !strings.Contains(r.body, "start the function") {
		t.Errorf("got %+v", r)
	}
	s = start(t, options{binary: "/bin/false"})
	if r := s.get(t, "/"); r.status != http.StatusBadGateway || !strings.Contains(r.body, "exit status 1") {
		t.Errorf("got %+v", r)
	}
}
