package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"taskstatus/function/entry"
	"taskstatus/function/task"
	"taskstatus/templates"
)

// A Problem is a problem document (RFC 9457). The same is shown as a page to
// who asks for one.
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	RequestID string `json:"requestId,omitempty"`
	Hint      string `json:"hint,omitempty"`
	Retryable bool   `json:"retryable"`
}

// A refusal is a problem of HTTP alone: no task was looked up.
type refusal struct {
	status int
	name   string
	title  task.Text
	hint   task.Text
	// allow is the header Allow; empty for none.
	allow string
	// retryAfter is when trying again may help; zero for never.
	retryAfter time.Duration
}

func (r *refusal) Error() string { return r.name }

func errMethod(allowed string) *refusal {
	return &refusal{status: http.StatusMethodNotAllowed, name: "method-not-allowed",
		title: task.Text{En: "This address does not take that method", Zh: "该地址不支持此方法"},
		hint:  task.Text{En: "It takes " + allowed + ".", Zh: "支持的方法：" + allowed + "。"},
		allow: allowed}
}

var (
	errNoSuchPage = &refusal{status: http.StatusNotFound, name: "no-such-page",
		title: task.Text{En: "There is no such page", Zh: "页面不存在"},
		hint:  task.Text{En: "A task is at /tasks/{taskId}, several at /tasks?id=a,b.", Zh: "单个任务：/tasks/{taskId}；多个任务：/tasks?id=a,b。"}}
	errTooLarge = &refusal{status: http.StatusRequestEntityTooLarge, name: "too-large",
		title: task.Text{En: "That is too much text", Zh: "内容过长"},
		hint:  task.Text{En: "Send at most 64 KB, with at most 20 task ids in it.", Zh: "请提交不超过 64 KB、包含不超过 20 个任务 ID 的内容。"}}
	errHeader = &refusal{status: http.StatusRequestHeaderFieldsTooLarge, name: "header-too-large",
		title: task.Text{En: "The request's header is too large", Zh: "请求头过大"},
		hint:  task.Text{En: "Send at most 8 KB of it. In a browser, cookies of this site may be what is too much.", Zh: "请求头不能超过 8 KB。如果使用浏览器，请检查本站 Cookie 是否过多。"}}
	errUnconfigured = &refusal{status: http.StatusServiceUnavailable, name: "unconfigured",
		title: task.Text{En: "Nobody is let in yet", Zh: "尚未配置访问方式"},
		hint: task.Text{
			En: "For the operator: set ACCESS_TOKENS to name:sha256-hex of a token that you hand out, or ACCESS=open to let everybody in.",
			Zh: "请管理员将 ACCESS_TOKENS 设为 名称:令牌的 SHA-256 十六进制值，或设置 ACCESS=open 允许所有人访问。",
		}}
)

// notLetIn is what the caller learns whom the Guard does not let in, whatever the reason:
// nothing but when to try again, where that were too many attempts.
func notLetIn(err error) error {
	r := errUnauthorized
	if later, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		r = errTooMany(later.RetryAfter())
	}
	return fmt.Errorf("%w: %w", r, err)
}

// logFailure says in the log why a request is not answered. That the site turns
// requests away is noteworthy where it cannot do better, or has to.
func logFailure(ctx context.Context, err error) {
	r, ok := errors.AsType[*refusal](err)
	switch {
	case !ok:
		entry.Fail(ctx, err)
	case r.status >= http.StatusInternalServerError || r.status == http.StatusTooManyRequests:
		entry.End(ctx, r.name, slog.LevelWarn, err)
	default:
		entry.End(ctx, r.name, slog.LevelInfo, err)
	}
}

// status is the HTTP status of a look-up that went wrong. How a task stands is
// never an HTTP error; only the looking can fail.
func status(k task.Kind) int {
	switch k {
	case task.Invalid:
		return http.StatusBadRequest
	case task.Forbidden:
		return http.StatusForbidden
	case task.NotFound:
		return http.StatusNotFound
	case task.Refused, task.Upstream:
		return http.StatusBadGateway
	case task.Throttled:
		return http.StatusServiceUnavailable
	case task.Timeout:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// problemPath is the type of a problem of that kind: a reference, not a page.
func problemPath(k task.Kind) string { return "/problems/" + k.String() }

// problem is what the caller may know of err. Of an error that nobody foresaw
// that is a request id.
func problem(err error, language task.Language, requestID string) Problem {
	if r, ok := errors.AsType[*refusal](err); ok {
		return Problem{
			Type: "/problems/" + r.name, Title: r.title.In(language), Status: r.status,
			Hint: r.hint.In(language), Retryable: r.retryAfter > 0, RequestID: requestID,
		}
	}
	kind := task.KindOf(err)
	p := Problem{
		Type: problemPath(kind), Title: kind.Title().In(language), Status: status(kind),
		Hint: task.HintOf(err).In(language), Retryable: kind.Retryable(), RequestID: requestID,
	}
	if e, ok := errors.AsType[*task.Error](err); ok {
		p.Detail = e.Detail.In(language)
	}
	return p
}

// problemAnswer tells err in the form that was asked for.
func (s *Site) problemAnswer(e *exchange, err error) *answer {
	if e.form == asPage && s.Sessions == nil && errors.Is(err, errUnauthorized) {
		err = errNoSessions // a page is for who cannot send a header
	}
	p := problem(err, e.language, e.requestID)
	a := &answer{status: p.Status, cache: noStore, localized: true, retryAfter: task.RetryAfter(err)}
	if r, ok := errors.AsType[*refusal](err); ok {
		a.retryAfter = r.retryAfter
		if r.allow != "" {
			a.set("Allow", r.allow)
		}
	}
	if p.Status == http.StatusUnauthorized {
		challenge := `Bearer realm="CloudSSO task status"`
		if e.request.Header.Get("Authorization") != "" {
			challenge += `, error="invalid_token"` // RFC 6750, section 3.1
		}
		a.set("WWW-Authenticate", challenge)
	}
	if e.form != asPage {
		a.contentType, a.body = problemType, encode(p)
		return a
	}
	var body []byte
	var renderErr error
	if signsIn := errors.Is(err, errUnauthorized) && s.Sessions != nil; signsIn && !e.fragment {
		if e.returnTo == "" {
			e.returnTo = e.bare()
		}
		a.posts = true
		body, renderErr = s.signInPage(e, e.words().SignInFirst)
	} else {
		if signsIn {
			p.Title = e.words().SignInNeeded // for a page that goes on showing what it has
		}
		body, renderErr = s.problemPage(e, p, a)
	}
	if renderErr != nil {
		a.contentType, a.body = problemType, encode(p)
		return a
	}
	a.contentType, a.body = page, body
	return a
}

func (s *Site) problemPage(e *exchange, p Problem, a *answer) ([]byte, error) {
	v := templates.Problem{
		Page:    s.page(e, stateProblem, p.Title),
		Heading: p.Title, Detail: task.Visible(p.Detail), Hint: p.Hint, RequestID: p.RequestID,
	}
	switch {
	case e.path == "/sign-in" && p.Retryable:
		v.Reload.CheckURL = templ.SafeURL(e.to("/sign-in", "to", e.returnTo))
		v.SwitchURL = templ.SafeURL(e.to("/sign-in", "lang", e.words().OtherLang, "to", e.returnTo))
	case p.Retryable:
		every, _ := e.refresh() // one that cannot be read is a problem of its own
		if every > 0 {
			every = max(every, a.retryAfter)
			a.set("Refresh", strconv.Itoa(seconds(every)))
		}
		v.Reload = e.reload(every)
		v.RetryAfter = strconv.Itoa(seconds(a.retryAfter))
	case p.Type == problemPath(task.NotFound):
		// It may be one that was created this very moment, but need not be.
		v.Reload.CheckURL = templ.SafeURL(e.with())
	}
	if e.fragment {
		return render(templates.ProblemContent(v))
	}
	return render(templates.ProblemPage(v))
}
