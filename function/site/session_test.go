package site

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"taskstatus/function/task"
)

// desk signs in whoever has "token", but not from another site.
type desk struct{}

func (desk) SameOrigin(r *http.Request) error {
	if r.Header.Get("Origin") == "https://evil.example" {
		return errors.New("from elsewhere")
	}
	return nil
}

func (desk) SignIn(_ *http.Request, token string, _ time.Time) (string, *http.Cookie, error) {
	switch token {
	case "token":
		return "alice", &http.Cookie{Name: "session", Value: "token"}, nil
	case "again":
		return "", nil, tooMany{}
	}
	return "", nil, errStranger
}

func (desk) SignOut() *http.Cookie { return &http.Cookie{Name: "session", MaxAge: -1} }

// links are signed by their subject and time, for anybody to see.
type links struct{}

func (links) Link(subject string, until time.Time) url.Values {
	expires := until.UTC().Format(time.RFC3339)
	return url.Values{"expires": {expires}, "signature": {strings.ReplaceAll(subject, " ", ".") + "." + expires}}
}

func (l links) Opens(subject string, parameters url.Values, now time.Time) (time.Time, error) {
	until, err := time.Parse(time.RFC3339, parameters.Get("expires"))
	if err != nil || !now.Before(until) || parameters.Get("signature") != l.Link(subject, until).Get("signature") {
		return time.Time{}, errors.New("not ours")
	}
	return until, nil
}

// guarded is a site that lets in who has a token, a session or a link.
func guarded() *Site {
	s, _ := newSite()
	s.Guard, s.Sessions, s.Links = guard("token"), desk{}, links{}
	return s
}

// posted is a form as a browser sends it.
func posted(target, form string, headers ...string) *http.Request {
	r := request("POST", target, append(headers, asksForPage, "Content-Type: application/x-www-form-urlencoded")...)
	r.Body = http.NoBody
	if form != "" {
		r.Body = httptest.NewRequest("POST", target, strings.NewReader(form)).Body
	}
	return r
}

func TestSignIn(t *testing.T) {
	for _, test := range []struct {
		name, form string
		headers    []string
		status     int
		location   string
		body, log  string
	}{
		{"a token", "token=token&to=/tasks?id=a%26lang=zh", nil, 303, "/tasks?id=a&lang=zh", "", `"caller":"alice"`},
		{"with space around it, as it was pasted", "token=+token%0A", nil, 303, "/", "", `"status":303`},
		{"a wrong token", "token=bad&to=/tasks", nil, 401, "", `value="/tasks"`, errStranger.Error()},
		{"no token", "", nil, 401, "", "not known here", errStranger.Error()},
		{"too many attempts", "token=again", nil, 429, "", "Too many attempts", "too often"},
		{"from another site", "token=token", []string{"Origin: https://evil.example"}, 403, "", "This came from another site", "from elsewhere"},
		{"no form", "token=%zz", nil, 400, "", "the form cannot be read", "invalid"},
		{"too large", "token=" + strings.Repeat("x", maxForm), nil, 413, "", "That is too much", "too-large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := guarded()
			w, log := logged(s, posted("/sign-in", test.form, test.headers...))
			if w.Code != test.status || w.Header().Get("Location") != test.location || !strings.Contains(w.Body.String(), test.body) || w.Header().Get("Cache-Control") != noStore {
				t.Errorf("got %d to %q: %v %s", w.Code, w.Header().Get("Location"), w.Header(), w.Body)
			}
			if got, want := w.Header().Get("Set-Cookie"), ""; test.status != 303 && got != want || test.status == 303 && got != "session=token" {
				t.Errorf("Set-Cookie is %q", got)
			}
			if !strings.Contains(log, test.log) || strings.Contains(log, "bad") {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// TestOriginIsKept: where a form has to come from this site, browsers are let say that it does.
func TestOriginIsKept(t *testing.T) {
	page := "/tasks/" + string(failed)
	for _, test := range []struct {
		name string
		r    *http.Request
		want string
	}{
		{"asked to sign in", request("GET", "/sign-in", asksForPage), "same-origin"},
		{"asked to sign in first", request("GET", page, asksForPage), "same-origin"},
		{"a wrong token", posted("/sign-in", "token=bad"), "same-origin"},
		{"signed in", request("GET", page, asksForPage, "Cookie: session=token"), "same-origin"},
		{"signed in, as JSON", request("GET", page, "Cookie: session=token"), "no-referrer"},
		{"by a token", request("GET", page, asksForPage, "Authorization: Bearer token"), "no-referrer"},
		{"by a link", request("GET", strings.TrimPrefix(guarded().Link(directory, []task.ID{failed}), "https://status.example.com"), asksForPage), "no-referrer"},
	} {
		if got := send(guarded(), test.r).Header().Get("Referrer-Policy"); got != test.want {
			t.Errorf("%s: Referrer-Policy is %q, want %q", test.name, got, test.want)
		}
	}
}

// TestSharedBrowser: what a browser sees that has signed in or came by a link is not
// kept for longer than it may see it.
func TestSharedBrowser(t *testing.T) {
	page := "/tasks/" + string(failed)
	for _, test := range []struct {
		name, target, header string
		want                 string
	}{
		{"by a token", page, "Authorization: Bearer token", doneDocument},
		{"signed in", page, "Cookie: session=token", noStore},
		{"by a link", strings.TrimPrefix(guarded().Link(directory, []task.ID{failed}), "https://status.example.com"), "X: x", revalidate},
	} {
		if got := send(guarded(), request("GET", test.target, test.header)).Header().Get("Cache-Control"); got != test.want {
			t.Errorf("%s: Cache-Control is %q, want %q", test.name, got, test.want)
		}
	}
}

func TestSignInSaysWhenToTryAgain(t *testing.T) {
	for _, form := range []string{"Accept: application/json", asksForPage} {
		w := send(guarded(), request("GET", "/tasks/"+string(failed), form, "Authorization: Bearer again"))
		if w.Code != 429 || w.Header().Get("Retry-After") != "90" || w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s: got %d %v", form, w.Code, w.Header())
		}
	}
	w := send(guarded(), posted("/sign-in", "token=again&to=/tasks/"+string(failed)))
	if body := w.Body.String(); !strings.Contains(body, `href="/sign-in?to=%2Ftasks%2F`+string(failed)+`"`) || strings.Contains(body, "Reload by itself") || strings.Contains(body, "Recent tasks") {
		t.Errorf("the form: got %s", body)
	}
}

// TestReturn: signing in leads nowhere but to this site's own pages.
func TestReturn(t *testing.T) {
	for _, test := range []struct{ name, to, want string }{
		{"a task", "/tasks/" + string(failed) + "?lang=zh", "/tasks/" + string(failed) + "?lang=zh"},
		{"several", "/tasks?id=a,b", "/tasks?id=a%2Cb"},
		{"the first page", "/", "/"},
		{"nothing", "", "/"},
		{"another page", "/healthz", "/"},
		{"signing out", "/sign-out", "/"},
		{"another host", "https://evil.example/tasks/x", "/"},
		{"another host, of this scheme", "//evil.example/tasks/x", "/"},
		{"three slashes", "///evil.example/tasks/x", "/"},
		{"a backslash", `/\evil.example/tasks/x`, "/"},
		{"a backslash after a slash", `\/evil.example`, "/"},
		{"a script", "javascript:alert(1)//tasks/", "/"},
		{"a user", "//user@/tasks/x", "/"},
		{"a line break", "/tasks/x\r\nSet-Cookie: a=b", "/"},
		{"an escaped line break", "/tasks/x%0d%0aSet-Cookie:%20a=b", "/tasks/x%0D%0ASet-Cookie:%20a=b"},
		{"a path that climbs", "/tasks/../../evil", "/tasks/../../evil"}, // which stays on this host
		{"no address", "/tasks/%zz", "/"},
		{"only the path's beginning", "/tasksevil", "/"},
		{"too long", "/tasks/" + strings.Repeat("x", maxReturn), "/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := send(guarded(), posted("/sign-in", url.Values{"token": {"token"}, "to": {test.to}}.Encode()))
			if got := w.Header().Get("Location"); w.Code != 303 || got != test.want {
				t.Errorf("got %d to %q, want %q", w.Code, got, test.want)
			}
		})
	}
}

func TestSignOut(t *testing.T) {
	s := guarded()
	w := send(s, posted("/sign-out?lang=zh", ""))
	if w.Code != 303 || w.Header().Get("Location") != "/sign-in?lang=zh" || w.Header().Get("Set-Cookie") != "session=; Max-Age=0" || w.Header().Get("Clear-Site-Data") != `"cache", "storage"` {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
	if w := send(s, posted("/sign-out", "", "Origin: https://evil.example")); w.Code != 403 || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("from another site: got %d %v", w.Code, w.Header())
	}
	if w := send(s, request("GET", "/sign-out")); w.Code != 405 || w.Header().Get("Allow") != "OPTIONS, POST" {
		t.Errorf("a link to it: got %d %v", w.Code, w.Header())
	}
}

// TestNoSessions: where nothing signs there is nothing to sign in to.
func TestNoSessions(t *testing.T) {
	s := guarded()
	s.Sessions, s.Links = nil, nil
	for _, r := range []*http.Request{request("GET", "/sign-in"), posted("/sign-in", "token=token"), posted("/sign-out", "")} {
		if w := send(s, r); w.Code != 404 {
			t.Errorf("%s %s: got %d", r.Method, r.URL, w.Code)
		}
	}
	w := send(s, request("GET", "/tasks/"+string(failed), asksForPage))
	if w.Code != 401 || strings.Contains(w.Body.String(), "<form") || !strings.Contains(w.Body.String(), "set SIGNING_KEY") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := send(s, request("GET", "/tasks/"+string(failed))); strings.Contains(w.Body.String(), "SIGNING_KEY") {
		t.Errorf("a program is told %s", w.Body)
	}
	if got, want := s.Link(second, []task.ID{failed, running}), "https://status.example.com/tasks?directory=d-003qew84abcd&id="+string(failed)+","+string(running); got != want {
		t.Errorf("a link is %s, want %s", got, want)
	}
}

// TestSessionPage: the page says who is signed in, and is another to another.
func TestSessionPage(t *testing.T) {
	s := guarded()
	get := func(headers ...string) *httptest.ResponseRecorder {
		return send(s, request("GET", "/tasks/"+string(failed), append(headers, asksForPage)...))
	}
	session, bearer := get("Cookie: session=token"), get("Authorization: Bearer token")
	if session.Code != 200 || !strings.Contains(session.Body.String(), "Signed in as alice &lt;i&gt;") {
		t.Errorf("got %d %s", session.Code, session.Body)
	}
	if strings.Contains(bearer.Body.String(), "Sign out") || session.Header().Get("ETag") == bearer.Header().Get("ETag") {
		t.Errorf("by a token: %v %s", bearer.Header(), bearer.Body)
	}
}

func TestLinks(t *testing.T) {
	s := guarded()
	s.Details = true
	one := []task.ID{detailed}
	several := []task.ID{detailed, running}
	link := func(directory task.DirectoryID, ids []task.ID, after time.Duration) string {
		s := guarded()
		s.Now = func() time.Time { return now.Add(after - LinkLife) }
		return strings.TrimPrefix(s.Link(directory, ids), s.PublicURL)
	}
	parameters := func(target string) string { _, query, _ := strings.Cut(target, "?"); return query }
	for _, test := range []struct {
		name, method, target string
		status               int
	}{
		{"a task", "GET", link(directory, one, time.Hour), 200},
		{"a task, its header", "HEAD", link(directory, one, time.Hour), 200},
		{"in another form", "GET", "/tasks/" + string(detailed) + ".txt?" + parameters(link(directory, one, time.Hour)), 200},
		{"in another language, renewed", "GET", link(directory, one, time.Hour) + "&lang=zh&fragment=1", 200},
		{"several", "GET", link(directory, several, time.Hour), 200},
		{"several in another form", "GET", strings.Replace(link(directory, several, time.Hour), "?", ".json?", 1), 200},
		{"in another directory", "GET", link(second, one, time.Hour), 200},
		{"no longer", "GET", link(directory, one, 0), 401},
		{"another task", "GET", "/tasks/" + string(running) + "?" + parameters(link(directory, one, time.Hour)), 401},
		{"one of several", "GET", "/tasks/" + string(running) + "?" + parameters(link(directory, several, time.Hour)), 401},
		{"one more", "GET", link(directory, one, time.Hour) + "&id=" + string(running), 200}, // which nobody reads there
		{"several by the link to one", "GET", "/tasks?id=" + idList(several) + "&" + parameters(link(directory, one, time.Hour)), 401},
		{"another directory", "GET", link(directory, one, time.Hour) + "&directory=" + string(second), 401},
		{"a directory that is not shown", "GET", link("d-aaaaaaaaaaaa", one, time.Hour), 401},
		{"the list", "GET", "/tasks?" + parameters(link(directory, one, time.Hour)), 401},
		{"the first page", "GET", "/?" + parameters(link(directory, one, time.Hour)), 401},
		{"no task", "GET", "/tasks/T-1?" + parameters(link(directory, one, time.Hour)), 401},
		{"posting to it", "POST", link(directory, one, time.Hour), 405},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := send(s, request(test.method, test.target))
			if w.Code != test.status {
				t.Errorf("%s: got %d %s, want %d", test.target, w.Code, w.Body, test.status)
			}
			if strings.Contains(w.Body.String(), details.TargetName) {
				t.Errorf("it tells whom the task is about: %s", w.Body)
			}
		})
	}
	if w := send(s, request("GET", link(directory, one, time.Hour), "Authorization: Bearer token")); !strings.Contains(w.Body.String(), details.TargetName) {
		t.Errorf("who may see all does not by a link: %s", w.Body)
	}
}

// TestLinkedBoard: the page of several leads to the page of each, for as long.
func TestLinkedBoard(t *testing.T) {
	s := guarded()
	ids := []task.ID{failed, running}
	target := strings.TrimPrefix(s.Link(second, ids), s.PublicURL)
	board := send(s, request("GET", target+"&lang=en", asksForPage)).Body.String()
	for _, id := range ids {
		_, after, _ := strings.Cut(board, `href="/tasks/`+string(id)+"?")
		query, _, ok := strings.Cut(after, `"`)
		w := send(s, request("GET", "/tasks/"+string(id)+"?"+strings.ReplaceAll(query, "&amp;", "&"), asksForPage))
		if !ok || w.Code != 200 || !strings.Contains(query, "expires=2021-11-12T02%3A58%3A17Z") || !strings.Contains(query, "lang=en") {
			t.Errorf("%s: got %d by %q", id, w.Code, query)
		}
		if strings.Contains(w.Body.String(), ">Recent tasks<") || !strings.Contains(w.Body.String(), ">Sign in<") {
			t.Errorf("who came by a link sees %s", w.Body)
		}
	}
}

// TestHeaderSize: what Function Compute would not let through is not looked at.
func TestHeaderSize(t *testing.T) {
	fits := maxHeader - len(RequestIDHeader) - len("1-6b04bbb6") - len("X")
	for size, want := range map[int]int{fits: 200, fits + 1: 431} {
		s, _ := newSite()
		w := send(s, request("GET", "/tasks/"+string(failed), "X: "+strings.Repeat("x", size)))
		if w.Code != want {
			t.Errorf("%d bytes: got %d, want %d", size, w.Code, want)
		}
	}
}
