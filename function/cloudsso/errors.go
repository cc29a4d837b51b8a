package cloudsso

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"taskstatus/function/acs"
	"taskstatus/function/task"
)

// maxRetryAfter bounds the wait that an answer can ask for: more is likelier a
// mistake than a wish.
const maxRetryAfter = 5 * time.Minute

// An answer is one HTTP response, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
	// at is when it had come.
	at time.Time
}

// failure is the part of an error answer that is used, without regard to the
// case of the names: gateways differ in it. CloudSSO's Message is left out on
// purpose: it can repeat the canonical request with the token.
type failure struct {
	Code               string
	RequestID          string
	AccessDeniedDetail struct{ AuthAction string }
}

// failure returns what an answer says of itself as an error. A body that is
// not JSON says nothing; a field of another type is left out.
func (a *answer) failure() failure {
	var f failure
	_ = json.Unmarshal(a.body, &f)
	f.Code = acs.Plain(f.Code, "._-")
	f.RequestID = a.requestID(f.RequestID)
	f.AccessDeniedDetail.AuthAction = acs.Plain(f.AccessDeniedDetail.AuthAction, "._-:")
	return f
}

// requestID returns the id in the body, or else the one in the header.
func (a *answer) requestID(inBody string) string {
	if id := acs.Plain(inBody, "._-"); id != "" {
		return id
	}
	return acs.Plain(a.header.Get("x-acs-request-id"), "._-")
}

// err turns an answer other than 200 into an error, and reports whether trying
// again may help. The request for the directory was dated at the time given.
func (a *answer) err(action string, directory task.DirectoryID, f failure, dated time.Time) (e *task.Error, retry bool) {
	kind, retry := classify(f.Code, a.status)
	e = &task.Error{Kind: kind, RequestID: f.RequestID}
	cause := action + ": HTTP " + strconv.Itoa(a.status)
	if f.Code != "" {
		cause += " " + f.Code
	}
	if f.AccessDeniedDetail.AuthAction != "" {
		cause += ", missing permission " + f.AccessDeniedDetail.AuthAction
	}
	e.Cause = errors.New(cause)
	if retry {
		e.RetryAfter = a.retryAfter(dated)
	}
	switch code := strings.ToLower(f.Code); {
	case strings.HasPrefix(code, "entitynotexists.directory"):
		e.Detail = task.Text{
			En: "directory " + string(directory) + " is not known in this region",
			Zh: "该地域中没有目录 " + string(directory),
		}
	case acs.Misdated(code):
		e.Detail, e.Hint = a.wrongClock(dated), setClock
	case kind == task.Refused && !acs.Denied(code) && code != "":
		e.Detail = task.Text{
			En: "the credentials of this function are not accepted",
			Zh: "本函数的访问凭证未被接受",
		}
		e.Hint = haveRole
	case kind == task.Invalid:
		e.Detail = task.Text{En: "CloudSSO does not accept one of the ids", Zh: "云 SSO 不接受其中的某个 ID"}
	}
	return e, retry
}

// noSuchHost is for the operator: no waiting helps against a wrong name.
var noSuchHost = task.Text{
	En: "CloudSSO's address is not known: CLOUDSSO_REGION, or CLOUDSSO_ENDPOINT, is not the right one",
	Zh: "无法解析云 SSO 的地址：请检查 CLOUDSSO_REGION 或 CLOUDSSO_ENDPOINT",
}

// What the operator can do, other than to give the role a right.
var (
	setClock = task.Text{
		En: "For the operator: set this machine's clock. Function Compute sets its own: if it goes on there, deploy the function anew.",
		Zh: "请联系管理员：请校准本机时间。函数计算会自动校准；如果问题持续，请重新部署函数。",
	}
	haveRole = task.Text{
		En: "For the operator: the function needs a RAM role that Function Compute may assume, and nothing may keep its credentials from it. The log has CloudSSO's error code.",
		Zh: "请联系管理员：请为函数配置可由函数计算扮演的 RAM 角色，并确保函数能够获取其访问凭证。日志中记录了云 SSO 的错误码。",
	}
)

// leastOff is less than any clock is off whose dates are refused.
const leastOff = time.Minute

// wrongClock says that the date of a request is not accepted, and how far it is
// from that of the answer. It absolves the role, which is what one would suspect.
func (a *answer) wrongClock(dated time.Time) task.Text {
	off := task.Text{En: "off", Zh: "不准确"}
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		switch by := dated.Sub(date).Round(time.Second); {
		case by >= leastOff:
			off = task.Text{En: fmt.Sprintf("%v ahead of CloudSSO's", by), Zh: fmt.Sprintf("比云 SSO 快 %v", by)}
		case by <= -leastOff:
			off = task.Text{En: fmt.Sprintf("%v behind CloudSSO's", -by), Zh: fmt.Sprintf("比云 SSO 慢 %v", -by)}
		}
	}
	return task.Text{
		En: "the clock of this function is " + off.En + ": CloudSSO refuses the date of the signature, not the role or its credentials",
		Zh: "本函数的系统时间" + off.Zh + "：云 SSO 拒绝的是签名时间，与 RAM 角色和访问凭证无关",
	}
}

// malformed is the error for an answer of 200 that makes no sense.
func malformed(action, what, requestID string) *task.Error {
	return &task.Error{Kind: task.Upstream, Cause: errors.New(action + ": " + what), RequestID: requestID}
}

// classify judges an error by its code and, where that says nothing, by the
// HTTP status. CloudSSO publishes no list of its codes: those of its own that
// are known say what or whose id is wrong, and the rest all APIs share.
func classify(code string, status int) (kind task.Kind, retry bool) {
	lower := strings.ToLower(code)
	begins := func(prefix string) bool { return strings.HasPrefix(lower, prefix) }
	holds := func(part string) bool { return strings.Contains(lower, part) }
	switch {
	case begins("entitynotexists"):
		return task.NotFound, false
	case (begins("invalid") || begins("missing")) && (holds("taskid") || holds("directoryid")):
		return task.Invalid, false
	}
	return acs.Classify(code, status)
}

// retryAfter is how long an answer asks to be left alone: the longest of
// Alibaba's rate limit headers and of Retry-After (RFC 9110, section 10.2.3).
func (a *answer) retryAfter(now time.Time) time.Duration {
	wait := max(timeLeft(a.header.Get("x-ratelimit-user-api")), timeLeft(a.header.Get("x-ratelimit-user")))
	after := a.header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(after, 10, 31); err == nil {
		wait = max(wait, time.Duration(seconds)*time.Second)
	} else if at, err := http.ParseTime(after); err == nil {
		wait = max(wait, at.Sub(now))
	}
	return min(wait, maxRetryAfter)
}

// timeLeft reads the milliseconds of "Limit:1,Remain:0,TimeLeft:2000,Reset:1234".
func timeLeft(header string) time.Duration {
	for field := range strings.SplitSeq(header, ",") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(field), "TimeLeft:"); ok {
			ms, _ := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}
