package acceptance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// Two secrets, as while one takes the other's place.
const (
	slackSecret    = "8f742231b10e8888abcd99yyyzzz85a5"
	slackOldSecret = "e6b19c573432dcc6b075501d51b51bb8"
)

// A slackCall is a call as @slack/bolt wants it.
type slackCall struct {
	SigningSecret string            `json:"signingSecret"`
	Body          string            `json:"body"`
	Headers       map[string]string `json:"headers"`
	Now           int64             `json:"nowMilliseconds,omitempty"`
}

func (c slackCall) header() http.Header {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for name, value := range c.Headers {
		h.Set(name, value)
	}
	return h
}

// signSlack signs as Slack does, which no library can. TestChatSlackVectors
// holds it against what Slack published.
func signSlack(secret, body string, at time.Time) slackCall {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":" + body))
	return slackCall{secret, body, map[string]string{
		"x-slack-request-timestamp": timestamp, "x-slack-signature": "v0=" + hex.EncodeToString(mac.Sum(nil)),
	}, 0}
}

// slackForm is the body of a slash command.
func slackForm(text string) string {
	return url.Values{
		"team_id": {"T1DC2JH3J"}, "team_domain": {"testteamnow"}, "channel_id": {"G8PSS9T3V"}, "channel_name": {"foobar"},
		"user_id": {"U2CERLKJA"}, "user_name": {"roadrunner"}, "command": {"/task"}, "text": {text},
		"response_url": {"https://hooks.slack.com/commands/T1DC2JH3J/397700885554/96rGlfmibIGlgcZRskXaIFfN"},
		"trigger_id":   {"398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"},
	}.Encode()
}

// slackCalls are calls, and who takes each for genuine: the function, slack-go
// and Bolt.
var slackCalls = []struct {
	name              string
	secret            string
	age               time.Duration
	change            func(*slackCall)
	ours, slack, bolt bool
}{
	{"genuine", slackSecret, 0, nil, true, true, true},
	{"by the other secret", slackOldSecret, 0, nil, true, true, true},
	{"nearly too old", slackSecret, 290 * time.Second, nil, true, true, true},
	{"a little early", slackSecret, -290 * time.Second, nil, true, true, true},
	{"too old", slackSecret, 310 * time.Second, nil, false, false, false},
	// Bolt bounds the age, not how far ahead the time may be.
	{"too early", slackSecret, -310 * time.Second, nil, false, false, true},
	{"by a wrong secret", slackSecret + "x", 0, nil, false, false, false},
	{"by no secret", "", 0, nil, false, false, false},
	{"another body", slackSecret, 0, func(c *slackCall) { c.Body += "x" }, false, false, false},
	{"no body", slackSecret, 0, func(c *slackCall) { c.Body = "" }, false, false, false},
	{"another time", slackSecret, 10 * time.Second, func(c *slackCall) {
		c.Headers["x-slack-request-timestamp"] = strconv.FormatInt(time.Now().Unix(), 10)
	}, false, false, false},
	{"no time", slackSecret, 0, func(c *slackCall) { delete(c.Headers, "x-slack-request-timestamp") }, false, false, false},
	{"no signature", slackSecret, 0, func(c *slackCall) { delete(c.Headers, "x-slack-signature") }, false, false, false},
	{"another version", slackSecret, 0, sign(func(s string) string { return "v1" + s[2:] }), false, false, false},
	{"half a signature", slackSecret, 0, sign(func(s string) string { return s[:len(s)-32] }), false, false, false},
	// Bolt reads up to the second "=", and slack-go reads capitals too. Slack sends neither.
	{"something after the signature", slackSecret, 0, sign(func(s string) string { return s + "=" }), false, false, true},
	{"signature in capitals", slackSecret, 0, sign(func(s string) string { return "v0=" + strings.ToUpper(s[3:]) }), false, true, false},
}

// sign changes a call's signature.
func sign(change func(string) string) func(*slackCall) {
	return func(c *slackCall) { c.Headers["x-slack-signature"] = change(c.Headers["x-slack-signature"]) }
}

// slackCallsNow are the slackCalls, signed.
func slackCallsNow() []slackCall {
	calls := make([]slackCall, len(slackCalls))
	for i, test := range slackCalls {
		calls[i] = signSlack(test.secret, slackForm("help"), time.Now().Add(-test.age))
		if test.change != nil {
			test.change(&calls[i])
		}
	}
	return calls
}

func TestChatSlackCalls(t *testing.T) {
	t.Parallel()
	b := newBot(t, "SLACK_SIGNING_SECRET="+slackSecret+","+slackOldSecret)
	for i, call := range slackCallsNow() {
		test := slackCalls[i]
		t.Run(test.name, func(t *testing.T) {
			if got := b.hear(t, http.MethodPost, "/chat/slack", call.header(), []byte(call.Body)).letsIn(t); got != test.ours {
				t.Errorf("the function lets it in: %t, want %t", got, test.ours)
			}
			got := slices.ContainsFunc([]string{slackSecret, slackOldSecret}, func(secret string) bool {
				verifier, err := slack.NewSecretsVerifier(call.header(), secret)
				if err != nil {
					return false
				}
				verifier.Write([]byte(call.Body))
				return verifier.Ensure() == nil
			})
			if got != test.slack {
				t.Errorf("slack-go lets it in: %t, want %t", got, test.slack)
			}
		})
	}
	checkClosed(t, "slack", "SLACK_SIGNING_SECRET=")
	checkClosed(t, "slack", "SLACK_SIGNING_SECRET="+slackSecret[:15])
}

func TestChatSlackCallsInBolt(t *testing.T) {
	t.Parallel()
	var asked []slackCall
	for _, call := range slackCallsNow() {
		for _, secret := range []string{slackSecret, slackOldSecret} {
			call.SigningSecret = secret
			asked = append(asked, call)
		}
	}
	answers := ask[[]bool](t, "slack-bolt.cjs", "@slack/bolt", asked)
	for i, test := range slackCalls {
		if got := answers[2*i] || answers[2*i+1]; got != test.bolt {
			t.Errorf("%s: Bolt lets it in: %t, want %t", test.name, got, test.bolt)
		}
	}
}

// TestChatSlackVectors holds signSlack against the signatures that Slack and
// slack-go published, and Bolt, whose clock can be turned back, against both. The
// function's clock cannot: its own tests have the same vectors.
func TestChatSlackVectors(t *testing.T) {
	t.Parallel()
	var asked []slackCall
	for _, test := range []struct{ name, secret, body, signature, seconds string }{
		{
			"Slack's", slackSecret,
			"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
			"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503", "1531420618",
		},
		{
			"slack-go's", slackOldSecret,
			`{"token":"aF5ynEYQH0dFN9imlgcADxDB","team_id":"XXXXXXXXX","api_app_id":"YYYYYYYYY","event":{"type":"app_mention","user":"AAAAAAAAA","text":"<@EEEEEEEEE> hello world","client_msg_id":"477cc591-ch73-a14z-4db8-g0cd76321bec","ts":"1531431954.000073","channel":"TTTTTTTTT","event_ts":"1531431954.000073"},"type":"event_callback","event_id":"TvBP7LRED7","event_time":1531431954,"authed_users":["EEEEEEEEE"]}`,
			"v0=adada4ed31709aef585c2580ca3267678c6a8eaeb7e0c1aca3ee57b656886b2c", "1531431954",
		},
	} {
		seconds, err := strconv.ParseInt(test.seconds, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		call := signSlack(test.secret, test.body, time.Unix(seconds, 0))
		if got := call.Headers["x-slack-signature"]; got != test.signature {
			t.Errorf("%s: signed with %s, want %s", test.name, got, test.signature)
		}
		call.Now = seconds * 1000
		asked = append(asked, call)
	}
	if got := ask[[]bool](t, "slack-bolt.cjs", "@slack/bolt", asked); !slices.Equal(got, []bool{true, true}) {
		t.Errorf("Bolt lets them in: %t", got)
	}
}

// TestChatSlackMessages has slack-go read every kind of answer.
func TestChatSlackMessages(t *testing.T) {
	t.Parallel()
	b := newBot(t, append(asking(t), "SLACK_SIGNING_SECRET="+slackSecret)...)
	for _, test := range sayings(t) {
		t.Run(test.name, func(t *testing.T) {
			call := signSlack(slackSecret, slackForm(test.text), time.Now())
			request, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(call.Body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header = call.header()
			if command, err := slack.SlashCommandParse(request); err != nil || command.Text != test.text {
				t.Fatalf("slack-go reads the command as %+v, %v", command, err)
			}
			r := b.hear(t, http.MethodPost, "/chat/slack", call.header(), []byte(call.Body))
			var message slack.Msg
			read(t, r.body, &message)
			checkKnown(t, r.body, message)
			if message.ResponseType != slack.ResponseTypeEphemeral {
				t.Errorf("the answer is %q, want one that nobody else sees", message.ResponseType)
			}
			checkSlack(t, message.Text, message.Attachments)
		})
	}
}

func TestChatSlackWebhook(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	notifyTest(t, "SLACK_API_URL="+p.URL, "SLACK_WEBHOOK_URL="+p.URL+"/services/T00/B00/xyz")
	l := p.one(t)
	if l.path != "/services/T00/B00/xyz" || !strings.HasPrefix(l.header.Get("Content-Type"), "application/json") {
		t.Errorf("posted to %s as %s", l.path, l.header.Get("Content-Type"))
	}
	var message slack.WebhookMessage
	read(t, l.body, &message)
	checkKnown(t, l.body, message)
	checkSlack(t, message.Text, message.Attachments)

	// What slack-go posts of it is the same message.
	if err := slack.PostWebhookContext(t.Context(), p.URL, &message); err != nil {
		t.Fatal(err)
	}
	var posted any
	if err := json.Unmarshal(p.one(t).body, &posted); err != nil {
		t.Fatal(err)
	}
	checkKnown(t, l.body, posted)
}

// checkSlack checks that a message keeps to what Slack documents of Block Kit.
func checkSlack(t *testing.T, text string, attachments []slack.Attachment) {
	t.Helper()
	if text == "" {
		t.Error("no text, for notices and screen readers")
	}
	checkSlackMarkup(t, text)
	if len(attachments) != 1 {
		t.Fatalf("%d attachments, want one", len(attachments))
	}
	checkSlackMarkup(t, attachments[0].Fallback)
	blocks := attachments[0].Blocks.BlockSet
	if len(blocks) == 0 || len(blocks) > 50 {
		t.Errorf("%d blocks, want 1 to 50", len(blocks))
	}
	for _, block := range blocks {
		switch block := block.(type) {
		case *slack.SectionBlock:
			if block.Text == nil && len(block.Fields) == 0 || len(block.Fields) > 10 {
				t.Errorf("a section with %d fields", len(block.Fields))
			}
			if block.Text != nil {
				checkSlackText(t, block.Text, 3000)
			}
			for _, field := range block.Fields {
				checkSlackText(t, field, 2000)
			}
		case *slack.ContextBlock:
			if n := len(block.ContextElements.Elements); n == 0 || n > 10 {
				t.Errorf("a context with %d elements", n)
			}
			for _, element := range block.ContextElements.Elements {
				element, ok := element.(*slack.TextBlockObject)
				if !ok {
					t.Errorf("a %T in a context", element)
					continue
				}
				checkSlackText(t, element, 2000)
			}
		case *slack.ActionBlock:
			if n := len(block.Elements.ElementSet); n == 0 || n > 25 {
				t.Errorf("%d actions", n)
			}
			for _, element := range block.Elements.ElementSet {
				button, ok := element.(*slack.ButtonBlockElement)
				if !ok {
					t.Errorf("an action of type %T", element)
					continue
				}
				checkSlackText(t, button.Text, 75)
				if button.Text.Type != slack.PlainTextType || !strings.HasPrefix(button.URL, "https://status.example.com/") || len(button.URL) > 3000 || button.ActionID == "" {
					t.Errorf("the button %+v", button)
				}
			}
		default:
			t.Errorf("slack-go takes a block for %T", block)
		}
	}
}

func checkSlackText(t *testing.T, text *slack.TextBlockObject, most int) {
	t.Helper()
	if err := text.Validate(); err != nil {
		t.Errorf("%v: %+v", err, text)
	}
	if n := utf8.RuneCountInString(text.Text); n > most {
		t.Errorf("%d characters, want at most %d: %s", n, most, text.Text)
	}
	if text.Type == slack.MarkdownType {
		checkSlackMarkup(t, text.Text)
	}
}

// checkSlackMarkup checks that no markup holds a mention, or a link to
// elsewhere: the only "<" that are not escaped begin links of the function's own.
func checkSlackMarkup(t *testing.T, text string) {
	t.Helper()
	rest := strings.ReplaceAll(text, "<https://status.example.com/", "")
	for _, markup := range []string{"<", "@all", "*bold*", "`"} {
		if strings.Contains(rest, markup) {
			t.Errorf("not escaped, or not a link to the page: %s in %s", markup, text)
		}
	}
}
