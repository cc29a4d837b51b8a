package invoke

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"taskstatus/function/acs"
	"taskstatus/function/task"
)

// An answer is one HTTP response, as far as it was read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// failure is the part of an error answer that is used, without regard to the
// case of the names. The message is left out on purpose: it can repeat what
// was signed, the token too.
type failure struct {
	// Code is called errorCode where the gateway in front of the API answers.
	Code, ErrorCode string
	RequestID       string
}

// failure returns what an answer says of itself as an error. A body that is
// not JSON says nothing; a field of another type is left out.
func (a *answer) failure() failure {
	var f failure
	_ = json.Unmarshal(a.body, &f)
	f.Code = cmp.Or(acs.Plain(f.Code, "._-"), acs.Plain(f.ErrorCode, "._-"))
	f.RequestID = cmp.Or(
		acs.Plain(f.RequestID, "._-"),
		acs.Plain(a.header.Get("X-Fc-Request-Id"), "._-"),
		acs.Plain(a.header.Get("X-Acs-Request-Id"), "._-"),
	)
	return f
}

// err turns an answer other than 202 into an error (Function Compute, "Error codes").
func (a *answer) err(f failure) *task.Error {
	cause := action + ": HTTP " + strconv.Itoa(a.status)
	if f.Code != "" {
		cause += " " + f.Code
	}
	e := &task.Error{Cause: errors.New(cause), RequestID: f.RequestID}
	code := strings.ToLower(f.Code)
	byCode, _ := acs.Classify(code, 0)
	e.Kind, _ = acs.Classify(code, a.status)
	switch {
	case code == "entitytoolarge", a.status == http.StatusRequestEntityTooLarge:
		e.Kind, e.Detail = task.Invalid, tooLarge
	case code == "functionnotfound":
		e.Kind, e.Detail = task.Refused, noFunction
	case code == "resourceexhausted", code == "resourcethrottled":
		e.Kind = task.Throttled
	case acs.Misdated(code):
		e.Detail = wrongClock
	case e.Kind == task.Refused && !acs.Denied(code) && (byCode == task.Refused || a.status == http.StatusUnauthorized):
		e.Detail = badCredentials
	case e.Kind == task.Refused:
		e.Detail = noPermission
	}
	return e
}

// unknownTarget is the error for a target of which a part cannot be one.
func unknownTarget(part string) *task.Error {
	return &task.Error{Kind: task.Refused, Detail: noTarget, Cause: errors.New(action + ": " + part + " is missing or cannot be one")}
}

// What the asker reads.
var (
	noTarget = task.Text{
		En: "this function does not know which function to invoke",
		Zh: "本函数不知道要调用哪个函数",
	}
	noFunction = task.Text{
		En: "the function that CHECK_FUNCTION names does not exist in the account and region of this function",
		Zh: "CHECK_FUNCTION 指定的函数在本函数所属的账号和地域中不存在",
	}
	noPermission = task.Text{
		En: "this function may not invoke itself, or the function that CHECK_FUNCTION names: its role needs fc:InvokeFunction",
		Zh: "本函数无权调用自身或 CHECK_FUNCTION 指定的函数：其 RAM 角色需要 fc:InvokeFunction 权限",
	}
	badCredentials = task.Text{
		En: "Function Compute does not accept the credentials of this function",
		Zh: "函数计算不接受本函数的访问凭证",
	}
	wrongClock = task.Text{
		En: "the clock of this function is off: Function Compute refuses the date of the signature",
		Zh: "本函数的系统时间不准确：函数计算拒绝了签名时间",
	}
	tooLarge = task.Text{En: "that is too much for one invocation: 128 KB at most", Zh: "内容超出单次调用的上限 128 KB"}
	tooLate  = task.Text{En: "an invocation can be put off by an hour at most", Zh: "调用最多只能延迟一小时"}
	busy     = task.Text{En: "Function Compute is busy", Zh: "函数计算正在限流"}
	noAnswer = task.Text{En: "Function Compute gave no usable answer", Zh: "函数计算未返回可用的结果"}
	tooSlow  = task.Text{En: "Function Compute took too long", Zh: "函数计算响应超时"}
)

// detailed gives an error that has no detail that of its kind: task's own
// words for the kinds are about CloudSSO.
func detailed(err error) error {
	if e, ok := errors.AsType[*task.Error](err); ok && e.Detail == (task.Text{}) {
		switch e.Kind {
		case task.Throttled:
			e.Detail = busy
		case task.Timeout:
			e.Detail = tooSlow
		default:
			e.Detail = noAnswer
		}
	}
	return err
}
