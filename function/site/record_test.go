package site

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
)

// exchanges is where exchanges are written that function/acceptance holds to the
// contract: a file in the directory that EXCHANGES names. Without, it is nil.
var exchanges = sync.OnceValues(func() (*os.File, error) {
	dir := os.Getenv("EXCHANGES")
	if dir == "" {
		return nil, nil
	}
	return os.CreateTemp(dir, "site-*.jsonl")
})

// record notes a request, and what it returns the answer, as lines of JSON like those
// of function/local -record. A request that breaks off is none.
func record(r *http.Request) func(*httptest.ResponseRecorder) {
	file, err := exchanges()
	if err != nil {
		panic(err)
	}
	body, broken := io.ReadAll(r.Body)
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{broken}))
	if file == nil || broken != nil {
		return func(*httptest.ResponseRecorder) {}
	}
	method, target, sent := r.Method, r.URL.RequestURI(), r.Header.Clone()
	return func(w *httptest.ResponseRecorder) {
		header := w.Header().Clone()
		header.Set(RequestIDHeader, cmp.Or(sent.Get(RequestIDHeader), "1-0")) // as Function Compute does
		line, err := json.Marshal(struct {
			Method         string      `json:"method"`
			Target         string      `json:"target"`
			Header         http.Header `json:"header"`
			Body           []byte      `json:"body,omitempty"`
			Status         int         `json:"status"`
			ResponseHeader http.Header `json:"responseHeader"`
			ResponseBody   []byte      `json:"responseBody,omitempty"`
		}{method, target, sent, body, w.Code, header, w.Body.Bytes()})
		if err == nil {
			_, err = file.Write(append(line, '\n'))
		}
		if err != nil {
			panic(err)
		}
	}
}

// failing fails as a body did, or ends.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, cmp.Or(f.err, io.EOF) }
