package watch

import (
	"context"
	"sync"
	"time"

	"taskstatus/function/clock"
)

// A pace keeps calls apart, where other instances make some as well. That of
// the zero value is any.
type pace struct {
	every time.Duration
	mu    sync.Mutex
	next  time.Time
}

// wait waits for the turn of one call, or fails where ctx ends before.
func (p *pace) wait(ctx context.Context, now time.Time) error {
	if p.every == 0 {
		return nil
	}
	p.mu.Lock()
	turn := now
	if p.next.After(now) {
		turn = p.next
	}
	p.next = turn.Add(p.every)
	p.mu.Unlock()
	return clock.Sleep(ctx, turn.Sub(now))
}
