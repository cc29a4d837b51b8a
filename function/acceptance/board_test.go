package acceptance

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// A boardRow is one task on a board.
type boardRow struct{ ID, State, Link, Status string }

func boardRows(b *tab) []boardRow {
	b.t.Helper()
	return evaluate[[]boardRow](b, `[...document.querySelectorAll("#tasks > li")].map(li => ({
		id: li.id, state: li.dataset.state,
		link: new URL(li.querySelector("a").href).pathname + " " + li.querySelectorAll("a").length,
		status: li.querySelector(".badge").textContent,
	}))`)
}

func states(rows []boardRow) string {
	var all []string
	for _, row := range rows {
		all = append(all, row.State)
	}
	return strings.Join(all, " ")
}

func TestBoard(t *testing.T) {
	t.Parallel()
	path := board(t, here)
	b := browser(t)
	b.open(here.front + path)
	if got, want := b.text("h1"), "12 tasks: 4 failed, 3 in progress, 1 unknown, 4 succeeded"; got != want {
		t.Errorf("the heading is %q, want %q", got, want)
	}
	rows := boardRows(b)
	want := strings.Repeat("failed ", 4) + "unknown " + strings.Repeat("open ", 3) + strings.Repeat("success ", 4)
	if got := states(rows) + " "; got != want {
		t.Errorf("the rows are %q, want %q", got, want)
	}
	ids := strings.Split(strings.TrimPrefix(path, "/tasks?id="), ",")
	for _, row := range rows {
		if !slices.Contains(ids, row.ID) || row.Link != "/tasks/"+row.ID+" 1" {
			t.Errorf("a row is %+v", row)
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == row.ID })
	}
	if len(ids) > 0 {
		t.Errorf("there are no rows of %q", ids)
	}
	if got := progress(b); got != "8 of 12 8 of 12 ended" {
		t.Errorf("the progress is %q", got)
	}
	if title := b.text("title"); !strings.HasPrefix(title, "✕ 12 tasks: 4 failed") {
		t.Errorf("the title is %q", title)
	}
}

// progress is what the bar shows and what is said beside it.
func progress(b *tab) string {
	b.t.Helper()
	return evaluate[string](b, `(bar => bar.value + " of " + bar.max)(document.querySelector("progress"))`) + " " + b.text("#ended")
}

// TestBoardToItsEnd watches some tasks end one after the other.
func TestBoardToItsEnd(t *testing.T) {
	t.Parallel()
	// Details would be asked for besides.
	m := newMachine(t, "TASK_DETAILS=off", "RECENT_TASKS=off")
	done := m.createTask(t, url.Values{"seconds": {"2"}, "age": {"60"}, "status": {"Success"}})
	b := browser(t, script(spy))
	first := soon(b, m)
	long := m.createTask(t, ending("Success", 2*first+1.5))
	middle := m.createTask(t, ending("Failed", 2*first))
	short := m.createTask(t, ending("Success", first))
	failing := m.createTask(t, ending("Failed", first))
	b.open(m.front + "/tasks?id=" + strings.Join([]string{done, long, middle, short, failing}, ","))
	if got := states(boardRows(b)); got != "open open open open success" {
		t.Fatalf("the rows are %q at first", got)
	}
	before := m.calls(t).Tasks

	const row = `document.getElementById("%s")`
	focus := fmt.Sprintf(row, middle) + `.querySelector("a")`
	evaluate[any](b, focus+`.focus()`)
	b.wait(fmt.Sprintf(row, short) + `.dataset.state === "success" && ` + fmt.Sprintf(row, failing) + `.dataset.state === "failed"`)
	rows := boardRows(b)
	if got := states(rows); got != "failed open open success success" || rows[0].ID != failing {
		t.Errorf("when one has failed the rows are %+v", rows)
	}
	if !evaluate[bool](b, `document.activeElement === `+focus) {
		t.Errorf("the focus is on %s", focused(b))
	}
	if got := progress(b); got != "3 of 5 3 of 5 ended" {
		t.Errorf("the progress is %q", got)
	}
	if title := evaluate[string](b, `document.title`); !strings.HasPrefix(title, "✕ 5 tasks: 1 failed, 2 in progress, 2 succeeded") {
		t.Errorf("the title is %q", title)
	}

	b.wait(ended)
	rows = boardRows(b)
	if got := states(rows); got != "failed failed success success success" {
		t.Errorf("at the end the rows are %+v", rows)
	}
	frame(b)
	if !evaluate[bool](b, `document.activeElement === `+focus) {
		t.Errorf("at the end the focus is on %s", focused(b))
	}
	if got := progress(b); got != "5 of 5 5 of 5 ended" {
		t.Errorf("at the end the progress is %q", got)
	}
	checkPolls(b)
	asked := len(polls(b))
	b.pass(10 * time.Minute)
	if n := len(polls(b)) - asked; n != 0 {
		t.Errorf("after the end it asks %d times more", n)
	}

	// One request for all of them each time, and none for a single one.
	if n := len(b.requests("fragment=1")); n != asked || documents(b) != 2 { // with the first page
		t.Errorf("%d requests for %d polls, %d documents", n, asked, documents(b))
	}
	if single := b.requests("/tasks/"); len(single) > 0 {
		t.Errorf("it asked for single tasks: %+v", single)
	}
	// CloudSSO is asked no more often than the page, and for what has ended no
	// more: but each of the function's instances has to learn it.
	const instances = 4
	after := m.calls(t).Tasks
	if before[done] < 1 || after[done] > instances || asked <= instances {
		t.Errorf("CloudSSO was asked %d times for a finished task, the page %d times", after[done], asked)
	}
	for _, id := range []string{long, middle, short, failing} {
		if after[id] > asked+1 {
			t.Errorf("CloudSSO was asked %d times for a task, the page %d times", after[id], asked+1)
		}
	}
	if after[failing] >= after[long] {
		t.Errorf("CloudSSO was asked %d times for what ended first, %d times for what ended last", after[failing], after[long])
	}
}

// TestBoardTells: each change of the sentence is said once.
func TestBoardTells(t *testing.T) {
	t.Parallel()
	b := browser(t, script(spy))
	first := soon(b, here)
	ids := here.createTask(t, ending("Success", first)) + "," + here.createTask(t, ending("Success", 2*first+1))
	b.open(here.front + "/tasks?id=" + ids)
	b.wait(ended)
	want := []string{
		"2 tasks: 1 in progress, 1 succeeded",
		"2 tasks: 2 succeeded. Finished. No further updates.",
	}
	if said := evaluate[[]string](b, `seen.said`); !slices.Equal(said, want) {
		t.Errorf("it tells %q, want %q", said, want)
	}
	if titles := evaluate[[]string](b, `seen.titles`); len(titles) != 2 || !strings.HasPrefix(titles[1], "✓ 2 tasks: 2 succeeded") {
		t.Errorf("the title changed to %q", titles)
	}
}
