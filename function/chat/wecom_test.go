package chat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// wecomCall is a message to a smart bot; change may change it.
func wecomCall(at, text string, when time.Time, change func(map[string]any)) *http.Request {
	message := map[string]any{
		"msgid": unique("msg"), "aibotid": "BOT", "chatid": "chat1", "chattype": "group", "from": map[string]string{"userid": "alice"},
		"response_url": at + "/cgi-bin/aibot/response?response_code=CODE", "msgtype": "text", "text": map[string]string{"content": "@Bot " + text},
	}
	if change != nil {
		change(message)
	}
	encrypted := wecomSeal(wecomAESKey, jsonOf(message), "")
	return httptest.NewRequest(http.MethodPost, "/chat/wecom?"+wecomQuery(encrypted, when).Encode(), bytes.NewReader(jsonOf(map[string]string{"encrypt": encrypted})))
}

func wecomQuery(encrypted string, when time.Time) url.Values {
	timestamp, nonce := fmt.Sprint(when.Unix()), "nonce1"
	parts := []string{wecomToken, timestamp, nonce, encrypted}
	slices.Sort(parts)
	return url.Values{
		"timestamp": {timestamp}, "nonce": {nonce},
		"msg_signature": {fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(parts, ""))))},
	}
}

// wecomSeal is what the platform does before it sends.
func wecomSeal(encodedKey string, message []byte, receiver string) string {
	key, err := base64.StdEncoding.DecodeString(encodedKey + "=")
	if err != nil {
		panic(err)
	}
	data := []byte("0123456789abcdef")
	data = binary.BigEndian.AppendUint32(data, uint32(len(message)))
	data = append(append(data, message...), receiver...)
	padding := 32 - len(data)%32
	data = append(data, bytes.Repeat([]byte{byte(padding)}, padding)...)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(data, data)
	return base64.StdEncoding.EncodeToString(data)
}

// wecomAnswer opens the response to a call.
func wecomAnswer(t testing.TB, response string) string {
	t.Helper()
	var sealed struct {
		Encrypt, MsgSignature, Nonce string
		Timestamp                    int64
	}
	if err := json.Unmarshal([]byte(response), &sealed); err != nil {
		t.Fatalf("%v in %s", err, response)
	}
	if want := wecomQuery(sealed.Encrypt, time.Unix(sealed.Timestamp, 0)).Get("msg_signature"); sealed.Nonce != "nonce1" || sealed.MsgSignature != want {
		t.Errorf("signature %s of nonce %s, want %s", sealed.MsgSignature, sealed.Nonce, want)
	}
	plain, err := wecomDecrypt(wecomTestKey(t, wecomAESKey), sealed.Encrypt)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func wecomTestKey(t testing.TB, encoded string) []byte {
	t.Helper()
	key, err := wecomKey(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestWeComVectors(t *testing.T) {
	const (
		token = "QDG6eK"
		key   = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
		corp  = "wx5823bf96d3bd56c7"
	)
	for _, test := range []struct{ name, token, key, timestamp, nonce, encrypted, signature, plain, receiver string }{
		{"Tencent's sample: check of the address", token, key, "1409659589", "263014780",
			"P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
			"5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3", "1616140317555161061", corp},
		{"Tencent's sample: message", token, key, "1409659813", "1372623149",
			"RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==",
			"477715d11cdb4164915debcba66cb864d751f3e6", "<Content><![CDATA[hello]]></Content>", corp},
		{"DingTalk's events, in the same envelope", "mryue", "Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7", "1608001896814", "WL4PK6yA",
			"0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYxxOK+HZeKju4yhELOFchzNukR+t8SB/qk4ROMu3",
			"03044561471240d4a14bb09372dfcfd4fd0e40cb", `{"EventType":"check_url"}`, "ding6ccabc44d2c8d38b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := wecomSign(test.token, test.timestamp, test.nonce, test.encrypted); got != test.signature {
				t.Errorf("signature %s, want %s", got, test.signature)
			}
			key := wecomTestKey(t, test.key)
			plain, receiver, err := wecomUnseal(key, test.encrypted)
			if err != nil || !strings.Contains(string(plain), test.plain) || receiver != test.receiver {
				t.Errorf("got %q for %q (%v)", plain, receiver, err)
			}
			if _, err := wecomDecrypt(key, test.encrypted); err == nil {
				t.Error("a message for somebody else is read")
			}
		})
	}
}

func TestWeComRoundTrip(t *testing.T) {
	key := wecomTestKey(t, wecomAESKey)
	for n := range 200 {
		message := bytes.Repeat([]byte("x"), n)
		got, err := wecomDecrypt(key, wecomEncrypt(key, message))
		if err != nil || !bytes.Equal(got, message) {
			t.Fatalf("%d bytes: got %q (%v)", n, got, err)
		}
	}
}

// TestWeComAddressCheck: the echo comes back as it is, in the clear.
func TestWeComAddressCheck(t *testing.T) {
	b, _ := newBot(t, "http://127.0.0.1:1")
	encrypted := wecomSeal(wecomAESKey, []byte("1616140317555161061"), "")
	query := wecomQuery(encrypted, noon)
	query.Set("echostr", encrypted)
	got, err := asked(b, "wecom", httptest.NewRequest(http.MethodGet, "/chat/wecom?"+query.Encode(), nil))
	if err != nil || got != "1616140317555161061" {
		t.Errorf("got %q (%v)", got, err)
	}
	// Not a message, which whoever has one could have read to them so.
	encrypted = wecomSeal(wecomAESKey, []byte(`{"response_url":"https://qyapi.weixin.qq.com/x"}`), "")
	message := wecomQuery(encrypted, noon)
	message.Set("echostr", encrypted)
	if got, err := asked(b, "wecom", httptest.NewRequest(http.MethodGet, "/chat/wecom?"+message.Encode(), nil)); err == nil {
		t.Errorf("a message: got %q", got)
	}
	query.Set("nonce", "nonce2")
	if got, err := asked(b, "wecom", httptest.NewRequest(http.MethodGet, "/chat/wecom?"+query.Encode(), nil)); err == nil {
		t.Errorf("with another nonce: got %q", got)
	}
}

// TestIsEcho: letters and digits, few enough, and never a message.
func TestIsEcho(t *testing.T) {
	for text, want := range map[string]bool{
		"1616140317555161061": true, "aZ09": true, strings.Repeat("1", wecomMaxEcho): true,
		"": false, strings.Repeat("1", wecomMaxEcho+1): false, `{"msgtype":"text"}`: false, "标": false, "\x80": false, "\u0080": false, "a b": false,
	} {
		if isEcho([]byte(text)) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}

func TestWeComOtherMessages(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(map[string]any)
		want   string // in the opened response; empty: an empty response
	}{
		{"somebody opens the chat", func(m map[string]any) {
			m["msgtype"], m["event"] = "event", map[string]string{"eventtype": "enter_chat"}
		}, `{"msgtype":"text","text":{"content":"您可以这样问`},
		{"text beside a picture", func(m map[string]any) {
			m["msgtype"] = "mixed"
			m["mixed"] = map[string]any{"msg_item": []any{
				map[string]any{"msgtype": "image", "image": map[string]string{"url": "https://example.com"}},
				map[string]any{"msgtype": "text", "text": map[string]string{"content": "task " + string(failedID)}},
			}}
			delete(m, "text")
		}, string(failedID)},
		{"a picture", func(m map[string]any) { m["msgtype"] = "image" }, ""},
		{"a stream asked for again", func(m map[string]any) { m["msgtype"], m["stream"] = "stream", map[string]string{"id": "1"} }, ""},
		{"another event", func(m map[string]any) {
			m["msgtype"], m["event"] = "event", map[string]string{"eventtype": "feedback_event"}
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, _ := newBot(t, "http://127.0.0.1:1")
			got, err := asked(b, "wecom", wecomCall("http://127.0.0.1:1", "help", noon, test.change))
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if got != "" {
					t.Errorf("got %s", got)
				}
				return
			}
			if got := wecomAnswer(t, got); !strings.Contains(got, test.want) {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestWeComSingle: alone with the bot the chat has no id, and is the person's.
func TestWeComSingle(t *testing.T) {
	for list, want := range map[string]string{"alice": "No Permission.", "bob": "alice"} {
		b, _ := newBot(t, "http://127.0.0.1:1", "WECOM_CHAT_IDS", list)
		got, err := asked(b, "wecom", wecomCall("", "task "+string(failedID), noon, func(m map[string]any) { delete(m, "chatid") }))
		if err != nil || !strings.Contains(wecomAnswer(t, got), want) {
			t.Errorf("%s: got %s (%v)", list, got, err)
		}
	}
}

// TestWeComShapes: a card where it has room for all, else Markdown, which as an answer is a stream.
func TestWeComShapes(t *testing.T) {
	p, _ := configured(t, "http://127.0.0.1:1")
	w := p.find("wecom").(*wecom)
	const link = "https://status.example.com/"
	for _, test := range []struct {
		name string
		m    message
		want string
	}{
		{"a card", message{title: "x", link: link, reason: strings.Repeat("因", wecomMaxQuote), hint: strings.Repeat("可", wecomMaxHint-len([]rune("可能的原因：")))}, `"msgtype":"template_card"`},
		{"a reason too long for it", message{title: "x", link: link, reason: strings.Repeat("因", wecomMaxQuote+1)}, `"msgtype":"stream"`},
		{"a hint too long for it", message{title: "x", link: link, hint: strings.Repeat("可", wecomMaxHint)}, `"msgtype":"stream"`},
		{"too many fields", message{title: "x", link: link, fields: make([]field, wecomMaxFields+1)}, `"msgtype":"stream"`},
		{"several tasks", message{title: "x", link: link, rows: make([]row, 2)}, `"finish":true`},
		{"no page", message{title: "x"}, `"msgtype":"stream"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.m.language = 1
			if got := string(w.render(test.m, wecomStreamOf)); !strings.Contains(got, test.want) {
				t.Errorf("got %s", got)
			}
		})
	}
}
