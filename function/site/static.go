package site

import (
	"net/http"

	"taskstatus/web"
)

func (s *Site) index(*exchange) (*answer, error) {
	return static(page, privatePage, web.Index), nil
}

func (s *Site) style(*exchange) (*answer, error) {
	return static("text/css; charset=utf-8", publicFile, web.Style), nil
}

func (s *Site) icon(*exchange) (*answer, error) {
	return static("image/svg+xml", publicFile, web.Icon), nil
}

// static is an embedded file.
func static(contentType, cache, body string) *answer {
	return &answer{
		status: http.StatusOK, contentType: contentType, cache: cache,
		validator: body, body: []byte(body),
	}
}
