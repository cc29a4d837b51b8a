package acceptance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
)

// A request is one that a tab's pages made.
type request struct {
	id          network.RequestID
	method, url string
	kind        network.ResourceType // Document, Fetch, Stylesheet and so on
	header      network.Headers      // as far as the page and not the network decides
	at          time.Time
	answer      network.Headers // of the response; nil as long as there is none
	// status is the one on the wire, 304 where the page sees 200; 0 as long as
	// there is none.
	status int
	// bytes are those of the response on the wire, with its header; 0 as long as
	// it is not whole, and where it came out of the browser's cache.
	bytes  int
	cached bool
	// failure is why there was no response.
	failure string
}

// A record is what a tab has told of itself.
type record struct {
	mu       sync.Mutex
	requests []*request
	last     map[network.RequestID]*request // a redirect keeps the id
	noise    []string
	expected []string
	// flushed gets what flush put at the end of the line.
	flushed map[string]chan struct{}
}

func newRecord() *record {
	return &record{last: make(map[network.RequestID]*request), flushed: make(map[string]chan struct{})}
}

// note takes an event of the tab.
func (r *record) note(event any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if before := r.last[e.RequestID]; before != nil && e.RedirectResponse != nil {
			before.status, before.bytes = int(e.RedirectResponse.Status), int(e.RedirectResponse.EncodedDataLength)
		}
		sent := &request{
			id: e.RequestID, method: e.Request.Method, url: e.Request.URL + e.Request.URLFragment,
			kind: e.Type, header: e.Request.Headers, at: e.WallTime.Time(),
		}
		r.last[e.RequestID] = sent
		r.requests = append(r.requests, sent)
	case *network.EventResponseReceivedExtraInfo:
		// Only this event tells of a 304; of everything else it may come late.
		if sent := r.last[e.RequestID]; sent != nil && e.StatusCode == 304 {
			sent.status = 304
		}
	case *network.EventResponseReceived:
		sent := r.last[e.RequestID]
		if sent == nil {
			return
		}
		sent.answer = e.Response.Headers
		if sent.status != 304 {
			sent.status = int(e.Response.Status)
			sent.cached = sent.cached || e.Response.FromDiskCache // or out of memory, as told before
		}
	case *network.EventRequestServedFromCache:
		if sent := r.last[e.RequestID]; sent != nil {
			sent.cached = true
		}
	case *network.EventLoadingFinished:
		if sent := r.last[e.RequestID]; sent != nil {
			sent.bytes = int(e.EncodedDataLength)
		}
	case *network.EventLoadingFailed:
		sent := r.last[e.RequestID]
		if sent == nil {
			return
		}
		sent.failure = e.ErrorText
		if !e.Canceled { // by the page itself, or by leaving it
			r.complaint("request", "%s %s: %s", sent.method, sent.url, e.ErrorText)
		}

	case *runtime.EventConsoleAPICalled:
		text := consoleText(e.Args)
		if done, ok := r.flushed[text]; ok {
			close(done)
			delete(r.flushed, text)
			return
		}
		switch e.Type {
		case runtime.APITypeWarning, runtime.APITypeError, runtime.APITypeAssert:
			r.complaint("console."+string(e.Type), "%s", text)
		}
	case *runtime.EventExceptionThrown:
		r.complaint("uncaught", "%s", strings.TrimPrefix(e.ExceptionDetails.Error(), "exception "))
	case *log.EventEntryAdded:
		// Violations of the Content-Security-Policy are among these.
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			r.complaint(string(e.Entry.Source), "%s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if e.Issue.Code != audits.InspectorIssueCodeContentSecurityPolicyIssue { // told in words already
			details, _ := json.Marshal(e.Issue.Details)
			r.complaint("issue", "%s %s", e.Issue.Code, details)
		}
	case *inspector.EventTargetCrashed:
		r.complaint("tab", "the page crashed")
	}
}

func (r *record) complaint(source, format string, args ...any) {
	text := source + ": " + fmt.Sprintf(format, args...)
	if !slices.Contains(r.noise, text) {
		r.noise = append(r.noise, text)
	}
}

// consoleText is what the console shows of a call's arguments.
func consoleText(args []*runtime.RemoteObject) string {
	var words []string
	for _, argument := range args {
		var text string
		switch {
		case json.Unmarshal(argument.Value, &text) == nil:
		case argument.Description != "":
			text = argument.Description
		default:
			text = string(argument.Value)
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

// forget drops what the tab has told so far, and what was expected of it: with
// the next page it begins anew.
func (r *record) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests, r.noise, r.expected = nil, nil, nil
}

// unexpected are the complaints that no expectation covers.
func (r *record) unexpected() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rest []string
	for _, complaint := range r.noise {
		if !slices.ContainsFunc(r.expected, func(part string) bool { return strings.Contains(complaint, part) }) {
			rest = append(rest, complaint)
		}
	}
	return rest
}
