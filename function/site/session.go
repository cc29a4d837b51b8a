package site

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"taskstatus/function/task"
	"taskstatus/templates"
)

// Sessions sign browsers in.
type Sessions interface {
	// SameOrigin fails where another site has had the browser send the request.
	SameOrigin(r *http.Request) error
	// SignIn returns the name of who the token belongs to, and the cookie that keeps
	// the browser signed in. Its error is like that of Guard.Caller.
	SignIn(r *http.Request, token string, now time.Time) (name string, cookie *http.Cookie, err error)
	// SignOut returns the cookie that ends that.
	SignOut() *http.Cookie
}

var (
	errUnauthorized = &refusal{status: http.StatusUnauthorized, name: "unauthorized",
		title: task.Text{En: "An access token is needed", Zh: "需要访问令牌"},
		hint: task.Text{
			En: "Send the header Authorization: Bearer <token>. If you did, that token is not known here: ask whoever runs this function. A link from a message works for 7 days.",
			Zh: "请携带请求头 Authorization: Bearer <令牌>。如果已携带，说明该令牌无效，请联系本函数的管理员。消息中的链接有效期为 7 天。",
		}}
	errNoSessions = &refusal{status: http.StatusUnauthorized, name: "unauthorized",
		title: task.Text{En: "Browsers cannot sign in here", Zh: "此处未启用浏览器登录"},
		hint: task.Text{
			En: "For the operator: set SIGNING_KEY, so that browsers can sign in and links in messages open their tasks. A program sends the header Authorization: Bearer <token>.",
			Zh: "请管理员设置 SIGNING_KEY，以启用浏览器登录，并使消息中的链接可以打开对应的任务。程序请携带请求头 Authorization: Bearer <令牌>。",
		}}
	errCrossOrigin = &refusal{status: http.StatusForbidden, name: "cross-origin",
		title: task.Text{En: "This came from another site", Zh: "请求来自其他网站"},
		hint:  task.Text{En: "Open this site's own page and try again there.", Zh: "请打开本站页面后重试。"}}
)

func errTooMany(wait time.Duration) *refusal {
	return &refusal{status: http.StatusTooManyRequests, name: "too-many-attempts", retryAfter: wait,
		title: task.Text{En: "Too many attempts", Zh: "尝试次数过多"},
		hint: task.Text{
			En: "Too many wrong tokens came from your address. Wait a few minutes, then try again.",
			Zh: "来自您 IP 地址的错误令牌过多，请过几分钟再试。",
		}}
}

// maxReturn bounds the address that signing in leads back to: longer ones do not
// come through Function Compute.
const maxReturn = 4 << 10

// askToSignIn answers GET /sign-in?to=…: who has signed in can go on, or sign out.
func (s *Site) askToSignIn(e *exchange) (*answer, error) {
	e.returnTo = localAddress(e.query.Get("to"))
	if name, session, err := s.Guard.Caller(e.request, e.now); err == nil {
		e.caller, e.session = name, session
	}
	a := &answer{status: http.StatusOK, contentType: page, localized: true, cache: noStore, posts: true}
	var err error
	a.body, err = s.signInPage(e, e.words().SignIn)
	return a, err
}

// signIn answers POST /sign-in.
func (s *Site) signIn(e *exchange) (*answer, error) {
	if err := s.Sessions.SameOrigin(e.request); err != nil {
		return nil, fmt.Errorf("%w: %w", errCrossOrigin, err)
	}
	form, err := e.posted()
	if err != nil {
		return nil, err
	}
	e.returnTo = localAddress(form.Get("to"))
	name, cookie, err := s.Sessions.SignIn(e.request, strings.TrimSpace(form.Get("token")), e.now)
	if err != nil {
		return nil, notLetIn(err)
	}
	e.log(slog.String("caller", name))
	a := redirect(e.returnTo)
	a.set("Set-Cookie", cookie.String())
	return a, nil
}

// signOut answers POST /sign-out. What the browser has kept of this site goes too.
func (s *Site) signOut(e *exchange) (*answer, error) {
	if err := s.Sessions.SameOrigin(e.request); err != nil {
		return nil, fmt.Errorf("%w: %w", errCrossOrigin, err)
	}
	if name, session, err := s.Guard.Caller(e.request, e.now); err == nil && session {
		e.log(slog.String("caller", name))
	}
	a := redirect(e.to("/sign-in"))
	a.set("Set-Cookie", s.Sessions.SignOut().String())
	a.set("Clear-Site-Data", `"cache", "storage"`)
	return a, nil
}

// localAddress is an address on this site that signing in can lead to: the first
// page where it is any other.
func localAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || len(address) > maxReturn || u.Scheme != "" || u.Host != "" || u.User != nil || u.Path != "/tasks" && !strings.HasPrefix(u.Path, "/tasks/") {
		return "/"
	}
	return pathQuery(u.Path, u.Query(), nil)
}

// signInPage asks for a token, in the place of what needs one.
func (s *Site) signInPage(e *exchange, heading string) ([]byte, error) {
	w := e.words()
	if e.session {
		heading = fmt.Sprintf(w.SignedInAs, label(e.caller))
	}
	v := templates.SignIn{
		Page:    s.page(e, stateSignIn, heading),
		Heading: heading,
		Known:   e.session,
		Action:  templ.SafeURL(e.to("/sign-in")),
		To:      e.returnTo,
	}
	switch {
	case e.request.Method == http.MethodPost:
		v.Wrong, v.RequestID = w.WrongToken, e.requestID
	case e.isLink():
		v.Ended = w.LinkEnded
	}
	if e.path == "/sign-in" {
		v.SwitchURL = templ.SafeURL(e.to("/sign-in", "lang", w.OtherLang, "to", e.returnTo))
	}
	if e.fragment {
		return render(templates.SignInContent(v))
	}
	return render(templates.SignInPage(v))
}
