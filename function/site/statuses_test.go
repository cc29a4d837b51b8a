package site

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"taskstatus/function/task"
	"taskstatus/web"
)

// tooLargeHeader is more than a header may be.
var tooLargeHeader = "X-Large: " + strings.Repeat("x", maxHeader)

// TestTaskStatuses: at each address of tasks, whatever may go wrong is told by the same status.
func TestTaskStatuses(t *testing.T) {
	const token = "Authorization: Bearer token"
	one := func(id task.ID) string { return "/tasks/" + string(id) }
	for _, form := range []string{"", ".json", ".txt"} {
		for _, test := range []struct {
			name, target string
			header       string
			upstream     error // of the list of recent tasks
			status       int
		}{
			{"one", one(failed) + form, token, nil, 200},
			{"by no id", one("t-x") + form, token, nil, 400},
			{"by nobody", one(failed) + form, "Accept: */*", nil, 401},
			{"of another directory", one(failed) + form + "?directory=d-aaaaaaaaaaaa", token, nil, 403},
			{"not found", one(absent) + form, token, nil, 404},
			{"after too many attempts", one(failed) + form, "Authorization: Bearer again", nil, 429},
			{"with a large header", one(failed) + form, tooLargeHeader, nil, 431},
			{"a fault", one(buggy) + form, token, nil, 500},
			{"refused", one(refused) + form, token, nil, 502},
			{"throttled", one(throttled) + form, token, nil, 503},
			{"slow", one(slow) + form, token, nil, 504},

			{"several", "/tasks" + form + "?id=" + string(failed) + "," + string(running), token, nil, 200},
			{"several by no id", "/tasks" + form + "?id=x", token, nil, 400},
			{"several by nobody", "/tasks" + form + "?id=" + string(failed), "Accept: */*", nil, 401},
			{"several of another directory", "/tasks" + form + "?directory=d-aaaaaaaaaaaa&id=" + string(failed), token, nil, 403},
			{"several after too many attempts", "/tasks" + form, "Authorization: Bearer again", nil, 429},
			{"several with a large header", "/tasks" + form, tooLargeHeader, nil, 431},
			{"recent ones", "/tasks" + form, token, nil, 200},
			{"recent ones, not listed", "/tasks" + form, token, errRecentOff, 404},
			{"recent ones, a fault", "/tasks" + form, token, errors.New(secret), 500},
			{"recent ones, refused", "/tasks" + form, token, &task.Error{Kind: task.Refused}, 502},
			{"recent ones, throttled", "/tasks" + form, token, &task.Error{Kind: task.Throttled}, 503},
			{"recent ones, slow", "/tasks" + form, token, &task.Error{Kind: task.Timeout}, 504},
		} {
			t.Run(test.name+form, func(t *testing.T) {
				s, l := newRecent()
				s.Guard = guard("token")
				if l.err = test.upstream; test.status == 404 && test.upstream != nil {
					s.Lister = nil
				}
				w := send(s, request("GET", test.target, test.header))
				if w.Code != test.status || strings.Contains(w.Body.String(), secret) {
					t.Errorf("got %d %s, want %d", w.Code, w.Body, test.status)
				}
				tag := w.Header().Get("ETag")
				if (tag != "") != (test.status == 200 && (strings.Contains(test.target, "id=") || strings.HasPrefix(test.target, "/tasks/"))) {
					t.Errorf("%d has the tag %q", test.status, tag)
				}
				if tag == "" {
					return
				}
				if again := send(s, request("GET", test.target, test.header, "If-None-Match: "+tag)); again.Code != 304 {
					t.Errorf("again: got %d, want 304", again.Code)
				}
			})
		}
	}
}

// TestHeaderTooLarge: nothing reads it, at any address.
func TestHeaderTooLarge(t *testing.T) {
	s := guarded()
	s.Chat, s.Events, s.Senders = chatter{}, &receiver{}, verifier{}
	for _, r := range []*http.Request{
		request("GET", "/", tooLargeHeader), request("GET", "/sign-in", tooLargeHeader), request("GET", "/healthz", tooLargeHeader),
		request("GET", "/openapi.yaml", tooLargeHeader), request("GET", assetPath(web.Style), tooLargeHeader),
		request("GET", "/chat/slack", tooLargeHeader), request("POST", "/chat/slack", tooLargeHeader), request("POST", "/events", tooLargeHeader),
		posted("/tasks", "id=x", tooLargeHeader), posted("/sign-in", "token=token", tooLargeHeader), posted("/sign-out", "", tooLargeHeader),
	} {
		if w := send(s, r); w.Code != 431 {
			t.Errorf("%s %s: got %d %s", r.Method, r.URL, w.Code, w.Body)
		}
	}
	if w := send(s, request("GET", "/", "Authorization: Bearer again")); w.Code != 429 {
		t.Errorf("after too many attempts: got %d", w.Code)
	}
}

// TestEventsStatuses: a question is told what may go wrong as one by GET is.
func TestEventsStatuses(t *testing.T) {
	for kind, status := range map[task.Kind]int{task.NotFound: 404, task.Forbidden: 403, task.Internal: 500, task.Refused: 502, task.Throttled: 503, task.Timeout: 504} {
		s := guarded()
		s.Events = &receiver{err: &task.Error{Kind: kind, Cause: errors.New(secret)}}
		r := httptest.NewRequest("POST", "/events", strings.NewReader(`{"taskId":"`+string(failed)+`"}`))
		r.Header.Set("Authorization", "Bearer token")
		r.Header.Set("Content-Type", "application/json")
		w := send(s, r)
		if again := w.Header().Get("Retry-After") != ""; w.Code != status || strings.Contains(w.Body.String(), secret) || again != kind.Retryable() {
			t.Errorf("%v: got %d %v %s, want %d", kind, w.Code, w.Header(), w.Body, status)
		}
	}
	s := guarded()
	s.Sessions = nil
	for _, method := range []string{"GET", "POST"} {
		for _, path := range []string{"/sign-in", "/sign-out", "/events"} {
			r := request(method, path)
			if w := send(s, r); w.Code != 404 {
				t.Errorf("%s %s that is not configured: got %d, want 404", method, path, w.Code)
			}
		}
	}
}
