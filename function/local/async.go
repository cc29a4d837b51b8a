package main

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxAsyncPayload is FC's limit for an asynchronous invocation.
	maxAsyncPayload = 128 << 10
	// maxAsyncDelay is how late FC can be told to begin one.
	maxAsyncDelay = time.Hour
)

// take queues an invocation whose caller says by a header that nobody waits for
// it, and answers. It reports false where the caller does wait.
func (q *queue) take(w http.ResponseWriter, r *http.Request, requestID string, payload []byte) bool {
	if !strings.EqualFold(r.Header.Get("X-Fc-Invocation-Type"), "Async") {
		return false
	}
	delay, err := asyncDelay(r.Header.Get("X-Fc-Async-Delay"))
	switch {
	case err != nil:
		(&fcError{http.StatusBadRequest, "InvalidArgument", err.Error()}).write(w, requestID)
		return true
	case len(payload) > maxAsyncPayload:
		(&fcError{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the payload is larger than 128 KB"}).write(w, requestID)
		return true
	}
	if err := q.add(requestID, payload, delay); err != nil {
		(&fcError{http.StatusInternalServerError, "InternalServerError", err.Error()}).write(w, requestID)
		return true
	}
	w.WriteHeader(http.StatusAccepted)
	return true
}

// asyncDelay reads the header that says how late to begin.
func asyncDelay(header string) (time.Duration, error) {
	if header == "" {
		return 0, nil
	}
	seconds, err := strconv.Atoi(header)
	delay := time.Duration(seconds) * time.Second
	if err != nil || seconds < 0 || delay > maxAsyncDelay {
		return 0, errors.New("x-fc-async-delay must be 0 to 3600 seconds")
	}
	return delay, nil
}
