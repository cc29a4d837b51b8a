// Package cloudsso is the CloudSSO API (version 2021-05-15) as far as asking
// after tasks goes: where it is, with whose credentials and how a call is
// signed, the calls, and what the answers and error codes mean in terms of
// package task. The wire's names and times end here. No HTTP of this
// function's own, no page, no configuration and no memory of answers may enter.
package cloudsso

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

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
	// connectTimeout bounds name look-up and TCP connect, and again the TLS
	// handshake. A lost packet, sent again after a second (RFC 6298), fits in.
	connectTimeout = 2 * time.Second
	// idleTimeout is how long an unused connection is worth keeping. The
	// transport compares it by the wall clock when it is about to reuse one, so
	// a connection that died while Function Compute had the instance frozen is
	// not reused, although no timer ran meanwhile.
	idleTimeout = 30 * time.Second
	// maxIdle is how many calls a bulk look-up makes at a time: fewer idle
	// connections would have it dial and shake hands over and over.
	maxIdle = 8

	// maxBody bounds an answer. A full page of ListTasks, the longest, has less than 20 KB.
	maxBody = 1 << 20
	// maxHeader bounds an answer's header.
	maxHeader = 64 << 10

	// maxAttempts is one try and two more: beyond that the caller's own "try
	// again later" is kinder to a service in trouble.
	maxAttempts = 3
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
	// Observe, unless nil, is told of every HTTP exchange when it is over,
	// with the context of the call. Calls that run at the same time make it
	// run at the same time.
	Observe func(context.Context, Call)

	scheme, host string
	credentials  *Credentials
	timeout      time.Duration
	sleep        func(context.Context, time.Duration) error
}

// A Call is one HTTP exchange with CloudSSO, for the log.
type Call struct {
	// Action is the API operation.
	Action string
	// Attempt counts from 1; from 2 on they are retries.
	Attempt int
	// Status is the HTTP status; 0 if no answer came.
	Status int
	// Code is CloudSSO's error code; empty where it gave none or not one that can be one.
	Code string
	// RequestID is CloudSSO's id of the request, where known.
	RequestID string
	// Duration is from before the request to after the answer's last byte.
	Duration time.Duration
}

// New returns a client for an address as Endpoint gives it.
func New(endpoint string, credentials *Credentials) *Client {
	scheme, host, _ := strings.Cut(endpoint, "://")
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &Client{
		Now: time.Now,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout:    connectTimeout,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
			Protocols:              protocols,
			IdleConnTimeout:        idleTimeout,
			MaxIdleConnsPerHost:    maxIdle,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // answers are small, and none shall unpack to more than was counted
		},
		scheme:      scheme,
		host:        host,
		credentials: credentials,
		timeout:     callTimeout,
		sleep:       sleep,
	}
}

// call asks CloudSSO and has its answer of HTTP 200 read; one that makes no
// sense to read is asked for again. The error is a *task.Error, or one that wraps
// context.Canceled where the caller gave up.
func (c *Client) call(ctx context.Context, action string, directory task.DirectoryID, query string, read func(*answer) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	signer, err := c.credentials.keys(ctx)
	if ctx.Err() != nil {
		return ended(ctx, action)
	}
	if err != nil {
		return err
	}
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		a, retry, err := c.exchange(ctx, Call{Action: action, Attempt: attempt}, directory, query, signer)
		if err == nil {
			err, retry = read(a), true
		}
		if err == nil || !retry || attempt == maxAttempts {
			return err
		}
		// Half to one and a half of the mean, on top of what the answer asked
		// for: callers that were turned away together shall not return together.
		wait := backoff/2 + rand.N(backoff)
		backoff *= backoffGrowth
		if e, ok := errors.AsType[*task.Error](err); ok {
			wait += e.RetryAfter
		}
		if deadline, _ := ctx.Deadline(); time.Until(deadline) < wait+minExchange {
			return err
		}
		if c.sleep(ctx, wait) != nil {
			return ended(ctx, action)
		}
	}
}

// exchange makes one attempt, with a date and a nonce of its own.
func (c *Client) exchange(ctx context.Context, call Call, directory task.DirectoryID, query string, signer *keys) (a *answer, retry bool, err error) {
	started := c.Now()
	if c.Observe != nil {
		defer func() { c.Observe(ctx, call) }()
	}
	attempt, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	a, err = c.send(c.request(attempt, call.Action, query, signer, started))
	at := c.Now()
	call.Duration = at.Sub(started)
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, ended(ctx, call.Action)
		}
		e, retry := transportError(call.Action, err)
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

// request returns a signed request. It is a GET, which CloudSSO takes like a
// POST, because the transport itself sends a GET again when a connection that
// it kept turns out to be dead.
func (c *Client) request(ctx context.Context, action, query string, signer *keys, now time.Time) *http.Request {
	m := message{
		method: http.MethodGet, host: c.host, query: query, action: action, version: apiVersion,
		date: now.UTC().Format(dateLayout), nonce: nonce(), token: signer.token,
	}
	header := http.Header{
		"Accept":                {"application/json"},
		"Authorization":         {m.authorization(signer.accessKeyID, signer.secret)},
		"User-Agent":            {"cloudsso-task-status"},
		"X-Acs-Action":          {m.action},
		"X-Acs-Content-Sha256":  {emptyHash},
		"X-Acs-Date":            {m.date},
		"X-Acs-Signature-Nonce": {m.nonce},
		"X-Acs-Version":         {m.version},
	}
	if m.token != "" {
		header["X-Acs-Security-Token"] = []string{m.token}
	}
	r := &http.Request{
		Method: m.method,
		URL:    &url.URL{Scheme: c.scheme, Host: c.host, Path: "/", RawQuery: query},
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

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
