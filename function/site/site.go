// Package site answers HTTP: the routes, what a request asks for and in which
// form and language, and every reply as a page, JSON, a line of text or a problem
// document. It decides neither who may see something (a Guard does) nor when
// CloudSSO is asked (a Looker does), and it knows nothing of Function Compute
// but the header that carries the invocation's request id.
package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"taskstatus/function/once"
	"taskstatus/function/task"
)

// RequestIDHeader carries the id of the invocation, as Function Compute names it.
const RequestIDHeader = "X-Fc-Request-Id"

// A Looker looks tasks up, in the order given, and where some are open goes on
// for as long as wait.
type Looker interface {
	Look(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result
}

// A Lister lists a directory's recent tasks.
type Lister interface {
	ListTasks(context.Context, task.ListRequest) (task.Page, error)
}

// A Guard decides who is let in.
type Guard interface {
	// Configured reports whether anybody can be let in at all.
	Configured() bool
	// Caller returns the name of who is let in, "" for somebody who gave none;
	// session says that it is a browser that has signed in. The error says, for the
	// log, why the request is not let in; where it has a method RetryAfter, that has to
	// be asked again later.
	Caller(r *http.Request, now time.Time) (name string, session bool, err error)
	// Bearer is the same for those alone who bear a token.
	Bearer(r *http.Request, now time.Time) (name string, err error)
}

// A Chat answers what chat platforms send, who prove themselves by a signature
// of their own.
type Chat interface {
	// Answer answers a call to /chat/{platform}. The error wraps fs.ErrNotExist where
	// there is no such platform, and fs.ErrPermission where the call is not genuine.
	Answer(r *http.Request, platform string) (contentType string, body []byte, err error)
}

// A Verifier says whether a request is signed by somebody who is known.
type Verifier interface {
	// Verify returns the id that the sender gave the message. Its error says, for
	// the log, why the message is not genuine.
	Verify(header http.Header, body []byte, now time.Time) (id string, err error)
}

// An Events takes what is posted to /events.
type Events interface {
	// Receive takes events, or answers a question in their place. later says that the
	// result will only be known later, by somebody else. An error that wraps
	// ErrNotTaken means that the sender has to send it again.
	Receive(ctx context.Context, header http.Header, body []byte) (result any, later bool, err error)
}

// A Site is an http.Handler for every route. Its fields are set before the
// first request and not changed after.
type Site struct {
	Looker Looker
	// Lister is nil where recent tasks are not to be listed.
	Lister Lister
	Guard  Guard
	// Sessions is nil where browsers cannot sign in, and Links where links are not signed.
	Sessions Sessions
	Links    Links
	// Chat is nil where no chat platform is answered.
	Chat Chat
	// Events takes what those post whom the Guard knows by name, or Senders by
	// their signature. It is nil where nothing is taken.
	Events  Events
	Senders Verifier
	// Directories are those that are shown; the first is the default.
	Directories []task.DirectoryID
	// Details says that tasks come with details, sooner or later.
	Details bool
	// PublicURL is where links lead, without a slash at its end; empty for
	// the host that was asked.
	PublicURL string
	// Version is part of every validator, so that a new release is never
	// answered from a cache of the old one.
	Version string
	Now     func() time.Time

	posted once.Set // to /events, by the sender's ids
}

// maxHeader is how large a request's header may be, names and values, as
// Function Compute has it.
const maxHeader = 8 << 10

func headerSize(h http.Header) (size int) {
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	return size
}

// statusClientClosed is what the log says where the caller went away before the
// answer was there: a status of nobody's standard, but well known.
const statusClientClosed = 499

// A handler answers one request, whole: with an answer or an error, never by halves.
type handler func(*exchange) (*answer, error)

// A route is what answers at a path.
type route struct {
	// name is the path's pattern, for the log.
	name string
	// handler answers GET and HEAD, where they are allowed.
	handler handler
	// post answers POST, likewise. It tells nothing, or sees to whom it does itself.
	post handler
	// tasks are those that the request asks for: a signed link to them lets in
	// whoever has it.
	tasks func(*exchange) ([]task.ID, error)
	// public is a handler that needs nobody's permission: it is like post.
	public bool
}

// allowed are the methods that the route takes, for the header Allow.
func (r route) allowed() string {
	switch {
	case r.handler == nil:
		return "OPTIONS, POST"
	case r.post == nil:
		return "GET, HEAD, OPTIONS"
	}
	return "GET, HEAD, OPTIONS, POST"
}

// route finds the route of a path. It is no http.ServeMux because that
// redirects paths that are not clean, with an answer of its own.
func (s *Site) route(path string) route {
	switch path {
	case "/":
		return route{name: path, handler: s.index}
	case "/tasks":
		return route{name: path, handler: s.severalTasks, post: s.pastedTasks, tasks: severalIDs}
	case "/tasks.json", "/tasks.txt":
		return route{name: path, handler: s.severalTasks, tasks: severalIDs}
	case "/sign-in":
		if s.Sessions != nil {
			return route{name: path, handler: s.askToSignIn, post: s.signIn, public: true}
		}
	case "/sign-out":
		if s.Sessions != nil {
			return route{name: path, post: s.signOut}
		}
	case "/events":
		if s.Events != nil {
			return route{name: path, post: s.events}
		}
	case "/openapi.yaml":
		return route{name: path, handler: s.contract, public: true}
	case "/healthz":
		return route{name: path, handler: s.health, public: true}
	}
	if id, ok := strings.CutPrefix(path, "/tasks/"); ok && id != "" && !strings.Contains(id, "/") {
		return route{name: "/tasks/{taskId}", handler: s.oneTask, tasks: oneID}
	}
	if platform, ok := strings.CutPrefix(path, "/chat/"); ok && s.Chat != nil && platform != "" && !strings.Contains(platform, "/") {
		return route{name: "/chat/{platform}", handler: s.chat, post: s.chat, public: true}
	}
	if name, ok := strings.CutPrefix(path, assets); ok && name != "" && !strings.Contains(name, "/") {
		return route{name: assets + "{name}", handler: s.asset, public: true}
	}
	return route{name: "none", handler: s.noSuchPage, post: s.noSuchPage, public: true}
}

// ServeHTTP lets the caller in or not, makes errors into problems, writes the
// reply and says in the invocation's entry what came of it.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := newExchange(r, s.Now())
	at := s.route(r.URL.Path)
	e.log(slog.String("method", r.Method), slog.String("route", at.name))
	a, err := s.answer(e, at)
	if err != nil {
		logFailure(r.Context(), err)
		a = s.problemAnswer(e, err)
	}
	a.posts = a.posts || e.session && e.form == asPage
	a.write(w, e)

	status := a.status
	if errors.Is(err, context.Canceled) {
		status = statusClientClosed
	}
	e.log(slog.Int("status", status))
}

// answer answers who may ask. A panic is an error like any that nobody foresaw,
// with its stack for the log.
func (s *Site) answer(e *exchange, at route) (a *answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			a, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	h := at.handler
	switch method := e.request.Method; {
	case at.handler != nil && (method == http.MethodGet || method == http.MethodHead):
	case method == http.MethodPost && at.post != nil:
		h = at.post
	case method == http.MethodOptions:
		return &answer{status: http.StatusNoContent, cache: noStore, header: http.Header{"Allow": {at.allowed()}}}, nil
	default:
		return nil, errMethod(at.allowed())
	}
	if headerSize(e.request.Header) > maxHeader {
		return nil, errHeader
	}
	if e.request.Method != http.MethodPost && !at.public {
		if err := s.letIn(e, at); err != nil {
			return nil, err
		}
	}
	return h(e)
}

// letIn fails unless the caller may have what is at the route.
func (s *Site) letIn(e *exchange, at route) error {
	if !s.Guard.Configured() {
		return errUnconfigured
	}
	var err error
	e.caller, e.session, err = s.Guard.Caller(e.request, e.now)
	switch {
	case err == nil && e.caller != "":
		e.log(slog.String("caller", e.caller), slog.Bool("session", e.session))
	case err != nil && (at.tasks == nil || !s.opened(e, at.tasks)):
		return notLetIn(err)
	}
	return nil
}

func (s *Site) noSuchPage(*exchange) (*answer, error) { return nil, errNoSuchPage }

func (s *Site) health(*exchange) (*answer, error) {
	return &answer{status: http.StatusOK, contentType: plainText, cache: noStore, body: []byte("ok\n")}, nil
}
