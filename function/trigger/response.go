package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"

	"taskstatus/function/entry"
	"taskstatus/function/task"
)

// serve lets the HTTP handler answer an HTTP trigger event.
func (f *Function) serve(ctx context.Context, ev *httpEvent) response {
	if ev.oversized {
		entry.End(ctx, "too-large", slog.LevelWarn, errors.New("oversized HTTP trigger event"))
		return f.refuse(ctx, ev, tooLarge)
	}
	r, err := ev.request(ctx, entry.RequestID(ctx))
	if err != nil {
		entry.End(ctx, task.Invalid.String(), slog.LevelWarn, fmt.Errorf("malformed HTTP trigger event: %w", err))
		return f.refuse(ctx, ev, problemOf(task.Invalid, http.StatusBadRequest, detailOf(err)))
	}
	w := &responseWriter{header: http.Header{}}
	f.HTTP.ServeHTTP(w, r)
	answer := w.finish(r.Method)
	if w.cookies > 1 {
		// All but the first are lost: a response of Function Compute carries one.
		entry.Add(ctx, slog.Int("cookies", w.cookies))
		entry.Raise(ctx, slog.LevelWarn)
	}
	return answer
}

// refuseRepeated answers an HTTP trigger event that was tried before. Whoever
// asks over HTTP can make his request an asynchronous invocation, by a header
// that FC takes: one that fails comes again, with nobody there to answer. The
// handler is not called, so that nothing is done twice and CloudSSO is not asked.
func (f *Function) refuseRepeated(ctx context.Context, ev *httpEvent) response {
	entry.End(ctx, task.Invalid.String(), slog.LevelWarn, errors.New("repeated HTTP trigger event"))
	return f.refuse(ctx, ev, problemOf(task.Invalid, http.StatusBadRequest, "a request is not served a second time: nobody waits for this answer"))
}

// A problem is a problem document (RFC 9457) for what goes wrong where no handler
// can answer. It is in English only, as no language was asked for yet.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	RequestID string `json:"requestId"`
	Hint      string `json:"hint"`
	Retryable bool   `json:"retryable"`
}

// problemOf is the problem of a kind.
func problemOf(kind task.Kind, status int, detail string) problem {
	return problem{
		Type: "/problems/" + kind.String(), Title: kind.Title().En, Status: status,
		Detail: detail, Hint: kind.Hint().En, Retryable: kind.Retryable(),
	}
}

// tooLarge is the problem of a request that nobody here takes.
var tooLarge = problem{
	Type: "/problems/too-large", Title: "That is too much", Status: http.StatusRequestEntityTooLarge,
	Hint: "Send at most 64 KB.",
}

// refuse returns a response object with a problem document.
func (f *Function) refuse(ctx context.Context, ev *httpEvent, p problem) response {
	p.RequestID = entry.RequestID(ctx)
	entry.Add(ctx, slog.Int("status", p.Status))
	document, _ := encode(p) // texts, numbers and booleans always encode
	w := &responseWriter{header: http.Header{
		"Content-Type":     {"application/problem+json"},
		"Content-Language": {"en"},
		"Cache-Control":    {"no-store"},
	}}
	if f.SetHeader != nil {
		f.SetHeader(w.header)
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(document)
	return w.finish(strings.ToUpper(ev.RequestContext.HTTP.Method))
}

// A response is FC's response object (Function Compute, "Invoke a function by
// using an HTTP trigger", response struct), always with all four fields. It is
// left to the SDK to encode, once: what is JSON already it would go over again,
// byte by byte.
type response struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	// Body is a string or, where that is to be base64, a []byte, as encoding/json has it.
	Body any `json:"body"`
}

// maxText is up to which size a body goes as text, for people to read. A larger one
// goes as base64, which takes half the time: nothing in it has to be escaped, as each
// "<" and ">" of a page would be, to six bytes.
const maxText = 1 << 10

// responseWriter is an http.ResponseWriter that keeps the answer until it is whole.
type responseWriter struct {
	header http.Header
	body   []byte

	// Set by the first WriteHeader: from then on what happens to header is too late.
	status  int
	sent    map[string]string
	sniff   bool // the handler leaves the content type to be found
	cookies int
}

// Header returns the header that WriteHeader will take.
func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader takes the status and the header as they are now. Only the first
// call counts. An informational status (1xx) has no way through FC and is ignored.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid status %d", status)) // as net/http's server does
	}
	if status < 200 {
		return
	}
	w.status = status
	w.sent = make(map[string]string, len(w.header)+1)
	for name, values := range w.header {
		name = http.CanonicalHeaderKey(name)
		if len(values) == 0 || isForbidden(name, values[0]) {
			continue
		}
		value := values[0]
		if name == "Set-Cookie" {
			w.cookies = len(values)
		} else if len(values) > 1 {
			value = strings.Join(values, ", ")
		}
		w.sent[name] = oneLine(value)
	}
	_, typed := w.header["Content-Type"] // nil counts: it is how a handler says "none"
	w.sniff = !typed && w.sent["Content-Encoding"] == ""
	if status == http.StatusNotModified {
		delete(w.sent, "Content-Type") // RFC 9110, 15.4.5; net/http does so too
	}
}

// Write adds to the body. It fails where the status allows none.
func (w *responseWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	w.body = append(w.body, p...)
	return len(p), nil
}

// finish returns what the handler has answered.
func (w *responseWriter) finish(method string) response {
	w.WriteHeader(http.StatusOK)
	body := w.body
	if w.sniff && len(body) > 0 {
		w.sent["Content-Type"] = http.DetectContentType(body)
	}
	if method == http.MethodHead {
		body = nil
	}
	r := response{StatusCode: w.status, Headers: w.sent}
	if len(body) > maxText || len(body) > 0 && w.sent["Content-Encoding"] != "" || !utf8.Valid(body) {
		r.IsBase64Encoded, r.Body = true, body
	} else {
		r.Body = string(body)
	}
	return r
}

// isForbidden reports whether FC takes no such response header from a function
// (Function Compute, "Web functions", response headers).
func isForbidden(name, value string) bool {
	switch name {
	case "Connection", "Content-Length", "Date", "Keep-Alive", "Server":
		return true
	case "Content-Disposition":
		kind, _, _ := strings.Cut(value, ";")
		return strings.EqualFold(strings.TrimSpace(kind), "attachment")
	}
	return isFC(name)
}

// oneLine keeps a value from starting a header of its own.
func oneLine(value string) string {
	return strings.ReplaceAll(strings.ReplaceAll(value, "\r", " "), "\n", " ")
}
