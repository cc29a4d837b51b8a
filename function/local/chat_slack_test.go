package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSlackSign(t *testing.T) {
	const body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA" +
		"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
		"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	if got := slackSign("1531420618", body, "8f742231b10e8888abcd99yyyzzz85a5"); got != "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503" {
		t.Errorf("got %s", got)
	}
}

const slackMessage = `{"text":"Failed","attachments":[{"color":"#d64541","blocks":[` +
	`{"type":"header","text":{"type":"plain_text","text":"✕ Failed","emoji":true}},` +
	`{"type":"section","text":{"type":"mrkdwn","text":"*No* _Permission_ &amp; &lt;b&gt;\n&gt; see <https://help.example.com|help>"}},` +
	`{"type":"section","fields":[{"type":"mrkdwn","text":"*Task*\nt-1"},{"type":"plain_text","text":"3 s"}]},` +
	`{"type":"divider"},` +
	`{"type":"actions","elements":[{"type":"button","action_id":"open","text":{"type":"plain_text","text":"Open"},"url":"https://status.example.com/tasks/t-1"}]},` +
	`{"type":"context","elements":[{"type":"mrkdwn","text":"request 1"}]}]}]}`

// slackMessageText has the text too: Slack hides it behind blocks, not behind attachments.
const slackMessageText = "✕ Failed\nFailed\nNo Permission & <b>\nsee help\nTask: t-1\n3 s\nrequest 1\nOpen"

func TestSlackMessages(t *testing.T) {
	s := startChat(t, nil)
	address := func() string { return s.variables["SLACK_WEBHOOK_URL"] }
	blocks := func(list string) string { return `{"text":"x","blocks":[` + list + `]}` }
	change := func(old, new string) string { return strings.Replace(slackMessage, old, new, 1) }
	divider := func(n int) string { return strings.TrimSuffix(strings.Repeat(`{"type":"divider"},`, n), ",") }
	section := func(n int) string {
		return blocks(`{"type":"section","text":{"type":"mrkdwn","text":"` + strings.Repeat("中", n) + `"}}`)
	}
	fields := func(n int) string {
		return blocks(`{"type":"section","fields":[` + strings.TrimSuffix(strings.Repeat(`{"type":"mrkdwn","text":"a"},`, n), ",") + `]}`)
	}
	context := func(n int) string {
		return blocks(`{"type":"context","elements":[` + strings.TrimSuffix(strings.Repeat(`{"type":"mrkdwn","text":"a"},`, n), ",") + `]}`)
	}
	s.runPosts(t, address, []postTest{
		{"blocks", slackMessage, "ok", slackMessageText},
		{"text", `{"text":"a *b* ~c~ ` + "`*d*`" + ` snake_case_name 2*3*4 https://e.example"}`, "ok", "a b c *d* snake_case_name 2*3*4 https://e.example"},
		{"code", `{"text":"a\n` + "```" + `b\n*c*` + "```" + `"}`, "ok", "a\nb\n*c*"},
		{"50 blocks", blocks(divider(48) + `,{"type":"section","text":{"type":"plain_text","text":"y"}},{"type":"divider"}`), "ok", "y"},
		{"51 blocks", blocks(divider(51)), "invalid_blocks", ""},
		{"longest section", section(3000), "ok", strings.Repeat("中", 3000)},
		{"section too long", section(3001), "invalid_blocks", ""},
		{"ten fields", fields(10), "ok", strings.TrimSuffix(strings.Repeat("a\n", 10), "\n")},
		{"eleven fields", fields(11), "invalid_blocks", ""},
		{"field too long", change("*Task*", strings.Repeat("x", 2000)), "invalid_blocks", ""},
		{"header too long", change("✕ Failed", strings.Repeat("x", 151)), "invalid_blocks", ""},
		{"header in mrkdwn", change(`{"type":"plain_text","text":"✕ Failed","emoji":true}`, `{"type":"mrkdwn","text":"✕ Failed"}`), "invalid_blocks", ""},
		{"ten small texts", context(10), "ok", strings.TrimSuffix(strings.Repeat("a\n", 10), "\n")},
		{"eleven small texts", context(11), "invalid_blocks", ""},
		{"button with a long text", change(`"Open"`, `"`+strings.Repeat("x", 76)+`"`), "invalid_blocks", ""},
		{"button with a long address", change("/t-1", "/"+strings.Repeat("x", 3000)), "invalid_blocks", ""},
		{"button that runs", change("https://status", "javascript:status"), "invalid_blocks", ""},
		{"unknown block", blocks(`{"type":"table"}`), "invalid_blocks", ""},
		{"unknown element", change(`"type":"button"`, `"type":"overflow"`), "invalid_blocks", ""},
		{"unknown text type", change(`"type":"mrkdwn"`, `"type":"markdown"`), "invalid_blocks", ""},
		{"empty text", change(`"request 1"`, `""`), "invalid_blocks", ""},
		{"emoji for mrkdwn", change(`{"type":"mrkdwn",`, `{"type":"mrkdwn","emoji":true,`), "invalid_blocks", ""},
		{"bad colour", change("#d64541", "red"), "invalid_blocks", ""},
		{"blocks that are none", `{"text":"x","blocks":{}}`, "invalid_blocks", ""},
		{"an id twice", blocks(`{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}`), "invalid_blocks", ""},
		{"no text", change(`"text":"Failed",`, ""), "no_text", ""},
		{"no JSON", `text=x`, "invalid_payload", ""},
	})
	first := s.messages("slack")[0]
	if first.Color != "#d64541" || first.Title != "✕ Failed" || first.Button == nil || first.Button.Text != "Open" || len(first.Links) != 1 || len(first.Mentions) != 0 {
		t.Errorf("got %+v", first)
	}
	s.advance(time.Minute)
	s.post(t, address(), `{"text":"<!channel> <@U1|bob> <#C1>"}`)
	if got := s.last(t).Mentions; strings.Join(got, " ") != "@channel @U1 @C1" {
		t.Errorf("got %q", got)
	}
	if r := do(t, http.MethodPost, address(), slackMessage, "Content-Type", "text/plain"); r.status != 400 || r.body != "invalid_payload" {
		t.Errorf("got %+v", r)
	}
	for _, test := range []struct {
		address string
		status  int
		body    string
	}{
		{address() + "x", 403, "invalid_token"},
		{strings.Replace(address(), "/B", "/BX", 1), 404, "no_service"},
		{strings.Replace(address(), "/T", "/TX", 1), 404, "no_service"},
	} {
		if r := s.post(t, test.address, slackMessage); r.status != test.status || r.body != test.body {
			t.Errorf("%s: got %+v", test.address, r)
		}
	}
}

func TestSlackTooFast(t *testing.T) {
	s := startChat(t, nil)
	send := func() reply { return s.post(t, s.variables["SLACK_WEBHOOK_URL"], `{"text":"hello"}`) }
	for i := range slackBurst {
		if r := send(); r.body != "ok" {
			t.Errorf("message %d: got %+v", i+1, r)
		}
	}
	if r := send(); r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") != "1" || r.body != "rate_limited" {
		t.Errorf("got %+v", r)
	}
	s.advance(slackBurst * time.Second)
	if r := send(); r.body != "ok" {
		t.Errorf("later: got %+v", r)
	}
}

func TestSlackSay(t *testing.T) {
	s := startChat(t, nil)
	var form url.Values
	var genuine bool
	answer, contentType := `{"response_type":"ephemeral",`+slackMessage[1:], "application/json; charset=utf-8"
	s.answering(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ = url.ParseQuery(string(body))
		genuine = r.Header.Get("X-Slack-Signature") == slackSign(r.Header.Get("X-Slack-Request-Timestamp"), string(body), s.variables["SLACK_SIGNING_SECRET"])
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, answer)
	})
	said := s.speak(t, "slack", "/task t-1", "from", "Bob")
	if said.Status != 200 || said.Error != "" || len(said.Messages) != 1 {
		t.Fatalf("got %+v", said)
	}
	if m := said.Messages[0]; m.Via != "answer" || m.Text != slackMessageText || !m.Private || m.Later {
		t.Errorf("got %+v", m)
	}
	if !genuine || form.Get("command") != "/task" || form.Get("text") != "t-1" || form.Get("team_id") != s.variables["SLACK_TEAM_ID"] || form.Get("user_name") != "Bob" ||
		form.Get("channel_id") == "" || form.Get("token") == "" || form.Get("trigger_id") == "" || !strings.HasPrefix(form.Get("response_url"), s.url+"/commands/"+s.variables["SLACK_TEAM_ID"]+"/") {
		t.Errorf("got %v %v", genuine, form)
	}

	address := form.Get("response_url")
	for i := range 6 {
		r := s.post(t, address, `{"response_type":"in_channel","text":"ended"}`)
		if m := s.last(t); i < 5 && (r.status != 200 || r.body != "ok" || !m.Later || m.Private || m.Via != "response_url") || i == 5 && (r.status != 404 || r.body != "used_url" || m.Status != "refused") {
			t.Errorf("call %d: got %+v %+v", i+1, r, m)
		}
	}
	if s.speak(t, "slack", "help", "in", "private"); form.Get("channel_name") != "directmessage" || !strings.HasPrefix(form.Get("channel_id"), "D") {
		t.Errorf("private: got %v", form)
	}
	s.advance(30 * time.Minute)
	if r := s.post(t, form.Get("response_url"), `{"text":"ended"}`); r.status != 404 || r.body != "expired_url" {
		t.Errorf("late: got %+v", r)
	}
	if r := s.post(t, "/commands/T1/1/x", `{"text":"ended"}`); r.status != 404 || r.body != "expired_url" {
		t.Errorf("unknown: got %+v", r)
	}

	for _, test := range []struct{ name, contentType, answer, text, err string }{
		{"plain text", "text/plain", "a *b*", "a b", ""},
		{"nothing", "", "", "", ""},
		{"no JSON", "application/json", "x", "", "invalid_payload"},
		{"no text", "application/json", `{"blocks":[{"type":"divider"}]}`, "", "no_text"},
		{"bad blocks", "application/json", `{"text":"x","blocks":[{"type":"x"}]}`, "", "invalid_blocks"},
		{"bad type", "application/json", `{"text":"x","response_type":"public"}`, "", "invalid_payload"},
		{"page", "text/html", `<p>`, "", "neither"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer, contentType = test.answer, test.contentType
			got := s.speak(t, "slack", "help")
			var text string
			if len(got.Messages) > 0 {
				text = got.Messages[0].Text
			}
			if text != test.text || !strings.Contains(got.Error, test.err) || (got.Error == "") != (test.err == "") {
				t.Errorf("got %+v", got)
			}
		})
	}
	for forgery, right := range map[string]func() bool{
		"signature": func() bool { return !genuine },
		"body":      func() bool { return !genuine },
		"tenant":    func() bool { return genuine && form.Get("team_id") != s.variables["SLACK_TEAM_ID"] },
		"stale":     func() bool { return genuine },
	} {
		if s.speak(t, "slack", "help", "forge", forgery); !right() {
			t.Errorf("%s: got %v %v", forgery, genuine, form)
		}
	}
}
