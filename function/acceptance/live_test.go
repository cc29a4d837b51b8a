package acceptance

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

// watch opens the page of a new task, with the spy in it.
func watch(t *testing.T, m *machine, task url.Values, options ...option) *tab {
	t.Helper()
	b := browser(t, append(options, script(spy))...)
	b.openNew(m, task)
	return b
}

// openNew opens the page of a new task.
func (b *tab) openNew(m *machine, task url.Values) {
	b.t.Helper()
	if status := b.open(m.front + "/tasks/" + m.createTask(b.t, task)); status != 200 {
		b.t.Fatalf("status %d", status)
	}
}

// Tasks by how often their page is kept up to date. The server's clock goes on as
// ever while a test has the page's pass: its tasks are as old as they were.
var (
	everySecond = url.Values{"seconds": {"3600"}, "type": {"CreateAccessAssignment"}}
	every30s    = url.Values{"seconds": {"7200"}, "age": {"1200"}}
	every60s    = url.Values{"seconds": {"7200"}, "age": {"3600"}}
)

const (
	ended = `document.querySelector("#live .final") !== null`
	// lastChecked is when the content was made, by the server's clock.
	lastChecked = `[...document.querySelectorAll("#facts time")].at(-1).dateTime`
)

// watchEnd opens the page of a new task that is about to end, with the spy in it.
func watchEnd(t *testing.T, m *machine, status string, options ...option) *tab {
	t.Helper()
	b := browser(t, append(options, script(spy))...)
	b.openNew(m, ending(status, soon(b, m)))
	return b
}

// ending is a task that ends so after some seconds.
func ending(status string, seconds float64) url.Values {
	return url.Values{
		"seconds": {fmt.Sprintf("%.2f", seconds)}, "status": {status},
		"type": {"CreateAccessAssignment"}, "reason": {"No Permission."},
	}
}

// soon is in how many seconds something is to happen that the tab shall see
// happen: later on a computer that is busy.
func soon(b *tab, m *machine) float64 {
	b.t.Helper()
	began := time.Now()
	b.open(m.front)
	return 2.5 + 8*time.Since(began).Seconds()
}

// documents is how many pages the tab has loaded.
func documents(b *tab) int {
	return len(slices.DeleteFunc(b.requests(""), func(r request) bool { return r.kind != network.ResourceTypeDocument }))
}

// shownButtons are the texts of the buttons and what looks like one, as far as
// they are to be seen.
func shownButtons(b *tab) []string {
	b.t.Helper()
	return evaluate[[]string](b, `[...document.querySelectorAll("button, .button")].filter(e => e.checkVisibility()).map(e => e.textContent.trim())`)
}

func TestWatchedToItsEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                 string
		status, language     string
		heading, title, icon string // at the end
		final, reason        string
	}{
		{"failed", "Failed", "en-US", "Access was not assigned: failed after ", "✕ Failed – ", "/assets/icon-failed", "Finished. No further updates.", "No Permission."},
		{"failed, in Chinese", "Failed", "zh-CN", "授权失败，用时 ", "✕ 执行失败 – ", "/assets/icon-failed", "已结束，状态不再更新。", "No Permission."},
		{"success", "Success", "en-US", "Access was assigned in ", "✓ Success – ", "/assets/icon-success", "Finished. No further updates.", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := watchEnd(t, here, test.status, language(test.language))
			if got := b.text("title"); !strings.HasPrefix(got, "… ") {
				t.Fatalf("the title begins as %q, want a task in progress", got)
			}
			b.wait(ended)

			if got := b.text("h1"); !strings.HasPrefix(got, test.heading) {
				t.Errorf("the heading is %q, want %q first", got, test.heading)
			}
			if got := b.text(".final"); got != test.final {
				t.Errorf("it says %q, want %q", got, test.final)
			}
			if got := evaluate[string](b, `document.querySelector("#failure blockquote")?.textContent ?? ""`); got != test.reason {
				t.Errorf("the reason is %q, want %q", got, test.reason)
			}
			once := func(what string, got []string, want string) {
				t.Helper()
				if len(got) != 1 || !strings.Contains(got[0], want) {
					t.Errorf("the %s changed to %q, want one change to %q", what, got, want)
				}
			}
			once("title", evaluate[[]string](b, `seen.titles`), test.title)
			once("icon", evaluate[[]string](b, `seen.icons`), test.icon)
			said := evaluate[[]string](b, `seen.said`)
			once("spoken line", said, test.heading)
			once("spoken line", said, test.final)

			checkPolls(b)
			before := polls(b)
			b.pass(10 * time.Minute)
			if after := polls(b); len(after) != len(before) {
				t.Errorf("after the end it asked %d times more", len(after)-len(before))
			}
			if fragments := b.requests("fragment=1"); len(fragments) != len(before) || len(before) == 0 {
				t.Errorf("there were %d requests for %d polls", len(fragments), len(before))
			}
			if n := documents(b); n != 2 { // with the first page
				t.Errorf("there were %d documents", n)
			}
		})
	}
}

// checkPolls fails the test where the tab's page asked earlier than the answer
// before had said.
func checkPolls(b *tab) {
	b.t.Helper()
	retryAfter := evaluate[float64](b, `Number(new DOMParser().parseFromString(`+quoted(b.served())+`, "text/html").querySelector("#live").dataset.retryAfter)`)
	const tolerance = 50 // ms: timers are not exact
	answered := 0.0
	for i, p := range polls(b) {
		if early := answered + 1000*retryAfter - p.At; retryAfter == 0 || early > tolerance {
			b.t.Errorf("poll %d came %.0f ms early: it was told to wait for %v s", i+1, early, retryAfter)
		}
		answered, retryAfter = p.Answered, p.RetryAfter
	}
}

// TestPollsFollowTheServer lets time pass in the browser, so that it may also
// be held to ask as soon as it may.
func TestPollsFollowTheServer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		age   int
		every time.Duration
	}{
		{0, time.Second}, {90, 10 * time.Second}, {1200, 30 * time.Second}, {3600, time.Minute},
	} {
		t.Run(fmt.Sprintf("a task of %d s", test.age), func(t *testing.T) {
			t.Parallel()
			b := watch(t, here, url.Values{"seconds": {"7200"}, "age": {fmt.Sprint(test.age)}})
			b.pass(5*test.every + test.every/2)
			checkPolls(b)
			if n := len(polls(b)); n < 4 {
				t.Errorf("it asked %d times, want every %v", n, test.every)
			}
		})
	}
}

func TestElapsedCountsOn(t *testing.T) {
	t.Parallel()
	b := watch(t, here, every30s)
	type reading struct{ Elapsed, Ago, Clock int }
	read := func() reading {
		return evaluate[reading](b, `{
			const [, minutes, seconds] = document.querySelector("h1 [data-elapsed]").textContent.match(/^(\d+) min (\d+) s$/), r = {
				elapsed: 60 * minutes + Number(seconds),
				ago: Number(document.querySelector("#facts .ago").textContent.match(/^(\d+) seconds? ago$/)?.[1] ?? 0),
				clock: Math.round(performance.now() / 1000),
			}; r
		}`)
	}
	began := read()
	if began.Elapsed < 1200 {
		t.Errorf("it begins with %d s, want 20 minutes", began.Elapsed)
	}
	b.pass(20 * time.Second)
	after := read()
	passed := after.Clock - began.Clock
	if took := after.Elapsed - began.Elapsed; took < passed-1 || took > passed+1 || passed < 20 {
		t.Errorf("after %d s it shows %d s more", passed, took)
	}
	if ago := after.Ago - began.Ago; ago < passed-1 || ago > passed+1 {
		t.Errorf("after %d s it was checked %d s longer ago", passed, ago)
	}
	if n := len(polls(b)); n != 0 {
		t.Errorf("the server was asked meanwhile, %d times", n)
	}
	if facts, inHeading := b.text("#facts [data-elapsed]"), b.text("h1 [data-elapsed]"); facts != inHeading {
		t.Errorf("the heading says %q, the facts %q", inHeading, facts)
	}
}

// TestWrongClock: how long it takes is the server's to say.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	for name, years := range map[string]int{"fast": 5, "slow": -5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := fmt.Sprintf(`{
				const off = %d * 365 * 86400e3;
				window.Date = class extends Date {
					constructor(...given) { given.length ? super(...given) : super(Date.now()); }
					static now() { return super.now() + off; }
				};
				window.shown = [];
				addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
					for (const e of document.querySelectorAll("[data-elapsed], .ago")) shown.push(e.textContent);
				}).observe(document.body, {childList: true, characterData: true, subtree: true}));
			}`, years)
			b := watch(t, here, every30s, script(wrong))
			b.pass(2 * time.Minute)
			shown := evaluate[[]string](b, `[...new Set(shown)]`)
			if len(shown) < 30 {
				t.Errorf("it shows only %q", shown)
			}
			for _, text := range shown {
				if !regexp.MustCompile(`^(2[0-3] min \d+ s|now|\d+ seconds? ago|1 minute ago)$`).MatchString(text) {
					t.Errorf("it shows %q", text)
				}
			}
			if n := len(polls(b)); n < 3 {
				t.Errorf("it asked %d times in 2 minutes", n)
			}
		})
	}
}

func TestHiddenTab(t *testing.T) {
	t.Parallel()
	b := watch(t, here, everySecond)
	b.hide()
	from := len(polls(b))
	b.pass(3 * time.Minute)
	asked := polls(b)[from:]
	for i, p := range asked {
		if p.RetryAfter > 3 {
			t.Errorf("answer %d says to come back after %v s: the task was to be young", i+1, p.RetryAfter)
		}
		if i > 0 && p.At-asked[i-1].At < 29_900 {
			t.Errorf("hidden, it asks again after %.1f s", (p.At-asked[i-1].At)/1000)
		}
	}
	if n := len(asked); n < 5 {
		t.Errorf("hidden, it asks %d times in 3 minutes, want every 30 s", n)
	}
	before := len(polls(b))
	b.show()
	b.pass(100 * time.Millisecond)
	if n := len(polls(b)) - before; n != 1 {
		t.Errorf("looked at again, it asks %d times at once, want 1", n)
	}
}

func TestHiddenTabTellsTheEnd(t *testing.T) {
	t.Parallel()
	b := watchEnd(t, here, "Failed")
	b.hide()
	reported(t, evaluate[string](b, `location.pathname.split("/").at(-1)`))
	b.pass(31 * time.Second)
	if title := evaluate[string](b, `document.title`); !strings.HasPrefix(title, "✕ Failed") || !evaluate[bool](b, `document.hidden`) {
		t.Errorf("the title in the hidden tab is %q", title)
	}
}

// TestIdle: a page that nobody looks at does not ask for ever.
func TestIdle(t *testing.T) {
	t.Parallel()
	b := watch(t, here, every60s, reducedMotion)
	for _, minutes := range []time.Duration{10, 10, 9} {
		b.pass(minutes * time.Minute)
	}
	if notice := b.text("#notice"); notice != "This page updates by itself." {
		t.Errorf("after 29 minutes it says %q", notice)
	}
	b.pass(3 * time.Minute)
	if notice := b.text("#notice"); notice != "No longer checked: nothing had changed for 30 minutes." {
		t.Errorf("after 32 minutes it says %q", notice)
	}
	if buttons := shownButtons(b); !slices.Contains(buttons, "Keep checking") || slices.Contains(buttons, "Pause") {
		t.Errorf("it offers %q", buttons)
	}
	before := len(polls(b))
	b.pass(10 * time.Minute)
	if n := len(polls(b)) - before; n != 0 {
		t.Errorf("it goes on and asks %d times", n)
	}
	b.click("[data-action=keep]")
	b.pass(100 * time.Millisecond)
	if n := len(polls(b)) - before; n != 1 {
		t.Errorf("told to keep checking, it asks %d times at once, want 1", n)
	}
	checkFocusIsNotLost(b)
	b.pass(5 * time.Minute)
	if n := len(polls(b)) - before; n < 5 {
		t.Errorf("told to keep checking, it asks %d times in 5 minutes", n)
	}
	if notice, buttons := b.text("#notice"), shownButtons(b); notice != "This page updates by itself." || slices.Contains(buttons, "Keep checking") {
		t.Errorf("told to keep checking, it says %q and offers %q", notice, buttons)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	b := watch(t, here, everySecond)
	b.wait(`seen.polls.length > 0`)
	b.click("[data-action=pause]")
	b.wait(`document.querySelector("#notice").textContent === "Paused: nothing is being checked."`)
	if said, label := b.text("#say"), b.text("[data-action=pause]"); said != "Paused: nothing is being checked." || label != "Resume" {
		t.Errorf("it tells %q, and the button says %q", said, label)
	}
	b.click("[data-action=check]")
	before := len(polls(b))
	b.wait(`seen.polls.at(-1).status === 200`)
	if notice := b.text("#notice"); notice != "Paused: nothing is being checked." {
		t.Errorf("after Check now it says %q", notice)
	}
	b.pass(5 * time.Minute)
	if n := len(polls(b)) - before; n != 0 {
		t.Errorf("paused, it asks %d times", n)
	}
	b.click("[data-action=pause]")
	b.pass(100 * time.Millisecond)
	if n := len(polls(b)) - before; n != 1 {
		t.Errorf("resumed, it asks %d times at once, want 1", n)
	}
	b.pass(20 * time.Second)
	if n := len(polls(b)) - before; n < 5 {
		t.Errorf("resumed, it asks %d times in 20 s", n)
	}
	if label, notice := b.text("[data-action=pause]"), b.text("#notice"); label != "Pause" || notice != "This page updates by itself." {
		t.Errorf("resumed, the button says %q, the notice %q", label, notice)
	}
}

func TestCheckNow(t *testing.T) {
	t.Parallel()
	b := watch(t, here, every30s)
	address := evaluate[string](b, `location.href`)
	b.click("[data-action=check]")
	b.wait(`seen.polls.length === 1 && seen.polls[0].status === 200`)
	if documents(b) != 1 || evaluate[string](b, `location.href`) != address {
		t.Errorf("it loaded %d documents and is at %s", documents(b), evaluate[string](b, `location.href`))
	}
}

// TestCheckNowElsewhere: who wants a link in another tab or window gets it.
func TestCheckNowElsewhere(t *testing.T) {
	t.Parallel()
	b := watch(t, here, every30s, script(`addEventListener("click", (event) => {
		(window.left ??= []).push(!event.defaultPrevented);
		event.preventDefault(); // one tab is enough
	})`))
	for _, key := range []string{"ctrlKey", "metaKey", "shiftKey"} {
		evaluate[any](b, `document.querySelector("[data-action=check]").dispatchEvent(
			new MouseEvent("click", {bubbles: true, cancelable: true, `+key+`: true})); undefined`)
	}
	if left := evaluate[[]bool](b, `left`); !slices.Equal(left, []bool{true, true, true}) {
		t.Errorf("left to the browser with Ctrl, Meta and Shift: %v", left)
	}
	if n := len(polls(b)); n != 0 {
		t.Errorf("it asks %d times all the same", n)
	}
}

// TestRefreshIsForOthers: who has JavaScript needs no page that loads itself again.
func TestRefreshIsForOthers(t *testing.T) {
	t.Parallel()
	id := here.createTask(t, everySecond)
	b := browser(t)
	b.open(here.front + "/tasks/" + id + "?refresh=10&lang=en")
	b.wait(`location.search === "?lang=en" && document.readyState === "complete" && document.querySelector("#controls:not([hidden])")`)
	if buttons := shownButtons(b); !slices.Contains(buttons, "Pause") {
		t.Errorf("it offers %q", buttons)
	}
	if at := evaluate[int](b, `history.length`); at > 2 {
		t.Errorf("the page is %d times in the history", at-1)
	}
}
