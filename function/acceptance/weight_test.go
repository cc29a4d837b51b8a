package acceptance

import (
	"testing"

	"github.com/chromedp/cdproto/network"
)

// maxWeight is what the first view of a page may take of the network, in bytes
// with all headers: with less than that nobody waits on a phone either.
const maxWeight = 20 << 10

func TestWeight(t *testing.T) {
	t.Parallel()
	m := newMachine(t, plain...)
	for _, test := range []struct{ name, path string }{
		{"index", "/"},
		{"failed task", "/tasks/t-shfqw1u1edszvxw5abcd"},
		{"open task", "/tasks/t-sh5k4gesm6twlrqbabcd"},
		{"board of 12", board(t, m)},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := browser(t)
			b.open(m.front + test.path)
			// The browser does not tell what it gets the icon with.
			evaluate[any](b, `fetch(document.querySelector("link[rel=icon]").href, {cache: "reload"}).then(icon => icon.text()).then(() => {})`)
			first := b.requests("")
			total, _ := weigh(first)
			t.Logf("the first view takes %d bytes", total)
			if total > maxWeight || total < 1000 {
				t.Errorf("the first view takes %d bytes, want at most %d", total, maxWeight)
			}
			if sheets := len(b.requests(".css")); sheets != 1 {
				t.Errorf("there are %d style sheets, want one", sheets)
			}

			b.open("about:blank")
			b.open(m.front + test.path)
			total, cached := weigh(b.requests("")[len(first):])
			t.Logf("the second view takes %d bytes", total)
			if cached != 2 {
				t.Errorf("in the second view %d files come out of the cache, want style and script", cached)
			}
		})
	}
}

// weigh returns how many bytes the requests took of the network, and how many
// style sheets and scripts came out of the cache.
func weigh(requests []request) (bytes, cached int) {
	for _, r := range requests {
		bytes += r.bytes
		if r.cached && r.bytes == 0 && (r.kind == network.ResourceTypeStylesheet || r.kind == network.ResourceTypeScript) {
			cached++
		}
	}
	return bytes, cached
}
