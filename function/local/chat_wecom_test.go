package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestWeComLetter(t *testing.T) {
	// The example of Tencent's own sample code.
	l := weComLetter{token: "QDG6eK", key: weComKey("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")}
	const sealed = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
	if got := l.sign("1409659589", "263014780", sealed); got != "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3" {
		t.Errorf("got %s", got)
	}
	// It is written to a company's app, not to a smart bot.
	if _, err := l.decrypt(sealed); err == nil || !strings.Contains(err.Error(), "receiver") {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"", "x", strings.Repeat("中", 1000)} {
		again, query := l.seal(text, chatNow)
		opened, err := l.decrypt(again)
		if err != nil || string(opened) != text || query.Get("msg_signature") != l.sign(query.Get("timestamp"), query.Get("nonce"), again) {
			t.Errorf("%.10q: got %q %v", text, opened, err)
		}
	}
	for _, bad := range []string{"", "x", "AAAA", sealed[:44], strings.Repeat("A", 64) + "==="} {
		if _, err := l.decrypt(bad); err == nil {
			t.Errorf("%q is decrypted", bad)
		}
	}
	for range 20 {
		if weComKey(randomAESKey()) == nil {
			t.Error("a key cannot be read")
		}
	}
	if weComKey("short") != nil || weComKey("") != nil {
		t.Error("a key that is none is read")
	}
}

const weComCard = `{"card_type":"text_notice","source":{"desc":"CloudSSO"},"main_title":{"title":"Failed","desc":"Assign access"},` +
	`"sub_title_text":"after 3 s","quote_area":{"quote_text":"No Permission."},"horizontal_content_list":[{"keyname":"Task","value":"t-1"}],` +
	`"jump_list":[{"type":1,"title":"Open","url":"https://status.example.com/tasks/t-1"}],"card_action":{"type":1,"url":"https://status.example.com/tasks/t-1"}}`

func TestWeComMessages(t *testing.T) {
	s := startChat(t, nil)
	card := func(old, new string) string {
		return `{"msgtype":"template_card","template_card":` + strings.Replace(weComCard, old, new, 1) + `}`
	}
	const ok = `{"errcode":0,"errmsg":"ok"}`
	text := func(n int) string {
		return `{"msgtype":"text","text":{"content":"` + strings.Repeat("x", n) + `"}}`
	}
	markdown := func(n int) string {
		return `{"msgtype":"markdown","markdown":{"content":"` + strings.Repeat("中", n/3) + strings.Repeat("x", n%3) + `"}}`
	}
	s.runPosts(t, func() string { return s.variables["WECOM_WEBHOOK_URL"] }, []postTest{
		{"text", `{"msgtype":"text","text":{"content":"a **b**"}}`, ok, "a **b**"},
		{"Markdown", `{"msgtype":"markdown","markdown":{"content":"# a\n<font color=\"warning\">b</font>\nc **d**\n> e &lt; <@Bob>"}}`, ok, "a\nb\nc d\ne &lt; @Bob"},
		{"card", card("", ""), ok, "Failed\nCloudSSO\nAssign access\nafter 3 s\nNo Permission.\nTask: t-1\nOpen"},
		{"card with nothing to jump to", card(`"jump_list":[{"type":1,"title":"Open","url":"https://status.example.com/tasks/t-1"}],`, ""), ok, "Failed\nCloudSSO\nAssign access\nafter 3 s\nNo Permission.\nTask: t-1\n查看详情"},
		{"longest text", text(maxWeComText), ok, strings.Repeat("x", maxWeComText)},
		{"text too long", text(maxWeComText + 1), `"errcode":40058`, ""},
		{"longest Markdown", markdown(maxWeComMarkdown), ok, strings.Repeat("中", maxWeComMarkdown/3) + "x"},
		{"Markdown too long", markdown(maxWeComMarkdown + 1), `"errcode":40058`, ""},
		{"no content", text(0), `"errcode":44004`, ""},
		{"another card", card("text_notice", "news_notice"), `"errcode":40058`, ""},
		{"card without an action", card(`,"card_action":{"type":1,"url":"https://status.example.com/tasks/t-1"}`, ""), `"errcode":40058`, ""},
		{"card with an action of text", card(`"card_action":{"type":1`, `"card_action":{"type":"1"`), `"errcode":40058`, ""},
		{"card without a title", card(`"main_title":{"title":"Failed","desc":"Assign access"},"sub_title_text":"after 3 s",`, ""), `"errcode":40058`, ""},
		{"card with a jump without a title", card(`"title":"Open",`, ""), `"errcode":40058`, ""},
		{"card with a pair without a name", card(`"keyname":"Task",`, ""), `"errcode":40058`, ""},
		{"card with seven pairs", card(`{"keyname":"Task","value":"t-1"}`, strings.Repeat(`{"keyname":"a","value":"b"},`, 6)+`{"keyname":"a","value":"b"}`), `"errcode":40058`, ""},
		{"card with four jumps", card(`{"type":1,"title":"Open","url":"https://status.example.com/tasks/t-1"}`, strings.Repeat(`{"type":1,"title":"a","url":"https://a.example"},`, 3)+`{"type":1,"title":"a","url":"https://a.example"}`), `"errcode":40058`, ""},
		{"unknown type", `{"msgtype":"stream","stream":{}}`, `"errcode":40008`, ""},
		{"no JSON", `x`, `"errcode":47001`, ""},
	})
	for _, address := range []string{s.url + "/cgi-bin/webhook/send", s.variables["WECOM_WEBHOOK_URL"] + "x"} {
		if r := s.post(t, address, text(1)); !strings.Contains(r.body, `"errcode":93000`) {
			t.Errorf("got %+v", r)
		}
	}
	s.advance(time.Minute)
	for i := range 21 {
		if r := s.post(t, s.variables["WECOM_WEBHOOK_URL"], text(1)); strings.Contains(r.body, `"errcode":45009`) != (i == 20) {
			t.Errorf("message %d: got %+v", i+1, r)
		}
	}
	s.advance(time.Minute)
	if r := s.post(t, s.variables["WECOM_WEBHOOK_URL"], text(1)); r.body != ok {
		t.Errorf("a minute later: got %+v", r)
	}
}

// A weComBot answers a smart bot's calls.
type weComBot struct {
	s       *chatStage
	message object
	genuine bool
	answer  string // plaintext
	spoil   func(map[string]any)
}

func (b *weComBot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l := weComLetter{b.s.variables["WECOM_TOKEN"], weComKey(b.s.variables["WECOM_AES_KEY"])}
	query := r.URL.Query()
	body, _ := io.ReadAll(r.Body)
	sealed, _ := readObject(body)
	b.genuine = query.Get("msg_signature") == l.sign(query.Get("timestamp"), query.Get("nonce"), sealed.text("encrypt"))
	text, err := l.decrypt(sealed.text("encrypt"))
	if err != nil {
		b.genuine = false
	}
	b.message, _ = readObject(text)
	if b.answer == "" {
		return
	}
	reply, signature := l.seal(b.answer, b.s.Now())
	timestamp := json.Number(signature.Get("timestamp"))
	answer := map[string]any{"encrypt": reply, "msgsignature": signature.Get("msg_signature"), "timestamp": timestamp, "nonce": signature.Get("nonce")}
	if b.spoil != nil {
		b.spoil(answer)
	}
	json.NewEncoder(w).Encode(answer)
}

func TestWeComSay(t *testing.T) {
	s := startChat(t, nil)
	bot := &weComBot{s: s, answer: `{"msgtype":"stream","stream":{"id":"1","finish":true,"content":"**Failed** <font color=\"warning\">now</font>"}}`}
	s.answering(bot.ServeHTTP)
	said := s.speak(t, "wecom", "task t-1", "from", "Bob")
	if said.Status != 200 || said.Error != "" || len(said.Messages) != 1 {
		t.Fatalf("got %+v", said)
	}
	if m := said.Messages[0]; m.Via != "answer" || m.Text != "Failed now" || m.Color != "warning" || !strings.Contains(string(m.Raw), `"msgtype":"stream"`) {
		t.Errorf("got %+v", m)
	}
	m := bot.message
	if !bot.genuine || m.object("text").text("content") != "@TaskStatus task t-1" || m.text("chattype") != "group" || m.text("chatid") == "" ||
		m.object("from").text("userid") != "Bob" || m.text("msgtype") != "text" || m.text("msgid") == "" || m.text("aibotid") == "" {
		t.Errorf("got %v %v", bot.genuine, m)
	}

	const later = `{"msgtype":"markdown","markdown":{"content":"ended"}}`
	address := m.text("response_url")
	for _, test := range []struct{ name, address, answer, text string }{
		{"once", address, `"errcode":0`, "ended"},
		{"twice", address, `"errcode":40029`, ""},
		{"unknown", s.url + "/cgi-bin/aibot/response?response_code=x", `"errcode":40029`, ""},
	} {
		if r := s.post(t, test.address, later); !strings.Contains(r.body, test.answer) || s.last(t).Text != test.text || s.last(t).Via != "response_url" {
			t.Errorf("%s: got %+v %+v", test.name, r, s.last(t))
		}
	}
	if bot.answer = ""; len(s.speak(t, "wecom", "help", "in", "private").Messages) != 0 {
		t.Error("an empty answer is shown")
	}
	if bot.message.text("chattype") != "single" || bot.message.has("chatid") || bot.message.object("text").text("content") != "help" {
		t.Errorf("private: got %v", bot.message)
	}
	s.advance(time.Hour)
	if r := s.post(t, bot.message.text("response_url"), later); !strings.Contains(r.body, `"errcode":40029`) {
		t.Errorf("an hour later: got %+v", r)
	}
	for _, body := range []string{`{"msgtype":"text","text":{"content":"x"}}`, `x`, `{"msgtype":"markdown","markdown":{"content":""}}`} {
		s.speak(t, "wecom", "help")
		if r := s.post(t, bot.message.text("response_url"), body); strings.Contains(r.body, `"errcode":0`) {
			t.Errorf("%s: got %+v", body, r)
		}
	}
	for _, forgery := range []string{"signature", "body"} {
		if s.speak(t, "wecom", "help", "forge", forgery); bot.genuine {
			t.Errorf("forged %s: it is genuine", forgery)
		}
	}
}

func TestWeComAnswers(t *testing.T) {
	s := startChat(t, nil)
	bot := &weComBot{s: s}
	s.answering(bot.ServeHTTP)
	stream := func(content string) string {
		return `{"msgtype":"stream","stream":{"id":"1","finish":true,"content":"` + content + `"}}`
	}
	for _, test := range []struct {
		name, answer string
		spoil        func(map[string]any)
		err          string
	}{
		{"card", `{"msgtype":"template_card","template_card":` + weComCard + `}`, nil, ""},
		{"both", `{"msgtype":"stream_with_template_card","stream":{"id":"1","finish":true,"content":"x"},"template_card":` + weComCard + `}`, nil, ""},
		{"longest", stream(strings.Repeat("x", maxWeComStream)), nil, ""},
		{"too long", stream(strings.Repeat("x", maxWeComStream+1)), nil, "exceed max length"},
		{"not finished", `{"msgtype":"stream","stream":{"id":"1","finish":false,"content":"x"}}`, nil, "finish"},
		{"no id", `{"msgtype":"stream","stream":{"finish":true,"content":"x"}}`, nil, "id is empty"},
		{"no content", stream(""), nil, "empty"},
		{"text", `{"msgtype":"text","text":{"content":"x"}}`, nil, "invalid message type"},
		{"bad card", `{"msgtype":"template_card","template_card":{}}`, nil, "template_card"},
		{"no JSON", `x`, nil, "no JSON object"},
		{"wrong signature", stream("x"), func(a map[string]any) { a["msgsignature"] = "x" }, "msgsignature is wrong"},
		{"other nonce", stream("x"), func(a map[string]any) { a["nonce"] = "x" }, "msgsignature is wrong"},
		{"time as text", stream("x"), func(a map[string]any) { a["timestamp"] = "1" }, "not a number"},
		{"name of the query", stream("x"), func(a map[string]any) { a["msg_signature"] = a["msgsignature"]; delete(a, "msgsignature") }, "msgsignature is wrong"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bot.answer, bot.spoil = test.answer, test.spoil
			got := s.speak(t, "wecom", "help")
			if (got.Error == "") != (test.err == "") || !strings.Contains(got.Error, test.err) || len(got.Messages) != 1 || (got.Messages[0].Status == "shown") != (test.err == "") {
				t.Errorf("got %+v, want %q", got, test.err)
			}
		})
	}
}

func TestWeComCheck(t *testing.T) {
	s := startChat(t, nil)
	check := func() string {
		var result struct {
			OK    bool
			Error string
		}
		r := do(t, http.MethodPost, s.url+"/check?platform=wecom", "")
		decode(t, r.body, &result)
		if result.OK != (result.Error == "") {
			t.Errorf("got %s", r.body)
		}
		return result.Error
	}
	echo := func(query url.Values) string {
		l := weComLetter{s.variables["WECOM_TOKEN"], weComKey(s.variables["WECOM_AES_KEY"])}
		if query.Get("msg_signature") != l.sign(query.Get("timestamp"), query.Get("nonce"), query.Get("echostr")) {
			t.Error("the signature is wrong")
		}
		text, err := l.decrypt(query.Get("echostr"))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	s.answering(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, echo(r.URL.Query())) })
	if problem := check(); problem != "" {
		t.Errorf("got %s", problem)
	}
	s.answering(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, echo(r.URL.Query())+"\n") })
	if check() == "" {
		t.Error("a line end too many is let pass")
	}
}
