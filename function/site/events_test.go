package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"taskstatus/function/task"
)

// receiver takes what is posted, and says so.
type receiver struct {
	got   string
	later bool
	err   error
}

func (r *receiver) Receive(_ context.Context, _ http.Header, body []byte) (any, bool, error) {
	r.got = string(body)
	if r.later {
		return map[string]bool{"accepted": true}, true, r.err
	}
	return Documents{Tasks: []Document{}, Done: true}, false, r.err
}

// verifier knows one signature.
type verifier struct{}

func (verifier) Verify(header http.Header, body []byte, now time.Time) (string, error) {
	if header.Get("Webhook-Signature") != "v1,good" || now.IsZero() || len(body) == 0 {
		return "", fmt.Errorf("the signature does not match: %w", fs.ErrPermission)
	}
	return "msg_1", nil
}

func TestEvents(t *testing.T) {
	const bearer, signed, id, at = "Authorization: Bearer token", "Webhook-Signature: v1,good", "Webhook-Id: msg_1", "Webhook-Timestamp: 1636081097"
	for _, test := range []struct {
		name, method string
		headers      []string
		body         string
		guard        Guard
		events       *receiver
		status       int
		want, logged string
	}{
		{"by a token", "POST", []string{bearer}, "{}", guard("token"), &receiver{}, 200, `{"tasks":[]`, `"caller":"bot"`},
		{"by a signature", "POST", []string{signed, id, at}, "{}", guard("token"), &receiver{}, 200, `{"tasks":[]`, `"webhook":"msg_1"`},
		{"by a signature, with nobody let in", "POST", []string{signed, id, at}, "{}", guard(""), &receiver{}, 200, `{"tasks":[]`, `"webhook":"msg_1"`},
		{"to be done later", "POST", []string{bearer}, "{}", guard("token"), &receiver{later: true}, 202, `{"accepted":true}`, `"status":202`},
		{"by nobody", "POST", nil, "{}", guard("token"), &receiver{}, 401, "/problems/unauthorized", `"route":"/events"`},
		{"by a wrong token", "POST", []string{"Authorization: Bearer x"}, "{}", guard("token"), &receiver{}, 401, "/problems/unauthorized", `"status":401`},
		{"by nobody, where everybody may look", "POST", nil, "{}", guard("open"), &receiver{}, 401, "/problems/unauthorized", `"status":401`},
		{"by a signature, where everybody may look", "POST", []string{signed, id, at}, "{}", guard("open"), &receiver{}, 200, `{"tasks":[]`, `"status":200`},
		{"by a browser that has signed in", "POST", []string{"Cookie: session=token"}, "{}", guard("token"), &receiver{}, 401, "/problems/unauthorized", `"status":401`},
		{"after too many attempts", "POST", []string{"Authorization: Bearer again"}, "{}", guard("token"), &receiver{}, 429, "/problems/too-many-attempts", `"status":429`},
		{"signed, after too many attempts", "POST", []string{signed, id, at, "Authorization: Bearer again"}, "{}", guard("token"), &receiver{}, 200, `{"tasks":[]`, `"status":200`},
		{"by a wrong signature", "POST", []string{"Webhook-Signature: v1,bad"}, "{}", guard("token"), &receiver{}, 403, "/problems/not-genuine", "the signature does not match"},
		{"by a signature that does not cover all", "POST", []string{signed, id, at, "Ce-Id: 1"}, "{}", guard("token"), &receiver{}, 400, "binary mode", `"status":400`},
		{"in binary mode by a token", "POST", []string{bearer, "Ce-Id: 1"}, "{}", guard("token"), &receiver{}, 200, `{"tasks":[]`, `"status":200`},
		{"too much", "POST", []string{bearer}, strings.Repeat("x", maxEvents+1), guard("token"), &receiver{}, 413, "64 KB", `"status":413`},
		{"what makes no sense", "POST", []string{bearer}, "x", guard("token"), &receiver{err: task.Errorf(task.Invalid, task.Text{En: "the body", Zh: "请求体"})}, 400, "the body", `"status":400`},
		{"what cannot be handed on", "POST", []string{bearer}, "{}", guard("token"), &receiver{err: errors.New("secret")}, 500, "/problems/internal", "secret"},
		{"what could not be done", "POST", []string{bearer}, "{}", guard("token"), &receiver{err: fmt.Errorf("%w: %w", ErrNotTaken, &task.Error{Kind: task.Refused, Detail: task.Text{En: "secret"}})}, 503, "/problems/not-taken", "secret"},
		{"binary mode by another header", "POST", []string{signed, id, at, "Ce-Source: x"}, "{}", guard("token"), &receiver{}, 400, "binary mode", `"status":400`},
		{"a look", "GET", []string{bearer}, "", guard("token"), &receiver{}, 405, "OPTIONS, POST", `"status":405`},
		{"a question of the methods", "OPTIONS", nil, "", guard("token"), &receiver{}, 204, "", `"status":204`},
		{"where nothing is taken", "POST", []string{bearer}, "{}", guard("token"), nil, 404, "/problems/no-such-page", `"status":404`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			s.Guard, s.Senders = test.guard, verifier{}
			if test.events != nil {
				s.Events = test.events
			}
			r := request(test.method, "/events", test.headers...)
			r.Body = io.NopCloser(strings.NewReader(test.body))
			w, log := logged(s, r)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if w.Code != http.StatusNoContent && w.Header().Get("Cache-Control") != noStore {
				t.Errorf("got %v", w.Header())
			}
			if !strings.Contains(log, test.logged) {
				t.Errorf("logged %s", log)
			}
			if taken := test.events != nil && test.events.got != ""; taken != (test.status == 200 || test.status == 202 || test.events != nil && test.events.err != nil) {
				t.Errorf("taken: %v", taken)
			}
		})
	}
}

// TestEventsAgain: what is signed and comes again is taken once, unless it could not be.
func TestEventsAgain(t *testing.T) {
	s, _ := newSite()
	r := &receiver{later: true, err: ErrNotTaken}
	s.Events, s.Senders = r, verifier{}
	s.Guard = guard("token")
	post := func() int {
		r.got = ""
		q := request("POST", "/events", "Webhook-Signature: v1,good", "Webhook-Id: msg_1", "Webhook-Timestamp: 1636081097")
		q.Body = io.NopCloser(strings.NewReader("{}"))
		return send(s, q).Code
	}
	if got := post(); got != 503 {
		t.Errorf("got %d", got)
	}
	r.err, r.later = nil, false
	for range 2 { // a question is answered as often as it is put
		if got := post(); got != 200 || r.got != "{}" {
			t.Errorf("got %d, taken %q", got, r.got)
		}
	}
	r.later = true
	for i, taken := range []string{"{}", ""} {
		if got := post(); got != 202 || r.got != taken {
			t.Errorf("%d: got %d, taken %q", i, got, r.got)
		}
	}
}
