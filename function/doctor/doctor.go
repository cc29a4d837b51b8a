// Package doctor says in plain words whether the function, as it is configured, can do
// its work. It asks once whatever the function depends on, changes nothing and posts
// nothing, so that it can be run again and again. What it says is for the operator, in
// English; neither a secret nor what somebody else's server says in words is in it.
package doctor

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"taskstatus/function/acs"
	"taskstatus/function/task"
)

const (
	// timeout bounds an examination: somebody waits for it, and an invocation has a
	// deadline. It leaves time for a look at where CloudSSO is and two calls of it.
	timeout = 10 * time.Second
	// firstTimeout bounds what comes before the calls of CloudSSO.
	firstTimeout = 4 * time.Second
	// reachTimeout bounds a look at one address.
	reachTimeout = 3 * time.Second
)

// A Finding is what came of one check.
type Finding struct {
	// Check names what was looked at, such as "credentials".
	Check string `json:"check"`
	// OK reports whether the function can work with it as it is.
	OK bool `json:"ok"`
	// Warning says of what is OK that it may not be meant to be so.
	Warning bool `json:"warning,omitempty"`
	// Detail says what was found.
	Detail string `json:"detail"`
	// Hint says what to do; empty where there is nothing to do, or the detail says it.
	Hint string `json:"hint,omitempty"`
}

// A CloudSSO is asked for tasks, each time once, and tells Observe of it.
type CloudSSO interface {
	GetTaskStatus(context.Context, task.DirectoryID, task.ID) (task.Task, error)
	GetTask(context.Context, task.DirectoryID, task.ID) (task.Task, error)
	ListTasks(context.Context, task.ListRequest) (task.Page, error)
}

// An Access says who is let in.
type Access interface {
	Open() bool
	Configured() bool
	Signs() bool
}

// A Chat is a platform that is asked from, or posted to.
type Chat struct {
	// Name is the platform's, as in /chat/{platform}.
	Name string
	// Answers and Posts say what it is configured for.
	Answers, Posts bool
	// Address is where the platform is.
	Address string
	// Secret says that the address is not to be shown.
	Secret bool
	// Verify, unless nil, has the platform say whether it accepts us, and posts
	// nothing. Its error is fit to be shown.
	Verify func(context.Context) error
}

// A Doctor examines the function. What is nil or empty in it is not looked at.
type Doctor struct {
	// Wrong joins what is wrong with the configuration, a line each.
	Wrong error
	// Warnings are what is allowed there but looks wrong.
	Warnings []string
	// Access is who is let in.
	Access Access

	// Source says in plain words where the credentials come from.
	Source func(context.Context) (string, error)
	// Assume assumes the role of CLOUDSSO_ROLE_ARN.
	Assume func(context.Context) error

	// Address is where CloudSSO is.
	Address string
	// CloudSSO is what answers there, asked with those credentials.
	CloudSSO CloudSSO
	// Directories are those to ask for. GetTask says that the function makes this call too,
	// and ListTasks that it is configured to make that one.
	Directories        []task.DirectoryID
	ListTasks, GetTask bool

	// Chats are the platforms that are configured.
	Chats []Chat

	// Ping has the function Checker invoked, with a payload that comes to nothing.
	Ping    func(context.Context) error
	Checker string
	// Hands says that something is configured which is handed on to it.
	Hands bool

	// Transport carries what no client is there for. It must not follow redirects.
	Transport http.RoundTripper
	// Now is the clock.
	Now func() time.Time
}

// Examine looks at everything, most of it at the same time, and returns what it has
// found, always in the same order. A check that another one's result makes pointless
// is left out.
func (d *Doctor) Examine(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	findings := together(ctx, d.configuration, d.access, d.cloudSSO, d.chats)
	// By itself: it has a second, and an instance little of a processor.
	return append(findings, d.invocation(ctx)...)
}

// A check looks at something.
type check func(context.Context) []Finding

// together makes checks at the same time, and returns their findings in order.
func together(ctx context.Context, checks ...check) []Finding {
	found := make([][]Finding, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() { found[i] = check(ctx) })
	}
	running.Wait()
	return slices.Concat(found...)
}

func (d *Doctor) configuration(context.Context) []Finding {
	const name = "configuration"
	var found []Finding
	if d.Wrong != nil {
		for line := range strings.Lines(d.Wrong.Error()) {
			found = append(found, Finding{Check: name, Detail: strings.TrimSuffix(line, "\n")})
		}
	}
	for _, warning := range d.Warnings {
		found = append(found, Finding{Check: name, OK: true, Warning: true, Detail: warning})
	}
	if found == nil {
		found = []Finding{{Check: name, OK: true, Detail: "every variable that is needed is set, and none is wrong"}}
	}
	return found
}

// access says who is let in. That nobody is, or that browsers cannot sign in, is among
// the configuration's warnings.
func (d *Doctor) access(context.Context) []Finding {
	f := Finding{Check: "access", OK: true}
	switch {
	case d.Access == nil || !d.Access.Configured():
		return nil
	case d.Access.Open():
		f.Detail = "everybody is let in: ACCESS=open"
	case d.Access.Signs():
		f.Detail = "who has a token of ACCESS_TOKENS is let in, and browsers can sign in with it"
	default:
		f.Detail = "programs that have a token of ACCESS_TOKENS are let in"
	}
	return []Finding{f}
}

// invocation has the function that checks invoked, in a way that comes to nothing.
func (d *Doctor) invocation(ctx context.Context) []Finding {
	if d.Ping == nil {
		return nil
	}
	f := Finding{Check: "invocation", OK: true, Detail: "this function can invoke " + d.Checker}
	last, err := observed(ctx, d.Ping)
	if err == nil {
		return []Finding{f}
	}
	f.OK, f.Warning = !d.Hands, !d.Hands
	if acs.Denied(last.Code) {
		f.Detail = "this function may not invoke " + d.Checker + " (" + describe(last) + ")"
		f.Hint = "let its role have fc:InvokeFunction on acs:fc:*:*:functions/" + d.Checker
	} else {
		f.Detail = said(err, "Function Compute gave no answer in time")
	}
	if f.Warning {
		f.Detail += "; nothing that is configured needs it, but what programs post to /events does"
	}
	return []Finding{f}
}

// chats looks at each platform, without posting anything.
func (d *Doctor) chats(ctx context.Context) []Finding {
	if len(d.Chats) == 0 {
		return []Finding{{Check: "chats", OK: true, Detail: "none is configured"}}
	}
	checks := make([]check, len(d.Chats))
	for i, c := range d.Chats {
		checks[i] = func(ctx context.Context) []Finding { return []Finding{d.chat(ctx, c)} }
	}
	return together(ctx, checks...)
}

func (d *Doctor) chat(ctx context.Context, c Chat) Finding {
	f := Finding{Check: "chat " + c.Name, OK: true}
	var does []string
	if c.Answers {
		does = append(does, "is answered")
	}
	if c.Posts {
		does = append(does, "is posted to (what comes of it notify-test tells)")
	}
	f.Detail = strings.Join(does, " and ") + "; "
	address := c.Address
	if c.Secret {
		address = "its address"
	}
	ctx, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	if _, problem := d.reach(ctx, c.Address); problem != nil {
		f.OK = false
		f.Detail += address + " is out of reach: " + problem.what
		f.Hint = problem.hint
		return f
	}
	f.Detail += address + " can be reached"
	if c.Verify == nil {
		return f
	}
	if err := c.Verify(ctx); err != nil {
		f.OK = false
		f.Detail += ", but this function fails to prove itself there: " + err.Error()
		return f
	}
	f.Detail += " and accepts this function"
	return f
}
