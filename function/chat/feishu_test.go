package chat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"taskstatus/function/secret"
)

// feishuCall is an event of Feishu's; change may change it.
func feishuCall(text string, when time.Time, change func(event, message map[string]any)) *http.Request {
	message := map[string]any{
		"message_id": unique("om_"), "chat_id": "oc_1", "chat_type": "group", "message_type": "text",
		"content":  string(jsonOf(map[string]string{"text": "@_user_1 " + text})),
		"mentions": []any{map[string]any{"key": "@_user_1", "name": "Bot"}},
	}
	event := map[string]any{
		"schema": "2.0",
		"header": map[string]any{
			"event_id": unique("e"), "event_type": "im.message.receive_v1", "create_time": fmt.Sprint(when.UnixMilli()),
			"token": feishuToken, "app_id": "cli_app", "tenant_key": "tenant",
		},
		"event": map[string]any{"message": message, "sender": map[string]any{"sender_type": "user"}},
	}
	if change != nil {
		change(event, message)
	}
	return feishuSigned(feishuEncrypt(feishuKey, jsonOf(event)), feishuKey, when)
}

// feishuEncrypt is what the platform does before it sends.
func feishuEncrypt(key string, plain []byte) []byte {
	hashed := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(hashed[:])
	if err != nil {
		panic(err)
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	plain = append(bytes.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	data := append([]byte("0123456789abcdef"), plain...)
	cipher.NewCBCEncrypter(block, data[:aes.BlockSize]).CryptBlocks(data[aes.BlockSize:], plain)
	return jsonOf(map[string]string{"encrypt": base64.StdEncoding.EncodeToString(data)})
}

func feishuSigned(body []byte, key string, when time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/chat/feishu", bytes.NewReader(body))
	timestamp := fmt.Sprint(when.Unix())
	r.Header.Set("X-Lark-Request-Timestamp", timestamp)
	r.Header.Set("X-Lark-Request-Nonce", "nonce")
	r.Header.Set("X-Lark-Signature", fmt.Sprintf("%x", sha256.Sum256(append([]byte(timestamp+"nonce"+key), body...))))
	return r
}

func TestFeishuVectors(t *testing.T) {
	plain, err := feishuDecrypt("test key", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=")
	if err != nil || string(plain) != "hello world" {
		t.Errorf("the vendor's example decrypts to %q (%v)", plain, err)
	}
	// Local: none is published.
	body := []byte(`{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}`)
	if got, want := feishuSign("1600000000", "nonce123", "test key", body), "c614215b4d337efe9d1a48fb05dfd8a5b210245ea83508441942fe4b952333f7"; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	for _, test := range []struct{ name, secret, timestamp, want string }{
		{"go-lark's test", "xxx", "1661860880", "QnWVTSBe6FmQDE0bG6X0mURbI+DnvVyu1h+j5dHOjrU="},
		{"go-lark's answer", "demo", "1599360473", "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="},
	} {
		if got := feishuPostSign(test.secret, test.timestamp); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestFeishuChallenge(t *testing.T) {
	for _, test := range []struct {
		name, body string
		encrypted  bool
		want       string // the response; empty: refused
	}{
		{"encrypted, as with an Encrypt Key", `{"type":"url_verification","challenge":"c<1>","token":"` + feishuToken + `"}`, true, `{"challenge":"c<1>"}`},
		{"another token", `{"type":"url_verification","challenge":"c1","token":"feishu-verification-0123456780"}`, true, ""},
		{"no token", `{"type":"url_verification","challenge":"c1"}`, true, ""},
		{"in the clear", `{"type":"url_verification","challenge":"c1","token":"` + feishuToken + `"}`, false, ""},
		{"an event without a signature", `{"schema":"2.0","header":{"event_type":"im.message.receive_v1","token":"` + feishuToken + `","app_id":"cli_app","tenant_key":"tenant"}}`, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, _ := newBot(t, "http://127.0.0.1:1")
			body := []byte(test.body)
			if test.encrypted {
				body = feishuEncrypt(feishuKey, body)
			}
			got, err := asked(b, "feishu", httptest.NewRequest(http.MethodPost, "/chat/feishu", bytes.NewReader(body)))
			if got != test.want || (err != nil) != (test.want == "") {
				t.Errorf("got %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

// TestFeishuTokenIsKept: one token serves until shortly before its end, and
// one that is refused is replaced once.
func TestFeishuTokenIsKept(t *testing.T) {
	const tokens, replies = "/open-apis/auth/v3/tenant_access_token/internal", "/open-apis/im/v1/messages/om_1/reply"
	v := newVendor(t)
	b, _ := newBot(t, v.URL)
	p := b.Platforms.find("feishu").(*feishu)
	now := noon
	p.client.now = func() time.Time { return now }
	tell := func() error { return p.followUp(t.Context(), "om_1", "", helpful(p.language)) }
	for range 2 {
		if err := tell(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(v.posted(tokens)); n != 1 {
		t.Errorf("%d tokens for two replies", n)
	}
	now = now.Add(2*time.Hour - feishuTokenMargin)
	if err := tell(); err != nil || len(v.posted(tokens)) != 2 {
		t.Errorf("near its end: %v, %d tokens", err, len(v.posted(tokens)))
	}
	v.says(replies, 400, `{"code":99991663,"msg":"invalid token"}`)
	if err := tell(); err != nil || len(v.posted(tokens)) != 3 {
		t.Errorf("refused once: %v, %d tokens", err, len(v.posted(tokens)))
	}
	v.says(replies, 400, `{"code":99991663,"msg":"invalid token"}`, `{"code":99991663,"msg":"invalid token"}`)
	if err := tell(); err == nil || len(v.posted(replies)) != 7 {
		t.Errorf("refused twice: %v, %d replies", err, len(v.posted(replies)))
	}
}

// TestFeishuGroups: a bot that may read all leaves alone who does not mention it.
func TestFeishuGroups(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(event, message map[string]any)
		told   bool
	}{
		{"mentioned in a group", nil, true},
		{"not mentioned", func(_, m map[string]any) { m["mentions"] = []any{} }, false},
		{"alone with it", func(_, m map[string]any) { m["mentions"], m["chat_type"] = nil, "p2p" }, true},
		{"another event", func(e, _ map[string]any) {
			e["header"].(map[string]any)["event_type"] = "im.chat.member.bot.added_v1"
		}, false},
		{"another bot", func(e, _ map[string]any) {
			e["event"].(map[string]any)["sender"].(map[string]any)["sender_type"] = "app"
		}, false},
		{"a picture", func(_, m map[string]any) { m["message_type"], m["content"] = "image", `{"image_key":"x"}` }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVendor(t)
			b, _ := newBot(t, v.URL)
			got, err := asked(b, "feishu", feishuCall("task "+string(failedID), noon, test.change))
			if err != nil || got != "{}" || (len(v.posts) > 0) != test.told {
				t.Errorf("got %q (%v) and %d posts", got, err, len(v.posts))
			}
		})
	}
}

// TestFeishuReply: the same message is replied to once, whoever tries again, and
// what is told later is another reply.
func TestFeishuReply(t *testing.T) {
	uuids := map[string]bool{feishuUUID("om_1", ""): true, feishuUUID("om_1", "end"): true, feishuUUID("om_2", ""): true, feishuUUID("om_1", ""): true}
	if len(uuids) != 3 || len(feishuUUID("om_1", "")) > 50 {
		t.Errorf("got %v", uuids)
	}
}

func TestFeishuMentions(t *testing.T) {
	v := newVendor(t)
	b, _ := newBot(t, v.URL)
	_, err := asked(b, "feishu", feishuCall("", noon, func(_, m map[string]any) {
		m["content"] = string(jsonOf(map[string]string{"text": "task " + string(failedID) + "@_user_1"}))
		m["mentions"] = []any{map[string]any{"key": "@_user_1"}, map[string]any{"key": ""}}
	}))
	if got := told(t, v, "feishu", ""); err != nil || !strings.Contains(got, "No Permission.") {
		t.Errorf("got %s (%v)", got, err)
	}
}

// TestFeishuOrLark: the same platform, in another language.
func TestFeishuOrLark(t *testing.T) {
	for at, want := range map[string]string{"https://open.feishu.cn": "您可以这样问", "https://open.larksuite.com": "What you can ask"} {
		p, _ := configured(t, at)
		if got := helpful(p.find("feishu").about().language).title; got != want {
			t.Errorf("%s: got %s, want %s", at, got, want)
		}
	}
}

// TestFeishuTokenThatIsNone: an answer that is fine but has no token in it is not.
func TestFeishuTokenThatIsNone(t *testing.T) {
	v := newVendor(t)
	p, _ := configured(t, v.URL)
	v.says("/open-apis/auth/v3/tenant_access_token/internal", 200, `{"code":0,"msg":"ok"}`)
	if err := p.find("feishu").followUp(t.Context(), "om_1", "", helpful(0)); err == nil || !strings.Contains(err.Error(), "makes no sense") {
		t.Errorf("got %v", err)
	}
	kept := p.find("feishu").(*feishu)
	kept.access = secret.New("newer")
	kept.expires = noon
	kept.forget(secret.New("older"))
	if kept.expires.IsZero() {
		t.Error("a newer token is forgotten for an older one")
	}
}
