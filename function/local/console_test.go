package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestCreateTasks(t *testing.T) {
	s := start(t, options{binary: noFunction, env: map[string]string{"CLOUDSSO_DIRECTORY_ID": "d-first0,d-second"}})
	for _, test := range []struct {
		name, query string
		want        []string // parts of GetTask's answer
		answer      string   // the beginning of the creator's, past the request id
	}{
		{"as it comes", "", []string{`"TaskType":"CreateAccessAssignment"`, `"Status":"InProgress"`}, `"Task":{`},
		{"failed", "seconds=0&status=Failed&reason=%3Cb%3E", []string{`"Status":"Failed"`, `"FailureReason":"\u003cb\u003e"`}, `"Task":{`},
		{"failed with some reason", "seconds=0&status=Failed", []string{`"Status":"Failed"`, `"FailureReason":"`}, `"Task":{`},
		{"old", "age=3600&seconds=1.5&status=Success&type=DeleteAccessAssignment", []string{`"Status":"Success"`}, `"Task":{`},
		{"old and open", "age=3600&seconds=7200", []string{`"Status":"InProgress"`}, `"Task":{`},
		{"several", "count=3", nil, `"Tasks":[{`},
		{"provisioning", "type=ProvisionAccessConfiguration", []string{`"TaskType":"ProvisionAccessConfiguration"`}, `"Tasks":[{`},
		{"second directory", "directory=d-second", nil, `"Task":{`},
	} {
		t.Run(test.name, func(t *testing.T) {
			directory := "d-first0"
			if strings.Contains(test.query, "d-second") {
				directory = "d-second"
			}
			r := s.order(t, http.MethodPost, "/tasks?"+test.query, "")
			if !strings.Contains(r.body, test.answer) {
				t.Errorf("got %s", r.body)
			}
			if test.name == "several" {
				if got := strings.Count(r.body, `"TaskId"`); got != 3 {
					t.Errorf("got %d tasks", got)
				}
			}
			id := s.createTask(t, test.query)
			asked := s.call(t, "Action", "GetTask", "DirectoryId", directory, "TaskId", id)
			for _, want := range test.want {
				if asked.status != http.StatusOK || !strings.Contains(asked.body, want) {
					t.Errorf("%s is not in %d %s", want, asked.status, asked.body)
				}
			}
		})
	}
	for _, query := range []string{"type=x", "status=Done", "seconds=-1", "seconds=x", "age=x", "age=NaN", "count=0", "count=1001", "directory=d-third0"} {
		if r := do(t, http.MethodPost, s.consoleURL+"/tasks?"+query, ""); r.status != http.StatusBadRequest || !strings.Contains(r.body, `"error":`) {
			t.Errorf("%s: got %+v", query, r)
		}
	}
}

func TestCredentials(t *testing.T) {
	s := start(t, options{binary: noFunction})
	read := func(r reply) (issued struct{ Code, AccessKeyID, AccessKeySecret, SecurityToken, Expiration string }) {
		decode(t, r.body, &issued)
		return issued
	}
	first := read(s.order(t, http.MethodGet, "/credentials", ""))
	current, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}
	if first.Code != "Success" || first.AccessKeyID != current.ID || first.AccessKeySecret != current.Secret || first.SecurityToken != current.Token || first.Expiration == "" {
		t.Errorf("got %+v", first)
	}
	second := read(s.order(t, http.MethodPost, "/credentials/rotate", ""))
	if second.AccessKeyID == first.AccessKeyID || read(s.order(t, http.MethodGet, "/credentials", "")) != second {
		t.Errorf("got %+v", second)
	}
}

// TestSkew: the gateways' clock can be set, and they date and judge by it.
func TestSkew(t *testing.T) {
	s := start(t, options{binary: noFunction})
	for _, test := range []struct {
		ahead string
		code  string
	}{
		{"20m", "InvalidTimeStamp.Expired"},
		{"-20m", "InvalidTimeStamp.Expired"},
		{"-10m", "EntityNotExists.Task"},
		{"0", "EntityNotExists.Task"},
	} {
		t.Run(test.ahead, func(t *testing.T) {
			s.order(t, http.MethodPost, "/clock?ahead="+test.ahead, "")
			r := s.call(t, "Action", "GetTask", "DirectoryId", defaultDirectory, "TaskId", "t-1")
			if !strings.Contains(r.body, `"Code":"`+test.code+`"`) {
				t.Errorf("got %s, want %s", r.body, test.code)
			}
			ahead, _ := time.ParseDuration(test.ahead)
			if at, err := http.ParseTime(r.header.Get("Date")); err != nil || time.Until(at.Add(-ahead)).Abs() > time.Minute {
				t.Errorf("the answer is dated %s", r.header.Get("Date"))
			}
		})
	}
	if r := do(t, http.MethodPost, s.consoleURL+"/clock?ahead=x", ""); r.status != http.StatusBadRequest {
		t.Errorf("no duration: got %+v", r)
	}
}

// TestWithdraw: without a role there is no key, and the earlier ones are over.
func TestWithdraw(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	used, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}
	s.order(t, http.MethodDelete, "/credentials", "")
	for _, do := range []string{"context", "environ"} {
		if r := s.invoke(t, `{"do":"`+do+`"}`); strings.Contains(r.body, "STS.") || strings.Contains(r.body, "CAIS") {
			t.Errorf("%s: got %s", do, r.body)
		}
	}
	refused := send(t, sign(t, s.cloudSSOURL, used, s.cloudSSO.now(), "Action", "GetTask", "DirectoryId", defaultDirectory, "TaskId", "t-1"))
	if !strings.Contains(refused.body, "InvalidSecurityToken.Expired") {
		t.Errorf("the old key: got %s", refused.body)
	}
	s.rotate(t, false)
	if r := s.invoke(t, `{"do":"context"}`); !strings.Contains(r.body, "STS.") {
		t.Errorf("given back: got %s", r.body)
	}
}
