package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// These tests run the function itself, as it is deployed, on the stage.

func TestBuiltStates(t *testing.T) {
	s := start(t, options{})
	for _, test := range []struct {
		name, query      string
		json, text, page []string
		cache            string
	}{
		{"in progress", "seconds=60&type=CreateAccessAssignment",
			[]string{`"taskType":"CreateAccessAssignment"`, `"status":"InProgress"`, `"done":false`},
			[]string{"… In progress: Assign access to an account "},
			[]string{"<h1>Access is being assigned, for "}, "private, no-cache"},
		{"success", "seconds=0&status=Success&type=DeleteAccessAssignment",
			[]string{`"taskType":"DeleteAccessAssignment"`, `"status":"Success"`, `"done":true`, `"durationSeconds":0`},
			[]string{"✓ Success: Remove access from an account "},
			[]string{"<h1>Access was removed in "}, "private, max-age=86400, immutable"},
		{"failed", "seconds=0&status=Failed&reason=No+Permission.&type=ProvisionAccessConfiguration",
			[]string{`"status":"Failed"`, `"done":true`, `"failureReason":"No Permission."`, `"hint":"The service-linked role `},
			[]string{"✕ Failed: Provision access configuration ", ": No Permission. http"},
			[]string{"<h1>The access configuration was not provisioned: failed after ", "No Permission.</blockquote>"},
			"private, max-age=86400, immutable"},
		{"failed, with a reason that would be markup", "seconds=0&status=Failed&reason=%3Cscript%3Ealert(1)%3C/script%3E&type=DeprovisionAccessConfiguration",
			[]string{`"failureReason":"<script>alert(1)</script>"`},
			[]string{": <script>alert(1)</script> http"},
			[]string{"&lt;script&gt;alert(1)&lt;/script&gt;</blockquote>"}, "private, max-age=86400, immutable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			id := s.createTask(t, test.query)
			wants := func(form string, r reply, contentType string, want []string) {
				t.Helper()
				if r.status != http.StatusOK || !strings.HasPrefix(r.header.Get("Content-Type"), contentType) {
					t.Errorf("%s: got %d %s", form, r.status, r.header.Get("Content-Type"))
				}
				for _, part := range append(want, id) {
					if !strings.Contains(r.body, part) {
						t.Errorf("%s: %q is not in %s", form, part, r.body)
					}
				}
			}
			asJSON := s.get(t, "/tasks/"+id)
			wants("JSON", asJSON, "application/json", test.json)
			wants("text", s.get(t, "/tasks/"+id+".txt"), "text/plain", test.text)
			wants("page", s.get(t, "/tasks/"+id, "Accept", "text/html"), "text/html", test.page)
			invoked := s.invoke(t, `{"taskId":"`+id+`"}`)
			// The SDK encodes the result once more, for HTML.
			invoked.body = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(invoked.body)
			wants("invocation", invoked, "application/json", test.json)
			wants("several", s.get(t, "/tasks?id="+id), "application/json", append(test.json, `{"tasks":[{"taskId":"`))
			if got := asJSON.header.Get("Cache-Control"); got != test.cache {
				t.Errorf("Cache-Control is %q, want %q", got, test.cache)
			}
			again := s.get(t, "/tasks/"+id, "If-None-Match", asJSON.header.Get("ETag"))
			if again.status != http.StatusNotModified || again.body != "" {
				t.Errorf("asked again: got %d %q, want 304", again.status, again.body)
			}
		})
	}
}

// TestBuiltWait watches a task from its beginning to its end in one request.
func TestBuiltWait(t *testing.T) {
	s := start(t, options{})
	id := s.createTask(t, "seconds=1.5&status=Failed&reason=No+Permission.")
	if r := s.get(t, "/tasks/"+id); !strings.Contains(r.body, `"done":false`) || r.header.Get("Retry-After") != "1" {
		t.Errorf("at first: got %s, Retry-After %q", r.body, r.header.Get("Retry-After"))
	}
	r := s.get(t, "/tasks/"+id, "Prefer", "wait=10")
	if !strings.Contains(r.body, `"failureReason":"No Permission."`) || r.header.Get("Preference-Applied") != "wait=10" || r.header.Get("Retry-After") != "" {
		t.Errorf("at last: got %s, %v", r.body, r.header)
	}
	if calls := s.counts(t).Tasks[id]; calls > 4 {
		t.Errorf("CloudSSO was asked %d times, want at most 4", calls)
	}
}

// TestBuiltAnswersInTime: CloudSSO falls silent while the function waits, and
// the invocation has little time left. What was seen before is told all the same.
func TestBuiltAnswersInTime(t *testing.T) {
	s := start(t, options{timeout: 8 * time.Second})
	var ids []string
	for range 20 {
		ids = append(ids, s.createTask(t, "seconds=60"))
	}
	answered := make(chan reply, 1)
	go func() { answered <- s.get(t, "/tasks?wait=20&id="+strings.Join(ids, ",")) }()
	eventually(t, "every task was asked for", func() bool { return len(s.counts(t).Tasks) == len(ids) })
	s.setFault(t, "kind=stall")
	if r := <-answered; r.status != http.StatusOK || !strings.Contains(r.body, `"inProgress":20,`) {
		t.Errorf("got %d %s", r.status, r.body)
	}
}

// TestBuiltAsksOnce looks at a finished task from all sides.
func TestBuiltAsksOnce(t *testing.T) {
	s := start(t, options{})
	id := s.createTask(t, "seconds=0")
	for range 50 {
		s.get(t, "/tasks/"+id)
		s.get(t, "/tasks/"+id, "Accept", "text/html")
	}
	if calls := s.counts(t).Tasks[id]; calls != 1 {
		t.Errorf("CloudSSO was asked %d times, want once", calls)
	}
}

func TestBuiltWithNewCredentials(t *testing.T) {
	s := start(t, options{})
	for i := range 3 {
		if r := s.get(t, "/tasks/"+s.createTask(t, "seconds=0")); r.status != http.StatusOK {
			t.Errorf("after %d changes: got %d %s", i, r.status, r.body)
		}
		s.rotate(t, true)
	}
}

// functionLog is what the function logged, without the stand-in's own lines.
func functionLog(s *stage) string {
	var lines strings.Builder
	for line := range strings.Lines(s.log.String()) {
		if strings.HasPrefix(line, "{") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

// TestBuiltFaultOfOne: on a board one failure is one row, not the whole answer.
func TestBuiltFaultOfOne(t *testing.T) {
	s := start(t, options{})
	good := s.createTask(t, "seconds=0&status=Success")
	s.get(t, "/tasks/"+good)
	other := s.createTask(t, "seconds=0")
	s.setFault(t, "kind=nopermission")
	r := s.get(t, "/tasks?id="+good+","+other)
	for _, want := range []string{`"status":"Success"`, `"problem":{"type":"/problems/refused"`, `"success":1,"unknown":1`} {
		if r.status != http.StatusOK || !strings.Contains(r.body, want) {
			t.Errorf("got %d %s, want %s in it", r.status, r.body, want)
		}
	}
}

func TestBuiltAccess(t *testing.T) {
	token := "bot:" + tokenHash("let-me-in")
	for _, test := range []struct {
		name, tokens, header string
		status, calls        int
		detail               string
	}{
		{"nothing configured", "", "Bearer let-me-in", 503, 0, "ACCESS_TOKENS"},
		{"no token sent", token, "", 401, 0, "Authorization: Bearer"},
		{"a wrong token sent", token, "Bearer let-me-out", 401, 0, "Authorization: Bearer"},
		{"the token sent", token, "Bearer let-me-in", 200, 1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, options{env: map[string]string{"ACCESS": "token", "ACCESS_TOKENS": test.tokens}})
			id := s.createTask(t, "seconds=0")
			for _, path := range []string{"/", "/tasks/" + id, "/tasks?id=" + id} {
				if r := s.get(t, path, "Authorization", test.header); r.status != test.status || !strings.Contains(r.body, test.detail) {
					t.Errorf("%s: got %d %s", path, r.status, r.body)
				}
			}
			if r := s.get(t, "/healthz"); r.status != http.StatusOK {
				t.Errorf("/healthz: got %d", r.status)
			}
			if n := s.counts(t).Tasks[id]; n != test.calls {
				t.Errorf("CloudSSO was asked %d times, want %d", n, test.calls)
			}
			if strings.Contains(s.log.String(), "let-me") {
				t.Error("the token is in the log")
			}
		})
	}
}

// TestBuiltMalformedEvents sends what no trigger sends: each gets an answer,
// and the function lives on.
func TestBuiltMalformedEvents(t *testing.T) {
	s := start(t, options{})
	id := s.createTask(t, "seconds=0")
	for _, payload := range []string{
		``, `null`, `0`, `"x"`, `[]`, `{}`, `{`, "\x00", strings.Repeat("[", 100_000),
		`{"version":"v1"}`, `{"version":"v1","rawPath":"//","headers":null}`, `{"version":"v2","rawPath":"/"}`,
		`{"taskId":null}`, `{"taskId":{}}`, `{"taskId":"t-x"}`, `{"taskIds":[]}`, `{"Task":{}}`, `{"taskId":"` + id + `","wait":-1}`,
		`{"triggerTime":"x","triggerName":"y"}`, `{"specversion":"1.0"}`,
	} {
		t.Run(fmt.Sprintf("%.30q", payload), func(t *testing.T) {
			r := s.invoke(t, payload)
			if r.body == "" || strings.Contains(r.body, "panic") || strings.Contains(r.body, "goroutine") || strings.Contains(r.body, "exited") {
				t.Errorf("got %s", r.body)
			}
		})
	}
	if r := s.get(t, "/tasks/"+id); r.status != http.StatusOK {
		t.Errorf("afterwards: got %d %s", r.status, r.body)
	}
}

// TestBuiltManyAtOnce asks through several instances at the same time.
func TestBuiltManyAtOnce(t *testing.T) {
	s := start(t, options{instances: 4})
	var ids []string
	for range 20 {
		ids = append(ids, s.createTask(t, "seconds=0"))
	}
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			if r := s.get(t, "/tasks?id="+strings.Join(ids, ",")); r.status != http.StatusOK || !strings.Contains(r.body, `"done":true`) {
				t.Errorf("request %d: got %d %s", i, r.status, r.body)
			}
		})
	}
	group.Wait()
}

// TestBuiltRecent reads the list of recent tasks to its last page.
func TestBuiltRecent(t *testing.T) {
	s := start(t, options{env: map[string]string{"RECENT_TASKS": "on"}})
	s.order(t, http.MethodPost, "/tasks?count=45&seconds=0&status=Failed&type=DeleteAccessAssignment&reason=No+Permission.", "")
	seen := make(map[string]bool)
	path := "/tasks?status=Failed&type=DeleteAccessAssignment&days=7"
	for pages := 1; path != ""; pages++ {
		r := s.get(t, path)
		var list struct {
			Tasks []struct{ TaskID, Status, TaskType, PrincipalName, TargetName, AccessConfigurationName string }
			Total int
			Next  string
		}
		decode(t, r.body, &list)
		if r.status != http.StatusOK || list.Total != 45 || pages > 3 {
			t.Fatalf("page %d: got %d %s", pages, r.status, r.body)
		}
		for _, listed := range list.Tasks {
			if listed.Status != "Failed" || listed.TaskType != "DeleteAccessAssignment" || listed.PrincipalName == "" || listed.TargetName == "" || listed.AccessConfigurationName == "" {
				t.Errorf("got %+v", listed)
			}
			seen[listed.TaskID] = true
		}
		path = strings.TrimPrefix(list.Next, s.frontURL)
	}
	if len(seen) != 45 {
		t.Errorf("%d tasks, want 45", len(seen))
	}
	if r := s.get(t, "/tasks", "Accept", "text/html"); r.status != http.StatusOK || !strings.Contains(r.body, `rel="next"`) || !strings.Contains(r.body, "tasks in the last 24 hours") {
		t.Errorf("page: got %d %s", r.status, r.body)
	}
	s.setFault(t, "kind=nopermission&action=ListTasks&count=1")
	if r := s.get(t, "/tasks"); r.status != http.StatusBadGateway || !strings.Contains(r.body, "cloudsso:ListTasks") {
		t.Errorf("refused: got %d %s", r.status, r.body)
	}
	if r := start(t, options{}).get(t, "/tasks"); r.status != http.StatusNotFound || !strings.Contains(r.body, "RECENT_TASKS") {
		t.Errorf("off: got %d %s", r.status, r.body)
	}
}

// TestBuiltDetails: names come with a task where the role may see them, and
// where it may not the page is as it was without.
func TestBuiltDetails(t *testing.T) {
	s := start(t, options{env: map[string]string{"TASK_DETAILS": "on"}})
	id := s.createTask(t, "seconds=0&status=Success&type=CreateAccessAssignment")
	if r := s.get(t, "/tasks/"+id); r.status != http.StatusOK || !strings.Contains(r.body, `"principalName":"`) || !strings.Contains(r.body, `"targetName":"`) {
		t.Errorf("got %d %s", r.status, r.body)
	}
	before := s.counts(t).Calls["GetTask"]
	s.setFault(t, "kind=nopermission&action=GetTask&count=100")
	for range 3 {
		id = s.createTask(t, "seconds=0&status=Failed&reason=No+Permission.")
		if r := s.get(t, "/tasks/"+id, "Accept", "text/html"); r.status != http.StatusOK || !strings.Contains(r.body, "No Permission.") || strings.Contains(r.body, "<dt>Who</dt>") {
			t.Errorf("refused: got %d %s", r.status, r.body)
		}
	}
	if calls := s.counts(t).Calls["GetTask"] - before; calls != 1 {
		t.Errorf("%d calls of GetTask by a role that may not, want 1", calls)
	}
}
