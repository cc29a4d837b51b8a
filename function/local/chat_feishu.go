package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Feishu's limits.
const (
	maxFeishuWebhook = 20 << 10 // bytes of a custom bot's post
	maxFeishuContent = 30 << 10 // bytes of a card that is a reply
	maxFeishuUUID    = 50
	feishuTokenLife  = 2 * time.Hour
	// feishuTokenOverlap is how long before its end a token is replaced by a new one.
	feishuTokenOverlap = 30 * time.Minute
	feishuUUIDLife     = time.Hour
	feishuLimit        = 3 * time.Second
)

// A feishu stands in for open.feishu.cn: an app that is asked in chats, and a
// group's custom bot that is posted to.
type feishu struct {
	chat          *chat
	encryptKey    rotation
	token         rotation // the verification token
	appID         string
	appSecret     string
	tenantKey     string
	chatID        string
	webhookID     string
	webhookSecret string // empty: posts need no signature
	second        rateLimit
	minute        rateLimit
	replies       rateLimit

	mu     sync.Mutex
	tokens []feishuToken
	uuids  map[string]feishuReply
}

// A feishuToken lets an app speak for itself for a while.
type feishuToken struct {
	token string
	until time.Time
}

// A feishuReply is one that was shown: the same uuid shows no second.
type feishuReply struct {
	answer document
	until  time.Time
}

func newFeishu(c *chat, own map[string]string) *feishu {
	setDefault(own, "FEISHU_API_URL", c.url)
	setDefault(own, "FEISHU_ENCRYPT_KEY", randomHex(32))
	setDefault(own, "FEISHU_VERIFICATION_TOKEN", randomHex(32))
	setDefault(own, "FEISHU_APP_ID", "cli_"+randomHex(16))
	setDefault(own, "FEISHU_APP_SECRET", randomHex(32))
	setDefault(own, "FEISHU_TENANT_KEY", randomHex(16))
	if _, ok := own["FEISHU_WEBHOOK_URL"]; !ok {
		own["FEISHU_WEBHOOK_URL"] = c.url + "/open-apis/bot/v2/hook/" + strings.ToLower(newRequestID())
		setDefault(own, "FEISHU_WEBHOOK_SECRET", randomHex(22))
	}
	f := &feishu{
		chat:          c,
		encryptKey:    rotation(own["FEISHU_ENCRYPT_KEY"]),
		token:         rotation(own["FEISHU_VERIFICATION_TOKEN"]),
		appID:         own["FEISHU_APP_ID"],
		appSecret:     own["FEISHU_APP_SECRET"],
		tenantKey:     firstOf(own["FEISHU_TENANT_KEY"]),
		chatID:        firstOf(own["FEISHU_CHAT_IDS"]),
		webhookSecret: own["FEISHU_WEBHOOK_SECRET"],
		second:        rateLimit{most: 5, per: time.Second},
		minute:        rateLimit{most: 100, per: time.Minute},
		replies:       rateLimit{most: 50, per: time.Second},
		uuids:         make(map[string]feishuReply),
	}
	if f.chatID == "" {
		f.chatID = "oc_5ad11d72b830411d72b836c20"
	}
	if webhook, err := url.Parse(own["FEISHU_WEBHOOK_URL"]); err == nil {
		f.webhookID = path.Base(webhook.Path)
	}
	return f
}

func (f *feishu) limit() time.Duration { return feishuLimit }

func (f *feishu) endpoints() map[string]chatEndpoint {
	return map[string]chatEndpoint{
		"POST /open-apis/auth/v3/tenant_access_token/internal": {viaToken, f.serveToken},
		"POST /open-apis/im/v1/messages/{id}/reply":            {viaReply, f.serveReply},
		"POST /open-apis/bot/v2/hook/{id}":                     {viaWebhook, f.serveHook},
	}
}

func (f *feishu) refuse(status, code int, message string) post {
	p := jsonPost(status, document{"code": code, "msg": message})
	p.err = strconv.Itoa(code) + " " + message
	return p
}

func (f *feishu) refusals(via string) map[string]post {
	const signOrClock = "sign match fail or timestamp is not within one hour from current time"
	switch via {
	case viaToken:
		return map[string]post{"revoked": f.refuse(http.StatusOK, 10014, "app secret invalid")}
	case viaReply:
		tooFast := f.refuse(http.StatusTooManyRequests, 99991400, "request trigger frequency limit")
		tooFast.reply.header.Set("X-Ogw-Ratelimit-Limit", "50")
		tooFast.reply.header.Set("X-Ogw-Ratelimit-Reset", "1")
		return map[string]post{
			"ratelimit": tooFast,
			"ip":        f.refuse(http.StatusBadRequest, 99991401, "ip 127.0.0.1 is denied by app setting"),
			"revoked":   f.refuse(http.StatusBadRequest, 99991663, "Invalid access token for authorization. Please make a request with token attached."),
		}
	default:
		return map[string]post{
			"badsign":   f.refuse(http.StatusOK, 19021, signOrClock),
			"clock":     f.refuse(http.StatusOK, 19021, signOrClock),
			"ip":        f.refuse(http.StatusOK, 19022, "Ip Not Allowed"),
			"keyword":   f.refuse(http.StatusOK, 19024, "Key Words Not Found"),
			"ratelimit": f.refuse(http.StatusOK, 11232, "frequency limited psm[lark.oapi.app_platform_runtime]"),
			"revoked":   f.refuse(http.StatusOK, 19001, "param invalid: incoming webhook access token invalid"),
		}
	}
}

// serveToken gives the app its token: the same one until it has little time left.
func (f *feishu) serveToken(_ *http.Request, body []byte) post {
	asked, ok := readObject(body)
	var p post
	switch {
	case !ok || asked.text("app_id") == "" || asked.text("app_secret") == "":
		p = f.refuse(http.StatusBadRequest, 10003, "invalid param")
	case asked.text("app_id") != f.appID || asked.text("app_secret") != f.appSecret:
		p = f.refuse(http.StatusOK, 10014, "app secret invalid")
	default:
		now := f.chat.now()
		f.mu.Lock()
		defer f.mu.Unlock()
		if n := len(f.tokens); n == 0 || f.tokens[n-1].until.Sub(now) <= feishuTokenOverlap {
			f.tokens = append(f.tokens[max(0, n-1):], feishuToken{"t-g1" + randomHex(38), now.Add(feishuTokenLife)})
		}
		last := f.tokens[len(f.tokens)-1]
		p = jsonPost(http.StatusOK, document{
			"code": 0, "msg": "ok", "tenant_access_token": last.token, "expire": int(last.until.Sub(now).Seconds()),
		})
	}
	p.silent = true
	return p
}

// admits reports whether a request carries a token that is still good.
func (f *feishu) admits(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, known := range f.tokens {
		if ok && token == known.token && f.chat.now().Before(known.until) {
			return true
		}
	}
	return false
}

// serveReply answers a message with a card.
func (f *feishu) serveReply(r *http.Request, body []byte) post {
	p, said := f.reply(r, body)
	if p.said = said; said != nil {
		p.private = said.private
	}
	return p
}

func (f *feishu) reply(r *http.Request, body []byte) (post, *utterance) {
	if !f.admits(r) {
		return f.refusals(viaReply)["revoked"], nil
	}
	id := r.PathValue("id")
	said, err := f.chat.use("feishu " + id)
	if err != nil {
		return f.refuse(http.StatusBadRequest, 230001, "Your request contains an invalid request parameter, ext=invalid message_id"), nil
	}
	sent, ok := readObject(body)
	uuid, content := sent.text("uuid"), sent.text("content")
	switch {
	case !ok:
		return f.refuse(http.StatusBadRequest, 9499, "Invalid parameter type in json: the body is not an object"), said
	case sent.text("msg_type") == "" || content == "" || len(uuid) > maxFeishuUUID:
		return f.refuse(http.StatusBadRequest, 99992402, "field validation failed: msg_type, content, or a uuid of more than 50 characters"), said
	case len(content) > maxFeishuContent:
		return f.refuse(http.StatusBadRequest, 230025, "The length of the message content reaches its limit."), said
	}
	v, err := larkMessage(sent.text("msg_type"), content)
	if err != nil {
		return f.refuse(http.StatusBadRequest, 230099, "Failed to create card content, ext=ErrCode: 200621; ErrMsg: "+err.Error()), said
	}
	now := f.chat.now()
	if !f.replies.allow(now) {
		return f.refusals(viaReply)["ratelimit"], said
	}
	answer := document{"code": 0, "msg": "success", "data": document{
		"message_id": "om_" + randomHex(32), "root_id": id, "parent_id": id, "msg_type": sent.text("msg_type"),
		"create_time": strconv.FormatInt(now.UnixMilli(), 10), "chat_id": f.chatID,
	}}
	f.mu.Lock()
	defer f.mu.Unlock()
	if before, ok := f.uuids[uuid]; ok && now.Before(before.until) {
		p := jsonPost(http.StatusOK, before.answer)
		p.silent = true
		return p, said
	}
	if uuid != "" {
		f.uuids[uuid] = feishuReply{answer, now.Add(feishuUUIDLife)}
	}
	p := jsonPost(http.StatusOK, answer)
	p.view = v
	return p, said
}

// larkMessage reads a message's content, which is JSON within a string.
func larkMessage(kind, content string) (*view, error) {
	inner, ok := readObject([]byte(content))
	if !ok {
		return nil, errors.New("content is not a JSON object")
	}
	switch kind {
	case "interactive":
		return readLarkCard(inner)
	case "text":
		if strings.TrimSpace(inner.text("text")) == "" {
			return nil, errors.New("text is empty")
		}
		return &view{Blocks: plainText.parse(inner.text("text"))}, nil
	}
	return nil, fmt.Errorf("msg_type %q is unknown", kind)
}

// serveHook is a custom bot's webhook.
func (f *feishu) serveHook(r *http.Request, body []byte) post {
	refusals := f.refusals(viaWebhook)
	if f.webhookID == "" || r.PathValue("id") != f.webhookID {
		return refusals["revoked"]
	}
	sent, ok := readObject(body)
	if !ok || len(body) > maxFeishuWebhook {
		return f.refuse(http.StatusBadRequest, 9499, "Bad Request: the body must be a JSON object of at most 20 KB")
	}
	now := f.chat.now()
	if f.webhookSecret != "" {
		seconds, err := strconv.ParseInt(sent.text("timestamp"), 10, 64)
		if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > patience || sent.text("sign") != feishuSign(sent.text("timestamp"), f.webhookSecret) {
			return refusals["badsign"]
		}
	}
	var v *view
	var err error
	switch kind := sent.text("msg_type"); kind {
	case "interactive":
		v, err = readLarkCard(sent.object("card"))
	case "text":
		content, _ := json.Marshal(sent.object("content"))
		v, err = larkMessage(kind, string(content))
	default:
		return f.refuse(http.StatusOK, 19002, "params error, msg_type need")
	}
	if err != nil {
		return f.refuse(http.StatusOK, 11246, "card content failed: "+err.Error())
	}
	if !f.second.allow(now) || !f.minute.allow(now) {
		return refusals["ratelimit"]
	}
	p := jsonPost(http.StatusOK, document{"code": 0, "msg": "success", "data": document{}, "StatusCode": 0, "StatusMessage": "success"})
	p.view = v
	return p
}

// feishuSign signs nothing, with the time and the secret as the key: the
// mirror image of DingTalk's.
func feishuSign(timestamp, secret string) string {
	mac := hmac.New(sha256.New, []byte(timestamp+"\n"+secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// call is an event im.message.receive_v1.
func (f *feishu) call(u *utterance) (chatCall, error) {
	now := f.chat.now()
	key := f.encryptKey.used(u)
	signedAt, secret, tenant := now, key, f.tenantKey
	switch u.forge {
	case "signature":
		secret = "not" + secret
	case "stale":
		signedAt = now.Add(-staleness)
	case "tenant":
		tenant = randomHex(16)
	}
	messageID := "om_" + randomHex(32)
	f.chat.issue("feishu "+messageID, handle{said: u, left: -1})
	millis := strconv.FormatInt(signedAt.UnixMilli(), 10)
	text := "@_user_1 " + u.text
	message := document{
		"message_id": messageID, "create_time": millis, "update_time": millis, "chat_id": f.chatID, "chat_type": "group", "message_type": "text",
		"mentions": []document{{
			"key": "@_user_1", "name": "Task status", "tenant_key": tenant,
			"id": document{"open_id": "ou_" + randomHex(32), "union_id": "on_" + randomHex(32), "user_id": nil},
		}},
	}
	if u.chat != "" {
		message["chat_id"] = u.chat
	}
	if u.private {
		text = u.text
		message["chat_type"] = "p2p"
		message["chat_id"] = "oc_" + hex.EncodeToString([]byte(userCode(u.from)))
		delete(message, "mentions")
	}
	content, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return chatCall{}, errors.New("the text is not UTF-8")
	}
	message["content"] = string(content)
	event := document{
		"schema": "2.0",
		"header": document{
			"event_id": randomHex(32), "event_type": "im.message.receive_v1", "create_time": millis,
			"token": f.token.used(u), "app_id": f.appID, "tenant_key": tenant,
		},
		"event": document{
			"message": message,
			"sender": document{
				"sender_id":   document{"open_id": "ou_" + userCode(u.from), "union_id": "on_" + userCode(u.from), "user_id": userCode(u.from)},
				"sender_type": "user", "tenant_key": tenant,
			},
		},
	}
	body, plain := feishuLetter(key, event)
	timestamp, nonce := strconv.FormatInt(signedAt.Unix(), 10), randomHex(16)
	sum := sha256.Sum256([]byte(timestamp + nonce + secret + body))
	if u.forge == "body" {
		body += " " // the very same JSON, and yet not what was signed
	}
	return chatCall{
		method: http.MethodPost,
		url:    f.chat.frontURL + "/chat/feishu",
		header: http.Header{
			"Content-Type":             {"application/json; charset=utf-8"},
			"X-Lark-Request-Timestamp": {timestamp},
			"X-Lark-Request-Nonce":     {nonce},
			"X-Lark-Signature":         {hex.EncodeToString(sum[:])},
		},
		body:  body,
		plain: plain,
	}, nil
}

// answer says nothing: Feishu reads no message out of a response.
func (f *feishu) answer(*utterance, chatResponse) (post, bool) { return post{}, false }

// check is the request with which Feishu verifies an address. It is encrypted
// but not signed.
func (f *feishu) check() (chatCall, func(chatResponse) error) {
	challenge := strings.ToLower(newRequestID())
	usual := new(utterance)
	body, _ := feishuLetter(f.encryptKey.used(usual), document{
		"challenge": challenge, "token": f.token.used(usual), "type": "url_verification",
	})
	call := chatCall{
		method: http.MethodPost,
		url:    f.chat.frontURL + "/chat/feishu",
		header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		body:   body,
	}
	return call, func(r chatResponse) error {
		answer, _ := readObject(r.body)
		if r.status != http.StatusOK || answer.text("challenge") != challenge {
			return fmt.Errorf("no challenge came back: status %d", r.status)
		}
		return nil
	}
}

// feishuLetter returns the body that holds a value so that only the app can
// read it, and what it holds: AES-256-CBC under the SHA-256 of the key, the
// initialisation vector in front.
func feishuLetter(encryptKey string, value document) (body, plain string) {
	text, err := json.Marshal(value)
	if err != nil {
		log.Panicf("marshal an event: %v", err) // it holds plain values only
	}
	key := sha256.Sum256([]byte(encryptKey))
	iv := make([]byte, aes.BlockSize)
	rand.Read(iv)
	sealed := append(iv, encryptCBC(key[:], iv, text, aes.BlockSize)...)
	letter, err := json.Marshal(map[string]string{"encrypt": base64.StdEncoding.EncodeToString(sealed)})
	if err != nil {
		log.Panicf("marshal a string: %v", err) // a string always marshals
	}
	return string(letter), string(text)
}

// encryptCBC encrypts with AES-CBC after PKCS #7 padding to a multiple of block.
func encryptCBC(key, iv, text []byte, block int) []byte {
	cipherBlock, err := aes.NewCipher(key)
	if err != nil {
		log.Panicf("AES: %v", err) // the key has 32 bytes
	}
	pad := block - len(text)%block
	padded := append(bytes.Clone(text), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(cipherBlock, iv).CryptBlocks(padded, padded)
	return padded
}
