package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// A skewedClock is that of Alibaba Cloud's gateways, which date answers and
// judge by it how old a signature is. It need not agree with the function's.
type skewedClock struct {
	now func() time.Time
	off atomic.Int64 // how far it is ahead, in nanoseconds
}

// Now is the time as the gateways have it.
func (c *skewedClock) Now() time.Time { return c.now().Add(time.Duration(c.off.Load())) }

// serveSkew sets the gateways' clock so far ahead of the function's, or with a
// negative duration behind: the function's is wrong then, as it can only find out
// by being refused.
func (c *console) serveSkew(w http.ResponseWriter, r *http.Request) {
	off, err := time.ParseDuration(r.URL.Query().Get("ahead"))
	if err != nil {
		badRequest(w, fmt.Errorf("ahead must be a duration, such as 20m or -20m: %w", err))
		return
	}
	c.gateway.off.Store(int64(off))
	writeJSON(w, http.StatusOK, map[string]string{"ahead": off.String()})
}
