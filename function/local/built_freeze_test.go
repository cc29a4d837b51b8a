package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// closeIdle ends the connections that the stand-ins' clients keep, as the load
// balancers before the real ones do after a while.
func (s *stage) closeIdle() {
	for _, server := range s.servers {
		server.SetKeepAlivesEnabled(false)
		server.SetKeepAlivesEnabled(true)
	}
}

// TestBuiltThaw: between two invocations the instance is stopped, and all its
// connections end without its noticing. Nobody else notices either, and nobody is
// told a thing twice.
func TestBuiltThaw(t *testing.T) {
	thaw(t, func(s *stage) { s.closeIdle() })
}

func thaw(t *testing.T, pause func(*stage)) {
	s := start(t, options{})
	const rounds = 3
	for round := range rounds {
		before := s.counts(t)
		id := s.createTask(t, "seconds=0&status=Failed&reason=No+Permission.")
		r := s.get(t, "/tasks/"+id)
		if r.status != http.StatusOK || !strings.Contains(r.body, "No Permission.") {
			t.Errorf("round %d: got %d %s", round, r.status, r.body)
		}
		pause(s)
		for _, platform := range chatNames {
			said := s.say(t, platform, "task "+id+" en")
			if said.Status != http.StatusOK || len(said.Messages) != 1 || said.Messages[0].Status != "shown" || !strings.Contains(said.Messages[0].Text, "No Permission.") {
				t.Errorf("round %d, %s: got %+v", round, platform, said)
			}
		}
		pause(s)
		// A check asks for itself, and posts to the webhooks.
		s.clearMessages(t)
		var answer checkAnswer
		decode(t, s.invoke(t, `{"taskId":"`+id+`","notify":true}`).body, &answer)
		if !slices.Equal(answer.Told, receiverNames) {
			t.Errorf("round %d: told %q", round, answer.Told)
		}
		for _, name := range receiverNames {
			if messages := s.messages(t, name); len(messages) != 1 || messages[0].Status != "shown" {
				t.Errorf("round %d, %s: got %+v", round, name, messages)
			}
		}
		pause(s)
		open := s.createTask(t, "seconds=1&status=Failed")
		if said := s.say(t, "slack", "wait "+open+" en"); len(said.Messages) != 1 || !strings.Contains(said.Messages[0].Text, "You will be told here when it has ended") {
			t.Errorf("round %d, wait: got %+v", round, said)
		}
		s.later(t, "slack")
		s.clearMessages(t)
		after := s.counts(t)
		if calls, connections := after.Tasks[id], after.Connections-before.Connections; calls != 2 || connections == 0 {
			t.Errorf("round %d: %d calls, %d new connections to CloudSSO; want 2, and some", round, calls, connections)
		}
		pause(s)
	}
	if logged := functionLog(s); strings.Contains(logged, `"level":"ERROR"`) {
		t.Errorf("an error was logged: %s", logged)
	}
}
