package chat

import (
	"sync"
	"time"
)

// A pace keeps a webhook's messages within what its platform takes, as far as
// this instance goes. That of a nil pace is any.
type pace struct {
	limits []limit
	mu     sync.Mutex
	sent   []time.Time
	// closed is until when the platform takes nothing at all.
	closed time.Time
}

// A limit is so many messages in so much time.
type limit struct {
	most int
	in   time.Duration
}

// share leaves this instance its part of the limits, of which all instances
// together may use no more.
func (p *pace) share(instances int) {
	for i, l := range p.limits {
		if l.most >= instances {
			p.limits[i].most = l.most / instances
		} else {
			p.limits[i] = limit{1, l.in * time.Duration(instances) / time.Duration(l.most)}
		}
	}
}

// take returns how long to wait before the next message, and notes that it is
// sent where that is no time at all.
func (p *pace) take(now time.Time) time.Duration {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	pause := p.closed.Sub(now)
	longest := 0
	for _, l := range p.limits {
		longest = max(longest, l.most)
		if n := len(p.sent); n >= l.most {
			pause = max(pause, p.sent[n-l.most].Add(l.in).Sub(now))
		}
	}
	if pause > 0 {
		return pause
	}
	p.sent = append(p.sent, now)
	p.sent = p.sent[max(0, len(p.sent)-longest):]
	return 0
}

// close keeps messages back for so long.
func (p *pace) close(now time.Time, d time.Duration) {
	if p == nil || d == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = now.Add(d)
}
