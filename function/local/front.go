package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// FC's limits for HTTP triggers.
const (
	maxRequestHeaders  = 8 << 10 // names and values together
	maxRequestPath     = 4 << 10 // with the query
	maxRequestBody     = 32 << 20
	maxResponseHeaders = 8 << 10
)

// triggerMethods are those that the deployed trigger lets through.
var triggerMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions}

// An httpEvent is what an HTTP trigger makes of a request, version v1.
type httpEvent struct {
	Version         string            `json:"version"`
	RawPath         string            `json:"rawPath"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	Headers         map[string]string `json:"headers"`
	QueryParameters map[string]string `json:"queryParameters"`
	RequestContext  requestContext    `json:"requestContext"`
}

// A requestContext is the part of an httpEvent that FC adds.
type requestContext struct {
	AccountID    string      `json:"accountId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	Time         string      `json:"time"`
	TimeEpoch    string      `json:"timeEpoch"` // milliseconds, as a string
}

// An httpContext is what a requestContext says of the request line and the peer.
type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"` // decoded, unlike RawPath
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// A httpResult is what a function answers to an httpEvent. What FC does when
// a member is absent is not documented, so this stand-in demands all four.
type httpResult struct {
	StatusCode      *int              `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	IsBase64Encoded *bool             `json:"isBase64Encoded"`
	Body            *string           `json:"body"`
}

// A front is the HTTP trigger: it turns requests into events and the
// function's answers into responses.
type front struct {
	function *function
	queue    *queue // for requests that say that nobody waits
	now      func() time.Time
	recorder *recorder // nil: nothing is recorded
}

// ServeHTTP answers a request with what the function makes of it.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := invocationID(f.now())
	w.Header().Set("X-Fc-Request-Id", requestID)
	event, refusal := f.event(w, r, requestID)
	if refusal != nil {
		refusal.write(w, requestID)
		return
	}
	payload, err := json.Marshal(event)
	if err != nil {
		log.Panicf("marshal an HTTP event: %v", err) // strings always marshal
	}
	if f.queue.take(w, r, requestID, payload) {
		return
	}
	end, err := f.function.invoke(r.Context(), &invocation{requestID: requestID, payload: payload, wantsLog: wantsLog(r)})
	setLog(w, end)
	switch {
	case err != nil:
		(&fcError{http.StatusInternalServerError, "InternalServerError", err.Error()}).write(w, requestID)
	case end.ending == succeeded:
		answered := &answered{ResponseWriter: w}
		if err := writeResult(answered, end.payload); err != nil {
			(&fcError{http.StatusBadGateway, "BadResponse", err.Error()}).write(w, requestID)
		} else if f.recorder != nil {
			f.recorder.add(r, event, answered)
		}
	default:
		// The header and the body are documented, the status is not.
		status := http.StatusBadGateway
		if end.ending == timedOut {
			status = http.StatusGatewayTimeout
		}
		w.Header().Set("X-Fc-Error-Type", unhandledError)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write(end.payload)
	}
}

// event returns the event for a request, or FC's refusal of it.
func (f *front) event(w http.ResponseWriter, r *http.Request, requestID string) (httpEvent, *fcError) {
	if !slices.Contains(triggerMethods, r.Method) {
		return httpEvent{}, &fcError{http.StatusForbidden, "AccessDenied", "the trigger does not allow the method " + r.Method}
	}
	if len(r.RequestURI) > maxRequestPath {
		return httpEvent{}, &fcError{http.StatusBadRequest, "InvalidArgument", "the path with its query is longer than 4 KB"}
	}
	size := len("Host") + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if size > maxRequestHeaders {
		return httpEvent{}, &fcError{http.StatusBadRequest, "InvalidArgument", "the headers are larger than 8 KB"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return httpEvent{}, &fcError{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the body is larger than 32 MB"}
	}
	if err != nil {
		return httpEvent{}, &fcError{http.StatusBadRequest, "InvalidArgument", "the body ended early"}
	}

	now := f.now().UTC()
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	prefix, _, _ := strings.Cut(host, ".")
	sourceIP, _, _ := net.SplitHostPort(r.RemoteAddr)
	event := httpEvent{
		Version:         "v1",
		RawPath:         r.URL.EscapedPath(),
		Body:            string(body),
		Headers:         map[string]string{"Host": r.Host},
		QueryParameters: joined(r.URL.Query()),
		RequestContext: requestContext{
			AccountID:    accountID,
			DomainName:   host,
			DomainPrefix: prefix,
			HTTP: httpContext{
				Method:    r.Method,
				Path:      r.URL.Path,
				Protocol:  r.Proto,
				SourceIP:  sourceIP,
				UserAgent: r.UserAgent(),
			},
			RequestID: requestID,
			Time:      now.Format(timeLayout),
			TimeEpoch: strconv.FormatInt(now.UnixMilli(), 10),
		},
	}
	// Which bodies count as binary is not documented: what JSON cannot carry must.
	if !utf8.Valid(body) {
		event.Body = base64.StdEncoding.EncodeToString(body)
		event.IsBase64Encoded = true
	}
	for name, value := range joined(r.Header) {
		if !droppedRequestHeader(name) {
			event.Headers[name] = value
		}
	}
	return event, nil
}

// joined makes one string of several values: an event can carry no more.
func joined(values map[string][]string) map[string]string {
	single := make(map[string]string, len(values))
	for name, list := range values {
		single[name] = strings.Join(list, ",")
	}
	return single
}

// droppedRequestHeader reports whether FC keeps a header from the function.
func droppedRequestHeader(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "x-fc-") || name == "connection" || name == "keep-alive"
}

// droppedResponseHeader reports whether FC does not let the function send a header.
func droppedResponseHeader(name, value string) bool {
	switch name = strings.ToLower(name); name {
	case "connection", "content-length", "date", "keep-alive", "server":
		return true
	case "content-disposition":
		return strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "attachment")
	default:
		return strings.HasPrefix(name, "x-fc-")
	}
}

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// writeResult turns a function's answer into a response. It writes nothing
// when it returns an error.
func writeResult(w http.ResponseWriter, payload []byte) error {
	var result httpResult
	if err := json.Unmarshal(payload, &result); err != nil {
		return fmt.Errorf("the function's answer is not a response object: %w", err)
	}
	switch {
	case result.StatusCode == nil:
		return errors.New("the response object has no statusCode")
	case *result.StatusCode < 200 || *result.StatusCode > 599:
		return fmt.Errorf("the response object has statusCode %d", *result.StatusCode)
	case result.Headers == nil:
		return errors.New("the response object has no headers")
	case result.IsBase64Encoded == nil:
		return errors.New("the response object has no isBase64Encoded")
	case result.Body == nil:
		return errors.New("the response object has no body")
	}
	size := 0
	for name, value := range result.Headers {
		if !headerName.MatchString(name) || strings.ContainsFunc(value, unicode.IsControl) {
			return fmt.Errorf("the response object has a bad header %q", name)
		}
		size += len(name) + len(value)
	}
	if size > maxResponseHeaders {
		return fmt.Errorf("the response headers have %d bytes: 8 KB are allowed", size)
	}
	body := []byte(*result.Body)
	if *result.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(*result.Body); err != nil {
			return fmt.Errorf("decode the response body: %w", err)
		}
	}
	// No guess at a content type that the function did not name.
	w.Header()["Content-Type"] = nil
	for name, value := range result.Headers {
		if !droppedResponseHeader(name, value) {
			w.Header().Set(name, value)
		}
	}
	w.WriteHeader(*result.StatusCode)
	w.Write(body) // the server leaves out the body where HTTP has none
	return nil
}

// unhandledError is FC's name for an invocation that ended in an error.
const unhandledError = "UnhandledInvocationError"

// A fcError is a refusal by FC itself, before or after the function ran.
type fcError struct {
	status  int
	code    string
	message string
}

func (e *fcError) write(w http.ResponseWriter, requestID string) {
	writeJSON(w, e.status, map[string]string{"RequestId": requestID, "Code": e.code, "Message": e.message})
}

// writeJSON answers with a value that always marshals.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.Encode(value)
}
