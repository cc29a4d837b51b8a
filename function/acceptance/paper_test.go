package acceptance

import (
	"regexp"
	"strings"
	"testing"
)

// TestPaper: what is printed is evidence, and nothing on paper can be pressed.
func TestPaper(t *testing.T) {
	t.Parallel()
	b := browser(t, onPaper, timeZone("Asia/Shanghai"), viewport(794, 1123)) // A4
	const moment = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`
	for _, test := range []struct {
		name, path string
		want       []string // patterns
	}{
		{"open task", "/tasks/t-sh5k4gesm6twlrqbabcd", []string{"being provisioned", "Started\\s+" + moment, "Last checked\\s+" + moment, "CloudSSO request\\s+[0-9A-F-]{36}", "curl "}},
		{"failed task", "/tasks/t-shfqw1u1edszvxw5abcd", []string{"No Permission\\.", "Started\\s+" + moment, "Ended\\s+" + moment, "Last checked\\s+" + moment, "CloudSSO request\\s+[0-9A-F-]{36}", directory}},
		{"board", "/tasks?id=t-shfqw1u1edszvxw5abcd,t-sh5k4gesm6twlrqbabcd", []string{"2 tasks", "No Permission\\.", "Last checked: " + moment}},
		{"recent tasks", "/tasks", []string{"tasks in the last 24 hours", "Last checked: " + moment, moment}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := b.within(t)
			b.open(here.front + test.path)
			printed := evaluate[string](b, `document.body.innerText`)
			address := regexp.MustCompile(regexp.QuoteMeta(here.front+"/tasks") + `\S*`).FindString(printed)
			if id := "t-sh"; address == "" || strings.Contains(test.path, id) != strings.Contains(address, id) {
				t.Errorf("the address on paper is %q", address)
			}
			for _, want := range test.want {
				if !regexp.MustCompile(want).MatchString(printed) {
					t.Errorf("%s is not in %q", want, printed)
				}
			}
			if buttons := shownButtons(b); len(buttons) > 0 {
				t.Errorf("there are buttons: %q", buttons)
			}
			if links := evaluate[[]string](b, `[...document.querySelectorAll("nav, header a:not(.site), footer a")].filter(e => e.checkVisibility()).map(e => e.textContent)`); len(links) > 0 {
				t.Errorf("there are ways to other pages: %q", links)
			}
			if ago := regexp.MustCompile(`\d+ \w+ ago|\bnow\b`).FindString(printed); ago != "" {
				t.Errorf("%q is not true of paper", ago)
			}
			if wide := evaluate[[]string](b, tooWide); len(wide) > 0 {
				t.Errorf("too wide for A4: %q", wide)
			}
		})
	}
	t.Run("of a dark screen", func(t *testing.T) {
		b := b.within(t)
		b.change(scheme("dark"))
		if light := evaluate[float64](b, `Math.max(...getComputedStyle(document.querySelector("li")).color.match(/\d+/g))`); light > 100 {
			t.Errorf("the letters are as light as %v", light)
		}
	})
}

func TestReducedMotion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options []option
		moves   bool
	}{
		{"reduced", []option{reducedMotion}, false}, {"as usual", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := watch(t, here, everySecond, test.options...)
			for _, selector := range []string{"summary", "[data-action=pause]"} {
				b.click(selector)
				moving := evaluate[[]string](b, `document.getAnimations().map(animation => animation.animationName ?? animation.transitionProperty)`)
				if !test.moves && len(moving) > 0 {
					t.Errorf("after a click on %s these move: %q", selector, moving)
				}
			}
			// That nothing is found moving otherwise would prove nothing.
			if moving := evaluate[int](b, `document.getAnimations().length`); test.moves && moving == 0 {
				t.Error("nothing moves at all")
			}
		})
	}
}
