package chat

import (
	"slices"
	"sync"
)

// seen keeps the latest ids that were seen. It lasts as long as the instance:
// an id that comes again to another one is answered again.
type seen struct {
	mu    sync.Mutex
	known map[string]bool
	order []string
}

// remembered is how many ids are kept: more than come within any platform's
// time for sending one again.
const remembered = 4096

// add reports whether the id is new.
func (s *seen) add(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[id] {
		return false
	}
	if s.known == nil {
		s.known = make(map[string]bool)
	}
	if len(s.order) == remembered {
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
	s.known[id] = true
	s.order = append(s.order, id)
	return true
}

// forget takes back that an id was seen.
func (s *seen) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, id)
	s.order = slices.DeleteFunc(s.order, func(known string) bool { return known == id })
}
