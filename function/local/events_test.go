package main

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// A sentEvent is what an event says, as the function gets it.
type sentEvent struct {
	ID, Source, Type string
	Data             struct {
		EventName, RequestID string
		RequestParameters    map[string]string
		ResponseElements     map[string]any
	}
}

// sentEvents returns the events that came.
func sentEvents(t *testing.T, s *stage) []sentEvent {
	t.Helper()
	var events []sentEvent
	for _, sent := range s.ended(t).OnSuccess {
		var event sentEvent
		decode(t, sent.RequestPayload, &event)
		if event.ID == "" || event.Source != "acs.cloudsso" || event.Type != "cloudsso:ActionTrail:ApiCall" {
			t.Errorf("got %s", sent.RequestPayload)
		}
		events = append(events, event)
	}
	return events
}

func TestEventsOfOrders(t *testing.T) {
	for _, test := range []struct {
		name, mode, query string
		events, tasks     int // tasks of the first event
	}{
		{"off", "mode=off", "", 0, 0},
		{"assignment", "mode=on", "", 1, 1},
		{"three assignments", "mode=on", "count=3", 3, 1},
		{"copies", "mode=on&copies=3", "type=DeleteAccessAssignment", 3, 1},
		{"three provisionings", "mode=on", "type=ProvisionAccessConfiguration&count=3", 1, 3},
		{"no task's id", "mode=no-task-id", "", 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, options{binary: echo(t)})
			s.order(t, http.MethodPost, "/events?"+test.mode, "")
			answer := s.order(t, http.MethodPost, "/tasks?"+test.query, "").body
			events := sentEvents(t, s)
			if len(events) != test.events {
				t.Fatalf("got %d events, want %d", len(events), test.events)
			}
			ids := make(map[string]bool)
			for _, event := range events {
				ids[event.ID] = true
				if test.tasks == 0 {
					if event.Data.ResponseElements != nil {
						t.Errorf("got %+v", event)
					}
				} else if !strings.Contains(answer, firstTaskID(event)) {
					t.Errorf("got %+v, which is not of %s", event, answer)
				}
				parameters := event.Data.RequestParameters
				for _, name := range []string{"DirectoryId", "AccessConfigurationId", "TargetId", "TargetType"} {
					if parameters[name] == "" {
						t.Errorf("%s is not in %v", name, parameters)
					}
				}
				if _, ok := parameters["PrincipalId"]; ok != strings.Contains(event.Data.EventName, "Assignment") {
					t.Errorf("the principal in %v", parameters)
				}
			}
			if strings.Contains(test.mode, "copies") && len(ids) != 1 || !strings.Contains(test.mode, "copies") && len(ids) != test.events {
				t.Errorf("%d events have %d ids", test.events, len(ids))
			}
			if test.tasks > 1 {
				if several, _ := events[0].Data.ResponseElements["Tasks"].([]any); len(several) != test.tasks {
					t.Errorf("got %+v", events[0])
				}
			}
		})
	}
}

// firstTaskID returns a task's id out of an event.
func firstTaskID(event sentEvent) string {
	answer := object(event.Data.ResponseElements)
	if several := answer.objects("Tasks"); len(several) > 0 {
		return several[0].text("TaskId")
	}
	return answer.object("Task").text("TaskId")
}

// TestEventsOfCalls: an event holds what was asked and, to the letter, what was answered.
func TestEventsOfCalls(t *testing.T) {
	s := start(t, options{binary: echo(t), events: eventsOn})
	parameters := map[string]string{
		"DirectoryId": defaultDirectory, "AccessConfigurationId": "ac-1", "PrincipalType": "User", "PrincipalId": "u-1", "TargetType": "RD-Account", "TargetId": "1",
	}
	params := []string{"Action", createAssignment}
	for name, value := range parameters {
		params = append(params, name, value)
	}
	var answer map[string]any
	decode(t, s.call(t, params...).body, &answer)
	events := sentEvents(t, s)
	if len(events) != 1 {
		t.Fatalf("got %d events", len(events))
	}
	data := events[0].Data
	if data.EventName != createAssignment || data.RequestID != answer["RequestId"] || !reflect.DeepEqual(data.RequestParameters, parameters) || !reflect.DeepEqual(data.ResponseElements, answer) {
		t.Errorf("got %+v, want %v in it", data, answer)
	}

	s.order(t, http.MethodDelete, "/destinations", "")
	s.call(t, "Action", provisionConfiguration, "DirectoryId", defaultDirectory, "AccessConfigurationId", "ac-1")
	s.call(t, "Action", createAssignment, "DirectoryId", defaultDirectory) // is refused
	s.call(t, "Action", "ListTasks", "DirectoryId", defaultDirectory)      // creates nothing
	events = sentEvents(t, s)
	if len(events) != 1 || len(object(events[0].Data.ResponseElements).objects("Tasks")) != len(accounts) {
		t.Errorf("got %+v", events)
	}
	if _, ok := events[0].Data.RequestParameters["TargetId"]; ok {
		t.Errorf("got %+v", events[0])
	}
}

func TestEventOrders(t *testing.T) {
	s := start(t, options{binary: echo(t), events: eventsNoTaskID})
	if r := s.order(t, http.MethodGet, "/events", ""); r.body != `{"mode":"no-task-id","copies":1,"events":0}`+"\n" {
		t.Errorf("got %s", r.body)
	}
	for _, query := range []string{"mode=x", "copies=0", "copies=101", "copies=x"} {
		if r := do(t, http.MethodPost, s.consoleURL+"/events?"+query, ""); r.status != http.StatusBadRequest {
			t.Errorf("%s: got %+v", query, r)
		}
	}
	s.createTask(t, "")
	if r := s.order(t, http.MethodPost, "/events?copies=2", ""); r.body != `{"mode":"no-task-id","copies":2,"events":1}`+"\n" {
		t.Errorf("got %s", r.body)
	}
	// One event is more than an asynchronous invocation can carry.
	s.order(t, http.MethodPost, "/events?mode=on&copies=1", "")
	s.createTask(t, "type=ProvisionAccessConfiguration&count=1000")
	if n := len(s.ended(t).OnSuccess); n != 1 || !strings.Contains(s.log.String(), "larger than 128 KB") {
		t.Errorf("%d events came", n)
	}
}

// TestTriggersAsync: a tick and an event by hand can come as they do from their triggers.
func TestTriggersAsync(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	for path, body := range map[string]string{"/timer?payload=x": "", "/event": "{}"} {
		if r := s.order(t, http.MethodPost, path, body, "X-Fc-Invocation-Type", "Async"); r.status != http.StatusAccepted || r.body != "" {
			t.Errorf("%s: got %+v", path, r)
		}
	}
	if n := len(s.ended(t).OnSuccess); n != 2 {
		t.Errorf("%d invocations, want 2", n)
	}
}
