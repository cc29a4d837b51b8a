package acceptance

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
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const (
	wecomToken = "QDG6eKoracletoken"
	wecomKey   = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
)

var wecomEnviron = []string{"WECOM_TOKEN=" + wecomToken, "WECOM_AES_KEY=" + wecomKey}

// An envelope is a message as WeCom sends and takes it: encrypted and signed.
type envelope struct {
	Encrypt   string `json:"encrypt"`
	Timestamp string `json:"timestamp"`
	Nonce     string `json:"nonce"`
	Signature string `json:"signature"`
	// Plain is what is in it, while it is not sealed.
	Plain string `json:"plain"`
}

func (e envelope) query() string {
	return "?" + url.Values{"msg_signature": {e.Signature}, "timestamp": {e.Timestamp}, "nonce": {e.Nonce}}.Encode()
}

// post is the call that brings a message, and echo the one that checks the address.
func (e envelope) post(t *testing.T, b *bot) heard {
	t.Helper()
	body, err := json.Marshal(map[string]string{"encrypt": e.Encrypt})
	if err != nil {
		t.Fatal(err)
	}
	return b.hear(t, http.MethodPost, "/chat/wecom"+e.query(), http.Header{"Content-Type": {"application/json"}}, body)
}

func (e envelope) echo(t *testing.T, b *bot) heard {
	t.Helper()
	return b.hear(t, http.MethodGet, "/chat/wecom"+e.query()+"&echostr="+url.QueryEscape(e.Encrypt), nil, nil)
}

// opened is what an oracle finds in an envelope, or why it does not open it.
type opened struct {
	Plain string
	Error string
}

// A sealer seals and opens envelopes. A smart bot's are for nobody by name: their
// receiver is empty.
type sealer struct {
	name string
	use  func(t *testing.T, token, receiver string, seal, open []envelope) ([]envelope, []opened)
}

// npmSealer is one from npm, behind a script.
func npmSealer(name, script string) sealer {
	return sealer{name, func(t *testing.T, token, receiver string, seal, open []envelope) ([]envelope, []opened) {
		t.Helper()
		answer := ask[struct {
			Sealed []envelope
			Opened []opened
		}](t, script, name, map[string]any{
			"token": token, "key": wecomKey, "receiver": receiver,
			"seal": append([]envelope{}, seal...), "open": append([]envelope{}, open...),
		})
		return answer.Sealed, answer.Opened
	}}
}

// wecomSealers are three implementations of the envelope. That of WeCom's own
// Go sample has no licence.
var wecomSealers = []sealer{
	npmSealer("@wecom/crypto", "wecom-crypto.cjs"),
	npmSealer("wxcrypt", "wxcrypt.cjs"),
	npmSealer("dingtalk-encrypt", "dingtalk-encrypt.cjs"),
}

// seal seals an envelope as the platform does.
func seal(t *testing.T, token, receiver string, e envelope) envelope {
	t.Helper()
	data := binary.BigEndian.AppendUint32(bytes.Repeat([]byte("r"), 16), uint32(len(e.Plain)))
	data = append(append(data, e.Plain...), receiver...)
	padding := 32 - len(data)%32
	e.Encrypt = encryptWeCom(t, append(data, bytes.Repeat([]byte{byte(padding)}, padding)...))
	e.Plain = ""
	return e.signed(token)
}

func (e envelope) signed(token string) envelope {
	parts := []string{token, e.Timestamp, e.Nonce, e.Encrypt}
	slices.Sort(parts)
	e.Signature = fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(parts, ""))))
	return e
}

func encryptWeCom(t *testing.T, plain []byte) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(wecomKey + "=")
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain)
}

// wecomNow is an envelope with a message, not yet sealed.
func wecomNow(plain string) envelope {
	return envelope{Plain: plain, Timestamp: strconv.FormatInt(time.Now().Unix(), 10), Nonce: "1372623149"}
}

// wecomMessage is somebody saying something to the bot.
func wecomMessage(id, text string) envelope {
	plain, err := json.Marshal(map[string]any{
		"msgid": id, "aibotid": "AIBOTID", "chatid": "wrkSFfCgAAxxxxx", "chattype": "group",
		"from":         map[string]string{"userid": "zhangsan"},
		"response_url": "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=oracle",
		"msgtype":      "text", "text": map[string]string{"content": "@CloudSSO " + text},
	})
	if err != nil {
		panic(err)
	}
	return wecomNow(string(plain))
}

// wecomAnswer reads the envelope of a response.
func wecomAnswer(t *testing.T, r heard) envelope {
	t.Helper()
	if r.status != http.StatusOK {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	var said struct {
		Encrypt      string `json:"encrypt"`
		MsgSignature string `json:"msgsignature"`
		Timestamp    int64  `json:"timestamp"`
		Nonce        string `json:"nonce"`
	}
	read(t, r.body, &said)
	if age := time.Since(time.Unix(said.Timestamp, 0)); age.Abs() > time.Minute {
		t.Errorf("the timestamp is %d", said.Timestamp)
	}
	return envelope{Encrypt: said.Encrypt, Timestamp: strconv.FormatInt(said.Timestamp, 10), Nonce: said.Nonce, Signature: said.MsgSignature}
}

// TestChatWeComEnvelope has the function open what others seal, of every length
// modulo the block, and others open what the function seals.
func TestChatWeComEnvelope(t *testing.T) {
	t.Parallel()
	b := newBot(t, wecomEnviron...)
	for _, sealer := range wecomSealers {
		t.Run(sealer.name, func(t *testing.T) {
			var texts []envelope
			for n := range 2 * 32 {
				texts = append(texts, wecomNow(strings.Repeat("1616140317555161061", 4)[:n+1]))
			}
			sealed, _ := sealer.use(t, wecomToken, "", texts, nil)
			for i, e := range sealed {
				if r := e.echo(t, b); r.status != http.StatusOK || string(r.body) != texts[i].Plain {
					t.Errorf("the function opens %d %q, want %q", r.status, r.body, texts[i].Plain)
				}
			}

			message := wecomMessage(sealer.name, "帮助")
			sent := seal(t, wecomToken, "", message)
			if sealer.name != "dingtalk-encrypt" { // which cannot seal JSON
				sealed, _ = sealer.use(t, wecomToken, "", []envelope{message}, nil)
				sent = sealed[0]
			}
			answer := wecomAnswer(t, sent.post(t, b))
			if answer.Nonce != message.Nonce {
				t.Errorf("the nonce is %s, want the one of the call", answer.Nonce)
			}
			_, found := sealer.use(t, wecomToken, "", nil, []envelope{answer})
			if o := found[0]; o.Error != "" || !strings.Contains(o.Plain, "可以这样问") || !json.Valid([]byte(o.Plain)) {
				t.Errorf("it opens %+v", o)
			}
		})
	}
}

// sealRaw encrypts whatever it is given, padded or not, and signs it.
func sealRaw(t *testing.T, plain []byte) envelope {
	t.Helper()
	e := wecomNow("")
	e.Encrypt = encryptWeCom(t, plain)
	return e.signed(wecomToken)
}

func TestChatWeComCalls(t *testing.T) {
	t.Parallel()
	sealed := func(token, receiver string, e envelope) envelope { return seal(t, token, receiver, e) }
	aged := func(id string, age time.Duration) envelope {
		e := wecomMessage(id, "help")
		e.Timestamp = strconv.FormatInt(time.Now().Add(-age).Unix(), 10)
		return sealed(wecomToken, "", e)
	}
	changed := func(id string, change func(*envelope)) envelope {
		e := aged(id, 0)
		change(&e)
		return e
	}
	beyond := bytes.Repeat([]byte{12}, 32)
	binary.BigEndian.PutUint32(beyond[16:], 1<<16)
	const wecom, wxcrypt, dingTalk = "@wecom/crypto", "wxcrypt", "dingtalk-encrypt"
	// The others are those that do not do the same as the function.
	calls := []struct {
		name   string
		sent   envelope
		want   bool
		others []string
	}{
		{"genuine", aged("genuine", 0), true, nil},
		{"nearly too old", aged("nearly too old", 590*time.Second), true, nil},
		// Nobody else looks at the time.
		{"too old", aged("too old", 610*time.Second), false, []string{wecom, wxcrypt, dingTalk}},
		{"too early", aged("too early", -610*time.Second), false, []string{wecom, wxcrypt, dingTalk}},
		{"signed with another token", sealed(wecomToken+"x", "", wecomMessage("token", "help")), false, nil},
		{"not signed", changed("unsigned", func(e *envelope) { e.Signature = "" }), false, nil},
		{"signature in capitals", changed("capitals", func(e *envelope) { e.Signature = strings.ToUpper(e.Signature) }), false, nil},
		{"another time", changed("time", func(e *envelope) { e.Timestamp += "0" }), false, nil},
		{"another nonce", changed("nonce", func(e *envelope) { e.Nonce += "0" }), false, nil},
		{"another message", changed("message", func(e *envelope) { e.Encrypt = aged("other", 0).Encrypt }), false, nil},
		// A message to another application of the same token and key.
		{"for another receiver", sealed(wecomToken, "wx5823bf96d3bd56c7", wecomMessage("receiver", "help")), false, nil},
		// Who has the key can send nonsense. Some take it for an empty message, or for half of one.
		{"padding longer than the message", sealRaw(t, bytes.Repeat([]byte{0xFF}, 32)), false, []string{wecom, wxcrypt}},
		{"no padding", sealRaw(t, make([]byte, 32)), false, []string{wxcrypt}},
		{"a length beyond the end", sealRaw(t, beyond), false, []string{wecom, wxcrypt, dingTalk}},
	}
	b := newBot(t, wecomEnviron...)
	var envelopes []envelope
	for _, test := range calls {
		envelopes = append(envelopes, test.sent)
		t.Run(test.name, func(t *testing.T) {
			if got := test.sent.post(t, b).letsIn(t); got != test.want {
				t.Errorf("the function lets it in: %t, want %t", got, test.want)
			}
			// As a check of the address it would be read to whoever has got hold of it.
			if test.sent.echo(t, b).letsIn(t) {
				t.Error("the function lets it in as a check of the address")
			}
		})
	}
	for _, sealer := range wecomSealers {
		t.Run(sealer.name, func(t *testing.T) {
			_, found := sealer.use(t, wecomToken, "", nil, envelopes)
			for i, test := range calls {
				want := test.want != slices.Contains(test.others, sealer.name)
				if got := found[i].Error == ""; got != want {
					t.Errorf("%s: it is opened: %t, want %t: %+v", test.name, got, want, found[i])
				}
			}
		})
	}
	checkClosed(t, "wecom", "WECOM_TOKEN=", "WECOM_AES_KEY="+wecomKey)
	checkClosed(t, "wecom", "WECOM_TOKEN="+wecomToken[:15], "WECOM_AES_KEY="+wecomKey)
	checkClosed(t, "wecom", "WECOM_TOKEN="+wecomToken, "WECOM_AES_KEY=")
}

// TestChatWeComMessages has every kind of answer opened by all, and read by what
// WeCom documents of it.
func TestChatWeComMessages(t *testing.T) {
	t.Parallel()
	b := newBot(t, append(asking(t), wecomEnviron...)...)
	var names, plains []string
	var answers []envelope
	for _, test := range sayings(t) {
		sent := seal(t, wecomToken, "", wecomMessage(test.name, test.text))
		names, answers = append(names, test.name), append(answers, wecomAnswer(t, sent.post(t, b)))
	}
	for _, sealer := range wecomSealers {
		t.Run(sealer.name, func(t *testing.T) {
			_, found := sealer.use(t, wecomToken, "", nil, answers)
			for i, o := range found {
				switch {
				case o.Error != "":
					t.Errorf("%s: it does not open %s: %s", names[i], answers[i].Encrypt, o.Error)
				case len(plains) == i:
					plains = append(plains, o.Plain)
				case o.Plain != plains[i]:
					t.Errorf("%s: it opens %q, %s %q", names[i], o.Plain, wecomSealers[0].name, plains[i])
				}
			}
		})
	}
	for i, plain := range plains {
		t.Run(names[i], func(t *testing.T) { checkWeCom(t, []byte(plain)) })
	}
}

func TestChatWeComWebhook(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	notifyTest(t, "WECOM_API_URL="+p.URL, "WECOM_WEBHOOK_URL="+p.URL+"/cgi-bin/webhook/send?key=693axxx6")
	l := p.one(t)
	if l.path != "/cgi-bin/webhook/send" || l.query.Encode() != "key=693axxx6" || !strings.HasPrefix(l.header.Get("Content-Type"), "application/json") {
		t.Errorf("posted to %s?%s as %s", l.path, l.query.Encode(), l.header.Get("Content-Type"))
	}
	checkWeCom(t, l.body)
}

// checkWeCom checks that a message keeps to what WeCom documents of its kind.
func checkWeCom(t *testing.T, message []byte) {
	t.Helper()
	var kind struct {
		MsgType string `json:"msgtype"`
	}
	if err := json.Unmarshal(message, &kind); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	switch kind.MsgType {
	case "template_card":
		var m struct {
			MsgType string    `json:"msgtype"`
			Card    wecomCard `json:"template_card"`
		}
		read(t, message, &m)
		checkWeComCard(t, m.Card)
	case "markdown":
		var m struct {
			MsgType  string `json:"msgtype"`
			Markdown struct {
				Content string `json:"content"`
			} `json:"markdown"`
		}
		read(t, message, &m)
		checkWeComMarkdown(t, m.Markdown.Content)
	case "stream":
		var m struct {
			MsgType string `json:"msgtype"`
			Stream  struct {
				ID      string `json:"id"`
				Finish  bool   `json:"finish"`
				Content string `json:"content"`
			} `json:"stream"`
		}
		read(t, message, &m)
		if m.Stream.ID == "" || !m.Stream.Finish {
			t.Errorf("the stream goes on: %s", message)
		}
		checkWeComMarkdown(t, m.Stream.Content)
	default:
		t.Errorf("the message is of type %q", kind.MsgType)
	}
}

func checkWeComMarkdown(t *testing.T, text string) {
	t.Helper()
	if text == "" || len(text) > 4096 {
		t.Errorf("%d bytes of Markdown, want 1 to 4096", len(text))
	}
	checkMarkdown(t, text)
}

// A wecomCard is a card of the type text_notice, as WeCom documents it (path
// 99110). The libraries that have types for it bring a database client along, or
// leave out the quote.
type wecomCard struct {
	CardType string `json:"card_type"`
	Source   struct {
		Desc      string `json:"desc"`
		DescColor int    `json:"desc_color"`
	} `json:"source"`
	MainTitle struct {
		Title string `json:"title"`
		Desc  string `json:"desc"`
	} `json:"main_title"`
	QuoteArea struct {
		Title     string `json:"title"`
		QuoteText string `json:"quote_text"`
	} `json:"quote_area"`
	SubTitleText          string `json:"sub_title_text"`
	HorizontalContentList []struct {
		KeyName string `json:"keyname"`
		Value   string `json:"value"`
	} `json:"horizontal_content_list"`
	JumpList   []wecomJump `json:"jump_list"`
	CardAction wecomJump   `json:"card_action"`
}

type wecomJump struct {
	Type  int    `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// checkWeComCard checks the limits of each field.
func checkWeComCard(t *testing.T, card wecomCard) {
	t.Helper()
	ours := func(address string) bool { return strings.HasPrefix(address, "https://status.example.com/") }
	if card.CardType != "text_notice" || card.MainTitle.Title == "" {
		t.Errorf("a card of type %q with the title %q", card.CardType, card.MainTitle.Title)
	}
	if card.CardAction.Type != 1 || !ours(card.CardAction.URL) {
		t.Errorf("the card leads to %+v", card.CardAction)
	}
	if len(card.HorizontalContentList) > 6 || len(card.JumpList) > 3 || utf8.RuneCountInString(card.SubTitleText) > 112 {
		t.Errorf("the card has %d fields, want at most 6, %d links, want at most 3, and a text of %d characters, want at most 112",
			len(card.HorizontalContentList), len(card.JumpList), utf8.RuneCountInString(card.SubTitleText))
	}
	if card.Source.DescColor < 0 || card.Source.DescColor > 3 {
		t.Errorf("the colour %d", card.Source.DescColor)
	}
	for _, field := range card.HorizontalContentList {
		if field.KeyName == "" || field.Value == "" {
			t.Errorf("the field %+v", field)
		}
	}
	for _, jump := range card.JumpList {
		if jump.Type != 1 || jump.Title == "" || !ours(jump.URL) {
			t.Errorf("the link %+v", jump)
		}
	}
}
