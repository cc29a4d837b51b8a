package chat

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// slackCall is a slash command; change may change it.
func slackCall(at, text string, when time.Time, change func(url.Values)) *http.Request {
	form := url.Values{
		"token": {"deprecated"}, "team_id": {"T1"}, "team_domain": {"example"}, "channel_id": {"C1"}, "channel_name": {"general"},
		"user_id": {"U1"}, "user_name": {"alice"}, "command": {"/cloudsso"}, "text": {text},
		"response_url": {at + "/commands/T1/1/CODE"}, "trigger_id": {unique("trigger")},
	}
	if change != nil {
		change(form)
	}
	return slackSigned(form.Encode(), slackSecret, when)
}

func slackSigned(body, secret string, when time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/chat/slack", strings.NewReader(body))
	timestamp := fmt.Sprint(when.Unix())
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", timestamp, body)
	r.Header.Set("X-Slack-Request-Timestamp", timestamp)
	r.Header.Set("X-Slack-Signature", fmt.Sprintf("v0=%x", mac.Sum(nil)))
	return r
}

func TestSlackVectors(t *testing.T) {
	for _, test := range []struct{ name, secret, timestamp, body, want string }{
		{"Slack's documents", "8f742231b10e8888abcd99yyyzzz85a5", "1531420618",
			"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
			"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
		{"slack-go's tests", "e6b19c573432dcc6b075501d51b51bb8", "1531431954",
			`{"token":"aF5ynEYQH0dFN9imlgcADxDB","team_id":"XXXXXXXXX","api_app_id":"YYYYYYYYY","event":{"type":"app_mention","user":"AAAAAAAAA","text":"<@EEEEEEEEE> hello world","client_msg_id":"477cc591-ch73-a14z-4db8-g0cd76321bec","ts":"1531431954.000073","channel":"TTTTTTTTT","event_ts":"1531431954.000073"},"type":"event_callback","event_id":"TvBP7LRED7","event_time":1531431954,"authed_users":["EEEEEEEEE"]}`,
			"v0=adada4ed31709aef585c2580ca3267678c6a8eaeb7e0c1aca3ee57b656886b2c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := slackSign(test.secret, test.timestamp, []byte(test.body)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestSlackCommands: the command itself can be the verb.
func TestSlackCommands(t *testing.T) {
	for _, test := range []struct{ name, command, text, want string }{
		{"a command of any name", "/cloudsso", "task " + string(failedID), "Failed: Assign access"},
		{"the verb in its name", "/task", string(failedID), "Failed: Assign access"},
		{"a verb behind it wins", "/task", "failed", "No task failed in the last 24 hours"},
		{"a verb without an id", "/failed", "", "No task failed in the last 24 hours"},
		{"nothing at all", "/cloudsso", "", "What you can ask"},
		{"a verb that wants more", "/task", "", "no task id is in what was sent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, _ := newBot(t, "http://127.0.0.1:1")
			got, err := asked(b, "slack", slackCall("http://127.0.0.1:1", test.text, noon, func(f url.Values) { f.Set("command", test.command) }))
			if err != nil || !strings.Contains(got, test.want) || !strings.Contains(got, `"response_type":"ephemeral"`) {
				t.Errorf("got %s (%v), want %q", got, err, test.want)
			}
		})
	}
}

// TestSlackButtons: a click on a link button asks nothing and gets 200.
func TestSlackButtons(t *testing.T) {
	b, _ := newBot(t, "http://127.0.0.1:1")
	for _, body := range []string{"payload=" + url.QueryEscape(`{"type":"block_actions"}`), "ssl_check=1&token=x"} {
		got, err := asked(b, "slack", slackSigned(body, slackSecret, noon))
		if err != nil || got != "" {
			t.Errorf("%s: got %q (%v)", body, got, err)
		}
	}
}
