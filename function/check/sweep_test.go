package check

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"taskstatus/function/task"
)

const (
	sweep5m   = `{"sweep":"5m"}`
	digest24h = `{"digest":"24h"}`
)

// tick runs a tick that comes when it is due, or so much later.
func (s *stage) tick(t testing.TB, c *Checker, due time.Time, late time.Duration, payload string) (Outcome, error) {
	t.Helper()
	time.Sleep(time.Until(due.Add(late)))
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	defer cancel()
	return c.Tick(ctx, Tick{Time: due, Name: "timer", Payload: payload}, 0)
}

func idsOf(results []task.Result) []string {
	var ids []string
	for _, r := range results {
		ids = append(ids, string(r.ID))
	}
	return ids
}

func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		due := time.Now().Truncate(24 * time.Hour).Add(34 * time.Hour) // 10:00 of a day
		w := windowAt(due, 5*time.Minute)
		s.cloud.start("t-before", w.from.Add(-time.Minute), 59*time.Second, task.Failed)
		s.cloud.start("t-first", w.from.Add(-time.Minute), time.Minute, task.Failed)
		s.cloud.start("t-last", w.to.Add(-time.Minute), 59*time.Second, task.Failed)
		s.cloud.start("t-after", w.to.Add(-time.Minute), time.Minute, task.Failed)
		s.cloud.start("t-well", w.from, time.Second, task.Success)
		s.cloud.start("t-long", w.from.Add(-120*time.Hour), 120*time.Hour+time.Minute, task.Failed)
		s.cloud.start("t-no-end", w.from.Add(2*time.Minute), 0, task.Failed)
		s.cloud.tasks[6].End = time.Time{}
		s.cloud.start("t-open", w.from, time.Hour, task.Failed)
		s.cloud.start("t-long-open", w.from.Add(-task.LongOpen), time.Hour, task.Success)
		s.cloud.start("t-longer-open", w.from.Add(-task.LongOpen-time.Second), time.Hour, task.Success)
		s.cloud.start("t-ended-after-long", w.from.Add(-task.LongOpen), task.LongOpen+time.Minute, task.Success)
		out, err := s.tick(t, s.instance(), due, 0, sweep5m)
		want := []string{"t-no-end", "t-first", "t-long", "t-last", "t-long-open"}
		if err != nil || len(s.team.told) != 1 || !slices.Equal(idsOf(s.team.told[0].Results), want) || !slices.Equal(idsOf(out.Results), want) {
			t.Fatalf("told %+v, %v", s.team.told, err)
		}
		n := s.team.told[0]
		if n.Kind != task.NoticeSweep || n.From != w.from || n.To != w.to || n.Directory != here || n.At() != w.to || out.From != w.from || out.To != w.to {
			t.Errorf("told %+v, got %+v", n, out)
		}
		for _, r := range s.cloud.requests {
			if r.MaxResults != task.MaxPage || r.Directory != here {
				t.Errorf("asked for %+v", r)
			}
		}

		// Nothing is told of a period without failures.
		s.team.told = nil
		if out, err := s.tick(t, s.instance(), due.Add(-time.Hour), time.Hour+time.Second, sweep5m); err != nil || len(s.team.told) != 0 || len(out.Told) != 0 {
			t.Errorf("told %+v, %v", s.team.told, err)
		}
	})
}

func TestDigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		due := time.Now().Truncate(24 * time.Hour).Add(49 * time.Hour) // 01:00 of a day
		w := windowAt(due, 24*time.Hour)
		for i := range 70 {
			s.cloud.start(task.ID(fmt.Sprintf("t-well%02d", i)), w.from.Add(time.Duration(i)*time.Minute), time.Second, task.Success)
		}
		s.cloud.start("t-well-at-last", w.from.Add(-24*time.Hour), 25*time.Hour, task.Success)
		s.cloud.start("t-well-yesterday", w.from.Add(-time.Hour), time.Minute, task.Success)
		s.cloud.start("t-failed", w.from.Add(time.Hour), time.Minute, task.Failed)
		s.cloud.start("t-yesterday", w.from.Add(-time.Hour), time.Minute, task.Failed)
		s.cloud.start("t-today", w.to, time.Minute, task.Failed)
		s.cloud.start("t-open", w.to.Add(-time.Hour), 5*time.Hour, task.Failed)
		out, err := s.tick(t, s.instance(), due, 0, digest24h)
		if err != nil || len(s.team.told) != 1 {
			t.Fatalf("told %+v, %v", s.team.told, err)
		}
		n := s.team.told[0]
		if n.Kind != task.NoticeDigest || n.Succeeded != 71 || !slices.Equal(idsOf(n.Results), []string{"t-failed", "t-open"}) || out.To != w.to {
			t.Errorf("told %+v", n)
		}
		if got := len(s.cloud.listed); got != 6 { // one of failures, one of open tasks, four of those that did well
			t.Errorf("%d pages", got)
		}
		for i := range s.cloud.listed[3:] {
			if apart := s.cloud.listed[i+3].Sub(s.cloud.listed[i+2]); apart < callTakes+pageEvery {
				t.Errorf("pages %v apart", apart)
			}
		}

		// A day without a task is told of as well: that nothing was told would say nothing.
		s.team.told, s.cloud.tasks = nil, nil
		if _, err := s.tick(t, s.instance(), due.Add(24*time.Hour), 0, digest24h); err != nil || len(s.team.told) != 1 || len(s.team.told[0].Results) != 0 {
			t.Errorf("told %+v, %v", s.team.told, err)
		}
	})
}

// TestSweepStorm: 300 tasks that fail in one tick are one digest.
func TestSweepStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		due := time.Now().Truncate(24 * time.Hour).Add(34 * time.Hour)
		for i := range 300 {
			s.cloud.start(task.ID(fmt.Sprintf("t-storm%03d", i)), due.Add(-2*time.Minute), time.Second, task.Failed)
		}
		_, err := s.tick(t, s.instance(), due, 0, sweep5m)
		if err != nil || len(s.team.told) != 1 || len(s.team.failures()) != 300 {
			t.Errorf("%d are told of in %d messages, %v", len(s.team.failures()), len(s.team.told), err)
		}
		if got := len(s.cloud.listed); got != 16 {
			t.Errorf("%d pages", got)
		}
	})
}

// TestList: each task is listed once, though the list shifts, and a list that does not end is given up.
func TestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		for i := range 90 {
			s.cloud.start(task.ID(fmt.Sprintf("t-task%02d", i)), time.Now().Add(-time.Hour), time.Second, task.Failed)
		}
		s.cloud.shifting = true
		tasks, err := s.instance().list(t.Context(), task.ListRequest{Directory: here})
		if err != nil || len(tasks) != 90 {
			t.Errorf("%d tasks, %v", len(tasks), err)
		}
		s.cloud.endless, s.cloud.listed = true, nil
		if _, err := s.instance().list(t.Context(), task.ListRequest{Directory: here}); task.KindOf(err) != task.Upstream || len(s.cloud.listed) != maxPages {
			t.Errorf("got %v after %d pages", err, len(s.cloud.listed))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := s.instance().list(ctx, task.ListRequest{Directory: here}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestListPace: the directories are listed at the same time, and together no faster than one.
func TestListPace(t *testing.T) {
	for directories, apart := range map[int]time.Duration{1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 5: 500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := new(stage)
			for i := range 3 * task.MaxPage {
				s.cloud.start(task.ID(fmt.Sprintf("t-task%02d", i)), time.Now().Add(-time.Hour), time.Second, task.Failed)
			}
			c := s.instance()
			c.Directories = make([]task.DirectoryID, directories)
			if tasks, err := c.list(t.Context(), task.ListRequest{Directory: here}); err != nil || len(tasks) != 3*task.MaxPage || len(s.cloud.listed) != 3 {
				t.Fatalf("%d tasks in %d pages, %v", len(tasks), len(s.cloud.listed), err)
			}
			for i := range s.cloud.listed[1:] {
				if got := s.cloud.listed[i+1].Sub(s.cloud.listed[i]); got != callTakes+apart {
					t.Errorf("with %d directories: pages %v apart, want %v", directories, got, callTakes+apart)
				}
			}
		})
	}
}

// TestSweepDirectories: no directory waits for another, and each is told of.
func TestSweepDirectories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		due := time.Now().Truncate(24 * time.Hour).Add(34 * time.Hour)
		s.cloud.start(failing, due.Add(-2*time.Minute), time.Second, task.Failed)
		s.cloud.start("t-elsewhere", due.Add(-2*time.Minute), time.Second, task.Failed)
		s.cloud.tasks[1].Directory = elsewhere
		time.Sleep(time.Until(due))
		s.team.down = due.Add(80 * time.Second)
		c := s.instance()
		c.Directories = []task.DirectoryID{here, elsewhere}
		ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
		defer cancel()
		out, err := c.Tick(ctx, Tick{Time: due, Payload: sweep5m}, 0)
		if err != nil || len(s.team.failures()) != 2 || len(s.team.ids()) != 2 || len(out.Told) != 1 {
			t.Errorf("told %v, %+v, %v", s.team.failures(), out, err)
		}
	})
}

// TestTickNow: a tick that does not say when it was due means now.
func TestTickNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(48 * time.Hour)
		s := new(stage)
		s.cloud.start(failing, time.Now().Add(-2*time.Hour), time.Second, task.Failed)
		out, err := s.instance().Tick(t.Context(), Tick{Payload: `{"sweep":"24h"}`}, 0)
		if now := windowAt(time.Now(), 24*time.Hour); err != nil || out.To != now.to {
			t.Errorf("got %+v, %v", out, err)
		}
	})
}

// TestTicks: ticks that come late, twice or again mean the same, and what one that
// never comes would have told of is in the digest.
func TestTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		due := time.Now().Truncate(24 * time.Hour).Add(34 * time.Hour)
		lost := due.Add(5 * time.Minute)
		s.cloud.start("t-lost", lost.Add(-2*time.Minute), time.Second, task.Failed)
		s.cloud.start(failing, due.Add(-2*time.Minute), time.Second, task.Failed)
		c := s.instance()
		for _, late := range []time.Duration{0, time.Second, 7 * time.Minute, 3 * time.Hour} {
			if _, err := s.tick(t, c, due, late, sweep5m); err != nil {
				t.Error(err)
			}
		}
		if s.team.failures()[failing] != 4 || len(s.team.ids()) != 1 || s.team.failures()["t-lost"] != 0 {
			t.Errorf("told %v by the ids %v", s.team.failures(), s.team.ids())
		}
		if _, err := s.tick(t, c, due.Add(24*time.Hour), 0, digest24h); err != nil || s.team.failures()["t-lost"] != 1 {
			t.Errorf("told %v, %v", s.team.failures(), err)
		}
	})
}

// TestTickFaults: a tick that fails is invoked again, and tells the same.
func TestTickFaults(t *testing.T) {
	for _, test := range []struct {
		name     string
		trouble  func(*stage)
		attempts int
	}{
		{"CloudSSO throttled for a minute", func(s *stage) { s.cloud.throttled = time.Now().Add(time.Minute) }, 1},
		{"CloudSSO throttled for a quarter of an hour", func(s *stage) { s.cloud.throttled = time.Now().Add(15 * time.Minute) }, 2},
		{"the chat down for a minute", func(s *stage) { s.team.down = time.Now().Add(time.Minute) }, 1},
		{"the chat down for ten minutes", func(s *stage) { s.team.down = time.Now().Add(10 * time.Minute) }, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(stage)
				due := time.Now().Truncate(24 * time.Hour).Add(34 * time.Hour)
				s.cloud.start(failing, due.Add(-2*time.Minute), time.Second, task.Failed)
				time.Sleep(time.Until(due))
				test.trouble(s)
				attempts, err := s.invoke(t, true, func(ctx context.Context, c *Checker, _ int) error {
					_, err := c.Tick(ctx, Tick{Time: due, Payload: sweep5m}, 0)
					return err
				})
				if err != nil || attempts != test.attempts || s.team.failures()[failing] != 1 {
					t.Errorf("%d attempts, told %v, %v", attempts, s.team.failures(), err)
				}
			})
		})
	}
}

// TestTickOld: a tick that comes very late is heard for as long as its period is listed.
func TestTickOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		c := s.instance()
		tick := Tick{Time: time.Now().Add(time.Hour), Payload: sweep5m}
		time.Sleep(time.Until(windowAt(tick.Time, 5*time.Minute).from.Add(task.ListWindow - listMargin)))
		if _, err := c.Tick(t.Context(), tick, 0); err != nil {
			t.Errorf("in time: %v", err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := c.Tick(t.Context(), tick, 0); task.KindOf(err) != task.Invalid {
			t.Errorf("too late: %v", err)
		}
	})
}

func TestTickErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(stage)
		c := s.instance()
		for name, tick := range map[string]Tick{
			"no payload": {Time: time.Now()},
			"too old":    {Time: time.Now().Add(-7 * 24 * time.Hour), Payload: sweep5m},
		} {
			if _, err := c.Tick(t.Context(), tick, 0); task.KindOf(err) != task.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		s.cloud.refused = "ListTasks"
		c.Directories = []task.DirectoryID{here, elsewhere}
		_, err := c.Tick(t.Context(), Tick{Time: time.Now(), Payload: sweep5m}, 0)
		if said, ok := errors.AsType[Error](err); !ok || !strings.HasPrefix(string(said), "the tasks of d-00fc2p61abcd cannot be listed: CloudSSO refused this function") || task.KindOf(err) != task.Refused || len(s.cloud.listed) != 2 {
			t.Errorf("%v after %d lists", err, len(s.cloud.listed))
		}
		// As far back as it can.
		s.cloud.refused = ""
		if _, err := c.Tick(t.Context(), Tick{Time: time.Now(), Payload: `{"digest":"72h"}`}, 0); err != nil {
			t.Error(err)
		}
	})
}

// TestSweepProperty: over random tasks and random troubles with the timer, each failure
// is told of by the sweeps at least once and under one id, and if a tick is lost by
// the digest.
func TestSweepProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		synctest.Test(t, func(t *testing.T) {
			s := new(stage)
			begin := time.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)
			period := []time.Duration{time.Minute, 5 * time.Minute, 7 * time.Minute, time.Hour}[random.IntN(4)]
			payload := fmt.Sprintf(`{"sweep":"%v"}`, period)
			from, until := begin.Add(2*time.Hour), begin.Add(2*time.Hour+20*period)
			failures := 0
			for i := range 40 {
				takes := time.Duration(random.Int64N(int64(2 * time.Hour / time.Second)))
				end := from.Add(time.Duration(random.Int64N(int64(until.Sub(from)/time.Second))) * time.Second)
				outcome := task.Failed
				if random.IntN(3) == 0 {
					outcome = task.Success
				} else {
					failures++
				}
				s.cloud.start(task.ID(fmt.Sprintf("t-task%02d", i)), end.Add(-takes*time.Second), takes*time.Second, outcome)
			}
			type coming struct{ due, at time.Time }
			var ticks []coming
			lost := false
			for due := from.Truncate(period); !due.After(until.Add(2 * period)); due = due.Add(period) {
				switch random.IntN(8) {
				case 0:
					ticks = append(ticks, coming{due, due}, coming{due, due.Add(time.Second)})
				case 1:
					ticks = append(ticks, coming{due, due.Add(time.Duration(random.Int64N(int64(3 * period))))})
				case 2:
					if random.IntN(4) == 0 {
						lost = true
						continue
					}
					fallthrough
				default:
					ticks = append(ticks, coming{due, due})
				}
			}
			slices.SortStableFunc(ticks, func(a, b coming) int { return a.at.Compare(b.at) })
			c := s.instance()
			for _, tick := range ticks {
				time.Sleep(time.Until(tick.at))
				if _, err := c.Tick(t.Context(), Tick{Time: tick.due, Payload: payload}, 0); err != nil {
					t.Fatal(err)
				}
			}
			if lost {
				for day := range 2 {
					due := begin.Add(time.Duration(day+1)*24*time.Hour + time.Hour)
					s.tick(t, c, due, 0, digest24h)
				}
			}
			if got := len(s.team.failures()); got != failures {
				t.Fatalf("%d of %d failures are told of, with the period %v, lost %v", got, failures, period, lost)
			}
			by := make(map[task.ID]map[string]bool)
			for _, n := range s.team.told {
				for _, r := range n.Results {
					if n.Kind == task.NoticeSweep && r.Task.Status == task.Failed {
						if by[r.ID] == nil {
							by[r.ID] = make(map[string]bool)
						}
						by[r.ID][n.ID] = true
					}
				}
			}
			for id, ids := range by {
				// A late tick may find failed what was open for long in its period.
				if len(ids) > 1 {
					t.Errorf("%s is told of by %d sweeps", id, len(ids))
				}
			}
		})
	}
}
