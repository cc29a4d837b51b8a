package watch

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"taskstatus/function/clock"
	"taskstatus/function/task"
)

// detailed is a source that has the details of its tasks, too. Its tasks begin
// when it is made.
type detailed struct {
	source
	// takes is how long it takes to give them.
	takes time.Duration
	// refuse, where set, may answer a GetTask, the n-th for that task, with an error.
	refuse func(directory task.DirectoryID, id task.ID, n int) error

	asked map[task.ID]int
	// told is how often it gave a task's details.
	told map[task.ID]int
}

// watchDetails returns a Watcher of a source with details whose tasks run as long as given.
func watchDetails(runs time.Duration) (*Watcher, *detailed) {
	s := &detailed{asked: make(map[task.ID]int), told: make(map[task.ID]int)}
	s.runs, s.start, s.calls = runs, time.Now(), make(map[task.ID]int)
	w := New(s)
	w.Details = s
	return w, s
}

func (s *detailed) GetTask(ctx context.Context, directory task.DirectoryID, id task.ID) (task.Task, error) {
	s.mu.Lock()
	s.asked[id]++
	n := s.asked[id]
	s.mu.Unlock()
	if err := clock.Sleep(ctx, s.takes); err != nil {
		return task.Task{}, err
	}
	if s.refuse != nil {
		if err := s.refuse(directory, id, n); err != nil {
			return task.Task{}, err
		}
	}
	s.mu.Lock()
	s.told[id]++
	s.mu.Unlock()
	t := s.task(directory, id)
	t.Details = &task.Details{PrincipalName: string(id)}
	return t, nil
}

// counts is how often the first task was asked for with its details and without.
func (s *detailed) counts() (details, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[ids(1)[0]], s.calls[ids(1)[0]]
}

func TestDetailsAreAskedForOnce(t *testing.T) {
	for _, test := range []struct {
		name            string
		runs            time.Duration
		details, status int // the calls of looks during 10 s
	}{
		{"finished", 0, 1, 0},
		{"open", time.Hour, 1, 9},
		{"finished meanwhile", 5 * time.Second, 1, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := watchDetails(test.runs)
				for range 100 {
					r := one(t.Context(), w, 0)
					if r.Err != nil || r.Task.Details == nil || r.Task.Details.PrincipalName != string(r.ID) {
						t.Fatalf("got %+v with %+v", r, r.Task.Details)
					}
					time.Sleep(100 * time.Millisecond)
				}
				if details, status := s.counts(); details != test.details || status != test.status {
					t.Errorf("asked %d times with details and %d without, want %d and %d", details, status, test.details, test.status)
				}
			})
		})
	}
}

func TestDetailsThatFail(t *testing.T) {
	const open, done = time.Hour, 0
	kind := func(k task.Kind) error { return &task.Error{Kind: k} }
	after := func(d time.Duration) error { return &task.Error{Kind: task.Throttled, RetryAfter: d} }
	type look struct {
		at              time.Duration
		details, status int // the calls so far
	}
	for _, test := range []struct {
		name  string
		runs  time.Duration
		err   error // of the call with details alone
		looks []look
	}{
		{"refused: left alone for 10 min", open, kind(task.Refused), []look{
			{0, 1, 1}, {10*time.Minute - 1, 1, 2}, {10*time.Minute + time.Second, 2, 3},
		}},
		{"throttled: left alone as long as asked", open, after(5 * time.Second), []look{
			{0, 1, 1}, {5*time.Second - 1, 1, 2}, {6 * time.Second, 2, 3},
		}},
		{"throttled: for a second at least", open, after(time.Millisecond), []look{
			{0, 1, 1}, {time.Second - 1, 1, 1}, {time.Second, 2, 2},
		}},
		{"throttled, not said for how long", open, kind(task.Throttled), []look{
			{0, 1, 1}, {2 * time.Second, 1, 2}, {3 * time.Second, 2, 3},
		}},
		{"out of order", open, kind(task.Upstream), []look{
			{0, 1, 1}, {2 * time.Second, 1, 2}, {3 * time.Second, 2, 3},
		}},
		{"too slow", open, kind(task.Timeout), []look{
			{0, 1, 1}, {2 * time.Second, 1, 2}, {3 * time.Second, 2, 3},
		}},
		{"finished: only the details are asked for again, after 30 s", done, kind(task.Upstream), []look{
			{0, 1, 1}, {30*time.Second - 1, 1, 1}, {30 * time.Second, 2, 1}, {60 * time.Second, 3, 1},
		}},
		{"finished and refused: nothing is asked for 10 min", done, kind(task.Refused), []look{
			{0, 1, 1}, {30 * time.Second, 1, 1}, {9 * time.Minute, 1, 1}, {10 * time.Minute, 2, 1},
		}},
		{"not found there: no pause, the next task may be", open, kind(task.NotFound), []look{{0, 1, 1}, {time.Second, 2, 2}}},
		{"not valid there", open, kind(task.Invalid), []look{{0, 1, 1}, {time.Second, 2, 2}}},
		{"unforeseen", open, errors.New("x"), []look{{0, 1, 1}, {time.Second, 2, 2}}},
		{"finished and not found there: what is known stays", done, kind(task.NotFound), []look{{0, 1, 1}, {30*time.Second - 1, 1, 1}, {30 * time.Second, 2, 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := watchDetails(test.runs)
				s.refuse = func(task.DirectoryID, task.ID, int) error { return test.err }
				began := time.Now()
				for _, look := range test.looks {
					time.Sleep(time.Until(began.Add(look.at)))
					r := one(t.Context(), w, 0)
					if r.Err != nil || r.Task.ID == "" || r.Task.Details != nil {
						t.Errorf("after %v: got %+v", look.at, r)
					}
					if details, status := s.counts(); details != look.details || status != look.status {
						t.Errorf("after %v: asked %d times with details and %d without, want %d and %d", look.at, details, status, look.details, look.status)
					}
				}
			})
		})
	}
}

func TestDetailsComeLater(t *testing.T) {
	for _, test := range []struct {
		name  string
		kind  task.Kind
		after time.Duration
	}{
		{"after trouble", task.Throttled, partialFor},
		{"after the role was given the permission", task.Refused, refusedFor},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := watchDetails(0)
				s.refuse = func(_ task.DirectoryID, _ task.ID, n int) error {
					if n == 1 {
						return &task.Error{Kind: test.kind}
					}
					return nil
				}
				one(t.Context(), w, 0)
				time.Sleep(test.after)
				for range 3 {
					if r := one(t.Context(), w, 0); r.Err != nil || !r.Task.Done() || r.Task.Details == nil {
						t.Errorf("got %+v", r)
					}
					time.Sleep(time.Hour)
				}
				if details, status := s.counts(); details != 2 || status != 1 {
					t.Errorf("asked %d times with details and %d without, want 2 and 1", details, status)
				}
			})
		})
	}
}

// TestTroubleWithDetailsKeepsTheFinished: that a task is done is not forgotten
// because CloudSSO is out of reach when its details are asked for again.
func TestTroubleWithDetailsKeepsTheFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := watchDetails(0)
		trouble := &task.Error{Kind: task.Upstream}
		s.refuse = func(task.DirectoryID, task.ID, int) error { return trouble }
		s.fail = func(_ context.Context, _ task.ID, n int) error {
			if n > 1 {
				return trouble
			}
			return nil
		}
		for range 10 {
			if r := one(t.Context(), w, 0); r.Err != nil || !r.Task.Done() {
				t.Errorf("got %+v", r)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestDetailsOutliveAMissingTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := watchDetails(time.Hour)
		s.fail = func(_ context.Context, _ task.ID, n int) error {
			if n == 1 {
				return &task.Error{Kind: task.NotFound}
			}
			return nil
		}
		for i := range 3 {
			r := one(t.Context(), w, 0)
			if missing := i == 1; (r.Err != nil) != missing || (r.Task.Details == nil) != missing {
				t.Errorf("look %d: %+v", i+1, r)
			}
			time.Sleep(notFoundFor)
		}
		if details, status := s.counts(); details != 1 || status != 2 {
			t.Errorf("asked %d times with details and %d without, want 1 and 2", details, status)
		}
	})
}

func TestPauseIsForEveryTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := watchDetails(0)
		s.refuse = func(task.DirectoryID, task.ID, int) error {
			return &task.Error{Kind: task.Throttled, RetryAfter: time.Millisecond}
		}
		began := time.Now()
		for i, after := range []time.Duration{0, time.Second - 1, time.Second} {
			time.Sleep(time.Until(began.Add(after)))
			id := ids(3)[i]
			w.Look(t.Context(), directory, []task.ID{id}, 0)
			if due := after != time.Second-1; (s.asked[id] == 1) != due || s.called(id) != 1 {
				t.Errorf("after %v: asked %d times with details and %d without", after, s.asked[id], s.called(id))
			}
		}
	})
}

func TestRefusalIsOneDirectorys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := watchDetails(0)
		s.refuse = func(d task.DirectoryID, _ task.ID, _ int) error {
			if d != directory {
				return &task.Error{Kind: task.Refused}
			}
			return nil
		}
		if r := w.Look(t.Context(), "d-003qew84abcd", ids(1), 0)[0]; r.Err != nil || r.Task.Details != nil {
			t.Errorf("the one that the role may not: %+v", r)
		}
		if r := one(t.Context(), w, 0); r.Err != nil || r.Task.Details == nil {
			t.Errorf("the other: %+v", r)
		}
	})
}

// TestPauseGoesByTheWallClock: it is over when the clock says so, however the
// time passed, and when the clock was set back.
func TestPauseGoesByTheWallClock(t *testing.T) {
	for name, shift := range map[string]time.Duration{"frozen meanwhile": refusedFor, "clock set back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := watchDetails(time.Hour)
				s.refuse = func(task.DirectoryID, task.ID, int) error { return &task.Error{Kind: task.Refused} }
				one(t.Context(), w, 0)
				w.now = func() time.Time { return time.Now().Round(0).Add(shift) }
				one(t.Context(), w, 0)
				if details, _ := s.counts(); details != 2 {
					t.Errorf("asked for details %d times, want 2", details)
				}
			})
		})
	}
}

func TestDetailsLeaveTime(t *testing.T) {
	for _, test := range []struct {
		name            string
		deadline, takes time.Duration // no deadline where 0
		details, status int
		took            time.Duration
	}{
		{"at once", 0, 0, 1, 0, 0},
		{"slow", 0, 2400 * time.Millisecond, 1, 0, 2400 * time.Millisecond},
		{"too slow", 0, time.Minute, 1, 1, detailsTimeout + time.Second},
		{"too slow, just time enough", 6500 * time.Millisecond, time.Minute, 1, 1, detailsTimeout + time.Second},
		{"not time enough", 6500*time.Millisecond - 1, 0, 0, 1, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := watchDetails(0)
				s.takes, s.latency = test.takes, time.Second
				ctx := t.Context()
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				began := time.Now()
				r := one(ctx, w, 0)
				if r.Err != nil || !r.Task.Done() || (r.Task.Details == nil) != (test.status > 0) {
					t.Errorf("got %+v", r)
				}
				if took := time.Since(began); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if details, status := s.counts(); details != test.details || status != test.status {
					t.Errorf("asked %d times with details and %d without, want %d and %d", details, status, test.details, test.status)
				}
			})
		})
	}
}

// TestWhoGoesAwayDoesNotFallBack: the next in line asks for the details again.
func TestWhoGoesAwayDoesNotFallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := watchDetails(0)
		s.takes = 2 * time.Second
		first, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if r := one(first, w, 0); !errors.Is(r.Err, context.Canceled) {
				t.Errorf("the first: %v, want it canceled", r.Err)
			}
		})
		synctest.Wait()
		group.Go(func() {
			if r := one(t.Context(), w, 0); r.Err != nil || r.Task.Details == nil {
				t.Errorf("one that joined: %+v, want the task with its details", r)
			}
		})
		time.Sleep(time.Second)
		cancel()
		group.Wait()
		if details, status := s.counts(); details != 2 || status != 0 {
			t.Errorf("asked %d times with details and %d without, want 2 and 0", details, status)
		}
	})
}

func TestWhoIsGoneDoesNotFallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := watchDetails(0)
		ctx, cancel := context.WithCancel(t.Context())
		s.refuse = func(_ task.DirectoryID, _ task.ID, n int) error {
			if n > 1 {
				return nil
			}
			cancel()
			return &task.Error{Kind: task.Refused}
		}
		if r := one(ctx, w, 0); r.Err == nil {
			t.Errorf("the one who went away: %+v, want an error", r)
		}
		if r := one(t.Context(), w, 0); r.Err != nil || r.Task.Details == nil {
			t.Errorf("the next: %+v, want the task with its details", r)
		}
		if details, status := s.counts(); details != 2 || status != 0 {
			t.Errorf("asked %d times with details and %d without, want 2 and 0", details, status)
		}
	})
}

// TestDetailsAreToldOnce has many look at random at tasks that fail at random,
// and holds that nobody asks for details that are known.
func TestDetailsAreToldOnce(t *testing.T) {
	kinds := []task.Kind{task.NotFound, task.Refused, task.Throttled, task.Upstream, task.Timeout}
	fail := func() error {
		if rand.IntN(2) == 0 {
			return &task.Error{Kind: kinds[rand.IntN(len(kinds))]}
		}
		return nil
	}
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			w, s := watchDetails(time.Minute)
			s.takes, s.latency = 100*time.Millisecond, 100*time.Millisecond
			s.refuse = func(task.DirectoryID, task.ID, int) error { return fail() }
			s.fail = func(context.Context, task.ID, int) error { return fail() }
			look := func() {
				ctx, cancel := context.WithTimeout(t.Context(), rand.N(20*time.Second))
				defer cancel()
				for _, r := range w.Look(ctx, directory, ids(1+rand.IntN(10)), rand.N(5*time.Second)) {
					if d := r.Task.Details; d != nil && d.PrincipalName != string(r.ID) {
						t.Errorf("%s has the details of %s", r.ID, d.PrincipalName)
					}
				}
			}
			var group sync.WaitGroup
			for range 5 {
				group.Go(func() {
					for range 100 {
						look()
						time.Sleep(rand.N(time.Minute))
					}
				})
			}
			group.Wait()
			for id, n := range s.told {
				if n > 1 {
					t.Errorf("the details of %s were given %d times", id, n)
				}
			}
			if len(s.told) == 0 {
				t.Error("no details were given at all")
			}
		})
	}
}
