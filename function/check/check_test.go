package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"taskstatus/function/task"
)

const failing = task.ID("t-shfqw1u1edszvxw5abcd")

// TestTimes is how long after its end a task is told of, and how many calls that
// takes: the table in README.md.
func TestTimes(t *testing.T) {
	for _, test := range []struct {
		takes time.Duration
		// late is how late at the most: the step of task.RetryAfter at that age, and two calls.
		late  time.Duration
		calls int
	}{
		{time.Second, 2 * time.Second, 3},
		{5 * time.Second, 2 * time.Second, 7},
		{10 * time.Second, 2 * time.Second, 12},
		{30 * time.Second, 3*time.Second + 2*callTakes, 20},
		{300 * time.Second, 10*time.Second + 2*callTakes, 55},
		{3000 * time.Second, time.Minute + retryAfter + 2*callTakes, 200},
	} {
		// An event may come a while after the start of its task.
		for _, delay := range []time.Duration{0, 300 * time.Millisecond, 1500 * time.Millisecond, 4 * time.Second} {
			t.Run(fmt.Sprintf("%v, seen after %v", test.takes, delay), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := new(stage)
					started := s.cloud.start(failing, time.Now(), test.takes, task.Failed)
					time.Sleep(delay)
					attempts, err := s.invoke(t, true, func(ctx context.Context, c *Checker, attempt int) error {
						_, err := c.Events(ctx, []Event{recorded(t, "response-elements")}, attempt)
						return err
					})
					if err != nil || len(s.team.told) != 1 || s.team.failures()[failing] != 1 {
						t.Fatalf("told %+v, %v", s.team.told, err)
					}
					from := started.End
					if seen := started.Start.Add(delay); seen.After(from) {
						from = seen
					}
					late := s.team.told[0].at.Sub(from)
					t.Logf("told after %v, %d calls, %d invocations", late, len(s.cloud.asked), attempts)
					if late > test.late {
						t.Errorf("told %v after the end, want %v at the most", late, test.late)
					}
					if n := len(s.cloud.asked); n > test.calls {
						t.Errorf("%d calls, want %d at the most", n, test.calls)
					}
				})
			})
		}
	}
}

func TestTasks(t *testing.T) {
	const done, open, unknown = task.ID("t-done00000000000000ab"), task.ID("t-open00000000000000ab"), task.ID("t-nobodyknows")
	for _, test := range []struct {
		name string
		ids  []task.ID
		wait time.Duration
		// change changes the checker.
		change  func(*Checker)
		attempt int
		told    []string // kind and ids
		err     string
	}{
		{name: "failed", ids: []task.ID{failing}, wait: UntilDeadline, told: []string{"tasks.ended t-shfqw1u1edszvxw5abcd"}},
		{name: "succeeded, which is not told", ids: []task.ID{done}, wait: UntilDeadline},
		{name: "succeeded, which is", ids: []task.ID{done}, wait: UntilDeadline, change: func(c *Checker) { c.Finished = true }, told: []string{"tasks.ended t-done00000000000000ab"}},
		{name: "only the failed of several", ids: []task.ID{done, failing}, wait: UntilDeadline, told: []string{"tasks.ended t-shfqw1u1edszvxw5abcd"}},
		{name: "open at the deadline", ids: []task.ID{open}, wait: UntilDeadline, err: "1 of 1 tasks not ended yet: t-open00000000000000ab"},
		{name: "open after the wait", ids: []task.ID{open}, wait: 10 * time.Second, err: "not ended yet"},
		{name: "open for the last time", ids: []task.ID{open}, wait: UntilDeadline, attempt: maxRetries, told: []string{"tasks.open t-open00000000000000ab"}, err: "not ended yet"},
		{name: "some open, some failed", ids: []task.ID{open, failing}, wait: UntilDeadline, told: []string{"tasks.ended t-shfqw1u1edszvxw5abcd"}, err: "1 of 2 tasks not ended yet"},
		{name: "unknown", ids: []task.ID{unknown}, wait: UntilDeadline, err: "1 of 1 tasks not known: t-nobodyknows (Task not found)"},
		{name: "unknown for the last time", ids: []task.ID{unknown}, wait: UntilDeadline, attempt: maxRetries, told: []string{"tasks.open t-nobodyknows"}, err: "Task not found"},
		{name: "of the second directory", ids: []task.ID{"t-elsewhere000000000ab"}, wait: UntilDeadline, change: func(c *Checker) { c.Directories = []task.DirectoryID{here, elsewhere} }, told: []string{"tasks.ended t-elsewhere000000000ab"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(stage)
				s.cloud.start(failing, time.Now(), 5*time.Second, task.Failed)
				s.cloud.start(done, time.Now(), 5*time.Second, task.Success)
				s.cloud.start(open, time.Now(), time.Hour, task.Success)
				s.cloud.start("t-elsewhere000000000ab", time.Now(), 5*time.Second, task.Failed)
				s.cloud.tasks[3].Directory = elsewhere
				c := s.instance()
				if test.change != nil {
					test.change(c)
				}
				ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
				defer cancel()
				out, err := c.Tasks(ctx, "", test.ids, test.wait, test.attempt)
				if ctx.Err() != nil {
					t.Error("it took all of the time")
				}
				if len(out.Results) != len(test.ids) {
					t.Errorf("got %+v", out)
				}
				var told []string
				for _, n := range s.team.told {
					var ids []string
					for _, r := range n.Results {
						ids = append(ids, string(r.ID))
					}
					told = append(told, string(n.Kind)+" "+strings.Join(ids, ","))
				}
				if !slices.Equal(told, test.told) || len(out.Told) != len(test.told) {
					t.Errorf("told %q, %q, want %q", told, out.Told, test.told)
				}
				_, ok := errors.AsType[Error](err)
				if (err != nil) != (test.err != "") || err != nil && (!ok || !strings.Contains(err.Error(), test.err)) {
					t.Errorf("got the error %v, want %q", err, test.err)
				}
			})
		})
	}
}

func TestTasksOfAnotherDirectory(t *testing.T) {
	s := new(stage)
	_, err := s.instance().Tasks(t.Context(), elsewhere, []task.ID{failing}, 0, 0)
	if task.KindOf(err) != task.Forbidden || len(s.cloud.asked) != 0 {
		t.Errorf("got %v after %d calls", err, len(s.cloud.asked))
	}
}

// TestDetails: whom and what a task is about is told only where that is wanted.
func TestDetails(t *testing.T) {
	for _, details := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := new(stage)
			s.cloud.start(failing, time.Now().Add(-3*time.Minute), time.Second, task.Failed)
			c := s.instance()
			c.Details = details
			out, err := c.Tick(t.Context(), Tick{Time: time.Now(), Payload: `{"sweep":"1h"}`}, 0)
			if err != nil || len(s.team.told) != 1 || (s.team.told[0].Results[0].Task.Details != nil) != details || (out.Results[0].Task.Details != nil) != details {
				t.Errorf("details %v: told %+v, %v", details, s.team.told, err)
			}
		})
	}
}

// TestEventsIgnored: what is of another kind passes without a call.
func TestEventsIgnored(t *testing.T) {
	for _, name := range []string{"refused-call", "another-operation", "another-service-documented", "another-directory", "data-is-no-object"} {
		s := new(stage)
		log := logged(t.Context(), func(ctx context.Context) {
			out, err := s.instance().Events(ctx, []Event{recorded(t, name)}, 0)
			if err != nil || out.Ignored != 1 || len(s.cloud.asked)+len(s.cloud.listed) != 0 {
				t.Errorf("%s: got %+v, %v", name, out, err)
			}
		})
		if !strings.Contains(log, `"level":"INFO"`) || strings.Contains(log, "leftToSweep") {
			t.Errorf("%s: logged %s", name, log)
		}
	}
}

// TestEventsTogether: several events are told of in one message.
func TestEventsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		for _, id := range []task.ID{failing, "t-sh6tceylhvgejpipabcd", "t-sh5k4gesm6twlrqbabcd"} {
			s.cloud.start(id, time.Now(), 5*time.Second, task.Failed)
		}
		_, err := s.instance().Events(t.Context(), []Event{recorded(t, "response-elements"), recorded(t, "response-elements-tasks"), recorded(t, "another-operation")}, 0)
		if err != nil || len(s.team.told) != 1 || len(s.team.failures()) != 3 {
			t.Errorf("told %+v, %v", s.team.told, err)
		}
	})
}

// TestSearch: where an event names no task, it is found by what the event names.
func TestSearch(t *testing.T) {
	const configuration = "ac-00ccule7tadaijxc0001"
	moment := time.Date(2026, 11, 24, 4, 0, 2, 0, time.UTC)
	for _, test := range []struct {
		name, event   string
		refused       string
		hidden        time.Duration
		told, listed  int
		err           bool
		logged, never string
	}{
		{name: "found", event: "no-task-id", told: 1, listed: 1},
		{name: "listed a moment later", event: "no-task-id", hidden: 7 * time.Second, told: 1, listed: 3},
		{name: "never listed", event: "no-task-id", hidden: time.Hour, listed: 4, logged: "none that it can mean is listed"},
		{name: "not allowed", event: "no-task-id", refused: "ListTasks", listed: 1, logged: "the role may not list tasks to find it (cloudsso:ListTasks): refused"},
		{name: "nothing to find it by", event: "no-task-id-and-nothing-else", logged: "it does not say what the task is about"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(moment.Add(2 * time.Second)))
				s := new(stage)
				s.cloud.hidden, s.cloud.refused = time.Now().Add(test.hidden), test.refused
				for i, started := range []time.Time{moment, moment.Add(-time.Hour), moment.Add(5 * time.Minute)} {
					s.cloud.start(task.ID(fmt.Sprintf("t-found%d", i)), started, 5*time.Second, task.Failed)
					s.cloud.tasks[i].Details = &task.Details{AccessConfigurationID: configuration}
				}
				s.cloud.start("t-others", moment, 5*time.Second, task.Failed)
				var out Outcome
				var err error
				log := logged(t.Context(), func(ctx context.Context) {
					out, err = s.instance().Events(ctx, []Event{recorded(t, test.event)}, 0)
				})
				if err != nil || len(out.Results) != test.told || len(s.team.told) != test.told || len(s.cloud.listed) != test.listed {
					t.Errorf("got %+v, %v after %d lists", out, err, len(s.cloud.listed))
				}
				if test.told > 0 && s.team.failures()["t-found0"] != 1 {
					t.Errorf("told %+v", s.team.told)
				}
				left := strings.Contains(log, `"level":"WARN"`) && strings.Contains(log, `"leftToSweep":"`+test.logged)
				if left != (test.logged != "") {
					t.Errorf("logged %s", log)
				}
			})
		})
	}
}

// TestFaults: whatever happens on the way, every failure is told of at least
// once, and few more times.
func TestFaults(t *testing.T) {
	event := func(t *testing.T) func(context.Context, *Checker, int) error {
		return func(ctx context.Context, c *Checker, attempt int) error {
			_, err := c.Events(ctx, []Event{recorded(t, "response-elements")}, attempt)
			return err
		}
	}
	for _, test := range []struct {
		name string
		play func(t *testing.T, s *stage)
		// told is how often at the most.
		told int
	}{
		{"CloudSSO throttled for a minute", func(t *testing.T, s *stage) {
			s.cloud.throttled = time.Now().Add(time.Minute)
			if attempts, err := s.invoke(t, true, event(t)); err != nil || attempts != 1 {
				t.Errorf("%d attempts, %v", attempts, err)
			}
		}, 1},
		{"the chat down for a minute", func(t *testing.T, s *stage) {
			s.team.down = time.Now().Add(time.Minute)
			s.invoke(t, true, event(t))
		}, 1},
		{"the task not found at first", func(t *testing.T, s *stage) {
			s.cloud.hidden = time.Now().Add(7 * time.Second)
			if attempts, err := s.invoke(t, true, event(t)); err != nil || attempts != 1 {
				t.Errorf("%d attempts, %v", attempts, err)
			}
		}, 1},
		{"the instance killed mid-wait", func(t *testing.T, s *stage) {
			s.invoke(t, true, func(ctx context.Context, c *Checker, attempt int) error {
				if len(s.cloud.asked) == 0 {
					dying, cancel := context.WithTimeout(ctx, 2500*time.Millisecond)
					defer cancel()
					event(t)(dying, c, attempt)
					return errors.New("killed")
				}
				return event(t)(ctx, c, attempt)
			})
		}, 1},
		{"delivered five times, one after the other", func(t *testing.T, s *stage) {
			c := s.instance()
			for range 5 {
				if err := event(t)(t.Context(), c, 0); err != nil {
					t.Error(err)
				}
			}
		}, 1},
		{"delivered five times at once, to five instances", func(t *testing.T, s *stage) {
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					if err := event(t)(t.Context(), s.instance(), 0); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(stage)
				s.cloud.start(failing, time.Now(), 5*time.Second, task.Failed)
				test.play(t, s)
				if n := s.team.failures()[failing]; n < 1 || n > test.told || len(s.team.ids()) != 1 {
					t.Errorf("told %d times, want 1 to %d, by the ids %v", n, test.told, s.team.ids())
				}
			})
		})
	}
}

// TestBulk: 500 assignments are 500 events. They queue for 20 instances, which ask
// CloudSSO no more than 50 times a second, and each is told of.
func TestBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const instances = 20
		s := &stage{instances: instances}
		queue := make(chan Event, 500)
		for i := range cap(queue) {
			id := task.ID(fmt.Sprintf("t-bulk%016d", i))
			// Some have ended long before an instance is free.
			s.cloud.start(id, time.Now(), time.Duration(i%60)*time.Second, task.Failed)
			queue <- Event{ID: fmt.Sprint(i), Data: json.RawMessage(`{"eventName":"CreateAccessAssignment","responseElements":{"Task":{"TaskId":"` + string(id) + `"}}}`)}
		}
		close(queue)
		var all sync.WaitGroup
		for range instances {
			all.Go(func() {
				c := s.instance()
				for event := range queue {
					ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
					if _, err := c.Events(ctx, []Event{event}, 0); err != nil {
						t.Error(err)
					}
					cancel()
				}
			})
		}
		all.Wait()
		if got := s.team.failures(); len(got) != cap(queue) {
			t.Errorf("%d of %d are told of", len(got), cap(queue))
		}
		slices.SortFunc(s.cloud.asked, time.Time.Compare)
		most := 0
		for i, from := range s.cloud.asked {
			n := 0
			for _, at := range s.cloud.asked[i:] {
				if at.Sub(from) >= time.Second {
					break
				}
				n++
			}
			most = max(most, n)
		}
		t.Logf("%d calls, %d a second at the most", len(s.cloud.asked), most)
		if most > 50 {
			t.Errorf("%d calls in a second", most)
		}
	})
}

// TestLeave: of an invocation's time some is kept to tell, and a quarter at the most.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for limit, want := range map[time.Duration]time.Duration{599 * time.Second: 509 * time.Second, 8 * time.Second: 6 * time.Second, 40 * time.Second: 30 * time.Second, 0: 0} {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			left, done := leave(ctx, tellFor)
			deadline, ok := left.Deadline()
			if got := time.Until(deadline); !ok || got != want {
				t.Errorf("of %v it leaves %v, want %v", limit, got, want)
			}
			done()
			cancel()
		}
		left, done := leave(t.Context(), tellFor)
		defer done()
		if _, ok := left.Deadline(); ok {
			t.Error("a deadline where there was none")
		}
	})
}

// TestNotFound: a task that is not found is looked for so often, and not after the wait.
func TestNotFound(t *testing.T) {
	for wait, took := range map[time.Duration]time.Duration{
		UntilDeadline:            newTries*newEvery + (newTries+1)*callTakes,
		7 * time.Second:          newEvery + 2*callTakes,
		newEvery + callTakes:     newEvery + 2*callTakes, // just time enough for another look
		newEvery + callTakes - 1: callTakes,
		time.Second:              callTakes,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := new(stage)
			began := time.Now()
			s.instance().Tasks(t.Context(), here, []task.ID{"t-nobodyknows"}, wait, 0)
			if got := time.Since(began); got != took {
				t.Errorf("with a wait of %v it took %v, want %v", wait, got, took)
			}
		})
	}
}

func TestUnfinished(t *testing.T) {
	open := make([]task.Result, 4)
	for i := range open {
		open[i] = task.Result{ID: task.ID(fmt.Sprint("t-open0", i)), Task: task.Task{Status: task.InProgress}}
	}
	refused := append(slices.Clone(open[:1]), task.Result{ID: "t-refused", Err: &task.Error{Kind: task.Refused, Cause: errors.New("secret")}})
	for _, test := range []struct {
		open []task.Result
		want string
	}{
		{open[:1], "1 of 9 tasks not ended yet: t-open00"},
		{open[:3], "3 of 9 tasks not ended yet: t-open00, t-open01, t-open02"},
		{open, "4 of 9 tasks not ended yet: t-open00, t-open01, t-open02, …"},
		{refused, "1 of 9 tasks not ended yet: t-open00; 1 of 9 tasks not known: t-refused (CloudSSO refused this function)"},
	} {
		_, err := new(Checker).settle(t.Context(), Outcome{}, unfinished(9, test.open), 0)
		if said, ok := errors.AsType[Error](err); !ok || string(said) != test.want {
			t.Errorf("got %q, want %q", said, test.want)
		}
	}
}

// TestEventsAgain: an event is looked into again as long as it was not checked.
func TestEventsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		s.cloud.start(failing, time.Now().Add(-time.Minute), time.Second, task.Failed)
		c := s.instance()
		event := []Event{recorded(t, "response-elements")}
		s.team.down = time.Now().Add(3 * time.Minute)
		if _, err := c.Events(t.Context(), event, 0); err == nil {
			t.Error("nobody was told, and that is well")
		}
		time.Sleep(time.Minute)
		if _, err := c.Events(t.Context(), event, 0); err != nil || len(s.team.told) != 1 {
			t.Errorf("told %+v, %v", s.team.told, err)
		}
		out, err := c.Events(t.Context(), event, 0)
		if err != nil || out.Ignored != 1 || len(s.team.told) != 1 {
			t.Errorf("got %+v, %v, told %+v", out, err, s.team.told)
		}
	})
}

// TestApart: what several tasks have in common with each other is nothing: each that
// fails is told of soon, whatever becomes of the others, and once by an instance.
func TestApart(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := new(stage)
			quick := s.cloud.start(failing, time.Now(), 5*time.Second, task.Failed)
			late := s.cloud.start("t-late00000000000000ab", time.Now(), 25*time.Minute, task.Failed)
			s.cloud.hidden = time.Now().Add(time.Second)
			ids := []task.ID{late.ID, quick.ID}
			attempts, err := s.invoke(t, fresh, func(ctx context.Context, c *Checker, attempt int) error {
				out, err := c.Tasks(ctx, here, ids, UntilDeadline, attempt)
				if len(out.Results) != 2 || out.Results[0].ID != late.ID {
					t.Errorf("got %+v", out)
				}
				return err
			})
			if err != nil || attempts < 2 {
				t.Errorf("%d attempts, %v", attempts, err)
			}
			if told := s.team.told[0]; told.Results[0].ID != quick.ID || told.at.Sub(quick.End) > roundFor+newEvery {
				t.Errorf("first told of %v, %v after its end", idsOf(told.Results), told.at.Sub(quick.End))
			}
			most := 1
			if fresh {
				most = attempts
			}
			if got := s.team.failures(); got[quick.ID] > most || got[late.ID] != 1 {
				t.Errorf("told %v in %d attempts", got, attempts)
			}
		})
	}
}

// TestTroubleMeanwhile: tasks that were seen open, and then cannot be looked up for a
// while, are as they were seen, and not unknown.
func TestTroubleMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		ids := []task.ID{"t-open00000000000000ab", "t-open00000000000000cd"}
		for _, id := range ids {
			s.cloud.start(id, time.Now(), time.Hour, task.Success)
		}
		time.AfterFunc(15*time.Second, func() {
			s.cloud.mu.Lock()
			defer s.cloud.mu.Unlock()
			s.cloud.throttled = time.Now().Add(time.Hour)
		})
		out, err := s.instance().Tasks(t.Context(), here, ids, 40*time.Second, 0)
		if said, ok := errors.AsType[Error](err); !ok || string(said) != "2 of 2 tasks not ended yet: t-open00000000000000ab, t-open00000000000000cd" {
			t.Errorf("got %v", err)
		}
		for _, r := range out.Results {
			if r.Err != nil || r.Task.Status != task.InProgress {
				t.Errorf("got %+v", r)
			}
		}
		// Who never saw them cannot say so.
		if _, err := s.instance().Tasks(t.Context(), here, ids, 40*time.Second, 0); err == nil || !strings.HasPrefix(err.Error(), "2 of 2 tasks not known: ") {
			t.Errorf("got %v", err)
		}
	})
}

// TestDirectories: tasks whose directory nobody names are found in whichever has
// them, together or apart, and no directory waits for another.
func TestDirectories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		s.cloud.start(failing, time.Now(), 5*time.Second, task.Failed)
		s.cloud.start("t-sh6tceylhvgejpipabcd", time.Now(), 5*time.Second, task.Failed)
		s.cloud.tasks[1].Directory = elsewhere
		s.cloud.start("t-sh5k4gesm6twlrqbabcd", time.Now(), time.Hour, task.Success)
		s.cloud.hidden = time.Now().Add(time.Second)
		c := s.instance()
		c.Directories = []task.DirectoryID{here, elsewhere}
		began := time.Now()
		out, err := c.Tasks(t.Context(), "", []task.ID{failing, "t-sh6tceylhvgejpipabcd", "t-sh5k4gesm6twlrqbabcd"}, 30*time.Second, 0)
		if err == nil || len(out.Results) != 3 || len(s.team.failures()) != 2 {
			t.Errorf("got %+v, %v, told %v", out, err, s.team.failures())
		}
		for _, n := range s.team.told {
			if n.at.Sub(began) > 20*time.Second || n.Results[0].Task.Directory != n.Directory {
				t.Errorf("told %+v after %v", n, n.at.Sub(began))
			}
		}
	})
}

// TestSearchElsewhere: an event that names neither task nor directory is looked for in all.
func TestSearchElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		s.cloud.start(failing, time.Now(), 5*time.Second, task.Failed)
		s.cloud.tasks[0].Directory = elsewhere
		c := s.instance()
		c.Directories = []task.DirectoryID{here, elsewhere}
		event := Event{ID: "1", Source: "acs.cloudsso", Time: time.Now(), Data: json.RawMessage(`{"eventName":"CreateAccessAssignment","requestParameters":{"AccessConfigurationId":"ac-1"}}`)}
		if _, err := c.Events(t.Context(), []Event{event}, 0); err != nil || s.team.failures()[failing] != 1 {
			t.Errorf("told %v, %v", s.team.failures(), err)
		}
	})
}

// TestSearchMany: events that can mean each other's tasks are left to the sweep, and
// searches keep within what CloudSSO takes.
func TestSearchMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const instances = 20
		s := &stage{instances: instances}
		for i := range 60 {
			s.cloud.start(task.ID(fmt.Sprintf("t-many%02d", i)), time.Now(), time.Second, task.Failed)
		}
		var all sync.WaitGroup
		for i := range instances {
			c := s.instance()
			all.Go(func() {
				for n := range 3 {
					event := Event{ID: fmt.Sprint(i, "-", n), Time: time.Now(), Data: json.RawMessage(`{"eventName":"CreateAccessAssignment","requestParameters":{"AccessConfigurationId":"ac-1"}}`)}
					log := logged(t.Context(), func(ctx context.Context) {
						out, err := c.Events(ctx, []Event{event}, 0)
						if err != nil || out.Ignored != 1 {
							t.Errorf("got %+v, %v", out, err)
						}
					})
					if !strings.Contains(log, "it can mean any of 60") {
						t.Errorf("logged %s", log)
					}
				}
			})
		}
		all.Wait()
		if len(s.team.told) != 0 || len(s.cloud.asked) != 0 {
			t.Errorf("told %d times, asked %d times", len(s.team.told), len(s.cloud.asked))
		}
	})
}

// TestSearchAlike: the tasks of a few alike events are checked by each; with one more,
// all are left to the sweep.
func TestSearchAlike(t *testing.T) {
	for alike, told := range map[int]int{maxMeant: maxMeant, maxMeant + 1: 0} {
		synctest.Test(t, func(t *testing.T) {
			s := new(stage)
			for i := range alike {
				s.cloud.start(task.ID(fmt.Sprintf("t-alike%d", i)), time.Now(), time.Second, task.Failed)
			}
			event := Event{ID: "1", Time: time.Now(), Data: json.RawMessage(`{"eventName":"CreateAccessAssignment","requestParameters":{"AccessConfigurationId":"ac-1"}}`)}
			out, err := s.instance().Events(t.Context(), []Event{event}, 0)
			if err != nil || len(out.Results) != told || len(s.team.failures()) != told {
				t.Errorf("of %d alike: told %v, got %+v, %v", alike, s.team.failures(), out, err)
			}
		})
	}
}

// TestBroken: where one can never be told, the others are not told again and again;
// where nobody else is there, it is tried to the end.
func TestBroken(t *testing.T) {
	for deaf, want := range map[bool]struct{ attempts, told int }{false: {2, 2}, true: {maxRetries + 1, 0}} {
		synctest.Test(t, func(t *testing.T) {
			s := new(stage)
			s.team.broken, s.team.deaf = "webhook", deaf
			s.cloud.start(failing, time.Now(), time.Second, task.Failed)
			var log string // of the last attempt
			attempts, err := s.invoke(t, true, func(ctx context.Context, c *Checker, attempt int) (err error) {
				log = logged(ctx, func(ctx context.Context) {
					_, err = c.Tasks(ctx, here, []task.ID{failing}, UntilDeadline, attempt)
				})
				if attempt == 0 && (err == nil || !strings.Contains(err.Error(), "not everybody was told: webhook: there is no such webhook")) {
					t.Errorf("got %v", err)
				}
				return err
			})
			if attempts != want.attempts || len(s.team.told) != want.told || (err != nil) != deaf {
				t.Errorf("deaf %v: %d attempts, told %d times, %v", deaf, attempts, len(s.team.told), err)
			}
			if !deaf && (!strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, `"outcome":"failed","error":"not everybody was told`)) {
				t.Errorf("logged %s", log)
			}
		})
	}
}

func TestTooMany(t *testing.T) {
	s := new(stage)
	ids := make([]task.ID, MaxTasks+1)
	if _, err := s.instance().Tasks(t.Context(), "", ids, 0, 0); task.KindOf(err) != task.Invalid || len(s.cloud.asked) != 0 {
		t.Errorf("got %v", err)
	}
	if _, err := s.instance().Tasks(t.Context(), "", ids[:MaxTasks], 0, 0); task.KindOf(err) == task.Invalid || len(s.cloud.asked) == 0 {
		t.Errorf("got %v", err)
	}
}

// panicking is a Looker that panics.
type panicking struct{}

func (panicking) Look(context.Context, task.DirectoryID, []task.ID, time.Duration) []task.Result {
	panic("oops")
}

// TestPanic: a panic is the failure of one check and not of the process.
func TestPanic(t *testing.T) {
	s := new(stage)
	c := s.instance()
	c.Looker = panicking{}
	_, err := c.Tasks(t.Context(), here, []task.ID{failing}, 0, 0)
	if said, ok := errors.AsType[Error](err); !ok || strings.Contains(string(said), "oops") || !strings.Contains(err.Error(), "oops") {
		t.Errorf("got %v", err)
	}
}

func TestRefuse(t *testing.T) {
	s := new(stage)
	for name, want := range map[string]task.Kind{
		"own-event": task.Internal, "response-elements": task.Internal, "another-operation": task.Internal, "refused-call": task.Internal,
		"another-service-with-a-task": task.Internal, "another-directory": task.Forbidden,
	} {
		if err := s.instance().Refuse(recorded(t, name)); task.KindOf(err) != want || (err == nil) != (want == task.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := `{"taskIds":["t-aaaaaa000"`
	for i := range MaxTasks - 1 {
		many += fmt.Sprintf(`,"t-bbbbbb%03d"`, i)
	}
	if err := s.instance().Refuse(Event{ID: "1", Source: "/ci", Data: json.RawMessage(many + "]}")}); err != nil {
		t.Errorf("as many as can be: %v", err)
	}
	for _, data := range []string{many + `,"t-cccccc000"]}`, `{"task_id":"t-shfqw1u1edszvxw5abcd"}`, `{"taskId":"nonsense"}`, `"t-shfqw1u1edszvxw5abcd"`, ``} {
		if err := s.instance().Refuse(Event{ID: "1", Source: "/ci", Data: json.RawMessage(data)}); task.KindOf(err) != task.Invalid {
			t.Errorf("%s: %v", data, err)
		}
	}
}

// TestNoticeID: the same tasks in another order are the same news; others are not.
func TestNoticeID(t *testing.T) {
	a, b := task.Result{ID: "t-aaaaaa"}, task.Result{ID: "t-bbbbbb"}
	of := func(kind task.NoticeKind, directory task.DirectoryID, results ...task.Result) string {
		return notice(kind, directory, results).ID
	}
	one := of(task.NoticeEnded, here, a, b)
	if of(task.NoticeEnded, here, b, a) != one || strings.Contains(one, ".") {
		t.Errorf("the id of the same news: %s", one)
	}
	for i, other := range []string{of(task.NoticeOpen, here, a, b), of(task.NoticeEnded, elsewhere, a, b), of(task.NoticeEnded, here, a)} {
		if other == one {
			t.Errorf("%d: other news have the same id", i)
		}
	}
}

// TestLeavesTime: a check that waits to the end leaves the time that it takes to tell,
// as does one that would wait a moment longer than that.
func TestLeavesTime(t *testing.T) {
	const latest = timeLimit - tellFor - lookFor
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		s.cloud.start("t-open00000000000000ab", time.Now(), time.Hour, task.Success)
		s.cloud.start("t-open00000000000000cd", time.Now(), time.Hour, task.Success)
		for _, ids := range [][]task.ID{{"t-open00000000000000ab"}, {"t-open00000000000000ab", "t-open00000000000000cd"}} {
			for _, wait := range []time.Duration{UntilDeadline, latest + time.Second/2} {
				ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
				began := time.Now()
				s.instance().Tasks(ctx, here, ids, wait, 0)
				if took := time.Since(began); took < latest || took > latest+2*callTakes {
					t.Errorf("%d tasks, a wait of %v: it took %v", len(ids), wait, took)
				}
				cancel()
			}
		}
	})
}

// TestLocate: a task that no directory has is looked for in all, so often, and not after the deadline.
func TestLocate(t *testing.T) {
	for limit, took := range map[time.Duration]time.Duration{time.Hour: newTries*newEvery + 2*(newTries+1)*callTakes, 3 * time.Second: 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := new(stage)
			c := s.instance()
			c.Directories = []task.DirectoryID{here, elsewhere}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			began := time.Now()
			located := c.locate(ctx, []task.ID{"t-nobodyknows"})
			if got := time.Since(began); got != took || !slices.Equal(located[here], []task.ID{"t-nobodyknows"}) {
				t.Errorf("got %v after %v, want %v", located, got, took)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		err   error
		shown string
		final bool
	}{
		{Error("said"), "said", false},
		{fmt.Errorf("%w (%w)", Error("said"), errors.New("secret")), "said", false},
		{&task.Error{Kind: task.Refused, Detail: task.Text{En: "why"}, Cause: errors.New("secret")}, "CloudSSO refused this function: why", true},
		{&task.Error{Kind: task.Refused, Cause: errors.New("secret")}, "CloudSSO refused this function", true},
		{&task.Error{Kind: task.Throttled}, "CloudSSO is busy", false},
		{&task.Error{Kind: task.NotFound}, "Task not found", false},
		{context.DeadlineExceeded, "CloudSSO took too long", false},
		{errors.New("secret"), "Something went wrong here", false},
		{untold{"chat: gone", true}, "Something went wrong here", true},
		{untold{"chat: down", false}, "Something went wrong here", false},
	} {
		if got, final := shownOf(test.err), isFinal(test.err); got != test.shown || final != test.final {
			t.Errorf("%v: shown %q, final %v", test.err, got, final)
		}
	}
}

// TestMixed: what can never be looked up is told of before it is given up, and keeps
// nothing from being tried again that may pass.
func TestMixed(t *testing.T) {
	bad := task.ID("t-refused")
	for _, test := range []struct {
		name     string
		ids      []task.ID
		attempts int
	}{
		{"refused", []task.ID{failing, bad}, 2},
		{"refused, and not found", []task.ID{failing, bad, "t-nobodyknows"}, maxRetries + 1},
		{"not found, and refused", []task.ID{failing, "t-nobodyknows", bad}, maxRetries + 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(stage)
				s.cloud.start(failing, time.Now().Add(-time.Minute), time.Second, task.Failed)
				attempts, _ := s.invoke(t, true, func(ctx context.Context, c *Checker, attempt int) error {
					c.Looker = refusing{c.Looker, bad}
					_, err := c.Tasks(ctx, here, test.ids, UntilDeadline, attempt)
					return err
				})
				last := s.team.told[len(s.team.told)-1]
				if attempts != test.attempts || last.Kind != task.NoticeOpen || len(last.Results) != len(test.ids)-1 {
					t.Errorf("%d attempts, last told %+v", attempts, last)
				}
				given := 0
				for _, n := range s.team.told {
					if n.Kind == task.NoticeOpen {
						given++
					}
				}
				if given != 1 {
					t.Errorf("given up %d times", given)
				}
			})
		})
	}
}

// refusing refuses one task.
type refusing struct {
	Looker
	id task.ID
}

func (r refusing) Look(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result {
	results := r.Looker.Look(ctx, directory, ids, wait)
	for i := range results {
		if results[i].ID == r.id {
			results[i] = task.Result{ID: r.id, Err: &task.Error{Kind: task.Refused}}
		}
	}
	return results
}
