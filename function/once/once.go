// Package once tells what has been before from what is new. It remembers for as
// long as the process lives, and only the latest: to another instance
// everything is new. What it is that was there, it does not know.
package once

import (
	"slices"
	"sync"
)

// remembered is how many are kept: more than come within the time in which any
// sender sends something again.
const remembered = 4096

// A Set keeps the latest ids that were added. Its zero value is empty; it is safe
// for use by several goroutines at once.
type Set struct {
	mu    sync.Mutex
	known map[string]bool
	order []string
}

// Has reports whether the id was added.
func (s *Set) Has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[id]
}

// Add adds an id, and reports whether it is new.
func (s *Set) Add(id string) bool {
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

// Forget takes back that an id was added.
func (s *Set) Forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[id] {
		delete(s.known, id)
		s.order = slices.DeleteFunc(s.order, func(known string) bool { return known == id })
	}
}
