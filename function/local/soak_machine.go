package main

import (
	"context"
	"sync/atomic"
	"time"
)

// stoodStill is how long this program does nothing only where the machine does
// not let it.
const stoodStill = 2 * time.Second

// A standstill knows when this program, and CloudSSO and the chats with it, stood
// still: that is a fault like any, but one that nobody switched on.
type standstill struct {
	times disturbances
	awake atomic.Int64 // when it was last seen to run, in nanoseconds; 0: nobody looks
}

// look notes that the program runs, and returns for how long it did not.
func (s *standstill) look(now time.Time) time.Duration {
	last := s.awake.Swap(now.UnixNano())
	gap := now.Sub(time.Unix(0, last))
	if last == 0 || gap < stoodStill {
		return 0
	}
	s.times.begin(now.Add(-gap))
	s.times.end(now)
	return gap
}

// during reports whether the program stood still from one time to another, which
// is now: it may just have woken up, and nobody have looked yet.
func (s *standstill) during(from, to time.Time) bool {
	last := s.awake.Load()
	return last != 0 && to.Sub(time.Unix(0, last)) >= stoodStill || s.times.during(from, to)
}

// watchMachine looks until ctx ends, and says when the program stood still.
func (s *soak) watchMachine(ctx context.Context) {
	defer s.still.awake.Store(0)
	for s.sleep(ctx, stoodStill/10) {
		if gap := s.still.look(s.now()); gap > 0 {
			s.say("the machine let this program stand still for %v", short(gap))
		}
	}
}

// excused reports whether anything was on, from one time to another, for which
// the function cannot be blamed.
func (s *soak) excused(from, to time.Time) bool {
	return s.faultsOn.during(from, to) || s.still.during(from, to)
}
