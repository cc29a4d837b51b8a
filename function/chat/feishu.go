package chat

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"taskstatus/function/secret"
	"taskstatus/function/task"
)

const (
	// feishuWindow is how far a call's time may be off. Feishu documents none; what
	// it sends again after an hour is of no use to who asked.
	feishuWindow = 10 * time.Minute
	// feishuMaxCard and feishuMaxPost are the limits of a card that answers (30 KB)
	// and of a webhook's message (20 KB), less what is around the card.
	feishuMaxCard = 28 << 10
	feishuMaxPost = 18 << 10
	// feishuTokenMargin is how long before its end a token is no longer used.
	feishuTokenMargin = 5 * time.Minute
)

// feishu is Feishu, or Lark: asked by an event of version 2, answered through
// the API; posts by a group's custom robot.
type feishu struct {
	base
	keys      []secret.Value
	tokens    []secret.Value
	app       string
	appSecret secret.Value
	tenants   []string

	// turn is held while the token below is looked at or asked for.
	turn    chan struct{}
	access  secret.Value
	expires time.Time
}

func newFeishu(s *settings, c *client) platform {
	p := &feishu{base: base{name: "feishu", language: task.Chinese, client: c}, turn: make(chan struct{}, 1)}
	p.origin = s.origin("FEISHU_API_URL", "https://open.feishu.cn")
	if strings.HasSuffix(p.origin, ".larksuite.com") {
		p.language = task.English
	}
	p.keys = s.secrets("FEISHU_ENCRYPT_KEY")
	p.tokens = s.secrets("FEISHU_VERIFICATION_TOKEN")
	p.app = s.value("FEISHU_APP_ID")
	p.appSecret = s.secret("FEISHU_APP_SECRET")
	p.tenants = s.list("FEISHU_TENANT_KEY")
	p.conversations = s.list("FEISHU_CHAT_IDS")
	s.signedWebhook(&p.base, "FEISHU")
	p.pace.limits = []limit{{5, time.Second}, {100, time.Minute}}
	if p.hears() {
		p.verify = p.tryToken
	}
	if some := len(p.keys) > 0 || len(p.tokens) > 0 || p.app != "" || p.appSecret.IsSet(); some && !p.hears() {
		s.warn("FEISHU_ENCRYPT_KEY, FEISHU_VERIFICATION_TOKEN, FEISHU_APP_ID and FEISHU_APP_SECRET are not all set: Feishu is not answered")
	}
	return p
}

func (p *feishu) hears() bool {
	return len(p.keys) > 0 && len(p.tokens) > 0 && p.app != "" && p.appSecret.IsSet()
}

// receive verifies a call, decrypts it and reads the event (Feishu, "Receive and
// handle events"). Only the check of the address comes without a signature:
// it is encrypted all the same, and holds the verification token.
func (p *feishu) receive(c call) (question, error) {
	signature := c.header.Get("X-Lark-Signature")
	timestamp, nonce := c.header.Get("X-Lark-Request-Timestamp"), c.header.Get("X-Lark-Request-Nonce")
	candidates := p.keys
	if signature != "" {
		candidates = slices.DeleteFunc(slices.Clone(p.keys), func(key secret.Value) bool {
			return !hmac.Equal([]byte(signature), []byte(feishuSign(timestamp, nonce, key.Reveal(), c.body)))
		})
		if len(candidates) == 0 {
			return question{}, refused("the signature does not match")
		}
		if !isRecent(timestamp, c.now, feishuWindow) {
			return question{}, refused("the time is more than 10 minutes off")
		}
	}
	var envelope struct{ Encrypt string }
	if json.Unmarshal(c.body, &envelope) != nil || envelope.Encrypt == "" {
		return question{}, refused("the body is not encrypted")
	}
	var in feishuEvent
	read := slices.ContainsFunc(candidates, func(key secret.Value) bool {
		plain, err := feishuDecrypt(key.Reveal(), envelope.Encrypt)
		in = feishuEvent{}
		return err == nil && json.Unmarshal(plain, &in) == nil
	})
	if !read {
		return question{}, refused("the body cannot be decrypted")
	}
	if in.Type == "url_verification" {
		if !p.isToken(in.Token) {
			return question{}, refused("the verification token is another")
		}
		return question{response: &response{jsonType, encode(map[string]string{"challenge": in.Challenge})}}, nil
	}
	switch {
	case signature == "":
		return question{}, refused("an event without a signature")
	case !p.isToken(in.Header.Token):
		return question{}, refused("the verification token is another")
	case in.Header.AppID != p.app:
		return question{}, refused("the event is for another application")
	case !anyOf(p.tenants, in.Header.TenantKey):
		return question{}, refused("the event is from another tenant")
	}
	asked := &in.Event.Message
	heard := question{response: &response{jsonType, []byte("{}")}}
	switch {
	case in.Header.EventType != "im.message.receive_v1", asked.ID == "":
		return heard, nil
	case in.Event.Sender.Type != "" && in.Event.Sender.Type != "user":
		return heard, nil // bots would never stop
	case asked.ChatType == "group" && len(asked.Mentions) == 0:
		return heard, nil // people talking to each other, where the bot may read all
	}
	var content struct{ Text string }
	_ = json.Unmarshal([]byte(asked.Content), &content) // what is no text asks nothing
	text := content.Text
	for _, mention := range asked.Mentions {
		if mention.Key != "" {
			text = strings.ReplaceAll(text, mention.Key, " ")
		}
	}
	return question{
		id: asked.ID, text: text, conversation: asked.ChatID, to: asked.ID,
		prepare: func(ctx context.Context) { _, _ = p.accessToken(ctx) }, // tried again when it is needed
		respond: func(ctx context.Context, m message) (response, error) {
			if err := p.followUp(ctx, asked.ID, "", m); err != nil {
				return response{}, err
			}
			return *heard.response, nil
		},
	}, nil
}

// A feishuEvent is an event of version 2, or the check of an address.
type feishuEvent struct {
	Type, Token, Challenge string
	Header                 struct {
		EventType string `json:"event_type"`
		Token     string `json:"token"`
		AppID     string `json:"app_id"`
		TenantKey string `json:"tenant_key"`
	}
	Event struct {
		Message struct {
			ID       string `json:"message_id"`
			ChatID   string `json:"chat_id"`
			ChatType string `json:"chat_type"`
			Content  string `json:"content"` // JSON within JSON
			Mentions []struct {
				Key string `json:"key"`
			} `json:"mentions"`
		} `json:"message"`
		Sender struct {
			Type string `json:"sender_type"`
		} `json:"sender"`
	}
}

func (p *feishu) isToken(token string) bool {
	return slices.ContainsFunc(p.tokens, func(s secret.Value) bool {
		return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(token)) == 1
	})
}

// feishuSign returns the value of X-Lark-Signature: a plain hash.
func feishuSign(timestamp, nonce, key string, body []byte) string {
	hash := sha256.New()
	hash.Write([]byte(timestamp + nonce + key))
	hash.Write(body)
	return hex.EncodeToString(hash.Sum(nil))
}

// feishuDecrypt decrypts by AES-256-CBC with the hash of the key; the first block
// is the initialization vector.
func feishuDecrypt(key, encrypted string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(data) < 2*aes.BlockSize || len(data)%aes.BlockSize != 0 {
		return nil, errDecrypt
	}
	hashed := sha256.Sum256([]byte(key))
	block, err := aes.NewCipher(hashed[:])
	if err != nil {
		return nil, errDecrypt
	}
	plain := data[aes.BlockSize:]
	cipher.NewCBCDecrypter(block, data[:aes.BlockSize]).CryptBlocks(plain, plain)
	return unpad(plain, aes.BlockSize)
}

// followUp replies to a message (Feishu, "Reply to a message"), which is the
// first answer, too: the response to an event holds none. The uuid makes one reply
// of several attempts, within an hour.
func (p *feishu) followUp(ctx context.Context, to, id string, m message) error {
	body := encode(struct {
		Content string `json:"content"`
		MsgType string `json:"msg_type"`
		UUID    string `json:"uuid"`
	}{string(p.render(m, feishuMaxCard)), "interactive", feishuUUID(to, id)})
	address := p.origin + "/open-apis/im/v1/messages/" + url.PathEscape(to) + "/reply"
	for attempt := 1; ; attempt++ {
		token, err := p.accessToken(ctx)
		if err != nil {
			return err
		}
		err = p.client.post(ctx, nil, func(time.Time) request {
			return request{address: address, header: http.Header{"Authorization": {"Bearer " + token.Reveal()}}, body: body}
		}, judgeFeishu)
		if failed, ok := errors.AsType[*failure](err); !ok || failed.code != feishuCode(feishuBadToken) || attempt > 1 {
			return err
		}
		p.forget(token) // it ended before its time
	}
}

func feishuUUID(message, id string) string {
	hash := sha256.Sum256([]byte(message + " " + id))
	return hex.EncodeToString(hash[:16])
}

// accessToken returns the application's token (Feishu, "Get the
// tenant_access_token of a custom app"), which is kept until shortly before its end.
func (p *feishu) accessToken(ctx context.Context) (secret.Value, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return secret.Value{}, unreached(ctx.Err())
	}
	if p.client.now().Before(p.expires) {
		return p.access, nil
	}
	token, life, err := p.askToken(ctx)
	if err != nil {
		return secret.Value{}, err
	}
	p.access = token
	p.expires = p.client.now().Add(life - feishuTokenMargin)
	return p.access, nil
}

// askToken has Feishu give the application a token, or that of before, and returns how
// long it has still to live.
func (p *feishu) askToken(ctx context.Context) (secret.Value, time.Duration, error) {
	var said struct {
		Token  string `json:"tenant_access_token"`
		Expire int64  `json:"expire"`
	}
	body := encode(map[string]string{"app_id": p.app, "app_secret": p.appSecret.Reveal()})
	err := p.client.post(ctx, nil, func(time.Time) request {
		return request{address: p.origin + "/open-apis/auth/v3/tenant_access_token/internal", body: body}
	}, func(r result) *failure {
		f := judgeFeishu(r)
		if f == nil && (json.Unmarshal(r.body, &said) != nil || said.Token == "") {
			f = unintelligible(r.status)
		}
		return f
	})
	if err != nil {
		return secret.Value{}, 0, err
	}
	return secret.New(said.Token), time.Duration(said.Expire) * time.Second, nil
}

// tryToken has Feishu say whether it accepts the application's id and secret now,
// whatever it has given for them before.
func (p *feishu) tryToken(ctx context.Context) error {
	_, _, err := p.askToken(ctx)
	return err
}

// forget drops the token if it is still the one in use.
func (p *feishu) forget(token secret.Value) {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if p.access == token {
		p.expires = time.Time{}
	}
}

func (p *feishu) post(ctx context.Context, m message) error {
	card := p.render(m, feishuMaxPost)
	return p.client.post(ctx, &p.pace, func(now time.Time) request {
		post := feishuPost{MsgType: "interactive", Card: card}
		if p.webhookKey.IsSet() {
			post.Timestamp = strconv.FormatInt(now.Unix(), 10)
			post.Sign = feishuPostSign(p.webhookKey.Reveal(), post.Timestamp)
		}
		return request{address: p.webhook.Reveal(), body: encode(post)}
	}, judgeFeishu)
}

type feishuPost struct {
	Timestamp string          `json:"timestamp,omitempty"`
	Sign      string          `json:"sign,omitempty"`
	MsgType   string          `json:"msg_type"`
	Card      json.RawMessage `json:"card"`
}

// feishuPostSign returns the signature of a custom robot's message (Feishu, "Use
// bots in groups"): what others sign is the key here, and nothing is signed.
func feishuPostSign(secret, seconds string) string {
	mac := hmac.New(sha256.New, []byte(seconds+"\n"+secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// feishuBadToken is the code of a token that is not valid, or no longer.
const feishuBadToken = 99991663

func feishuCode(code int) string { return "code " + strconv.Itoa(code) }

// judgeFeishu judges an answer, of the API or a webhook: the code in it counts,
// with whatever status it comes.
func judgeFeishu(r result) *failure {
	f := httpFailure(r.status)
	var said struct{ Code, StatusCode *int }
	code := &said.Code
	if json.Unmarshal(r.body, &said) == nil && said.Code == nil {
		code = &said.StatusCode
	}
	switch {
	case *code == nil && f == nil:
		return unintelligible(r.status)
	case *code == nil || **code == 0:
		return f
	case f == nil:
		f = &failure{problem: otherProblem}
	}
	f.code = feishuCode(**code)
	switch **code {
	case 19021:
		f.problem = wrongSign + " Or is this machine's clock off by more than an hour?"
	case 19022:
		f.problem = wrongIP
	case 19024:
		f.problem = wrongKeyword
	case 19001, 19005:
		f.problem = noSuchWebhook
	case 9499, 11232, 99991400, 230020:
		f.problem, f.retry = tooFast, true
	case 230025, 11246:
		f.problem = tooLong
	case feishuBadToken, 99991661, 99991664, 99991665:
		f.problem = "the application's token is not accepted"
	case 10003, 10014:
		f.problem = "FEISHU_APP_ID and FEISHU_APP_SECRET do not belong together"
	case 99991672:
		f.problem = "the application lacks a permission: it needs im:message:send_as_bot"
	case 230002, 230006:
		f.problem = "the application's bot is not in that conversation, or turned off"
	}
	return f
}

type (
	feishuText struct {
		Tag     string `json:"tag"`
		Content string `json:"content"`
	}
	feishuField struct {
		IsShort bool       `json:"is_short"`
		Text    feishuText `json:"text"`
	}
	feishuElement struct {
		Tag      string         `json:"tag"`
		Text     *feishuText    `json:"text,omitempty"`
		Fields   []feishuField  `json:"fields,omitempty"`
		Actions  []feishuButton `json:"actions,omitempty"`
		Elements []feishuText   `json:"elements,omitempty"`
	}
	feishuButton struct {
		Tag  string     `json:"tag"`
		Text feishuText `json:"text"`
		URL  string     `json:"url"`
		Type string     `json:"type"`
	}
	feishuCard struct {
		Config struct {
			WideScreenMode bool `json:"wide_screen_mode"`
		} `json:"config"`
		Header struct {
			Template string     `json:"template"`
			Title    feishuText `json:"title"`
		} `json:"header"`
		Elements []feishuElement `json:"elements"`
	}
)

// render renders a message as a card. What others wrote is plain text, which is
// shown as it is, or beside a name in bold where it cannot be taken for markup.
func (p *feishu) render(m message, most int) []byte {
	plain := func(text string) feishuText { return feishuText{"plain_text", text} }
	named := func(name, value string) feishuText {
		return feishuText{"lark_md", "**" + fullWidth(name) + "**" + value}
	}
	return fit(m, func(m message) ([]byte, bool) {
		var card feishuCard
		card.Config.WideScreenMode = true
		card.Header.Template = feishuColor(m.state)
		card.Header.Title = plain(m.heading())
		add := func(e feishuElement) { card.Elements = append(card.Elements, e) }
		paragraph := func(text feishuText) { add(feishuElement{Tag: "div", Text: &text}) }
		if m.reason != "" {
			paragraph(named(wordReason.In(m.language), ""))
			paragraph(plain(m.reason))
		}
		if m.hint != "" {
			paragraph(named(wordHint.In(m.language), ""))
			paragraph(plain(m.hint))
		}
		for _, note := range m.notes {
			paragraph(plain(note))
		}
		if len(m.fields) > 0 {
			fields := feishuElement{Tag: "div"}
			for _, f := range m.fields {
				fields.Fields = append(fields.Fields, feishuField{true, named(f.name, "\n"+fullWidth(f.value))})
			}
			add(fields)
		}
		for _, r := range m.rows {
			text := r.state.mark() + " " + r.status + " · " + r.id
			if r.about != "" {
				text += "\n" + r.about
			}
			paragraph(plain(text))
		}
		if m.more > 0 {
			paragraph(plain(m.moreText()))
		}
		if m.link != "" {
			add(feishuElement{Tag: "action", Actions: []feishuButton{{"button", plain(wordOpenPage.In(m.language)), m.link, "primary"}}})
		}
		add(feishuElement{Tag: "note", Elements: []feishuText{plain(m.footer)}})
		rendered := encode(card)
		return rendered, len(rendered) <= most
	})
}

func feishuColor(s state) string {
	switch s {
	case stateOpen:
		return "blue"
	case stateSuccess:
		return "green"
	case stateFailed:
		return "red"
	}
	return "grey"
}
