package chat

import (
	"bytes"
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- WeCom signs with it, see wecomSign
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"taskstatus/function/secret"
	"taskstatus/function/task"
)

const (
	// wecomWindow is how far a call's time may be off; WeCom documents none.
	wecomWindow = 10 * time.Minute
	// wecomReplyFor is how long a response_url works, less a little, and once only
	// (WeCom, path 101138: an hour).
	wecomReplyFor = 59 * time.Minute
	// wecomBlock is what the padding fills up to (WeCom, path 91144).
	wecomBlock = 32
	// wecomMaxEcho is beyond the longest text of a check of the address.
	wecomMaxEcho = 64
	// wecomMaxText is the limit of Markdown (errcode 40058: 4,096 bytes).
	wecomMaxText = 4096
	// wecomMaxMessage bounds the whole of a message, whose parts have their own limits.
	wecomMaxMessage = 20_000

	// How much of a card is shown (WeCom, path 99110: what is recommended). A message
	// with more is sent as Markdown, which shows all of it.
	wecomMaxQuote  = 180
	wecomMaxHint   = 112
	wecomMaxFields = 6
	// wecomMaxTitle is well beyond what is shown of a title.
	wecomMaxTitle = 300
)

// wecom is WeCom: asked through a smart bot, answered in the encrypted response;
// posts by a group's robot.
type wecom struct {
	base
	tokens []secret.Value
	// keys are decoded.
	keys []secret.Value
}

func newWeCom(s *settings, c *client) platform {
	p := &wecom{base: base{name: "wecom", language: task.Chinese, client: c}}
	p.origin = s.origin("WECOM_API_URL", "https://qyapi.weixin.qq.com")
	p.tokens = s.secrets("WECOM_TOKEN")
	for _, encoded := range s.secrets("WECOM_AES_KEY") {
		key, err := wecomKey(encoded.Reveal())
		if err != nil {
			s.fail("WECOM_AES_KEY", "not the 43 letters and digits that WeCom gives as EncodingAESKey")
			continue
		}
		p.keys = append(p.keys, secret.New(string(key)))
	}
	p.conversations = s.list("WECOM_CHAT_IDS")
	s.webhook(&p.base, "WECOM")
	p.pace.limits = []limit{{20, time.Minute}}
	if (len(p.tokens) > 0 || len(p.keys) > 0) && !p.hears() {
		s.warn("WECOM_TOKEN and WECOM_AES_KEY are not both set: WeCom is not answered")
	}
	return p
}

func (p *wecom) hears() bool { return len(p.tokens) > 0 && len(p.keys) > 0 }

// receive verifies a call, decrypts it and reads the message (WeCom, paths 101033
// and 100719). A GET is the check of the address.
func (p *wecom) receive(c call) (question, error) {
	encrypted := c.query.Get("echostr")
	if c.method == http.MethodPost {
		var envelope struct{ Encrypt string }
		if json.Unmarshal(c.body, &envelope) != nil {
			return question{}, refused("the body is not encrypted")
		}
		encrypted = envelope.Encrypt
	}
	timestamp, nonce, signature := c.query.Get("timestamp"), c.query.Get("nonce"), c.query.Get("msg_signature")
	token := slices.IndexFunc(p.tokens, func(token secret.Value) bool {
		return subtle.ConstantTimeCompare([]byte(signature), []byte(wecomSign(token.Reveal(), timestamp, nonce, encrypted))) == 1
	})
	switch {
	case encrypted == "" || token < 0:
		return question{}, refused("the signature does not match")
	case !isRecent(timestamp, c.now, wecomWindow):
		return question{}, refused("the time is more than 10 minutes off")
	}
	var plain []byte
	key := slices.IndexFunc(p.keys, func(key secret.Value) bool {
		var err error
		plain, err = wecomDecrypt([]byte(key.Reveal()), encrypted)
		return err == nil
	})
	if key < 0 {
		return question{}, refused("the body cannot be decrypted")
	}
	if c.method != http.MethodPost {
		if !isEcho(plain) {
			return question{}, refused("what is to be echoed is a message") // which a GET shall not decrypt
		}
		return question{response: &response{"text/plain; charset=utf-8", plain}}, nil
	}
	var in struct {
		MsgID       string `json:"msgid"`
		ChatID      string `json:"chatid"`
		From        struct{ UserID string }
		ResponseURL string `json:"response_url"`
		MsgType     string `json:"msgtype"`
		Text        struct{ Content string }
		Mixed       struct {
			Items []struct {
				Text struct{ Content string }
			} `json:"msg_item"`
		}
		Event struct{ EventType string }
	}
	if json.Unmarshal(plain, &in) != nil {
		return question{}, refused("the message is not JSON")
	}
	seal := func(message []byte) response {
		return response{jsonType, wecomSealed(p.tokens[token].Reveal(), []byte(p.keys[key].Reveal()), nonce, c.now, message)}
	}
	text := in.Text.Content
	switch {
	case in.MsgType == "text":
	case in.MsgType == "mixed":
		for _, item := range in.Mixed.Items {
			text += " " + item.Text.Content
		}
	case in.MsgType == "event" && in.Event.EventType == "enter_chat":
		// Somebody opens the chat: only plain text can greet.
		greeting := seal(encode(wecomGreeting(p.language)))
		return question{response: &greeting}, nil
	default:
		return nothing, nil
	}
	q := question{
		// WeCom asks again where it got no response. Nobody else can read it.
		id: cmp.Or(in.MsgID, signature), repeatable: true,
		text: text, conversation: cmp.Or(in.ChatID, in.From.UserID), // in a chat of two there is no chat's id
		respond: func(_ context.Context, m message) (response, error) { return seal(p.render(m, wecomStreamOf)), nil },
	}
	if isAt(in.ResponseURL, p.origin) {
		q.to, q.expires = in.ResponseURL, c.now.Add(wecomReplyFor)
	}
	return q, nil
}

// isEcho reports whether a text can be that of a check of the address.
func isEcho(text []byte) bool {
	notWord := func(r rune) bool { return r >= 0x80 || !isWord(byte(r)) } // #nosec G115 -- of what is less than 0x80
	return len(text) > 0 && len(text) <= wecomMaxEcho && !bytes.ContainsFunc(text, notWord)
}

// wecomSign returns the signature of a call or of a response.
func wecomSign(token, timestamp, nonce, encrypted string) string {
	parts := []string{token, timestamp, nonce, encrypted}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) // #nosec G401 -- so WeCom has it; the token is a part, and nobody can choose two texts for one sum
	return hex.EncodeToString(sum[:])
}

// wecomKey decodes an EncodingAESKey, whose last character may have bits that do not count.
func wecomKey(encoded string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(encoded + "=")
	if err != nil || len(key) != 32 {
		return nil, errDecrypt
	}
	return key, nil
}

// wecomDecrypt returns the message in 16 random bytes, its length in 4, the
// message, and who is to receive it, which of a smart bot is nobody.
func wecomDecrypt(key []byte, encrypted string) ([]byte, error) {
	message, receiver, err := wecomUnseal(key, encrypted)
	if err != nil || receiver != "" {
		return nil, errDecrypt
	}
	return message, nil
}

func wecomUnseal(key []byte, encrypted string) (message []byte, receiver string, err error) {
	data, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, "", errDecrypt
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, "", errDecrypt
	}
	cipher.NewCBCDecrypter(block, key[:aes.BlockSize]).CryptBlocks(data, data)
	data, err = unpad(data, wecomBlock)
	if err != nil || len(data) < wecomHead {
		return nil, "", errDecrypt
	}
	length := uint64(binary.BigEndian.Uint32(data[wecomHead-4:]))
	data = data[wecomHead:]
	if length > uint64(len(data)) {
		return nil, "", errDecrypt
	}
	return data[:length], string(data[length:]), nil
}

// wecomHead is what stands before a message: 16 random bytes and its length in 4.
const wecomHead = 20

// wecomEncrypt is the reverse of wecomDecrypt.
func wecomEncrypt(key, message []byte) string {
	data := make([]byte, wecomHead, wecomHead+len(message)+wecomBlock)
	rand.Read(data[:wecomHead-4])
	binary.BigEndian.PutUint32(data[wecomHead-4:], uint32(len(message))) // #nosec G115 -- an answer is of some KB
	data = append(data, message...)
	padding := wecomBlock - len(data)%wecomBlock
	data = append(data, bytes.Repeat([]byte{byte(padding)}, padding)...)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // wecomKey has seen to its length
	}
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(data, data)
	return base64.StdEncoding.EncodeToString(data)
}

// wecomSealed is a message as the response to a call (WeCom, path 101033).
func wecomSealed(token string, key []byte, nonce string, now time.Time, message []byte) []byte {
	encrypted := wecomEncrypt(key, message)
	return encode(struct {
		Encrypt      string `json:"encrypt"`
		MsgSignature string `json:"msgsignature"`
		Timestamp    int64  `json:"timestamp"`
		Nonce        string `json:"nonce"`
	}{encrypted, wecomSign(token, strconv.FormatInt(now.Unix(), 10), nonce, encrypted), now.Unix(), nonce})
}

func (p *wecom) followUp(ctx context.Context, to, _ string, m message) error {
	return p.client.deliver(ctx, nil, p.origin, to, p.render(m, wecomMarkdownOf), judgeWeCom)
}

func (p *wecom) post(ctx context.Context, m message) error {
	return p.client.deliver(ctx, &p.pace, p.origin, p.webhook.Reveal(), p.render(m, wecomMarkdownOf), judgeWeCom)
}

// judgeWeCom judges an answer.
func judgeWeCom(r result) *failure {
	code, _, f := errcode(r)
	switch code {
	case 93000, 93008:
		f.problem = noSuchWebhook
	case 40029:
		f.problem = tooLate
	case 45009, 45033:
		f.problem, f.retryAfter, f.retry = tooFast, time.Minute, true
	case 40058, 45002:
		f.problem = tooLong
	case 60020:
		f.problem = wrongIP
	case -1:
		f.retry = true
	}
	return f
}

type (
	wecomStream struct {
		MsgType string `json:"msgtype"`
		Stream  struct {
			ID      string `json:"id"`
			Finish  bool   `json:"finish"`
			Content string `json:"content"`
		} `json:"stream"`
	}
	wecomMarkdown struct {
		MsgType  string `json:"msgtype"`
		Markdown struct {
			Content string `json:"content"`
		} `json:"markdown"`
	}
	wecomPlain struct {
		MsgType string `json:"msgtype"`
		Text    struct {
			Content string `json:"content"`
		} `json:"text"`
	}
	wecomCard struct {
		MsgType string `json:"msgtype"`
		Card    struct {
			Type   string `json:"card_type"`
			Source struct {
				Desc      string `json:"desc"`
				DescColor int    `json:"desc_color"`
			} `json:"source"`
			MainTitle struct {
				Title string `json:"title"`
				Desc  string `json:"desc,omitempty"`
			} `json:"main_title"`
			Quote    *wecomQuote  `json:"quote_area,omitempty"`
			SubTitle string       `json:"sub_title_text,omitempty"`
			Fields   []wecomField `json:"horizontal_content_list,omitempty"`
			Jumps    []wecomJump  `json:"jump_list"`
			Action   wecomJump    `json:"card_action"`
		} `json:"template_card"`
	}
	wecomQuote struct {
		Title string `json:"title"`
		Text  string `json:"quote_text"`
	}
	wecomField struct {
		Name  string `json:"keyname"`
		Value string `json:"value"`
	}
	wecomJump struct {
		Type  int    `json:"type"`
		Title string `json:"title,omitempty"`
		URL   string `json:"url"`
	}
)

// wecomMarkdownOf is Markdown as it is posted, and wecomStreamOf as it is
// answered with: a stream of one piece.
func wecomMarkdownOf(text string) any {
	m := wecomMarkdown{MsgType: "markdown"}
	m.Markdown.Content = text
	return m
}

func wecomStreamOf(text string) any {
	m := wecomStream{MsgType: "stream"}
	m.Stream.ID, m.Stream.Finish, m.Stream.Content = rand.Text(), true, text
	return m
}

func wecomGreeting(language task.Language) wecomPlain {
	m := helpful(language)
	lines := []string{m.title}
	for _, f := range m.fields {
		lines = append(lines, f.name+wordColon.In(language)+f.value)
	}
	greeting := wecomPlain{MsgType: "text"}
	greeting.Text.Content = strings.Join(lines, "\n")
	return greeting
}

// render renders a message as a card, whose texts are shown as they are, or as
// Markdown where a card has no room for it or there is no page that it could lead to.
func (p *wecom) render(m message, of func(markdown string) any) []byte {
	return fit(m, func(m message) ([]byte, bool) {
		if card, ok := wecomCardOf(m); ok {
			rendered := encode(card)
			return rendered, len(rendered) <= wecomMaxMessage
		}
		text := m.markdown()
		if m.link != "" {
			text += "\n\n[" + wordOpenPage.In(m.language) + "](" + m.link + ")"
		}
		return encode(of(text)), len(text) <= wecomMaxText
	})
}

func wecomCardOf(m message) (card wecomCard, ok bool) {
	below := slices.Clone(m.notes)
	if m.hint != "" {
		below = append(below, wordHint.In(m.language)+wordColon.In(m.language)+m.hint)
	}
	sub := strings.Join(below, "\n")
	if m.link == "" || len(m.rows) > 0 || len(m.fields) > wecomMaxFields ||
		utf8.RuneCountInString(m.reason) > wecomMaxQuote || utf8.RuneCountInString(sub) > wecomMaxHint {
		return card, false
	}
	card.MsgType = "template_card"
	c := &card.Card
	c.Type = "text_notice"
	c.Source.Desc, c.Source.DescColor = m.footer, wecomColor(m.state)
	c.MainTitle.Title, c.MainTitle.Desc = cut(m.state.mark()+" "+m.title, wecomMaxTitle), cut(m.about, wecomMaxTitle)
	if m.reason != "" {
		c.Quote = &wecomQuote{wordReason.In(m.language), m.reason}
	}
	c.SubTitle = sub
	for _, f := range m.fields {
		c.Fields = append(c.Fields, wecomField{f.name, f.value})
	}
	c.Jumps = []wecomJump{{1, wordOpenPage.In(m.language), m.link}}
	c.Action = wecomJump{Type: 1, URL: m.link}
	return card, true
}

// wecomColor is the colour of a card's source: grey, black, red or green.
func wecomColor(s state) int {
	switch s {
	case stateSuccess:
		return 3
	case stateFailed:
		return 2
	case stateOpen:
		return 1
	}
	return 0
}
