package acceptance

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-lark/lark"
	larkcard "github.com/larksuite/oapi-sdk-go/v3/card"
	"github.com/larksuite/oapi-sdk-go/v3/core/httpserverext"
	larkevent "github.com/larksuite/oapi-sdk-go/v3/event"
	"github.com/larksuite/oapi-sdk-go/v3/event/dispatcher"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"
)

const (
	feishuKey       = "kudryavka-encrypt-key"
	feishuToken     = "v7f3token9d2verification"
	feishuApp       = "cli_a1b2c3d4e5f6"
	feishuTenant    = "2ed263bf32cf1651"
	feishuTokenPath = "/open-apis/auth/v3/tenant_access_token/internal"
)

func feishuEnviron(more ...string) []string {
	return append([]string{
		"FEISHU_ENCRYPT_KEY=" + feishuKey, "FEISHU_VERIFICATION_TOKEN=" + feishuToken,
		"FEISHU_APP_ID=" + feishuApp, "FEISHU_APP_SECRET=oracle", "FEISHU_TENANT_KEY=" + feishuTenant,
	}, more...)
}

// encryptFeishu encrypts as Feishu does, which no library can. The libraries
// decrypt it in TestChatFeishuEncryption.
func encryptFeishu(key, plain string) string {
	hashed := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(hashed[:])
	if err != nil {
		panic(err)
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	data := append([]byte(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	iv := make([]byte, aes.BlockSize)
	rand.Read(iv)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	return base64.StdEncoding.EncodeToString(append(iv, data...))
}

// A feishuCall is a call on its way.
type feishuCall struct {
	key, plain       string // what it is encrypted with, and what that is
	signKey          string // none for no signature
	timestamp, nonce string
	body             string // the encrypted plain, unless it is set
	signature        string // that of the body, unless it is set
}

// feishuEvent is somebody saying something to the bot.
func feishuEvent(message, text string, age time.Duration) feishuCall {
	content, err := json.Marshal(map[string]string{"text": "@_user_1 " + text})
	if err != nil {
		panic(err)
	}
	event := larkim.P2MessageReceiveV1{
		EventV2Base: &larkevent.EventV2Base{Schema: "2.0", Header: &larkevent.EventHeader{
			EventID: "5e3702a84e847582be8db7fb73283c02", EventType: "im.message.receive_v1", Token: feishuToken,
			CreateTime: strconv.FormatInt(time.Now().UnixMilli(), 10), AppID: feishuApp, TenantKey: feishuTenant,
		}},
		Event: &larkim.P2MessageReceiveV1Data{Message: larkim.NewEventMessageBuilder().
			MessageId(message).ChatId("oc_5ce6d572455d361153b7cb51da133945").ChatType("group").MessageType("text").
			Content(string(content)).
			Mentions([]*larkim.MentionEvent{larkim.NewMentionEventBuilder().Key("@_user_1").Name("CloudSSO").Build()}).
			Build()},
	}
	plain, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	return feishuCall{key: feishuKey, plain: string(plain), signKey: feishuKey, nonce: "a7d3f0c1",
		timestamp: strconv.FormatInt(time.Now().Add(-age).Unix(), 10)}
}

// send returns the call's header and body, signed by the Lark SDK.
func (c feishuCall) send() (http.Header, []byte) {
	if c.body == "" {
		c.body = `{"encrypt":"` + encryptFeishu(c.key, c.plain) + `"}`
	}
	header := http.Header{"Content-Type": {"application/json"}}
	header.Set(larkevent.EventRequestTimestamp, c.timestamp)
	header.Set(larkevent.EventRequestNonce, c.nonce)
	if c.signature == "" && c.signKey != "" {
		c.signature = larkevent.Signature(c.timestamp, c.nonce, c.signKey, c.body)
	}
	if c.signature != "" {
		header.Set(larkevent.EventSignature, c.signature)
	}
	return header, []byte(c.body)
}

// feishuCalls are calls, and who handles each: the function, the Lark SDK for Go
// and that for Node.js. Where these let in what the function does not, they
// leave a check to whoever uses them.
var feishuCalls = []struct {
	name           string
	age            time.Duration
	change         func(*feishuCall)
	ours, sdk, npm bool
}{
	{"genuine", 0, nil, true, true, true},
	{"nearly too old", 590 * time.Second, nil, true, true, true},
	{"signed with another key", 0, func(c *feishuCall) { c.signKey += "x" }, false, false, false},
	{"not signed", 0, func(c *feishuCall) { c.signKey = "" }, false, false, false},
	{"signature in capitals", 0, func(c *feishuCall) {
		c.body = `{"encrypt":"` + encryptFeishu(c.key, c.plain) + `"}`
		c.signature = strings.ToUpper(larkevent.Signature(c.timestamp, c.nonce, c.signKey, c.body))
	}, false, false, false},
	{"another time", 0, resigned(func(c *feishuCall) { c.timestamp += "0" }), false, false, false},
	{"another nonce", 0, resigned(func(c *feishuCall) { c.nonce += "0" }), false, false, false},
	{"another body", 0, resigned(func(c *feishuCall) {
		c.body = `{"encrypt":"` + encryptFeishu(c.key, c.plain) + `"}`
	}), false, false, false},
	{"encrypted with another key", 0, func(c *feishuCall) { c.key += "x" }, false, false, false},
	{"encrypted and signed with another key", 0, func(c *feishuCall) { c.key += "x"; c.signKey = c.key }, false, false, false},
	{"too old", 610 * time.Second, nil, false, true, true},
	{"too early", -610 * time.Second, nil, false, true, true},
	{"another verification token", 0, replaced(feishuToken, "another"), false, true, true},
	{"another app", 0, replaced(feishuApp, "cli_another"), false, true, true},
	{"another tenant", 0, replaced(feishuTenant, "another"), false, true, true},
	// It is signed: only who may also encrypt can send it. But it can be read on its way.
	{"not encrypted", 0, func(c *feishuCall) { c.body = c.plain }, false, false, true},
	{"neither signed nor encrypted", 0, func(c *feishuCall) { c.body, c.signKey = c.plain, "" }, false, false, false},
}

// resigned changes a call after it was signed.
func resigned(change func(*feishuCall)) func(*feishuCall) {
	return func(c *feishuCall) {
		header, body := c.send()
		c.body, c.signature = string(body), header.Get(larkevent.EventSignature)
		change(c)
	}
}

// replaced changes what a call says before it is encrypted.
func replaced(old, new string) func(*feishuCall) {
	return func(c *feishuCall) { c.plain = strings.ReplaceAll(c.plain, old, new) }
}

// quiet is a logger of the Lark SDK's that says nothing.
type quiet struct{}

func (quiet) Debug(context.Context, ...any) {}
func (quiet) Info(context.Context, ...any)  {}
func (quiet) Warn(context.Context, ...any)  {}
func (quiet) Error(context.Context, ...any) {}

// inLarkSDK gives a call to the Lark SDK, and returns its response and the
// content of the message that its handler got.
func inLarkSDK(t *testing.T, key string, header http.Header, body []byte) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var content string
	d := dispatcher.NewEventDispatcher(feishuToken, key).OnP2MessageReceiveV1(func(_ context.Context, e *larkim.P2MessageReceiveV1) error {
		content = *e.Event.Message.Content
		return nil
	})
	request, err := http.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	response := httptest.NewRecorder()
	httpserverext.NewEventHandlerFunc(d, larkevent.WithLogger(quiet{}))(response, request)
	return response, content
}

func TestChatFeishuCalls(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	b := newBot(t, feishuEnviron("FEISHU_API_URL="+p.URL)...)
	for i, test := range feishuCalls {
		t.Run(test.name, func(t *testing.T) {
			call := feishuEvent(fmt.Sprintf("om_%d", i), "help", test.age)
			if test.change != nil {
				test.change(&call)
			}
			header, body := call.send()
			if got := b.hear(t, http.MethodPost, "/chat/feishu", header, body).letsIn(t); got != test.ours {
				t.Errorf("the function lets it in: %t, want %t", got, test.ours)
			}
			if got := len(p.take()) == 1; got != test.ours {
				t.Errorf("the function answers it: %t, want %t", got, test.ours)
			}
			response, content := inLarkSDK(t, feishuKey, header, body)
			if got := content != ""; got != test.sdk || got != (response.Code == http.StatusOK) {
				t.Errorf("the Lark SDK handles it: %t, want %t: %d %s", got, test.sdk, response.Code, response.Body)
			}
		})
	}
}

func TestChatFeishuNeedsAllSecrets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, without string }{
		{"no Encrypt Key", "FEISHU_ENCRYPT_KEY="}, {"a short Encrypt Key", "FEISHU_ENCRYPT_KEY=" + feishuKey[:15]},
		{"no Verification Token", "FEISHU_VERIFICATION_TOKEN="}, {"no app", "FEISHU_APP_ID="},
	} {
		t.Run(test.name, func(t *testing.T) { checkClosed(t, "feishu", feishuEnviron(test.without)...) })
	}
	// Without a key the Lark SDK checks nothing at all.
	call := feishuEvent("om_unchecked", "help", 0)
	replaced(feishuToken, "another")(&call)
	call.body, call.signKey = call.plain, ""
	header, body := call.send()
	if _, content := inLarkSDK(t, "", header, body); content == "" {
		t.Error("the Lark SDK checks something without a key")
	}
}

// A larkHandled is what became of a call in the Lark SDK for Node.js.
type larkHandled struct {
	Handled                   bool
	Challenge, Content, Error string
}

// inLarkNodeSDK gives calls to the Lark SDK for Node.js, and has it decrypt texts.
func inLarkNodeSDK(t *testing.T, calls []feishuCall, encrypted ...string) (handled []larkHandled, decrypted []string) {
	t.Helper()
	type asked struct {
		EncryptKey        string            `json:"encryptKey"`
		VerificationToken string            `json:"verificationToken"`
		Headers           map[string]string `json:"headers"`
		Body              string            `json:"body"`
	}
	questions := struct {
		Calls      []asked  `json:"calls"`
		Encrypted  []string `json:"encrypted"`
		EncryptKey string   `json:"encryptKey"`
	}{[]asked{}, encrypted, feishuKey}
	if encrypted == nil {
		questions.Encrypted = []string{}
	}
	for _, call := range calls {
		header, body := call.send()
		q := asked{feishuKey, feishuToken, make(map[string]string), string(body)}
		for name := range header {
			q.Headers[strings.ToLower(name)] = header.Get(name)
		}
		questions.Calls = append(questions.Calls, q)
	}
	answer := ask[struct {
		Handled   []larkHandled
		Decrypted []string
	}](t, "lark-node-sdk.cjs", "@larksuiteoapi/node-sdk", questions)
	return answer.Handled, answer.Decrypted
}

func TestChatFeishuCallsInNodeSDK(t *testing.T) {
	t.Parallel()
	var calls []feishuCall
	for i, test := range feishuCalls {
		call := feishuEvent(fmt.Sprintf("om_%d", i), "help", test.age)
		if test.change != nil {
			test.change(&call)
		}
		calls = append(calls, call)
	}
	handled, _ := inLarkNodeSDK(t, calls)
	for i, test := range feishuCalls {
		if got := handled[i].Handled; got != test.npm {
			t.Errorf("%s: the Lark SDK for Node.js handles it: %t, want %t: %s", test.name, got, test.npm, handled[i].Error)
		}
	}
}

// feishuTexts are of every length modulo the block, in two alphabets.
func feishuTexts() []string {
	var texts []string
	for n := range 2 * aes.BlockSize {
		texts = append(texts, `{"text":"`+strings.Repeat("x", n)+`任务"}`)
	}
	return texts
}

// TestChatFeishuEncryption has three libraries decrypt what these tests encrypt
// and the function is shown to decrypt, and what Feishu published.
func TestChatFeishuEncryption(t *testing.T) {
	t.Parallel()
	b := newBot(t, feishuEnviron()...)
	for _, text := range feishuTexts() {
		encrypted := encryptFeishu(feishuKey, text)
		if got, err := larkevent.EventDecrypt(encrypted, feishuKey); err != nil || string(got) != text {
			t.Errorf("the Lark SDK decrypts %q, %v, want %q", got, err, text)
		}
		if got, err := lark.Decrypt(lark.EncryptKey(feishuKey), encrypted); err != nil || string(got) != text {
			t.Errorf("go-lark decrypts %q, %v, want %q", got, err, text)
		}
		challenge := encryptFeishu(feishuKey, `{"type":"url_verification","token":"`+feishuToken+`","challenge":`+strconv.Quote(text)+`}`)
		var echo struct{ Challenge string }
		r := b.hear(t, http.MethodPost, "/chat/feishu", nil, []byte(`{"encrypt":"`+challenge+`"}`))
		if json.Unmarshal(r.body, &echo) != nil || echo.Challenge != text {
			t.Errorf("the function decrypts %d %s, want %q", r.status, r.body, text)
		}
	}
	const published = "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="
	if got, err := lark.Decrypt(lark.EncryptKey("test key"), published); err != nil || string(got) != "hello world" {
		t.Errorf("go-lark decrypts Feishu's example to %q, %v", got, err)
	}
}

func TestChatFeishuEncryptionInNodeSDK(t *testing.T) {
	t.Parallel()
	var encrypted []string
	for _, text := range feishuTexts() {
		encrypted = append(encrypted, encryptFeishu(feishuKey, text))
	}
	if _, decrypted := inLarkNodeSDK(t, nil, encrypted...); !slices.Equal(decrypted, feishuTexts()) {
		t.Errorf("the Lark SDK for Node.js decrypts %q", decrypted)
	}
}

// feishuChallenges are checks of the address, which are not signed, and who
// answers each.
var feishuChallenges = []struct {
	name           string
	change         func(*feishuCall)
	ours, sdk, npm bool
}{
	{"genuine", func(*feishuCall) {}, true, true, true},
	// That for Node.js does not look at the token.
	{"another verification token", replaced(feishuToken, "another"), false, false, true},
	{"encrypted with another key", func(c *feishuCall) { c.key += "x" }, false, false, false},
	{"not encrypted", func(c *feishuCall) { c.body = c.plain }, false, false, true},
}

func feishuChallenge(change func(*feishuCall)) feishuCall {
	call := feishuCall{key: feishuKey, plain: `{"challenge":"ajls384kdjx98XX","token":"` + feishuToken + `","type":"url_verification"}`}
	change(&call)
	return call
}

func TestChatFeishuChallenge(t *testing.T) {
	t.Parallel()
	b := newBot(t, feishuEnviron()...)
	for _, test := range feishuChallenges {
		t.Run(test.name, func(t *testing.T) {
			header, body := feishuChallenge(test.change).send()
			ours := b.hear(t, http.MethodPost, "/chat/feishu", header, body)
			if got := ours.letsIn(t); got != test.ours {
				t.Errorf("the function answers: %t, want %t", got, test.ours)
			}
			sdk, _ := inLarkSDK(t, feishuKey, header, body)
			if got := sdk.Code == http.StatusOK; got != test.sdk {
				t.Errorf("the Lark SDK answers: %t, want %t", got, test.sdk)
			}
			if test.ours && string(ours.body) != sdk.Body.String() {
				t.Errorf("the function answers %s, the Lark SDK %s", ours.body, sdk.Body)
			}
		})
	}
}

func TestChatFeishuChallengeInNodeSDK(t *testing.T) {
	t.Parallel()
	var calls []feishuCall
	for _, test := range feishuChallenges {
		calls = append(calls, feishuChallenge(test.change))
	}
	handled, _ := inLarkNodeSDK(t, calls)
	for i, test := range feishuChallenges {
		if got := handled[i].Challenge == "ajls384kdjx98XX"; got != test.npm {
			t.Errorf("%s: the Lark SDK for Node.js answers: %t, want %t: %+v", test.name, got, test.npm, handled[i])
		}
	}
}

// TestChatFeishuReplies has the Lark SDK read every kind of answer.
func TestChatFeishuReplies(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	b := newBot(t, append(asking(t), feishuEnviron("FEISHU_API_URL="+p.URL)...)...)
	for i, test := range sayings(t) {
		t.Run(test.name, func(t *testing.T) {
			message := fmt.Sprintf("om_%d", i)
			header, body := feishuEvent(message, test.text, 0).send()
			if _, content := inLarkSDK(t, feishuKey, header, body); !strings.HasPrefix(content, `{"text":"@_user_1 `) {
				t.Fatalf("the Lark SDK gets %s", content)
			}
			if r := b.hear(t, http.MethodPost, "/chat/feishu", header, body); r.status != http.StatusOK {
				t.Fatalf("status %d: %s", r.status, r.body)
			}
			card := feishuReply(t, p.one(t), message)
			checkFeishuCard(t, card, 30_000)
		})
	}
}

// feishuReply checks a letter to the reply API and returns the card in it.
func feishuReply(t *testing.T, l letter, message string) []byte {
	t.Helper()
	if want := "/open-apis/im/v1/messages/" + message + "/reply"; l.path != want {
		t.Errorf("posted to %s, want %s", l.path, want)
	}
	if got := l.header.Get("Authorization"); got != "Bearer t-oracle" {
		t.Errorf("posted with the authorization %q", got)
	}
	var reply larkim.ReplyMessageReqBody
	read(t, l.body, &reply)
	if reply.MsgType == nil || *reply.MsgType != "interactive" || reply.Content == nil {
		t.Fatalf("the reply %s", l.body)
	}
	if reply.Uuid == nil || *reply.Uuid == "" || len(*reply.Uuid) > 50 {
		t.Errorf("the uuid of %s", l.body)
	}
	return []byte(*reply.Content)
}

// TestChatFeishuUUID: Feishu sends an event again that it got no answer to, maybe to
// an instance that knows nothing of the first time. The uuid makes one message of both.
func TestChatFeishuUUID(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	uuid := func(message string) string {
		b := newBot(t, feishuEnviron("FEISHU_API_URL="+p.URL)...)
		for range 2 { // the second time nothing is said
			header, body := feishuEvent(message, "help", 0).send()
			b.hear(t, http.MethodPost, "/chat/feishu", header, body)
		}
		l := p.one(t)
		feishuReply(t, l, message)
		var reply larkim.ReplyMessageReqBody
		read(t, l.body, &reply)
		return *reply.Uuid
	}
	first, again, other := uuid("om_1"), uuid("om_1"), uuid("om_2")
	if first != again || first == other {
		t.Errorf("uuids %s and %s of one message, %s of another", first, again, other)
	}
}

func TestChatFeishuWebhook(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	const secret = "demo-webhook-secret"
	notifyTest(t, "FEISHU_API_URL="+p.URL, "FEISHU_WEBHOOK_URL="+p.URL+"/open-apis/bot/v2/hook/abc", "FEISHU_WEBHOOK_SECRET="+secret)
	l := p.one(t)
	if l.path != "/open-apis/bot/v2/hook/abc" || !strings.HasPrefix(l.header.Get("Content-Type"), "application/json") || len(l.body) > 20_000 {
		t.Errorf("%d bytes posted to %s as %s", len(l.body), l.path, l.header.Get("Content-Type"))
	}
	var post struct {
		Timestamp string          `json:"timestamp"`
		Sign      string          `json:"sign"`
		MsgType   string          `json:"msg_type"`
		Card      json.RawMessage `json:"card"`
	}
	read(t, l.body, &post)
	seconds, err := strconv.ParseInt(post.Timestamp, 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age.Abs() > time.Minute {
		t.Errorf("the timestamp is %s", post.Timestamp)
	}
	if want, err := lark.GenSign(secret, seconds); err != nil || post.Sign != want {
		t.Errorf("signed with %s, go-lark with %s, %v", post.Sign, want, err)
	}
	if post.MsgType != lark.MsgInteractive {
		t.Errorf("the message is of type %q", post.MsgType)
	}
	checkFeishuCard(t, post.Card, 20_000)

	notifyTest(t, "FEISHU_API_URL="+p.URL, "FEISHU_WEBHOOK_URL="+p.URL+"/open-apis/bot/v2/hook/abc")
	if body := p.one(t).body; bytes.Contains(body, []byte(`"sign"`)) || bytes.Contains(body, []byte(`"timestamp"`)) {
		t.Errorf("signed without a secret: %s", body)
	}
}

// checkFeishuCard checks that a card is what the Lark SDK builds of the same
// parts, and that its text is plain, or Markdown without a mention or a link.
func checkFeishuCard(t *testing.T, card []byte, most int) {
	t.Helper()
	if len(card) > most {
		t.Errorf("the card has %d bytes, want at most %d", len(card), most)
	}
	var parts map[string]any
	if err := json.Unmarshal(card, &parts); err != nil {
		t.Fatalf("%v: %s", err, card)
	}
	c := cardBuilder{t}
	built := larkcard.NewMessageCard()
	for key, part := range parts {
		switch key {
		case "config":
			config := larkcard.NewMessageCardConfig()
			for key, value := range c.object(part) {
				switch key {
				case "wide_screen_mode":
					config.WideScreenMode(value.(bool))
				default:
					t.Errorf("unknown in the config: %s", key)
				}
			}
			built.Config(config.Build())
		case "header":
			header := larkcard.NewMessageCardHeader()
			for key, value := range c.object(part) {
				switch key {
				case "template":
					header.Template(value.(string))
					if !slices.Contains([]string{larkcard.TemplateBlue, larkcard.TemplateGreen, larkcard.TemplateRed, larkcard.TemplateGrey}, value.(string)) {
						t.Errorf("unknown colour %s", value)
					}
				case "title":
					header.Title(c.plain(value))
				default:
					t.Errorf("unknown in the header: %s", key)
				}
			}
			built.Header(header.Build())
		case "elements":
			var elements []larkcard.MessageCardElement
			for _, element := range part.([]any) {
				elements = append(elements, c.element(element))
			}
			built.Elements(elements)
		default:
			t.Errorf("unknown in a card: %s", key)
		}
	}
	if again, err := built.Build().JSON(); err != nil {
		t.Error(err)
	} else {
		checkKnown(t, card, json.RawMessage(again))
		checkKnown(t, []byte(again), json.RawMessage(card))
	}
}

// A cardBuilder builds the parts of a card with the Lark SDK.
type cardBuilder struct{ t *testing.T }

func (c cardBuilder) object(part any) map[string]any {
	c.t.Helper()
	object, ok := part.(map[string]any)
	if !ok {
		c.t.Fatalf("not an object: %v", part)
	}
	return maps.Clone(object)
}

// plain builds a text that is shown as it is.
func (c cardBuilder) plain(part any) *larkcard.MessageCardPlainText {
	c.t.Helper()
	text := c.object(part)
	content, _ := text["content"].(string)
	if len(text) != 2 || text["tag"] != "plain_text" || content == "" {
		c.t.Errorf("not a plain text: %v", part)
	}
	return larkcard.NewMessageCardPlainText().Content(content).Build()
}

// text builds a text that may be Markdown too.
func (c cardBuilder) text(part any) larkcard.MessageCardText {
	c.t.Helper()
	text := c.object(part)
	content, _ := text["content"].(string)
	if len(text) != 2 || text["tag"] != "lark_md" || content == "" {
		return c.plain(part)
	}
	checkMarkdown(c.t, content)
	return larkcard.NewMessageCardLarkMd().Content(content).Build()
}

func (c cardBuilder) element(part any) larkcard.MessageCardElement {
	c.t.Helper()
	e := c.object(part)
	tag := e["tag"]
	delete(e, "tag")
	var built larkcard.MessageCardElement
	switch {
	case tag == "div" && len(e) == 1 && e["text"] != nil:
		built = larkcard.NewMessageCardDiv().Text(c.text(e["text"])).Build()
	case tag == "div" && len(e) == 1 && e["fields"] != nil:
		var fields []*larkcard.MessageCardField
		for _, field := range e["fields"].([]any) {
			f := c.object(field)
			isShort, _ := f["is_short"].(bool)
			fields = append(fields, larkcard.NewMessageCardField().IsShort(isShort).Text(c.text(f["text"])).Build())
		}
		built = larkcard.NewMessageCardDiv().Fields(fields).Build()
	case tag == "action" && len(e) == 1:
		var actions []larkcard.MessageCardActionElement
		for _, action := range e["actions"].([]any) {
			a := c.object(action)
			address, _ := a["url"].(string)
			if a["tag"] != "button" || a["type"] != string(larkcard.MessageCardButtonTypePrimary) || !strings.HasPrefix(address, "https://status.example.com/") {
				c.t.Errorf("the button %v", action)
			}
			actions = append(actions, larkcard.NewMessageCardEmbedButton().
				Text(c.text(a["text"])).Url(address).Type(larkcard.MessageCardButtonTypePrimary).Build())
		}
		built = larkcard.NewMessageCardAction().Actions(actions).Build()
	case tag == "note" && len(e) == 1:
		var elements []larkcard.MessageCardNoteElement
		for _, element := range e["elements"].([]any) {
			elements = append(elements, c.plain(element))
		}
		built = larkcard.NewMessageCardNote().Elements(elements).Build()
	default:
		c.t.Fatalf("unknown in a card: %v", part)
	}
	return built
}
