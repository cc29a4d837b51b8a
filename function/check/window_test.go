package check

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"taskstatus/function/task"
)

func TestWindowAt(t *testing.T) {
	at := func(s string) time.Time {
		parsed, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, test := range []struct {
		name, tick string
		period     time.Duration
		from, to   string
	}{
		{"due on the minute", "2026-11-24T10:05:00Z", 5 * time.Minute, "2026-11-24T09:59:30Z", "2026-11-24T10:04:30Z"},
		{"a little early", "2026-11-24T10:04:45Z", 5 * time.Minute, "2026-11-24T09:59:30Z", "2026-11-24T10:04:30Z"},
		{"late", "2026-11-24T10:09:30Z", 5 * time.Minute, "2026-11-24T09:59:30Z", "2026-11-24T10:04:30Z"},
		{"the next", "2026-11-24T10:10:00Z", 5 * time.Minute, "2026-11-24T10:04:30Z", "2026-11-24T10:09:30Z"},
		{"not settled yet", "2026-11-24T10:04:39Z", 5 * time.Minute, "2026-11-24T09:54:30Z", "2026-11-24T09:59:30Z"},
		{"in another zone", "2026-11-24T18:05:00+08:00", 5 * time.Minute, "2026-11-24T09:59:30Z", "2026-11-24T10:04:30Z"},
		{"each minute", "2026-11-24T10:05:00Z", time.Minute, "2026-11-24T10:03:30Z", "2026-11-24T10:04:30Z"},
		{"a day", "2026-11-24T01:00:00Z", 24 * time.Hour, "2026-11-22T23:59:30Z", "2026-11-23T23:59:30Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := windowAt(at(test.tick), test.period)
			if !got.from.Equal(at(test.from)) || !got.to.Equal(at(test.to)) {
				t.Errorf("got %v to %v", got.from, got.to)
			}
			if got.has(got.to) || !got.has(got.from) {
				t.Error("the bounds are not half open")
			}
		})
	}
}

// TestWindowProperty: over random schedules, whenever a timer fires once in every
// period, each moment is in the window of a tick, and every tick within a period means the same window.
func TestWindowProperty(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for range 5000 {
		period := minPeriod + time.Duration(random.Int64N(int64(6*time.Hour/time.Second)))*time.Second
		// Cron is due on full multiples; "@every" begins whenever the trigger was made.
		first := start.Add(time.Duration(random.Int64N(int64(period))))
		cron := random.IntN(2) == 0
		if cron {
			first = start.Truncate(period).Add(period)
		}
		last := window{}
		for n := range 20 {
			due := first.Add(time.Duration(n) * period)
			if cron {
				// Within this much, a due time that is off means the same.
				due = due.Add(time.Duration(random.Int64N(int64(40*time.Second))) - 20*time.Second)
			}
			w := windowAt(due, period)
			if w.to.Sub(w.from) != period || w.to.After(due.Add(-settled)) || due.Sub(w.to) >= period+settled {
				t.Fatalf("period %v, due %v: %v to %v", period, due, w.from, w.to)
			}
			if n > 0 && !w.from.Equal(last.to) {
				t.Fatalf("period %v, cron %v, due %v: from %v, but the one before ended at %v", period, cron, due, w.from, last.to)
			}
			// Late, doubled, retried: the due time is the same, and so is the window.
			if again := windowAt(due.In(time.FixedZone("", 8*3600)), period); again != w {
				t.Fatalf("the same tick means %v, then %v", w, again)
			}
			last = w
		}
	}
}

func TestTickRead(t *testing.T) {
	for payload, want := range map[string]struct {
		kind   task.NoticeKind
		period time.Duration
	}{
		`{"sweep":"5m"}`:                {task.NoticeSweep, 5 * time.Minute},
		`{"digest":"24h"}`:              {task.NoticeDigest, 24 * time.Hour},
		` {"Sweep": "90s"} `:            {task.NoticeSweep, 90 * time.Second},
		`{"digest":"72h"}`:              {task.NoticeDigest, 72 * time.Hour},
		``:                              {},
		`sweep`:                         {},
		`{}`:                            {},
		`[]`:                            {},
		`{"sweep":5}`:                   {},
		`{"sweep":""}`:                  {},
		`{"sweep":"5"}`:                 {},
		`{"sweep":"59s"}`:               {},
		`{"sweep":"-5m"}`:               {},
		`{"sweep":"73h"}`:               {},
		`{"sweep":"5m0.5s"}`:            {},
		`{"sweep":"5m","digest":"24h"}`: {},
	} {
		kind, period, err := Tick{Payload: payload}.read()
		if kind != want.kind || period != want.period || (err != nil) != (want.kind == "") {
			t.Errorf("%s: got %q, %v, %v", payload, kind, period, err)
		}
		if e, ok := errors.AsType[*task.Error](err); err != nil && (!ok || e.Kind != task.Invalid || e.Detail.En == "") {
			t.Errorf("%s: got %v", payload, err)
		}
	}
}
