// Package invoke lets the function invoke a function of its own account, most
// often itself, without waiting for it: InvokeFunction of Function Compute's
// API (version 2023-03-30), asynchronously. What the payload means is for who
// sends and who receives it to know.
package invoke

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"taskstatus/function/acs"
	"taskstatus/function/task"
)

const (
	action     = "InvokeFunction"
	apiVersion = "2023-03-30"

	// maxPayload is the most that an asynchronous invocation can carry
	// (Function Compute, "Limits").
	maxPayload = 128 << 10
	// maxDelay is the longest that Function Compute puts an invocation off
	// (Function Compute, "Asynchronous invocation").
	maxDelay = time.Hour

	// callTimeout bounds the whole call. Someone in a chat waits for it, and the
	// chat itself does not wait long.
	callTimeout = time.Second
	// maxAttempts is one try, and another where the connection was lost before
	// an answer. Should the first have come through after all, the function is
	// invoked twice, which asynchronous invocation never rules out.
	maxAttempts = 2
	// maxBody is how much of an answer is read. An error has less than 2 KB.
	maxBody = 64 << 10
	// maxNameLength and maxAccountLength are beyond any function's name and any account id.
	maxNameLength    = 64
	maxAccountLength = 20
)

// A Client invokes functions. Make one with New, for the whole process: it
// keeps connections and TLS sessions. Set its fields before the first call; it
// is safe for use by several goroutines at once.
type Client struct {
	// Now is the clock that requests are dated with.
	Now func() time.Time
	// Transport carries the requests. It must not follow redirects, which an
	// http.Client would.
	Transport http.RoundTripper
	// Observe, unless nil, is told of every HTTP exchange when it is over, with
	// the context of the call. One that went well has the status 202.
	Observe func(context.Context, acs.Call)

	endpoint string
	keys     func(context.Context) (*acs.Keys, error)
	timeout  time.Duration
}

// A Target is a function to invoke.
type Target struct {
	AccountID string
	Region    string
	// Function is the function's name.
	Function string
}

// Endpoint reads the value of CHECK_ENDPOINT, an address of Function Compute
// other than the public one: an https address or a bare host, without a path;
// plain http is taken for loopback only. Nothing stays nothing. An error names
// the variable and never repeats the value.
func Endpoint(value string) (string, error) {
	if value == "" {
		return "", nil
	}
	return acs.ParseEndpoint("CHECK_ENDPOINT", value, "https://1234567890123456.cn-shanghai-internal.fc.aliyuncs.com")
}

// New returns a client for an address as Endpoint gives it; where it is empty,
// for the public address of each target's account and region. The credentials
// must be those of the account itself.
func New(endpoint string, credentials *acs.Credentials) *Client {
	return &Client{
		Now:       time.Now,
		Transport: acs.NewTransport(),
		endpoint:  endpoint,
		keys:      credentials.Keys,
		timeout:   callTimeout,
	}
}

// InvokeAsync has the function invoked with the payload, which is JSON, after the
// delay, of which Function Compute says that it may be off. It returns when
// Function Compute has taken the invocation over; what comes of it is not
// learnt here. The error is a *task.Error with a detail, or wraps
// context.Canceled where the caller gave up.
func (c *Client) InvokeAsync(ctx context.Context, to Target, payload []byte, delay time.Duration) error {
	return detailed(c.invoke(ctx, to, payload, delay))
}

func (c *Client) invoke(ctx context.Context, to Target, payload []byte, delay time.Duration) error {
	address, err := c.address(to)
	switch {
	case err != nil:
		return err
	case len(payload) > maxPayload:
		return &task.Error{Kind: task.Invalid, Detail: tooLarge}
	case delay > maxDelay:
		return &task.Error{Kind: task.Invalid, Detail: tooLate}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	keys, err := c.keys(ctx)
	if ctx.Err() != nil {
		return acs.Ended(ctx, action)
	}
	if err != nil {
		return err
	}
	r := request{address, "/" + apiVersion + "/functions/" + to.Function + "/invocations", payload, delay}
	for attempt := 1; ; attempt++ {
		lost, err := c.exchange(ctx, attempt, r, keys)
		if !lost || attempt == maxAttempts {
			return err
		}
	}
}

// address returns where the API is that has the target. What is wrong with a
// target is said in the log, without the value.
func (c *Client) address(to Target) (string, error) {
	switch {
	case !IsFunctionName(to.Function):
		return "", unknownTarget("the function's name")
	case c.endpoint != "":
		return c.endpoint, nil
	case to.AccountID == "" || len(to.AccountID) > maxAccountLength || strings.Trim(to.AccountID, "0123456789") != "":
		return "", unknownTarget("the account id")
	case !acs.IsRegion(to.Region):
		return "", unknownTarget("the region")
	}
	return "https://" + to.AccountID + "." + to.Region + ".fc.aliyuncs.com", nil
}

// IsFunctionName reports whether a function can have the name: a letter or an
// underscore, then letters, digits, underscores and dashes, 64 in all. What
// passes is the same in a URL.
func IsFunctionName(s string) bool {
	if s == "" || len(s) > maxNameLength {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}

// A request is what stays the same from one attempt to the next.
type request struct {
	address, path string
	payload       []byte
	delay         time.Duration
}

// exchange makes one attempt, with a date and a nonce of its own, and reports
// whether it was lost before an answer came.
func (c *Client) exchange(ctx context.Context, attempt int, r request, keys *acs.Keys) (lost bool, err error) {
	started := c.Now()
	call := acs.Call{Action: action, Attempt: attempt}
	if c.Observe != nil {
		defer func() {
			call.Duration = c.Now().Sub(started)
			c.Observe(ctx, call)
		}()
	}
	a, err := c.send(ctx, r, keys, started)
	switch {
	case err != nil && ctx.Err() != nil:
		return false, acs.Ended(ctx, action)
	case err != nil:
		e, lost := acs.TransportError(action, err)
		return lost, e
	}
	f := a.failure()
	call.Status, call.RequestID = a.status, f.RequestID
	if a.status == http.StatusAccepted {
		return false, nil
	}
	call.Code = f.Code
	return false, a.err(f)
}

// send posts the payload and returns the answer. Once there is a status the
// rest of an answer is welcome, but not needed.
func (c *Client) send(ctx context.Context, r request, keys *acs.Keys, now time.Time) (*answer, error) {
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, r.address+r.path, bytes.NewReader(r.payload))
	if err != nil {
		return nil, err
	}
	signed := acs.Request{
		Method: post.Method, Host: post.Host, Path: r.path, Action: action, Version: apiVersion,
		Time: now, ContentType: "application/json", Body: r.payload,
	}
	// The fields of Function Compute's own need no signature.
	post.Header = signed.Sign(keys)
	post.Header["Accept"] = []string{"application/json"}
	post.Header["User-Agent"] = []string{"cloudsso-task-status"}
	post.Header["X-Fc-Invocation-Type"] = []string{"Async"}
	if r.delay > 0 {
		seconds := (r.delay + time.Second - 1) / time.Second
		post.Header["X-Fc-Async-Delay"] = []string{strconv.FormatInt(int64(seconds), 10)}
	}
	response, err := c.Transport.RoundTrip(post)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxBody))
	return &answer{response.StatusCode, response.Header, body}, nil
}
