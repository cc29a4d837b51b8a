package trigger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// httpVersion is the one version of HTTP trigger events there is.
const httpVersion = "v1"

// maxHTTPEvent is more than an event has whose body anybody takes here: 64 KB, or
// six times that where JSON escapes all of it, and the header. Of a larger one
// nothing is copied: Function Compute would take 32 MB, of which several copies would
// be more than the instance has.
const maxHTTPEvent = 512 << 10

// httpFrame is an HTTP trigger event without its headers and query (Function
// Compute, "Invoke a function by using an HTTP trigger", request event).
// Fields that nothing here needs are left out, so that no type of theirs can matter.
type httpFrame struct {
	Version         string      `json:"version"`
	RawPath         string      `json:"rawPath"`
	Body            string      `json:"body"`
	IsBase64Encoded bool        `json:"isBase64Encoded"`
	RequestContext  httpContext `json:"requestContext"`
}

type httpContext struct {
	DomainName string `json:"domainName"`
	RequestID  string `json:"requestId"`
	HTTP       struct {
		Method   string `json:"method"`
		Path     string `json:"path"`
		Protocol string `json:"protocol"`
		SourceIP string `json:"sourceIp"`
	} `json:"http"`
}

// httpEvent is an HTTP trigger event. FC joins the values of a repeated header
// or parameter with commas.
type httpEvent struct {
	httpFrame
	Headers         map[string]string `json:"headers"`
	QueryParameters map[string]string `json:"queryParameters"`

	// malformed is why the event cannot be made a request of, if it cannot.
	malformed error
	// oversized events have only a version and a context.
	oversized bool
}

// parseHTTP returns nil unless data is an HTTP trigger event of the known
// version. An event that is, but has fields of wrong types, is returned as malformed.
func parseHTTP(data []byte) *httpEvent {
	if len(data) > maxHTTPEvent {
		ev := &httpEvent{oversized: true}
		var head struct {
			Version        string      `json:"version"`
			RequestContext httpContext `json:"requestContext"`
		}
		_ = json.Unmarshal(data, &head) // what is of another type stays empty
		if ev.Version, ev.RequestContext = head.Version, head.RequestContext; ev.Version != httpVersion {
			return nil
		}
		return ev
	}
	ev, plain := readPlain(data)
	var err error
	if !plain {
		ev = new(httpEvent)
		err = json.Unmarshal(data, ev)
	}
	if ev.Version != httpVersion {
		return nil
	}
	if err != nil {
		// A wrong type. Only in headers and parameters can one be made sense of.
		var loose struct {
			Headers         map[string]json.RawMessage `json:"headers"`
			QueryParameters map[string]json.RawMessage `json:"queryParameters"`
		}
		inFrame, inMaps := decode(data, &ev.httpFrame), decode(data, &loose)
		var inHeaders, inQuery error
		ev.Headers, inHeaders = joinValues(loose.Headers)
		ev.QueryParameters, inQuery = joinValues(loose.QueryParameters)
		ev.malformed = cmp.Or(inFrame, inMaps, inHeaders, inQuery)
	}
	return ev
}

// joinValues takes lists, numbers and booleans for the text that FC would make of them.
func joinValues(values map[string]json.RawMessage) (map[string]string, error) {
	joined := make(map[string]string, len(values))
	for name, raw := range values {
		var text string
		var list []string
		switch {
		case json.Unmarshal(raw, &text) == nil:
		case json.Unmarshal(raw, &list) == nil:
			text = strings.Join(list, ",")
		case raw[0] == '{' || raw[0] == '[':
			return nil, invalid("a header or query parameter is neither text nor a list of texts")
		default:
			text = string(raw)
		}
		joined[name] = text
	}
	return joined, nil
}

// request returns the HTTP request that the event stands for.
func (ev *httpEvent) request(ctx context.Context, requestID string) (*http.Request, error) {
	if ev.malformed != nil {
		return nil, ev.malformed
	}
	about := &ev.RequestContext
	uri := ev.RawPath
	if uri == "" {
		uri = (&url.URL{Path: about.HTTP.Path}).EscapedPath()
	}
	// Path and query come apart: a question mark in the path is not their border,
	// and a comma in a parameter cannot be told from a repeated one.
	uri = strings.ReplaceAll(cmp.Or(uri, "/"), "?", "%3F")
	if len(ev.QueryParameters) > 0 {
		query := make(url.Values, len(ev.QueryParameters))
		for name, value := range ev.QueryParameters {
			query[name] = []string{value}
		}
		uri += "?" + query.Encode()
	}
	target, err := url.ParseRequestURI(uri)
	if err != nil || uri[0] != '/' {
		return nil, invalid("the request's path is not a URL path")
	}

	var body io.ReadCloser = http.NoBody
	size := len(ev.Body)
	if ev.IsBase64Encoded && size > 0 {
		decoded, err := base64.StdEncoding.DecodeString(ev.Body)
		if err != nil {
			return nil, invalid("the request's body is not the base64 that the event says it is")
		}
		body, size = io.NopCloser(bytes.NewReader(decoded)), len(decoded)
	} else if size > 0 {
		body = io.NopCloser(strings.NewReader(ev.Body))
	}

	protocol := about.HTTP.Protocol
	major, minor, ok := http.ParseHTTPVersion(protocol)
	if !ok {
		protocol, major, minor = "HTTP/1.1", 1, 1
	}
	header := canonicalHeader(ev.Headers)
	header.Set("X-Fc-Request-Id", requestID)
	host := cmp.Or(header.Get("Host"), about.DomainName)
	header.Del("Host") // as net/http's server has it
	return (&http.Request{
		Method:        strings.ToUpper(cmp.Or(about.HTTP.Method, http.MethodGet)),
		URL:           target,
		RequestURI:    uri,
		Proto:         protocol,
		ProtoMajor:    major,
		ProtoMinor:    minor,
		Header:        header,
		Host:          host,
		RemoteAddr:    net.JoinHostPort(about.HTTP.SourceIP, "0"), // FC does not give the port
		Body:          body,
		ContentLength: int64(size),
	}).WithContext(ctx), nil
}

// canonicalHeader leaves out every X-Fc-* header: those are FC's, and one that
// comes with a request may be the caller's invention.
func canonicalHeader(fields map[string]string) http.Header {
	header := make(http.Header, len(fields)+1)
	values := make([]string, 0, len(fields)) // of all of them, in one piece
	for name, value := range fields {
		if isFC(name) {
			continue
		}
		name = http.CanonicalHeaderKey(name)
		if earlier, ok := header[name]; ok {
			header[name] = append(earlier, value)
			slices.Sort(header[name]) // names that differ in letter case only have no order
			continue
		}
		values = append(values, value)
		header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	return header
}

// isFC reports whether a header's name is one that FC reserves.
func isFC(name string) bool {
	const prefix = "X-Fc-"
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}
