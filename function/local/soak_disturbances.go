package main

import (
	"sync"
	"time"
)

// faultGrace is how long after the end of a fault its consequences are still
// forgiven: longer than a call of the function's with all its retries.
const faultGrace = 5 * time.Second

// A disturbances knows when something was on that excuses what goes wrong.
type disturbances struct {
	grace time.Duration

	mu   sync.Mutex
	list []disturbance // the latest last; they do not overlap
}

// A disturbance lasted from began to ended; zero: it still does.
type disturbance struct{ began, ended time.Time }

func (d *disturbances) begin(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, disturbance{began: at})
}

// end ends what began last.
func (d *disturbances) end(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list[len(d.list)-1].ended = at
}

// during reports whether something was on at any moment from one time to another.
func (d *disturbances) during(from, to time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.list) - 1; i >= 0; i-- {
		one := d.list[i]
		if !one.ended.IsZero() && from.After(one.ended.Add(d.grace)) {
			return false
		}
		if !to.Before(one.began) {
			return true
		}
	}
	return false
}

func (d *disturbances) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.list)
}
