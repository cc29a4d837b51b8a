package watch

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"taskstatus/function/task"
)

// counted answers at once, that the task has ended, and keeps when it was asked.
type counted struct{ status, details []time.Time }

func (c *counted) GetTaskStatus(_ context.Context, directory task.DirectoryID, id task.ID) (task.Task, error) {
	c.status = append(c.status, time.Now())
	return task.Task{ID: id, Directory: directory, Status: task.Success}, nil
}

func (c *counted) GetTask(ctx context.Context, directory task.DirectoryID, id task.ID) (task.Task, error) {
	c.details = append(c.details, time.Now())
	return task.Task{}, &task.Error{Kind: task.NotFound}
}

// TestShare: as one of 20 instances, it asks twice a second, and for details every
// two seconds; no more often, and no less.
func TestShare(t *testing.T) {
	for _, test := range []struct {
		name    string
		details int // how often they are asked for
		apart   time.Duration
	}{
		{"status", 0, 500 * time.Millisecond},
		{"details, which the status waits for", 10, 2 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := new(counted)
				w := New(source)
				if test.details > 0 {
					w.Details = source
				}
				w.Share(20)
				for i := range 10 {
					results := w.Look(t.Context(), "d-00fc2p61abcd", []task.ID{task.ID(fmt.Sprintf("t-task%06d", i))}, 0)
					if results[0].Err != nil {
						t.Fatal(results[0].Err)
					}
				}
				if len(source.status) != 10 || len(source.details) != test.details {
					t.Errorf("asked %d times, and %d times for details", len(source.status), len(source.details))
				}
				for what, asked := range map[string][]time.Time{"status": source.status, "details": source.details} {
					for i := 1; i < len(asked); i++ {
						if apart := asked[i].Sub(asked[i-1]); apart != test.apart {
							t.Errorf("%s: asked again after %v, want %v", what, apart, test.apart)
						}
					}
				}
			})
		})
	}
}

// TestShareEnds: who has no time for a turn is not asked for.
func TestShareEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := new(counted)
		w := New(source)
		w.Share(1000)
		for i := range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			results := w.Look(ctx, "d-00fc2p61abcd", []task.ID{task.ID(fmt.Sprintf("t-task%06d", i))}, 0)
			cancel()
			if (results[0].Err != nil) != (i == 1) {
				t.Errorf("look %d: %+v", i, results[0])
			}
		}
		if len(source.status) != 1 {
			t.Errorf("asked %d times", len(source.status))
		}
	})
}
