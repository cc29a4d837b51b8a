package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxChatMessages bounds what a conversation remembers.
	maxChatMessages = 1000
	// maxChatHandles bounds the ways to answer that are remembered.
	maxChatHandles = 10_000
	// maxChatBody is more than any platform takes, so that each can refuse in its own way.
	maxChatBody = 1 << 20
	// patience is how far the clock of a signed post may be off, on every platform that signs posts.
	patience = time.Hour
)

// How a message came.
const (
	viaPerson   = "person"       // no message to the function's credit: somebody typed it
	viaAnswer   = "answer"       // in the HTTP response to the platform's call
	viaSession  = "session"      // DingTalk's sessionWebhook
	viaReply    = "reply"        // Feishu's reply API
	viaResponse = "response_url" // WeCom's and Slack's
	viaWebhook  = "webhook"      // a group robot's own address
	viaToken    = "token"        // none: Feishu's tokens are had this way
	viaNote     = "note"         // none: why there is no answer
)

// A receiver is somebody who takes what is posted.
type receiver interface {
	// endpoints are the receiver's API: patterns of addresses, and what they do.
	endpoints() map[string]chatEndpoint
	// refusals are the receiver's own errors by kind of fault, for one way of posting.
	refusals(via string) map[string]post
}

// A chatPlatform is one of the four: how it calls a bot, and what it takes from one.
type chatPlatform interface {
	receiver
	// call writes down what a person typed, as the platform calls a bot with it.
	call(u *utterance) (chatCall, error)
	// answer reads the response to such a call. It reports false where that says nothing.
	answer(u *utterance, r chatResponse) (post, bool)
	// limit is how long the platform waits for that response.
	limit() time.Duration
}

// A chatEndpoint takes one kind of post.
type chatEndpoint struct {
	via   string
	serve func(r *http.Request, body []byte) post
}

// A chatCall is a request that a platform makes.
type chatCall struct {
	method string
	url    string
	header http.Header
	body   string
	plain  string // the body, before it was encrypted
}

// A chatResponse is what the function answered to one.
type chatResponse struct {
	status int
	header http.Header
	body   []byte
}

// A post is what was sent to a platform, what came of it, and what is answered.
type post struct {
	reply   apiReply
	view    *view      // what is shown
	err     string     // why it is refused
	silent  bool       // neither: nobody gets to see it
	said    *utterance // what it answers; nil for a webhook
	private bool
	opened  object // what was sent, where that came encrypted
	text    string // what can be read, where that is other than what is shown
}

// An utterance is what a person typed.
type utterance struct {
	platform string
	text     string
	from     string // a name
	private  bool   // to the bot alone, not in a group
	chat     string // the group's id; empty: the platform's usual one
	forge    string // what is wrong with the call
	second   bool   // made with the second of two secrets
	ended    bool   // the call is over: what comes now comes later
}

// A chatEntry is a line of a conversation: what a person said, or what came to it.
type chatEntry struct {
	Platform string          `json:"platform"`
	Via      string          `json:"via"`
	Later    bool            `json:"later,omitempty"` // after the call was over
	Status   string          `json:"status"`          // shown or refused
	Error    string          `json:"error,omitempty"`
	Title    string          `json:"title"`
	Text     string          `json:"text"` // all that can be read
	Color    string          `json:"color,omitempty"`
	Button   *viewButton     `json:"button,omitempty"`
	Buttons  []viewButton    `json:"buttons,omitempty"`
	Links    []string        `json:"links,omitempty"`    // in the text
	Mentions []string        `json:"mentions,omitempty"` // of people, or of everybody
	Private  bool            `json:"private"`
	ID       string          `json:"webhookId,omitempty"` // the same for each attempt at a webhook
	At       time.Time       `json:"at"`
	Raw      json.RawMessage `json:"raw"`

	number int
	said   *utterance
	view   *view
}

// A chat stands in for the four platforms on which people ask the function
// and hear from it. It checks signatures and limits, and shows messages as the
// platforms would.
type chat struct {
	frontURL  string // where the function is
	url       string // where this is
	platforms map[string]chatPlatform
	receivers map[string]receiver // the platforms, and who hears without speaking
	examples  []string            // of what one can say
	now       func() time.Time
	log       *log.Logger
	client    *http.Client
	faults    faultList[chatFault, *chatFault]
	heard     func(chatEntry) // is told of what came to a conversation; nil: nobody is
	closing   chan struct{}
	closeOnce sync.Once

	mu       sync.Mutex
	entries  []chatEntry // oldest first
	handles  map[string]*handle
	issued   []string          // keys of handles, oldest first
	last     map[string]spoken // by platform
	numbered int
}

// chatNames are the platforms, in the order in which they are shown.
var chatNames = []string{"dingtalk", "feishu", "wecom", "slack"}

// receiverNames are all to whom the function can post.
var receiverNames = append(slices.Clone(chatNames), "webhook")

// newChat returns a stand-in whose own address is url. It adds to the
// function's variables what the caller left out, and knows what they say.
func newChat(frontURL, url string, variables map[string]string, now func() time.Time, logTo io.Writer) *chat {
	c := &chat{
		frontURL: frontURL,
		url:      url,
		now:      now,
		log:      log.New(logTo, "chat ", log.Ltime|log.Lmsgprefix),
		client: &http.Client{
			Transport: &http.Transport{DisableKeepAlives: true},
			// No platform follows a bot to another place.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		closing: make(chan struct{}),
		handles: make(map[string]*handle),
		last:    make(map[string]spoken),
	}
	c.platforms = map[string]chatPlatform{
		"dingtalk": newDingTalk(c, variables),
		"feishu":   newFeishu(c, variables),
		"wecom":    newWeCom(c, variables),
		"slack":    newSlack(c, variables),
	}
	c.receivers = map[string]receiver{"webhook": newWebhook(c, variables)}
	for name, platform := range c.platforms {
		c.receivers[name] = platform
	}
	return c
}

// Close lets go of the posts that a fault holds.
func (c *chat) Close() { c.closeOnce.Do(func() { close(c.closing) }) }

func (c *chat) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.servePage)
	mux.HandleFunc("POST /say", c.serveSay)
	mux.HandleFunc("POST /check", c.serveCheck)
	mux.HandleFunc("GET /messages", c.serveMessages)
	mux.HandleFunc("DELETE /messages", c.serveClear)
	mux.HandleFunc("POST /messages/clear", c.serveClear) // a form cannot delete
	mux.HandleFunc("GET /faults", c.serveFaults)
	mux.HandleFunc("POST /faults", c.serveAddFault)
	mux.HandleFunc("DELETE /faults", c.serveClearFaults)
	for name, platform := range c.receivers {
		for pattern, endpoint := range platform.endpoints() {
			mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { c.servePost(w, r, name, endpoint) })
		}
	}
	// A page that happens to be open in a browser must not speak for anybody.
	return http.NewCrossOriginProtection().Handler(mux)
}

// servePost takes a post, or spoils it when a fault is on, and remembers it.
func (c *chat) servePost(w http.ResponseWriter, r *http.Request, platform string, endpoint chatEndpoint) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxChatBody))
	if err != nil {
		http.Error(w, "read the body", http.StatusBadRequest)
		return
	}
	refusals := c.receivers[platform].refusals(endpoint.via)
	id := r.Header.Get("Webhook-Id")
	active := c.faults.take(func(f chatFault) bool {
		_, refuses := refusals[f.Kind]
		return f.Platform == platform && (f.On == endpoint.via || f.On == "" && endpoint.via != viaToken) && (refuses || chatFaultKinds[f.Kind] != nil)
	})
	var p post
	switch spoil := chatFaultKinds[active.Kind]; {
	case spoil != nil:
		p.err = active.Kind
		c.record(platform, endpoint.via, id, p, body)
		p.reply = spoil(c, w, r)
	case active.Kind != "":
		p = refusals[active.Kind]
		c.record(platform, endpoint.via, id, p, body)
	default:
		p = endpoint.serve(r, body)
		c.record(platform, endpoint.via, id, p, body)
	}
	if p.reply.status == 0 {
		panic(http.ErrAbortHandler)
	}
	p.reply.write(w)
}

// record adds a post to its conversation.
func (c *chat) record(platform, via, id string, p post, raw []byte) {
	if p.silent {
		return
	}
	entry := chatEntry{Platform: platform, Via: via, Status: "shown", Private: p.private, ID: id, At: c.now().UTC(), Raw: rawJSON(raw), said: p.said, view: p.view}
	if p.opened != nil {
		entry.Raw, _ = json.Marshal(p.opened) // was JSON before
	}
	if p.err != "" {
		entry.Status, entry.Error, entry.view = "refused", p.err, nil
	}
	if v := entry.view; v != nil {
		entry.Title, entry.Text, entry.Color, entry.Buttons, entry.Links, entry.Mentions = v.heading(), cmp.Or(p.text, v.text()), v.Color, v.Buttons, v.links(), v.mentions()
		if len(v.Buttons) > 0 {
			entry.Button = &v.Buttons[0]
		}
	}
	line := platform + " " + via + " " + entry.Status
	if entry.Error != "" {
		line += ": " + entry.Error
	}
	c.log.Print(line)
	if c.heard != nil {
		c.heard(entry)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	entry.Later = p.said != nil && p.said.ended
	c.add(entry)
}

// add takes an entry while the lock is held, and returns its number.
func (c *chat) add(entry chatEntry) int {
	c.numbered++
	entry.number = c.numbered
	if len(c.entries) == maxChatMessages {
		c.entries = slices.Delete(c.entries, 0, 1)
	}
	c.entries = append(c.entries, entry)
	return entry.number
}

// rawJSON returns what was sent as JSON: as it is if it is JSON, else as a string.
func rawJSON(data []byte) json.RawMessage {
	if json.Valid(data) {
		return data
	}
	quoted, err := json.Marshal(string(data))
	if err != nil {
		log.Panicf("marshal a string: %v", err) // a string always marshals
	}
	return quoted
}

// messages returns what came to a platform, or to all of them, oldest first. It is never nil.
func (c *chat) messages(platform string) []chatEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := make([]chatEntry, 0, len(c.entries))
	for _, entry := range c.entries {
		if entry.Via != viaPerson && entry.Via != viaNote && (platform == "" || entry.Platform == platform) {
			found = append(found, entry)
		}
	}
	return found
}

func (c *chat) serveMessages(w http.ResponseWriter, r *http.Request) {
	platform := r.FormValue("platform")
	if platform != "" && c.receivers[platform] == nil {
		badRequest(w, errPlatform(platform, receiverNames))
		return
	}
	writeJSON(w, http.StatusOK, c.messages(platform))
}

func (c *chat) serveClear(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.entries = nil
	c.mu.Unlock()
	if wantsPage(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	writeJSON(w, http.StatusOK, []chatEntry{})
}

func errPlatform(name string, names []string) error {
	return fmt.Errorf("platform %q: it must be one of %s", name, strings.Join(names, ", "))
}

// wantsPage reports whether a person looks on, in a browser.
func wantsPage(r *http.Request) bool {
	return strings.Contains(strings.ToLower(r.Header.Get("Accept")), "text/html")
}

// jsonPost is a post that is answered with a JSON object.
func jsonPost(status int, answer document) post {
	body, err := json.Marshal(answer)
	if err != nil {
		log.Panicf("marshal an answer: %v", err) // it holds plain values only
	}
	return post{reply: apiReply{status: status, header: http.Header{"Content-Type": {"application/json;charset=utf-8"}}, body: body}}
}

// isWebURL reports whether an address is one that a button may open.
func isWebURL(url string) bool {
	rest, ok := strings.CutPrefix(url, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(url, "http://")
	}
	return ok && rest != "" && !strings.ContainsAny(url, " \n\t\"<>")
}

// utf16Length counts characters, as the platforms do.
func utf16Length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
