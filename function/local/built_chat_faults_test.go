package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// These tests have the chats be slow or refuse, while the function, as it is
// deployed, posts to them.

// TestBuiltChatSlow: a platform that does not take an answer keeps nobody
// waiting for longer than it would itself.
func TestBuiltChatSlow(t *testing.T) {
	t.Parallel()
	const limit = 2500 // ms
	s := start(t, options{instances: 2})
	id := s.createTask(t, "seconds=0&status=Failed&reason=No+Permission.")
	for _, platform := range []string{"dingtalk", "feishu"} {
		s.setChatFault(t, "platform="+platform+"&kind=stall")
		said := s.say(t, platform, "task "+id+" en")
		switch {
		case said.Millis >= limit:
			t.Errorf("%s: answered after %d ms", platform, said.Millis)
		case platform == "feishu" && (said.Status != http.StatusInternalServerError || strings.Contains(said.Body, "No Permission.")):
			t.Errorf("%s: got %+v", platform, said) // it asks again
		case platform == "dingtalk" && (len(said.Messages) == 0 || !strings.Contains(said.Messages[len(said.Messages)-1].Title, "The answer could not be posted here")):
			t.Errorf("%s: got %+v", platform, said)
		}
		s.clearChatFaults(t)
		said = s.say(t, platform, "task "+id+" en")
		if said.Status != http.StatusOK || len(said.Messages) != 1 || said.Messages[0].Status != "shown" || !strings.Contains(said.Messages[0].Text, "No Permission.") {
			t.Errorf("%s, afterwards: got %+v", platform, said)
		}
	}
}

// TestBuiltNotifyFaults: whichever chat does not take a notice, all others have
// theirs, once; it has it later, or whoever runs the function is told why not.
func TestBuiltNotifyFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, platform, fault string
		problem               string // empty: all have it in the end
	}{
		{"slow once", "wecom", "kind=stall&count=1", ""},
		{"a lost connection", "feishu", "kind=reset&count=1", ""},
		{"too much for it once", "webhook", "kind=ratelimit&count=1", ""},
		{"out of order once", "webhook", "kind=error500&count=1", ""},
		{"removed", "webhook", "kind=gone", "webhook: HTTP 410: there is no such webhook"},
		{"another secret", "webhook", "kind=badsignature", "webhook: HTTP 401: the signature does not match"},
		{"moved", "dingtalk", "kind=redirect", "dingtalk: HTTP 302: the address leads elsewhere, and no redirect is followed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{async: queueConfig{retries: -1}})
			s.setChatFault(t, "platform="+test.platform+"&"+test.fault)
			id := s.createTask(t, "seconds=0&status=Failed&reason=No+Permission.")
			s.invokeLater(t, `{"taskId":"`+id+`","notify":true}`)
			// A post that is not answered is given up after 15 s.
			within(t, time.Minute, "the check is over", func() bool { return s.queued(t) == queueState{} })
			sent := s.ended(t)
			if (len(sent.OnFailure) == 1) != (test.problem != "") || len(sent.OnFailure) == 1 && !strings.Contains(sent.OnFailure[0].ResponsePayload, "not everybody was told: "+test.problem) {
				t.Errorf("got %+v", sent)
			}
			for _, name := range receiverNames {
				shown := 0
				for _, m := range s.messages(t, name) {
					if m.Status == "shown" && strings.Contains(string(m.Raw), id) {
						shown++
					}
				}
				if want := name != test.platform || test.problem == ""; (shown == 1) != want || shown > 1 {
					t.Errorf("%s: told %d times", name, shown)
				}
			}
		})
	}
}
