package acceptance

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	chrome "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

const (
	// patience is how long anything may take: far more than it does, and a
	// little more than the function holds an answer.
	patience = 30 * time.Second
	// between is how long to wait before asking a page again.
	between = 20 * time.Millisecond
)

// A tab is a browser's tab in a test. What goes wrong in it fails the test.
type tab struct {
	t         *testing.T
	ctx       context.Context
	inBrowser context.Context // for calls that are the browser's and not the tab's
	apart     cdp.BrowserContextID
	target    target.ID
	setup     setup
	*record
}

// within returns the tab for use in a subtest, which then is the one that fails.
func (b *tab) within(t *testing.T) *tab {
	inner := *b
	inner.t = t
	return &inner
}

// run has the tab do something, within reason.
func (b *tab) run(what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// open goes to an address, waits until the page is loaded and returns its status.
func (b *tab) open(url string) int {
	b.t.Helper()
	return b.load("open "+url, chromedp.Navigate(url))
}

func (b *tab) reload() int {
	b.t.Helper()
	return b.load("reload", chromedp.Reload())
}

// follow clicks on what leads to another page, and waits as open does.
func (b *tab) follow(selector string) int {
	b.t.Helper()
	return b.load("follow "+selector, chromedp.Click(selector, chromedp.ByQuery))
}

func (b *tab) load(what string, action chromedp.Action) int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, action)
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	if response == nil {
		return 0
	}
	return int(response.Status)
}

// click clicks in the middle of the first element that fits, once it is visible.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.run("click "+selector, chromedp.Click(selector, chromedp.ByQuery))
}

// press presses keys one after the other; those without a character are in package kb.
func (b *tab) press(keys string, modifiers ...input.Modifier) {
	b.t.Helper()
	b.run(fmt.Sprintf("press %q", keys), chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

// text returns the text of the first element that fits, with single spaces.
func (b *tab) text(selector string) string {
	b.t.Helper()
	quoted, _ := json.Marshal(selector)
	return strings.Join(strings.Fields(evaluate[string](b, `document.querySelector(`+string(quoted)+`).textContent`)), " ")
}

// evaluate returns the value of an expression; of a promise, what it resolves to.
func evaluate[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := tryEvaluate[T](ctx, expression)
	if err != nil {
		b.t.Fatalf("%.200s: %v", expression, err)
	}
	return value
}

func tryEvaluate[T any](ctx context.Context, expression string) (T, error) {
	var value T
	err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		// As after a click: some things a page may do only then.
		result, exception, err := runtime.Evaluate(expression).
			WithReturnByValue(true).WithAwaitPromise(true).WithUserGesture(true).Do(ctx)
		switch {
		case err != nil:
			return err
		case exception != nil:
			return exception
		case len(result.Value) == 0:
			return nil
		}
		return json.Unmarshal(result.Value, &value)
	}))
	return value, err
}

// wait waits until an expression is true, also across a change of the page. It
// asks from outside, because a page's own frames and timers stand still where it
// is hidden, runs no scripts or has its clock set.
func (b *tab) wait(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	again := time.NewTicker(between)
	defer again.Stop()
	for {
		met, err := tryEvaluate[bool](ctx, "!!("+condition+")")
		if met {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			b.t.Fatalf("%s: not true after %v (%v)", condition, patience, err)
		}
	}
}

// change changes the viewport, the scheme or another property of the screen
// under the page that is shown.
func (b *tab) change(options ...option) {
	b.t.Helper()
	for _, o := range options {
		o(&b.setup)
	}
	b.run("change the screen", b.setup.changeable())
}

// screenshot saves a picture of the whole page as PNG.
func (b *tab) screenshot(path string) {
	b.t.Helper()
	var picture []byte
	b.run("take a picture", chromedp.FullScreenshot(&picture, 100))
	if _, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil {
		b.t.Fatalf("the picture: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o666); err != nil {
		b.t.Fatal(err)
	}
}

// served returns the page's bytes as they came, of the last one opened.
func (b *tab) served() string {
	b.t.Helper()
	documents := b.requests("")
	documents = slices.DeleteFunc(documents, func(r request) bool { return r.kind != network.ResourceTypeDocument })
	if len(documents) == 0 {
		b.t.Fatal("no page was opened")
	}
	var body []byte
	b.run("get the page's bytes", chromedp.ActionFunc(func(ctx context.Context) error {
		var err error
		body, err = network.GetResponseBody(documents[len(documents)-1].id).Do(ctx)
		return err
	}))
	return string(body)
}

// requests returns the requests so far whose address contains a text, in order.
func (b *tab) requests(part string) []request {
	b.flush()
	b.record.mu.Lock()
	defer b.record.mu.Unlock()
	var found []request
	for _, r := range b.record.requests {
		if strings.Contains(r.url, part) {
			found = append(found, *r)
		}
	}
	return found
}

// expect names texts of complaints that are no failure.
func (b *tab) expect(parts ...string) {
	b.record.mu.Lock()
	defer b.record.mu.Unlock()
	b.record.expected = append(b.record.expected, parts...)
}

// complain fails the test for what nobody expected the pages to complain of.
func (b *tab) complain() {
	b.flush()
	for _, complaint := range b.unexpected() {
		b.t.Errorf("the page complains: %s", complaint)
	}
}

// flush waits until everything that the tab has told is recorded: events come
// in order, so that is when a mark of our own has come.
func (b *tab) flush() {
	mark, done := rand.Text(), make(chan struct{})
	b.record.mu.Lock()
	b.record.flushed[mark] = done
	b.record.mu.Unlock()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := tryEvaluate[any](ctx, `console.debug("`+mark+`")`); err != nil {
		return // a tab that cannot answer has told all that it ever will
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// offline cuts the tab off the network, and tells its pages so.
func (b *tab) offline() {
	b.t.Helper()
	b.connect(true, []*network.Conditions{{Offline: true, DownloadThroughput: -1, UploadThroughput: -1}})
}

func (b *tab) online() {
	b.t.Helper()
	b.connect(false, []*network.Conditions{})
}

func (b *tab) connect(offline bool, rules []*network.Conditions) {
	b.t.Helper()
	b.run("set the network", chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := network.EmulateNetworkConditionsByRule(rules).Do(ctx)
		return err
	}), network.OverrideNetworkState(offline, 0, -1, -1))
}

// hide takes the tab out of sight by minimizing its window: the page is told,
// its frames stop and its timers run at most once a second, as in a tab behind
// another.
func (b *tab) hide() {
	b.t.Helper()
	b.window(chrome.WindowStateMinimized)
	b.run("stop to pretend the focus", emulation.SetFocusEmulationEnabled(false))
	b.wait(`document.visibilityState === "hidden"`)
}

func (b *tab) show() {
	b.t.Helper()
	b.window(chrome.WindowStateNormal)
	b.run("pretend the focus", emulation.SetFocusEmulationEnabled(true))
	b.wait(`document.visibilityState === "visible"`)
}

func (b *tab) window(state chrome.WindowState) {
	b.t.Helper()
	window, _, err := chrome.GetWindowForTarget().WithTargetID(b.target).Do(b.inBrowser)
	if err != nil {
		b.t.Fatalf("find the tab's window: %v", err)
	}
	if err := chrome.SetWindowBounds(window, &chrome.Bounds{WindowState: state}).Do(b.inBrowser); err != nil {
		b.t.Fatalf("make the tab's window %s: %v", state, err)
	}
}

// pass lets time pass for the page, faster than it does: its timers run as if it
// had, while its requests take the time that they take. From then on the page's
// clock stands still between the calls, so that it can be read and clicked on but
// not do what it leaves for later: load another page, use the clipboard, be
// judged by axe-core.
func (b *tab) pass(d time.Duration) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	passed := make(chan struct{}, 1)
	listening, stop := context.WithCancel(ctx)
	defer stop()
	chromedp.ListenTarget(listening, func(event any) {
		if _, ok := event.(*emulation.EventVirtualTimeBudgetExpired); ok {
			passed <- struct{}{}
		}
	})
	err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := emulation.SetVirtualTimePolicy(emulation.VirtualTimePolicyPauseIfNetworkFetchesPending).
			WithBudget(float64(d / time.Millisecond)).Do(ctx)
		return err
	}))
	if err != nil {
		b.t.Fatalf("let time pass: %v", err)
	}
	select {
	case <-passed:
	case <-ctx.Done():
		b.t.Fatalf("%v did not pass within %v", d, patience)
	}
}

// permit answers what the tab's pages may ask for.
func (b *tab) permit(name string, answer chrome.PermissionSetting) {
	b.t.Helper()
	err := chrome.SetPermission(&chrome.PermissionDescriptor{Name: name}, answer).WithBrowserContextID(b.apart).Do(b.inBrowser)
	if err != nil {
		b.t.Fatalf("permission %s: %v", name, err)
	}
}

// clipboard returns the text in the clipboard, of which all tabs have the same:
// tests that copy do not run in parallel.
func (b *tab) clipboard() string {
	b.t.Helper()
	b.permit("clipboard-read", chrome.PermissionSettingGranted)
	return evaluate[string](b, `navigator.clipboard.readText()`)
}
