package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// maxLogTail is how much of an invocation's log FC gives to its caller.
	maxLogTail = 4 << 10
	// logDelay is how long the last line may take from the process to here.
	logDelay = time.Second
)

// A logTail passes on what an instance logs, and keeps the end of it.
type logTail struct {
	to io.Writer

	mu   sync.Mutex
	last []byte
}

func (l *logTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.last = append(l.last, p...)
	l.last = l.last[max(0, len(l.last)-maxLogTail):]
	l.mu.Unlock()
	return l.to.Write(p)
}

// of returns the end of what was logged by an invocation that is over.
func (l *logTail) of(requestID string) []byte {
	for deadline := time.Now().Add(logDelay); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		last := bytes.Clone(l.last)
		l.mu.Unlock()
		// The SDK puts these two lines around each.
		if bytes.Contains(last, []byte("End RequestId: "+requestID)) || time.Now().After(deadline) {
			if begin := bytes.Index(last, []byte("FC Invoke Start RequestId: "+requestID)); begin > 0 {
				last = last[begin:]
			}
			return last
		}
	}
}

// wantsLog reports whether the caller asks for the end of the log.
func wantsLog(r *http.Request) bool { return strings.EqualFold(r.Header.Get("X-Fc-Log-Type"), "Tail") }

// setLog gives it to a caller who asked.
func setLog(w http.ResponseWriter, end outcome) {
	if end.log != nil {
		w.Header().Set("X-Fc-Log-Result", base64.StdEncoding.EncodeToString(end.log))
	}
}
