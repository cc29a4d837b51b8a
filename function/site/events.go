package site

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"taskstatus/function/task"
)

// maxEvents bounds what is posted to /events: it is handed on within the 128 KB that
// Function Compute takes of an asynchronous invocation.
const maxEvents = 64 << 10

// notTakenFor is when to send again what was not taken: who calls soon meets the same
// trouble, and an operator needs longer.
const notTakenFor = 10 * time.Second

// ErrNotTaken is the error of an Events that could not do what was genuine and
// well: the sender has to send it again.
var ErrNotTaken error = &refusal{status: http.StatusServiceUnavailable, name: "not-taken", retryAfter: notTakenFor,
	title: task.Text{En: "This could not be done", Zh: "未能处理"},
	hint: task.Text{
		En: "Send it again. For the operator: the log says why. To hand it on, the role needs fc:InvokeFunction on the function that CHECK_FUNCTION names.",
		Zh: "请重新发送。管理员可查看日志了解原因；转交检查需要 RAM 角色对 CHECK_FUNCTION 指定的函数具有 fc:InvokeFunction 权限。",
	}}

var errEventsTooLarge = &refusal{status: http.StatusRequestEntityTooLarge, name: "too-large",
	title: task.Text{En: "That is too much", Zh: "内容过长"},
	hint:  task.Text{En: "Send at most 64 KB.", Zh: "请提交不超过 64 KB 的内容。"}}

// events answers POST /events. Nothing of the body is looked into before its sender is
// known: by a token, as open access lets nobody post, or by a signature. What comes
// again by the same id, as a signed message may, was taken.
func (s *Site) events(e *exchange) (*answer, error) {
	e.form = asJSON
	body, err := io.ReadAll(http.MaxBytesReader(nil, e.request.Body, maxEvents))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errEventsTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	id, err := s.admit(e, body)
	if err != nil {
		return nil, err
	}
	if s.posted.Has(id) {
		return &answer{status: http.StatusAccepted, contentType: jsonType, cache: noStore, body: encode(map[string]bool{"accepted": true})}, nil
	}
	result, later, err := s.Events.Receive(e.request.Context(), e.request.Header, body)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if later {
		status = http.StatusAccepted
		if id != "" {
			s.posted.Add(id)
		}
	}
	return &answer{status: status, contentType: jsonType, cache: noStore, body: encode(result)}, nil
}

// admit returns the id of what is posted, if that is signed, or says why whoever
// posts is not let in.
func (s *Site) admit(e *exchange, body []byte) (id string, err error) {
	caller, err := s.Guard.Bearer(e.request, e.now)
	if err == nil {
		e.log(slog.String("caller", caller))
		return "", nil
	}
	if e.request.Header.Get("Webhook-Signature") == "" {
		return "", notLetIn(err)
	}
	id, err = s.Senders.Verify(e.request.Header, body, e.now)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNotGenuine, err)
	}
	e.log(slog.String("webhook", id))
	for name := range e.request.Header {
		if strings.HasPrefix(name, "Ce-") {
			// The signature covers the body alone.
			return "", task.Errorf(task.Invalid, task.Text{
				En: "an event that is signed cannot be in binary mode: send it in structured mode, as application/cloudevents+json",
				Zh: "带签名的事件不能使用 binary 模式：请以 application/cloudevents+json 的 structured 模式发送",
			})
		}
	}
	return id, nil
}
