package acceptance

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// openPlain opens a page for a reader without JavaScript, and holds that nothing on
// it needs some.
func openPlain(t *testing.T, address string) *tab {
	t.Helper()
	b := browser(t, withoutScript)
	if status := b.open(address); status != 200 {
		t.Fatalf("status %d", status)
	}
	checkPlain(b)
	return b
}

// checkPlain fails the test for a button that does nothing. One that sends a
// form does something.
func checkPlain(b *tab) {
	b.t.Helper()
	dead := evaluate[[]string](b, `[...document.querySelectorAll("button")].filter(e => e.checkVisibility() && !e.form).map(e => e.textContent)`)
	if len(dead) > 0 || evaluate[bool](b, `document.documentElement.classList.contains("scripted")`) {
		b.t.Errorf("buttons that do nothing: %q", dead)
	}
}

func TestTaskWithoutScript(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		task  url.Values
		shown []string
	}{
		{"open", every30s, []string{"In progress", "Check now", "Reload by itself every 10 s", "Last checked"}},
		{"failed", url.Values{"seconds": {"2"}, "age": {"60"}, "status": {"Failed"}, "reason": {"No Permission."}},
			[]string{"failed after 2 s", "No Permission.", "What it may be", "Finished. No further updates.", "Ended"}},
		{"success", url.Values{"seconds": {"2"}, "age": {"60"}, "status": {"Success"}}, []string{"in 2 s", "Finished. No further updates.", "Ended"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			id := here.createTask(t, test.task)
			b := openPlain(t, here.front+"/tasks/"+id)
			page := evaluate[string](b, `document.querySelector("main").innerText`)
			for _, want := range append(test.shown, id, "Started", "UTC", "Details") {
				if !strings.Contains(page, want) {
					t.Errorf("%q is not in %q", want, page)
				}
			}
			b.click("summary")
			b.wait(`document.querySelector("details dl").checkVisibility()`)
			if test.name != "open" {
				return
			}
			if status := b.follow("a[data-action=check]"); status != 200 || documents(b) != 2 || !strings.Contains(b.text("#live"), id) {
				t.Errorf("Check now leads to %d, document %d: %q", status, documents(b), b.text("h1"))
			}
		})
	}
}

func TestReloadsItself(t *testing.T) {
	t.Parallel()
	// It ends while the page waits, but not before it was shown.
	b := openPlain(t, here.front)
	b.open(here.front + "/tasks/" + here.createTask(t, ending("Failed", soon(b, here))) + "?refresh=5")
	if text := b.text("#actions"); !strings.Contains(text, "This page reloads itself every 5 s.") {
		t.Errorf("it says %q", text)
	}
	if got := refresh(b); got != "5" {
		t.Fatalf("Refresh is %q, want 5", got)
	}
	b.wait(ended)
	if n := documents(b); n < 2 {
		t.Errorf("%d documents, want 2 at the least", n)
	}
	if got := refresh(b); got != "" {
		t.Errorf("Refresh is %q when nothing will change", got)
	}
	checkPlain(b)
}

// refresh is the header of the page that is shown, or a meta element that would
// do the same.
func refresh(b *tab) string {
	b.t.Helper()
	for _, r := range slices.Backward(b.requests("")) {
		if r.kind == "Document" {
			value, _ := r.answer["Refresh"].(string)
			return value + evaluate[string](b, `document.querySelector("meta[http-equiv=refresh]")?.content ?? ""`)
		}
	}
	b.t.Fatal("no page was opened")
	return ""
}

func TestReloadingIsBegunAndStopped(t *testing.T) {
	t.Parallel()
	b := openPlain(t, here.front+"/tasks/"+here.createTask(t, every30s)+"?lang=zh")
	const link = "#actions a.plain"
	b.follow(link)
	if got := refresh(b); got != "10" || b.text(link) != "停止自动刷新" {
		t.Errorf("begun, Refresh is %q and the link says %q", got, b.text(link))
	}
	b.follow(link)
	if got := refresh(b); got != "" || evaluate[string](b, `location.search`) != "?lang=zh" {
		t.Errorf("stopped, Refresh is %q at %s", got, evaluate[string](b, `location.href`))
	}
}

func TestOutOfReachReloadsItself(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.throttle(t, 6)
	b := browser(t, withoutScript)
	b.expect("responded with a status of 503")
	if status := b.open(m.front + "/tasks/t-shfqw1u1edszvxw5abcd?refresh=5"); status != 503 {
		t.Errorf("status %d", status)
	}
	// No earlier than CloudSSO asked for.
	if got := refresh(b); got != "6" {
		t.Errorf("Refresh is %q, want 6", got)
	}
	checkPlain(b)
	m.clearFaults(t)
	b.wait(ended)
}

func TestBoardWithoutScript(t *testing.T) {
	t.Parallel()
	b := openPlain(t, here.front+board(t, here))
	if rows := evaluate[int](b, `document.querySelectorAll("#tasks > li").length`); rows != 12 || !strings.Contains(b.text("h1"), "12 tasks") {
		t.Errorf("%d rows under %q", rows, b.text("h1"))
	}
	if status := b.follow("#tasks a"); status != 200 || !strings.Contains(b.text("h1"), "failed") {
		t.Errorf("the first row leads to %d %q", status, b.text("h1"))
	}
}

func TestRecentWithoutScript(t *testing.T) {
	t.Parallel()
	b := openPlain(t, here.front+"/tasks")
	choose(b, "Failed")
	choose(b, "7 days")
	states := evaluate[[]string](b, `[...new Set([...document.querySelectorAll("#tasks > li")].map(li => li.dataset.state))]`)
	if current := chosen(b); !slices.Equal(states, []string{"failed"}) || !slices.Equal(current, []string{"7 days", "Failed", "All"}) {
		t.Errorf("chosen are %q, the rows are %q", current, states)
	}
}

func TestFormWithoutScript(t *testing.T) {
	t.Parallel()
	b := openPlain(t, here.front)
	b.paste("#id", created(t, here, everySecond))
	if status := b.follow("form button"); status != 200 || !strings.HasPrefix(b.text("h1"), "Access is being assigned") {
		t.Errorf("the form leads to %d %q", status, b.text("h1"))
	}
	checkPlain(b)
}

func TestLanguageWithoutScript(t *testing.T) {
	t.Parallel()
	b := openPlain(t, here.front+"/tasks/t-shfqw1u1edszvxw5abcd")
	b.follow("header [hreflang]")
	if heading, lang := b.text("h1"), evaluate[string](b, `document.documentElement.lang`); !strings.HasPrefix(heading, "授权失败") || lang != "zh-CN" {
		t.Errorf("in Chinese, it says %q in %s", heading, lang)
	}
	b.follow("header [hreflang]")
	if heading := b.text("h1"); !strings.HasPrefix(heading, "Access was not assigned") {
		t.Errorf("in English again, it says %q", heading)
	}
}
