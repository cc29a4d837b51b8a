package main

import (
	"errors"
	"time"
)

// A handle is a way to answer something that was said.
type handle struct {
	said  *utterance
	until time.Time // zero: for ever
	left  int       // calls; negative: as many as one likes
}

// issue gives out a way to answer, under a key.
func (c *chat) issue(key string, h handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.issued) == maxChatHandles {
		delete(c.handles, c.issued[0])
		c.issued = c.issued[1:]
	}
	c.handles[key] = &h
	c.issued = append(c.issued, key)
}

// Why a way to answer is no longer one.
var (
	errUnknownHandle = errors.New("unknown")
	errExpiredHandle = errors.New("expired")
	errUsedHandle    = errors.New("used")
)

// use spends a way to answer, and returns what it answers.
func (c *chat) use(key string) (*utterance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.handles[key]
	switch {
	case h == nil:
		return nil, errUnknownHandle
	case !h.until.IsZero() && !c.now().Before(h.until):
		return h.said, errExpiredHandle
	case h.left == 0:
		return h.said, errUsedHandle
	}
	if h.left > 0 {
		h.left--
	}
	return h.said, nil
}
