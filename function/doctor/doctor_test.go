package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"taskstatus/function/acs"
	"taskstatus/function/task"
)

var (
	now       = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	directory = task.DirectoryID("d-00fc2p61abcd")
)

// A cloud is CloudSSO as far as the doctor asks it: each call comes to the exchange
// named, or to the error.
type cloud struct {
	exchanges map[string]acs.Call
	errs      map[string]error

	mu    sync.Mutex
	calls []string
}

func (c *cloud) call(ctx context.Context, action, detail string) error {
	c.mu.Lock()
	c.calls = append(c.calls, action+" "+detail)
	c.mu.Unlock()
	if exchange, ok := c.exchanges[action]; ok {
		Observe(ctx, exchange)
	}
	return c.errs[action]
}

func (c *cloud) GetTaskStatus(ctx context.Context, d task.DirectoryID, id task.ID) (task.Task, error) {
	return task.Task{}, c.call(ctx, "GetTaskStatus", string(d)+" "+string(id))
}

func (c *cloud) GetTask(ctx context.Context, d task.DirectoryID, id task.ID) (task.Task, error) {
	return task.Task{}, c.call(ctx, "GetTask", string(d)+" "+string(id))
}

func (c *cloud) ListTasks(ctx context.Context, r task.ListRequest) (task.Page, error) {
	return task.Page{}, c.call(ctx, "ListTasks", fmt.Sprint(r.Directory, " ", r.MaxResults))
}

// answers is a transport that gives the address's answer or error.
type answers map[string]any

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	switch answer := a[r.URL.Scheme+"://"+r.URL.Host].(type) {
	case error:
		return nil, answer
	case time.Time:
		recorder := httptest.NewRecorder()
		recorder.Header().Set("Date", answer.UTC().Format(http.TimeFormat))
		recorder.WriteHeader(http.StatusForbidden) // any answer will do
		return recorder.Result(), nil
	}
	return httptest.NewRecorder().Result(), nil
}

// healthy returns a doctor that finds nothing wrong.
func healthy() *Doctor {
	notFound := &task.Error{Kind: task.NotFound}
	exchange := acs.Call{Status: 404, Code: "EntityNotExists.Task", RequestID: "R-1"}
	return &Doctor{
		Source:  func(context.Context) (string, error) { return "an AccessKey pair", nil },
		Address: "https://cloudsso.example.com",
		CloudSSO: &cloud{
			exchanges: map[string]acs.Call{"GetTaskStatus": exchange, "GetTask": exchange},
			errs:      map[string]error{"GetTaskStatus": notFound, "GetTask": notFound},
		},
		Directories: []task.DirectoryID{directory},
		Transport:   answers{"https://cloudsso.example.com": now},
		Now:         func() time.Time { return now },
	}
}

// shown is the findings as text, one a line.
func shown(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		state := "wrong"
		if f.OK {
			state = "ok"
		}
		if f.Warning {
			state += " warning"
		}
		fmt.Fprintf(&b, "%s|%s|%s|%s\n", state, f.Check, f.Detail, f.Hint)
	}
	return b.String()
}

type policy struct{ open, configured, signs bool }

func (p policy) Open() bool       { return p.open }
func (p policy) Configured() bool { return p.configured }
func (p policy) Signs() bool      { return p.signs }

func TestExamine(t *testing.T) {
	refused := func(code string) error {
		return &task.Error{Kind: task.Refused, Cause: errors.New(code), Detail: task.Text{En: "it is refused"}, Hint: task.Text{En: "For the operator: mend it."}}
	}
	for _, test := range []struct {
		name  string
		sick  func(*Doctor)
		lines []string // the findings, each a prefix of a line; nothing else is found
	}{
		{"healthy", func(*Doctor) {}, []string{
			"ok|configuration|every variable", "ok|credentials|an AccessKey pair|", "ok|CloudSSO|cloudsso.example.com can be reached|", "ok|clock|", "ok|GetTaskStatus d-00fc2p61abcd|", "ok|ListTasks d-00fc2p61abcd|", "ok|chats|none is configured|",
		}},
		{"two variables wrong, and a warning", func(d *Doctor) {
			d.Wrong, d.Warnings = errors.Join(errors.New("A: wrong"), errors.Join(errors.New("B: wrong"))), []string{"C: odd"}
		}, []string{
			"wrong|configuration|A: wrong|", "wrong|configuration|B: wrong|", "ok warning|configuration|C: odd|", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats",
		}},
		{"no address and no directory", func(d *Doctor) { d.Address, d.CloudSSO, d.Directories = "", nil, nil }, []string{"ok|configuration", "ok|credentials", "ok|chats"}},
		{"everybody is let in", func(d *Doctor) { d.Access = policy{open: true, configured: true} }, []string{
			"ok|configuration", "ok|access|everybody is let in: ACCESS=open|", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats",
		}},
		{"browsers sign in", func(d *Doctor) { d.Access = policy{configured: true, signs: true} }, []string{
			"ok|configuration", "ok|access|who has a token", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats",
		}},
		{"only programs", func(d *Doctor) { d.Access = policy{configured: true} }, []string{
			"ok|configuration", "ok|access|programs that have a token", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats",
		}},
		{"nobody", func(d *Doctor) { d.Access = policy{} }, []string{"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats"}},
		{"no credentials", func(d *Doctor) {
			d.Source = func(context.Context) (string, error) {
				return "", &task.Error{Kind: task.Refused, Detail: task.Text{En: "there are none"}}
			}
		}, []string{"ok|configuration", "wrong|credentials|there are none|", "ok|CloudSSO", "ok|clock", "ok|chats"}},
		{"a role", func(d *Doctor) { d.Assume = func(context.Context) error { return nil } }, []string{
			"ok|configuration", "ok|credentials", "ok|role|the role of CLOUDSSO_ROLE_ARN can be assumed|", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats",
		}},
		{"a role that is not to be assumed", func(d *Doctor) {
			d.Assume = func(context.Context) error { return refused("AssumeRole: NoPermission") }
		}, []string{"ok|configuration", "ok|credentials", "wrong|role|it is refused (AssumeRole: NoPermission)|mend it.", "ok|CloudSSO", "ok|clock", "ok|chats"}},
		{"STS is out of reach", func(d *Doctor) {
			d.Assume = func(context.Context) error {
				return &task.Error{Kind: task.Timeout, Cause: errors.New("AssumeRole: no answer in time")}
			}
		}, []string{"ok|configuration", "ok|credentials", "wrong|role|STS gave no credentials of the role of CLOUDSSO_ROLE_ARN (AssumeRole: no answer in time)|try again in a moment; if it goes on, see whether anything keeps", "ok|CloudSSO", "ok|clock", "ok|chats"}},
		{"CloudSSO is out of reach", func(d *Doctor) { d.Transport = answers{d.Address: &net.DNSError{IsNotFound: true}} }, []string{
			"ok|configuration", "ok|credentials", "wrong|CloudSSO|cloudsso.example.com is out of reach: its name is not known to the name server|CLOUDSSO_REGION, or CLOUDSSO_ENDPOINT where that is set, is not the right one; or names from outside are not known here", "ok|chats",
		}},
		{"another answers in CloudSSO's place", func(d *Doctor) { d.Transport = answers{d.Address: syscall.ECONNREFUSED} }, []string{
			"ok|configuration", "ok|credentials", "wrong|CloudSSO|cloudsso.example.com is out of reach: the connection is refused|CLOUDSSO_REGION, or CLOUDSSO_ENDPOINT where that is set, is not the right one; or something", "ok|chats",
		}},
		{"the network keeps it from CloudSSO", func(d *Doctor) { d.Transport = answers{d.Address: io.EOF} }, []string{
			"ok|configuration", "ok|credentials", "wrong|CloudSSO|cloudsso.example.com is out of reach: the connection was lost before there was an answer|see whether anything keeps this function", "ok|chats",
		}},
		{"an answer without a date", func(d *Doctor) { d.Transport = answers{} }, []string{"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats"}},
		{"a clock 59 s ahead", clock(59 * time.Second), []string{"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok|clock|it agrees with CloudSSO's|", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats"}},
		{"a clock 2 min ahead", clock(2 * time.Minute), []string{"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok warning|clock|it is 2m0s ahead of CloudSSO's, which refuses what is dated more than 15 minutes off|set", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats"}},
		{"a clock 15 min ahead", clock(15 * time.Minute), []string{"ok|configuration", "ok|credentials", "ok|CloudSSO", "wrong|clock|it is 15m0s ahead", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats"}},
		{"a clock an hour behind", clock(-time.Hour), []string{"ok|configuration", "ok|credentials", "ok|CloudSSO", "wrong|clock|it is 1h0m0s behind", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats"}},
		{"chats", func(d *Doctor) {
			d.Transport = answers{d.Address: now, "https://gone.example.com": &net.DNSError{}, "https://hunter2.example.com": errors.New("https://hunter2.example.com")}
			d.Chats = []Chat{
				{Name: "a", Answers: true, Posts: true, Address: "https://a.example.com"},
				{Name: "b", Answers: true, Address: "https://b.example.com", Verify: func(context.Context) error { return nil }},
				{Name: "c", Answers: true, Address: "https://b.example.com", Verify: func(context.Context) error { return errors.New("code 10014: no") }},
				{Name: "d", Posts: true, Address: "https://gone.example.com", Verify: func(context.Context) error { panic("asked, though out of reach") }},
				{Name: "e", Posts: true, Address: "https://hunter2.example.com", Secret: true},
			}
		}, []string{
			"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks",
			"ok|chat a|is answered and is posted to (what comes of it notify-test tells); https://a.example.com can be reached|",
			"ok|chat b|is answered; https://b.example.com can be reached and accepts this function|",
			"wrong|chat c|is answered; https://b.example.com can be reached, but this function fails to prove itself there: code 10014: no|",
			"wrong|chat d|is posted to (what comes of it notify-test tells); https://gone.example.com is out of reach: its name cannot be looked up|see",
			"wrong|chat e|is posted to (what comes of it notify-test tells); its address is out of reach: the connection was lost",
		}},
		{"no right to list", unlisted(false), []string{
			"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus",
			"ok warning|ListTasks d-00fc2p61abcd|these credentials are good, but not for this (HTTP 403 NoPermission); nothing that is configured needs it, but timers and events that name no task do|let the role, or the user, have cloudsso:ListTasks", "ok|chats",
		}},
		{"no right to list, though lists are shown", unlisted(true), []string{
			"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus",
			"wrong|ListTasks d-00fc2p61abcd|these credentials are good, but not for this (HTTP 403 NoPermission)|let the role, or the user, have cloudsso:ListTasks", "ok|chats",
		}},
		{"it can be invoked", ping(acs.Call{Status: 202}, nil, true), []string{"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats", "ok|invocation|this function can invoke checker|"}},
		{"it may not be invoked", ping(acs.Call{Status: 403, Code: "AccessDenied", RequestID: "R-2"}, refused("x"), true), []string{
			"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats",
			"wrong|invocation|this function may not invoke checker (HTTP 403 AccessDenied, request id R-2)|let its role have fc:InvokeFunction on acs:fc:*:*:functions/checker",
		}},
		{"it may not, and need not", ping(acs.Call{Status: 403, Code: "AccessDenied"}, refused("x"), false), []string{
			"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats", "ok warning|invocation|this function may not invoke checker (HTTP 403 AccessDenied); nothing",
		}},
		{"there is none to invoke", ping(acs.Call{Status: 404, Code: "FunctionNotFound"}, refused("InvokeFunction: HTTP 404 FunctionNotFound"), true), []string{
			"ok|configuration", "ok|credentials", "ok|CloudSSO", "ok|clock", "ok|GetTaskStatus", "ok|ListTasks", "ok|chats", "wrong|invocation|it is refused (InvokeFunction: HTTP 404 FunctionNotFound)|",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := healthy()
			test.sick(d)
			got := shown(d.Examine(t.Context()))
			lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
			if !slices.EqualFunc(lines, test.lines, strings.HasPrefix) {
				t.Errorf("got\n%swant\n%s", got, strings.Join(test.lines, "\n"))
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a secret is shown")
			}
		})
	}
}

func clock(ahead time.Duration) func(*Doctor) {
	return func(d *Doctor) { d.Now = func() time.Time { return now.Add(ahead) } }
}

func unlisted(shown bool) func(*Doctor) {
	return func(d *Doctor) {
		d.ListTasks = shown
		c := d.CloudSSO.(*cloud)
		c.exchanges["ListTasks"], c.errs["ListTasks"] = acs.Call{Status: 403, Code: "NoPermission"}, &task.Error{Kind: task.Refused}
	}
}

func ping(exchange acs.Call, err error, hands bool) func(*Doctor) {
	return func(d *Doctor) {
		d.Checker, d.Hands = "checker", hands
		d.Ping = func(ctx context.Context) error { Observe(ctx, exchange); return err }
	}
}

// TestAsk judges what comes of a call of CloudSSO.
func TestAsk(t *testing.T) {
	const lost = "the connection was lost"
	for _, test := range []struct {
		name   string
		call   acs.Call
		kind   task.Kind
		want   string // how the line begins
		others bool
	}{
		{"no such task", acs.Call{Status: 404, Code: "EntityNotExists.Task", RequestID: "R-1"}, task.NotFound, "ok|GetTask d-00fc2p61abcd|CloudSSO knows the directory, and lets these credentials ask for its tasks|\n", true},
		{"no such directory", acs.Call{Status: 404, Code: "EntityNotExists.Directory", RequestID: "R-1"}, task.NotFound,
			"wrong|GetTask d-00fc2p61abcd|CloudSSO knows no such directory in this region (HTTP 404 EntityNotExists.Directory, request id R-1)|CLOUDSSO_DIRECTORY_ID", false},
		{"something else is not there", acs.Call{Status: 404, Code: "EntityNotExists.User"}, task.NotFound, "ok warning|GetTask d-00fc2p61abcd|CloudSSO does not say whether", true},
		{"an id that cannot be one", acs.Call{Status: 400, Code: "InvalidTaskId"}, task.Invalid, "ok warning|GetTask d-00fc2p61abcd|CloudSSO does not say whether", true},
		{"no permission", acs.Call{Status: 403, Code: "NoPermission", RequestID: "R-1"}, task.Refused,
			"wrong|GetTask d-00fc2p61abcd|these credentials are good, but not for this (HTTP 403 NoPermission, request id R-1)|let the role, or the user, have cloudsso:GetTask on acs:cloudsso:*:*:directory/d-00fc2p61abcd\n", true},
		{"forbidden", acs.Call{Status: 403, Code: "Forbidden.RAM"}, task.Refused, "wrong|GetTask d-00fc2p61abcd|these credentials are good, but not for this (HTTP 403 Forbidden.RAM)|", true},
		{"a date that is off", acs.Call{Status: 400, Code: "InvalidTimeStamp.Expired"}, task.Refused, "wrong|GetTask d-00fc2p61abcd|CloudSSO refuses the date of the signature (HTTP 400 InvalidTimeStamp.Expired)|set this machine's clock", false},
		{"an expired token", acs.Call{Status: 400, Code: "InvalidSecurityToken.Expired"}, task.Refused, "wrong|GetTask d-00fc2p61abcd|the credentials have expired", false},
		{"an expired token, in other words", acs.Call{Status: 400, Code: "SecurityTokenExpired"}, task.Refused, "wrong|GetTask d-00fc2p61abcd|the credentials have expired", false},
		{"a token that is none", acs.Call{Status: 400, Code: "InvalidSecurityToken.Malformed"}, task.Refused, "wrong|GetTask d-00fc2p61abcd|the security token of the credentials is not one", false},
		{"an unknown key", acs.Call{Status: 404, Code: "InvalidAccessKeyId.NotFound"}, task.Refused, "wrong|GetTask d-00fc2p61abcd|CloudSSO does not know the AccessKey", false},
		{"another secret", acs.Call{Status: 400, Code: "SignatureDoesNotMatch"}, task.Refused, "wrong|GetTask d-00fc2p61abcd|the signature does not match", false},
		{"a nonce that was used", acs.Call{Status: 400, Code: "SignatureNonceUsed"}, task.Upstream, "wrong|GetTask d-00fc2p61abcd|CloudSSO takes the call for one that it has had", false},
		{"throttled", acs.Call{Status: 400, Code: "Throttling.User"}, task.Throttled, "wrong|GetTask d-00fc2p61abcd|CloudSSO takes no more calls of this account right now (HTTP 400 Throttling.User)|try again", false},
		{"throttled without a code", acs.Call{Status: 429}, task.Throttled, "wrong|GetTask d-00fc2p61abcd|CloudSSO takes no more calls of this account right now (HTTP 429)|try again", false},
		{"no answer", acs.Call{}, task.Timeout, "wrong|GetTask d-00fc2p61abcd|CloudSSO took too long|try again", false},
		{"no connection", acs.Call{}, task.Upstream, "wrong|GetTask d-00fc2p61abcd|" + lost, false},
		{"out of order", acs.Call{Status: 503, Code: "ServiceUnavailable"}, task.Upstream, "wrong|GetTask d-00fc2p61abcd|CloudSSO is out of order (HTTP 503 ServiceUnavailable)|try again", false},
		{"another API", acs.Call{Status: 404, Code: "InvalidApi.NotFound"}, task.Upstream, "wrong|GetTask d-00fc2p61abcd|CloudSSO's answer makes no sense (HTTP 404 InvalidApi.NotFound)|see whether CLOUDSSO_ENDPOINT", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, others := ask(t.Context(), "GetTask", directory, func(ctx context.Context) error {
				Observe(ctx, test.call)
				return &task.Error{Kind: test.kind}
			})
			if got := shown([]Finding{f}); !strings.HasPrefix(got, test.want) || others != test.others {
				t.Errorf("got %s %v, want %s %v", got, others, test.want, test.others)
			}
		})
	}
}

// TestCalls: each directory is asked for with a made-up id, and for no more than the
// function itself asks.
func TestCalls(t *testing.T) {
	asked := func(change func(*Doctor, *cloud)) []string {
		d := healthy()
		c := d.CloudSSO.(*cloud)
		change(d, c)
		d.Examine(t.Context())
		slices.Sort(c.calls)
		return c.calls
	}
	id := " d-00fc2p61abcd " + string(madeUp)
	for name, test := range map[string]struct {
		change func(*Doctor, *cloud)
		want   []string
	}{
		"by default": {func(*Doctor, *cloud) {}, []string{"GetTaskStatus" + id, "ListTasks d-00fc2p61abcd 1"}},
		"details":    {func(d *Doctor, _ *cloud) { d.GetTask = true }, []string{"GetTask" + id, "GetTaskStatus" + id, "ListTasks d-00fc2p61abcd 1"}},
		"nothing after a directory that is not there": {func(_ *Doctor, c *cloud) {
			c.exchanges["GetTaskStatus"] = acs.Call{Status: 404, Code: "EntityNotExists.Directory"}
		}, []string{"GetTaskStatus" + id}},
		"the rest after a permission that is missing": {func(_ *Doctor, c *cloud) {
			c.exchanges["GetTaskStatus"] = acs.Call{Status: 403, Code: "NoPermission"}
		}, []string{"GetTaskStatus" + id, "ListTasks d-00fc2p61abcd 1"}},
	} {
		if got := asked(test.change); !slices.Equal(got, test.want) {
			t.Errorf("%s: asked %q, want %q", name, got, test.want)
		}
	}
	if _, err := task.ParseID(string(madeUp)); err != nil {
		t.Error(err)
	}
}

// TestTime: whatever does not answer, an examination ends.
func TestTime(t *testing.T) {
	stall := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, test := range map[string]struct {
		sick func(*Doctor)
		most time.Duration
	}{
		"credentials that know no context": {func(d *Doctor) {
			d.Source = func(context.Context) (string, error) { time.Sleep(time.Hour); return "", nil }
		}, firstTimeout},
		"a role": {func(d *Doctor) { d.Assume = stall }, firstTimeout},
		"chats": {func(d *Doctor) {
			d.Chats = []Chat{{Name: "a", Address: "https://a.example.com", Verify: stall}}
		}, firstTimeout},
		"addresses": {func(d *Doctor) {
			d.Transport, d.Chats = transport(stall), []Chat{{Address: "https://a.example.com"}}
		}, reachTimeout},
		"CloudSSO":      {func(d *Doctor) { d.CloudSSO = stalling(stall) }, timeout},
		"an invocation": {func(d *Doctor) { d.Ping = stall }, timeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := healthy()
				test.sick(d)
				began := time.Now()
				findings := d.Examine(t.Context())
				took := time.Since(began)
				time.Sleep(2 * time.Hour) // for what knows no context to end
				if took > test.most || !slices.ContainsFunc(findings, func(f Finding) bool { return !f.OK || f.Warning }) {
					t.Errorf("took %v and found\n%s", took, shown(findings))
				}
			})
		})
	}
}

type stalling func(context.Context) error

func (s stalling) GetTaskStatus(ctx context.Context, _ task.DirectoryID, _ task.ID) (task.Task, error) {
	return task.Task{}, s(ctx)
}

func (s stalling) GetTask(ctx context.Context, _ task.DirectoryID, _ task.ID) (task.Task, error) {
	return task.Task{}, s(ctx)
}

func (s stalling) ListTasks(ctx context.Context, _ task.ListRequest) (task.Page, error) {
	return task.Page{}, s(ctx)
}

type transport func(context.Context) error

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, t(r.Context())
}

// TestReach is over the transport that the function has, to servers that there are and
// to some that there are not.
func TestReach(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" || r.Header.Get("Authorization") != "" || r.ContentLength != 0 {
			t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	lost := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer lost.Close()
	closed := httptest.NewServer(handler)
	closed.Close()
	d := &Doctor{Transport: acs.NewTransport()}
	for _, test := range []struct{ name, address, want string }{
		{"HTTP", plain.URL, ""},
		{"a certificate that nobody vouches for", secure.URL, "its certificate is not one to trust, or is another host's"},
		{"no TLS", "https" + strings.TrimPrefix(plain.URL, "http"), "it does not speak TLS"},
		{"nobody listens", closed.URL, "the connection is refused"},
		{"no answer", lost.URL, "the connection was lost before there was an answer"},
		{"no address", "https://%zz", "it is no address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			date, problem := d.reach(t.Context(), test.address)
			switch {
			case test.want == "" && (problem != nil || time.Since(date).Abs() > time.Minute):
				t.Errorf("got %v, %+v", date, problem)
			case test.want != "" && (problem == nil || problem.what != test.want || problem.hint == ""):
				t.Errorf("got %+v, want %s", problem, test.want)
			}
		})
	}
	t.Run("a proxy that is not there", func(t *testing.T) {
		transport := acs.NewTransport()
		transport.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(closed.URL) }
		_, problem := (&Doctor{Transport: transport}).reach(t.Context(), secure.URL)
		if problem == nil || problem.hint != hintProxy || !strings.HasPrefix(problem.what, "the proxy") {
			t.Errorf("got %+v", problem)
		}
	})
}
