package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// FC's limits for asynchronous invocations, and its default for their age.
const (
	maxRetries      = 8
	maxEventAge     = 7 * 24 * time.Hour
	defaultEventAge = 24 * time.Hour
)

// How long FC waits between two attempts is not documented.
const (
	firstRetryGap = time.Second
	maxRetryGap   = time.Minute
)

// A queueConfig says how asynchronous invocations are made.
type queueConfig struct {
	instances int // that run them at once
	retries   int // of each, after the first attempt
	eventAge  time.Duration
	timeout   time.Duration // of one attempt
	log       io.Writer
	now       func() time.Time
	after     func(time.Duration) <-chan time.Time
}

// A queue takes the invocations for which nobody waits, and makes them in the
// order in which they came, each until it succeeds or FC gives it up.
type queue struct {
	queueConfig
	run          func(*invocation) (outcome, error)
	destinations destinations
	tasks        sync.WaitGroup
	closing      chan struct{}

	mu       sync.Mutex
	waiting  []*queued // the oldest first
	delayed  int       // that were told to begin later
	running  int
	retrying int // that wait for their next attempt
	accepted int
	closed   bool
}

// A queued is an asynchronous invocation with what became of it so far.
type queued struct {
	requestID string
	payload   []byte
	since     time.Time // when it was to begin: its age counts from here
	attempts  int
	last      outcome // of the attempts, if there were any
}

func newQueue(config queueConfig, run func(*invocation) (outcome, error)) *queue {
	return &queue{queueConfig: config, run: run, closing: make(chan struct{})}
}

// add takes an invocation that shall begin after a delay.
func (q *queue) add(requestID string, payload []byte, delay time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errClosed
	}
	q.accepted++
	added := &queued{requestID: requestID, payload: payload, since: q.now().Add(delay)}
	if delay > 0 {
		q.addLater(added, delay, &q.delayed)
	} else {
		q.enqueue(added)
	}
	return nil
}

// addLater puts an invocation into the line after a time, in which it counts
// elsewhere. The lock is held.
func (q *queue) addLater(later *queued, gap time.Duration, counted *int) {
	*counted++
	q.tasks.Go(func() {
		select {
		case <-q.after(gap):
		case <-q.closing:
			return
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		*counted--
		q.enqueue(later)
	})
}

// enqueue puts an invocation at the end of the line while the lock is held.
func (q *queue) enqueue(last *queued) {
	q.waiting = append(q.waiting, last)
	q.dispatch()
}

// dispatch begins what may begin while the lock is held.
func (q *queue) dispatch() {
	for !q.closed && q.running < q.instances && len(q.waiting) > 0 {
		next := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.running++
		q.tasks.Go(func() {
			again := q.attempt(next)
			q.mu.Lock()
			defer q.mu.Unlock()
			q.running--
			if again && !q.closed {
				q.addLater(next, retryGap(next.attempts), &q.retrying)
			}
			q.dispatch()
		})
	}
}

// attempt runs the function once, unless it is too late for that, and reports
// whether there has to be another attempt.
func (q *queue) attempt(e *queued) (again bool) {
	if q.now().Sub(e.since) > q.eventAge {
		q.end(e, eventAgeExceeded)
		return false
	}
	end, err := q.run(&invocation{requestID: e.requestID, payload: e.payload, timeout: q.timeout, retries: e.attempts})
	if errors.Is(err, errClosed) {
		return false
	}
	if err != nil {
		end = outcome{ending: exited, payload: errorPayload(err.Error())}
	}
	e.attempts++
	e.last = end
	if end.ending == succeeded {
		q.end(e, success)
		return false
	}
	fmt.Fprintf(q.log, "asynchronous invocation %s: %s (attempt %d)\n", e.requestID, end.payload, e.attempts)
	if e.attempts > q.retries {
		q.end(e, retriesExhausted)
		return false
	}
	return true
}

// end sends what became of an invocation to where it is wanted.
func (q *queue) end(e *queued, condition string) {
	if condition != success {
		fmt.Fprintf(q.log, "asynchronous invocation %s: %s\n", e.requestID, condition)
	}
	q.destinations.add(newDestination(e, condition, q.now()))
}

// retryGap is how long to wait after so many attempts.
func retryGap(attempts int) time.Duration {
	// More doublings than these lead past the longest gap.
	return min(firstRetryGap<<min(attempts-1, 10), maxRetryGap)
}

// A queueState counts the invocations that are not at an end.
type queueState struct {
	Waiting  int `json:"waiting"`
	Running  int `json:"running"`
	Retrying int `json:"retrying"`
}

func (q *queue) state() queueState {
	q.mu.Lock()
	defer q.mu.Unlock()
	return queueState{Waiting: q.delayed + len(q.waiting), Running: q.running, Retrying: q.retrying}
}

// invokedLater counts the asynchronous invocations so far.
func (q *queue) invokedLater() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.accepted
}

// Close gives up what waits. What runs has to be ended before.
func (q *queue) Close() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.closing)
	}
	q.mu.Unlock()
	q.tasks.Wait()
}

func (c *console) serveQueue(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, c.queue.state())
}
