package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	dingTalkSecret = "SEC0123456789abcdeforacle"
	dingTalkRobot  = "dinga1b2c3d4robot"
	dingTalkCorp   = "ding9f50b15bccd16741"
)

func dingTalkEnviron(p *platform) []string {
	return []string{
		"DINGTALK_APP_SECRET=" + dingTalkSecret, "DINGTALK_ROBOT_CODE=" + dingTalkRobot,
		"DINGTALK_CORP_ID=" + dingTalkCorp, "DINGTALK_API_URL=" + p.URL,
	}
}

// A dingTalkMessage is what somebody says to the robot.
type dingTalkMessage struct {
	MsgID   string `json:"msgId"`
	MsgType string `json:"msgtype"`
	Text    struct {
		Content string `json:"content"`
	} `json:"text"`
	ConversationID string `json:"conversationId"`
	ChatbotCorpID  string `json:"chatbotCorpId"`
	SenderCorpID   string `json:"senderCorpId"`
	RobotCode      string `json:"robotCode"`
	SessionWebhook string `json:"sessionWebhook"`
	Expires        int64  `json:"sessionWebhookExpiredTime"`
}

func newDingTalkMessage(p *platform, id, text string) dingTalkMessage {
	m := dingTalkMessage{
		MsgID: id, MsgType: "text", ConversationID: "cid6KeBBLoveMJOGXoYKF5x7EeiodoA==",
		ChatbotCorpID: dingTalkCorp, SenderCorpID: dingTalkCorp, RobotCode: dingTalkRobot,
		SessionWebhook: p.URL + "/robot/sendBySession?session=6d69b333f243db32d42c11sample",
		Expires:        time.Now().Add(90 * time.Minute).UnixMilli(),
	}
	m.Text.Content = " " + text
	return m
}

// hearDingTalk gives the bot a message, signed like that.
func (b *bot) hearDingTalk(t *testing.T, timestamp, sign string, m dingTalkMessage) heard {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	header.Set("timestamp", timestamp)
	header.Set("sign", sign)
	return b.hear(t, http.MethodPost, "/chat/dingtalk", header, body)
}

// inDingTalkSDK has dingtalk-robot-sdk sign at each of the times, and returns its
// signatures by timestamp, and what it makes of messages. A robot that posts
// signs by the same formula as DingTalk where it calls one.
func inDingTalkSDK(t *testing.T, secret string, times []time.Time, messages ...json.RawMessage) (signs map[string]string, made []json.RawMessage) {
	t.Helper()
	p := newPlatform(t)
	question := struct {
		Webhook  string            `json:"webhook"`
		Secret   string            `json:"secret"`
		Times    []int64           `json:"times"`
		Messages []json.RawMessage `json:"messages"`
	}{p.URL + "/robot/send?access_token=TOK", secret, []int64{}, messages}
	if messages == nil {
		question.Messages = []json.RawMessage{}
	}
	for _, at := range times {
		question.Times = append(question.Times, at.UnixMilli())
	}
	made = ask[[]json.RawMessage](t, "dingtalk-robot-sdk.cjs", "dingtalk-robot-sdk", question)
	signs = make(map[string]string)
	for _, l := range p.take() {
		signs[l.query.Get("timestamp")] = l.query.Get("sign")
	}
	if len(signs) != len(times) {
		t.Fatalf("dingtalk-robot-sdk posted %d times, want %d", len(signs), len(times))
	}
	return signs, made
}

// milliseconds is a time as DingTalk writes it.
func milliseconds(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }

func TestChatDingTalkCalls(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	fresh := ago(0)
	times := []time.Time{fresh, ago(time.Minute), ago(590 * time.Second), ago(-590 * time.Second), ago(610 * time.Second), ago(-610 * time.Second)}
	signs, _ := inDingTalkSDK(t, dingTalkSecret, times)
	others, _ := inDingTalkSDK(t, dingTalkSecret+"x", times[:1])

	p, elsewhere := newPlatform(t), newPlatform(t)
	b := newBot(t, dingTalkEnviron(p)...)
	for i, test := range []struct {
		name   string
		at     time.Time
		sign   string // that of the time, unless it is set
		change func(*dingTalkMessage)
		want   bool
	}{
		{"genuine", fresh, "", nil, true},
		{"nearly too old", ago(590 * time.Second), "", nil, true},
		{"a little early", ago(-590 * time.Second), "", nil, true},
		// DingTalk itself allows an hour; but whoever has a signature can sign anything with it.
		{"too old", ago(610 * time.Second), "", nil, false},
		{"too early", ago(-610 * time.Second), "", nil, false},
		{"signed with another secret", fresh, others[milliseconds(fresh)], nil, false},
		{"signed at another time", fresh, signs[milliseconds(ago(time.Minute))], nil, false},
		{"not signed", fresh, "none", nil, false},
		// These signatures are right: they do not cover the message.
		{"another robot", fresh, "", func(m *dingTalkMessage) { m.RobotCode = "another" }, false},
		{"no robot", fresh, "", func(m *dingTalkMessage) { m.RobotCode = "" }, false},
		{"a robot of another company", fresh, "", func(m *dingTalkMessage) { m.ChatbotCorpID = "another" }, false},
		{"somebody of another company", fresh, "", func(m *dingTalkMessage) { m.SenderCorpID = "another" }, false},
		{"no message id", fresh, "", func(m *dingTalkMessage) { m.MsgID = "" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newDingTalkMessage(p, fmt.Sprintf("msg%d", i), "help")
			if test.change != nil {
				test.change(&m)
			}
			sign := test.sign
			if sign == "" {
				sign = signs[milliseconds(test.at)]
			}
			if got := b.hearDingTalk(t, milliseconds(test.at), sign, m).letsIn(t); got != test.want {
				t.Errorf("the function lets it in: %t, want %t", got, test.want)
			}
			if got := len(p.take()) == 1; got != test.want {
				t.Errorf("the function answers it: %t, want %t", got, test.want)
			}
		})
	}

	timestamp, sign := milliseconds(fresh), signs[milliseconds(fresh)]
	t.Run("a message that comes twice", func(t *testing.T) {
		m := newDingTalkMessage(p, "twice", "help")
		for range 2 {
			b.hearDingTalk(t, timestamp, sign, m)
		}
		p.one(t)
	})
	for _, test := range []struct{ name, webhook string }{
		{"an answer elsewhere", elsewhere.URL + "/robot/sendBySession?session=6d69b333f243db32d42c11sample"},
		{"an answer to another path", p.URL + "/robot/send?access_token=TOK"},
		{"an answer to a user elsewhere", strings.Replace(p.URL, "http://", "http://127.0.0.1@", 1) + "/robot/sendBySession?session=x"},
		{"an answer to nowhere", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newDingTalkMessage(p, test.name, "help")
			m.SessionWebhook = test.webhook
			r := b.hearDingTalk(t, timestamp, sign, m)
			if n := len(p.take()) + len(elsewhere.take()); n > 0 {
				t.Errorf("%d messages posted to %s", n, test.webhook)
			}
			if r.letsIn(t) {
				t.Errorf("it is let in: %d %s", r.status, r.body)
			}
		})
	}
	checkClosed(t, "dingtalk", "DINGTALK_APP_SECRET=")
	checkClosed(t, "dingtalk", "DINGTALK_APP_SECRET="+dingTalkSecret[:15])
}

// TestChatDingTalkMessages has dingtalk-robot-sdk make every kind of answer
// from its parts: the function's must be the same.
func TestChatDingTalkMessages(t *testing.T) {
	t.Parallel()
	fresh := time.Now()
	signs, _ := inDingTalkSDK(t, dingTalkSecret, []time.Time{fresh})
	p := newPlatform(t)
	b := newBot(t, append(asking(t), dingTalkEnviron(p)...)...)
	var names []string
	var messages []json.RawMessage
	for _, test := range sayings(t) {
		m := newDingTalkMessage(p, test.name, test.text)
		if r := b.hearDingTalk(t, milliseconds(fresh), signs[milliseconds(fresh)], m); r.status != http.StatusOK {
			t.Fatalf("%s: status %d: %s", test.name, r.status, r.body)
		}
		l := p.one(t)
		if l.path != "/robot/sendBySession" || l.query.Get("session") != "6d69b333f243db32d42c11sample" {
			t.Errorf("%s: posted to %s?%s", test.name, l.path, l.query.Encode())
		}
		names, messages = append(names, test.name), append(messages, l.body)
	}
	_, made := inDingTalkSDK(t, dingTalkSecret, nil, messages...)
	for i, message := range messages {
		t.Run(names[i], func(t *testing.T) { checkDingTalk(t, message, made[i]) })
	}
}

func TestChatDingTalkWebhook(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	notifyTest(t, "DINGTALK_API_URL="+p.URL, "DINGTALK_WEBHOOK_URL="+p.URL+"/robot/send?access_token=TOK", "DINGTALK_WEBHOOK_SECRET="+dingTalkSecret)
	l := p.one(t)
	if l.path != "/robot/send" || l.query.Get("access_token") != "TOK" || !strings.HasPrefix(l.header.Get("Content-Type"), "application/json") {
		t.Errorf("posted to %s?%s as %s", l.path, l.query.Encode(), l.header.Get("Content-Type"))
	}
	timestamp, err := strconv.ParseInt(l.query.Get("timestamp"), 10, 64)
	if age := time.Since(time.UnixMilli(timestamp)); err != nil || age.Abs() > time.Minute {
		t.Errorf("the timestamp is %q", l.query.Get("timestamp"))
	}
	signs, made := inDingTalkSDK(t, dingTalkSecret, []time.Time{time.UnixMilli(timestamp)}, l.body)
	if got, want := l.query.Get("sign"), signs[l.query.Get("timestamp")]; got != want {
		t.Errorf("signed with %s, dingtalk-robot-sdk with %s", got, want)
	}
	checkDingTalk(t, l.body, made[0])

	notifyTest(t, "DINGTALK_API_URL="+p.URL, "DINGTALK_WEBHOOK_URL="+p.URL+"/robot/send?access_token=TOK")
	if l := p.one(t); l.query.Has("sign") || l.query.Has("timestamp") {
		t.Errorf("signed without a secret: %s", l.query.Encode())
	}
}

// checkDingTalk checks that a message holds nothing but what dingtalk-robot-sdk
// made of its parts too, and keeps to DingTalk's limits.
func checkDingTalk(t *testing.T, message, made json.RawMessage) {
	t.Helper()
	checkKnown(t, message, made)
	if len(message) > 20_000 {
		t.Errorf("the message has %d bytes, want at most 20000", len(message))
	}
	var m struct {
		MsgType    string `json:"msgtype"`
		ActionCard struct{ Title, Text, SingleTitle, SingleURL string }
		Markdown   struct{ Title, Text string }
	}
	if err := json.Unmarshal(message, &m); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	card := m.ActionCard
	title, text := card.Title, card.Text
	switch m.MsgType {
	case "actionCard":
		if card.SingleTitle == "" || !strings.HasPrefix(card.SingleURL, "https://status.example.com/") {
			t.Errorf("the button %q to %q", card.SingleTitle, card.SingleURL)
		}
	case "markdown":
		title, text = m.Markdown.Title, m.Markdown.Text
	default:
		t.Errorf("the message is of type %q", m.MsgType)
	}
	if title == "" || !strings.Contains(text, "CloudSSO") {
		t.Errorf("the title %q, the text %q: no title, or not the keyword", title, text)
	}
	checkMarkdown(t, text)
}

// checkMarkdown checks that Markdown holds no mention, no picture and no link but
// the function's own.
func checkMarkdown(t *testing.T, text string) {
	t.Helper()
	rest := strings.ReplaceAll(text, "](https://status.example.com/", "")
	for _, markup := range []string{"](", "![", "<", "@all", "*bold*", "`"} {
		if strings.Contains(rest, markup) {
			t.Errorf("not escaped: %s in %s", markup, text)
		}
	}
}
