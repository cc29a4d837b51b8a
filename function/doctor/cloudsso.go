package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"taskstatus/function/acs"
	"taskstatus/function/task"
)

const (
	// madeUp is the id of no task: that there is none is the answer that shows that all is well.
	madeUp = task.ID("t-doctor00000000000000")

	// A signature's date may be this far from Alibaba Cloud's clock: beyond it nothing
	// is accepted (InvalidTimeStamp), and long before something is wrong with the clock.
	maxSkew     = 15 * time.Minute
	unusualSkew = time.Minute
)

// What the operator can do.
const (
	hintClock  = "set this machine's clock; Function Compute sets its own: if it goes on there, deploy the function anew"
	hintRegion = "CLOUDSSO_DIRECTORY_ID is to be the directory's id and CLOUDSSO_REGION its region, not the function's, both as the CloudSSO console has them"
	hintLater  = "try again in a moment"
)

// cloudSSO looks at the credentials and at where CloudSSO is, and then asks for each
// directory.
func (d *Doctor) cloudSSO(ctx context.Context) []Finding {
	var found, missing bool
	first, cancel := context.WithTimeout(ctx, firstTimeout)
	defer cancel()
	findings := together(first,
		func(ctx context.Context) (f []Finding) { f, found = d.credentials(ctx); return f },
		func(ctx context.Context) (f []Finding) { f, missing = d.address(ctx); return f },
	)
	if !found || missing || d.CloudSSO == nil {
		return findings
	}
	checks := make([]check, len(d.Directories))
	for i, directory := range d.Directories {
		checks[i] = func(ctx context.Context) []Finding { return d.directory(ctx, directory) }
	}
	return append(findings, together(ctx, checks...)...)
}

// credentials looks for them, and assumes the role; it reports whether there are any to
// ask with.
func (d *Doctor) credentials(ctx context.Context) ([]Finding, bool) {
	source, err := d.source(ctx)
	if err != nil {
		return []Finding{{Check: "credentials", Detail: said(err, "none were found in time")}}, false
	}
	findings := []Finding{{Check: "credentials", OK: true, Detail: source}}
	if d.Assume == nil {
		return findings, true
	}
	role := Finding{Check: "role", OK: true, Detail: "the role of CLOUDSSO_ROLE_ARN can be assumed"}
	if err := d.Assume(ctx); err != nil {
		role.OK, role.Detail = false, said(err, "STS gave no credentials of the role of CLOUDSSO_ROLE_ARN")
		role.Hint = hintLater + "; if it goes on, " + hintNetwork
		if !task.KindOf(err).Retryable() {
			role.Hint = strings.TrimPrefix(task.HintOf(err).En, "For the operator: ")
		}
	}
	return append(findings, role), role.OK
}

// source is Source within the time that there is: on a machine of one's own, credentials
// can come from programs and servers that take theirs.
func (d *Doctor) source(ctx context.Context) (string, error) {
	type answer struct {
		source string
		err    error
	}
	found := make(chan answer, 1)
	go func() {
		source, err := d.Source(ctx)
		found <- answer{source, err}
	}()
	select {
	case a := <-found:
		return a.source, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// address looks at where CloudSSO is and what the time is there; it reports whether it
// is missing.
func (d *Doctor) address(ctx context.Context) ([]Finding, bool) {
	if d.Address == "" {
		return nil, true
	}
	_, host, _ := strings.Cut(d.Address, "://")
	date, problem := d.reach(ctx, d.Address)
	if problem != nil {
		hint := problem.hint
		const wrong = "CLOUDSSO_REGION, or CLOUDSSO_ENDPOINT where that is set, is not the right one; or "
		switch hint {
		case hintAddress:
			hint = wrong + "something in between answers in its place"
		case hintName:
			hint = wrong + "names from outside are not known here, and a proxy is needed (HTTPS_PROXY)"
		}
		return []Finding{{Check: "CloudSSO", Detail: host + " is out of reach: " + problem.what, Hint: hint}}, true
	}
	findings := []Finding{{Check: "CloudSSO", OK: true, Detail: host + " can be reached"}}
	if date.IsZero() {
		return findings, false
	}
	clock := Finding{Check: "clock", OK: true, Detail: "it agrees with CloudSSO's"}
	skew := d.Now().Sub(date).Round(time.Second)
	if skew.Abs() >= unusualSkew {
		clock.OK, clock.Warning, clock.Hint = skew.Abs() < maxSkew, skew.Abs() < maxSkew, hintClock
		side := "ahead of"
		if skew < 0 {
			side = "behind"
		}
		clock.Detail = fmt.Sprintf("it is %v %s CloudSSO's, which refuses what is dated more than 15 minutes off", skew.Abs(), side)
	}
	return append(findings, clock), false
}

// directory asks for a task that there is not and, where nothing but a permission is in
// the way, what else the function asks.
func (d *Doctor) directory(ctx context.Context, directory task.DirectoryID) []Finding {
	f, others := ask(ctx, "GetTaskStatus", directory, func(ctx context.Context) error {
		_, err := d.CloudSSO.GetTaskStatus(ctx, directory, madeUp)
		return err
	})
	if !others {
		return []Finding{f}
	}
	more := []check{func(context.Context) []Finding { return []Finding{f} }}
	if d.GetTask {
		more = append(more, func(ctx context.Context) []Finding {
			f, _ := ask(ctx, "GetTask", directory, func(ctx context.Context) error {
				_, err := d.CloudSSO.GetTask(ctx, directory, madeUp)
				return err
			})
			return []Finding{f}
		})
	}
	return together(ctx, append(more, func(ctx context.Context) []Finding { return d.list(ctx, directory) })...)
}

// list asks for the directory's latest task. Whether timers sweep is not known here: they
// are not in the configuration.
func (d *Doctor) list(ctx context.Context, directory task.DirectoryID) []Finding {
	f, _ := ask(ctx, "ListTasks", directory, func(ctx context.Context) error {
		_, err := d.CloudSSO.ListTasks(ctx, task.ListRequest{Directory: directory, MaxResults: 1})
		return err
	})
	if !f.OK && !d.ListTasks {
		f.OK, f.Warning = true, true
		f.Detail += "; nothing that is configured needs it, but timers and events that name no task do"
	}
	return []Finding{f}
}

type callKey struct{}

// Observe is to be told of every exchange of CloudSSO and Ping, with the context of the
// call: an error has no code in it that could be judged by.
func Observe(ctx context.Context, call acs.Call) {
	if last, ok := ctx.Value(callKey{}).(*acs.Call); ok {
		*last = call
	}
}

// observed makes a call and returns the last exchange that it took.
func observed(ctx context.Context, call func(context.Context) error) (last acs.Call, err error) {
	err = call(context.WithValue(ctx, callKey{}, &last))
	return last, err
}

// ask makes a call and judges what comes of it. It reports whether another call may
// fare better.
func ask(ctx context.Context, action string, directory task.DirectoryID, call func(context.Context) error) (f Finding, others bool) {
	last, err := observed(ctx, call)
	f = Finding{Check: action + " " + string(directory)}
	code := strings.ToLower(last.Code)
	begins := func(prefix string) bool { return strings.HasPrefix(code, prefix) }
	holds := func(part string) bool { return strings.Contains(code, part) }
	kind := task.KindOf(err)
	switch {
	case err == nil || begins("entitynotexists.task"):
		f.OK, f.Detail = true, "CloudSSO knows the directory, and lets these credentials ask for its tasks"
		return f, true
	case begins("entitynotexists.directory"):
		f.Detail, f.Hint = "CloudSSO knows no such directory in this region", hintRegion
	case acs.Denied(code):
		f.Detail = "these credentials are good, but not for this"
		f.Hint = "let the role, or the user, have cloudsso:" + action + " on acs:cloudsso:*:*:directory/" + string(directory)
		others = true
	case acs.Misdated(code):
		f.Detail, f.Hint = "CloudSSO refuses the date of the signature", hintClock
	case holds("securitytoken") && holds("expired"):
		f.Detail, f.Hint = "the credentials have expired", "get new ones; in Function Compute every invocation brings some, if the function has a role"
	case holds("securitytoken"):
		f.Detail, f.Hint = "the security token of the credentials is not one that CloudSSO accepts", "set it with the AccessKey pair that it came with; a user's own pair has none (ALIBABA_CLOUD_SECURITY_TOKEN)"
	case begins("signaturenonceused"):
		f.Detail, f.Hint = "CloudSSO takes the call for one that it has had", hintLater
	case holds("signature"):
		f.Detail, f.Hint = "the signature does not match", "the AccessKey secret is another AccessKey's, or was copied in part"
	case holds("accesskey"):
		f.Detail, f.Hint = "CloudSSO does not know the AccessKey, or it is turned off or was a role's that has expired", "get new credentials"
	case kind == task.Throttled:
		f.Detail, f.Hint = "CloudSSO takes no more calls of this account right now", hintLater
	case kind == task.Timeout:
		f.Detail, f.Hint = "CloudSSO took too long", hintLater
	case kind == task.Invalid, kind == task.NotFound:
		// It may judge an id before it looks at who asks.
		f.OK, f.Warning, others = true, true, true
		f.Detail, f.Hint = "CloudSSO does not say whether these credentials may ask: it does not take an id that is made up", "ask for a task that there is"
	case last.Status >= http.StatusInternalServerError:
		f.Detail, f.Hint = "CloudSSO is out of order", hintLater
	case last.Status == 0:
		f.Detail, f.Hint = "the connection was lost before there was an answer", hintLater
	default:
		f.Detail, f.Hint = "CloudSSO's answer makes no sense", "see whether CLOUDSSO_ENDPOINT, if set, is its address"
	}
	if last.Status != 0 {
		f.Detail += " (" + describe(last) + ")"
	}
	return f, others
}

// describe is what to look for in a log, or to ask Alibaba Cloud about.
func describe(call acs.Call) string {
	text := fmt.Sprintf("HTTP %d", call.Status)
	if call.Code != "" {
		text += " " + call.Code
	}
	if call.RequestID != "" {
		text += ", request id " + call.RequestID
	}
	return text
}

// said is what there is to read of an error about credentials or an invocation: its
// detail, or else the words given, and what the log says of the cause.
func said(err error, otherwise string) string {
	e, ok := errors.AsType[*task.Error](err)
	if !ok {
		return otherwise
	}
	text := cmp.Or(e.Detail.En, otherwise)
	if e.Cause != nil {
		text += " (" + e.Cause.Error() + ")"
	}
	return text
}
