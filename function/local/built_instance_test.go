package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// These tests put one instance of the function, as it is deployed, into what
// Function Compute may do with it.

// The lifecycle hooks, as the runtime API numbers them.
const (
	hookInitializer = 1
	hookPreStop     = 2
)

// memoryLimit is what the deployed function has.
const memoryLimit = 128 << 20

// instance returns one that runs nothing and is not frozen.
func (s *stage) instance(t *testing.T) *instance {
	t.Helper()
	used, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}
	idle, err := s.function.acquire(used)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.function.release(idle) })
	return idle
}

// httpPayload is the event of a request, as the front makes it.
func httpPayload(t *testing.T, requestID, path string, query map[string]string) []byte {
	t.Helper()
	payload, err := json.Marshal(httpEvent{
		Version: "v1", RawPath: path, Headers: map[string]string{}, QueryParameters: query,
		RequestContext: requestContext{RequestID: requestID, HTTP: httpContext{Method: http.MethodGet, Path: path, Protocol: "HTTP/1.1", SourceIP: "127.0.0.1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// httpAnswer reads what the function answered to such an event.
func httpAnswer(t *testing.T, end outcome) (status int, body string) {
	t.Helper()
	var result httpResult
	if err := json.Unmarshal(end.payload, &result); err != nil || end.ending != succeeded || result.StatusCode == nil || result.Body == nil {
		t.Errorf("got the ending %d, %s", end.ending, end.payload)
		return 0, ""
	}
	return *result.StatusCode, *result.Body
}

// TestBuiltHooks: the function has no lifecycle hooks, and says so where one is
// configured all the same. It lives on.
func TestBuiltHooks(t *testing.T) {
	s := start(t, options{})
	id := s.createTask(t, "seconds=0")
	s.get(t, "/tasks/"+id)
	i := s.instance(t)
	for hook, want := range map[int]string{hookInitializer: "no initializer handler registered", hookPreStop: "no prestop handler registered"} {
		used, _ := s.keys.issue() // cannot fail
		end := i.invoke(&invocation{requestID: fmt.Sprintf("1-hook-%d", hook), hook: hook, timeout: 5 * time.Second, credentials: used, ended: make(chan outcome, 1)})
		if end.ending != failed || !strings.Contains(string(end.payload), want) {
			t.Errorf("hook %d: got the ending %d, %s", hook, end.ending, end.payload)
		}
		if !i.alive() {
			t.Fatalf("hook %d ended the process", hook)
		}
		end = i.invoke(&invocation{requestID: "1-after", payload: httpPayload(t, "1-after", "/tasks/"+id, nil), timeout: 5 * time.Second, credentials: used, ended: make(chan outcome, 1)})
		if status, body := httpAnswer(t, end); status != http.StatusOK || !strings.Contains(body, id) {
			t.Errorf("after hook %d: got %d %s", hook, status, body)
		}
	}
	if calls := s.counts(t).Tasks[id]; calls != 1 {
		t.Errorf("CloudSSO was asked %d times: what was remembered is lost", calls)
	}
}

// TestBuiltConcurrency has 200 invocations run in one instance, which the SDK
// allows: each is answered about its own task, under its own request id, and with
// its own credentials, be they good or not.
func TestBuiltConcurrency(t *testing.T) {
	s := start(t, options{})
	s.setFault(t, "kind=slow&ms=200") // so that they do run together
	good, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}
	bad := good
	bad.Token += "x"
	i := s.instance(t)
	const invocations = 200
	var group sync.WaitGroup
	for n := range invocations {
		requestID := fmt.Sprintf("1-concurrent-%d", n)
		call := &invocation{requestID: requestID, timeout: 30 * time.Second, credentials: good, ended: make(chan outcome, 1)}
		id, status, wants := s.createTask(t, "seconds=0&status=Failed&reason=of+"+requestID), http.StatusOK, []string{`"failureReason":"of ` + requestID + `"`}
		switch n % 4 {
		case 1:
			id = fmt.Sprintf("t-unknown%dabcd", n)
			status, wants = http.StatusNotFound, []string{"/problems/not-found", `"requestId":"` + requestID + `"`}
		case 2:
			call.credentials = bad
			status, wants = http.StatusBadGateway, []string{badCredentials, `"requestId":"` + requestID + `"`}
		}
		call.payload = httpPayload(t, requestID, "/tasks/"+id, nil)
		group.Go(func() {
			got, body := httpAnswer(t, i.invoke(call))
			for _, want := range wants {
				if got != status || !strings.Contains(body, want) {
					t.Errorf("%s: got %d %s, want %d with %s", requestID, got, body, status, want)
				}
			}
		})
	}
	group.Wait()
	if r := s.get(t, "/tasks/"+s.createTask(t, "seconds=0")); r.status != http.StatusOK {
		t.Errorf("afterwards: got %d %s", r.status, r.body)
	}
}

// peakMemory is the most that a process has had in memory so far.
func peakMemory(t *testing.T, i *instance) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.process.Process.Pid))
	if err != nil {
		t.Skip(err) // not Linux
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ = strings.Cut(line, "kB")
	kB, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return kB << 10
}

// TestBuiltMemory: nothing that CloudSSO or a caller sends makes one instance
// larger than its memory.
func TestBuiltMemory(t *testing.T) {
	for _, test := range []struct {
		name     string
		fault    string
		together int
		query    func(ids []string) (path string, query map[string]string)
		tasks    int
	}{
		{"at rest", "", 1, nil, 1},
		{"a board of 20 tasks, each answer huge", "kind=huge", 1, board, 20},
		{"200 invocations together, each answer huge", "kind=huge", 200, nil, 1},
		{"200 boards of 20 tasks together", "", 200, board, 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, options{})
			used, err := s.keys.issue()
			if err != nil {
				t.Fatal(err)
			}
			if test.fault != "" {
				s.setFault(t, test.fault)
			}
			i := s.instance(t)
			var group sync.WaitGroup
			for n := range test.together {
				ids := s.createTasks(t, test.tasks)
				path, query := "/tasks/"+ids[0], map[string]string(nil)
				if test.query != nil {
					path, query = test.query(ids)
				}
				requestID := fmt.Sprintf("1-memory-%d", n)
				call := &invocation{requestID: requestID, payload: httpPayload(t, requestID, path, query), timeout: 30 * time.Second, credentials: used, ended: make(chan outcome, 1)}
				group.Go(func() { httpAnswer(t, i.invoke(call)) })
			}
			group.Wait()
			peak := peakMemory(t, i)
			t.Logf("peak %d MB", peak>>20)
			if peak >= memoryLimit {
				t.Errorf("the process had %d MB, want less than %d", peak>>20, memoryLimit>>20)
			}
		})
	}
}

// TestBuiltMemoryOfBody: what anybody may post, who needs no permission for it, does not
// fill the instance either.
func TestBuiltMemoryOfBody(t *testing.T) {
	s := start(t, options{})
	used, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}
	i := s.instance(t)
	const most = 32 << 20 // that Function Compute takes
	for n := range 2 {
		body := strings.Repeat("x", most)
		payload, err := json.Marshal(httpEvent{
			Version: "v1", RawPath: "/tasks", Headers: map[string]string{}, Body: body,
			RequestContext: requestContext{HTTP: httpContext{Method: http.MethodPost, Path: "/tasks", Protocol: "HTTP/1.1", SourceIP: "127.0.0.1"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		call := &invocation{requestID: fmt.Sprintf("1-body-%d", n), payload: payload, timeout: 30 * time.Second, credentials: used, ended: make(chan outcome, 1)}
		if status, answer := httpAnswer(t, i.invoke(call)); status != http.StatusRequestEntityTooLarge {
			t.Errorf("got %d %s", status, answer)
		}
	}
	peak := peakMemory(t, i)
	t.Logf("peak %d MB", peak>>20)
	if peak >= memoryLimit {
		t.Errorf("the process had %d MB, want less than %d", peak>>20, memoryLimit>>20)
	}
}

// createTasks makes so many tasks and returns their ids.
func (s *stage) createTasks(t *testing.T, count int) []string {
	t.Helper()
	tasks, _ := s.cloudSSO.order(taskSpec{directory: s.cloudSSO.directories[0], taskType: createAssignment, length: time.Minute}, count)
	var ids []string
	for _, created := range tasks {
		ids = append(ids, created.id)
	}
	return ids
}

// board is the page of several tasks.
func board(ids []string) (string, map[string]string) {
	return "/tasks", map[string]string{"id": strings.Join(ids, ",")}
}
