package site

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"taskstatus/function/task"
)

// errNotGenuine is all that the sender of a call learns that is not genuine,
// whatever is wrong with it.
var errNotGenuine = &refusal{status: http.StatusForbidden, name: "not-genuine",
	title: task.Text{En: "The call is not genuine", Zh: "请求未通过验证"},
	hint:  task.Text{En: "For the operator: the log says why.", Zh: "请管理员查看日志了解原因。"}}

// chat answers a chat platform's call. There it is always the same address, in
// no language and in no form but the platform's own.
func (s *Site) chat(e *exchange) (*answer, error) {
	contentType, body, err := s.Chat.Answer(e.request, strings.TrimPrefix(e.request.URL.Path, "/chat/"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errNoSuchPage
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w: %w", errNotGenuine, err)
	case err != nil:
		return nil, err
	}
	return &answer{status: http.StatusOK, contentType: contentType, cache: noStore, body: body}, nil
}
