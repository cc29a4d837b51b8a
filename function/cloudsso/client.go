// Package cloudsso is the CloudSSO API (version 2021-05-15) as far as asking
// after tasks goes: where it is, the calls, and what the answers and error
// codes mean in terms of package task. The wire's names and times end here. No
// HTTP of this function's own, no page, no configuration and no memory of
// answers may enter.
package cloudsso

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"taskstatus/function/acs"
	"taskstatus/function/clock"
	"taskstatus/function/task"
)

const (
	// apiVersion is the version of the API, of which there is only one.
	apiVersion = "2021-05-15"

	// callTimeout bounds one call with its retries and the waits between them.
	// A reader waits for it.
	callTimeout = 4 * time.Second
	// exchangeTimeout bounds one attempt, its connecting included. CloudSSO
	// answers within some 100 ms: what takes longer than this counts as lost, and
	// a connection that swallowed the request must leave time for another.
	exchangeTimeout = 2500 * time.Millisecond

	// maxBody bounds an answer. A full page of ListTasks, the longest, has less than 20 KB.
	maxBody = 1 << 20

	// defaultAttempts is one try and two more: beyond that the caller's own "try
	// again later" is kinder to a service in trouble.
	defaultAttempts = 3
	// firstBackoff is the mean wait before the second attempt; before the
	// third it is backoffGrowth times as long. Both must leave a slow
	// attempt room within callTimeout.
	firstBackoff  = 100 * time.Millisecond
	backoffGrowth = 3
	// minExchange is the least time worth starting an attempt with: better to
	// say "throttled" now than "too slow" then.
	minExchange = 500 * time.Millisecond
)

// A Client calls the CloudSSO API. Make one with New, for the whole process:
// it keeps connections and TLS sessions. Set its fields before the first call;
// it is safe for use by several goroutines at once.
type Client struct {
	// Now is the clock that requests and answers are dated with.
	Now func() time.Time
	// Transport carries the requests. It must not follow redirects, which an
	// http.Client would.
	Transport http.RoundTripper
	// Attempts is how often a call is tried. Who asks again by himself needs but one.
	Attempts int
	// Observe, unless nil, is told of every HTTP exchange when it is over,
	// with the context of the call. Calls that run at the same time make it
	// run at the same time.
	Observe func(context.Context, acs.Call)

	scheme, host string
	keys         func(context.Context) (*acs.Keys, error)
	timeout      time.Duration
	sleep        func(context.Context, time.Duration) error
}

// New returns a client for an address as Endpoint gives it.
func New(endpoint string, credentials *acs.Credentials) *Client {
	scheme, host, _ := strings.Cut(endpoint, "://")
	return &Client{
		Now:       time.Now,
		Transport: acs.NewTransport(),
		Attempts:  defaultAttempts,
		scheme:    scheme,
		host:      host,
		keys:      credentials.Keys,
		timeout:   callTimeout,
		sleep:     clock.Sleep,
	}
}

// call asks CloudSSO and has its answer of HTTP 200 read; one that makes no
// sense to read is asked for again. The error is a *task.Error, or one that wraps
// context.Canceled where the caller gave up.
func (c *Client) call(ctx context.Context, action string, directory task.DirectoryID, query string, read func(*answer) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	keys, err := c.keys(ctx)
	if ctx.Err() != nil {
		return acs.Ended(ctx, action)
	}
	if err != nil {
		return err
	}
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		a, retry, err := c.exchange(ctx, acs.Call{Action: action, Attempt: attempt}, directory, query, keys)
		if err == nil {
			err, retry = read(a), true
		}
		if err == nil || !retry || attempt == c.Attempts {
			return err
		}
		// Half to one and a half of the mean, on top of what the answer asked
		// for: callers that were turned away together shall not return together.
		wait := backoff/2 + rand.N(backoff) // #nosec G404 -- no secret
		backoff *= backoffGrowth
		if e, ok := errors.AsType[*task.Error](err); ok {
			wait += e.RetryAfter
		}
		if deadline, _ := ctx.Deadline(); time.Until(deadline) < wait+minExchange {
			return err
		}
		if c.sleep(ctx, wait) != nil {
			return acs.Ended(ctx, action)
		}
	}
}

// exchange makes one attempt, with a date and a nonce of its own.
func (c *Client) exchange(ctx context.Context, call acs.Call, directory task.DirectoryID, query string, keys *acs.Keys) (a *answer, retry bool, err error) {
	started := c.Now()
	if c.Observe != nil {
		defer func() { c.Observe(ctx, call) }()
	}
	attempt, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	a, err = c.send(c.request(attempt, call.Action, query, keys, started))
	at := c.Now()
	call.Duration = at.Sub(started)
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, acs.Ended(ctx, call.Action)
		}
		e, retry := acs.TransportError(call.Action, err)
		if failed, ok := errors.AsType[*net.DNSError](err); ok && failed.IsNotFound {
			e.Detail = noSuchHost
		}
		return nil, retry, e
	}
	a.at = at
	call.Status, call.RequestID = a.status, a.requestID("")
	switch {
	case len(a.body) > maxBody:
		return nil, true, malformed(call.Action, "the answer has more than 1 MiB", call.RequestID)
	case a.status != http.StatusOK:
		f := a.failure()
		call.Code, call.RequestID = f.Code, f.RequestID
		e, retry := a.err(call.Action, directory, f, started)
		return nil, retry, e
	}
	return a, false, nil
}

// What every request has in its header. Nobody changes them.
var (
	accept    = []string{"application/json"}
	userAgent = []string{"cloudsso-task-status"}
)

// request returns a signed request. It is a GET, which CloudSSO takes like a
// POST, because the transport itself sends a GET again when a connection that
// it kept turns out to be dead.
func (c *Client) request(ctx context.Context, action, query string, keys *acs.Keys, now time.Time) *http.Request {
	signed := acs.Request{
		Method: http.MethodGet, Host: c.host, Path: "/", Query: query,
		Action: action, Version: apiVersion, Time: now,
	}
	header := signed.Sign(keys)
	header["Accept"] = accept
	header["User-Agent"] = userAgent
	r := &http.Request{
		Method: signed.Method,
		URL:    &url.URL{Scheme: c.scheme, Host: c.host, Path: signed.Path, RawQuery: query},
		Host:   c.host,
		Header: header,
	}
	return r.WithContext(ctx)
}

// send returns the answer, of a body that is too long one byte more than is
// allowed; the rest is not read, and the connection is closed for it.
func (c *Client) send(r *http.Request) (*answer, error) {
	response, err := c.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	return &answer{status: response.StatusCode, header: response.Header, body: body}, nil
}
