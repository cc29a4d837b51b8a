package acceptance

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// axeRun has axe-core judge the page. It is evaluated from outside: a script
// element would have to be allowed by the page's Content-Security-Policy.
const axeRun = `axe.run(document, {runOnly: %s, resultTypes: ["violations"]}).then(results => results.violations)`

// What axe-core is to judge by: all of its rules, or those that a change of the
// colours alone can break.
const (
	allRules    = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	colourRules = `["color-contrast", "link-in-text-block"]`
)

// A violation is a rule of axe-core's that a page breaks, and where.
type violation struct {
	ID     string
	Impact string
	Help   string
	Nodes  []struct {
		Target         []any // selectors; a list of them inside a frame
		FailureSummary string
	}
}

func (v violation) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, node := range v.Nodes {
		fmt.Fprintf(&s, "\n\t%v: %s", node.Target, strings.Join(strings.Fields(node.FailureSummary), " "))
	}
	return s.String()
}

// violations returns what axe-core finds by some rules on the tab's page as it is
// shown now.
func violations(b *tab, rules string) []violation {
	b.t.Helper()
	source := axeSource(b.t)
	if !evaluate[bool](b, `"axe" in window`) {
		evaluate[any](b, source+"; undefined")
	}
	return evaluate[[]violation](b, fmt.Sprintf(axeRun, rules))
}

func axeSource(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(npmFile(t, "axe-core/axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// checkAccessible fails the test for every one of the rules that the tab's page breaks.
func checkAccessible(b *tab, rules string) {
	b.t.Helper()
	for _, v := range violations(b, rules) {
		b.t.Errorf("axe: %s", v)
	}
}
