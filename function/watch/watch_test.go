package watch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"taskstatus/function/clock"
	"taskstatus/function/task"
)

const directory = task.DirectoryID("d-00fc2p61abcd")

// source is a CloudSSO of which every task begins when the first question is
// asked, runs for a while and then ends in Success. Within synctest its
// latency costs no time.
type source struct {
	runs    time.Duration
	latency time.Duration
	// fail, where set, may answer a call, the n-th for that task, with an error.
	fail func(ctx context.Context, id task.ID, n int) error

	mu       sync.Mutex
	start    time.Time
	calls    map[task.ID]int
	inFlight atomic.Int32
	most     atomic.Int32
}

func (s *source) GetTaskStatus(ctx context.Context, directory task.DirectoryID, id task.ID) (task.Task, error) {
	if n := s.inFlight.Add(1); n > s.most.Load() {
		s.most.Store(n)
	}
	defer s.inFlight.Add(-1)
	s.mu.Lock()
	if s.calls == nil {
		s.start, s.calls = time.Now(), make(map[task.ID]int)
	}
	s.calls[id]++
	n := s.calls[id]
	s.mu.Unlock()

	if err := clock.Sleep(ctx, s.latency); err != nil {
		return task.Task{}, err
	}
	if s.fail != nil {
		if err := s.fail(ctx, id, n); err != nil {
			return task.Task{}, err
		}
	}
	return s.task(directory, id), nil
}

// task is how the task stands.
func (s *source) task(directory task.DirectoryID, id task.ID) task.Task {
	now := time.Now()
	t := task.Task{ID: id, Directory: directory, Type: task.CreateAccessAssignment, Status: task.InProgress, Start: s.start, CheckedAt: now}
	if now.Sub(s.start) >= s.runs {
		t.Status, t.End = task.Success, s.start.Add(s.runs)
	}
	return t
}

func (s *source) called(id task.ID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}

func ids(n int) []task.ID {
	ids := make([]task.ID, n)
	for i := range ids {
		ids[i] = task.ID(fmt.Sprintf("t-%020d", i))
	}
	return ids
}

func one(ctx context.Context, w *Watcher, wait time.Duration) task.Result {
	return w.Look(ctx, directory, ids(1), wait)[0]
}

func TestFinishedIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		w := New(s)
		for range 500 {
			if r := one(t.Context(), w, 0); r.Err != nil || !r.Task.Done() {
				t.Fatalf("got %+v", r)
			}
			time.Sleep(time.Hour)
		}
		if n := s.called(ids(1)[0]); n != 1 {
			t.Errorf("asked %d times, want 1", n)
		}
	})
}

func TestOpenIsAskedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{runs: time.Hour}
		w := New(s)
		for range 1000 {
			r := one(t.Context(), w, 0)
			if r.Err != nil || r.Task.Done() {
				t.Fatalf("got %+v", r)
			}
			if age := time.Since(r.Task.CheckedAt); age < 0 || age >= time.Second {
				t.Fatalf("answered with what was checked %v ago", age)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := s.called(ids(1)[0]); n != 10 {
			t.Errorf("asked %d times in 10 s, want 10", n)
		}
	})
}

func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{runs: time.Hour}
		w := New(s)
		one(t.Context(), w, 0)
		w.now = func() time.Time { return time.Now().Add(-time.Hour) }
		one(t.Context(), w, 0)
		if n := s.called(ids(1)[0]); n != 2 {
			t.Errorf("asked %d times, want 2: an answer from the future is none", n)
		}
	})
}

func TestConcurrentAskersShareOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{latency: time.Second}
		w := New(s)
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				if r := one(t.Context(), w, 0); r.Err != nil {
					t.Error(r.Err)
				}
			})
		}
		group.Wait()
		if n := s.called(ids(1)[0]); n != 1 {
			t.Errorf("asked %d times, want 1", n)
		}
	})
}

func TestOnesCancellationIsNotAnothersAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{latency: 2 * time.Second}
		w := New(s)
		first, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if r := one(first, w, 0); !errors.Is(r.Err, context.Canceled) {
				t.Errorf("the first: %v, want it canceled", r.Err)
			}
		})
		synctest.Wait()
		for range 10 {
			group.Go(func() {
				if r := one(t.Context(), w, 0); r.Err != nil || !r.Task.Done() {
					t.Errorf("one that joined: %+v, want the task", r)
				}
			})
		}
		// One that joined may leave without harm as well.
		leaving, leave := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer leave()
		group.Go(func() {
			if r := one(leaving, w, 0); task.KindOf(r.Err) != task.Timeout {
				t.Errorf("the one that left: %v, want a timeout", r.Err)
			}
		})
		time.Sleep(time.Second)
		cancel()
		group.Wait()
		if n := s.called(ids(1)[0]); n != 2 {
			t.Errorf("asked %d times, want 2: by the first, and by the next in line", n)
		}
	})
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		err   error
		calls []int // how often it has been asked after looks 0, 4.9 and 5 s from the first
	}{
		{"not found stands for 5 s", &task.Error{Kind: task.NotFound}, []int{1, 1, 2}},
		{"throttled is asked again", &task.Error{Kind: task.Throttled}, []int{1, 2, 3}},
		{"refused is asked again", &task.Error{Kind: task.Refused}, []int{1, 2, 3}},
		{"unforeseen is asked again", errors.New("x"), []int{1, 2, 3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{fail: func(context.Context, task.ID, int) error { return test.err }}
				w := New(s)
				began := time.Now()
				for i, after := range []time.Duration{0, 4900 * time.Millisecond, 5 * time.Second} {
					time.Sleep(time.Until(began.Add(after)))
					if r := one(t.Context(), w, 0); !errors.Is(r.Err, test.err) {
						t.Errorf("after %v: %v, want %v", after, r.Err, test.err)
					}
					if n := s.called(ids(1)[0]); n != test.calls[i] {
						t.Errorf("after %v: asked %d times, want %d", after, n, test.calls[i])
					}
				}
			})
		})
	}
}

func TestWait(t *testing.T) {
	const long = time.Hour
	for _, test := range []struct {
		name           string
		runs           time.Duration
		wait, deadline time.Duration // no deadline where 0
		done           bool
		took           time.Duration // the most it may have taken
		calls          int           // the most
	}{
		{"no wait", long, 0, 0, false, 0, 1},
		{"done at once", 0, 20 * time.Second, 0, true, 0, 1},
		{"done within the second", time.Second, 20 * time.Second, 0, true, time.Second, 2},
		{"done after 5 s", 5 * time.Second, 20 * time.Second, 0, true, 6 * time.Second, 7},
		{"done after 10.5 s", 10500 * time.Millisecond, 20 * time.Second, 0, true, 14 * time.Second, 13},
		{"not done within the wait", long, 2 * time.Second, 0, false, 2 * time.Second, 3},
		{"a last look at the end of the wait", 12 * time.Second, 12 * time.Second, 0, true, 12 * time.Second, 12},
		{"ends before the deadline", long, 20 * time.Second, 10 * time.Second, false, 8 * time.Second, 9},
		{"a wait that ends shortly before the deadline", long, 9 * time.Second, 10 * time.Second, false, 8 * time.Second, 9},
		{"a deadline too near to wait", long, 20 * time.Second, 2 * time.Second, false, 0, 1},
		{"done after 5 min", 300 * time.Second, 600 * time.Second, 0, true, 310 * time.Second, 55},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{runs: test.runs}
				w := New(s)
				ctx := t.Context()
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				began := time.Now()
				r := one(ctx, w, test.wait)
				if r.Err != nil || r.Task.Done() != test.done {
					t.Errorf("got %+v, want done %v", r, test.done)
				}
				if took := time.Since(began); took > test.took {
					t.Errorf("took %v, want at most %v", took, test.took)
				}
				if n := s.called(ids(1)[0]); n > test.calls {
					t.Errorf("asked %d times, want at most %d", n, test.calls)
				}
			})
		})
	}
}

func TestWaitOutlivesTrouble(t *testing.T) {
	throttled, notFound := &task.Error{Kind: task.Throttled}, &task.Error{Kind: task.NotFound}
	for _, test := range []struct {
		name string
		fail func(n int) error
		done bool
		err  error
	}{
		{"throttled in between", func(n int) error {
			if n == 2 || n == 3 {
				return throttled
			}
			return nil
		}, true, nil},
		{"throttled at first", func(n int) error {
			if n == 1 {
				return throttled
			}
			return nil
		}, true, nil},
		{"throttled from the second look on: keeps what it saw", func(n int) error {
			if n > 1 {
				return throttled
			}
			return nil
		}, false, nil},
		{"throttled throughout", func(int) error { return throttled }, false, throttled},
		{"a final error ends the wait", func(n int) error {
			if n > 1 {
				return notFound
			}
			return nil
		}, false, notFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &source{runs: 4 * time.Second}
				s.fail = func(_ context.Context, _ task.ID, n int) error { return test.fail(n) }
				r := one(t.Context(), New(s), 10*time.Second)
				if r.Err != test.err || r.Task.Done() != test.done {
					t.Errorf("got %+v, want done %v and error %v", r, test.done, test.err)
				}
				if r.Err == nil && r.Task.ID == "" {
					t.Error("neither a task nor an error")
				}
			})
		})
	}
}

// TestWaitLeavesCloudSSOAlone: each task is asked for at its own pace, and one
// that CloudSSO asked to be spared no sooner than it said.
func TestWaitLeavesCloudSSOAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		young, throttled := ids(2)[0], ids(2)[1]
		s := &source{runs: time.Hour, fail: func(_ context.Context, id task.ID, _ int) error {
			if id == throttled {
				return &task.Error{Kind: task.Throttled, RetryAfter: 6 * time.Second}
			}
			return nil
		}}
		New(s).Look(t.Context(), directory, ids(2), 20*time.Second)
		if n := s.called(throttled); n != 4 {
			t.Errorf("asked for the throttled one %d times in 20 s, want 4: every 6 s", n)
		}
		if n := s.called(young); n < 14 || n > 15 {
			t.Errorf("asked for the other %d times in 20 s, want 14 or 15: every second, then every 3", n)
		}
	})
}

func TestThoseWhoJoinedOutliveAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{latency: time.Second, fail: func(_ context.Context, _ task.ID, n int) error {
			if n == 1 {
				panic("a bug")
			}
			return nil
		}}
		w := New(s)
		var group sync.WaitGroup
		group.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the one who asked did not panic")
				}
			}()
			one(t.Context(), w, 0)
		})
		synctest.Wait()
		group.Go(func() {
			if r := one(t.Context(), w, 0); r.Err != nil || !r.Task.Done() {
				t.Errorf("the one who joined got %+v", r)
			}
		})
		group.Wait()
	})
}

func TestManyKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{latency: 100 * time.Millisecond}
		s.fail = func(_ context.Context, id task.ID, _ int) error {
			if id == ids(20)[7] {
				return &task.Error{Kind: task.NotFound}
			}
			if id == ids(20)[9] {
				panic("a bug")
			}
			return nil
		}
		w := New(s)
		began := time.Now()
		results := w.Look(t.Context(), directory, ids(20), 0)
		for i, r := range results {
			if r.ID != ids(20)[i] {
				t.Errorf("result %d is for %s", i, r.ID)
			}
			if failed := i == 7 || i == 9; (r.Err != nil) != failed {
				t.Errorf("result %d: error %v", i, r.Err)
			}
		}
		if most := s.most.Load(); most > inFlight {
			t.Errorf("%d calls at once, want at most %d", most, inFlight)
		}
		// 20 tasks, 8 at a time.
		if took, want := time.Since(began), 300*time.Millisecond; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
		if results := w.Look(t.Context(), directory, nil, time.Minute); len(results) != 0 {
			t.Errorf("nothing asked, got %v", results)
		}
	})
}

func TestManyAskOnlyForTheOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{runs: 3 * time.Second}
		w := New(s)
		known := ids(3)
		w.Look(t.Context(), directory, known[:1], 0)
		results := w.Look(t.Context(), directory, known, 20*time.Second)
		for _, r := range results {
			if !r.Task.Done() {
				t.Errorf("%s is not done", r.ID)
			}
			if n := s.called(r.ID); n > 4 {
				t.Errorf("%s was asked for %d times, want at most 4", r.ID, n)
			}
		}
	})
}

// TestMemoryIsBounded fills the memory with finished tasks at random and holds it
// against a plain model: never more than its size, always the latest used.
func TestMemoryIsBounded(t *testing.T) {
	const size = 8
	m := newMemory(size)
	now := time.Now()
	var used []key // the latest first
	touch := func(k key) {
		kept := []key{k}
		for _, other := range used {
			if other != k && len(kept) < size {
				kept = append(kept, other)
			}
		}
		used = kept
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		k := key{directory, ids(20)[random.IntN(20)]}
		if random.IntN(2) == 0 {
			m.remember(k, task.Task{ID: k.id, Status: task.Success}, nil, false, now)
			touch(k)
		} else if got, _, ok := m.recall(k, now); ok {
			if got.ID != k.id {
				t.Fatalf("asked for %s, got %s", k.id, got.ID)
			}
			touch(k)
		}
		if len(m.entries) != len(used) || m.order.Len() != len(used) {
			t.Fatalf("%d entries, %d in order, want %d", len(m.entries), m.order.Len(), len(used))
		}
		for _, k := range used {
			if _, ok := m.entries[k]; !ok {
				t.Fatalf("%s was forgotten, used lately", k.id)
			}
		}
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := clock.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}
