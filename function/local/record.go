package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync"
)

// An exchange is a request and what the function has answered to it. What Function
// Compute answers itself is none.
type exchange struct {
	Method         string      `json:"method"`
	Target         string      `json:"target"` // with the query
	Header         http.Header `json:"header"`
	Body           []byte      `json:"body,omitempty"`
	Status         int         `json:"status"`
	ResponseHeader http.Header `json:"responseHeader"`
	ResponseBody   []byte      `json:"responseBody,omitempty"`
}

// A recorder writes exchanges into a file, as lines of JSON. They hold all that is sent,
// secrets too.
type recorder struct {
	mu   sync.Mutex
	file *os.File
}

func newRecorder(path string) (*recorder, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) // #nosec G304 -- a file that the caller names
	if err != nil {
		return nil, fmt.Errorf("-record: %w", err)
	}
	return &recorder{file: file}, nil
}

// add writes what the function has answered to an event. A record that is not whole
// proves nothing, so that it does not go on without.
func (r *recorder) add(request *http.Request, event httpEvent, answered *answered) {
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		body, _ = base64.StdEncoding.DecodeString(event.Body) // which was encoded here
	}
	line, err := json.Marshal(exchange{
		request.Method, request.RequestURI, request.Header, body,
		answered.status, answered.Header(), answered.body.Bytes(),
	})
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, err = r.file.Write(append(line, '\n'))
	}
	if err != nil && !errors.Is(err, os.ErrClosed) { // the server does not wait for the last answers
		log.Panicf("record an exchange: %v", err)
	}
}

// Close waits for what is being written, so that no half line is left.
func (r *recorder) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.file.Close()
}

// answered is a response as it is written, and a copy of it.
type answered struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(p []byte) (int, error) {
	a.body.Write(p)
	return a.ResponseWriter.Write(p)
}
