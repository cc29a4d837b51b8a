package main

import (
	"bytes"
	"sync"
)

// soakLogKept is how much is kept of what instances write: more than all their
// stacks.
const soakLogKept = 4 << 20

// A soakLog reads what instances write. It keeps the latest of it, and counts panics.
type soakLog struct {
	mu      sync.Mutex
	written []byte
	panics  int
	example string
}

// Write takes what an instance writes. It never fails.
func (l *soakLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(p) {
		if bytes.Contains(line, []byte("panic: ")) {
			if l.panics++; l.panics == 1 {
				l.example = string(line)
			}
		}
	}
	if len(l.written) > soakLogKept {
		l.written = append(l.written[:0], l.written[len(l.written)-soakLogKept/2:]...)
	}
	l.written = append(l.written, p...)
	return len(p), nil
}

// latest returns what was written last.
func (l *soakLog) latest() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.written)
}

// failures says that there were panics.
func (l *soakLog) failures() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.panics == 0 {
		return nil
	}
	return []string{"the log tells of a panic, such as " + l.example}
}
