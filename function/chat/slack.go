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
	"strings"
	"time"

	"taskstatus/function/secret"
	"taskstatus/function/task"
)

const (
	// slackWindow is how far a call's time may be off (Slack, "Verifying requests from Slack").
	slackWindow = 5 * time.Minute
	// slackReplyFor is how long a response_url works, less a little (Slack,
	// "Handling user interaction": 30 minutes, 5 uses).
	slackReplyFor = 29 * time.Minute

	// The limits of Block Kit, in characters; here they are kept in bytes, of
	// which there are never fewer.
	slackMaxText   = 3000
	slackMaxField  = 2000
	slackMaxFields = 10
	slackMaxURL    = 3000
	slackMaxBlocks = 50
	// slackMaxMessage keeps a whole message under the total that Slack refuses with
	// msg_blocks_too_long, some 13,200 characters.
	slackMaxMessage = 12_000
	// slackGrowth is how much longer escaping can make a text: "&" becomes "&amp;".
	slackGrowth = 5
)

// slack is Slack: asked by a slash command, answered in the response to it.
type slack struct {
	base
	secrets []secret.Value
	teams   []string
}

func newSlack(s *settings, c *client) platform {
	p := &slack{base: base{name: "slack", language: task.English, client: c}}
	p.origin = s.origin("SLACK_API_URL", "https://hooks.slack.com")
	p.secrets = s.secrets("SLACK_SIGNING_SECRET")
	p.teams = s.list("SLACK_TEAM_ID")
	p.conversations = s.list("SLACK_CHANNEL_IDS")
	s.webhook(&p.base, "SLACK")
	p.pace.limits = []limit{{1, time.Second}}
	return p
}

func (p *slack) hears() bool { return len(p.secrets) > 0 }

// receive verifies a call (Slack, "Verifying requests from Slack") and reads a
// slash command.
func (p *slack) receive(c call) (question, error) {
	timestamp := c.header.Get("X-Slack-Request-Timestamp")
	signature := c.header.Get("X-Slack-Signature")
	switch {
	case !slices.ContainsFunc(p.secrets, func(s secret.Value) bool {
		return hmac.Equal([]byte(signature), []byte(slackSign(s.Reveal(), timestamp, c.body)))
	}):
		return question{}, refused("the signature does not match")
	case !isRecent(timestamp, c.now, slackWindow):
		return question{}, refused("the time is more than 5 minutes off")
	}
	form, err := url.ParseQuery(string(c.body))
	switch {
	case err != nil:
		return question{}, refused("the body is no form")
	case form.Has("payload"), form.Has("ssl_check"):
		// A click on a link button, which Slack follows itself, or Slack trying the
		// address: both only want to hear that they were heard.
		return nothing, nil
	case form.Get("team_id") == "", !anyOf(p.teams, form.Get("team_id")):
		return question{}, refused("the call is from another team")
	}
	q := question{
		id: signature, text: form.Get("text"), conversation: form.Get("channel_id"),
		// Shown to the one who asked alone.
		respond: func(_ context.Context, m message) (response, error) {
			return response{jsonType, p.render(m, "ephemeral")}, nil
		},
	}
	if to := form.Get("response_url"); isAt(to, p.origin) {
		q.to, q.expires = to, c.now.Add(slackReplyFor)
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

func (p *slack) followUp(ctx context.Context, to, _ string, m message) error {
	return p.client.deliver(ctx, nil, p.origin, to, p.render(m, "ephemeral"), judgeSlack)
}

func (p *slack) post(ctx context.Context, m message) error {
	return p.client.deliver(ctx, &p.pace, p.origin, p.webhook.Reveal(), p.render(m, ""), judgeSlack)
}

// judgeSlack judges an answer: webhooks say "ok", or the name of an error with
// a status of 4xx; others say {"ok":false,"error":…} with 200.
func judgeSlack(r result) *failure {
	var said struct {
		OK    bool
		Error string
	}
	text := string(bytes.TrimSpace(r.body))
	if json.Unmarshal(r.body, &said) != nil {
		said.OK, said.Error = text == "ok", text
	}
	f := httpFailure(r.status)
	if f == nil && said.OK {
		return nil
	}
	if f == nil {
		f = unintelligible(r.status)
	}
	switch said.Error {
	case "invalid_token", "no_service", "no_service_id", "no_team", "team_disabled", "channel_not_found", "channel_is_archived":
		f.problem = noSuchWebhook
	case "expired_url", "used_url":
		f.problem = tooLate
	case "action_prohibited", "posting_to_general_channel_denied", "user_not_found":
		f.problem = "the workspace does not let this webhook post there"
	case "msg_blocks_too_long", "msg_too_long":
		f.problem = tooLong
	case "rate_limited", "ratelimited":
		f.problem, f.retry = tooFast, true
	default:
		return f
	}
	f.code = said.Error
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

// render renders a message in Block Kit: the heading as the text, which notices
// and screen readers take, and all else behind a bar of colour.
func (p *slack) render(m message, responseType string) []byte {
	return fit(m, func(m message) ([]byte, bool) {
		heading := slackEscape(cut(m.heading(), slackMaxText/slackGrowth))
		blocks := slackBlocks(m)
		rendered := encode(slackMessage{
			ResponseType: responseType,
			Text:         "*" + heading + "*",
			Attachments:  []slackAttachment{{Color: slackColor(m.state), Fallback: heading, Blocks: blocks}},
		})
		return rendered, len(rendered) <= slackMaxMessage && len(blocks) <= slackMaxBlocks && len(m.link) <= slackMaxURL
	})
}

func slackBlocks(m message) []slackBlock {
	var blocks []slackBlock
	// markup adds text of ours, in which what others wrote is escaped.
	markup := func(text string) {
		blocks = append(blocks, slackBlock{Type: "section", Text: &slackText{Type: "mrkdwn", Text: text}})
	}
	escaped := func(text string, most int) string { return slackEscape(cut(text, most/slackGrowth)) }
	label := func(name string) string { return "*" + escaped(name, slackMaxField/4) + "*\n" }
	if m.reason != "" {
		markup(label(wordReason.In(m.language)))
		// Plain text is shown as it is, whatever is in it.
		blocks = append(blocks, slackBlock{Type: "section", Text: &slackText{Type: "plain_text", Text: cut(m.reason, slackMaxText), Emoji: new(bool)}})
	}
	if m.hint != "" {
		markup(label(wordHint.In(m.language)) + escaped(m.hint, slackMaxText/2))
	}
	for _, note := range m.notes {
		markup(escaped(note, slackMaxText))
	}
	for fields := range slices.Chunk(m.fields, slackMaxFields) {
		section := slackBlock{Type: "section"}
		for _, f := range fields {
			section.Fields = append(section.Fields, slackText{Type: "mrkdwn", Text: label(f.name) + escaped(f.value, slackMaxField/2)})
		}
		blocks = append(blocks, section)
	}
	for _, r := range m.rows {
		id := escaped(r.id, slackMaxText/8)
		if r.link != "" && len(r.link) <= slackMaxText/4 {
			id = "<" + slackEntities(r.link) + "|" + id + ">"
		}
		text := r.state.mark() + " " + escaped(r.status, slackMaxText/8) + " · " + id
		if r.about != "" {
			text += "\n" + escaped(r.about, slackMaxText/2)
		}
		markup(text)
	}
	if m.more > 0 {
		markup(slackEscape(m.moreText()))
	}
	if m.link != "" {
		blocks = append(blocks, slackBlock{Type: "actions", Elements: []any{slackButton{
			Type: "button", URL: m.link, ActionID: "page",
			Text: slackText{Type: "plain_text", Text: wordOpenPage.In(m.language)},
		}}})
	}
	return append(blocks, slackBlock{Type: "context", Elements: []any{slackText{Type: "mrkdwn", Text: escaped(m.footer, slackMaxField)}}})
}

// slackColor is the state's colour, as the pages have it.
func slackColor(s state) string {
	switch s {
	case stateOpen:
		return "#1f5fbf"
	case stateSuccess:
		return "#1a7f37"
	case stateFailed:
		return "#c5221f"
	}
	return "#6e7781"
}

// slackEscape keeps text from being taken for Slack's mrkdwn: the three
// characters that begin links, mentions and entities by name (Slack,
// "Formatting text": escaping), the others by their full-width twins.
func slackEscape(s string) string { return slackEntities(fullWidth(s)) }

// slackEntities is no strings.Replacer, which every instance would have to make.
func slackEntities(s string) string {
	s = strings.ReplaceAll(s, "&", "&amp;")
	s = strings.ReplaceAll(s, "<", "&lt;")
	return strings.ReplaceAll(s, ">", "&gt;")
}
