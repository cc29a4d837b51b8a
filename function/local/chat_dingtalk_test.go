package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestDingTalkSign(t *testing.T) {
	if got := dingTalkSign("1577262236757", "this is secret"); got != "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=" {
		t.Errorf("got %s", got)
	}
}

// dingTalkAddress is a group robot's, signed for a time.
func dingTalkAddress(s *chatStage, at time.Time) string {
	timestamp := strconv.FormatInt(at.UnixMilli(), 10)
	return s.variables["DINGTALK_WEBHOOK_URL"] + "&timestamp=" + timestamp +
		"&sign=" + url.QueryEscape(dingTalkSign(timestamp, s.variables["DINGTALK_WEBHOOK_SECRET"]))
}

func TestDingTalkMessages(t *testing.T) {
	s := startChat(t, nil)
	card := func(change string) string {
		return `{"msgtype":"actionCard","actionCard":{` + strings.Trim(`"title":"Failed","text":"### ✕ Failed\n\n**Reason:** no permission","singleTitle":"Open","singleURL":"https://status.example.com/tasks/t-1"`+change, ",") + `}}`
	}
	s.runPosts(t, func() string { return dingTalkAddress(s, s.Now()) }, []postTest{
		{"text", `{"msgtype":"text","text":{"content":"a *b*\nc"}}`, `{"errcode":0,"errmsg":"ok"}`, "a *b*\nc"},
		{"Markdown", `{"msgtype":"markdown","markdown":{"title":"T","text":"# a\nb\nc  \nd\n\n- e\n> f"}}`, `"errcode":0`, "a\nb c\nd\ne\nf"},
		{"card", card(""), `"errcode":0`, "✕ Failed\nReason: no permission\nOpen"},
		{"card of two buttons", `{"msgtype":"actionCard","actionCard":{"title":"T","text":"x","btns":[{"title":"A","actionURL":"https://a.example"},{"title":"B","actionURL":"https://b.example"}]}}`, `"errcode":0`, "x\nA\nB"},
		{"card with a wrong name", strings.Replace(card(""), "singleURL", "singleUrl", 1), `"errcode":40035`, ""},
		{"card with no title", card(`,"title":""`), `"errcode":40035`, ""},
		{"card with no text", card(`,"text":" "`), `"errcode":40035`, ""},
		{"card with a button that runs", card(`,"singleURL":"javascript:alert(1)"`), `"errcode":40035`, ""},
		{"Markdown with no title", `{"msgtype":"markdown","markdown":{"text":"x"}}`, `"errcode":40035`, ""},
		{"text with no content", `{"msgtype":"text","text":{"content":"\n"}}`, `"errcode":40035`, ""},
		{"unknown type", `{"msgtype":"card","card":{}}`, `"errcode":400105`, ""},
		{"no type", `{}`, `"errcode":400105`, ""},
		{"no JSON", `{`, `"errcode":40035`, ""},
		{"no object", `[]`, `"errcode":40035`, ""},
		{"too long", `{"msgtype":"text","text":{"content":"` + strings.Repeat("x", maxDingTalkMessage) + `"}}`, `"errcode":460101`, ""},
	})
	if r := do(t, http.MethodPost, dingTalkAddress(s, s.Now()), card(""), "Content-Type", "text/plain"); !strings.Contains(r.body, `"errcode":43004`) {
		t.Errorf("got %+v", r)
	}
	s.post(t, dingTalkAddress(s, s.Now()), card(""))
	if got := s.last(t); got.Title != "Failed" || got.Button == nil || got.Button.URL != "https://status.example.com/tasks/t-1" {
		t.Errorf("got %+v", got)
	}
	s.post(t, dingTalkAddress(s, s.Now()), `{"msgtype":"text","text":{"content":"hello"},"at":{"isAtAll":true}}`)
	if got := s.last(t); len(got.Mentions) != 1 || got.Mentions[0] != "@all" {
		t.Errorf("got %+v", got)
	}
}

func TestDingTalkSignature(t *testing.T) {
	s := startChat(t, nil)
	const message = `{"msgtype":"text","text":{"content":"hello"}}`
	good := dingTalkAddress(s, chatNow)
	for _, test := range []struct{ name, address, answer string }{
		{"good", good, `"errmsg":"ok"`},
		{"an hour old", dingTalkAddress(s, chatNow.Add(-time.Hour)), `"errmsg":"ok"`},
		{"older", dingTalkAddress(s, chatNow.Add(-time.Hour-time.Millisecond)), "invalid timestamp"},
		{"of the future", dingTalkAddress(s, chatNow.Add(2*time.Hour)), "invalid timestamp"},
		{"unsigned", s.variables["DINGTALK_WEBHOOK_URL"], "sign not match"},
		{"in seconds", strings.Replace(good, "000&sign", "&sign", 1), "invalid timestamp"},
		{"of another time", strings.Replace(good, "000&sign", "001&sign", 1), "sign not match"},
		{"not encoded for a URL", strings.NewReplacer("%2B", "+", "%2F", "/").Replace(dingTalkAddress(s, plusTime(s))), "sign not match"},
		{"another token", strings.Replace(good, "access_token=", "access_token=x", 1), `"errcode":300005`},
		{"no token", s.url + "/robot/send", `"errcode":300005`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if r := s.post(t, test.address, message); r.status != http.StatusOK || !strings.Contains(r.body, test.answer) {
				t.Errorf("got %+v, want %s", r, test.answer)
			}
		})
	}
}

// plusTime is a time whose signature holds a plus.
func plusTime(s *chatStage) time.Time {
	at := chatNow
	for !strings.Contains(dingTalkSign(strconv.FormatInt(at.UnixMilli(), 10), s.variables["DINGTALK_WEBHOOK_SECRET"]), "+") {
		at = at.Add(time.Millisecond)
	}
	return at
}

func TestDingTalkTooFast(t *testing.T) {
	s := startChat(t, nil)
	const message = `{"msgtype":"text","text":{"content":"hello"}}`
	send := func() bool {
		return strings.Contains(s.post(t, dingTalkAddress(s, s.Now()), message).body, `"errcode":0`)
	}
	for i := range 20 {
		if !send() {
			t.Fatalf("message %d is refused", i+1)
		}
	}
	if send() || s.last(t).Error != "130101 send too fast" {
		t.Errorf("message 21: got %+v", s.last(t))
	}
	s.advance(10*time.Minute - time.Second)
	if send() {
		t.Error("the ban ends too early")
	}
	s.advance(time.Second)
	if !send() {
		t.Error("the ban does not end")
	}
}

func TestDingTalkSay(t *testing.T) {
	s := startChat(t, map[string]string{"DINGTALK_CONVERSATION_IDS": "cidMine==,cidOther=="})
	var got struct {
		MsgType                                                          string
		Text                                                             struct{ Content string }
		MsgID, ConversationType, ConversationID, RobotCode               string
		ChatbotCorpID, SenderCorpID, SenderNick, SessionWebhook          string
		CreateAt, SessionWebhookExpiredTime                              int64
		IsInAtList                                                       bool
		AtUsers                                                          []struct{ DingTalkID string }
		SenderID, SenderStaffID, ConversationTitle, ChatbotUserID, Extra string
	}
	var genuine bool
	s.answering(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		timestamp := r.Header.Get("Timestamp")
		millis, _ := strconv.ParseInt(timestamp, 10, 64)
		genuine = r.Header.Get("Sign") == dingTalkSign(timestamp, s.variables["DINGTALK_APP_SECRET"]) && s.Now().Sub(time.UnixMilli(millis)) < time.Hour
		s.post(t, got.SessionWebhook, `{"msgtype":"text","text":{"content":"hello"}}`)
		io.WriteString(w, "{}")
	})
	said := s.speak(t, "dingtalk", "task t-1", "from", "Bob")
	if said.Status != 200 || said.Error != "" || len(said.Messages) != 1 {
		t.Fatalf("got %+v", said)
	}
	if m := said.Messages[0]; m.Via != "session" || m.Text != "hello" || m.Later || m.Private || string(m.Raw) != `{"msgtype":"text","text":{"content":"hello"}}` {
		t.Errorf("got %+v", m)
	}
	if !genuine || got.Text.Content != " task t-1" || got.ConversationType != "2" || got.ConversationID != "cidMine==" || got.SenderNick != "Bob" ||
		got.RobotCode != s.variables["DINGTALK_ROBOT_CODE"] || got.ChatbotCorpID != s.variables["DINGTALK_CORP_ID"] || got.SenderCorpID != got.ChatbotCorpID ||
		got.SessionWebhookExpiredTime-got.CreateAt != 5_400_000 || got.MsgID == "" || !got.IsInAtList {
		t.Errorf("got %v %+v", genuine, got)
	}

	webhook := got.SessionWebhook
	const message = `{"msgtype":"text","text":{"content":"ended"}}`
	s.advance(90*time.Minute - time.Second)
	if r := s.post(t, webhook, message); !strings.Contains(r.body, `"errcode":0`) || !s.last(t).Later {
		t.Errorf("later: got %+v %+v", r, s.last(t))
	}
	s.advance(time.Second)
	if r := s.post(t, webhook, message); !strings.Contains(r.body, `"errcode":300001`) || s.last(t).Status != "refused" {
		t.Errorf("too late: got %+v", r)
	}
	if r := s.post(t, s.url+"/robot/sendBySession?session=x", message); !strings.Contains(r.body, `"errcode":300001`) {
		t.Errorf("unknown: got %+v", r)
	}

	if m := s.speak(t, "dingtalk", "help", "in", "private").Messages; got.ConversationType != "1" || got.Text.Content != "help" || len(m) != 1 || !m[0].Private {
		t.Errorf("private: got %+v %+v", got, m)
	}
	s.speak(t, "dingtalk", "help", "in", "cidOther==")
	if got.ConversationID != "cidOther==" {
		t.Errorf("elsewhere: got %+v", got)
	}
	for forgery, right := range map[string]func() bool{
		"signature": func() bool { return !genuine },
		"stale":     func() bool { return !genuine },
		"tenant":    func() bool { return genuine && got.ChatbotCorpID != s.variables["DINGTALK_CORP_ID"] },
	} {
		if s.speak(t, "dingtalk", "help", "forge", forgery); !right() {
			t.Errorf("%s: got %v %+v", forgery, genuine, got)
		}
	}
}

// TestDingTalkAnswersInResponse: what the response holds is posted to the group.
func TestDingTalkAnswersInResponse(t *testing.T) {
	s := startChat(t, nil)
	for _, test := range []struct{ name, response, text, err string }{
		{"a message", `{"msgtype":"text","text":{"content":"hello"}}`, "hello", ""},
		{"nothing", `{}`, "", ""},
		{"nothing at all", ``, "", ""},
		{"a bad message", `{"msgtype":"text"}`, "", "缺少参数 text.content"},
		{"no JSON", `ok`, "", "the response is not a JSON object"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.answering(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, test.response) })
			got := s.speak(t, "dingtalk", "help")
			var text string
			if len(got.Messages) > 0 {
				text = got.Messages[0].Text
			}
			if text != test.text || got.Error != test.err {
				t.Errorf("got %+v", got)
			}
		})
	}
}
