package main

import (
	"slices"
	"sync"
	"time"
)

// A rateLimit lets so many posts through in a time, and after one too many
// none at all for a while.
type rateLimit struct {
	most int
	per  time.Duration
	ban  time.Duration

	mu     sync.Mutex
	passed []time.Time
	until  time.Time
}

// allow reports whether a post may pass now.
func (l *rateLimit) allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.until) {
		return false
	}
	l.passed = slices.DeleteFunc(l.passed, func(at time.Time) bool { return now.Sub(at) >= l.per })
	if len(l.passed) >= l.most {
		l.until = now.Add(l.ban)
		return false
	}
	l.passed = append(l.passed, now)
	return true
}
