package site

import (
	"net/http"

	"taskstatus/web"
)

func (s *Site) index(*exchange) (*answer, error) { return s.static(page, web.Index), nil }
func (s *Site) style(*exchange) (*answer, error) {
	return s.static("text/css; charset=utf-8", web.Style), nil
}
func (s *Site) icon(*exchange) (*answer, error) { return s.static("image/svg+xml", web.Icon), nil }

// static is an embedded file. It changes with a release only.
func (s *Site) static(contentType, body string) *answer {
	return &answer{
		status: http.StatusOK, contentType: contentType, cache: asset,
		validator: body, body: []byte(body),
	}
}
