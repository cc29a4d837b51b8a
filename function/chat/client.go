package chat

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"syscall"
	"time"

	"taskstatus/function/task"
)

const (
	// exchangeTimeout bounds one attempt to post.
	exchangeTimeout = 5 * time.Second
	// maxAnswer bounds what a platform may answer. All answers are a line or two.
	maxAnswer = 64 << 10
	// maxAttempts is one try and two more.
	maxAttempts = 3
	// backoff is the wait before the second attempt; before the third it is twice as long.
	backoff = 300 * time.Millisecond
	// minAttempt is the least time worth starting an attempt with.
	minAttempt = 100 * time.Millisecond
)

// A Failure is a message that did not get through, in plain words. Neither the
// address nor what the platform said stands in it: both can hold secrets.
type Failure struct {
	// Code is what the platform gave, such as "errcode 310000" or "HTTP 403"; or empty.
	Code string
	// Problem says what is wrong and what to do about it.
	Problem task.Text
	// RetryAfter is how long the platform asks to be left alone; zero where it did not.
	RetryAfter time.Duration
	// retry says that another attempt may get through.
	retry bool
	// closes is for how long the platform takes nothing at all, not even to be refused.
	closes time.Duration
}

// Error is the English text.
func (f *Failure) Error() string {
	if f.Code == "" {
		return f.Problem.En
	}
	return f.Code + ": " + f.Problem.En
}

// A client posts to the platforms. It follows no redirect, and an address is
// only ever given to it by whoever has checked where that leads.
type client struct {
	transport http.RoundTripper
	now       func() time.Time
	sleep     func(context.Context, time.Duration) error
}

func newClient(transport http.RoundTripper) *client {
	return &client{transport: transport, now: time.Now, sleep: sleep}
}

// A letter is a message on its way: made anew for each attempt, as what is
// signed is dated.
type letter struct {
	address string
	header  http.Header
	body    []byte
}

// An answer is what a platform said to a letter.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// post sends what write makes, again where that may help and there is time, and
// returns nil if judge finds nothing wrong with the answer, keeping the pace. The error is a *Failure.
func (c *client) post(ctx context.Context, p *pace, write func(now time.Time) letter, judge func(answer) *Failure) error {
	var failure *Failure
	for attempt := 1; ; attempt++ {
		if late := c.keep(ctx, p); late != nil {
			return cmp.Or(failure, late)
		}
		failure = c.attempt(ctx, write(c.now()), judge)
		if failure == nil {
			return nil
		}
		p.close(c.now(), failure.closes)
		pause := max(failure.RetryAfter, backoff<<(attempt-1))
		if deadline, ok := ctx.Deadline(); !failure.retry || attempt == maxAttempts || ok && deadline.Sub(c.now()) < pause+minAttempt {
			return failure
		}
		if c.sleep(ctx, pause) != nil {
			return failure
		}
	}
}

// deliver posts a message to an address that came from elsewhere, if that is at
// the origin.
func (c *client) deliver(ctx context.Context, p *pace, origin, address string, body []byte, judge func(answer) *Failure) error {
	if !isAt(address, origin) {
		return &Failure{Problem: elsewhere}
	}
	return c.post(ctx, p, func(time.Time) letter { return letter{address: address, body: body} }, judge)
}

func (c *client) attempt(ctx context.Context, l letter, judge func(answer) *Failure) *Failure {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	u, err := url.Parse(l.address)
	if err != nil || originOf(u) == "" {
		return &Failure{Problem: task.Text{En: "the address cannot be used", Zh: "地址无法使用"}}
	}
	r := &http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host,
		Header:        http.Header{"Content-Type": {jsonType}, "User-Agent": {"cloudsso-task-status"}},
		Body:          io.NopCloser(bytes.NewReader(l.body)),
		ContentLength: int64(len(l.body)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(l.body)), nil },
	}
	for name, values := range l.header {
		r.Header[name] = values
	}
	response, err := c.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return unreached(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return unreached(err)
	case len(body) > maxAnswer:
		return &Failure{Code: httpCode(response.StatusCode), Problem: senseless}
	}
	a := answer{response.StatusCode, response.Header, body}
	if failure := judge(a); failure != nil {
		failure.RetryAfter = max(failure.RetryAfter, retryAfter(a.header.Get("Retry-After"), c.now()))
		return failure
	}
	return nil
}

// jsonType is the media type of all that is posted, and of most responses.
const jsonType = "application/json; charset=utf-8"

var senseless = task.Text{En: "the answer makes no sense: is the address the right one?", Zh: "返回的内容无法识别，请检查地址是否正确"}

func httpCode(status int) string { return "HTTP " + strconv.Itoa(status) }

// httpFailure judges an answer by its HTTP status alone; nil where that is fine.
func httpFailure(status int) *Failure {
	f := &Failure{Code: httpCode(status)}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		f.Problem = task.Text{En: "the address leads elsewhere, and no redirect is followed", Zh: "地址发生了重定向，本函数不跟随重定向"}
	case status == http.StatusTooManyRequests:
		f.Problem, f.retry = tooFast, true
	case status >= 500:
		f.Problem, f.retry = task.Text{En: "the platform is out of order", Zh: "平台暂时不可用"}, true
	case status == http.StatusNotFound || status == http.StatusGone:
		f.Problem = noSuchWebhook
	default:
		f.Problem = task.Text{En: "the platform refuses the message", Zh: "平台拒绝了该消息"}
	}
	return f
}

// Problems that all platforms have in common.
var (
	tooFast       = task.Text{En: "too many messages in a short time", Zh: "消息发送过于频繁"}
	noSuchWebhook = task.Text{En: "there is no such webhook: it was removed, or the address is not the whole one", Zh: "Webhook 不存在：可能已被删除，或地址不完整"}
	wrongSign     = task.Text{En: "the signature does not match: is the secret that of this very webhook?", Zh: "签名不匹配，请检查密钥是否属于该 Webhook"}
	wrongClock    = task.Text{En: "the time of the signature is not accepted: is this machine's clock right?", Zh: "签名时间不被接受，请检查本机时钟"}
	wrongKeyword  = task.Text{En: "the webhook wants a keyword: add " + brand + " to its keywords, it stands in every message", Zh: "Webhook 设置了关键词：请将 " + brand + " 加入关键词，每条消息都包含它"}
	wrongIP       = task.Text{En: "the webhook takes messages from listed addresses only: add this function's, or use a signature instead", Zh: "Webhook 限制了来源 IP：请加入本函数的出口 IP，或改用签名方式"}
	tooLong       = task.Text{En: "the message is too long for the platform", Zh: "消息超过平台的长度限制"}
	elsewhere     = task.Text{En: "the address is not one of the platform's", Zh: "地址不属于该平台"}
	otherProblem  = task.Text{En: "the platform does not take the message", Zh: "平台未接受该消息"}
)

// unreached is the failure of a post that came to no answer. The cause may
// repeat the address, so only its kind is told.
func unreached(err error) *Failure {
	f := &Failure{Problem: task.Text{En: "the platform cannot be reached", Zh: "无法连接平台"}}
	if failed, ok := errors.AsType[net.Error](err); ok && failed.Timeout() {
		f.Problem = task.Text{En: "the platform took too long", Zh: "平台响应超时"}
	}
	// One that timed out may have got through: posted again, it would be there twice.
	f.retry = errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPIPE)
	return f
}

// maxRetryAfter bounds the wait that an answer can ask for.
const maxRetryAfter = 10 * time.Minute

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

// A pace keeps a webhook's messages within what its platform takes, as far as
// this instance goes. That of a nil pace is any.
type pace struct {
	limits []limit
	mu     sync.Mutex
	sent   []time.Time
	// closed is until when the platform takes nothing at all.
	closed time.Time
}

// A limit is so many messages in so much time.
type limit struct {
	most int
	in   time.Duration
}

// take returns how long to wait before the next message, and notes that it is
// sent where that is no time at all.
func (p *pace) take(now time.Time) time.Duration {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	pause := p.closed.Sub(now)
	longest := 0
	for _, l := range p.limits {
		longest = max(longest, l.most)
		if n := len(p.sent); n >= l.most {
			pause = max(pause, p.sent[n-l.most].Add(l.in).Sub(now))
		}
	}
	if pause > 0 {
		return pause
	}
	p.sent = append(p.sent, now)
	p.sent = p.sent[max(0, len(p.sent)-longest):]
	return 0
}

// close keeps messages back for so long.
func (p *pace) close(now time.Time, d time.Duration) {
	if p == nil || d == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = now.Add(d)
}

// keep waits until the webhook may take another message, or fails where that is
// later than ctx allows.
func (c *client) keep(ctx context.Context, p *pace) *Failure {
	for {
		pause := p.take(c.now())
		if pause == 0 {
			return nil
		}
		deadline, ok := ctx.Deadline()
		if ok && deadline.Sub(c.now()) < pause+minAttempt || c.sleep(ctx, pause) != nil {
			return &Failure{Problem: tooFast, RetryAfter: pause}
		}
	}
}

// plainCode names an error code of a platform's own.
func plainCode(name string, code int) string { return fmt.Sprintf("%s %d", name, code) }
