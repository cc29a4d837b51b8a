package main

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// These tests have the function check tasks that nobody asks about, as it is
// deployed: after events, by a timer, and where a pipeline wants the team told.

// A checkAnswer is what a check answers.
type checkAnswer struct {
	Tasks   []struct{ TaskID, Status string }
	Done    bool
	Counts  struct{ Failed, InProgress, Success, Unknown int }
	Told    []string
	Ignored int
}

// told waits until every receiver shows a message that holds the text, and
// returns those of each.
func (s *stage) told(t testing.TB, text string) map[string][]chatEntry {
	t.Helper()
	found := make(map[string][]chatEntry)
	eventually(t, "all are told of "+text, func() bool {
		for _, name := range receiverNames {
			found[name] = slices.DeleteFunc(s.messages(t, name), func(m chatEntry) bool {
				return m.Status != "shown" || !bytes.Contains(m.Raw, []byte(text))
			})
			if len(found[name]) == 0 {
				return false
			}
		}
		return true
	})
	return found
}

// silent waits for the end of all asynchronous invocations, and fails the test
// where anybody was told of anything.
func (s *stage) silent(t testing.TB) destinationLists {
	t.Helper()
	sent := s.ended(t)
	for _, m := range s.messages(t, "") {
		t.Errorf("told on %s: %s", m.Platform, m.Text)
	}
	return sent
}

func TestBuiltCheckEvent(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{eventsOn, eventsNoTaskID} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{events: mode})
			failed := s.createTask(t, "seconds=2&status=Failed&reason=No+Permission.")
			ends := time.Now().Add(2 * time.Second)
			for name, messages := range s.told(t, failed) {
				m := messages[0]
				if len(messages) != 1 || !strings.Contains(m.Text, "No Permission.") || m.Via != viaWebhook && m.Via != "webhook" {
					t.Errorf("%s: got %+v", name, messages)
				}
				// CloudSSO's times have whole seconds.
				if m.At.Before(ends.Add(-time.Second)) {
					t.Errorf("%s: told at %v, before the end", name, m.At)
				}
				if name != "webhook" && m.Button != nil && m.Button.URL != s.frontURL+"/tasks/"+failed {
					t.Errorf("%s: the button leads to %s", name, m.Button.URL)
				}
			}
			sent := s.ended(t)
			if len(sent.OnSuccess) != 1 || len(sent.OnFailure) != 0 {
				t.Fatalf("got %+v", sent)
			}
			var answer checkAnswer
			decode(t, sent.OnSuccess[0].ResponsePayload, &answer)
			if len(answer.Tasks) != 1 || answer.Tasks[0].Status != statusFailed || !answer.Done || answer.Counts.Failed != 1 || len(answer.Told) != len(receiverNames) {
				t.Errorf("got %s", sent.OnSuccess[0].ResponsePayload)
			}
			if calls := s.counts(t).Tasks[failed]; calls > 4 {
				t.Errorf("%d calls for a task of 2 s", calls)
			}
		})
	}
}

// TestBuiltCheckSilence: what went well, and what is no business of ours, is told to
// nobody, unless it is to be.
func TestBuiltCheckSilence(t *testing.T) {
	t.Parallel()
	s := start(t, options{events: eventsOn})
	s.createTask(t, "seconds=0&status=Success")
	for _, event := range []string{
		`{"eventName":"UpdateUser","requestParameters":{"DirectoryId":"` + defaultDirectory + `"}}`,
		`{"eventName":"CreateAccessAssignment","errorCode":"NoPermission","requestParameters":{"DirectoryId":"` + defaultDirectory + `"}}`,
		`{"eventName":"CreateAccessAssignment","requestParameters":{"DirectoryId":"d-00xz91nf0000"},"responseElements":{"Task":{"TaskId":"t-shfqw1u1edszvxw5abcd"}}}`,
	} {
		s.order(t, http.MethodPost, "/event", event, "X-Fc-Invocation-Type", "Async")
	}
	if sent := s.silent(t); len(sent.OnSuccess) != 4 || len(sent.OnFailure) != 0 {
		t.Errorf("got %+v", sent)
	}

	finished := start(t, options{events: eventsOn, env: map[string]string{"NOTIFY_ON": "finished"}})
	finished.told(t, finished.createTask(t, "seconds=0&status=Success"))
}

// TestBuiltCheckFaults: whatever happens on the way, the failure is told.
func TestBuiltCheckFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		play func(t *testing.T, s *stage) (id string)
		// most is how often each is told at the most.
		most int
	}{
		{"CloudSSO throttles", func(t *testing.T, s *stage) string {
			s.setFault(t, "kind=throttle400&count=5")
			return s.createTask(t, "seconds=1&status=Failed")
		}, 1},
		{"CloudSSO is out of order", func(t *testing.T, s *stage) string {
			s.setFault(t, "kind=error500&count=2")
			return s.createTask(t, "seconds=1&status=Failed")
		}, 1},
		{"a chat is down", func(t *testing.T, s *stage) string {
			s.setChatFault(t, "platform=slack&kind=down")
			id := s.createTask(t, "seconds=0&status=Failed")
			eventually(t, "the chat was tried", func() bool { return len(s.messages(t, "slack")) > 0 })
			s.clearChatFaults(t)
			return id
		}, 1},
		{"the instance is killed mid-wait", func(t *testing.T, s *stage) string {
			id := s.createTask(t, "seconds=3&status=Failed")
			eventually(t, "it waits", func() bool { return s.counts(t).Tasks[id] > 0 })
			s.order(t, http.MethodPost, "/instances/kill", "")
			return id
		}, 1},
		{"the event comes five times", func(t *testing.T, s *stage) string {
			s.order(t, http.MethodPost, "/events?copies=5", "")
			return s.createTask(t, "seconds=1&status=Failed")
		}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{events: eventsOn})
			id := test.play(t, s)
			told := s.told(t, id)
			if sent := s.ended(t); len(sent.OnFailure) != 0 {
				t.Errorf("got %+v", sent.OnFailure)
			}
			for _, name := range receiverNames {
				if n := len(told[name]); n > test.most {
					t.Errorf("%s: told %d times", name, n)
				}
			}
		})
	}
}

// TestBuiltCheckGivesUp: a task that does not end is tried nine times, and then it is
// told that nobody watches it any longer.
func TestBuiltCheckGivesUp(t *testing.T) {
	t.Parallel()
	s := start(t, options{after: new(gaps).After})
	open := s.createTask(t, "seconds=3600&age=3000")
	s.invokeLater(t, `{"taskId":"`+open+`","notify":true,"wait":0.1}`)
	for name, messages := range s.told(t, open) {
		if text := messages[0].Text; len(messages) != 1 || name != "webhook" && !strings.Contains(text, "50 min") && !strings.Contains(text, "50 分钟") || name == "webhook" && messages[0].Title != "tasks.open" {
			t.Errorf("%s: got %+v", name, messages)
		}
	}
	sent := s.ended(t)
	if len(sent.OnFailure) != 1 || sent.OnFailure[0].RequestContext.InvokeCount != maxRetries+1 || !strings.Contains(sent.OnFailure[0].ResponsePayload, "1 of 1 tasks not ended yet: "+open) {
		t.Errorf("got %+v", sent)
	}
}

// TestBuiltCheckFailsLoudly: nobody can be told, and that is said.
func TestBuiltCheckFailsLoudly(t *testing.T) {
	t.Parallel()
	s := start(t, options{async: queueConfig{retries: -1}, env: map[string]string{"CHECK_RETRIES": "0"}})
	s.setChatFault(t, "platform=dingtalk&kind=badsign")
	id := s.createTask(t, "seconds=0&status=Failed")
	s.invokeLater(t, `{"taskId":"`+id+`","notify":true}`)
	sent := s.ended(t)
	if len(sent.OnFailure) != 1 || !strings.Contains(sent.OnFailure[0].ResponsePayload, "not everybody was told: dingtalk: errcode 310000: the signature does not match") {
		t.Errorf("got %+v", sent)
	}
	if logged := s.log.String(); !strings.Contains(logged, `"level":"ERROR","msg":"invocation"`) || !strings.Contains(logged, `"outcome":"failed","error":"not everybody was told: `) || strings.Contains(logged, "access_token") {
		t.Error("it is not logged, or too much is")
	}
}

// TestBuiltNotify: a pipeline waits, and has the team told.
func TestBuiltNotify(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	failed, well := s.createTask(t, "seconds=1&status=Failed"), s.createTask(t, "seconds=1&status=Success")
	var answer checkAnswer
	decode(t, s.invoke(t, `{"Tasks":[{"TaskId":"`+failed+`"},{"TaskId":"`+well+`"}],"DirectoryId":"`+defaultDirectory+`","notify":true}`).body, &answer)
	if !answer.Done || answer.Counts.Failed != 1 || answer.Counts.Success != 1 || !slices.Equal(answer.Told, receiverNames) {
		t.Errorf("got %+v", answer)
	}
	s.told(t, failed)
	if r := s.invoke(t, `{"taskId":"`+well+`","directoryId":"d-00xz91nf0000","notify":true}`); r.header.Get("X-Fc-Error-Type") == "" || !strings.Contains(r.body, "Not allowed") {
		t.Errorf("got %s", r.body)
	}
}

// sweepTime is when a tick is due whose hour has this moment in it.
func sweepTime() string {
	return url.QueryEscape(time.Now().Add(31 * time.Second).Truncate(time.Hour).Add(time.Hour).UTC().Format(time.RFC3339))
}

// TestBuiltSweep: 300 tasks that fail in one tick are one message, which every platform takes.
func TestBuiltSweep(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.createTask(t, "count=300&seconds=1&age=2&status=Failed&reason=No+Permission.")
	tick := "/timer?time=" + sweepTime() + "&payload=" + url.QueryEscape(`{"sweep":"1h"}`)
	var answer checkAnswer
	decode(t, s.order(t, http.MethodPost, tick, "").body, &answer)
	if answer.Counts.Failed < 300 || !slices.Equal(answer.Told, receiverNames) {
		t.Errorf("counted %+v, told %q", answer.Counts, answer.Told)
	}
	for _, name := range receiverNames {
		messages := s.messages(t, name)
		if len(messages) != 1 || messages[0].Status != "shown" || !strings.Contains(messages[0].Text, strconv.Itoa(answer.Counts.Failed)) {
			t.Errorf("%s: got %+v", name, messages)
		}
	}
	if calls := s.counts(t).Calls["ListTasks"]; calls > 20 {
		t.Errorf("%d pages", calls)
	}

	// Twice the same tick is the same message, which is told once by an instance.
	s.order(t, http.MethodPost, tick, "")
	if messages := s.messages(t, "webhook"); len(messages) != 1 {
		t.Errorf("told %d times", len(messages))
	}

	// The digest counts them as well, and what went well.
	s.createTask(t, "count=5&seconds=1&age=2&status=Success")
	due := url.QueryEscape(time.Now().Add(31 * time.Second).Truncate(24 * time.Hour).Add(24 * time.Hour).UTC().Format(time.RFC3339))
	s.order(t, http.MethodPost, "/timer?time="+due+"&payload="+url.QueryEscape(`{"digest":"24h"}`), "")
	messages := s.messages(t, "webhook")
	if m := messages[len(messages)-1]; len(messages) != 2 || m.Title != "tasks.digest" || !strings.Contains(m.Text, `"omitted":`) {
		t.Errorf("got %+v", messages)
	}
	for payload, want := range map[string]string{
		"":               "the timer's payload must be",
		`{"sweep":"1s"}`: "the period in the timer's payload must be",
	} {
		if r := s.order(t, http.MethodPost, "/timer?payload="+url.QueryEscape(payload), ""); !strings.Contains(r.body, want) {
			t.Errorf("%q: got %s", payload, r.body)
		}
	}
}

// TestBuiltEvents: what is posted to /events is checked, if it is known who posts it.
func TestBuiltEvents(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef0123456789abcdef"
	s := start(t, options{env: map[string]string{
		"EVENTS_SECRET": "whsec_" + base64.StdEncoding.EncodeToString([]byte(key)),
		"ACCESS":        "token", "ACCESS_TOKENS": "ci:" + tokenHash("token"),
	}})
	signed := func(body string) []string {
		return webhookSigned(key, "msg_"+strconv.FormatInt(time.Now().UnixNano(), 10), body, time.Now())
	}
	bearer := []string{"Authorization", "Bearer token"}
	event := func(id string) string {
		return `{"specversion":"1.0","id":"1","source":"/ci","type":"com.example.assigned","data":{"taskId":"` + id + `"}}`
	}
	structured := []string{"Content-Type", "application/cloudevents+json"}
	plain := []string{"Content-Type", "application/json"}

	for name, headers := range map[string]func(string) []string{
		"signed":  signed,
		"a token": func(string) []string { return bearer },
	} {
		id := s.createTask(t, "seconds=1&status=Failed")
		body := event(id)
		r := s.send(t, http.MethodPost, "/events", body, append(headers(body), structured...)...)
		if r.status != http.StatusAccepted || r.body != "{\"accepted\":true}\n" {
			t.Errorf("%s: got %d %s", name, r.status, r.body)
		}
		s.told(t, id)
	}

	failed := s.createTask(t, "seconds=1&status=Failed")
	question := `{"taskId":"` + failed + `","wait":10}`
	if r := s.send(t, http.MethodPost, "/events", question, append(signed(question), plain...)...); r.status != http.StatusOK || !strings.Contains(r.body, `"status":"Failed"`) {
		t.Errorf("a question: got %d %s", r.status, r.body)
	}
	for _, m := range s.messages(t, "slack") {
		if strings.Contains(string(m.Raw), failed) {
			t.Error("a question was told to the team")
		}
	}
	told := `{"taskId":"` + failed + `","notify":true}`
	if r := s.send(t, http.MethodPost, "/events", told, append(signed(told), plain...)...); r.status != http.StatusAccepted {
		t.Errorf("to be told: got %d %s", r.status, r.body)
	}
	s.told(t, failed)

	for name, test := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"nobody":            {event(failed), structured, 401},
		"a wrong token":     {event(failed), append([]string{"Authorization", "Bearer x"}, structured...), 401},
		"another body":      {event(failed) + " ", append(signed(event(failed)), structured...), 403},
		"somebody's reply":  {`{"taskId":"` + failed + `","reply":{}}`, append(bearer, plain...), 400},
		"a tick":            {`{"triggerTime":"2026-11-24T00:00:00Z","triggerName":"x","payload":""}`, append(bearer, plain...), 400},
		"not JSON":          {`{`, append(bearer, structured...), 400},
		"too much":          {strings.Repeat("x", 100<<10), append(bearer, structured...), 413},
		"another directory": {`{"taskId":"` + failed + `","directoryId":"d-00xz91nf0000","notify":true}`, append(bearer, plain...), 403},
		"about nothing":     {strings.Replace(event(failed), "taskId", "task_id", 1), append(bearer, structured...), 400},
		"no version":        {`{"specversion":"0.3","id":"1","source":"x","type":"y"}`, append(bearer, structured...), 400},
	} {
		if r := s.send(t, http.MethodPost, "/events", test.body, test.headers...); r.status != test.status {
			t.Errorf("%s: got %d %s, want %d", name, r.status, r.body, test.status)
		}
	}
	s.setRight(t, "deny=fc:InvokeFunction")
	if r := s.send(t, http.MethodPost, "/events", event(failed), append(bearer, structured...)...); r.status != http.StatusServiceUnavailable || !strings.Contains(r.body, "/problems/not-taken") || !strings.Contains(r.body, "fc:InvokeFunction") {
		t.Errorf("not allowed to hand it on: got %d %s", r.status, r.body)
	}
}
