package chat

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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

// TestDingTalkCannotPost: where the sessionWebhook does not work the response says
// so, and nothing about the task: anyone could read it who got hold of a signature.
func TestDingTalkCannotPost(t *testing.T) {
	v := newVendor(t)
	v.says("/robot/sendBySession", 403, `{}`)
	b, _ := newBot(t, v.URL)
	got, err := asked(b, "dingtalk", dingTalkCall(v.URL, "task "+string(failedID), noon, nil))
	if err != nil || !strings.Contains(got, "无法在此发布查询结果") || !strings.Contains(got, "/tasks/"+string(failedID)) || strings.Contains(got, "No Permission") || strings.Contains(got, "执行失败") {
		t.Errorf("got %s (%v)", got, err)
	}
}

// TestDingTalkSessions: answers go to one path of DingTalk's and nowhere else.
func TestDingTalkSessions(t *testing.T) {
	p, _ := configured(t, "https://oapi.dingtalk.com")
	for address, want := range map[string]bool{
		"https://oapi.dingtalk.com/robot/sendBySession?session=1": true,
		"": false,
		"https://oapi.dingtalk.com/robot/send?access_token=1":                    false,
		"http://oapi.dingtalk.com/robot/sendBySession?session=1":                 false,
		"https://oapi.dingtalk.com.example.com/robot/sendBySession?session=1":    false,
		"https://oapi.dingtalk.com@example.com/robot/sendBySession?session=1":    false,
		"https://oapi.dingtalk.com:444/robot/sendBySession?session=1":            false,
		"https://user@oapi.dingtalk.com/robot/sendBySession?session=1":           false,
		"https://example.com/?https://oapi.dingtalk.com/robot/sendBySession?x=1": false,
		"https://oapi.dingtalk.com/robot/sendBySession?%zz\x00":                  false,
	} {
		if got := p.find("dingtalk").(*dingTalk).isSession(address); got != want {
			t.Errorf("%q: got %v", address, got)
		}
	}
}
