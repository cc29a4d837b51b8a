package acceptance

import (
	"slices"
	"strings"
	"testing"
)

// TestHostileReason: what CloudSSO gives as a reason is shown, and nothing else
// is done with it, neither when the page comes so nor when it is put in later.
func TestHostileReason(t *testing.T) {
	t.Parallel()
	b := browser(t)
	wants := func(t *testing.T, b *tab) {
		t.Helper()
		shown := evaluate[string](b, `document.querySelector("#failure blockquote").textContent`)
		for _, part := range []string{"<script>alert(1)</script><img src=", "[a link](javascript:alert(3)) **bold** `code` </blockquote> {{.}} ${7*7} "} {
			if !strings.Contains(shown, part) {
				t.Errorf("%q is not in %q", part, shown)
			}
		}
		// What steers instead of showing is shown to have been there.
		if strings.ContainsAny(shown, "\u202e\u202c\x00\x1b") || strings.Count(shown, "\ufffd") != 4 {
			t.Errorf("the reason reads %q", shown)
		}
		if elements := evaluate[[]string](b, `[...document.querySelectorAll("#failure blockquote *, img, script:not([src])")].map(e => e.outerHTML)`); len(elements) > 0 {
			t.Errorf("it became elements: %q", elements)
		}
		if evil := b.requests("evil"); len(evil) > 0 {
			t.Errorf("it made requests: %+v", evil)
		}
	}
	t.Run("in the page as it came", func(t *testing.T) {
		b := b.within(t)
		b.open(here.front + failedWith(hostileReason)(t, here))
		wants(t, b)
	})
	t.Run("put in by the script", func(t *testing.T) {
		b := b.within(t)
		b.open(here.front + of("seconds", "2", "status", "Failed", "reason", hostileReason)(t, here))
		b.wait(ended)
		wants(t, b)
	})
	t.Run("on a board", func(t *testing.T) {
		b := b.within(t)
		path := failedWith(hostileReason)(t, here)
		b.open(here.front + "/tasks?id=t-sh6tceylhvgejpipabcd," + strings.TrimPrefix(path, "/tasks/"))
		if elements := evaluate[[]string](b, `[...document.querySelectorAll("blockquote *, img")].map(e => e.outerHTML)`); len(elements) > 0 {
			t.Errorf("it became elements: %q", elements)
		}
		if rows := boardRows(b); len(rows) != 2 || !slices.ContainsFunc(rows, func(r boardRow) bool { return r.State == "success" }) {
			t.Errorf("the rows are %+v", rows)
		}
	})
}
