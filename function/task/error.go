package task

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// A Kind says in which way a look-up went wrong. The set is closed: whoever
// turns an error into an answer handles every one. That a task Failed is not
// among them: learning that is a look-up that went well.
type Kind uint8

const (
	// Internal is anything unforeseen. The caller learns a request id and nothing else.
	Internal Kind = iota
	// Invalid is a request that cannot mean anything: the caller's to mend.
	Invalid
	// Forbidden is a request for what this function is not configured to show.
	Forbidden
	// NotFound is a task, or a directory, that CloudSSO does not know.
	NotFound
	// Refused is CloudSSO not taking this function's credentials, or the role
	// behind them not being permitted: the operator's to mend.
	Refused
	// Throttled is CloudSSO asking for fewer calls.
	Throttled
	// Upstream is CloudSSO out of order or out of reach, or an answer of its that makes no sense.
	Upstream
	// Timeout is no answer from CloudSSO within the time there was.
	Timeout
)

// Retryable reports whether the same request may well succeed a little later.
func (k Kind) Retryable() bool {
	return k == Throttled || k == Upstream || k == Timeout
}

// String names the kind as logs and problem types do.
func (k Kind) String() string {
	switch k {
	case Invalid:
		return "invalid"
	case Forbidden:
		return "forbidden"
	case NotFound:
		return "not-found"
	case Refused:
		return "refused"
	case Throttled:
		return "throttled"
	case Upstream:
		return "upstream"
	case Timeout:
		return "timeout"
	}
	return "internal"
}

// Title says to the caller what happened.
func (k Kind) Title() Text {
	switch k {
	case Invalid:
		return Text{"The request is not valid", "请求无效"}
	case Forbidden:
		return Text{"Not allowed", "不允许访问"}
	case NotFound:
		return Text{"Task not found", "未找到任务"}
	case Refused:
		return Text{"CloudSSO refused this function", "云 SSO 拒绝了本函数的请求"}
	case Throttled:
		return Text{"CloudSSO is busy", "云 SSO 正在限流"}
	case Upstream:
		return Text{"CloudSSO gave no usable answer", "云 SSO 未返回可用的结果"}
	case Timeout:
		return Text{"CloudSSO took too long", "云 SSO 响应超时"}
	}
	return Text{"Something went wrong here", "本函数内部出错"}
}

// Hint says to the caller what to do next.
func (k Kind) Hint() Text {
	switch k {
	case Invalid:
		return Text{"Correct the request and send it again.", "请修改后重试。"}
	case Forbidden:
		return Text{"Ask whoever runs this function which directories it shows.", "请向本函数的管理员确认它开放了哪些目录。"}
	case NotFound:
		return Text{
			"Compare the id with the one you were given. A task of another directory or region, or one that CloudSSO no longer keeps, is not found either.",
			"请核对任务 ID。任务属于其他目录或地域，或者因时间过久已不再保留时，也会查不到。",
		}
	case Refused:
		return Text{
			"For the operator: the function's RAM role needs cloudsso:GetTaskStatus on this directory (to list recent tasks, cloudsso:ListTasks), and CLOUDSSO_REGION must be the directory's region. The log has CloudSSO's error code.",
			"请联系管理员：函数的 RAM 角色需要对该目录具有 cloudsso:GetTaskStatus 权限（列出最近的任务还需要 cloudsso:ListTasks），且 CLOUDSSO_REGION 须为目录所在地域。日志中记录了云 SSO 的错误码。",
		}
	case Throttled, Upstream, Timeout:
		return Text{"Try again in a few seconds. The task itself goes on.", "请稍后重试。任务本身不受影响。"}
	}
	return Text{"Give the request id to whoever runs this function.", "请将请求 ID 提供给本函数的管理员。"}
}

// An Error is a look-up gone wrong, with a text for the caller (Detail) and
// one for the log (Error). What CloudSSO says in words belongs in neither: its
// message can repeat the signed request.
type Error struct {
	Kind Kind
	// Detail tells the caller what is wrong with this very request. It may be empty.
	Detail Text
	// Hint says what to do, where the kind's own would mislead. It may be empty.
	Hint Text
	// Cause is for the log only.
	Cause error
	// RetryAfter is how long to leave CloudSSO alone; zero where it did not say.
	RetryAfter time.Duration
	// RequestID is CloudSSO's id of the request that failed, if it got that far.
	RequestID string
}

// Error is the text for the log, never for the caller.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	if e.Detail.En != "" {
		b.WriteString(": " + e.Detail.En)
	}
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns an Error of the kind whose detail is the text, in each
// language formatted with the same arguments.
func Errorf(kind Kind, detail Text, args ...any) *Error {
	return &Error{Kind: kind, Detail: detail.with(args...)}
}

// KindOf returns the kind of err: that of the Error in its chain, Timeout for
// a deadline that passed, else Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Timeout
	}
	return Internal
}

// HintOf says to the caller of err what to do next.
func HintOf(err error) Text {
	if e, ok := errors.AsType[*Error](err); ok && e.Hint != (Text{}) {
		return e.Hint
	}
	return KindOf(err).Hint()
}

// Public is what the caller may read of err, in English, as all is that Function
// Compute says of an invocation: its kind and, where it has one, the detail.
func Public(err error) string {
	text := KindOf(err).Title().En
	if e, ok := errors.AsType[*Error](err); ok && e.Detail.En != "" {
		text += ": " + e.Detail.En
	}
	return text
}

// troubleFor is how long to leave CloudSSO alone that gave no answer, where it
// did not say for how long. The call has tried more than once already.
const troubleFor = 3 * time.Second

// RetryAfter is how long to leave CloudSSO alone after err: as long as it
// asked for, else some seconds; zero where trying again brings nothing.
func RetryAfter(err error) time.Duration {
	if !KindOf(err).Retryable() {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok && e.RetryAfter > 0 {
		return e.RetryAfter
	}
	return troubleFor
}

// Shown returns a Forbidden error for a directory that is not one of those given.
func Shown(directory DirectoryID, directories []DirectoryID) error {
	if slices.Contains(directories, directory) {
		return nil
	}
	return Errorf(Forbidden, Text{
		"the directory %s is not one that is shown here",
		"本函数未开放目录 %s",
	}, directory)
}
