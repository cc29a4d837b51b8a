package acceptance

import (
	"strings"

	cdppage "github.com/chromedp/cdproto/page"
)

// tooWide names the innermost elements that reach beyond the window, if the
// page can be scrolled sideways.
const tooWide = `(() => {
	const width = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth <= width) return [];
	const wide = [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > width + 0.5);
	return ["the page"].concat(wide.filter(e => !wide.some(inner => e !== inner && e.contains(inner))).map(e => e.outerHTML.slice(0, 80)));
})()`

// checkReflow holds that nobody needs to scroll sideways: not in a window of 320
// pixels, which is what is left of one of 1280 enlarged four times (WCAG 1.4.10),
// and not with letters of twice the size (WCAG 1.4.4). It leaves the tab as wide as it was.
func checkReflow(b *tab) {
	b.t.Helper()
	width, height := b.setup.width, b.setup.height
	b.change(viewport(320, 640))
	if wide := evaluate[[]string](b, tooWide); len(wide) > 0 {
		b.t.Errorf("320 pixels are too few for %s", strings.Join(wide, ", "))
	}
	b.change(viewport(640, 800))
	letters := func(size int64) {
		b.t.Helper()
		b.run("change the size of letters", cdppage.SetFontSizes(&cdppage.FontSizes{Standard: size, Fixed: size * 13 / 16}))
	}
	letters(32)
	if size := evaluate[string](b, `getComputedStyle(document.documentElement).fontSize`); size != "32px" {
		b.t.Errorf("the letters are of %s, want twice 16px", size)
	}
	if wide := evaluate[[]string](b, tooWide); len(wide) > 0 {
		b.t.Errorf("with letters of twice the size, 640 pixels are too few for %s", strings.Join(wide, ", "))
	}
	letters(16)
	b.change(viewport(int(width), int(height)))
}
