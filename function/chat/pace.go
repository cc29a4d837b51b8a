package chat

import (
	"math/rand/v2"
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

// take returns how long to wait before the next message, and notes that it is
// sent where that is no time at all.
func (p *pace) take(now time.Time) time.Duration {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	pause := p.closed.Sub(now)
	for _, l := range p.limits {
		if n := len(p.sent); n >= l.most {
			pause = max(pause, p.sent[n-l.most].Add(l.in).Sub(now))
		}
	}
	if pause > 0 {
		return pause
	}
	p.add(now)
	return 0
}

// note notes that a message is sent whatever the limits.
func (p *pace) note(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(now)
}

func (p *pace) add(now time.Time) {
	longest := 0
	for _, l := range p.limits {
		longest = max(longest, l.most)
	}
	p.sent = append(p.sent, now)
	p.sent = p.sent[max(0, len(p.sent)-longest):]
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

const (
	// pressing is how soon after one notice the next means that there are many:
	// where there are few, an instance stands idle between them.
	pressing = 3 * time.Second
	// wary is for how long an instance keeps to its share that was refused for
	// telling too much.
	wary = time.Hour
)

// A share is the part of a webhook's limits that this instance keeps to while
// others tell as much at the same time. Nobody knows what the others do: so it
// goes by how much there is to tell here, and by having been refused.
type share struct {
	part pace
	mu   sync.Mutex
	// careful is until when the part counts, pressed or not.
	careful time.Time
	// turn is how far apart messages are where the part counts, and inTurn says that
	// this instance's own moment in it has been drawn: not all shall tell at the same.
	turn   time.Duration
	inTurn bool
}

// newShare returns one of so many equal parts of the limits, less a fifth.
func newShare(limits []limit, instances int) *share {
	s := new(share)
	for _, l := range limits {
		if instances > 1 {
			l.in = l.in * 5 / 4
		}
		if l.most >= instances {
			l.most /= instances
		} else {
			l.in = l.in * time.Duration(instances) / time.Duration(l.most)
			l.most = 1
		}
		s.part.limits = append(s.part.limits, l)
		s.turn = max(s.turn, l.in/time.Duration(l.most))
	}
	return s
}

// take returns how long to wait before the next notice, and notes that it is
// told where that is no time at all. pressed says that there is much to tell.
func (s *share) take(now time.Time, pressed bool) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pressed || now.Before(s.careful) {
		pause := s.part.take(now)
		if pause > 0 && !s.inTurn {
			s.inTurn = true
			pause += rand.N(s.turn) // #nosec G404 -- no secret
			s.part.close(now, pause)
		}
		return pause
	}
	s.inTurn = false
	s.part.note(now)
	return 0
}

// refused makes the instance keep to its share for a while.
func (s *share) refused(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.careful = now.Add(wary)
}
