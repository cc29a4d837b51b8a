package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// Slack's limits.
const (
	slackResponse      = 30 * time.Minute
	slackResponseCalls = 5
	slackLimit         = 3 * time.Second
	// slackBurst posts are let through at once, and no more than as many in as many seconds.
	slackBurst = 4
)

// A slack stands in for hooks.slack.com: a slash command, and an incoming webhook.
type slack struct {
	chat          *chat
	signingSecret rotation
	teamID        string
	channelID     string
	token         string // deprecated, and still sent
	webhookPath   string
	webhook       rateLimit
}

func newSlack(c *chat, own map[string]string) *slack {
	setDefault(own, "SLACK_API_URL", c.url)
	setDefault(own, "SLACK_SIGNING_SECRET", randomHex(32))
	setDefault(own, "SLACK_TEAM_ID", "T"+strings.ToUpper(randomHex(10)))
	s := &slack{
		chat:          c,
		signingSecret: rotation(own["SLACK_SIGNING_SECRET"]),
		teamID:        firstOf(own["SLACK_TEAM_ID"]),
		channelID:     firstOf(own["SLACK_CHANNEL_IDS"]),
		token:         randomHex(24),
		webhook:       rateLimit{most: slackBurst, per: slackBurst * time.Second},
	}
	if s.teamID == "" {
		s.teamID = "T" + strings.ToUpper(randomHex(10))
	}
	setDefault(own, "SLACK_WEBHOOK_URL", c.url+"/services/"+s.teamID+"/B"+strings.ToUpper(randomHex(10))+"/"+randomHex(24))
	if s.channelID == "" {
		s.channelID = "C0CLOUDTEAM"
	}
	if webhook, err := url.Parse(own["SLACK_WEBHOOK_URL"]); err == nil {
		s.webhookPath = webhook.Path
	}
	return s
}

func (s *slack) limit() time.Duration { return slackLimit }

func (s *slack) endpoints() map[string]chatEndpoint {
	return map[string]chatEndpoint{
		"POST /services/{team}/{service}/{token}": {viaWebhook, s.serveWebhook},
		"POST /commands/{team}/{call}/{token}":    {viaResponse, s.serveResponse},
	}
}

// say is Slack's plain answer.
func (s *slack) say(status int, text string) post {
	return post{reply: textReply(status, "text/html", text)}
}

func (s *slack) refuse(status int, code, why string) post {
	p := s.say(status, code)
	p.err = strings.TrimSuffix(fmt.Sprintf("%d %s: %s", status, code, why), ": ")
	return p
}

func (s *slack) refusals(via string) map[string]post {
	tooFast := s.refuse(http.StatusTooManyRequests, "rate_limited", "")
	tooFast.reply.header.Set("Retry-After", "1")
	if via == viaResponse {
		return map[string]post{"ratelimit": tooFast, "revoked": s.refuse(http.StatusNotFound, "expired_url", "")}
	}
	return map[string]post{
		"ratelimit": tooFast,
		"revoked":   s.refuse(http.StatusNotFound, "no_service", ""),
		"badtoken":  s.refuse(http.StatusForbidden, "invalid_token", ""),
		"archived":  s.refuse(http.StatusGone, "channel_is_archived", ""),
	}
}

// serveWebhook is an incoming webhook.
func (s *slack) serveWebhook(r *http.Request, body []byte) post {
	refusals := s.refusals(viaWebhook)
	if r.URL.Path != s.webhookPath {
		if path.Dir(r.URL.Path) == path.Dir(s.webhookPath) {
			return refusals["badtoken"]
		}
		return refusals["revoked"]
	}
	if !s.webhook.allow(s.chat.now()) {
		return refusals["ratelimit"]
	}
	return s.read(r.Header.Get("Content-Type"), body)
}

// serveResponse is a command's response_url.
func (s *slack) serveResponse(r *http.Request, body []byte) post {
	said, err := s.chat.use("slack " + r.URL.Path)
	var p post
	switch err {
	case nil:
		p = s.read(r.Header.Get("Content-Type"), body)
	case errUsedHandle:
		p = s.refuse(http.StatusNotFound, "used_url", "")
	default:
		p = s.refuse(http.StatusNotFound, "expired_url", "")
	}
	if p.said = said; p.said != nil {
		p.private = said.private || s.isPrivate(body)
	}
	return p
}

// isPrivate reports whether an answer is only for who asked, which is the default.
func (s *slack) isPrivate(body []byte) bool {
	message, _ := readObject(body)
	return message.text("response_type") != "in_channel"
}

// read takes a message.
func (s *slack) read(contentType string, body []byte) post {
	message, ok := readObject(body)
	if mediaType, _, _ := mime.ParseMediaType(contentType); mediaType != "application/json" {
		return s.refuse(http.StatusBadRequest, "invalid_payload", "the content type must be application/json")
	}
	if !ok {
		return s.refuse(http.StatusBadRequest, "invalid_payload", "the body is not a JSON object")
	}
	v, code, why := s.view(message)
	if code != "" {
		return s.refuse(http.StatusBadRequest, code, why)
	}
	p := s.say(http.StatusOK, "ok")
	p.view = v
	return p
}

// view reads a message, or says what is wrong with it.
func (s *slack) view(message object) (v *view, code, why string) {
	if strings.TrimSpace(message.text("text")) == "" {
		return nil, "no_text", "notifications and screen readers need it beside blocks too"
	}
	if kind := message.text("response_type"); kind != "" && kind != "ephemeral" && kind != "in_channel" {
		return nil, "invalid_payload", fmt.Sprintf("response_type %q", kind)
	}
	v, err := readSlackMessage(message)
	if err != nil {
		return nil, "invalid_blocks", err.Error()
	}
	return v, "", ""
}

// call is a slash command.
func (s *slack) call(u *utterance) (chatCall, error) {
	now := s.chat.now()
	signedAt, secret, team := now, s.signingSecret.used(u), s.teamID
	switch u.forge {
	case "signature":
		secret = "not" + secret
	case "stale":
		signedAt = now.Add(-staleness)
	case "tenant":
		team = "T" + strings.ToUpper(randomHex(10))
	}
	address := "/commands/" + s.teamID + "/" + strconv.FormatInt(now.UnixMicro(), 10) + "/" + randomHex(24)
	s.chat.issue("slack "+address, handle{said: u, until: now.Add(slackResponse), left: slackResponseCalls})
	form := url.Values{
		"token":                 {s.token},
		"team_id":               {team},
		"team_domain":           {"example"},
		"channel_id":            {s.channelID},
		"channel_name":          {"cloud-team"},
		"user_id":               {"U" + strings.ToUpper(hex.EncodeToString([]byte(userCode(u.from))[:5]))},
		"user_name":             {u.from},
		"command":               {"/task"},
		"text":                  {slashText(u.text)},
		"api_app_id":            {"A0TASKSTATUS"},
		"is_enterprise_install": {"false"},
		"response_url":          {s.chat.url + address},
		"trigger_id":            {"1." + strconv.FormatInt(now.Unix(), 10) + "." + randomHex(32)},
	}
	if u.chat != "" {
		form.Set("channel_id", u.chat)
	}
	if u.private {
		form.Set("channel_id", "D"+strings.ToUpper(hex.EncodeToString([]byte(userCode(u.from))[:5])))
		form.Set("channel_name", "directmessage")
	}
	body := form.Encode()
	timestamp := strconv.FormatInt(signedAt.Unix(), 10)
	signature := slackSign(timestamp, body, secret)
	if u.forge == "body" {
		body += "&text=help"
	}
	return chatCall{
		method: http.MethodPost,
		url:    s.chat.frontURL + "/chat/slack",
		header: http.Header{
			"Content-Type":              {"application/x-www-form-urlencoded"},
			"User-Agent":                {"Slackbot 1.0 (+https://api.slack.com/robots)"},
			"X-Slack-Request-Timestamp": {timestamp},
			"X-Slack-Signature":         {signature},
		},
		body: body,
	}, nil
}

// slashText is what Slack passes on of a command that a person typed with or
// without the slash.
func slashText(text string) string {
	if rest, ok := strings.CutPrefix(text, "/task"); ok && (rest == "" || rest[0] == ' ') {
		return strings.TrimSpace(rest)
	}
	return text
}

func slackSign(timestamp, body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":" + body))
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// answer is a message of its own: in JSON, or a plain text.
func (s *slack) answer(_ *utterance, r chatResponse) (post, bool) {
	if len(strings.TrimSpace(string(r.body))) == 0 {
		return post{}, false
	}
	switch mediaType, _, _ := mime.ParseMediaType(r.header.Get("Content-Type")); mediaType {
	case "application/json":
		message, ok := readObject(r.body)
		if !ok {
			return post{err: "invalid_payload: the response is not a JSON object"}, true
		}
		v, code, why := s.view(message)
		if code != "" {
			return post{err: code + ": " + why}, true
		}
		return post{view: v, private: s.isPrivate(r.body)}, true
	case "text/plain":
		return post{view: &view{Blocks: mrkdwnBlocks(string(r.body))}, private: true}, true
	default:
		return post{err: fmt.Sprintf("the response is neither application/json nor text/plain: %q", mediaType)}, true
	}
}
