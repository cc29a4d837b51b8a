package main

import (
	"crypto/aes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// WeCom's limits.
const (
	maxWeComText     = 2048  // bytes
	maxWeComMarkdown = 4096  // bytes, of a group robot
	maxWeComStream   = 20480 // bytes, of a smart bot
	weComResponse    = time.Hour
	weComLimit       = 5 * time.Second
)

// A weCom stands in for qyapi.weixin.qq.com: a smart bot that is asked in
// chats, and a group robot that is posted to.
type weCom struct {
	chat   *chat
	token  rotation
	aesKey rotation
	botID  string
	chatID string
	key    string // of the group robot
	robot  rateLimit
}

func newWeCom(c *chat, own map[string]string) *weCom {
	setDefault(own, "WECOM_API_URL", c.url)
	setDefault(own, "WECOM_TOKEN", randomHex(24))
	setDefault(own, "WECOM_AES_KEY", randomAESKey())
	setDefault(own, "WECOM_WEBHOOK_URL", c.url+"/cgi-bin/webhook/send?key="+strings.ToLower(newRequestID()))
	w := &weCom{
		chat:   c,
		token:  rotation(own["WECOM_TOKEN"]),
		aesKey: rotation(own["WECOM_AES_KEY"]),
		botID:  "aib" + randomHex(24),
		chatID: firstOf(own["WECOM_CHAT_IDS"]),
		robot:  rateLimit{most: 20, per: time.Minute},
	}
	if w.chatID == "" {
		w.chatID = "wrkSFfCgAAtaskStatusGroup"
	}
	if webhook, err := url.Parse(own["WECOM_WEBHOOK_URL"]); err == nil {
		w.key = webhook.Query().Get("key")
	}
	return w
}

// randomAESKey returns a key as WeCom makes them: 43 letters and digits. The
// last one carries two bits too many, which a strict decoder of base64 refuses.
func randomAESKey() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var key strings.Builder
	for range 42 {
		key.WriteByte(letters[rand.N(len(letters))])
	}
	return key.String() + "B"
}

// letter is the envelope for a call and its answer.
func (w *weCom) letter(u *utterance) weComLetter {
	return weComLetter{token: w.token.used(u), key: weComKey(w.aesKey.used(u))}
}

func (w *weCom) limit() time.Duration { return weComLimit }

func (w *weCom) endpoints() map[string]chatEndpoint {
	return map[string]chatEndpoint{
		"POST /cgi-bin/webhook/send":   {viaWebhook, w.serveSend},
		"POST /cgi-bin/aibot/response": {viaResponse, w.serveResponse},
	}
}

func (w *weCom) refuse(code int, message string) post {
	p := jsonPost(http.StatusOK, document{"errcode": code, "errmsg": message + ", hint: [1790000000000000000000], from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e=" + strconv.Itoa(code)})
	p.err = strconv.Itoa(code) + " " + message
	return p
}

func (w *weCom) refusals(via string) map[string]post {
	if via == viaResponse {
		return map[string]post{
			"ratelimit": w.refuse(45009, "api freq out of limit"),
			"revoked":   w.refuse(40029, "invalid response_code"),
		}
	}
	return map[string]post{
		"ratelimit": w.refuse(45009, "api freq out of limit"),
		"revoked":   w.refuse(93000, "invalid webhook url"),
	}
}

// serveSend is a group robot's webhook. Nothing is signed: who knows the key may post.
func (w *weCom) serveSend(r *http.Request, body []byte) post {
	refusals := w.refusals(viaWebhook)
	if w.key == "" || r.URL.Query().Get("key") != w.key {
		return refusals["revoked"]
	}
	message, ok := readObject(body)
	if !ok {
		return w.refuse(47001, "data format error")
	}
	v, code, problem := w.view(message, maxWeComMarkdown)
	if problem != "" {
		return w.refuse(code, problem)
	}
	if !w.robot.allow(w.chat.now()) {
		return refusals["ratelimit"]
	}
	return w.shown(v)
}

// serveResponse is where a smart bot answers once more.
func (w *weCom) serveResponse(r *http.Request, body []byte) post {
	said, err := w.chat.use("wecom " + r.URL.Query().Get("response_code"))
	if err != nil {
		p := w.refuse(40029, err.Error()+" response_code")
		p.said = said
		return p
	}
	p := w.respond(body)
	p.said, p.private = said, said.private
	return p
}

func (w *weCom) respond(body []byte) post {
	message, ok := readObject(body)
	if !ok {
		return w.refuse(47001, "data format error")
	}
	if kind := message.text("msgtype"); kind != "markdown" && kind != "template_card" {
		return w.refuse(40008, "invalid message type "+strconv.Quote(kind))
	}
	v, code, problem := w.view(message, maxWeComStream)
	if problem != "" {
		return w.refuse(code, problem)
	}
	return w.shown(v)
}

func (w *weCom) shown(v *view) post {
	p := jsonPost(http.StatusOK, document{"errcode": 0, "errmsg": "ok"})
	p.view = v
	return p
}

// view reads a message whose Markdown may have so many bytes, or says what is
// wrong with it.
func (w *weCom) view(message object, markdown int) (v *view, code int, problem string) {
	const badParameter, noContent = 40058, 44004
	v = new(view)
	kind := message.text("msgtype")
	content := message.object(kind).text("content")
	switch kind {
	case "text", "markdown":
		limit := markdown
		if kind == "text" {
			limit = maxWeComText
		}
		switch {
		case strings.TrimSpace(content) == "":
			return nil, noContent, "empty content"
		case len(content) > limit:
			return nil, badParameter, fmt.Sprintf("%s.content exceed max length %d. invalid Request Parameter", kind, limit)
		}
		if kind == "markdown" {
			v.Blocks = weComMarkdown.parse(content)
			break
		}
		v.Blocks = plainText.parse(content)
		called := message.object(kind)
		for _, id := range append(called.texts("mentioned_list"), called.texts("mentioned_mobile_list")...) {
			v.add(paragraph, span{Text: "@" + id, Mention: true})
		}
	case "template_card":
		if err := readTemplateCard(v, message.object(kind)); err != nil {
			return nil, badParameter, "template_card: " + err.Error()
		}
	default:
		return nil, 40008, "invalid message type " + strconv.Quote(kind)
	}
	if v.Color == "" {
		v.Color = v.firstColor()
	}
	return v, 0, ""
}

// call is what a smart bot gets.
func (w *weCom) call(u *utterance) (chatCall, error) {
	now := w.chat.now()
	letter := w.letter(u)
	botID := w.botID
	switch u.forge {
	case "signature":
		letter.token = "not" + letter.token
	case "stale":
		now = now.Add(-staleness)
	case "tenant":
		return chatCall{}, errors.New("WeCom's calls do not name the company")
	}
	code := randomHex(48)
	w.chat.issue("wecom "+code, handle{said: u, until: w.chat.now().Add(weComResponse), left: 1})
	message := document{
		"msgid":        randomHex(32),
		"aibotid":      botID,
		"chatid":       w.chatID,
		"chattype":     "group",
		"from":         document{"userid": u.from},
		"response_url": w.chat.url + "/cgi-bin/aibot/response?response_code=" + code,
		"msgtype":      "text",
		"text":         document{"content": "@TaskStatus " + u.text},
	}
	if u.chat != "" {
		message["chatid"] = u.chat
	}
	if u.private {
		delete(message, "chatid")
		message["chattype"] = "single"
		message["text"] = document{"content": u.text}
	}
	text, err := json.Marshal(message)
	if err != nil {
		return chatCall{}, errors.New("the text is not UTF-8")
	}
	sealed, query := letter.seal(string(text), now)
	if u.forge == "body" {
		sealed = changeLetter(sealed, len(sealed)/2)
	}
	body, err := json.Marshal(map[string]string{"encrypt": sealed})
	if err != nil {
		return chatCall{}, fmt.Errorf("marshal: %w", err)
	}
	return chatCall{
		method: http.MethodPost,
		url:    w.chat.frontURL + "/chat/wecom?" + query.Encode(),
		header: http.Header{"Content-Type": {"application/json"}},
		body:   string(body),
		plain:  string(text),
	}, nil
}

// changeLetter returns a text in base64 with another letter at a place.
func changeLetter(text string, at int) string {
	other := "A"
	if text[at] == 'A' {
		other = "B"
	}
	return text[:at] + other + text[at+1:]
}

// answer is a letter back, or nothing.
func (w *weCom) answer(u *utterance, r chatResponse) (post, bool) {
	if len(r.body) == 0 {
		return post{}, false
	}
	message, err := w.letter(u).open(r.body)
	if err != nil {
		return post{err: err.Error()}, true
	}
	var v view
	read := func(text object) string {
		switch {
		case text.text("id") == "":
			return "stream.id is empty"
		case !text.flag("finish"):
			return "stream.finish is not true: WeCom would ask for the rest"
		case len(text.text("content")) > maxWeComStream:
			return fmt.Sprintf("stream.content exceed max length %d", maxWeComStream)
		}
		v.Blocks = append(v.Blocks, weComMarkdown.parse(text.text("content"))...)
		v.Color = v.firstColor()
		return ""
	}
	var problem string
	switch kind := message.text("msgtype"); kind {
	case "stream":
		problem = read(message.object("stream"))
	case "template_card":
		if err := readTemplateCard(&v, message.object("template_card")); err != nil {
			problem = "template_card: " + err.Error()
		}
	case "stream_with_template_card":
		if problem = read(message.object("stream")); problem == "" {
			if err := readTemplateCard(&v, message.object("template_card")); err != nil {
				problem = "template_card: " + err.Error()
			}
		}
	default:
		problem = "invalid message type " + strconv.Quote(kind)
	}
	if problem == "" && len(v.Blocks) == 0 && v.Title == "" {
		problem = "the message is empty"
	}
	return post{view: &v, err: problem, opened: message}, true
}

// check is the request with which WeCom verifies an address.
func (w *weCom) check() (chatCall, func(chatResponse) error) {
	wanted := strconv.FormatUint(rand.Uint64(), 10)
	sealed, query := w.letter(new(utterance)).seal(wanted, w.chat.now())
	query.Set("echostr", sealed)
	call := chatCall{method: http.MethodGet, url: w.chat.frontURL + "/chat/wecom?" + query.Encode()}
	return call, func(r chatResponse) error {
		if r.status != http.StatusOK || string(r.body) != wanted {
			return fmt.Errorf("the text did not come back as it was: status %d, %d bytes", r.status, len(r.body))
		}
		return nil
	}
}

// weComBlock is to what multiple of bytes WeCom pads, though AES needs no more than 16.
const weComBlock = 2 * aes.BlockSize
