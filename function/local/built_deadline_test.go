package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestBuiltOneSecond: an invocation that may last a second, and CloudSSO says
// nothing. Whoever asks has a whole answer before Function Compute ends it, which
// would leave him with nothing and the next with a cold start.
func TestBuiltOneSecond(t *testing.T) {
	s := start(t, options{timeout: time.Second, instances: 2, env: map[string]string{"RECENT_TASKS": "on"}})
	id, other := s.createTask(t, "seconds=60"), s.createTask(t, "seconds=60")
	s.get(t, "/healthz") // a process that starts is not what this is about
	s.setFault(t, "kind=stall")
	timeout := `"type":"/problems/timeout"`
	for _, test := range []struct {
		name   string
		ask    func() reply
		status int
		want   string
	}{
		{"JSON", func() reply { return s.get(t, "/tasks/"+id) }, 504, timeout},
		{"text", func() reply { return s.get(t, "/tasks/"+id+".txt") }, 504, "timeout"},
		{"page", func() reply { return s.get(t, "/tasks/"+id, "Accept", "text/html") }, 504, "CloudSSO took too long"},
		{"a wait", func() reply { return s.get(t, "/tasks/"+id+"?wait=20") }, 504, timeout},
		{"several", func() reply { return s.get(t, "/tasks?wait=20&id="+id+","+other) }, 200, `"problem":{` + timeout},
		{"the recent ones", func() reply { return s.get(t, "/tasks") }, 504, timeout},
		{"invocation", func() reply { return s.invoke(t, `{"taskId":"`+id+`","wait":20}`) }, 200, `{"errorMessage":"CloudSSO took too long"`},
		{"posted question", func() reply {
			return s.send(t, http.MethodPost, "/events", `{"taskId":"`+id+`","wait":20}`, "Content-Type", "application/json", "Authorization", "Bearer "+localToken)
		}, 504, timeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := test.ask()
			if r.status != test.status || !strings.Contains(r.body, test.want) || strings.Contains(r.body, "Function time out") {
				t.Errorf("got %d %v %s; want %d with %s", r.status, r.header, r.body, test.status, test.want)
			}
			if test.status == http.StatusGatewayTimeout && r.header.Get("X-Fc-Error-Type") != "" {
				t.Errorf("this is no answer of the function's own: %v", r.header)
			}
		})
	}
	t.Run("chat", func(t *testing.T) {
		for _, platform := range chatNames {
			said := s.say(t, platform, "task "+id+" en")
			told := said.Status == http.StatusOK && len(said.Messages) == 1 && said.Messages[0].Status == "shown"
			// So that the platform asks again, which has the answer posted.
			own := strings.Contains(said.Body, "/problems/internal")
			if !told && !own {
				t.Errorf("%s: got %+v", platform, said)
			}
		}
	})
	s.clearFaults(t)
	if r := s.get(t, "/tasks/"+id); r.status != http.StatusOK || !strings.Contains(r.body, `"status":"InProgress"`) {
		t.Errorf("afterwards: got %d %s", r.status, r.body)
	}
}
