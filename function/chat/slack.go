package chat

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"taskstatus/function/task"
)

const (
	// slackWindow is how old a call may be (Slack, "Verifying requests from Slack").
	slackWindow = 5 * time.Minute
	// slackReplyFor is how long a response_url works, less a little (Slack,
	// "Handling user interaction": 30 minutes, 5 uses).
	slackReplyFor = 29 * time.Minute

	// The limits of Block Kit, in characters; here they are kept in bytes, of
	// which there are never fewer.
	slackMaxText   = 3000
	slackMaxField  = 2000
	slackMaxFields = 10
	slackMaxButton = 75
	slackMaxURL    = 3000
	slackMaxBlocks = 50
	// slackMaxMessage keeps a whole message under the total that Slack refuses with
	// msg_blocks_too_long, some 13,200 characters.
	slackMaxMessage = 12_000
)

// slack is Slack: asked by a slash command, answered in the response to it.
type slack struct {
	everyday
	conversations
	client  *client
	origin  string
	secrets []secret
	team    string
	webhook secret
	pace    pace
}

func newSlack(s *settings, c *client) platform {
	p := &slack{everyday: everyday(task.English), client: c}
	p.origin = s.origin("SLACK_API_URL", "https://hooks.slack.com")
	p.secrets = s.secrets("SLACK_SIGNING_SECRET")
	p.team = s.value("SLACK_TEAM_ID")
	p.conversations = s.list("SLACK_CHANNEL_IDS")
	p.webhook = s.webhook("SLACK_WEBHOOK_URL", "SLACK_API_URL", p.origin)
	p.pace.limits = []limit{{1, time.Second}}
	return p
}

func (*slack) name() string  { return "slack" }
func (p *slack) hears() bool { return len(p.secrets) > 0 }
func (p *slack) posts() bool { return p.webhook.isSet() }

// open verifies a call (Slack, "Verifying requests from Slack") and reads a
// slash command.
func (p *slack) open(c call) (question, error) {
	timestamp := c.header.Get("X-Slack-Request-Timestamp")
	signature := c.header.Get("X-Slack-Signature")
	switch {
	case !slices.ContainsFunc(p.secrets, func(s secret) bool {
		return hmac.Equal([]byte(signature), []byte(slackSign(s.reveal(), timestamp, c.body)))
	}):
		return question{}, refused("slack: the signature does not match")
	case !recentSeconds(timestamp, c.now, slackWindow):
		return question{}, refused("slack: the timestamp is too old")
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return question{}, refused("slack: the body is no form")
	}
	if form.Has("payload") {
		// A click on a link button: Slack opens the link, and only wants to hear that it was heard.
		return question{response: new(response)}, nil
	}
	if form.Has("ssl_check") {
		return question{response: new(response)}, nil
	}
	if team := form.Get("team_id"); team == "" || p.team != "" && team != p.team {
		return question{}, refused("slack: the call is from another team")
	}
	q := question{
		id:           signature,
		text:         form.Get("text"),
		conversation: form.Get("channel_id"),
		to:           address{form.Get("response_url"), c.now.Add(slackReplyFor)},
	}
	// Where the command itself is a verb of ours, as /failed, its text follows it.
	if verb := strings.TrimPrefix(form.Get("command"), "/"); !parseCommand(q.text, task.English).named && parseCommand(verb, task.English).named {
		q.text = verb + " " + q.text
	}
	return q, nil
}

// slackSign returns the value of X-Slack-Signature.
func slackSign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// recentSeconds reports whether the seconds since 1970 are no more than so far from now.
func recentSeconds(seconds string, now time.Time, window time.Duration) bool {
	n, err := strconv.ParseInt(seconds, 10, 64)
	return err == nil && now.Sub(time.Unix(n, 0)).Abs() <= window
}

// answer gives the message in the response, for the one who asked alone.
func (p *slack) answer(_ context.Context, _ question, m message) (response, error) {
	return response{jsonType, p.render(m, "ephemeral")}, nil
}

func (p *slack) tell(ctx context.Context, to address, _ string, m message) error {
	return p.client.deliver(ctx, nil, p.origin, to.to, p.render(m, "ephemeral"), judgeSlack)
}

func (p *slack) post(ctx context.Context, m message) error {
	return p.client.deliver(ctx, &p.pace, p.origin, p.webhook.reveal(), p.render(m, ""), judgeSlack)
}

// judgeSlack judges an answer: webhooks say "ok", or the name of an error with
// a status of 4xx; others say {"ok":false,"error":…} with 200.
func judgeSlack(a answer) *Failure {
	f := httpFailure(a.status)
	var said struct {
		OK    *bool
		Error string
	}
	isJSON := json.Unmarshal(a.body, &said) == nil
	if f == nil && (isJSON && said.OK != nil && *said.OK || string(bytes.TrimSpace(a.body)) == "ok") {
		return nil
	}
	if f == nil {
		f = &Failure{Code: httpCode(a.status), Problem: senseless}
	}
	name := said.Error
	if !isJSON {
		name = string(bytes.TrimSpace(a.body))
	}
	switch name {
	case "invalid_token", "no_service", "no_service_id", "no_team", "team_disabled", "channel_not_found", "channel_is_archived":
		f.Problem = noSuchWebhook
	case "expired_url", "used_url":
		f.Problem = task.Text{En: "the time for later answers is over", Zh: "后续通知的有效期已过"}
	case "action_prohibited", "posting_to_general_channel_denied", "user_not_found":
		f.Problem = task.Text{En: "the workspace does not let this webhook post there", Zh: "工作区不允许该 Webhook 在此发布"}
	case "msg_blocks_too_long", "msg_too_long":
		f.Problem = tooLong
	case "rate_limited", "ratelimited":
		f.Problem, f.retry = tooFast, true
	default:
		return f
	}
	f.Code = name
	return f
}

type (
	slackText struct {
		Type  string `json:"type"`
		Text  string `json:"text"`
		Emoji *bool  `json:"emoji,omitempty"`
	}
	slackBlock struct {
		Type     string      `json:"type"`
		Text     *slackText  `json:"text,omitempty"`
		Fields   []slackText `json:"fields,omitempty"`
		Elements []any       `json:"elements,omitempty"`
	}
	slackButton struct {
		Type     string    `json:"type"`
		Text     slackText `json:"text"`
		URL      string    `json:"url"`
		ActionID string    `json:"action_id"`
	}
	slackAttachment struct {
		Color    string       `json:"color"`
		Fallback string       `json:"fallback"`
		Blocks   []slackBlock `json:"blocks"`
	}
	slackMessage struct {
		ResponseType string            `json:"response_type,omitempty"`
		Text         string            `json:"text"`
		Attachments  []slackAttachment `json:"attachments"`
	}
)

// render dresses a message in Block Kit: the title as the text, which notices and screen
// readers take, and all else behind a bar of colour.
func (p *slack) render(m message, responseType string) []byte {
	return fit(m, slackMaxMessage, func(m message) []byte {
		title := slackEscape(cut(m.heading(), slackMaxText/2))
		return encode(slackMessage{
			ResponseType: responseType,
			Text:         "*" + title + "*",
			Attachments:  []slackAttachment{{Color: m.mood.color(), Fallback: title, Blocks: slackBlocks(m)}},
		})
	})
}

func slackBlocks(m message) []slackBlock {
	var blocks []slackBlock
	markup := func(text string) { // text of ours, with what others wrote escaped in it
		blocks = append(blocks, slackBlock{Type: "section", Text: &slackText{Type: "mrkdwn", Text: text}})
	}
	label := func(name string) string { return "*" + slackEscape(name) + "*\n" }
	if m.reason != "" {
		markup(label(wordReason.In(m.language)))
		// Plain text is shown as it is, whatever is in it.
		blocks = append(blocks, slackBlock{Type: "section", Text: &slackText{Type: "plain_text", Text: cut(m.reason, slackMaxText), Emoji: new(bool)}})
	}
	if m.hint != "" {
		markup(label(wordHint.In(m.language)) + slackEscape(cut(m.hint, slackMaxText/2)))
	}
	for _, note := range m.notes {
		markup(slackEscape(cut(note, slackMaxText/2)))
	}
	for fields := range slices.Chunk(m.fields, slackMaxFields) {
		section := slackBlock{Type: "section"}
		for _, f := range fields {
			section.Fields = append(section.Fields, slackText{Type: "mrkdwn", Text: label(cut(f.name, slackMaxField/8)) + slackEscape(cut(f.value, slackMaxField/8))})
		}
		blocks = append(blocks, section)
	}
	for _, r := range m.rows {
		id := slackEscape(r.id)
		if r.link != "" && len(r.link) < slackMaxURL/2 {
			id = "<" + slackEntities.Replace(r.link) + "|" + id + ">"
		}
		text := r.mood.mark() + " " + slackEscape(r.state) + " · " + id
		if r.about != "" {
			text += "\n" + slackEscape(cut(r.about, slackMaxText/8))
		}
		markup(text)
	}
	if m.more > 0 {
		markup(slackEscape(m.moreText()))
	}
	if m.link != "" && len(m.link) <= slackMaxURL {
		blocks = append(blocks, slackBlock{Type: "actions", Elements: []any{slackButton{
			Type: "button", URL: m.link, ActionID: "page",
			Text: slackText{Type: "plain_text", Text: cut(wordOpenPage.In(m.language), slackMaxButton)},
		}}})
	}
	blocks = blocks[:min(len(blocks), slackMaxBlocks-1)]
	return append(blocks, slackBlock{Type: "context", Elements: []any{slackText{Type: "mrkdwn", Text: slackEscape(cut(m.small, slackMaxField/8))}}})
}

// slackEscape keeps text from being taken for Slack's mrkdwn: the three
// characters that begin links, mentions and entities by name (Slack,
// "Formatting text": escaping), the others by their full-width twins.
func slackEscape(s string) string {
	return slackEntities.Replace(twins(s))
}

var slackEntities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
