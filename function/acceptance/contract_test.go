package acceptance

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// An exchange is a request and what was answered to it, as function/local -record
// and the tests of function/site write it.
type exchange struct {
	Method         string      `json:"method"`
	Target         string      `json:"target"`
	Header         http.Header `json:"header"`
	Body           []byte      `json:"body"`
	Status         int         `json:"status"`
	ResponseHeader http.Header `json:"responseHeader"`
	ResponseBody   []byte      `json:"responseBody"`
}

func (e exchange) String() string {
	return fmt.Sprintf("%s %.300s %v %.300q\nanswered %d %v\n%.1000s", e.Method, e.Target, e.Header, e.Body, e.Status, e.ResponseHeader, e.ResponseBody)
}

// A contract is web/openapi.yaml.
type contract struct {
	document *openapi3.T
	paths    []contractPath // the more definite ones first
}

type contractPath struct {
	template string
	pattern  *regexp.Regexp
	item     *openapi3.PathItem
}

var readContract = sync.OnceValues(func() (*contract, error) {
	text, err := os.ReadFile(filepath.Join("..", "..", "web", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	return newContract(text)
})

func theContract(t *testing.T) *contract {
	t.Helper()
	c, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newContract(text []byte) (*contract, error) {
	for _, media := range []string{"text/html", "text/css", "text/javascript", "image/svg+xml"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.PlainBodyDecoder)
	}
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	if err := document.Validate(context.Background()); err != nil {
		return nil, err
	}
	c := &contract{document: document}
	for template, item := range document.Paths.Map() {
		pattern := regexp.MustCompile(`\\\{(\w+)\\\}`).ReplaceAllString(regexp.QuoteMeta(template), `(?P<$1>[^/]+)`)
		c.paths = append(c.paths, contractPath{template, regexp.MustCompile("^" + pattern + "$"), item})
	}
	slices.SortFunc(c.paths, func(a, b contractPath) int {
		if n := strings.Count(a.template, "{") - strings.Count(b.template, "{"); n != 0 {
			return n
		}
		return len(b.template) - len(a.template)
	})
	return c, nil
}

// at returns the path of the contract that a path is of, and its parameters; nil for none.
func (c *contract) at(path string) (*contractPath, map[string]string) {
	for i := range c.paths {
		p := &c.paths[i]
		if found := p.pattern.FindStringSubmatch(path); found != nil {
			parameters := make(map[string]string)
			for i, name := range p.pattern.SubexpNames() {
				if name != "" {
					parameters[name] = found[i]
				}
			}
			return p, parameters
		}
	}
	return nil, nil
}

// A place is what of the contract an exchange is of.
type place struct {
	template string // empty for a path that is not in it
	method   string
	status   int
}

func (p place) String() string { return fmt.Sprintf("%s %s %d", p.method, p.template, p.status) }

// check returns where the exchange is in the contract, and what it has against it.
func (c *contract) check(e exchange) (place, error) {
	target, err := url.ParseRequestURI(e.Target)
	if err != nil {
		return place{}, err
	}
	at, parameters := c.at(target.Path)
	where := place{method: e.Method, status: e.Status}
	if at == nil {
		return where, c.checkOutside(e, nil)
	}
	where.template = at.template
	operation := at.item.GetOperation(e.Method)
	if operation == nil {
		return where, c.checkOutside(e, at.item)
	}
	response := operation.Responses.Status(e.Status)
	if response == nil && e.Status == http.StatusRequestEntityTooLarge {
		return where, c.checkOutside(e, at.item)
	}
	if response == nil {
		return where, fmt.Errorf("the status is not described")
	}
	if err := c.checkResponse(e, response.Value); err != nil {
		return where, err
	}
	switch err := c.checkRequest(e, at, operation, target, parameters); {
	case err == nil, e.Status >= 400 && e.Status < 500:
		return where, nil
	case e.Status == http.StatusServiceUnavailable && bytes.Contains(e.ResponseBody, []byte("/problems/unconfigured")):
		return where, nil // nothing is looked at before that
	case e.Status < 400:
		return where, fmt.Errorf("the request is taken, but the contract calls it wrong: %w", err)
	default:
		return where, fmt.Errorf("the contract calls the request wrong, which is to be told so: %w", err)
	}
}

// checkOutside is for paths and methods that are not in the contract: what it says of
// all of them.
func (c *contract) checkOutside(e exchange, item *openapi3.PathItem) error {
	all := c.document.Components.Responses
	name, problem := "Problem", ""
	switch {
	case e.Status == http.StatusNoContent && e.Method == http.MethodOptions && item == nil:
		name = "Allowed"
	case e.Status == http.StatusMethodNotAllowed:
		problem = "method-not-allowed"
	case e.Status == http.StatusNotFound:
		problem = "no-such-page"
	case e.Status == http.StatusRequestEntityTooLarge:
		problem = "too-large"
	case e.Status == http.StatusRequestHeaderFieldsTooLarge:
		problem = "header-too-large"
	default:
		return errors.New("there is no such path and method")
	}
	described := *all[name].Value
	if e.Status == http.StatusMethodNotAllowed {
		described.Headers = openapi3.Headers{"Allow": all["Allowed"].Value.Headers["Allow"]}
		for name, header := range all["Problem"].Value.Headers {
			described.Headers[name] = header
		}
	}
	if err := c.checkResponse(e, &described); err != nil {
		return err
	}
	if mediaType(e.ResponseHeader) == "application/problem+json" && e.Method != http.MethodHead && !bytes.Contains(e.ResponseBody, []byte(`"/problems/`+problem+`"`)) {
		return fmt.Errorf("it is another problem than %s", problem)
	}
	allowed, everything := e.ResponseHeader.Get("Allow"), "GET, HEAD, OPTIONS, POST"
	if allowed == "" {
		return nil
	}
	want := everything
	if item != nil {
		var methods []string
		for method := range item.Operations() {
			methods = append(methods, method)
		}
		slices.Sort(methods)
		want = strings.Join(methods, ", ")
	}
	// An address that is not configured is like one that there is not.
	if allowed != want && allowed != everything {
		return fmt.Errorf("Allow is %s, want %s", allowed, want)
	}
	return nil
}

// ours are the headers that every answer may have; the contract names them in its description.
var ours = []string{
	"Content-Type", "Content-Length", "Date",
	"Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy", "Referrer-Policy",
	"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "X-Robots-Tag",
}

// checkResponse holds an answer to its description: kin-openapi does for values, but
// lets through headers that are not described, and all of HEAD and 304.
func (c *contract) checkResponse(e exchange, described *openapi3.Response) error {
	for name := range e.ResponseHeader {
		// What else begins so is Function Compute's, which lets no function send it.
		named := slices.Contains(ours, name) || strings.HasPrefix(name, "X-Fc-")
		for described := range described.Headers {
			named = named || strings.EqualFold(name, described)
		}
		if !named {
			return fmt.Errorf("the header %s is not described", name)
		}
	}
	for _, name := range ours[3:] {
		if e.ResponseHeader.Get(name) == "" {
			return fmt.Errorf("the header %s is missing", name)
		}
	}
	body, contentType := e.ResponseBody, mediaType(e.ResponseHeader)
	if e.ResponseHeader.Get("Content-Encoding") == "gzip" && len(body) > 0 {
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return err
		}
		if body, err = io.ReadAll(r); err != nil {
			return err
		}
	}
	_, mayBeEmpty := described.Extensions["x-may-be-empty"]
	empty := len(described.Content) == 0 || mayBeEmpty && contentType == ""
	switch {
	case empty && (contentType != "" || len(body) > 0):
		return fmt.Errorf("there is a body, %q of %d bytes, and none is described", contentType, len(body))
	case !empty && e.Method == http.MethodHead && (len(body) > 0 || described.Content[contentType] == nil):
		return fmt.Errorf("to HEAD a body of %d bytes, or of the type %q, is not described", len(body), contentType)
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: &http.Request{Method: http.MethodGet},
			Route: &routers.Route{Spec: c.document, Operation: &openapi3.Operation{
				Responses: openapi3.NewResponses(openapi3.WithStatus(http.StatusOK, &openapi3.ResponseRef{Value: described})),
			}},
		},
		Status:  http.StatusOK, // under which it is described there, whatever it is
		Header:  e.ResponseHeader,
		Options: briefly(&openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: empty || e.Method == http.MethodHead}),
	}
	input.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		return err
	}
	if contentType == "application/problem+json" && e.Method != http.MethodHead {
		var problem struct{ Status int }
		if err := json.Unmarshal(body, &problem); err != nil || problem.Status != e.Status {
			return fmt.Errorf("the problem's status is %d (%v)", problem.Status, err)
		}
	}
	return nil
}

func mediaType(header http.Header) string {
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return media
}

// checkRequest says what the contract finds wrong with a request.
func (c *contract) checkRequest(e exchange, at *contractPath, operation *openapi3.Operation, target *url.URL, inPath map[string]string) error {
	unread := operation.Extensions["x-read-with-id"]
	if target.Query().Has("id") {
		unread = operation.Extensions["x-read-without-id"]
	}
	ignored, _ := unread.([]any)
	read := *operation
	read.Parameters = slices.DeleteFunc(slices.Clone(operation.Parameters), func(p *openapi3.ParameterRef) bool {
		return slices.Contains(ignored, any(p.Value.Name))
	})
	request, err := http.NewRequest(e.Method, "http://localhost"+target.RequestURI(), bytes.NewReader(e.Body))
	if err != nil {
		return err
	}
	request.URL, request.Header = target, e.Header.Clone()
	return openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: request, PathParams: inPath, QueryParams: target.Query(),
		Route:   &routers.Route{Spec: c.document, Path: at.template, PathItem: at.item, Method: e.Method, Operation: &read},
		Options: briefly(&openapi3filter.Options{SkipSettingDefaults: true, AuthenticationFunc: proves}),
	})
}

// briefly has errors say what is wrong and where, without the whole schema.
func briefly(o *openapi3filter.Options) *openapi3filter.Options {
	o.WithCustomSchemaErrorFunc(func(err *openapi3.SchemaError) string {
		if err.Origin != nil {
			return err.Origin.Error()
		}
		return fmt.Sprintf("at /%s: %s", strings.Join(err.JSONPointer(), "/"), err.Reason)
	})
	return o
}

// proves reports an error where a request does not even try to prove what a scheme
// asks for. Whether it does, the function knows.
func proves(_ context.Context, input *openapi3filter.AuthenticationInput) error {
	request, scheme := input.RequestValidationInput.Request, input.SecurityScheme
	var value string
	switch {
	case scheme.Type == "http":
		value = request.Header.Get("Authorization")
	case scheme.In == "header":
		value = request.Header.Get(scheme.Name)
	case scheme.In == "query":
		value = request.URL.Query().Get(scheme.Name)
	case scheme.In == "cookie":
		if cookie, err := request.Cookie(scheme.Name); err == nil {
			value = cookie.Value
		}
	}
	if value == "" {
		return fmt.Errorf("there is no %s", input.SecuritySchemeName)
	}
	return nil
}

// described are all the places of the contract. HEAD is answered as GET is, and OPTIONS
// in one way: of those one status is enough, which is 0.
func (c *contract) described() []place {
	var places []place
	for _, at := range c.paths {
		for method, operation := range at.item.Operations() {
			if method == http.MethodHead || method == http.MethodOptions {
				places = append(places, place{at.template, method, 0})
				continue
			}
			for status := range operation.Responses.Map() {
				n, _ := strconv.Atoi(status)
				places = append(places, place{at.template, method, n})
			}
		}
	}
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(a.String(), b.String()) })
	return places
}
