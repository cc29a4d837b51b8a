package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// These tests have the role's credentials end while the function, as it is
// deployed, is at work with them.

// TestBuiltCredentialsEndInAWait: whoever waits is told at once, and who asks
// next, with the credentials of an invocation of its own, is answered.
func TestBuiltCredentialsEndInAWait(t *testing.T) {
	s := start(t, options{})
	for name, ask := range map[string]func(id string) reply{
		"one":        func(id string) reply { return s.get(t, "/tasks/"+id+"?wait=20") },
		"several":    func(id string) reply { return s.get(t, "/tasks?wait=20&id="+id) },
		"invocation": func(id string) reply { return s.invoke(t, `{"taskId":"`+id+`","wait":20}`) },
	} {
		t.Run(name, func(t *testing.T) {
			id := s.createTask(t, "seconds=60")
			answered := make(chan reply, 1)
			began := time.Now()
			go func() { answered <- ask(id) }()
			eventually(t, "it waits", func() bool { return s.counts(t).Tasks[id] > 0 })
			s.rotate(t, true)
			r := <-answered
			if !strings.Contains(r.body, badCredentials) || strings.Contains(r.body, `"status":"InProgress"`) || name == "one" && r.status != http.StatusBadGateway {
				t.Errorf("got %d %s", r.status, r.body)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("answered after %v of 20 s", took)
			}
			if r := s.get(t, "/tasks/"+id); r.status != http.StatusOK || !strings.Contains(r.body, `"status":"InProgress"`) {
				t.Errorf("afterwards: got %d %s", r.status, r.body)
			}
		})
	}
}

// TestBuiltCredentialsEndInACheck: nobody waits for a check, so that the next
// attempt goes on, with credentials of its own, and the team hears of the end.
func TestBuiltCredentialsEndInACheck(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	id := s.createTask(t, "seconds=4&status=Failed&reason=No+Permission.")
	s.invokeLater(t, `{"taskId":"`+id+`","notify":true}`)
	eventually(t, "it waits", func() bool { return s.counts(t).Tasks[id] > 0 })
	s.rotate(t, true)
	for name, messages := range s.told(t, id) {
		if len(messages) != 1 || !strings.Contains(messages[0].Text, "No Permission.") {
			t.Errorf("%s: got %+v", name, messages)
		}
	}
	if sent := s.ended(t); len(sent.OnFailure) != 0 || len(sent.OnSuccess) != 1 {
		t.Errorf("got %+v", sent)
	}
}

// TestBuiltCredentialsEndInAChat: where what was promised cannot be kept, it is
// said why not.
func TestBuiltCredentialsEndInAChat(t *testing.T) {
	t.Parallel()
	s := start(t, options{instances: 2})
	id := s.createTask(t, "seconds=4&status=Failed&reason=No+Permission.")
	if said := s.say(t, "slack", "wait "+id+" en"); len(said.Messages) != 1 || !strings.Contains(said.Messages[0].Text, "You will be told here") {
		t.Fatalf("got %+v", said)
	}
	eventually(t, "it waits", func() bool { return s.counts(t).Tasks[id] > 1 })
	s.rotate(t, true)
	m := s.later(t, "slack")
	if m.Status != "shown" || !strings.Contains(m.Text, badCredentials) {
		t.Errorf("told %+v", m)
	}
}
