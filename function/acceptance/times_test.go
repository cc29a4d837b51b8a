package acceptance

import (
	"fmt"
	"net/url"
	"testing"
	"time"
	_ "time/tzdata" // this computer may have no time zones

	"github.com/chromedp/cdproto/emulation"
)

// daysSince is how many days ago the last such day was.
func daysSince(month time.Month, day int) int {
	now := time.Now().UTC()
	last := time.Date(now.Year(), month, day, 12, 0, 0, 0, time.UTC)
	if last.After(now) {
		last = last.AddDate(-1, 0, 0)
	}
	return int(now.Sub(last).Hours() / 24)
}

func TestLocalTimes(t *testing.T) {
	t.Parallel()
	b := browser(t)
	january, july := daysSince(time.January, 15), daysSince(time.July, 15)
	for _, test := range []struct {
		zone   string
		days   int    // since the task ended
		suffix string // of the reader's time; empty where that is UTC
	}{
		{"UTC", january, ""},
		{"Europe/London", january, ""},
		{"Europe/London", july, "UTC+1"},
		{"Asia/Shanghai", january, "UTC+8"},
		{"Asia/Kolkata", january, "UTC+5:30"},
		{"America/St_Johns", january, "UTC−3:30"},
		{"America/St_Johns", july, "UTC−2:30"},
	} {
		t.Run(fmt.Sprintf("%s %d days ago", test.zone, test.days), func(t *testing.T) {
			b := b.within(t)
			zone, err := time.LoadLocation(test.zone)
			if err != nil {
				t.Fatal(err)
			}
			id := here.createTask(t, url.Values{"seconds": {"90"}, "age": {fmt.Sprint(test.days * 24 * 60 * 60)}})
			b.run("set the time zone", emulation.SetTimezoneOverride(test.zone))
			b.open(here.front + "/tasks/" + id)
			// The third is when it was checked, which is another time of the year.
			shown := evaluate[[][]string](b, `[...document.querySelectorAll("#facts time")].slice(0, 2).map(time => [time.dateTime, time.parentNode.textContent.trim()])`)
			if len(shown) != 2 {
				t.Fatalf("it shows the times %q, want the start and the end", shown)
			}
			for _, of := range shown {
				at, err := time.Parse(time.RFC3339, of[0])
				if err != nil {
					t.Error(err)
				}
				want := at.UTC().Format(time.DateTime) + " UTC"
				if test.suffix != "" {
					want += " " + at.In(zone).Format(time.DateTime) + " " + test.suffix
				}
				if of[1] != want {
					t.Errorf("a time reads %q, want %q", of[1], want)
				}
			}
		})
	}
}
