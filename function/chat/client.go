package chat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"taskstatus/function/clock"
)

const (
	// exchangeTimeout bounds one attempt to post. An answer has less time, and a
	// notice some: a message that is given up may have got through all the same.
	exchangeTimeout = 15 * time.Second
	// maxAnswer bounds what a platform may answer. All answers are a line or two.
	maxAnswer = 64 << 10
	// maxAttempts is one try and two more.
	maxAttempts = 3
	// backoff is the wait before the second attempt; before the third it is twice as long.
	backoff = 300 * time.Millisecond
	// minAttempt is the least time worth starting an attempt with.
	minAttempt = 100 * time.Millisecond
	// maxRetryAfter bounds the wait that an answer can ask for.
	maxRetryAfter = 10 * time.Minute
)

// A failure is a message that did not get through, in plain words for whoever
// runs the function. Neither the address nor what the platform said stands in it:
// both can hold secrets.
type failure struct {
	// code is what the platform gave, such as "errcode 310000" or "HTTP 403"; or empty.
	code string
	// problem says what is wrong and what to do about it.
	problem string
	// retryAfter is how long the platform asks to be left alone; zero where it did not.
	retryAfter time.Duration
	// retry says that another attempt may get through.
	retry bool
	// unsure says that the message may well have got through.
	unsure bool
	// closes is for how long the platform takes nothing at all, not even to be refused.
	closes time.Duration
}

func (f *failure) Error() string {
	if f.code == "" {
		return f.problem
	}
	return f.code + ": " + f.problem
}

// final reports whether the platform itself has said no, so that it will to
// whoever tries again.
func (f *failure) final() bool {
	switch f.problem {
	case elsewhere:
		return true
	case senseless, redirected:
		return false
	}
	return f.code != "" && !f.retry
}

// Problems that platforms have in common.
const (
	tooFast       = "too many messages in a short time"
	noSuchWebhook = "there is no such webhook: it was removed, or the address is not the whole one"
	wrongSign     = "the signature does not match: does the secret belong to this webhook?"
	wrongClock    = "the time of the signature is not accepted: is this machine's clock right?"
	wrongKeyword  = "the webhook wants a keyword: add " + brand + " to its keywords, every message contains it"
	wrongIP       = "the webhook takes messages from listed addresses only: add this function's, or use a signature instead"
	tooLong       = "the message is too long for the platform"
	tooLate       = "the time for later answers is over"
	elsewhere     = "the address is not one of the platform's"
	redirected    = "the address leads elsewhere, and no redirect is followed"
	senseless     = "the answer makes no sense: is the address the right one?"
	otherProblem  = "the platform does not take the message"
)

// A client posts to the platforms. It follows no redirect, and an address is
// only ever given to it by whoever has checked where that leads.
type client struct {
	transport http.RoundTripper
	now       func() time.Time
	sleep     func(context.Context, time.Duration) error
}

func newClient(transport http.RoundTripper) *client {
	return &client{transport: transport, now: time.Now, sleep: clock.Sleep}
}

// A request is a message on its way. It is made anew for each attempt, as what
// is signed is dated.
type request struct {
	address string
	header  http.Header
	body    []byte
}

// A result is what a platform answered to one.
type result struct {
	status int
	header http.Header
	body   []byte
}

// deliver posts a message to an address that came from elsewhere, if that is at
// the origin.
func (c *client) deliver(ctx context.Context, p *pace, origin, address string, body []byte, judge func(result) *failure) error {
	if !isAt(address, origin) {
		return &failure{problem: elsewhere}
	}
	return c.post(ctx, p, func(time.Time) request { return request{address: address, body: body} }, judge)
}

// post sends what write makes, again where that may help and there is time, and
// returns nil if judge finds nothing wrong with the answer, keeping the pace. The
// error is a *failure.
func (c *client) post(ctx context.Context, p *pace, write func(now time.Time) request, judge func(result) *failure) error {
	var failed *failure
	for attempt := 1; ; attempt++ {
		if late := c.keep(ctx, p); late != nil {
			return cmp.Or(failed, late)
		}
		failed = c.attempt(ctx, write(c.now()), judge)
		if failed == nil {
			return nil
		}
		p.close(c.now(), failed.closes)
		pause := max(failed.retryAfter, backoff<<(attempt-1))
		if failed.problem == tooFast {
			// Others that were turned away come back as well.
			pause += rand.N(pause) // #nosec G404 -- no secret
		}
		if !failed.retry || attempt == maxAttempts || !c.leaves(ctx, pause) || c.sleep(ctx, pause) != nil {
			return failed
		}
	}
}

// keep waits until the webhook may take another message, or fails where that is
// later than ctx allows.
func (c *client) keep(ctx context.Context, p *pace) *failure {
	for {
		pause := p.take(c.now())
		if pause == 0 {
			return nil
		}
		if !c.leaves(ctx, pause) || c.sleep(ctx, pause) != nil {
			return &failure{problem: tooFast, retryAfter: pause, retry: true}
		}
	}
}

// leaves reports whether ctx leaves time for an attempt after a pause.
func (c *client) leaves(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(c.now()) >= pause+minAttempt
}

func (c *client) attempt(ctx context.Context, out request, judge func(result) *failure) *failure {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, out.address, bytes.NewReader(out.body))
	if err != nil {
		return &failure{problem: elsewhere}
	}
	r.Header = http.Header{"Content-Type": {jsonType}, "User-Agent": {"cloudsso-task-status"}}
	maps.Copy(r.Header, out.header)
	answered, err := c.transport.RoundTrip(r)
	if err != nil {
		return unreached(err)
	}
	defer answered.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answered.Body, maxAnswer+1))
	if err != nil {
		return unreached(err)
	}
	if len(body) > maxAnswer {
		return cmp.Or(httpFailure(answered.StatusCode), unintelligible(answered.StatusCode))
	}
	failed := judge(result{answered.StatusCode, answered.Header, body})
	if failed != nil {
		failed.retryAfter = max(failed.retryAfter, retryAfter(answered.Header.Get("Retry-After"), c.now()))
	}
	return failed
}

func httpCode(status int) string { return "HTTP " + strconv.Itoa(status) }

// unintelligible is the failure of an answer that makes no sense.
func unintelligible(status int) *failure {
	return &failure{code: httpCode(status), problem: senseless}
}

// httpFailure judges an answer by its HTTP status alone; nil where that is fine.
func httpFailure(status int) *failure {
	f := &failure{code: httpCode(status)}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		f.problem = redirected
	case status == http.StatusTooManyRequests:
		f.problem, f.retry = tooFast, true
	case status >= 500:
		f.problem, f.retry = "the platform is unavailable", true
	case status == http.StatusNotFound || status == http.StatusGone:
		f.problem = noSuchWebhook
	default:
		f.problem = "the platform refuses the message"
	}
	return f
}

// unreached is the failure of a post that came to no answer. The cause may
// repeat the address, so only its kind is told. A lost connection is tried again,
// though the message may have got through: twice is better than not at all. After
// a timeout it most likely has.
func unreached(err error) *failure {
	f := &failure{problem: "the platform cannot be reached"}
	if failed, ok := errors.AsType[net.Error](err); ok && failed.Timeout() {
		f.problem, f.unsure = "the platform took too long", true
	}
	for _, lost := range [...]error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.EPIPE} {
		f.retry = f.retry || errors.Is(err, lost)
	}
	return f
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// isAt reports whether an address is at the origin, with nothing in it that
// could lead elsewhere.
func isAt(address, origin string) bool {
	u, err := url.Parse(address)
	return err == nil && originOf(u) == origin
}

// errcode reads an answer in the manner of DingTalk and WeCom, which have status
// 200 whatever is wrong. code is 0 where all is well.
func errcode(r result) (code int, message string, failed *failure) {
	if f := httpFailure(r.status); f != nil {
		return 0, "", f
	}
	var said struct {
		ErrCode *int   `json:"errcode"`
		ErrMsg  string `json:"errmsg"`
	}
	if json.Unmarshal(r.body, &said) != nil || said.ErrCode == nil {
		return 0, "", unintelligible(r.status)
	}
	if *said.ErrCode == 0 {
		return 0, "", nil
	}
	return *said.ErrCode, said.ErrMsg, &failure{code: fmt.Sprintf("errcode %d", *said.ErrCode), problem: otherProblem}
}
