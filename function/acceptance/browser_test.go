package acceptance

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	chrome "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// findChromium returns the path of the browser that $CHROMIUM names, else of the
// first of those that the Makefile knows too; empty for none.
func findChromium() string {
	names := []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless-shell", "/usr/bin/chromium"}
	if named := os.Getenv("CHROMIUM"); named != "" {
		names = []string{named}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// chromiumFlags make a browser that runs in a container too, has no window and
// speaks to nobody but the pages.
var chromiumFlags = []string{
	"headless", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-quic", "no-first-run",
	"disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars",
}

// A startedBrowser is the process that all tabs are of.
type startedBrowser struct {
	ctx       context.Context
	userAgent string
}

// running starts the browser when the first test wants it.
var running = sync.OnceValues(func() (*startedBrowser, error) {
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(findChromium())}
	for _, flag := range chromiumFlags {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	// A browser that is newer than chromedp tells what chromedp does not know.
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	closeBrowser = func() {
		chromedp.Cancel(ctx) // has it leave nothing behind
		cancel()
		stop()
	}
	b := &startedBrowser{ctx: ctx}
	err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		var err error
		_, _, _, b.userAgent, _, err = chrome.GetVersion().Do(ctx)
		return err
	}))
	return b, err
})

// closeBrowser ends the browser, if there is one.
var closeBrowser = func() {}

// needBrowser returns the browser, and skips the test where there is none.
func needBrowser(t *testing.T) *startedBrowser {
	t.Helper()
	if findChromium() == "" {
		missing(t, "BROWSER TESTS", "no Chromium found; install it or set CHROMIUM")
	}
	b, err := running()
	if err != nil {
		t.Fatalf("start %s: %v", findChromium(), err)
	}
	return b
}

// A setup is who looks at a page, and on what.
type setup struct {
	language      string // of the browser, such as zh-CN
	timeZone      string
	scheme        string // light or dark
	width, height int64
	paper         bool
	forcedColors  bool
	reducedMotion bool
	noScript      bool
	permissions   map[string]chrome.PermissionSetting
	scripts       []string // run before those of every page
}

// An option is what a test wants to be otherwise than in most tests.
type option func(*setup)

func language(tag string) option  { return func(s *setup) { s.language = tag } }
func timeZone(name string) option { return func(s *setup) { s.timeZone = name } }
func scheme(name string) option   { return func(s *setup) { s.scheme = name } }
func viewport(width, height int) option {
	return func(s *setup) { s.width, s.height = int64(width), int64(height) }
}
func onPaper(s *setup)       { s.paper = true }
func forcedColors(s *setup)  { s.forcedColors = true }
func reducedMotion(s *setup) { s.reducedMotion = true }
func withoutScript(s *setup) { s.noScript = true }

// permission answers in advance what a page may ask for, such as notifications:
// granted or denied. Without it the browser asks, which nobody answers.
func permission(name string, answer chrome.PermissionSetting) option {
	return func(s *setup) { s.permissions[name] = answer }
}

// script runs before the scripts of every page, to watch what they do.
func script(source string) option {
	return func(s *setup) { s.scripts = append(s.scripts, source) }
}

// browser opens a tab that shares nothing with those of other tests. At its end
// the test fails for everything that the tab's pages complained of.
func browser(t *testing.T, options ...option) *tab {
	t.Helper()
	process := needBrowser(t)
	s := setup{language: "en-US", timeZone: "UTC", scheme: "light", width: 1100, height: 800}
	s.permissions = make(map[string]chrome.PermissionSetting)
	for _, o := range options {
		o(&s)
	}

	inBrowser := cdp.WithExecutor(process.ctx, chromedp.FromContext(process.ctx).Browser)
	apart, err := target.CreateBrowserContext().Do(inBrowser)
	if err != nil {
		t.Fatalf("create a browser context: %v", err)
	}
	t.Cleanup(func() { target.DisposeBrowserContext(apart).Do(inBrowser) })
	// A window of its own: a tab in another's is hidden, or hides it.
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(apart).WithNewWindow(true).Do(inBrowser)
	if err != nil {
		t.Fatalf("create a tab: %v", err)
	}
	ctx, cancel := chromedp.NewContext(process.ctx, chromedp.WithTargetID(id))
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, inBrowser: inBrowser, apart: apart, target: id, setup: s, record: newRecord()}
	chromedp.ListenTarget(ctx, b.record.note)
	// The tab's context must not end with its first call, so this has no deadline.
	if err := chromedp.Run(ctx, b.setup.fixed(process.userAgent), b.setup.changeable()); err != nil {
		t.Fatalf("set the tab up: %v", err)
	}
	for name, answer := range s.permissions {
		b.permit(name, answer)
	}
	t.Cleanup(b.complain)
	return b
}

// fixed is what a tab keeps.
func (s setup) fixed(userAgent string) chromedp.Tasks {
	accepted := s.language
	if primary, _, regional := strings.Cut(s.language, "-"); regional {
		accepted += "," + primary // as browsers have it
	}
	tasks := chromedp.Tasks{
		audits.Enable(),
		emulation.SetUserAgentOverride(userAgent).WithAcceptLanguage(accepted),
		emulation.SetLocaleOverride().WithLocale(s.language),
		emulation.SetTimezoneOverride(s.timeZone),
		emulation.SetScriptExecutionDisabled(s.noScript),
		// Every tab believes that it is looked at, whichever has the focus.
		emulation.SetFocusEmulationEnabled(true),
	}
	for _, source := range s.scripts {
		tasks = append(tasks, chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := cdppage.AddScriptToEvaluateOnNewDocument(source).Do(ctx)
			return err
		}))
	}
	return tasks
}

// narrow is the width below which a screen is a phone's.
const narrow = 600

// changeable is what may change while a page is shown.
func (s setup) changeable() chromedp.Tasks {
	media := emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: s.scheme},
		{Name: "forced-colors", Value: either(s.forcedColors, "active", "none")},
		{Name: "prefers-reduced-motion", Value: either(s.reducedMotion, "reduce", "no-preference")},
	})
	if s.paper {
		media = media.WithMedia("print")
	}
	return chromedp.Tasks{media, emulation.SetDeviceMetricsOverride(s.width, s.height, 1, s.width < narrow)}
}

func either(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
