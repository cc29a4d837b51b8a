// Package site answers HTTP: the routes, what a request asks for and in which
// form and language, and every reply as a page, JSON, a line of text or a problem
// document. It decides neither who may see something (a Guard does) nor when
// CloudSSO is asked (a Looker does), and it knows nothing of Function Compute
// but the header that carries the invocation's request id.
package site

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"taskstatus/function/task"
)

// RequestIDHeader carries the id of the invocation, as Function Compute names it.
const RequestIDHeader = "X-Fc-Request-Id"

// A Looker looks tasks up, in the order given, and where some are open goes on
// for as long as wait.
type Looker interface {
	Look(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result
}

// A Guard decides who is let in.
type Guard interface {
	// Configured reports whether anybody can be let in at all.
	Configured() bool
	// Caller reports whether the request is let in, and the caller's name for the log.
	Caller(*http.Request) (name string, ok bool)
}

// A Site is an http.Handler for every route. Its fields are set before the
// first request and not changed after.
type Site struct {
	Looker Looker
	Guard  Guard
	// Directories are those that are shown; the first is the default.
	Directories []task.DirectoryID
	// PublicURL is where links lead, without a slash at its end; empty for
	// the host that was asked.
	PublicURL string
	// Version is part of every validator, so that a new release is never
	// answered from a cache of the old one.
	Version string
	Log     *slog.Logger
	Now     func() time.Time
}

// A handler answers one request, whole: with an answer or an error, never by halves.
type handler func(*exchange) (*answer, error)

// Handler returns the routes.
func (s *Site) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, route := range []struct {
		pattern string
		public  bool
		handler handler
	}{
		{"/{$}", false, s.index},
		{"/tasks/{task}", false, s.oneTask},
		{"/tasks", false, s.severalTasks},
		{"/tasks.json", false, s.severalTasks},
		{"/tasks.txt", false, s.severalTasks},
		{"/style.css", true, s.style},
		{"/icon.svg", true, s.icon},
		{"/healthz", true, s.health},
		{"/", true, s.noSuchPage},
	} {
		mux.Handle(route.pattern, s.serve(route.pattern, route.public, route.handler))
	}
	return mux
}

// serve wraps a handler: it lets the caller in or not, makes errors into
// problems, writes the reply and logs one line.
func (s *Site) serve(route string, public bool, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		e := newExchange(r, began)
		a, err := s.admit(e, public, h)
		if err != nil {
			a = s.problemAnswer(e, err)
		}
		a.write(w, e)

		level := slog.LevelInfo
		attrs := []slog.Attr{
			slog.String("requestId", e.requestID),
			slog.String("method", r.Method),
			slog.String("route", route),
			slog.Int("status", a.status),
			slog.Int64("ms", s.Now().Sub(began).Milliseconds()),
		}
		attrs = append(attrs, e.logged...)
		if err != nil {
			attrs = append(attrs, slog.String("error", err.Error()))
			if a.status >= http.StatusInternalServerError {
				level = slog.LevelError
			}
		}
		s.Log.LogAttrs(r.Context(), level, "http", attrs...)
	})
}

func (s *Site) admit(e *exchange, public bool, h handler) (*answer, error) {
	switch e.request.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		return &answer{status: http.StatusNoContent, cache: noStore, header: http.Header{"Allow": {allowed}}}, nil
	default:
		return nil, errMethod
	}
	if !public {
		if !s.Guard.Configured() {
			return nil, errUnconfigured
		}
		caller, ok := s.Guard.Caller(e.request)
		if !ok {
			return nil, errUnauthorized
		}
		if caller != "" {
			e.log(slog.String("caller", caller))
		}
	}
	return h(e)
}

func (s *Site) noSuchPage(*exchange) (*answer, error) { return nil, errNoSuchPage }

func (s *Site) health(*exchange) (*answer, error) {
	return &answer{status: http.StatusOK, contentType: plainText, cache: noStore, body: []byte("ok\n")}, nil
}
