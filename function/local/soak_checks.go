package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

const (
	kindSigned  = "POST /events, signed"
	kindToken   = "POST /events, with a token"
	kindCheck   = "asynchronous check"
	kindTeam    = "asynchronous check, for the chats"
	kindKilled  = "asynchronous, killed"
	kindLater   = "asynchronous answer in a chat"
	kindSweep   = "sweep by a timer"
	soakSweep   = "soak"
	sweepPeriod = time.Minute
)

// The ways in which the check function is told of a task that fails.
var waysIn = []func(*soak, simulatedTask){
	func(s *soak, t simulatedTask) { s.invokeLater(s.queue, questionOf(t)) },
	func(s *soak, t simulatedTask) { s.invokeLater(s.queue, s.eventOf(t)) },
	func(s *soak, t simulatedTask) {
		s.postEvent(t, kindSigned, s.signed(string(questionOf(t)), s.eventsKey))
	},
	func(s *soak, t simulatedTask) {
		s.postEvent(t, kindToken, s.post("/events", string(s.eventOf(t)), "Content-Type", "application/cloudevents+json"))
	},
}

// questionOf asks for a task to be waited for and told of.
func questionOf(t simulatedTask) []byte {
	question, err := json.Marshal(map[string]any{"taskId": t.id, "notify": true})
	if err != nil {
		panic(err) // it holds plain values only
	}
	return question
}

// eventOf is the event of the call that made a task.
func (s *soak) eventOf(t simulatedTask) []byte {
	return marshalEvent(actionTrailEvent(map[string]any{
		"requestParameters": parametersFor(t), "responseElements": createdDocument(t.taskType, []simulatedTask{t}),
	}, s.now()))
}

func (s *soak) invokeLater(by *queue, payload []byte) {
	if err := by.add(invocationID(s.now()), payload, 0); err != nil {
		panic(err) // it is closed after the soak
	}
}

// postEvent posts what is to be told. Where the function does not take it, nobody can count on it.
func (s *soak) postEvent(t simulatedTask, kind string, r *http.Request) {
	if !s.ask(s.pages, soakCall{kind: kind, request: r, judge: hasStatus(http.StatusAccepted)}) {
		s.ledger.withdraw(t.id)
	}
}

// failForProgram has a task fail of which a program is to be told, by the next of the ways in.
func (s *soak) failForProgram(n int) {
	t := s.begin(soakProgram, time.Duration(n%9*250)*time.Millisecond, statusFailed)
	s.ledger.expect(t.id, t.end, "webhook")
	waysIn[n%len(waysIn)](s, t)
}

// failForTeam has a task fail of which all chats are to be told.
func (s *soak) failForTeam(n int) {
	t := s.begin(soakTeam, time.Duration(n%3)*time.Second, statusFailed)
	s.ledger.expect(t.id, t.end, receiverNames...)
	payload := questionOf(t)
	if n%2 == 0 {
		payload = s.eventOf(t)
	}
	s.invokeLater(s.team, payload)
}

// waitInChat has somebody in a chat wait for a task.
func (s *soak) waitInChat(n int) {
	name := chatNames[n%len(chatNames)]
	t := s.begin(soakWaiter, 6*time.Second, statusFailed)
	if s.sayTo(s.pages, name, "wait "+t.id, t.id) {
		s.ledger.expect(t.id, t.end, name)
	}
}

// runLater makes an attempt at an asynchronous invocation, and counts it. What
// is told to a program alone is checked by an instance that lasts, and by others that are
// frozen between two invocations and killed in the middle of some.
func (s *soak) runLater(call *invocation) (outcome, error) {
	kind, run := kindCheck, s.program.run
	switch {
	case bytes.Contains(call.payload, []byte(`"triggerName":"`+soakSweep+`"`)):
		kind = kindSweep
	case bytes.Contains(call.payload, []byte(soakTeam)):
		kind, run = kindTeam, s.function.run
	case bytes.Contains(call.payload, []byte(soakWaiter)):
		kind, run = kindLater, s.function.run
	case s.numbered.Add(1)%2 == 0:
		run = s.checks.run
	}
	began := s.now()
	end, err := run(call)
	now := s.now()
	var found problem
	switch {
	case err != nil:
		found = problem{"no invocation", err.Error()}
	case end.ending == exited && s.kills.during(began, now):
		kind = kindKilled
	case end.ending != succeeded:
		found = problem{"the invocation " + endings[end.ending], string(end.payload)}
	}
	s.tally.add(kind, now.Sub(began), found, s.excused(began, now))
	return end, err
}

// soakKindNames are all kinds of request that a soak makes.
func soakKindNames() []string {
	kinds := []string{kindOpen, kindWait, kindForged, kindSigned, kindToken, kindCheck, kindTeam, kindKilled, kindLater, kindSweep}
	for _, k := range soakKinds {
		kinds = append(kinds, k.name)
	}
	for _, name := range chatNames {
		kinds = append(kinds, kindChat+name)
	}
	return slices.Sorted(slices.Values(kinds))
}
