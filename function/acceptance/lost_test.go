package acceptance

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const looksLost = `document.documentElement.classList.contains("lost")`

// shownTask is what the page says of its task, without the times that go on.
func shownTask(b *tab) []string {
	b.t.Helper()
	return evaluate[[]string](b, `[...document.querySelectorAll("h1, #facts dt, #facts dd")].map((e) => {
		const copy = e.cloneNode(true);
		for (const goesOn of copy.querySelectorAll("[data-elapsed], .ago")) goesOn.remove();
		return copy.textContent.trim();
	})`)
}

func TestNetworkLost(t *testing.T) {
	t.Parallel()
	b := watch(t, here, everySecond, timeZone("Asia/Shanghai"))
	b.wait(`seen.polls.some(poll => poll.status === 200)`)
	b.expect("ERR_INTERNET_DISCONNECTED")
	b.offline()
	before := shownTask(b) // only now: until then an answer may come and change it
	b.wait(looksLost)

	notice := b.text("#notice")
	if !regexp.MustCompile(`^Not updated since \d\d:\d\d:\d\d\. Trying again in \d+ s\.$`).MatchString(notice) {
		t.Errorf("it says %q", notice)
	}
	// Since the last answer, in the reader's time, and once.
	since := evaluate[[]string](b, `[0, 1000].map(late => new Date(performance.timeOrigin + seen.polls.findLast(poll => poll.status).answered + late).toLocaleTimeString("en-GB"))`)
	if !strings.Contains(notice, since[0]) && !strings.Contains(notice, since[1]) {
		t.Errorf("it says %q, the last answer came at %s", notice, since[0])
	}
	if said := evaluate[[]string](b, `seen.said`); len(said) != 1 || !strings.HasPrefix(notice, said[0]) {
		t.Errorf("it tells %q, want once since when", said)
	}
	if after := shownTask(b); !slices.Equal(after, before) {
		t.Errorf("it shows %q, and before %q", after, before)
	}

	b.pass(6 * time.Minute)
	asked := slices.DeleteFunc(polls(b), func(p poll) bool { return p.Status != 0 })
	for i := 1; i < len(asked); i++ {
		// The first pause is twice what the server said last.
		want := min(60, 2*float64(int(1)<<(i-1)))
		if pause := (asked[i].At - asked[i-1].At) / 1000; pause < want-0.1 || pause > want+3 {
			t.Errorf("pause %d is %.1f s, want %v s", i, pause, want)
		}
	}
	if len(asked) < 9 {
		t.Errorf("it tries %d times in 6 minutes", len(asked))
	}
	if n := len(evaluate[[]string](b, `seen.said`)); n != 1 {
		t.Errorf("it tells %d times that there is no answer", n)
	}
	for range 20 {
		if countdown(b).Seconds > 15 {
			break
		}
		b.pass(5 * time.Second)
	}
	checkCountdown(b)

	tried := len(polls(b))
	b.online()
	b.pass(100 * time.Millisecond)
	if n := len(polls(b)) - tried; n != 1 {
		t.Errorf("with a network again it asks %d times at once, want 1", n)
	}
	if notice := b.text("#notice"); evaluate[bool](b, looksLost) || notice != "This page updates by itself." {
		t.Errorf("with a network again it still looks out of date, or says %q", notice)
	}
	b.pass(10 * time.Second)
	if n := len(polls(b)) - tried; n < 3 {
		t.Errorf("with a network again it asks %d times in 10 s", n)
	}
}

// A notice is for how many seconds the page says to wait, and when by its own clock.
type notice struct{ Seconds, Clock float64 }

func countdown(b *tab) notice {
	b.t.Helper()
	return evaluate[notice](b, `({
		seconds: Number(document.querySelector("#notice").textContent.match(/in (\d+) s\.$/)?.[1] ?? 0),
		clock: performance.now() / 1000,
	})`)
}

// checkCountdown lets five seconds pass and fails the test where the page counts otherwise.
func checkCountdown(b *tab) {
	b.t.Helper()
	first := countdown(b)
	b.pass(5 * time.Second)
	second := countdown(b)
	counted, passed := first.Seconds-second.Seconds, second.Clock-first.Clock
	if counted < passed-1.5 || counted > passed+1.5 || counted < 3 {
		b.t.Errorf("it counts from %v to %v in %.1f s", first.Seconds, second.Seconds, passed)
	}
}

// throttle has CloudSSO ask to be left alone for some seconds, until clearFaults.
func (m *machine) throttle(t *testing.T, seconds int) {
	t.Helper()
	m.fault(t, "throttle400", 0, 1000*seconds)
}

func TestThrottledWhileWatching(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := watch(t, m, everySecond)
	b.expect("responded with a status of 503")
	before := shownTask(b)
	m.throttle(t, 20)
	b.wait(looksLost)
	if notice := b.text("#notice"); !regexp.MustCompile(`^Not updated since .* Trying again in \d+ s\.$`).MatchString(notice) {
		t.Errorf("it says %q", notice)
	}
	if after := shownTask(b); !slices.Equal(after, before) {
		t.Errorf("it shows %q, and before %q", after, before)
	}
	b.pass(50 * time.Second)
	checkPolls(b)
	if refused := slices.DeleteFunc(polls(b), func(p poll) bool { return p.Status != 503 }); len(refused) < 3 || len(refused) > 4 {
		t.Errorf("it asks %d times in 50 s, told to leave 20 s", len(refused))
	}
	m.clearFaults(t)
	b.pass(21 * time.Second)
	if notice := b.text("#notice"); evaluate[bool](b, looksLost) || notice != "This page updates by itself." {
		t.Errorf("when CloudSSO answers again it still looks out of date, or says %q", notice)
	}
	b.pass(10 * time.Second)
	if n := len(slices.DeleteFunc(polls(b), func(p poll) bool { return p.Status != 200 })); n < 3 {
		t.Errorf("when CloudSSO answers again it asks %d times in 10 s", n)
	}
}

func TestRefusedWhileWatching(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := watch(t, m, everySecond)
	b.expect("responded with a status of 502")
	before := shownTask(b)
	m.fault(t, "nopermission", 0, 0)
	b.wait(looksLost)
	if notice := b.text("#notice"); !strings.HasSuffix(notice, "No longer checked: CloudSSO refused this function.") {
		t.Errorf("it says %q", notice)
	}
	if after := shownTask(b); !slices.Equal(after, before) {
		t.Errorf("it shows %q, and before %q", after, before)
	}
	if buttons := shownButtons(b); !slices.Contains(buttons, "Check now") || slices.Contains(buttons, "Pause") || slices.Contains(buttons, "Notify me when it ends") {
		t.Errorf("it offers %q", buttons)
	}
	b.click("[data-action=check]")
	b.wait(`seen.polls.filter(poll => poll.status === 502).length === 2`)
	if notice := b.text("#notice"); !strings.HasSuffix(notice, "No longer checked: CloudSSO refused this function.") {
		t.Errorf("refused again, it says %q", notice)
	}
	refused := len(polls(b))
	b.pass(10 * time.Minute)
	if n := len(polls(b)) - refused; n != 0 {
		t.Errorf("it goes on and asks %d times", n)
	}
	m.clearFaults(t)
	b.click("[data-action=check]")
	b.pass(100 * time.Millisecond)
	if notice := b.text("#notice"); evaluate[bool](b, looksLost) || notice != "This page updates by itself." {
		t.Errorf("allowed again, it still looks out of date, or says %q", notice)
	}
	b.pass(10 * time.Second)
	if n := len(polls(b)) - refused; n < 4 {
		t.Errorf("allowed again, it asks %d times in 10 s", n)
	}
}

// TestProblemRecovers: who comes while CloudSSO is busy need not load the page again.
func TestProblemRecovers(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	id := m.createTask(t, url.Values{"seconds": {"7200"}, "age": {"1200"}})
	allowed := permission("notifications", "granted")
	b := browser(t, allowed, script(spy))
	b.expect("responded with a status of 503")
	m.throttle(t, 20)
	if status := b.open(m.front + "/tasks/" + id); status != 503 {
		t.Fatalf("status %d", status)
	}
	if heading := b.text("h1"); heading != "CloudSSO is busy" {
		t.Errorf("the heading is %q", heading)
	}
	if notice := b.text("#notice"); !regexp.MustCompile(`^Trying again in \d+ s\.$`).MatchString(notice) {
		t.Errorf("it says %q", notice)
	}
	checkCountdown(b)
	b.pass(16 * time.Second) // is refused once more
	if heading := b.text("h1"); heading != "CloudSSO is busy" || evaluate[bool](b, looksLost) {
		t.Errorf("refused again, the heading is %q, or it looks lost", heading)
	}
	m.clearFaults(t)
	b.pass(20 * time.Second)
	checkPolls(b)

	fresh := browser(t, allowed)
	fresh.open(m.front + "/tasks/" + id)
	if got, want := shownButtons(b), shownButtons(fresh); !slices.Equal(got, want) || len(want) < 5 {
		t.Errorf("it offers %q, a fresh page %q", got, want)
	}
	got, want := shownTask(b), shownTask(fresh)
	if last := len(want) - 1; len(got) != len(want) || !slices.Equal(got[:last], want[:last]) { // but for when it was checked
		t.Errorf("it shows %q, a fresh page %q", got, want)
	}
	const shared = `document.title + " " + document.querySelector("#icon").getAttribute("href") + " " + document.querySelector("#notice").textContent`
	if got, want := evaluate[string](b, shared), evaluate[string](fresh, shared); got != want {
		t.Errorf("title, icon and notice are %q, a fresh page's %q", got, want)
	}
	if documents(b) != 1 {
		t.Errorf("it loaded %d documents", documents(b))
	}
	before := len(polls(b))
	b.pass(31 * time.Second)
	if n := len(polls(b)) - before; n != 1 {
		t.Errorf("then it asks %d times in 31 s, want 1", n)
	}
}
