package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestChatPage(t *testing.T) {
	s := startChat(t, nil)
	s.answering(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") })
	page := func() string {
		t.Helper()
		r := do(t, http.MethodGet, s.url+"/", "", "Accept", "text/html")
		if r.status != http.StatusOK || r.header.Get("Content-Type") != "text/html; charset=utf-8" || r.header.Get("Content-Security-Policy") == "" {
			t.Errorf("got %+v", r)
		}
		return r.body
	}
	wants := func(parts ...string) {
		t.Helper()
		body := page()
		for _, part := range parts {
			if !strings.Contains(body, part) {
				t.Errorf("%q is not in the page", part)
			}
		}
		for _, never := range []string{"<script", "<img", "ZgotmplZ", "javascript:"} {
			if strings.Contains(body, never) {
				t.Errorf("%q is in the page:\n%s", never, body)
			}
		}
	}
	wants("DingTalk 钉钉", "Feishu 飞书", "WeCom 企业微信", "Slack", "Nothing was said yet.", `name="platform" value="wecom"`)

	// A form of the page, as a browser sends it.
	r := do(t, http.MethodPost, s.url+"/say", "platform=dingtalk&in=private&text=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
		"Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html,*/*", "Sec-Fetch-Site", "same-origin")
	if r.status != http.StatusSeeOther || r.header.Get("Location") != "/#dingtalk-text" {
		t.Errorf("got %+v", r)
	}
	wants("Alice, private", "&lt;script&gt;alert(1)&lt;/script&gt;", "no answer", "the bot said nothing")

	s.post(t, s.variables["FEISHU_WEBHOOK_URL"], s.hook(s.Now(), "interactive", `"card":`+feishuCard))
	s.post(t, s.variables["SLACK_WEBHOOK_URL"], slackMessage)
	s.post(t, s.variables["WECOM_WEBHOOK_URL"], `{"msgtype":"markdown","markdown":{"content":"<font color=\"warning\">a</font> <@all> <script>b</script>"}}`)
	s.post(t, s.variables["WECOM_WEBHOOK_URL"], `{"msgtype":"x"}`)
	s.post(t, s.variables["SLACK_WEBHOOK_URL"], `{"text":"<javascript:alert(1)|x> <https://e.example|y>"}`, "Content-Type", "application/json")
	body := page()
	if strings.Contains(body, `href="javascript:`) {
		t.Error("an address runs")
	}
	for _, part := range []string{
		`<article class="message" style="--bar: #d64541">`, "<h3>✕ Failed</h3>", `href="https://status.example.com/tasks/t-1">Open</a>`, "<strong>No Permission.</strong>",
		`<span style="color: #cc7000">a</span>`, `<mark class="mention">@all</mark>`, "&lt;script&gt;b&lt;/script&gt;", "Refused:</strong> 40008 invalid message type",
		`<a href="https://e.example">y</a>`, "<summary>raw</summary>", "posted to the group", `<p class="small">request 1</p>`, "<hr>", "3 s",
	} {
		if !strings.Contains(body, part) {
			t.Errorf("%q is not in the page", part)
		}
	}

	do(t, http.MethodPost, s.url+"/faults?platform=slack&kind=down&count=2", "")
	wantsFault := page()
	if !strings.Contains(wantsFault, "slack down (2 left)") {
		t.Error("the fault is not in the page")
	}
	for query, want := range map[string]bool{"refresh=5": true, "refresh=0": false, "refresh=x": false} {
		r := do(t, http.MethodGet, s.url+"/?"+query, "")
		if strings.Contains(r.body, `http-equiv="refresh"`) != want {
			t.Errorf("%s: the page loads itself again: %t", query, !want)
		}
	}
	if r := do(t, http.MethodPost, s.url+"/messages/clear", "", "Accept", "text/html"); r.status != http.StatusSeeOther || r.header.Get("Location") != "/" {
		t.Errorf("got %+v", r)
	}
	wants("Nothing was said yet.")
}

// TestChatOfTheStage: the function is told where the chats are, and the chats
// where the function is.
func TestChatOfTheStage(t *testing.T) {
	s := start(t, options{binary: echo(t), env: map[string]string{"TIME_ZONE": "Asia/Shanghai", "SLACK_TEAM_ID": "T1"}})
	var environ []string
	decode(t, s.invoke(t, `{"do":"environ"}`).body, &environ)
	all := "\n" + strings.Join(environ, "\n") + "\n"
	for _, want := range []string{
		"\nCHECK_ENDPOINT=" + s.consoleURL + "\n", "\nTIME_ZONE=Asia/Shanghai\n", "\nSLACK_TEAM_ID=T1\n", "\nDINGTALK_API_URL=" + s.chatURL + "\n",
		"\nFEISHU_ENCRYPT_KEY=", "\nWECOM_AES_KEY=", "\nSLACK_SIGNING_SECRET=", "\nFEISHU_WEBHOOK_URL=" + s.chatURL + "/",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in the environment", want)
		}
	}
	// The echo answers with the event itself, which is no message.
	said := s.say(t, "slack", "help")
	if said.Status != 200 || len(said.Messages) != 1 || !strings.HasPrefix(said.Error, "no_text") || !strings.Contains(string(said.Messages[0].Raw), `"rawPath":"/chat/slack"`) {
		t.Errorf("got %+v", said)
	}
	if entries := s.messages(t, ""); len(entries) != 1 || entries[0].Status != "refused" || entries[0].At.Before(time.Now().Add(-time.Minute)) {
		t.Errorf("got %+v", entries)
	}
	if s.checkAddress(t, "feishu") == "" || s.checkAddress(t, "wecom") == "" {
		t.Error("an echo passes for a bot")
	}
	s.setChatFault(t, "platform=slack&kind=down")
	s.clearChatFaults(t)
	s.clearMessages(t)
	if entries := s.messages(t, "slack"); len(entries) != 0 {
		t.Errorf("got %+v", entries)
	}
	if r := do(t, http.MethodGet, s.chatURL+"/", ""); !strings.Contains(r.body, `<option value="task t-sh`) {
		t.Error("the page has no tasks to ask for")
	}
}
