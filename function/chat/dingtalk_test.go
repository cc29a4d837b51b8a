package chat

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// dingTalkCall is a call of DingTalk's; change may change the message.
func dingTalkCall(at, text string, when time.Time, change func(map[string]any)) *http.Request {
	message := map[string]any{
		"msgtype": "text", "text": map[string]string{"content": " " + text}, "msgId": unique("msg"),
		"conversationType": "2", "conversationId": "cid1", "senderCorpId": "dingcorp", "chatbotCorpId": "dingcorp",
		"robotCode": "dingrobot", "senderNick": "Alice", "isInAtList": true,
		"sessionWebhook":            at + "/robot/sendBySession?session=SESSION",
		"sessionWebhookExpiredTime": when.Add(90 * time.Minute).UnixMilli(),
	}
	if change != nil {
		change(message)
	}
	r := httptest.NewRequest(http.MethodPost, "/chat/dingtalk", bytes.NewReader(jsonOf(message)))
	timestamp := fmt.Sprint(when.UnixMilli())
	mac := hmac.New(sha256.New, []byte(dingTalkSecret))
	fmt.Fprintf(mac, "%s\n%s", timestamp, dingTalkSecret)
	r.Header.Set("timestamp", timestamp)
	r.Header.Set("sign", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return r
}

// TestDingTalkSign: the vectors are not published; the second comes from an independent SDK.
func TestDingTalkSign(t *testing.T) {
	for _, test := range []struct{ name, secret, timestamp, want string }{
		{"local", "this is secret", "1577262236757", "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="},
		{"dingtalk-robot-sdk", "SECtest", "1700000000000", "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g="},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := dingTalkSign(test.secret, test.timestamp); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
