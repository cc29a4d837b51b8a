package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// webhookPatience is how far the clock of a signed webhook may be off, which
// the specification leaves to the receiver; its own libraries have this.
const webhookPatience = 5 * time.Minute

// webhookSecret begins every secret of Standard Webhooks.
const webhookSecret = "whsec_"

// A webhook stands in for whatever else a team has that hears of tasks: it
// takes what is signed after the specification of Standard Webhooks.
type webhook struct {
	chat *chat
	keys [][]byte // two while one takes the other's place
}

func newWebhook(c *chat, own map[string]string) *webhook {
	if _, ok := own["WEBHOOK_URL"]; !ok {
		own["WEBHOOK_URL"] = c.url + "/webhook"
		key := make([]byte, 32)
		rand.Read(key)
		setDefault(own, "WEBHOOK_SECRET", webhookSecret+base64.StdEncoding.EncodeToString(key))
	}
	w := &webhook{chat: c}
	isSeparator := func(r rune) bool { return r == ',' || r == ' ' }
	for _, secret := range strings.FieldsFunc(own["WEBHOOK_SECRET"], isSeparator) {
		// With a secret that is none, nothing that comes is signed as it should be.
		if key, err := webhookKey(secret); err == nil {
			w.keys = append(w.keys, key)
		}
	}
	return w
}

// webhookKey returns the key that a secret stands for.
func webhookKey(secret string) ([]byte, error) {
	text, ok := strings.CutPrefix(secret, webhookSecret)
	if !ok {
		return nil, errors.New("a secret begins with " + webhookSecret)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("decode the secret: %w", err)
	}
	return key, nil
}

// webhookSign returns one item of the header webhook-signature.
func webhookSign(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (w *webhook) endpoints() map[string]chatEndpoint {
	return map[string]chatEndpoint{"POST /webhook": {viaWebhook, w.serve}}
}

func (w *webhook) refuse(status int, why string) post {
	return post{reply: textReply(status, "text/plain", why), err: fmt.Sprintf("%d %s", status, why)}
}

func (w *webhook) refusals(string) map[string]post {
	tooFast := w.refuse(http.StatusTooManyRequests, "too many requests")
	tooFast.reply.header.Set("Retry-After", "1")
	return map[string]post{
		"ratelimit":    tooFast,
		"badsignature": w.refuse(http.StatusUnauthorized, "no signature matches"),
		"gone":         w.refuse(http.StatusGone, "nobody listens here any more"), // do not send again
		"error500":     w.refuse(http.StatusInternalServerError, "internal error"),
	}
}

// serve takes an event.
func (w *webhook) serve(r *http.Request, body []byte) post {
	if err := w.verify(r.Header, body); err != nil {
		return w.refuse(http.StatusUnauthorized, err.Error())
	}
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType != "application/json" {
		return w.refuse(http.StatusUnsupportedMediaType, "the content type must be application/json")
	}
	event, ok := readObject(body)
	if !ok {
		return w.refuse(http.StatusBadRequest, "the body is not a JSON object")
	}
	v, err := webhookView(event, body)
	if err != nil {
		return w.refuse(http.StatusBadRequest, err.Error())
	}
	return post{reply: apiReply{status: http.StatusNoContent}, view: v, text: string(body)}
}

// verify reports what is wrong with a signature.
func (w *webhook) verify(header http.Header, body []byte) error {
	id, timestamp := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	if id == "" || timestamp == "" || header.Get("Webhook-Signature") == "" {
		return errors.New("webhook-id, webhook-timestamp and webhook-signature are needed")
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return errors.New("webhook-timestamp is not in seconds")
	}
	if off := w.chat.now().Sub(time.Unix(seconds, 0)).Abs(); off > webhookPatience {
		return errors.New("webhook-timestamp is more than 5 minutes off")
	}
	for signature := range strings.FieldsSeq(header.Get("Webhook-Signature")) {
		for _, key := range w.keys {
			if hmac.Equal([]byte(signature), []byte(webhookSign(key, id, timestamp, body))) {
				return nil
			}
		}
	}
	return errors.New("no signature matches")
}

// webhookView reads an event, or says what is wrong with it.
func webhookView(event object, body []byte) (*view, error) {
	if _, err := time.Parse(time.RFC3339, event.text("timestamp")); err != nil {
		return nil, errors.New("timestamp must be an RFC 3339 time")
	}
	switch {
	case event.text("type") == "":
		return nil, errors.New("type must be a text")
	case event.object("data") == nil:
		return nil, errors.New("data must be an object")
	}
	v := &view{Title: event.text("type")}
	v.add(codeBlock, span{Text: indented(body)})
	return v, nil
}
