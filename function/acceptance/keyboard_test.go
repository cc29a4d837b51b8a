package acceptance

import (
	"slices"
	"strings"
	"testing"

	chrome "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"
)

// A stop is where the Tab key leads to.
type stop struct {
	Text    string
	Outline float64 // its width
	Style   string
	Seen    bool // within the window
}

const hereNow = `(e => {
	const style = getComputedStyle(e), box = e.getBoundingClientRect();
	return {
		text: e === document.body ? "" : (e.getAttribute("aria-label") ?? e.labels?.[0]?.textContent ?? e.textContent).trim(),
		outline: parseFloat(style.outlineWidth), style: style.outlineStyle,
		// A pixel may be lost to rounding.
		seen: box.width > 0 && box.left >= -1 && box.right <= innerWidth + 1 && box.top >= -1 && box.bottom <= innerHeight + 1,
	};
})(document.activeElement)`

// stops presses Tab through the whole page. Each stop has to show that it has the focus.
func stops(b *tab) []string {
	b.t.Helper()
	var texts []string
	for range 60 {
		b.press(kb.Tab)
		frame(b) // in which it scrolls there
		at := evaluate[stop](b, hereNow)
		if at.Text == "" { // once around
			return texts
		}
		if at.Outline < 2 || at.Style == "none" || !at.Seen {
			b.t.Errorf("the focus does not show: %+v", at)
		}
		texts = append(texts, at.Text)
	}
	b.t.Errorf("the page does not end: %q", texts)
	return texts
}

func TestTabOrder(t *testing.T) {
	t.Parallel()
	b := browser(t, permission("notifications", chrome.PermissionSettingGranted))
	for _, test := range []struct {
		name, path string
		want       []string
	}{
		{"open task", "/tasks/" + here.createTask(t, everySecond), []string{
			"Skip to content", "CloudSSO task status", "中文", "Check now", "Pause", "Notify me when it ends",
			"Copy report", "Copy link", "Details", "Look up another task", "Recent tasks"}},
		{"failed task", "/tasks/t-shfqw1u1edszvxw5abcd", []string{
			"Skip to content", "CloudSSO task status", "中文", "Copy reason", "Copy report", "Copy link", "Details", "Look up another task", "Recent tasks"}},
		{"board", "/tasks?id=t-shfqw1u1edszvxw5abcd,t-sh6tceylhvgejpipabcd", []string{
			"Skip to content", "CloudSSO task status", "中文", "t-shfqw1u1edszvxw5abcd", "t-sh6tceylhvgejpipabcd",
			"Copy report", "Copy link", "JSON", "Text", "Look up another task", "Recent tasks"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := b.within(t)
			b.open(here.front + test.path)
			if got := stops(b); !slices.Equal(got, test.want) {
				t.Errorf("Tab leads to %q, want %q", got, test.want)
			}
		})
	}
}

func TestSkipLink(t *testing.T) {
	t.Parallel()
	b := browser(t)
	for _, test := range []struct{ name, path, next string }{
		{"task", "/tasks/" + here.createTask(t, everySecond), "Check now"},
		{"index", "/", "Paste a task id"},
		{"recent tasks", "/tasks", "24 hours"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := b.within(t)
			b.open(here.front + test.path)
			b.press(kb.Tab)
			if at := evaluate[stop](b, hereNow); !strings.HasPrefix(at.Text, "Skip to content") || !at.Seen {
				t.Errorf("the first stop is %+v", at)
			}
			b.press(kb.Enter)
			b.wait(`location.hash === "#content"`)
			b.press(kb.Tab)
			if at := evaluate[stop](b, hereNow); !strings.HasPrefix(at.Text, test.next) {
				t.Errorf("after it Tab leads to %+v, want %q", at, test.next)
			}
		})
	}
}

func TestPauseByKeyboard(t *testing.T) {
	t.Parallel()
	b := watch(t, here, everySecond)
	evaluate[any](b, `document.querySelector("[data-action=check]").focus()`)
	b.press(kb.Tab)
	b.press(" ")
	b.wait(`document.querySelector("#notice").textContent.startsWith("Paused")`)
	if text := evaluate[stop](b, hereNow).Text; text != "Resume" {
		t.Errorf("the focus is on %q", text)
	}
	b.press(" ")
	b.wait(`document.querySelector("#notice").textContent.startsWith("This page updates")`)
	if text := evaluate[stop](b, hereNow).Text; text != "Pause" {
		t.Errorf("the focus is on %q", text)
	}
}

func TestDetailsByKeyboard(t *testing.T) {
	t.Parallel()
	b := browser(t)
	b.open(here.front + "/tasks/t-shfqw1u1edszvxw5abcd")
	evaluate[any](b, `document.querySelector("[data-action=link]").focus()`)
	b.press(kb.Tab)
	b.press(kb.Enter)
	b.wait(`document.querySelector("details").open`)
	for _, want := range []string{"JSON", "Text", "Look up another task"} {
		b.press(kb.Tab)
		if at := evaluate[stop](b, hereNow); at.Text != want || at.Outline < 2 {
			t.Errorf("Tab leads to %+v, want %q", at, want)
		}
	}
	for range 3 {
		b.press(kb.Tab, input.ModifierShift)
	}
	b.press(" ")
	b.wait(`!document.querySelector("details").open`)
}

func TestFormByKeyboard(t *testing.T) {
	t.Parallel()
	b := browser(t)
	b.open(here.front)
	for range 3 { // the skip link, the field
		b.press(kb.Tab)
		if evaluate[bool](b, `document.activeElement.id === "id"`) {
			break
		}
	}
	b.press("t-shfqw1u1edszvxw5abcd")
	b.press(kb.Tab)
	if at := evaluate[stop](b, hereNow); !strings.HasPrefix(at.Text, "Look up") || at.Outline < 2 {
		t.Errorf("Tab leads to %+v", at)
	}
	b.press(kb.Enter)
	b.wait(`location.pathname === "/tasks/t-shfqw1u1edszvxw5abcd"`)
}
