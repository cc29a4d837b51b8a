package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// decryptFeishu opens what is written to an app.
func decryptFeishu(t testing.TB, encryptKey, sealed string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(data) < 2*aes.BlockSize || len(data)%aes.BlockSize != 0 {
		t.Errorf("%v: %d bytes", err, len(data))
		return nil
	}
	key := sha256.Sum256([]byte(encryptKey))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		t.Fatal(err)
	}
	text := data[aes.BlockSize:]
	cipher.NewCBCDecrypter(block, data[:aes.BlockSize]).CryptBlocks(text, text)
	return text[:len(text)-int(text[len(text)-1])]
}

func TestFeishuVectors(t *testing.T) {
	if got := feishuSign("1661860880", "xxx"); got != "QnWVTSBe6FmQDE0bG6X0mURbI+DnvVyu1h+j5dHOjrU=" {
		t.Errorf("got %s", got)
	}
	if got := decryptFeishu(t, "test key", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="); string(got) != "hello world" {
		t.Errorf("got %q", got)
	}
	// The same letter, made here.
	sealed, _ := base64.StdEncoding.DecodeString("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=")
	key := sha256.Sum256([]byte("test key"))
	if got := encryptCBC(key[:], sealed[:aes.BlockSize], []byte("hello world"), aes.BlockSize); string(got) != string(sealed[aes.BlockSize:]) {
		t.Errorf("got %x", got)
	}
}

const feishuCard = `{"config":{"wide_screen_mode":true},"header":{"template":"red","title":{"tag":"plain_text","content":"✕ Failed"}},"elements":[` +
	`{"tag":"div","text":{"tag":"lark_md","content":"**No Permission.**\nsee [help](https://help.example.com)"}},` +
	`{"tag":"div","fields":[{"is_short":true,"text":{"tag":"lark_md","content":"**Task**\nt-1"}},{"is_short":true,"text":{"tag":"plain_text","content":"3 s"}}]},` +
	`{"tag":"markdown","content":"a &#42;b&#42; *c* ~~d~~ e"},{"tag":"hr"},` +
	`{"tag":"note","elements":[{"tag":"plain_text","content":"request 1"}]},` +
	`{"tag":"action","actions":[{"tag":"button","text":{"tag":"plain_text","content":"Open"},"url":"https://status.example.com/tasks/t-1","type":"primary"}]}]}`

const feishuCardText = "✕ Failed\nNo Permission.\nsee help\nTask: t-1\n3 s\na *b* c d e\nrequest 1\nOpen"

// hook is a custom bot's message, signed for a time.
func (s *chatStage) hook(at time.Time, kind, content string) string {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	return `{"timestamp":"` + timestamp + `","sign":"` + feishuSign(timestamp, s.variables["FEISHU_WEBHOOK_SECRET"]) + `","msg_type":"` + kind + `",` + content + `}`
}

func TestFeishuMessages(t *testing.T) {
	s := startChat(t, nil)
	for _, test := range []struct{ name, kind, content, answer, text string }{
		{"card", "interactive", `"card":` + feishuCard, `"code":0,"data":{},"msg":"success"`, feishuCardText},
		{"text", "text", `"content":{"text":"a **b**"}`, `"code":0`, "a **b**"},
		{"text of nothing", "text", `"content":{"text":""}`, `"code":11246`, ""},
		{"unknown type", "post", `"content":{}`, `"code":19002`, ""},
		{"no card", "interactive", `"content":{}`, `"code":11246`, ""},
		{"too large", "text", `"content":{"text":"` + strings.Repeat("x", maxFeishuWebhook) + `"}`, `"code":9499`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.advance(time.Minute)
			s.runPosts(t, func() string { return s.variables["FEISHU_WEBHOOK_URL"] }, []postTest{
				{"", s.hook(s.Now(), test.kind, test.content), test.answer, test.text},
			})
		})
	}
	for _, test := range []struct{ name, old, new, problem string }{
		{"unknown element", `"tag":"hr"`, `"tag":"chart"`, `elements[3]: tag "chart" is unknown`},
		{"unknown text", `"tag":"lark_md"`, `"tag":"markdown"`, "neither plain_text nor lark_md"},
		{"empty text", `"content":"request 1"`, `"content":""`, "elements[4].elements[0] has no content"},
		{"content misspelt", `"content":"3 s"`, `"contents":"3 s"`, "elements[1].fields[1].text has no content"},
		{"button without an address", `"url":"https://status`, `"href":"https://status`, "elements[5].actions[0]: url"},
		{"button that runs", `"url":"https://status`, `"url":"javascript:https://status`, "elements[5].actions[0]: url"},
		{"unknown colour", `"template":"red"`, `"template":"crimson"`, "crimson"},
		{"title in Markdown", `{"tag":"plain_text","content":"✕ Failed"}`, `{"tag":"lark_md","content":"✕ Failed"}`, "header.title"},
		{"card of version 2", `{"config":`, `{"schema":"2.0","config":`, "version 1"},
		{"no elements", `"elements":[`, `"element":[`, "elements are missing"},
		{"field without its width", `"is_short":true,`, ``, "is_short"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.advance(time.Minute)
			changed := strings.Replace(feishuCard, test.old, test.new, 1)
			r := s.post(t, s.variables["FEISHU_WEBHOOK_URL"], s.hook(s.Now(), "interactive", `"card":`+changed))
			if changed == feishuCard || !strings.Contains(r.body, `"code":11246`) || !strings.Contains(s.last(t).Error, test.problem) {
				t.Errorf("got %s, want %s", r.body, test.problem)
			}
		})
	}
	if got := s.messages("feishu")[0]; got.Title != "✕ Failed" || got.Color != "red" || got.Button == nil || got.Button.URL != "https://status.example.com/tasks/t-1" || len(got.Links) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestFeishuSignature(t *testing.T) {
	s := startChat(t, nil)
	const content = `"content":{"text":"hello"}`
	good := s.hook(chatNow, "text", content)
	const mismatch = `"code":19021`
	for _, test := range []struct{ name, body, answer string }{
		{"good", good, `"code":0`},
		{"almost an hour old", s.hook(chatNow.Add(-time.Hour+time.Second), "text", content), `"code":0`},
		{"older", s.hook(chatNow.Add(-time.Hour-time.Second), "text", content), mismatch},
		{"unsigned", `{"msg_type":"text",` + content + `}`, mismatch},
		{"time as a number", strings.Replace(good, `"timestamp":"`+strconv.FormatInt(chatNow.Unix(), 10)+`"`, `"timestamp":`+strconv.FormatInt(chatNow.Unix(), 10), 1), mismatch},
		{"in milliseconds", strings.Replace(good, `","sign"`, `000","sign"`, 1), mismatch},
		{"as DingTalk signs", strings.Replace(good, feishuSign(strconv.FormatInt(chatNow.Unix(), 10), s.variables["FEISHU_WEBHOOK_SECRET"]), dingTalkSign(strconv.FormatInt(chatNow.Unix(), 10), s.variables["FEISHU_WEBHOOK_SECRET"]), 1), mismatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.advance(time.Millisecond)
			if r := s.post(t, s.variables["FEISHU_WEBHOOK_URL"], test.body); !strings.Contains(r.body, test.answer) {
				t.Errorf("got %+v, want %s", r, test.answer)
			}
		})
	}
	if r := s.post(t, s.url+"/open-apis/bot/v2/hook/x", good); !strings.Contains(r.body, `"code":19001`) {
		t.Errorf("unknown bot: got %+v", r)
	}
}

func TestFeishuTooFast(t *testing.T) {
	s := startChat(t, nil)
	send := func() bool {
		r := s.post(t, s.variables["FEISHU_WEBHOOK_URL"], s.hook(s.Now(), "text", `"content":{"text":"hello"}`))
		if refused := strings.Contains(r.body, `"code":11232`); refused == strings.Contains(r.body, `"code":0`) {
			t.Errorf("got %+v", r)
		}
		return strings.Contains(r.body, `"code":0`)
	}
	for second := range 20 {
		for i := range 5 {
			if !send() {
				t.Fatalf("message %d of second %d is refused", i+1, second)
			}
		}
		if second == 0 && send() {
			t.Error("the sixth in a second passes")
		}
		s.advance(time.Second)
	}
	if send() {
		t.Error("message 101 of a minute passes")
	}
	s.advance(time.Minute)
	if !send() {
		t.Error("it does not end")
	}
}

// A feishuBot answers an app's calls.
type feishuBot struct {
	t       testing.TB
	s       *chatStage
	event   object
	genuine bool
	content object
}

func (b *feishuBot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	key := b.s.variables["FEISHU_ENCRYPT_KEY"]
	sum := sha256.Sum256([]byte(r.Header.Get("X-Lark-Request-Timestamp") + r.Header.Get("X-Lark-Request-Nonce") + key + string(body)))
	b.genuine = hex.EncodeToString(sum[:]) == r.Header.Get("X-Lark-Signature")
	sealed, _ := readObject(body)
	b.event, _ = readObject(decryptFeishu(b.t, key, sealed.text("encrypt")))
	b.content, _ = readObject([]byte(b.event.object("event").object("message").text("content")))
	json.NewEncoder(w).Encode(map[string]string{"challenge": b.event.text("challenge")})
}

// token returns an app's token.
func (s *chatStage) feishuToken(t testing.TB) string {
	t.Helper()
	r := s.post(t, "/open-apis/auth/v3/tenant_access_token/internal", jsonText(t, map[string]string{
		"app_id": s.variables["FEISHU_APP_ID"], "app_secret": s.variables["FEISHU_APP_SECRET"],
	}))
	answer, _ := readObject([]byte(r.body))
	if answer["code"] != 0.0 || answer.text("msg") != "ok" || !strings.HasPrefix(answer.text("tenant_access_token"), "t-g") || answer["expire"].(float64) <= 0 {
		t.Fatalf("got %+v", r)
	}
	return answer.text("tenant_access_token")
}

func TestFeishuSay(t *testing.T) {
	s := startChat(t, nil)
	bot := &feishuBot{t: t, s: s}
	s.answering(bot.ServeHTTP)
	said := s.speak(t, "feishu", "task t-1")
	if said.Status != 200 || said.Error != "" || len(said.Messages) != 0 {
		t.Fatalf("got %+v", said)
	}
	header, message := bot.event.object("header"), bot.event.object("event").object("message")
	if !bot.genuine || bot.event.text("schema") != "2.0" || header.text("event_type") != "im.message.receive_v1" || header.text("event_id") == "" ||
		header.text("token") != s.variables["FEISHU_VERIFICATION_TOKEN"] || header.text("app_id") != s.variables["FEISHU_APP_ID"] || header.text("tenant_key") != s.variables["FEISHU_TENANT_KEY"] {
		t.Errorf("got %v %v", bot.genuine, bot.event)
	}
	if bot.content.text("text") != "@_user_1 task t-1" || message.text("chat_type") != "group" || message.text("message_type") != "text" ||
		!strings.HasPrefix(message.text("message_id"), "om_") || !strings.HasPrefix(message.text("chat_id"), "oc_") || message.objects("mentions")[0].text("key") != "@_user_1" {
		t.Errorf("got %v", message)
	}

	token := s.feishuToken(t)
	reply := func(id, token, body string) reply {
		s.advance(time.Millisecond)
		return s.post(t, "/open-apis/im/v1/messages/"+id+"/reply", body, "Authorization", "Bearer "+token)
	}
	body := func(uuid, card string) string {
		return jsonText(t, map[string]string{"content": card, "msg_type": "interactive", "uuid": uuid})
	}
	id := message.text("message_id")
	first := reply(id, token, body("u1", feishuCard))
	if m := s.last(t); first.status != 200 || !strings.Contains(first.body, `"code":0`) || m.Via != "reply" || m.Status != "shown" || m.Text != feishuCardText || !m.Later || m.Private {
		t.Errorf("got %+v %+v", first, m)
	}
	if again := reply(id, token, body("u1", feishuCard)); again.body != first.body || len(s.messages("feishu")) != 1 {
		t.Errorf("the same uuid: got %+v, %d messages", again, len(s.messages("feishu")))
	}
	for _, test := range []struct {
		name, id, token, body string
		status                int
		answer                string
	}{
		{"another uuid", id, token, body("u2", feishuCard), 200, `"code":0`},
		{"no uuid", id, token, body("", feishuCard), 200, `"code":0`},
		{"unknown message", "om_x", token, body("u3", feishuCard), 400, `"code":230001`},
		{"no token", id, "", body("u3", feishuCard), 400, `"code":99991663`},
		{"another token", id, token + "x", body("u3", feishuCard), 400, `"code":99991663`},
		{"uuid too long", id, token, body(strings.Repeat("x", 51), feishuCard), 400, `"code":99992402`},
		{"content that is an object", id, token, `{"msg_type":"interactive","content":` + feishuCard + `}`, 400, `"code":99992402`},
		{"content too long", id, token, body("u3", strings.Repeat("x", maxFeishuContent+1)), 400, `"code":230025`},
		{"bad card", id, token, body("u3", `{"elements":[]}`), 400, `"code":230099`},
		{"no card", id, token, body("u3", `x`), 400, `"code":230099`},
		{"no JSON", id, token, `x`, 400, `"code":9499`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if r := reply(test.id, test.token, test.body); r.status != test.status || !strings.Contains(r.body, test.answer) {
				t.Errorf("got %+v, want %d %s", r, test.status, test.answer)
			}
		})
	}
	s.advance(time.Hour)
	shown := len(s.messages("feishu"))
	if reply(id, token, body("u1", feishuCard)); len(s.messages("feishu")) != shown+1 {
		t.Error("after an hour the same uuid shows nothing")
	}

	if s.speak(t, "feishu", "help", "in", "private"); bot.event.object("event").object("message").text("chat_type") != "p2p" || bot.content.text("text") != "help" {
		t.Errorf("private: got %v", bot.event)
	}
	for forgery, right := range map[string]func() bool{
		"signature": func() bool { return !bot.genuine },
		"body":      func() bool { return !bot.genuine },
		"tenant": func() bool {
			return bot.genuine && bot.event.object("header").text("tenant_key") != s.variables["FEISHU_TENANT_KEY"]
		},
		"stale": func() bool {
			return bot.genuine && bot.event.object("header").text("create_time") == strconv.FormatInt(s.Now().Add(-staleness).UnixMilli(), 10)
		},
	} {
		if s.speak(t, "feishu", "help", "forge", forgery); !right() {
			t.Errorf("%s: got %v %v", forgery, bot.genuine, bot.event)
		}
	}
}

func TestFeishuToken(t *testing.T) {
	s := startChat(t, nil)
	f := s.platforms["feishu"].(*feishu)
	good := func(token string) bool {
		request, _ := http.NewRequest(http.MethodPost, s.url, nil)
		request.Header.Set("Authorization", "Bearer "+token)
		return f.admits(request)
	}
	first := s.feishuToken(t)
	s.advance(90*time.Minute - time.Second)
	if s.feishuToken(t) != first {
		t.Error("the token changes while it has time left")
	}
	s.advance(time.Second)
	second := s.feishuToken(t)
	if second == first || !good(first) || !good(second) {
		t.Error("near its end a token is replaced, and both are good")
	}
	s.advance(30 * time.Minute)
	if good(first) || !good(second) || good("") {
		t.Error("a token that ended is good")
	}
	for body, code := range map[string]string{
		`{"app_id":"` + f.appID + `","app_secret":"x"}`: `"code":10014`, `{"app_id":"x","app_secret":"` + f.appSecret + `"}`: `"code":10014`,
		`{}`: `"code":10003`, `x`: `"code":10003`,
	} {
		if r := s.post(t, "/open-apis/auth/v3/tenant_access_token/internal", body); !strings.Contains(r.body, code) {
			t.Errorf("%s: got %+v", body, r)
		}
	}
	if n := len(s.messages("")); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestFeishuCheck(t *testing.T) {
	s := startChat(t, nil)
	bot := &feishuBot{t: t, s: s}
	s.answering(bot.ServeHTTP)
	if r := do(t, http.MethodPost, s.url+"/check?platform=feishu", ""); !strings.Contains(r.body, `"ok":true`) {
		t.Errorf("got %+v", r)
	}
	if bot.event.text("type") != "url_verification" || bot.event.text("token") != s.variables["FEISHU_VERIFICATION_TOKEN"] || bot.event.text("challenge") == "" || bot.genuine {
		t.Errorf("got %v %v", bot.genuine, bot.event)
	}
	s.answering(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"challenge":"x"}`) })
	if r := do(t, http.MethodPost, s.url+"/check?platform=feishu", ""); !strings.Contains(r.body, `"ok":false`) {
		t.Errorf("got %+v", r)
	}
}
