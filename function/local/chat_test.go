package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A chatStage is the chats' stand-in with a bot of the test's own before it.
type chatStage struct {
	*chat
	*clock
	variables map[string]string

	mu  sync.Mutex
	bot http.HandlerFunc
}

var chatNow = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func startChat(t testing.TB, variables map[string]string) *chatStage {
	t.Helper()
	s := &chatStage{clock: newClock(chatNow), variables: variables}
	if s.variables == nil {
		s.variables = make(map[string]string)
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		bot := s.bot
		s.mu.Unlock()
		bot(w, r)
	}))
	server := httptest.NewUnstartedServer(nil)
	s.chat = newChat(front.URL, "http://"+server.Listener.Addr().String(), s.variables, s.Now, io.Discard)
	server.Config.Handler = s.chat.handler()
	server.Start()
	t.Cleanup(func() {
		s.chat.Close()
		server.Close()
		front.Close()
	})
	return s
}

// answering sets the bot.
func (s *chatStage) answering(bot http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bot = bot
}

// post sends JSON to the stand-in.
func (s *chatStage) post(t testing.TB, address, body string, headers ...string) reply {
	t.Helper()
	if !strings.HasPrefix(address, "http") {
		address = s.url + address
	}
	return do(t, http.MethodPost, address, body, append([]string{"Content-Type", "application/json"}, headers...)...)
}

// last returns the newest message.
func (s *chatStage) last(t testing.TB) chatEntry {
	t.Helper()
	entries := s.messages("")
	if len(entries) == 0 {
		t.Fatal("no message came")
	}
	return entries[len(entries)-1]
}

// speak types a text into a chat.
func (s *chatStage) speak(t testing.TB, platform, text string, fields ...string) saying {
	t.Helper()
	form := url.Values{"platform": {platform}, "text": {text}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := do(t, http.MethodPost, s.url+"/say", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if r.status != http.StatusOK {
		t.Fatalf("say: got %d %s", r.status, r.body)
	}
	var said saying
	decode(t, r.body, &said)
	return said
}

// jsonText writes a value as JSON.
func jsonText(t testing.TB, value any) string {
	t.Helper()
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(value); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text.String())
}

// A postTest is a message, what the platform answers and what it makes of it.
type postTest struct {
	name   string
	body   string
	answer string // a part of the response
	text   string // what is shown; empty: refused
}

func (s *chatStage) runPosts(t *testing.T, address func() string, tests []postTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s.advance(time.Minute) // away from every limit
			r := s.post(t, address(), test.body)
			got := s.last(t)
			if !strings.Contains(r.body, test.answer) {
				t.Errorf("answered %d %s, want %s in it", r.status, r.body, test.answer)
			}
			if test.text == "" {
				if got.Status != "refused" || got.Error == "" || got.Text != "" {
					t.Errorf("got %+v, want it refused", got)
				}
				return
			}
			if got.Status != "shown" || got.Text != test.text || got.Via != "webhook" {
				t.Errorf("got %s %s %q, want %q", got.Status, got.Error, got.Text, test.text)
			}
		})
	}
}

func TestChatVariables(t *testing.T) {
	own := map[string]string{
		"DINGTALK_APP_SECRET": "new, old", "FEISHU_ENCRYPT_KEY": "", "SLACK_TEAM_ID": "T1,T2", "WECOM_WEBHOOK_URL": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=mine",
		"DINGTALK_WEBHOOK_URL": "https://oapi.dingtalk.com/robot/send?access_token=mine",
	}
	s := startChat(t, own)
	for _, name := range []string{"DINGTALK", "FEISHU", "WECOM", "SLACK"} {
		if own[name+"_API_URL"] != s.url {
			t.Errorf("%s_API_URL is %q", name, own[name+"_API_URL"])
		}
	}
	if _, ok := own["DINGTALK_WEBHOOK_SECRET"]; ok {
		t.Error("a secret was made up for a webhook of the caller's own")
	}
	for name, want := range map[string]string{"DINGTALK_APP_SECRET": "new, old", "FEISHU_ENCRYPT_KEY": "", "SLACK_TEAM_ID": "T1,T2"} {
		if own[name] != want {
			t.Errorf("%s is %q, want %q", name, own[name], want)
		}
	}
	if !strings.HasPrefix(own["SLACK_WEBHOOK_URL"], s.url+"/services/T1/B") {
		t.Errorf("SLACK_WEBHOOK_URL is %q", own["SLACK_WEBHOOK_URL"])
	}
	d := s.platforms["dingtalk"].(*dingTalk)
	if d.appSecret.used(new(utterance)) != "new" || d.appSecret.used(&utterance{second: true}) != "old" || d.webhookToken != "mine" || d.webhookSecret != "" {
		t.Errorf("got %+v", d)
	}
	if w := s.platforms["wecom"].(*weCom); w.key != "mine" {
		t.Errorf("got %+v", w)
	}
	// Together with the rest they must fit into what FC takes.
	size := 0
	for name, value := range own {
		size += len(name) + len(value)
	}
	if size > maxEnvironment/2 {
		t.Errorf("the chats' variables have %d bytes", size)
	}
}

func TestChatFaults(t *testing.T) {
	s := startChat(t, nil)
	address := s.variables["WECOM_WEBHOOK_URL"]
	const message = `{"msgtype":"text","text":{"content":"hello"}}`
	order := func(method, query string) reply {
		return do(t, method, s.url+"/faults"+query, "")
	}
	for kind, want := range map[string]struct {
		status int
		body   string
	}{
		"down": {503, "upstream"}, "redirect": {302, ""}, "html": {200, "<html>"}, "ratelimit": {200, "45009"}, "revoked": {200, "93000"},
	} {
		if r := order(http.MethodPost, "?platform=wecom&count=1&kind="+kind); r.status != http.StatusOK || !strings.Contains(r.body, kind) {
			t.Errorf("%s: got %+v", kind, r)
		}
		if r := s.post(t, address, message); r.status != want.status || !strings.Contains(r.body, want.body) {
			t.Errorf("%s: got %+v", kind, r)
		}
		if got := s.last(t); got.Status != "refused" || !strings.Contains(got.Error, want.body) && got.Error != kind {
			t.Errorf("%s: got %+v", kind, got)
		}
		if r := s.post(t, address, message); !strings.Contains(r.body, `"errcode":0`) {
			t.Errorf("after %s: got %+v", kind, r)
		}
	}
	client := &http.Client{Timeout: 200 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	for _, kind := range []string{"stall", "reset"} {
		order(http.MethodPost, "?platform=wecom&kind="+kind)
		if r, err := client.Post(address, "application/json", strings.NewReader(message)); err == nil {
			r.Body.Close()
			t.Errorf("%s: got %v", kind, r.Status)
		}
		if got := s.last(t); got.Error != kind {
			t.Errorf("%s: got %+v", kind, got)
		}
		order(http.MethodDelete, "")
	}
	if r := order(http.MethodGet, ""); r.body != `{"faults":[]}`+"\n" {
		t.Errorf("got %q", r.body)
	}

	// A fault spoils what it can spoil, and nothing else.
	order(http.MethodPost, "?platform=feishu&kind=badsign")
	order(http.MethodPost, "?platform=feishu&kind=down&on=token")
	if r := s.post(t, "/open-apis/im/v1/messages/om_1/reply", "{}"); !strings.Contains(r.body, "99991663") {
		t.Errorf("got %+v", r)
	}
	if r := s.post(t, "/open-apis/auth/v3/tenant_access_token/internal", "{}"); r.status != http.StatusServiceUnavailable {
		t.Errorf("got %+v", r)
	}
	for _, query := range []string{"?platform=x&kind=down", "?platform=slack&kind=x", "?platform=wecom&kind=badsign", "?platform=slack&kind=down&on=reply", "?platform=slack&kind=down&count=x", ""} {
		if r := order(http.MethodPost, query); r.status != http.StatusBadRequest || !strings.Contains(r.body, `"error":`) {
			t.Errorf("%q: got %+v", query, r)
		}
	}
}

func TestChatOrders(t *testing.T) {
	s := startChat(t, nil)
	s.answering(func(http.ResponseWriter, *http.Request) {})
	for _, test := range []struct{ name, path, form string }{
		{"no platform", "/say", "text=help"},
		{"unknown platform", "/say", "platform=teams&text=help"},
		{"unknown forgery", "/say", "platform=slack&text=help&forge=x"},
		{"a forgery that is none", "/say", "platform=dingtalk&text=help&forge=body"},
		{"another company's WeCom", "/say", "platform=wecom&text=help&forge=tenant"},
		{"nothing to say again", "/say", "platform=slack&again=true"},
		{"check of an address that nobody checks", "/check", "platform=slack"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := do(t, http.MethodPost, s.url+test.path, test.form, "Content-Type", "application/x-www-form-urlencoded")
			if r.status != http.StatusBadRequest || !strings.Contains(r.body, `"error":`) {
				t.Errorf("got %+v", r)
			}
		})
	}
	for _, order := range []struct{ method, path string }{
		{http.MethodPost, "/say?platform=slack&text=help"}, {http.MethodPost, "/faults?platform=slack&kind=down"},
		{http.MethodDelete, "/faults"}, {http.MethodDelete, "/messages"}, {http.MethodPost, "/messages/clear"}, {http.MethodPost, "/check?platform=wecom"},
	} {
		if r := do(t, order.method, s.url+order.path, "", "Sec-Fetch-Site", "cross-site"); r.status != http.StatusForbidden {
			t.Errorf("%s %s from another site's page: got %+v", order.method, order.path, r)
		}
	}
	if r := do(t, http.MethodGet, s.url+"/messages?platform=teams", ""); r.status != http.StatusBadRequest {
		t.Errorf("got %+v", r)
	}
	if r := do(t, http.MethodGet, s.url+"/messages", ""); r.body != "[]\n" {
		t.Errorf("got %q", r.body)
	}
}

// TestChatCallsThatFail: what a platform tells a person whose bot does not answer.
func TestChatCallsThatFail(t *testing.T) {
	s := startChat(t, nil)
	s.answering(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "refused", http.StatusUnauthorized) })
	got := s.speak(t, "slack", "help")
	if got.Status != 401 || got.Body != "refused\n" || got.Error != "the bot answered with status 401" || len(got.Messages) != 0 {
		t.Errorf("got %+v", got)
	}
	s.answering(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if got := s.speak(t, "slack", "help"); got.Status != 0 || got.Error != "the bot cannot be reached" {
		t.Errorf("got %+v", got)
	}
	if n := len(s.messages("")); n != 0 {
		t.Errorf("%d messages came of calls that failed", n)
	}
	call := chatCall{method: http.MethodPost, url: s.frontURL, header: make(http.Header)}
	s.answering(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	if _, err := s.send(t.Context(), call, 50*time.Millisecond); err == nil || !strings.HasPrefix(err.Error(), "operation_timeout") {
		t.Errorf("got %v", err)
	}
}

// TestChatSecrets: while a secret is changed, calls are made with either.
func TestChatSecrets(t *testing.T) {
	keys := []string{randomAESKey(), randomAESKey()}
	s := startChat(t, map[string]string{
		"DINGTALK_APP_SECRET": "new,old", "FEISHU_ENCRYPT_KEY": "new, old", "WECOM_TOKEN": "new", "WECOM_AES_KEY": keys[0] + "," + keys[1], "SLACK_SIGNING_SECRET": "new,old",
	})
	var header http.Header
	var query url.Values
	var body []byte
	s.answering(func(_ http.ResponseWriter, r *http.Request) {
		header, query = r.Header, r.URL.Query()
		body, _ = io.ReadAll(r.Body)
	})
	for i, secret := range []string{"new", "old"} {
		number := strconv.Itoa(i + 1)
		s.speak(t, "dingtalk", "help", "secret", number)
		if header.Get("Sign") != dingTalkSign(header.Get("Timestamp"), secret) {
			t.Errorf("DingTalk is not signed with the %s secret", secret)
		}
		s.speak(t, "slack", "help", "secret", number)
		if header.Get("X-Slack-Signature") != slackSign(header.Get("X-Slack-Request-Timestamp"), string(body), secret) {
			t.Errorf("Slack is not signed with the %s secret", secret)
		}
		s.speak(t, "feishu", "help", "secret", number)
		sealed, _ := readObject(body)
		if event, ok := readObject(decryptFeishu(t, secret, sealed.text("encrypt"))); !ok || event.text("schema") != "2.0" {
			t.Errorf("Feishu is not encrypted with the %s key", secret)
		}
		s.speak(t, "wecom", "help", "secret", number)
		sealed, _ = readObject(body)
		letter := weComLetter{token: "new", key: weComKey(keys[i])}
		if _, err := letter.decrypt(sealed.text("encrypt")); err != nil || query.Get("msg_signature") != letter.sign(query.Get("timestamp"), query.Get("nonce"), sealed.text("encrypt")) {
			t.Errorf("WeCom is not encrypted with the %s key: %v", secret, err)
		}
	}
}

// TestChatAgain makes a call once more.
func TestChatAgain(t *testing.T) {
	s := startChat(t, nil)
	var bodies []string
	var signatures []string
	s.answering(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		signatures = append(signatures, r.Header.Get("X-Slack-Signature"))
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"text":"hello"}`)
	})
	first, second := s.speak(t, "slack", "help"), s.speak(t, "slack", "", "again", "true")
	if len(bodies) != 2 || bodies[0] != bodies[1] || signatures[0] != signatures[1] {
		t.Errorf("got %q %q", bodies, signatures)
	}
	if len(first.Messages) != 1 || len(second.Messages) != 1 || len(s.messages("slack")) != 2 {
		t.Errorf("got %+v, %+v", first, second)
	}
}

// TestChatForgets bounds what is kept.
func TestChatForgets(t *testing.T) {
	s := startChat(t, nil)
	for i := range maxChatHandles + 1 {
		s.issue(strconv.Itoa(i), handle{left: -1})
	}
	if _, err := s.use("0"); err != errUnknownHandle || len(s.handles) != maxChatHandles {
		t.Errorf("%v, %d handles", err, len(s.handles))
	}
	for i := range maxChatMessages + 1 {
		s.record("slack", viaWebhook, "", post{view: &view{Title: strconv.Itoa(i)}}, nil)
	}
	if entries := s.messages("slack"); len(entries) != maxChatMessages || entries[0].Title != "1" {
		t.Errorf("%d messages, the first %q", len(entries), entries[0].Title)
	}
}

func TestRateLimit(t *testing.T) {
	c := newClock(chatNow)
	limit := rateLimit{most: 3, per: time.Minute, ban: 10 * time.Minute}
	passes := func(want ...bool) {
		t.Helper()
		var got []bool
		for range want {
			got = append(got, limit.allow(c.Now()))
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	passes(true, true)
	c.advance(59 * time.Second)
	passes(true)
	c.advance(time.Second)
	passes(true, true, false) // the first two no longer count
	c.advance(10*time.Minute - time.Second)
	passes(false)
	c.advance(time.Second)
	passes(true, true, true, false)
}
