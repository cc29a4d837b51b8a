package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DingTalk's limits.
const (
	maxDingTalkMessage = 20_000 // bytes
	dingTalkSession    = 90 * time.Minute
	// dingTalkLimit is no documented figure: it is WeCom's, the longest of the others.
	dingTalkLimit = 5 * time.Second
)

// A dingTalk stands in for oapi.dingtalk.com: an app's robot that is asked in
// chats, and a group's own robot that is posted to.
type dingTalk struct {
	chat          *chat
	appSecret     rotation
	robotCode     string
	corpID        string
	conversation  string
	webhookToken  string
	webhookSecret string // empty: posts need no signature
	robot         rateLimit
}

func newDingTalk(c *chat, own map[string]string) *dingTalk {
	setDefault(own, "DINGTALK_API_URL", c.url)
	setDefault(own, "DINGTALK_APP_SECRET", randomHex(64))
	setDefault(own, "DINGTALK_ROBOT_CODE", "ding"+randomHex(16))
	setDefault(own, "DINGTALK_CORP_ID", "ding"+randomHex(32))
	if _, ok := own["DINGTALK_WEBHOOK_URL"]; !ok {
		own["DINGTALK_WEBHOOK_URL"] = c.url + "/robot/send?access_token=" + randomHex(64)
		setDefault(own, "DINGTALK_WEBHOOK_SECRET", "SEC"+randomHex(64))
	}
	d := &dingTalk{
		chat:          c,
		appSecret:     rotation(own["DINGTALK_APP_SECRET"]),
		robotCode:     firstOf(own["DINGTALK_ROBOT_CODE"]),
		corpID:        firstOf(own["DINGTALK_CORP_ID"]),
		conversation:  firstOf(own["DINGTALK_CONVERSATION_IDS"]),
		webhookSecret: own["DINGTALK_WEBHOOK_SECRET"],
		robot:         rateLimit{most: 20, per: time.Minute, ban: 10 * time.Minute},
	}
	if d.conversation == "" {
		d.conversation = "cidKTh2Vv8e0oSsTaskStatus=="
	}
	if webhook, err := url.Parse(own["DINGTALK_WEBHOOK_URL"]); err == nil {
		d.webhookToken = webhook.Query().Get("access_token")
	}
	return d
}

func (d *dingTalk) limit() time.Duration { return dingTalkLimit }

func (d *dingTalk) endpoints() map[string]chatEndpoint {
	return map[string]chatEndpoint{
		"POST /robot/send":          {viaWebhook, d.serveSend},
		"POST /robot/sendBySession": {viaSession, d.serveSession},
	}
}

// refuse is DingTalk's way to say no: with 200.
func (d *dingTalk) refuse(code int, message string) post {
	p := jsonPost(http.StatusOK, document{"errcode": code, "errmsg": message})
	p.err = strconv.Itoa(code) + " " + message
	return p
}

func (d *dingTalk) refusals(via string) map[string]post {
	refusals := map[string]post{"ratelimit": d.refuse(130101, "send too fast")}
	switch via {
	case viaSession:
		refusals["revoked"] = d.refuse(300001, "session 不存在")
	case viaWebhook:
		refusals["badsign"] = d.refuse(310000, "sign not match")
		refusals["clock"] = d.refuse(310000, "invalid timestamp")
		refusals["keyword"] = d.refuse(310000, "keywords not in content")
		refusals["ip"] = d.refuse(310000, "ip 127.0.0.1 not in whitelist")
		refusals["revoked"] = d.refuse(300005, "token is not exist")
	}
	return refusals
}

// serveSend is a group robot's webhook.
func (d *dingTalk) serveSend(r *http.Request, body []byte) post {
	query := r.URL.Query()
	refusals := d.refusals(viaWebhook)
	if d.webhookToken == "" || query.Get("access_token") != d.webhookToken {
		return refusals["revoked"]
	}
	if d.webhookSecret != "" {
		millis, err := strconv.ParseInt(query.Get("timestamp"), 10, 64)
		switch {
		case err != nil:
			return refusals["badsign"]
		case d.chat.now().Sub(time.UnixMilli(millis)).Abs() > patience:
			return refusals["clock"]
		case query.Get("sign") != dingTalkSign(query.Get("timestamp"), d.webhookSecret):
			return refusals["badsign"]
		}
	}
	v, refusal := d.read(r, body)
	if v == nil {
		return refusal
	}
	if !d.robot.allow(d.chat.now()) {
		return refusals["ratelimit"]
	}
	return d.shown(v)
}

// serveSession is where a robot answers what it was asked.
func (d *dingTalk) serveSession(r *http.Request, body []byte) post {
	said, err := d.chat.use("dingtalk " + r.URL.Query().Get("session"))
	if err != nil {
		p := d.refusals(viaSession)["revoked"]
		p.said = said
		return p
	}
	v, p := d.read(r, body)
	if v != nil {
		p = d.shown(v)
	}
	p.said, p.private = said, said.private
	return p
}

func (d *dingTalk) shown(v *view) post {
	p := jsonPost(http.StatusOK, document{"errcode": 0, "errmsg": "ok"})
	p.view = v
	return p
}

// read checks a message. Without a view the post is its refusal.
func (d *dingTalk) read(r *http.Request, body []byte) (*view, post) {
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType != "application/json" {
		return nil, d.refuse(43004, "无效的HTTP HEADER Content-Type: it must be application/json")
	}
	if len(body) > maxDingTalkMessage {
		return nil, d.refuse(460101, "message too long, exceed 20000 bytes")
	}
	message, ok := readObject(body)
	if !ok {
		return nil, d.refuse(40035, "不合法的参数: the body is not a JSON object")
	}
	v, problem, code := d.view(message)
	if problem != "" {
		return nil, d.refuse(code, problem)
	}
	return v, post{}
}

// view reads a message, or says what is wrong with it.
func (d *dingTalk) view(message object) (v *view, problem string, code int) {
	const missing, unsupported = 40035, 400105
	v = new(view)
	kind := message.text("msgtype")
	content := message.object(kind)
	need := func(names ...string) bool {
		for _, name := range names {
			if strings.TrimSpace(content.text(name)) == "" {
				problem = "缺少参数 " + kind + "." + name
				return false
			}
		}
		return true
	}
	switch kind {
	case "text":
		if !need("content") {
			return nil, problem, missing
		}
		v.Blocks = plainText.parse(content.text("content"))
	case "markdown":
		if !need("title", "text") {
			return nil, problem, missing
		}
		v.Blocks = dingTalkMarkdown.parse(content.text("text"))
	case "actionCard":
		if !need("title", "text") {
			return nil, problem, missing
		}
		v.Blocks = dingTalkMarkdown.parse(content.text("text"))
		if buttons := content.objects("btns"); len(buttons) > 0 {
			for _, button := range buttons {
				v.Buttons = append(v.Buttons, viewButton{button.text("title"), button.text("actionURL")})
			}
		} else {
			v.Buttons = []viewButton{{content.text("singleTitle"), content.text("singleURL")}}
		}
		for _, button := range v.Buttons {
			if strings.TrimSpace(button.Text) == "" || !isWebURL(button.URL) {
				return nil, "缺少参数 actionCard: a button needs a title and an address (singleTitle and singleURL)", missing
			}
		}
	default:
		return nil, "不支持的消息类型: msgtype " + strconv.Quote(kind), unsupported
	}
	v.Notice = content.text("title")
	v.Color = v.firstColor()
	if at := message.object("at"); at.flag("isAtAll") {
		v.add(paragraph, span{Text: "@all", Mention: true})
	} else {
		for _, id := range append(at.texts("atMobiles"), at.texts("atUserIds")...) {
			v.add(paragraph, span{Text: "@" + id, Mention: true})
		}
	}
	return v, "", 0
}

// call is what an app's robot in HTTP mode gets.
func (d *dingTalk) call(u *utterance) (chatCall, error) {
	now := d.chat.now()
	signedAt, secret, corp := now, d.appSecret.used(u), d.corpID
	switch u.forge {
	case "":
	case "signature":
		secret = "not" + secret
	case "stale":
		signedAt = signedAt.Add(-staleness)
	case "tenant":
		corp = "ding" + randomHex(32)
	default:
		return chatCall{}, errForgery
	}
	session := randomHex(32)
	expires := now.Add(dingTalkSession)
	d.chat.issue("dingtalk "+session, handle{said: u, until: expires, left: -1})
	message := document{
		"msgtype":                   "text",
		"text":                      document{"content": " " + u.text}, // what is left of "@robot text"
		"msgId":                     "msg" + rand.Text()[:16] + "==",
		"createAt":                  now.UnixMilli(),
		"conversationType":          "2",
		"conversationId":            d.conversation,
		"conversationTitle":         "Cloud team",
		"senderId":                  "$:LWCP_v1:$" + userCode(u.from),
		"senderStaffId":             userCode(u.from),
		"senderNick":                u.from,
		"senderCorpId":              corp,
		"senderPlatform":            "Mac",
		"chatbotCorpId":             corp,
		"chatbotUserId":             "$:LWCP_v1:$robot",
		"robotCode":                 d.robotCode,
		"atUsers":                   []document{{"dingtalkId": "$:LWCP_v1:$robot"}},
		"isInAtList":                true,
		"isAdmin":                   false,
		"sessionWebhook":            d.chat.url + "/robot/sendBySession?session=" + session,
		"sessionWebhookExpiredTime": expires.UnixMilli(),
	}
	if u.chat != "" {
		message["conversationId"] = u.chat
	}
	if u.private {
		message["text"] = document{"content": u.text}
		message["conversationType"] = "1"
		message["conversationId"] = "cid" + userCode(u.from) + "=="
		for _, name := range []string{"conversationTitle", "atUsers", "isInAtList"} {
			delete(message, name)
		}
	}
	body, err := json.Marshal(message)
	if err != nil {
		return chatCall{}, errors.New("the text is not UTF-8")
	}
	timestamp := strconv.FormatInt(signedAt.UnixMilli(), 10)
	return chatCall{
		method: http.MethodPost,
		url:    d.chat.frontURL + "/chat/dingtalk",
		header: http.Header{
			"Content-Type": {"application/json; charset=utf-8"},
			"Timestamp":    {timestamp},
			"Sign":         {dingTalkSign(timestamp, secret)},
		},
		body: string(body),
	}, nil
}

// answer is posted to the conversation when the response holds a message.
func (d *dingTalk) answer(_ *utterance, r chatResponse) (post, bool) {
	if len(strings.TrimSpace(string(r.body))) == 0 {
		return post{}, false
	}
	message, ok := readObject(r.body)
	if !ok {
		return post{err: "the response is not a JSON object"}, true
	}
	if len(message) == 0 {
		return post{}, false
	}
	v, problem, _ := d.view(message)
	return post{view: v, err: problem}, true
}

// dingTalkSign is the one signature for both ways; it covers the time only.
func dingTalkSign(timestamp, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "\n" + secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// userCode is an id for a name, always the same.
func userCode(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}
