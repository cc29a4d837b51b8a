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

	"taskstatus/function/secret"
	"taskstatus/function/task"
)

const (
	// dingTalkWindow is how far a call's time may be off. The signature covers
	// nothing but the time, so that whoever gets hold of one can ask anything with it:
	// DingTalk allows an hour, and clocks are not that far off.
	dingTalkWindow = 10 * time.Minute
	// dingTalkMaxMessage is the limit of a message (errcode 460101: 20,000 bytes).
	dingTalkMaxMessage = 20_000
	// dingTalkMaxText keeps the text short enough to be rendered: longer ones were
	// seen as raw Markdown, from 3,500 characters on.
	dingTalkMaxText = 3_400
	// dingTalkMaxTitle is how much of the heading a notice on a screen has room for.
	dingTalkMaxTitle = 600
	// dingTalkClosed is for how long a robot is closed that posted more than 20
	// messages in a minute.
	dingTalkClosed = 10 * time.Minute
)

// dingTalk is DingTalk: asked through an application's robot in HTTP mode,
// answered at the call's own sessionWebhook; posts by a group's custom robot.
type dingTalk struct {
	base
	secrets       []secret.Value
	robots, corps []string
}

func newDingTalk(s *settings, c *client) platform {
	p := &dingTalk{base: base{name: "dingtalk", language: task.Chinese, client: c}}
	p.origin = s.origin("DINGTALK_API_URL", "https://oapi.dingtalk.com")
	p.secrets = s.secrets("DINGTALK_APP_SECRET")
	p.robots = s.list("DINGTALK_ROBOT_CODE")
	p.corps = s.list("DINGTALK_CORP_ID")
	p.conversations = s.list("DINGTALK_CONVERSATION_IDS")
	s.signedWebhook(&p.base, "DINGTALK")
	p.pace.limits = []limit{{20, time.Minute}}
	if p.hears() && (len(p.robots) == 0 || len(p.corps) == 0) {
		s.warn("DINGTALK_ROBOT_CODE and DINGTALK_CORP_ID are not both set: DingTalk's signature does not cover the message, and these say which robot's and company's are answered")
	}
	return p
}

func (p *dingTalk) hears() bool { return len(p.secrets) > 0 }

// receive verifies a call (DingTalk, "Receive messages": signature) and reads the message.
func (p *dingTalk) receive(c call) (question, error) {
	timestamp := c.header.Get("Timestamp")
	sign := c.header.Get("Sign")
	milliseconds, err := strconv.ParseInt(timestamp, 10, 64)
	switch {
	case !slices.ContainsFunc(p.secrets, func(s secret.Value) bool {
		return hmac.Equal([]byte(sign), []byte(dingTalkSign(s.Reveal(), timestamp)))
	}):
		return question{}, refused("the signature does not match")
	case err != nil || c.now.Sub(time.UnixMilli(milliseconds)).Abs() > dingTalkWindow:
		return question{}, refused("the time is more than 10 minutes off")
	}
	var in struct {
		MsgID                     string `json:"msgId"`
		Text                      struct{ Content string }
		ConversationID            string `json:"conversationId"`
		ChatbotCorpID             string `json:"chatbotCorpId"`
		SenderCorpID              string `json:"senderCorpId"`
		SenderStaffID             string `json:"senderStaffId"`
		RobotCode                 string `json:"robotCode"`
		SessionWebhook            string `json:"sessionWebhook"`
		SessionWebhookExpiredTime int64  `json:"sessionWebhookExpiredTime"`
	}
	if json.Unmarshal(c.body, &in) != nil || in.MsgID == "" {
		return question{}, refused("the body is no message")
	}
	// Who writes from outside the company has neither of the two.
	isStaff := in.SenderCorpID == "" && in.SenderStaffID != "" || slices.Contains(p.corps, in.SenderCorpID)
	switch {
	case !anyOf(p.robots, in.RobotCode):
		return question{}, refused("the call is for another robot")
	case !anyOf(p.corps, in.ChatbotCorpID), len(p.corps) > 0 && !isStaff:
		return question{}, refused("the call is from another company")
	case !p.isSession(in.SessionWebhook):
		return question{}, refused("the sessionWebhook leads elsewhere")
	}
	q := question{
		id: in.MsgID, text: in.Text.Content, conversation: in.ConversationID, to: in.SessionWebhook,
		respond: func(ctx context.Context, m message) (response, error) { return p.respond(ctx, in.SessionWebhook, m) },
	}
	if in.SessionWebhookExpiredTime > 0 {
		q.expires = time.UnixMilli(in.SessionWebhookExpiredTime)
	}
	return q, nil
}

// isSession reports whether an address is where DingTalk takes answers.
func (p *dingTalk) isSession(address string) bool {
	return strings.HasPrefix(address, p.origin+"/robot/sendBySession?") && isAt(address, p.origin)
}

// respond posts to the sessionWebhook. DingTalk is said to post what is in the
// response, too: where posting fails it says so there. It must not say more, as
// anyone could read it who got hold of a signature.
func (p *dingTalk) respond(ctx context.Context, session string, m message) (response, error) {
	if err := p.followUp(ctx, session, "", m); err != nil {
		sorry := message{language: m.language, state: stateUnknown, title: wordNotPosted.In(m.language), link: m.link}
		sorry.sign("")
		return response{jsonType, p.render(sorry)}, err
	}
	return response{jsonType, []byte("{}")}, nil
}

func (p *dingTalk) followUp(ctx context.Context, to, _ string, m message) error {
	if !p.isSession(to) {
		return &failure{problem: elsewhere}
	}
	return p.client.deliver(ctx, nil, p.origin, to, p.render(m), judgeDingTalk)
}

func (p *dingTalk) post(ctx context.Context, m message) error {
	body := p.render(m)
	return p.client.post(ctx, &p.pace, func(now time.Time) request {
		return request{address: p.signed(now), body: body}
	}, judgeDingTalk)
}

// dingTalkSign returns the signature of a time. For a custom robot's address it is the same.
func dingTalkSign(secret, milliseconds string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(milliseconds + "\n" + secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signed is the webhook's address, with the signature that one with a secret
// wants (DingTalk, "Custom robots": security settings).
func (p *dingTalk) signed(now time.Time) string {
	address := p.webhook.Reveal()
	if !p.webhookKey.IsSet() {
		return address
	}
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + "timestamp=" + timestamp + "&sign=" + url.QueryEscape(dingTalkSign(p.webhookKey.Reveal(), timestamp))
}

// judgeDingTalk judges an answer. Error 310000 is four in one, told apart by the words.
func judgeDingTalk(r result) *failure {
	code, message, f := errcode(r)
	words := strings.ToLower(message)
	switch code {
	case 310000:
		switch {
		case strings.Contains(words, "keyword"):
			f.problem = wrongKeyword
		case strings.Contains(words, "timestamp"):
			f.problem = wrongClock
		case strings.Contains(words, "sign"):
			f.problem = wrongSign
		case strings.Contains(words, "ip"):
			f.problem = wrongIP
		}
	case 130101, 130102:
		f.problem, f.closes, f.retryAfter = tooFast, dingTalkClosed, dingTalkClosed
	case 460101:
		f.problem = tooLong
	case 300001, 300005, 40014:
		f.problem = noSuchWebhook
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

// render renders a message as a card with a button, or as Markdown where there
// is no page to open.
func (p *dingTalk) render(m message) []byte {
	return fit(m, func(m message) ([]byte, bool) {
		title, text := cut(fullWidth(m.heading()), dingTalkMaxTitle), m.markdown()
		var rendered []byte
		if m.link == "" {
			plain := dingTalkMarkdown{MsgType: "markdown"}
			plain.Markdown.Title, plain.Markdown.Text = title, text
			rendered = encode(plain)
		} else {
			card := dingTalkCard{MsgType: "actionCard"}
			card.ActionCard.Title, card.ActionCard.Text = title, text
			card.ActionCard.SingleTitle, card.ActionCard.SingleURL = wordOpenPage.In(m.language), m.link
			rendered = encode(card)
		}
		return rendered, len(rendered) <= dingTalkMaxMessage && len(text) <= dingTalkMaxText
	})
}
