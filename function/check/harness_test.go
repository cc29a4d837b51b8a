package check

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"taskstatus/function/clock"
	"taskstatus/function/entry"
	"taskstatus/function/task"
	"taskstatus/function/watch"
)

// callTakes is what a call to CloudSSO takes in these tests, whose time is not real.
const callTakes = 100 * time.Millisecond

// A cloud is a CloudSSO whose tasks run by the clock.
type cloud struct {
	mu    sync.Mutex
	tasks []task.Task // as they will be at their end
	// asked are the times of GetTaskStatus, listed those of ListTasks.
	asked, listed []time.Time
	requests      []task.ListRequest
	// Until then calls are throttled, and tasks not found.
	throttled, hidden time.Time
	// refused is what the role may not do.
	refused string
	// endless has every page name a next one, and shifting has a new task come with each.
	endless, shifting bool
}

// start adds a task that starts at a time and takes so long.
func (c *cloud) start(id task.ID, at time.Time, takes time.Duration, outcome task.Status) task.Task {
	t := task.Task{ID: id, Directory: here, Type: task.CreateAccessAssignment, Status: outcome, Start: at.UTC(), End: at.Add(takes).UTC(),
		Details: &task.Details{PrincipalName: "Mallory", AccessConfigurationID: "ac-1"}}
	if outcome == task.Failed {
		t.FailureReason = "No Permission."
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tasks = append(c.tasks, t)
	return t
}

// now is how a task stands.
func now(t task.Task) task.Task {
	if time.Now().Before(t.End) {
		t.Status, t.End, t.FailureReason = task.InProgress, time.Time{}, ""
	}
	return t
}

func (c *cloud) trouble(action string) error {
	if time.Now().Before(c.throttled) {
		return &task.Error{Kind: task.Throttled}
	}
	if c.refused == action {
		return &task.Error{Kind: task.Refused}
	}
	return nil
}

func (c *cloud) GetTaskStatus(ctx context.Context, directory task.DirectoryID, id task.ID) (task.Task, error) {
	c.mu.Lock()
	c.asked = append(c.asked, time.Now())
	c.mu.Unlock()
	if clock.Sleep(ctx, callTakes) != nil {
		return task.Task{}, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.trouble("GetTaskStatus"); err != nil {
		return task.Task{}, err
	}
	for _, t := range c.tasks {
		if t.ID == id && t.Directory == directory && !time.Now().Before(c.hidden) {
			t.Details = nil
			return now(t), nil
		}
	}
	return task.Task{}, &task.Error{Kind: task.NotFound}
}

func (c *cloud) ListTasks(ctx context.Context, r task.ListRequest) (task.Page, error) {
	c.mu.Lock()
	c.listed = append(c.listed, time.Now())
	c.requests = append(c.requests, r)
	c.mu.Unlock()
	if clock.Sleep(ctx, callTakes) != nil {
		return task.Page{}, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.trouble("ListTasks"); err != nil {
		return task.Page{}, err
	}
	if time.Since(r.StartedSince) > task.ListWindow || r.MaxResults != task.MaxPage {
		return task.Page{}, &task.Error{Kind: task.Invalid}
	}
	var found []task.Task
	for _, t := range c.tasks {
		t = now(t)
		if t.Directory == r.Directory && (r.Status == "" || t.Status == r.Status) && (r.Type == "" || t.Type == r.Type) && !t.Start.After(time.Now()) &&
			!t.Start.Before(r.StartedSince) && (r.AccessConfigurationID == "" || t.Details.AccessConfigurationID == r.AccessConfigurationID) && !time.Now().Before(c.hidden) {
			found = append(found, t)
		}
	}
	slices.SortStableFunc(found, func(a, b task.Task) int { return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(a.ID, b.ID)) })
	first, _ := strconv.Atoi(r.NextToken)
	if c.shifting && first > 0 {
		first-- // the last of the page before
	}
	last := min(first+r.MaxResults, len(found))
	page := task.Page{Tasks: found[min(first, last):last], Total: len(found)}
	if last < len(found) || c.endless {
		page.NextToken = strconv.Itoa(last)
	}
	return page, nil
}

// A team keeps what it is told. Like the real one, it goes on trying for a while
// where nobody can be told, and cannot be told in no time.
type team struct {
	mu   sync.Mutex
	told []told
	// down is until when nobody can be told.
	down time.Time
	// broken is somebody who can never be told, and deaf says that nobody else is there.
	broken string
	deaf   bool
}

type told struct {
	task.Notice
	at time.Time
}

// untold is the error of a Teller.
type untold struct {
	text  string
	final bool
}

func (e untold) Error() string { return e.text }
func (e untold) Final() bool   { return e.final }

func (m *team) Tell(ctx context.Context, n task.Notice) ([]string, error) {
	m.mu.Lock()
	wait := time.Until(m.down)
	m.mu.Unlock()
	if wait > 2*time.Minute {
		clock.Sleep(ctx, 2*time.Minute)
		return nil, untold{"chat: the platform is unavailable", false}
	}
	if wait > 0 && clock.Sleep(ctx, wait) != nil {
		return nil, untold{"chat: the platform is unavailable", false}
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < 5*time.Second {
		return nil, untold{"chat: the platform took too long", false}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deaf {
		return nil, untold{m.broken + ": there is no such webhook", true}
	}
	m.told = append(m.told, told{n, time.Now()})
	if m.broken != "" {
		return []string{"chat"}, untold{m.broken + ": there is no such webhook", true}
	}
	return []string{"chat"}, nil
}

// failures are how often each task was told of as failed.
func (m *team) failures() map[task.ID]int {
	counted := make(map[task.ID]int)
	for _, n := range m.told {
		for _, r := range n.Results {
			if r.Task.Status == task.Failed {
				counted[r.ID]++
			}
		}
	}
	return counted
}

// ids are the distinct ids of what was told.
func (m *team) ids() map[string]int {
	counted := make(map[string]int)
	for _, n := range m.told {
		counted[n.ID]++
	}
	return counted
}

// A stage is all that a test plays with.
type stage struct {
	cloud cloud
	team  team
	// instances is how many checkers share the calls.
	instances int
}

// instance returns a checker as a new instance has it, with nothing remembered.
func (s *stage) instance() *Checker {
	w := watch.New(&s.cloud)
	if s.instances > 0 {
		w.Share(s.instances)
	}
	return &Checker{
		Looker: w, Lister: &s.cloud, Teller: &s.team, Directories: []task.DirectoryID{here},
		Instances: s.instances, Retries: maxRetries, Now: time.Now,
	}
}

// logged does something in an invocation that has an entry, and returns that.
func logged(ctx context.Context, do func(context.Context)) string {
	ctx, line := entry.New(ctx)
	do(ctx)
	var log strings.Builder
	line.Write(slog.New(slog.NewJSONHandler(&log, nil)))
	return log.String()
}

// Of Function Compute, as s.yaml has it. How long it waits before it invokes
// again is documented nowhere.
const (
	timeLimit  = 599 * time.Second
	maxRetries = 8
	retryAfter = time.Minute
)

// invoke invokes the function asynchronously: again where it fails, on another
// instance each time where fresh. It returns the last error.
func (s *stage) invoke(t testing.TB, fresh bool, run func(ctx context.Context, c *Checker, attempt int) error) (attempts int, err error) {
	t.Helper()
	c := s.instance()
	for attempt := range maxRetries + 1 {
		ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
		err = run(ctx, c, attempt)
		cancel()
		if err == nil || attempt == maxRetries {
			return attempt + 1, err
		}
		time.Sleep(retryAfter)
		if fresh {
			c = s.instance()
		}
	}
	panic("unreachable")
}
