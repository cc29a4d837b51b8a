package acceptance

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// manyTasks has a machine with more recent tasks than one page shows: 24 that
// failed, 3 that run and those that are there from the start.
func manyTasks(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t, "RECENT_TASKS=on")
	created(t, m, url.Values{"count": {"24"}, "seconds": {"5"}, "age": {"100"}, "status": {"Failed"}, "type": {"DeleteAccessAssignment"}, "reason": {"No Permission."}})
	created(t, m, url.Values{"count": {"3"}, "seconds": {"3600"}, "age": {"3"}, "type": {"ProvisionAccessConfiguration"}})
	return m
}

// choose follows the filter with that text.
func choose(b *tab, text string) {
	b.t.Helper()
	b.load("choose "+text, chromedp.Click(`//nav//a[.="`+text+`"]`, chromedp.BySearch))
}

// chosen are the filters that are on.
func chosen(b *tab) []string {
	b.t.Helper()
	return evaluate[[]string](b, `[...document.querySelectorAll(".filter a[aria-current=true]")].map(a => a.textContent)`)
}

func TestRecent(t *testing.T) {
	t.Parallel()
	m := manyTasks(t)
	b := browser(t)
	b.open(m.front)
	if status := b.open(m.front + "/tasks"); status != 200 || b.text("h1") != "34 tasks in the last 24 hours" {
		t.Errorf("status %d, %q", status, b.text("h1"))
	}
	if got, want := chosen(b), []string{"24 hours", "All", "All"}; !slices.Equal(got, want) {
		t.Errorf("chosen are %q, want %q", got, want)
	}
	// How they stand may change from page to page.
	ids := func() (ids []string) {
		for _, row := range boardRows(b) {
			ids = append(ids, row.ID)
		}
		return ids
	}
	first := ids()
	if len(first) != 20 {
		t.Errorf("%d rows, want 20", len(first))
	}
	subjects := evaluate[[]string](b, `[...document.querySelectorAll("#tasks > li p[dir=auto]")].map(p => p.textContent)`)
	if len(subjects) != 20 || slices.ContainsFunc(subjects, func(s string) bool { return !strings.Contains(s, " · ") }) {
		t.Errorf("they are about %q", subjects)
	}
	starts := evaluate[[]string](b, `[...document.querySelectorAll("#tasks time")].map(time => time.dateTime)`)
	if len(starts) != 20 || !slices.IsSortedFunc(starts, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("they began at %q, want the latest first", starts)
	}

	if buttons := shownButtons(b); !slices.Contains(buttons, "Next page") || slices.Contains(buttons, "First page") {
		t.Errorf("it offers %q", buttons)
	}
	b.follow("a[rel=next]")
	second := ids()
	if len(second) != 14 {
		t.Errorf("%d rows on the second page, want 14", len(second))
	}
	for _, id := range second {
		if slices.Contains(first, id) {
			t.Errorf("%s is on both pages", id)
		}
	}
	if buttons := shownButtons(b); slices.Contains(buttons, "Next page") || !slices.Contains(buttons, "First page") {
		t.Errorf("the last page offers %q", buttons)
	}
	b.follow(`.actions .button:not([rel])`)
	if got := ids(); !slices.Equal(got, first) {
		t.Errorf("First page leads to %q", got)
	}
	// A list is no look-up: nothing is remembered, nothing polled.
	if n := len(b.requests("fragment=1")); n > 0 {
		t.Errorf("the list was asked for again %d times", n)
	}
	b.open(m.front)
	if got := remembered(b, m.front); got != nil {
		t.Errorf("it remembers %q", got)
	}
}

func TestRecentFilters(t *testing.T) {
	t.Parallel()
	m := manyTasks(t)
	b := browser(t)
	b.open(m.front + "/tasks?lang=en")
	b.follow("a[rel=next]")
	for _, step := range []struct {
		choose, heading string
		chosen          []string
		states          []string
	}{
		// On the first page again, whichever it was.
		{"Remove access from an account", "24 tasks in the last 24 hours", []string{"24 hours", "All", "Remove access from an account"}, []string{"failed"}},
		{"Failed", "24 tasks in the last 24 hours", []string{"24 hours", "Failed", "Remove access from an account"}, []string{"failed"}},
		{"7 days", "24 tasks in the last 7 days", []string{"7 days", "Failed", "Remove access from an account"}, []string{"failed"}},
		{"In progress", "No tasks in the last 7 days", []string{"7 days", "In progress", "Remove access from an account"}, nil},
		// One ends after some time.
		{"Provision access configuration", "", []string{"7 days", "In progress", "Provision access configuration"}, []string{"open"}},
	} {
		choose(b, step.choose)
		if got := b.text("h1"); !strings.HasPrefix(got, step.heading) {
			t.Errorf("after %s: the heading is %q, want %q", step.choose, got, step.heading)
		}
		if got := chosen(b); !slices.Equal(got, step.chosen) {
			t.Errorf("after %s: chosen are %q, want %q", step.choose, got, step.chosen)
		}
		var got []string
		for _, row := range boardRows(b) {
			got = append(got, row.State)
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, step.states) {
			t.Errorf("after %s: the rows are %q, want %q", step.choose, got, step.states)
		}
		if none := b.text("main"); step.states == nil && !strings.Contains(none, "CloudSSO lists no such task.") {
			t.Errorf("after %s: it says %q", step.choose, none)
		}
		if lang := evaluate[string](b, `new URLSearchParams(location.search).get("lang") ?? ""`); lang != "en" {
			t.Errorf("after %s: the language is lost: %s", step.choose, evaluate[string](b, `location.href`))
		}
	}
	// The address is the list's as it is: it can be sent to somebody.
	heading := b.text("h1")
	b.reload()
	if b.text("h1") != heading {
		t.Errorf("loaded again it says %q", b.text("h1"))
	}
}

func TestWatchThoseInProgress(t *testing.T) {
	t.Parallel()
	m := manyTasks(t)
	b := browser(t, script(spy))
	id := m.createTask(t, ending("Failed", 2*soon(b, m)))
	b.open(m.front + "/tasks?status=InProgress")
	rows := boardRows(b)
	b.click(".actions .button")
	b.wait(`document.querySelector("progress") && document.readyState === "complete"`)
	watched := boardRows(b)
	if len(watched) != len(rows) || len(rows) < 4 {
		t.Errorf("%d rows lead to a board of %d", len(rows), len(watched))
	}
	b.wait(`document.getElementById("` + id + `").dataset.state === "failed"`)
	if got := boardRows(b); got[0].ID != id {
		t.Errorf("the first row is %+v, want what failed", got[0])
	}
}

func TestRecentOff(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "RECENT_TASKS=off", "TASK_DETAILS=off")
	b := browser(t)
	b.expect("responded with a status of 404")
	if status := b.open(m.front + "/tasks"); status != 404 || b.text("h1") != "Recent tasks are not listed here" {
		t.Errorf("status %d, %q", status, b.text("h1"))
	}
	if text := b.text("main"); !strings.Contains(text, "RECENT_TASKS=on") {
		t.Errorf("it says %q", text)
	}
	b.open(m.front + "/tasks/t-shfqw1u1edszvxw5abcd")
	if text := b.text("body"); strings.Contains(text, "Recent tasks") || strings.Contains(text, "Who") {
		t.Errorf("a task's page offers the list, or tells whom it is about: %q", text)
	}
}
