package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// forgeries are what can be made wrong with a call, for the function to refuse it.
var forgeries = []string{
	"signature", // made with another secret
	"stale",     // of two hours ago
	"body",      // changed on the way
	"tenant",    // from another company's chat
}

// staleness is how old a stale call is: more than any platform's window.
const staleness = 2 * time.Hour

var errForgery = errors.New("this platform's signature does not cover it")

// A saying is what came of something said.
type saying struct {
	Status   int         `json:"status"` // of the function's response; 0: it gave none in time
	Millis   int64       `json:"ms"`
	Error    string      `json:"error,omitempty"` // what the platform would tell the person instead of an answer
	Body     string      `json:"body,omitempty"`  // of a response that is no success
	Messages []chatEntry `json:"messages"`        // that came within the call
}

// say calls the function with what a person typed.
func (c *chat) say(ctx context.Context, u *utterance) (saying, error) {
	call, err := c.platforms[u.platform].call(u)
	if err != nil {
		return saying{}, err
	}
	c.mu.Lock()
	c.last[u.platform] = spoken{u, call}
	c.mu.Unlock()
	return c.deliver(ctx, u, call), nil
}

// sayAgain makes the platform's last call once more, to the letter, as a
// platform does that heard no answer.
func (c *chat) sayAgain(ctx context.Context, platform string) (saying, error) {
	c.mu.Lock()
	last, ok := c.last[platform]
	if ok {
		last.said.ended = false
	}
	c.mu.Unlock()
	if !ok {
		return saying{}, errors.New("nothing was said yet that could be said again")
	}
	return c.deliver(ctx, last.said, last.call), nil
}

// A spoken is something said, and the call that it caused.
type spoken struct {
	said *utterance
	call chatCall
}

func (c *chat) deliver(ctx context.Context, u *utterance, call chatCall) saying {
	platform := c.platforms[u.platform]
	c.mu.Lock()
	before := c.add(chatEntry{
		Platform: u.platform, Via: viaPerson, Status: "shown", Title: u.from, Text: u.text, Private: u.private,
		At: c.now().UTC(), Raw: rawJSON([]byte(cmp.Or(call.plain, call.body))), said: u,
	})
	c.mu.Unlock()

	began := time.Now()
	response, err := c.send(ctx, call, platform.limit())
	result := saying{Status: response.status, Millis: time.Since(began).Milliseconds()}
	switch {
	case err != nil:
		result.Error = err.Error()
	case response.status != http.StatusOK:
		result.Error = fmt.Sprintf("the bot answered with status %d", response.status)
		result.Body = string(response.body)
	default:
		if p, ok := platform.answer(u, response); ok {
			p.said, p.private = u, p.private || u.private
			c.record(u.platform, viaAnswer, "", p, response.body)
			result.Error = p.err
		}
	}
	c.log.Printf("%s said %q: %d in %d ms", u.platform, u.text, result.Status, result.Millis)

	c.mu.Lock()
	defer c.mu.Unlock()
	u.ended = true
	result.Messages = []chatEntry{}
	for _, entry := range c.entries {
		if entry.said == u && entry.number > before {
			result.Messages = append(result.Messages, entry)
		}
	}
	if len(result.Messages) == 0 {
		c.add(chatEntry{Platform: u.platform, Via: viaNote, Text: cmp.Or(result.Error, "the bot said nothing"), Private: u.private, At: c.now().UTC(), said: u})
	}
	return result
}

// send makes a call to the function, which has to answer in time.
func (c *chat) send(ctx context.Context, call chatCall, limit time.Duration) (chatResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, call.method, call.url, strings.NewReader(call.body))
	if err != nil {
		return chatResponse{}, fmt.Errorf("call the bot: %w", err)
	}
	request.Header = call.header.Clone()
	response, err := c.client.Do(request)
	if err == nil {
		defer response.Body.Close()
		var body []byte
		body, err = io.ReadAll(io.LimitReader(response.Body, maxChatBody))
		if err == nil {
			return chatResponse{response.StatusCode, response.Header, body}, nil
		}
	}
	if os.IsTimeout(err) || errors.Is(err, context.DeadlineExceeded) {
		return chatResponse{}, fmt.Errorf("operation_timeout: no answer within %v", limit)
	}
	return chatResponse{}, errors.New("the bot cannot be reached")
}

// serveSay lets somebody say something: a person by the page's form, or a test.
func (c *chat) serveSay(w http.ResponseWriter, r *http.Request) {
	in := r.FormValue("in")
	u := &utterance{
		platform: r.FormValue("platform"),
		text:     r.FormValue("text"),
		from:     cmp.Or(r.FormValue("from"), "Alice"),
		forge:    r.FormValue("forge"),
		second:   r.FormValue("secret") == "2",
	}
	switch in {
	case "private":
		u.private = true
	case "", "group":
	default:
		u.chat = in
	}
	switch {
	case c.platforms[u.platform] == nil:
		badRequest(w, errPlatform(u.platform, chatNames))
		return
	case u.forge != "" && !slices.Contains(forgeries, u.forge):
		badRequest(w, fmt.Errorf("forge %q: it must be one of %v", u.forge, forgeries))
		return
	}
	var result saying
	var err error
	if r.FormValue("again") == "true" {
		result, err = c.sayAgain(r.Context(), u.platform)
	} else {
		result, err = c.say(r.Context(), u)
	}
	if err != nil {
		badRequest(w, err)
		return
	}
	if wantsPage(r) {
		http.Redirect(w, r, "/#"+u.platform+"-text", http.StatusSeeOther)
		return
	}
	writeJSON(w, http.StatusOK, result)
}

// A urlCheck is what a platform does when an administrator gives it the
// function's address.
type urlCheck interface {
	check() (chatCall, func(chatResponse) error)
}

// checkLimit is how long both platforms wait for that.
const checkLimit = time.Second

// serveCheck makes a platform check the function's address.
func (c *chat) serveCheck(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("platform")
	checker, ok := c.platforms[name].(urlCheck)
	if !ok {
		badRequest(w, fmt.Errorf("platform %q checks no address: it must be feishu or wecom", name))
		return
	}
	call, judge := checker.check()
	began := time.Now()
	response, err := c.send(r.Context(), call, checkLimit)
	if err == nil {
		err = judge(response)
	}
	result := map[string]any{"ok": err == nil, "status": response.status, "ms": time.Since(began).Milliseconds()}
	if err != nil {
		result["error"] = err.Error()
	}
	writeJSON(w, http.StatusOK, result)
}
