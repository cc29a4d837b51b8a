package chat

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
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
	"sync"
	"time"

	"crypto/hmac"

	"taskstatus/function/task"
)

const (
	// feishuWindow is how old a call may be. Feishu documents none; what it sends again after an
	// hour is of no use to who asked.
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
	everyday
	conversations
	client      *client
	origin      string
	keys        []secret
	tokens      []secret
	app, tenant string
	appSecret   secret
	webhook     secret
	webhookKey  secret
	pace        pace

	mu      sync.Mutex
	access  secret
	expires time.Time
}

func newFeishu(s *settings, c *client) platform {
	const usual = "https://open.feishu.cn"
	p := &feishu{everyday: everyday(task.Chinese), client: c}
	p.origin = s.origin("FEISHU_API_URL", usual)
	if strings.HasSuffix(p.origin, ".larksuite.com") {
		p.everyday = everyday(task.English)
	}
	p.keys = s.secrets("FEISHU_ENCRYPT_KEY")
	p.tokens = s.secrets("FEISHU_VERIFICATION_TOKEN")
	p.app = s.value("FEISHU_APP_ID")
	p.appSecret = s.secret("FEISHU_APP_SECRET")
	p.tenant = s.value("FEISHU_TENANT_KEY")
	p.conversations = s.list("FEISHU_CHAT_IDS")
	p.webhook = s.webhook("FEISHU_WEBHOOK_URL", "FEISHU_API_URL", p.origin)
	p.webhookKey = s.secret("FEISHU_WEBHOOK_SECRET")
	p.pace.limits = []limit{{5, time.Second}, {100, time.Minute}}
	if some := len(p.keys) > 0 || len(p.tokens) > 0 || p.app != "" || p.appSecret.isSet(); some && !p.hears() {
		s.warn("FEISHU_ENCRYPT_KEY, FEISHU_VERIFICATION_TOKEN, FEISHU_APP_ID and FEISHU_APP_SECRET are not all set: Feishu is not answered")
	}
	return p
}

func (*feishu) name() string { return "feishu" }

func (p *feishu) hears() bool {
	return len(p.keys) > 0 && len(p.tokens) > 0 && p.app != "" && p.appSecret.isSet()
}

func (p *feishu) posts() bool { return p.webhook.isSet() }

// open verifies a call, decrypts it and reads the event (Feishu, "Receive and
// handle events"). Only the check of the address comes without a signature:
// it is encrypted all the same, and holds the verification token.
func (p *feishu) open(c call) (question, error) {
	signature := c.header.Get("X-Lark-Signature")
	timestamp, nonce := c.header.Get("X-Lark-Request-Timestamp"), c.header.Get("X-Lark-Request-Nonce")
	candidates := p.keys
	if signature != "" {
		candidates = slices.DeleteFunc(slices.Clone(p.keys), func(key secret) bool {
			return !hmac.Equal([]byte(signature), []byte(feishuSign(timestamp, nonce, key.reveal(), c.body)))
		})
		if len(candidates) == 0 {
			return question{}, refused("feishu: the signature does not match")
		}
		if !recentSeconds(timestamp, c.now, feishuWindow) {
			return question{}, refused("feishu: the timestamp is too old")
		}
	}
	var envelope struct{ Encrypt string }
	if json.Unmarshal(c.body, &envelope) != nil || envelope.Encrypt == "" {
		return question{}, refused("feishu: the body is not encrypted")
	}
	var in feishuEvent
	read := slices.ContainsFunc(candidates, func(key secret) bool {
		plain, err := feishuDecrypt(key.reveal(), envelope.Encrypt)
		in = feishuEvent{}
		return err == nil && json.Unmarshal(plain, &in) == nil
	})
	if !read {
		return question{}, refused("feishu: the body cannot be decrypted")
	}
	if in.Type == "url_verification" {
		if !p.isToken(in.Token) {
			return question{}, refused("feishu: the verification token is another")
		}
		return question{response: &response{jsonType, encode(map[string]string{"challenge": in.Challenge})}}, nil
	}
	switch {
	case signature == "":
		return question{}, refused("feishu: an event without a signature")
	case !p.isToken(in.Header.Token):
		return question{}, refused("feishu: the verification token is another")
	case in.Header.AppID != p.app:
		return question{}, refused("feishu: the event is for another application")
	case p.tenant != "" && in.Header.TenantKey != p.tenant:
		return question{}, refused("feishu: the event is from another tenant")
	}
	message := &in.Event.Message
	nothing := question{response: &response{jsonType, []byte("{}")}}
	if in.Header.EventType != "im.message.receive_v1" || message.ID == "" {
		return nothing, nil
	}
	if message.ChatType == "group" && len(message.Mentions) == 0 {
		return nothing, nil // people talking to each other, where the bot may read all
	}
	var content struct{ Text string }
	_ = json.Unmarshal([]byte(message.Content), &content) // what is no text asks nothing
	text := content.Text
	for _, mention := range message.Mentions {
		text = strings.ReplaceAll(text, mention.Key, " ")
	}
	return question{id: message.ID, text: text, conversation: message.ChatID, to: address{to: message.ID}}, nil
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
	}
}

func (p *feishu) isToken(token string) bool {
	return slices.ContainsFunc(p.tokens, func(s secret) bool {
		return subtle.ConstantTimeCompare([]byte(s.reveal()), []byte(token)) == 1
	})
}

// feishuSign returns the value of X-Lark-Signature: a plain hash.
func feishuSign(timestamp, nonce, key string, body []byte) string {
	hash := sha256.New()
	hash.Write([]byte(timestamp + nonce + key))
	hash.Write(body)
	return hex.EncodeToString(hash.Sum(nil))
}

var errDecrypt = errors.New("the text cannot be decrypted")

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

// unpad takes off the padding of PKCS #7 for blocks of that size.
func unpad(data []byte, size int) ([]byte, error) {
	if len(data) == 0 {
		return nil, errDecrypt
	}
	n := int(data[len(data)-1])
	if n == 0 || n > size || n > len(data) || !bytes.Equal(data[len(data)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errDecrypt
	}
	return data[:len(data)-n], nil
}

// answer posts a reply, through the API: the response to an event holds none.
func (p *feishu) answer(ctx context.Context, q question, m message) (response, error) {
	if err := p.tell(ctx, q.to, "", m); err != nil {
		return response{}, err
	}
	return response{jsonType, []byte("{}")}, nil
}

// tell replies to a message (Feishu, "Reply to a message"). The uuid makes one
// reply of several attempts, within an hour.
func (p *feishu) tell(ctx context.Context, to address, id string, m message) error {
	body := encode(struct {
		Content string `json:"content"`
		MsgType string `json:"msg_type"`
		UUID    string `json:"uuid"`
	}{string(p.render(m, feishuMaxCard)), "interactive", feishuUUID(to.to, id)})
	path := p.origin + "/open-apis/im/v1/messages/" + url.PathEscape(to.to) + "/reply"
	for attempt := 1; ; attempt++ {
		token, err := p.accessToken(ctx)
		if err != nil {
			return err
		}
		err = p.client.post(ctx, nil, func(time.Time) letter {
			return letter{address: path, header: http.Header{"Authorization": {"Bearer " + token.reveal()}}, body: body}
		}, judgeFeishu)
		if failure, ok := errors.AsType[*Failure](err); !ok || failure.Code != feishuBadToken || attempt > 1 {
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
func (p *feishu) accessToken(ctx context.Context) (secret, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client.now().Before(p.expires) {
		return p.access, nil
	}
	var said struct {
		Token  string `json:"tenant_access_token"`
		Expire int64  `json:"expire"`
	}
	body := encode(map[string]string{"app_id": p.app, "app_secret": p.appSecret.reveal()})
	err := p.client.post(ctx, nil, func(time.Time) letter {
		return letter{address: p.origin + "/open-apis/auth/v3/tenant_access_token/internal", body: body}
	}, func(a answer) *Failure {
		if f := judgeFeishu(a); f != nil {
			return f
		}
		if json.Unmarshal(a.body, &said) != nil || said.Token == "" {
			return &Failure{Code: httpCode(a.status), Problem: senseless}
		}
		return nil
	})
	if err != nil {
		return secret{}, err
	}
	p.access = newSecret(said.Token)
	p.expires = p.client.now().Add(time.Duration(said.Expire)*time.Second - feishuTokenMargin)
	return p.access, nil
}

// forget drops the token if it is still the one in use.
func (p *feishu) forget(token secret) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.access == token {
		p.expires = time.Time{}
	}
}

func (p *feishu) post(ctx context.Context, m message) error {
	card := p.render(m, feishuMaxPost)
	return p.client.post(ctx, &p.pace, func(now time.Time) letter {
		post := feishuPost{MsgType: "interactive", Card: card}
		if p.webhookKey.isSet() {
			post.Timestamp = strconv.FormatInt(now.Unix(), 10)
			post.Sign = feishuPostSign(p.webhookKey.reveal(), post.Timestamp)
		}
		return letter{address: p.webhook.reveal(), body: encode(post)}
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
const feishuBadToken = "code 99991663"

// judgeFeishu judges an answer, of the API or a webhook: the code in it counts,
// with whatever status it comes.
func judgeFeishu(a answer) *Failure {
	f := httpFailure(a.status)
	var said struct {
		Code, StatusCode *int
	}
	if json.Unmarshal(a.body, &said) != nil || said.Code == nil && said.StatusCode == nil {
		if f == nil {
			f = &Failure{Code: httpCode(a.status), Problem: senseless}
		}
		return f
	}
	code := said.Code
	if code == nil {
		code = said.StatusCode
	}
	if *code == 0 {
		return f
	}
	if f == nil {
		f = &Failure{Problem: otherProblem}
	}
	f.Code = plainCode("code", *code)
	switch *code {
	case 19021:
		f.Problem = task.Text{
			En: wrongSign.En + " Or is this machine's clock off by more than an hour?",
			Zh: wrongSign.Zh + "；也可能是本机时钟偏差超过一小时",
		}
	case 19022:
		f.Problem = wrongIP
	case 19024:
		f.Problem = wrongKeyword
	case 19001, 19005:
		f.Problem = noSuchWebhook
	case 9499, 11232, 99991400, 230020:
		f.Problem, f.retry = tooFast, true
	case 230025, 11246:
		f.Problem = tooLong
	case 99991663, 99991661, 99991664, 99991665:
		f.Problem = task.Text{En: "the application's token is not accepted", Zh: "应用的访问凭证无效"}
	case 10003, 10014:
		f.Problem = task.Text{En: "FEISHU_APP_ID and FEISHU_APP_SECRET do not belong together", Zh: "FEISHU_APP_ID 与 FEISHU_APP_SECRET 不匹配"}
	case 99991672:
		f.Problem = task.Text{En: "the application lacks a permission: it needs im:message:send_as_bot", Zh: "应用缺少权限：需要 im:message:send_as_bot"}
	case 230002, 230006:
		f.Problem = task.Text{En: "the application's bot is not in that conversation, or turned off", Zh: "应用机器人不在该会话中，或未启用机器人能力"}
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

// render dresses a message as a card. What others wrote is plain text, which is
// shown as it is, or beside a name in bold where it cannot be taken for markup.
func (p *feishu) render(m message, most int) []byte {
	plain := func(text string) feishuText { return feishuText{"plain_text", text} }
	named := func(name, value string) feishuText { return feishuText{"lark_md", "**" + twins(name) + "**" + value} }
	return fit(m, most, func(m message) []byte {
		var card feishuCard
		card.Config.WideScreenMode = true
		card.Header.Template = feishuColor(m.mood)
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
				fields.Fields = append(fields.Fields, feishuField{true, named(f.name, "\n"+twins(f.value))})
			}
			add(fields)
		}
		for _, r := range m.rows {
			text := r.mood.mark() + " " + r.state + " · " + r.id
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
		add(feishuElement{Tag: "note", Elements: []feishuText{plain(m.small)}})
		return encode(card)
	})
}

func feishuColor(m mood) string {
	switch m {
	case open:
		return "blue"
	case good:
		return "green"
	case bad:
		return "red"
	}
	return "grey"
}
