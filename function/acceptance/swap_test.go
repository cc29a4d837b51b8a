package acceptance

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// The content is swapped under the reader's hands, which must not notice.
func TestSwap(t *testing.T) {
	t.Parallel()
	const (
		focus     = `document.activeElement`
		selected  = `String(getSelection())`
		selectID  = `getSelection().selectAllChildren([...document.querySelectorAll("#facts code")].find(code => code.textContent.startsWith("t-"))); undefined`
		isOpen    = `document.querySelector("details").open`
		onSummary = focus + `.tagName === "SUMMARY"`
	)
	for _, test := range []struct {
		name   string
		do     func(*tab)
		during string // what then holds while the task runs
		after  string // and after it has ended
	}{
		{"open details", func(b *tab) { b.click("summary") }, isOpen, isOpen},
		{"focus on the summary", func(b *tab) { evaluate[any](b, `document.querySelector("summary").focus()`) }, onSummary, onSummary},
		{"details closed again", func(b *tab) { b.click("summary"); b.press(kb.Enter) }, "!" + isOpen, "!" + isOpen},
		{"focus on Copy report", func(b *tab) { evaluate[any](b, `document.querySelector("[data-action=report]").focus()`) },
			focus + `.dataset.action === "report"`, focus + `.dataset.action === "report"`},
		{"focus on Pause, which disappears", func(b *tab) { evaluate[any](b, `document.querySelector("[data-action=pause]").focus()`) },
			focus + `.dataset.action === "pause"`, focus + `.tagName === "MAIN"`},
		{"focus on Check now, which disappears", func(b *tab) { evaluate[any](b, `document.querySelector("[data-action=check]").focus()`) },
			focus + `.dataset.action === "check"`, focus + `.tagName === "MAIN"`},
		{"focus on the language", func(b *tab) { evaluate[any](b, `document.querySelector("[hreflang]").focus()`) },
			focus + `.hreflang === "zh-CN"`, focus + `.hreflang === "zh-CN"`},
		{"selected id", func(b *tab) { evaluate[any](b, selectID) }, selected + `.startsWith("t-")`, selected + `.startsWith("t-")`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := watchEnd(t, here, "Failed")
			checked := evaluate[string](b, lastChecked)
			test.do(b)
			b.wait(lastChecked + ` !== "` + checked + `"`)
			if evaluate[bool](b, ended) {
				t.Fatal("it ended before anything was swapped")
			}
			if !evaluate[bool](b, test.during) {
				t.Errorf("not so after a swap: %s; the focus is on %s", test.during, focused(b))
			}
			b.wait(ended)
			frame(b)
			if !evaluate[bool](b, test.after) {
				t.Errorf("not so after the end: %s; the focus is on %s", test.after, focused(b))
			}
		})
	}
}

// frame waits until the browser has drawn the page, which is when what is
// hidden loses the focus.
func frame(b *tab) {
	b.t.Helper()
	evaluate[any](b, `new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))).then(() => {})`)
}

// focused is the tag of the element that has the focus.
func focused(b *tab) string {
	b.t.Helper()
	tag, _, _ := strings.Cut(evaluate[string](b, `document.activeElement.outerHTML`), ">")
	return tag + ">"
}

// checkFocusIsNotLost fails the test where a keyboard would have to begin anew.
func checkFocusIsNotLost(b *tab) {
	b.t.Helper()
	if evaluate[bool](b, `document.activeElement === document.body || !document.activeElement.checkVisibility()`) {
		b.t.Errorf("the focus is lost: it is on %s", focused(b))
	}
}
