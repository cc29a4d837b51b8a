package site

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"taskstatus/function/task"
)

// maxEvents bounds what is posted to /events. It is handed on by an asynchronous
// invocation, of which Function Compute takes 128 KB.
const maxEvents = 96 << 10

var errEventsTooLarge = &refusal{status: http.StatusRequestEntityTooLarge, name: "too-large",
	title: task.Text{En: "That is too much", Zh: "内容过长"},
	hint:  task.Text{En: "Send at most 96 KB.", Zh: "请提交不超过 96 KB 的内容。"}}

// events answers POST /events. Nothing of the body is read before its sender is
// known: by a token with a name, as open access lets nobody post, or by a signature.
func (s *Site) events(e *exchange) (*answer, error) {
	e.form = asJSON
	body, err := io.ReadAll(http.MaxBytesReader(nil, e.request.Body, maxEvents))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errEventsTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if err := s.admit(e, body); err != nil {
		return nil, err
	}
	result, later, err := s.Events.Receive(e.request.Context(), e.request.Header, body)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if later {
		status = http.StatusAccepted
	}
	return &answer{status: status, contentType: jsonType, cache: noStore, body: encode(result)}, nil
}

// admit says why who posts is not let in.
func (s *Site) admit(e *exchange, body []byte) error {
	if caller, ok := s.Guard.Caller(e.request); ok && caller != "" {
		e.log(slog.String("caller", caller))
		return nil
	}
	if e.request.Header.Get("Webhook-Signature") == "" {
		return errUnauthorized
	}
	id, err := s.Senders.Verify(e.request.Header, body, e.now)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotGenuine, err)
	}
	e.log(slog.String("webhook", id))
	for name := range e.request.Header {
		if strings.HasPrefix(name, "Ce-") {
			// The signature covers the body alone.
			return task.Errorf(task.Invalid, task.Text{
				En: "an event that is signed cannot be in binary mode: send it in structured mode, as application/cloudevents+json",
				Zh: "带签名的事件不能使用 binary 模式：请以 application/cloudevents+json 的 structured 模式发送",
			})
		}
	}
	return nil
}
