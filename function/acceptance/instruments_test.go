package acceptance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"
)

// The instruments are tested first: one that finds nothing because it does not
// work would let everything pass.

// testSite has pages of known behaviour, and a policy as strict as the function's.
func testSite(t *testing.T) string {
	t.Helper()
	files := map[string]string{
		"/": `<!DOCTYPE html><html lang="en"><meta name="viewport" content="width=device-width">
			<title>Test</title><link rel="icon" href="data:,"><main><h1>A  page</h1>
			<p id="language"><input name="text" aria-label="Text"><button>Copy</button><a href="/other">Other</a></main><script src="/good.js"></script></html>`,
		"/other": `<!DOCTYPE html><html lang="en"><title>Other</title><link rel="icon" href="data:,"><h1>Another page</h1></html>`,
		"/bad": `<!DOCTYPE html><html><title>Bad</title><link rel="icon" href="data:,"><img src="/missing.png">
			<p style="color: red">styled</p><script>inline()</script><script src="/bad.js"></script></html>`,
		"/good.js": `document.querySelector("button").onclick = () => navigator.clipboard.writeText("copied");
			window.ticks = 0; setInterval(() => ticks++, 1000);
			window.told = []; for (const name of ["online", "offline"]) addEventListener(name, () => told.push(name));
			document.addEventListener("visibilitychange", () => told.push(document.visibilityState));`,
		"/bad.js": `console.warn("a warning", 42); console.error(new Error("an error"));
			setTimeout(() => { throw new Error("nobody catches this") });`,
		"/poll": "polled",
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := files[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
			return
		case strings.HasSuffix(r.URL.Path, ".js"):
			w.Header().Set("Content-Type", "text/javascript")
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; img-src 'self' data:; connect-src 'self'")
		w.Header().Set("Vary", "Accept-Language")
		if r.URL.Path == "/poll" {
			w.Header().Set("ETag", `"1"`)
			if r.Header.Get("If-None-Match") == `"1"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		fmt.Fprint(w, strings.Replace(body, `id="language"`, `id="language" data-accepted="`+r.Header.Get("Accept-Language")+`"`, 1))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestMachine(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	id := m.createTask(t, url.Values{"seconds": {"0"}, "status": {"Failed"}, "reason": {"Because."}})
	m.fault(t, "error500", 0, 0)
	response, err := http.Get(m.front + "/tasks/" + id)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadGateway {
		t.Errorf("status %d, want %d of a fault", response.StatusCode, http.StatusBadGateway)
	}
	before := m.calls(t).Actions["GetTaskStatus"]
	m.clearFaults(t)
	var s status
	getJSON(t, m.front+"/tasks/"+id, &s)
	if s.Status != "Failed" || !s.Done {
		t.Errorf("the task is %+v, want it failed", s)
	}
	if after := m.calls(t); after.Actions["GetTaskStatus"] != before+1 || after.Tasks[id] == 0 {
		t.Errorf("CloudSSO was called %+v, want one GetTaskStatus more than %d", after, before)
	}
}

func TestTabHearsComplaints(t *testing.T) {
	t.Parallel()
	site := testSite(t)
	b := browser(t)
	b.open(site + "/bad")
	b.wait(`document.readyState === "complete"`)
	b.flush()
	wanted := []string{
		"console.warning: a warning 42",
		"console.error: Error: an error",
		"nobody catches this",
		"Executing inline script violates",
		"Applying inline style violates",
		"status of 404 (Not Found) (" + site + "/missing.png)",
	}
	complaints := b.unexpected()
	for _, part := range wanted {
		if !slices.ContainsFunc(complaints, func(c string) bool { return strings.Contains(c, part) }) {
			t.Errorf("nothing says %q: %q", part, complaints)
		}
	}
	b.expect(wanted...)
	if rest := b.unexpected(); len(rest) > 0 {
		t.Errorf("also said: %q", rest)
	}
}

func TestAxeFinds(t *testing.T) {
	t.Parallel()
	b := browser(t)
	b.expect("") // what else is wrong with the page is not the matter here
	b.open(testSite(t) + "/bad")
	var found []string
	for _, v := range violations(b, allRules) {
		found = append(found, v.ID)
	}
	for _, rule := range []string{"html-has-lang", "image-alt", "page-has-heading-one"} {
		if !slices.Contains(found, rule) {
			t.Errorf("axe does not find %s, but %q", rule, found)
		}
	}
	if len(found) > 0 && !strings.Contains(violations(b, allRules)[0].String(), "html") {
		t.Errorf("a violation reads %q", violations(b, allRules)[0])
	}
	evaluate[any](b, `document.querySelector("p").style.color = "#ccc", undefined`)
	if pale := violations(b, colourRules); len(pale) != 1 || pale[0].ID != "color-contrast" {
		t.Errorf("of colours axe finds %v", pale)
	}
}

func TestTabSetup(t *testing.T) {
	t.Parallel()
	site := testSite(t)
	media := func(query string) string { return `matchMedia("` + query + `").matches` }
	for _, test := range []struct {
		name      string
		options   []option
		condition string
	}{
		{"language of the request", []option{language("zh-CN")}, `document.querySelector("p").dataset.accepted === "zh-CN,zh;q=0.9"`},
		{"language of scripts", []option{language("zh-CN")}, `navigator.language === "zh-CN" && Intl.DateTimeFormat().resolvedOptions().locale === "zh-CN"`},
		{"time zone", []option{timeZone("Asia/Shanghai")}, `new Date(0).getHours() === 8`},
		{"light", nil, media("(prefers-color-scheme: light)")},
		{"dark", []option{scheme("dark")}, media("(prefers-color-scheme: dark)")},
		{"phone", []option{viewport(360, 740)}, `innerWidth === 360`},
		{"paper", []option{onPaper}, media("print")},
		{"forced colours", []option{forcedColors}, media("(forced-colors: active)")},
		{"reduced motion", []option{reducedMotion}, media("(prefers-reduced-motion: reduce)")},
		{"no script", []option{withoutScript}, `window.ticks === undefined`},
		{"script", []option{script(`window.early = typeof ticks`)}, `early === "undefined"`},
		{"granted", []option{permission("notifications", "granted")}, `Notification.permission === "granted"`},
		{"denied", []option{permission("notifications", "denied")}, `Notification.permission === "denied"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := browser(t, test.options...)
			b.open(site)
			if !evaluate[bool](b, test.condition) {
				t.Errorf("not so: %s", test.condition)
			}
		})
	}
}

func TestTabMoves(t *testing.T) {
	t.Parallel()
	site := testSite(t)
	for name, options := range map[string][]option{"with scripts": nil, "without scripts": {withoutScript}} {
		t.Run(name, func(t *testing.T) {
			b := browser(t, options...)
			if status := b.open(site); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
			if got, want := b.text("h1"), "A page"; got != want {
				t.Errorf("the heading is %q, want %q", got, want)
			}
			b.press(kb.Tab + "typed")
			b.wait(`document.querySelector("input").value === "typed"`)
			b.press(kb.Tab)
			b.press(kb.Tab, input.ModifierShift)
			b.wait(`document.activeElement.tagName === "INPUT"`)
			if status := b.follow("a"); status != http.StatusOK || b.text("h1") != "Another page" {
				t.Errorf("the link leads to %d %q", status, b.text("h1"))
			}
			if served := b.served(); !strings.HasPrefix(served, "<!DOCTYPE html>") || !strings.Contains(served, "Another page") {
				t.Errorf("served was %q", served)
			}
			path := filepath.Join(t.TempDir(), "page.png")
			b.screenshot(path)
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Errorf("no picture: %v", err)
			}
		})
	}
}

func TestTabCountsRequests(t *testing.T) {
	t.Parallel()
	b := browser(t)
	b.open(testSite(t))
	poll := `fetch("/poll", {cache: "no-cache"}).then(r => r.text()).then(text => text === "polled")`
	for range 2 {
		if !evaluate[bool](b, poll) {
			t.Error("the page did not get its answer")
		}
	}
	polls := b.requests("/poll")
	if len(polls) != 2 {
		t.Fatalf("%d polls, want 2", len(polls))
	}
	if first := polls[0]; first.method != "GET" || first.kind != "Fetch" || first.status != 200 || first.bytes < len("polled") {
		t.Errorf("the first poll was %+v", first)
	}
	if second := polls[1]; second.status != 304 || second.bytes == 0 || second.bytes >= polls[0].bytes || second.at.Before(polls[0].at) {
		t.Errorf("the second poll was %+v", second)
	}
	if b.reload() != http.StatusOK || len(b.requests("/good.js")) != 2 {
		t.Errorf("after loading again there were %+v", b.requests(""))
	}
}

func TestTabOffline(t *testing.T) {
	t.Parallel()
	b := browser(t)
	b.open(testSite(t))
	b.expect("ERR_INTERNET_DISCONNECTED")
	const poll = `fetch("/poll").then(() => true, () => false)`
	b.offline()
	b.wait(`told.join() === "offline" && !navigator.onLine`)
	if evaluate[bool](b, poll) {
		t.Error("there is an answer without a network")
	}
	if polls := b.requests("/poll"); len(polls) != 1 || polls[0].failure != "net::ERR_INTERNET_DISCONNECTED" {
		t.Errorf("the requests were %+v", polls)
	}
	b.online()
	b.wait(`told.join() === "offline,online"`)
	if !evaluate[bool](b, poll) {
		t.Error("no answer with a network")
	}
}

func TestTabHides(t *testing.T) {
	t.Parallel()
	b := browser(t)
	b.open(testSite(t))
	b.hide()
	b.wait(`told.join() === "hidden" && !document.hasFocus()`)
	b.show()
	b.wait(`told.join() === "hidden,visible" && document.hasFocus()`)
}

func TestTabPassesTime(t *testing.T) {
	t.Parallel()
	b := browser(t)
	b.open(testSite(t))
	began := time.Now()
	b.pass(30 * time.Minute)
	if ticks := evaluate[int](b, "ticks"); ticks < 1799 || ticks > 1802 {
		t.Errorf("%d seconds passed, want 1800", ticks)
	}
	b.pass(10 * time.Second)
	if ticks := evaluate[int](b, "ticks"); ticks < 1809 || ticks > 1812 {
		t.Errorf("%d seconds passed, want 1810", ticks)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestTabClipboard is not parallel: there is one clipboard.
func TestTabClipboard(t *testing.T) {
	b := browser(t)
	b.open(testSite(t))
	b.click("button")
	if got := b.clipboard(); got != "copied" {
		t.Errorf("the clipboard has %q", got)
	}
}

func TestTabNotifies(t *testing.T) {
	t.Parallel()
	b := browser(t, permission("notifications", "granted"))
	b.open(testSite(t))
	shown := evaluate[bool](b, `new Promise(resolve => {
		const notification = new Notification("Done");
		notification.onshow = () => resolve(true);
		notification.onerror = () => resolve(false);
	})`)
	if !shown {
		t.Error("the notification was not shown")
	}
}
