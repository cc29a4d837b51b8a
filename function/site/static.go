package site

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"taskstatus/web"
)

// assets is where the files of web are, but for the page among them.
const assets = "/assets/"

func assetPath(name string) string { return assets + name }

func (s *Site) index(e *exchange) (*answer, error) {
	a, err := static(e, web.Index, page, privatePage)
	if err != nil {
		return nil, err
	}
	a.vary += ", Authorization, Cookie"
	return a, nil
}

// contract answers GET /openapi.yaml, which is for everybody: it says what can be asked,
// and nothing of what is.
func (s *Site) contract(e *exchange) (*answer, error) {
	return static(e, web.Contract, "application/yaml", publicDocument)
}

func (s *Site) asset(e *exchange) (*answer, error) {
	name := strings.TrimPrefix(e.request.URL.Path, assets)
	switch path.Ext(name) {
	case ".css":
		return static(e, name, "text/css; charset=utf-8", publicFile)
	case ".js":
		return static(e, name, "text/javascript; charset=utf-8", publicFile)
	case ".svg":
		return static(e, name, "image/svg+xml", publicFile)
	}
	return nil, errNoSuchPage
}

// static is a file of web. Its name stands for its content, so that nothing is
// hashed here; in a weak tag, because the tag is the same for every coding.
func static(e *exchange, name, contentType, cache string) (*answer, error) {
	body, ok := web.File(name)
	if !ok {
		return nil, errNoSuchPage
	}
	a := &answer{
		status: http.StatusOK, contentType: contentType, encoding: "gzip", cache: cache,
		vary: "Accept-Encoding", tag: `W/"` + name + `"`, body: body,
	}
	if !takesGzip(e.request) {
		var err error
		if a.body, err = gunzip(body); err != nil {
			return nil, fmt.Errorf("decompress %s: %w", name, err)
		}
		a.encoding = ""
	}
	return a, nil
}

// takesGzip reports whether gzip is preferred to no coding (RFC 9110, section
// 12.5.3). "*" speaks for it only where its name is not listed. Without a list
// it might be sent, but who sends none is mostly a program that knows none.
func takesGzip(r *http.Request) bool {
	accepted, coding := strings.Join(r.Header.Values("Accept-Encoding"), ","), "gzip"
	if !strings.Contains(strings.ToLower(accepted), coding) {
		coding = "*"
	}
	return quality(accepted, coding) > quality(accepted, "identity")
}

// gunzip is for the few who take no gzip: the others get what was compressed
// before the build.
func gunzip(compressed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
