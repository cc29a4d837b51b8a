package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"taskstatus/function/entry"
)

// chatter is a chat of one platform, which answers as it is told to.
type chatter struct {
	contentType, body string
	err               error
}

func (c chatter) Answer(r *http.Request, platform string) (string, []byte, error) {
	if platform != "slack" {
		return "", nil, fmt.Errorf("platform %q: %w", platform, fs.ErrNotExist)
	}
	entry.Add(r.Context(), slog.String("command", "task"))
	return c.contentType, []byte(c.body), c.err
}

func TestChat(t *testing.T) {
	notGenuine := fmt.Errorf("slack: the signature does not match: %w", fs.ErrPermission)
	for _, test := range []struct {
		name, method, target string
		chat                 Chat
		status               int
		body                 string // a part of it
		logged               string // a part of the line in the log
	}{
		{"an answer", "POST", "/chat/slack", chatter{contentType: "application/json", body: `{"text":"x"}`}, 200, `{"text":"x"}`, `"command":"task"`},
		{"nothing to say", "POST", "/chat/slack", chatter{}, 200, "", `"status":200`},
		{"a GET, for who checks the address so", "GET", "/chat/slack", chatter{contentType: "text/plain", body: "echo"}, 200, "echo", `"route":"/chat/{platform}"`},
		{"not genuine", "POST", "/chat/slack", chatter{err: notGenuine}, 403, "/problems/not-genuine", `the signature does not match`},
		{"a platform that is not there", "POST", "/chat/teams", chatter{}, 404, "/problems/no-such-page", `"status":404`},
		{"no platform is", "POST", "/chat/slack", nil, 404, "/problems/no-such-page", `"route":"none"`},
		{"no platform is, asked by a GET", "GET", "/chat/slack", nil, 404, "/problems/no-such-page", `"route":"none"`},
		{"no name", "GET", "/chat/", chatter{}, 404, "/problems/no-such-page", `"route":"none"`},
		{"a path below", "GET", "/chat/slack/x", chatter{}, 404, "/problems/no-such-page", `"route":"none"`},
		{"another method", "DELETE", "/chat/slack", chatter{}, 405, "/problems/method-not-allowed", `"status":405`},
		{"it did not get through", "POST", "/chat/slack", chatter{err: errors.New("code 1: a secret")}, 500, "/problems/internal", `a secret`},
		{"the time is up", "POST", "/chat/slack", chatter{err: fmt.Errorf("answer on slack: %w", context.DeadlineExceeded)}, 504, "/problems/timeout", `answer on slack`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			s.Guard = guard("token") // which chats need not have
			s.Chat = test.chat
			w, log := logged(s, request(test.method, test.target))
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.body) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if w.Code == http.StatusOK && (w.Body.String() != test.body || w.Header().Get("Cache-Control") != noStore) {
				t.Errorf("got %q, %s", w.Body, w.Header())
			}
			if !strings.Contains(log, test.logged) {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// TestRefusedCallsLookAlike: nobody learns why.
func TestRefusedCallsLookAlike(t *testing.T) {
	var bodies []string
	for _, why := range []string{"the signature does not match", "the timestamp is too old", "the body is too large"} {
		s, _ := newSite()
		s.Chat = chatter{err: fmt.Errorf("slack: %s: %w", why, fs.ErrPermission)}
		w := send(s, request("POST", "/chat/slack"))
		bodies = append(bodies, fmt.Sprint(w.Code, w.Header(), w.Body))
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("got %s", w.Body)
		}
	}
	if bodies[0] != bodies[1] || bodies[1] != bodies[2] {
		t.Errorf("they differ: %q", bodies)
	}
}
