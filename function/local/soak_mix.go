package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// finishedTasks are more than an instance remembers, so that it has to forget.
	finishedTasks = 12_000
	// popularTasks of them are what nine of ten requests are about.
	popularTasks = 2_000
	// boardSize is how many tasks one request may ask for.
	boardSize = 20
	// tooLarge is more than is taken of any body.
	tooLarge = 100 << 10
)

// A soakCall is one request that is to be made: through the HTTP trigger, or,
// without a request, an invocation with a payload.
type soakCall struct {
	kind    string
	request *http.Request
	payload []byte
	judge   soakJudge
}

// A soakKind is a kind of request that is made as often as the instances take
// them, and its share of those.
type soakKind struct {
	name   string
	weight int
	make   func(*soak, *rand.Rand, *measured) soakCall
}

// The kinds of request in the mix. What costs the stand-ins much is rare.
var soakKinds = []soakKind{
	{"JSON", 300, (*soak).askJSON},
	{"not modified", 250, (*soak).askAgain},
	{"page", 60, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		t := s.finished(r)
		return soakCall{request: s.get("/tasks/"+t.id, "Accept", "text/html"), judge: shows([]simulatedTask{t}, "text/html", "<html", "</html>")}
	}},
	{"fragment", 60, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		t := s.finished(r)
		return soakCall{request: s.get("/tasks/"+t.id+"?fragment=1", "Accept", "text/html"), judge: shows([]simulatedTask{t}, "text/html", `id="live"`)}
	}},
	{"board as JSON", 10, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		tasks := s.board(r)
		return soakCall{request: s.get("/tasks?id=" + idsOf(tasks)), judge: tellsAll(tasks)}
	}},
	{"board as page", 5, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		tasks := s.board(r)
		return soakCall{request: s.get("/tasks?id="+idsOf(tasks), "Accept", "text/html"), judge: shows(tasks, "text/html", "</html>")}
	}},
	{"text", 100, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		t := s.finished(r)
		return soakCall{request: s.get("/tasks/" + t.id + ".txt"), judge: shows([]simulatedTask{t}, "text/plain", "/tasks/"+t.id)}
	}},
	{"recent list", 1, func(s *soak, _ *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.get("/tasks"), judge: hasStatus(http.StatusOK)}
	}},
	{"not found", 8, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.get(fmt.Sprintf("/tasks/t-none%012d", r.IntN(finishedTasks))), judge: hasStatus(http.StatusNotFound)}
	}},
	{"bad id", 60, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.get(fmt.Sprintf("/tasks/%%3Cscript%%3E%d", r.IntN(1e6))), judge: hasStatus(http.StatusBadRequest)}
	}},
	{"by a link", 60, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		t := s.finished(r)
		return soakCall{request: s.withLink("/tasks/"+t.id+".txt", t.id), judge: shows([]simulatedTask{t}, "text/plain", "/tasks/"+t.id)}
	}},
	{"signed in", 30, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		t := s.finished(r)
		return soakCall{request: s.withSession("/tasks/" + t.id), judge: shows([]simulatedTask{t}, "text/html", "Signed in as local")}
	}},
	{"another task's link", 20, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.withLink("/tasks/"+s.finished(r).id, "t-another0000000"), judge: hasStatus(http.StatusUnauthorized)}
	}},
	{"an outdated token", 30, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.get("/tasks/"+s.finished(r).id, "Authorization", "Bearer outdated"), judge: hasStatus(http.StatusUnauthorized)}
	}},
	{"a guessed token", 30, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.guess(r, "/tasks/"+s.finished(r).id), judge: isRefused}
	}},
	{"another directory", 20, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.get("/tasks/" + s.finished(r).id + "?directory=d-00another0000"), judge: hasStatus(http.StatusForbidden)}
	}},
	{"oversized form", 2, func(s *soak, _ *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.post("/tasks", s.oversized, "Content-Type", "application/x-www-form-urlencoded"), judge: hasStatus(http.StatusRequestEntityTooLarge)}
	}},
	{"oversized event", 2, func(s *soak, _ *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.post("/events", s.oversized, "Content-Type", "application/json"), judge: hasStatus(http.StatusRequestEntityTooLarge)}
	}},
	{"pasted text", 15, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		form := url.Values{"id": {"see " + s.finished(r).id + " and " + s.finished(r).id}}
		return soakCall{request: s.post("/tasks", form.Encode(), "Content-Type", "application/x-www-form-urlencoded"), judge: hasStatus(http.StatusSeeOther)}
	}},
	{"first page", 20, func(s *soak, _ *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.get("/"), judge: hasStatus(http.StatusOK)}
	}},
	{"health", 40, func(s *soak, _ *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.get("/healthz"), judge: hasStatus(http.StatusOK)}
	}},
	{"no such page", 20, func(s *soak, _ *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.get("/nowhere"), judge: hasStatus(http.StatusNotFound)}
	}},
	{"question to /events", 15, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		t := s.finished(r)
		return soakCall{request: s.post("/events", `{"taskId":"`+t.id+`"}`, "Content-Type", "application/json"), judge: ended(t)}
	}},
	{"forged event", 20, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		return soakCall{request: s.signed(`{"taskId":"`+s.finished(r).id+`","notify":true}`, []byte("another key")), judge: hasStatus(http.StatusForbidden)}
	}},
	{"direct invocation", 60, func(s *soak, r *rand.Rand, _ *measured) soakCall {
		t := s.finished(r)
		return soakCall{payload: []byte(`{"taskId":"` + t.id + `"}`), judge: ended(t)}
	}},
}

// askJSON asks for a task that has ended, and notes the validator of the answer.
func (s *soak) askJSON(r *rand.Rand, on *measured) soakCall {
	t := s.finished(r)
	judge := ended(t)
	return soakCall{request: s.get("/tasks/" + t.id), judge: func(a soakAnswer) problem {
		p := judge(a)
		if p.what == "" {
			s.tags.Store(tagKey{on, t.id}, a.header.Get("ETag"))
		}
		return p
	}}
}

// A tagKey is what a validator is of: each instance has its own.
type tagKey struct {
	on *measured
	id string
}

// askAgain asks for a task of which the validator is known; where it is not, it asks for that.
func (s *soak) askAgain(r *rand.Rand, on *measured) soakCall {
	t := s.finished(r)
	tag, ok := s.tags.Load(tagKey{on, t.id})
	if !ok {
		call := s.askJSON(r, on)
		call.kind = "JSON"
		return call
	}
	return soakCall{request: s.get("/tasks/"+t.id, "If-None-Match", tag.(string)), judge: unchanged(t, tag.(string))}
}

// pick makes a request of the mix.
func (s *soak) pick(r *rand.Rand, on *measured) soakCall {
	left := r.IntN(s.weights)
	i := 0
	for left >= soakKinds[i].weight {
		left -= soakKinds[i].weight
		i++
	}
	call := soakKinds[i].make(s, r, on)
	if call.kind == "" {
		call.kind = soakKinds[i].name
	}
	return call
}

// finished returns a task that ended long ago.
func (s *soak) finished(r *rand.Rand) simulatedTask {
	if r.IntN(10) > 0 {
		return s.done[r.IntN(popularTasks)]
	}
	return s.done[r.IntN(len(s.done))]
}

// board returns as many of them as one request may ask for, no two the same.
func (s *soak) board(r *rand.Rand) []simulatedTask {
	first := r.IntN(popularTasks - boardSize)
	return s.done[first : first+boardSize]
}

func idsOf(tasks []simulatedTask) string {
	ids := make([]string, len(tasks))
	for i, t := range tasks {
		ids[i] = t.id
	}
	return strings.Join(ids, ",")
}

func (s *soak) get(target string, headers ...string) *http.Request {
	return s.request(http.MethodGet, target, "", headers...)
}

func (s *soak) post(target, body string, headers ...string) *http.Request {
	return s.request(http.MethodPost, target, body, headers...)
}

// request returns a request as a server has it that took it from somebody who
// is let in, unless a header says otherwise.
func (s *soak) request(method, target, body string, headers ...string) *http.Request {
	address, err := url.ParseRequestURI(target)
	if err != nil {
		panic(err) // the targets are ours
	}
	r := &http.Request{
		Method: method, URL: address, RequestURI: target, Host: s.host, Proto: "HTTP/1.1", RemoteAddr: "127.0.0.1:1",
		Header: http.Header{"Authorization": {"Bearer " + localToken}}, Body: io.NopCloser(strings.NewReader(body)),
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// signed returns a request to /events that is signed with a key, and bears no token.
func (s *soak) signed(body string, key []byte) *http.Request {
	id, timestamp := fmt.Sprint("soak-", s.numbered.Add(1)), fmt.Sprint(s.now().Unix())
	r := s.post("/events", body, "Content-Type", "application/json",
		"Webhook-Id", id, "Webhook-Timestamp", timestamp, "Webhook-Signature", webhookSign(key, id, timestamp, []byte(body)))
	r.Header.Del("Authorization")
	return r
}

// ask makes a request, counts it, and returns whether the answer is as it should be.
func (s *soak) ask(on *measured, call soakCall) bool {
	on.gate.RLock()
	defer on.gate.RUnlock()
	began := s.now()
	answer, found := s.exchange(on, call)
	answer.at = s.now()
	if found.what == "" {
		found = call.judge(answer)
	}
	s.tally.add(call.kind, answer.at.Sub(began), found, s.excused(began, answer.at))
	return found.what == ""
}

// exchange has a request answered as FC would, without the way over HTTP. The
// problem is that the invocation came to nothing.
func (s *soak) exchange(on *measured, call soakCall) (soakAnswer, problem) {
	requestID := invocationID(s.now())
	payload := call.payload
	if call.request != nil {
		event, refusal := s.front.event(nil, call.request, requestID)
		if refusal != nil {
			return soakAnswer{}, problem{"refused by FC", refusal.message}
		}
		var err error
		if payload, err = json.Marshal(event); err != nil {
			return soakAnswer{}, problem{"no event", err.Error()}
		}
	}
	end, err := on.run(&invocation{requestID: requestID, payload: payload, timeout: s.function.timeout})
	switch {
	case err != nil:
		return soakAnswer{}, problem{"no invocation", err.Error()}
	case end.ending != succeeded:
		return soakAnswer{}, problem{"the invocation " + endings[end.ending], string(end.payload)}
	case call.request == nil:
		return soakAnswer{status: http.StatusOK, body: bytes.TrimSpace(end.payload)}, problem{}
	}
	w := &soakWriter{header: make(http.Header)}
	if err := writeResult(w, end.payload); err != nil {
		return soakAnswer{}, problem{"no answer that FC takes", err.Error()}
	}
	return soakAnswer{status: w.status, header: w.header, body: w.body}, problem{}
}

// endings say how an invocation ended.
var endings = map[ending]string{failed: "failed", timedOut: "took too long", exited: "ended with its process"}

// The kinds of request that are made at a pace of their own.
const (
	kindOpen = "open task"
	kindWait = "wait=1"
)

// askOpen asks twice for a task that has just begun, of which no answer is remembered.
func (s *soak) askOpen(r *rand.Rand) {
	t := s.begin("t-open", time.Duration(200+r.IntN(3000))*time.Millisecond, "")
	for range 2 {
		s.ask(s.pages, soakCall{kind: kindOpen, request: s.get("/tasks/" + t.id), judge: tells(t)})
	}
}

// askWait asks for a task that ends soon, and waits.
func (s *soak) askWait(r *rand.Rand) {
	t := s.begin("t-open", time.Duration(100+r.IntN(1000))*time.Millisecond, "")
	s.ask(s.pages, soakCall{kind: kindWait, request: s.get("/tasks/" + t.id + "?wait=1"), judge: tells(t)})
}

// begin makes a task that begins now. Without an outcome it may end either way.
func (s *soak) begin(prefix string, length time.Duration, outcome string) simulatedTask {
	return s.cloudSSO.tasks.add(taskSpec{
		id: fmt.Sprintf("%s%012d", prefix, s.numbered.Add(1)), directory: s.cloudSSO.directories[0],
		taskType: createAssignment, length: length, outcome: outcome,
	})
}
