package chat

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"taskstatus/function/task"
)

const (
	// dingTalkWindow is how old a call may be. The signature covers nothing but
	// the time, so that whoever gets hold of one can send anything with it:
	// DingTalk allows an hour, and clocks are not that far off.
	dingTalkWindow = 10 * time.Minute
	// dingTalkMaxMessage is the limit of a message (errcode 460101: 20,000 bytes).
	dingTalkMaxMessage = 20_000
	// dingTalkMaxText keeps the text short enough to be rendered: longer ones were
	// seen as raw Markdown, from 3,500 characters on.
	dingTalkMaxText = 3_400
	// dingTalkClosed is for how long a robot is closed that posted more than 20
	// messages in a minute.
	dingTalkClosed = 10 * time.Minute
)

// dingTalk is DingTalk: asked through an application's robot in HTTP mode,
// answered at the call's own sessionWebhook; posts by a group's custom robot.
type dingTalk struct {
	everyday
	conversations
	client      *client
	origin      string
	secrets     []secret
	robot, corp string
	webhook     secret
	webhookKey  secret
	pace        pace
}

func newDingTalk(s *settings, c *client) platform {
	p := &dingTalk{everyday: everyday(task.Chinese), client: c}
	p.origin = s.origin("DINGTALK_API_URL", "https://oapi.dingtalk.com")
	p.secrets = s.secrets("DINGTALK_APP_SECRET")
	p.robot = s.value("DINGTALK_ROBOT_CODE")
	p.corp = s.value("DINGTALK_CORP_ID")
	p.conversations = s.list("DINGTALK_CONVERSATION_IDS")
	p.webhook = s.webhook("DINGTALK_WEBHOOK_URL", "DINGTALK_API_URL", p.origin)
	p.webhookKey = s.secret("DINGTALK_WEBHOOK_SECRET")
	p.pace.limits = []limit{{20, time.Minute}}
	if p.hears() && (p.robot == "" || p.corp == "") {
		s.warn("DINGTALK_ROBOT_CODE and DINGTALK_CORP_ID are not both set: DingTalk's signature does not cover the message, and these say which robot's and company's are answered")
	}
	return p
}

func (*dingTalk) name() string  { return "dingtalk" }
func (p *dingTalk) hears() bool { return len(p.secrets) > 0 }
func (p *dingTalk) posts() bool { return p.webhook.isSet() }

// open verifies a call (DingTalk, "Receive messages": signature) and reads the message.
func (p *dingTalk) open(c call) (question, error) {
	timestamp := c.header.Get("Timestamp")
	sign := c.header.Get("Sign")
	milliseconds, err := strconv.ParseInt(timestamp, 10, 64)
	switch {
	case !slices.ContainsFunc(p.secrets, func(s secret) bool {
		return hmac.Equal([]byte(sign), []byte(dingTalkSign(s.reveal(), timestamp)))
	}):
		return question{}, refused("dingtalk: the signature does not match")
	case err != nil || c.now.Sub(time.UnixMilli(milliseconds)).Abs() > dingTalkWindow:
		return question{}, refused("dingtalk: the timestamp is too old")
	}
	var in struct {
		MsgID                     string `json:"msgId"`
		MsgType                   string `json:"msgtype"`
		Text                      struct{ Content string }
		ConversationID            string `json:"conversationId"`
		ChatbotCorpID             string `json:"chatbotCorpId"`
		SenderCorpID              string `json:"senderCorpId"`
		RobotCode                 string `json:"robotCode"`
		SessionWebhook            string `json:"sessionWebhook"`
		SessionWebhookExpiredTime int64  `json:"sessionWebhookExpiredTime"`
	}
	if json.Unmarshal(c.body, &in) != nil || in.MsgID == "" {
		return question{}, refused("dingtalk: the body is no message")
	}
	switch {
	case p.robot != "" && in.RobotCode != p.robot:
		return question{}, refused("dingtalk: the call is for another robot")
	case p.corp != "" && (in.ChatbotCorpID != p.corp || in.SenderCorpID != "" && in.SenderCorpID != p.corp):
		return question{}, refused("dingtalk: the call is from another company")
	}
	q := question{id: in.MsgID, text: in.Text.Content, conversation: in.ConversationID, to: address{to: in.SessionWebhook}}
	if in.SessionWebhookExpiredTime > 0 {
		q.to.expires = time.UnixMilli(in.SessionWebhookExpiredTime)
	}
	return q, nil
}

// dingTalkSign returns the signature of a time. For a custom robot's address it is the same.
func dingTalkSign(secret, milliseconds string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(milliseconds + "\n" + secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// answer posts to the sessionWebhook. Where that fails the message is the
// response: DingTalk is said to post that too.
func (p *dingTalk) answer(ctx context.Context, q question, m message) (response, error) {
	if err := p.tell(ctx, q.to, "", m); err != nil {
		return response{jsonType, p.render(m)}, err
	}
	return response{jsonType, []byte("{}")}, nil
}

func (p *dingTalk) tell(ctx context.Context, to address, _ string, m message) error {
	if !strings.HasPrefix(to.to, p.origin+"/robot/sendBySession?") {
		return &Failure{Problem: elsewhere}
	}
	return p.client.deliver(ctx, nil, p.origin, to.to, p.render(m), judgeDingTalk)
}

func (p *dingTalk) post(ctx context.Context, m message) error {
	body := p.render(m)
	return p.client.post(ctx, &p.pace, func(now time.Time) letter {
		return letter{address: p.signed(now), body: body}
	}, judgeDingTalk)
}

// signed is the webhook's address, with the signature that one with a secret
// wants (DingTalk, "Custom robots": security settings).
func (p *dingTalk) signed(now time.Time) string {
	address := p.webhook.reveal()
	if !p.webhookKey.isSet() {
		return address
	}
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + "timestamp=" + timestamp + "&sign=" + url.QueryEscape(dingTalkSign(p.webhookKey.reveal(), timestamp))
}

// judgeDingTalk judges an answer, which has status 200 whatever is wrong. Error
// 310000 is four in one, told apart by the words.
func judgeDingTalk(a answer) *Failure {
	if f := httpFailure(a.status); f != nil {
		return f
	}
	var said struct {
		ErrCode *int   `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
	}
	if json.Unmarshal(a.body, &said) != nil || said.ErrCode == nil {
		return &Failure{Code: httpCode(a.status), Problem: senseless}
	}
	if *said.ErrCode == 0 {
		return nil
	}
	f := &Failure{Code: plainCode("errcode", *said.ErrCode), Problem: otherProblem}
	words := strings.ToLower(said.ErrMsg)
	switch *said.ErrCode {
	case 310000:
		switch {
		case strings.Contains(words, "keyword"):
			f.Problem = wrongKeyword
		case strings.Contains(words, "timestamp"):
			f.Problem = wrongClock
		case strings.Contains(words, "sign"):
			f.Problem = wrongSign
		case strings.Contains(words, "ip"):
			f.Problem = wrongIP
		}
	case 130101, 130102:
		f.Problem, f.closes = tooFast, dingTalkClosed
		f.RetryAfter = dingTalkClosed
	case 460101:
		f.Problem = tooLong
	case 300001, 300005, 40014:
		f.Problem = noSuchWebhook
	case -1:
		f.retry = true
	}
	return f
}

type (
	dingTalkMarkdown struct {
		MsgType  string `json:"msgtype"`
		Markdown struct {
			Title string `json:"title"`
			Text  string `json:"text"`
		} `json:"markdown"`
	}
	dingTalkCard struct {
		MsgType    string `json:"msgtype"`
		ActionCard struct {
			Title       string `json:"title"`
			Text        string `json:"text"`
			SingleTitle string `json:"singleTitle"`
			SingleURL   string `json:"singleURL"`
		} `json:"actionCard"`
	}
)

// render dresses a message as a card with a button, or as Markdown where there
// is no page to open.
func (p *dingTalk) render(m message) []byte {
	return fit(m, dingTalkMaxMessage, func(m message) []byte {
		for {
			text := m.markdown()
			if len(text) <= dingTalkMaxText || !m.shrink() {
				return dingTalkMessage(m, text)
			}
		}
	})
}

func dingTalkMessage(m message, text string) []byte {
	title := cut(twins(m.heading()), dingTalkMaxText/4)
	if m.link == "" {
		plain := dingTalkMarkdown{MsgType: "markdown"}
		plain.Markdown.Title, plain.Markdown.Text = title, text
		return encode(plain)
	}
	card := dingTalkCard{MsgType: "actionCard"}
	card.ActionCard.Title, card.ActionCard.Text = title, text
	card.ActionCard.SingleTitle, card.ActionCard.SingleURL = wordOpenPage.In(m.language), m.link
	return encode(card)
}
