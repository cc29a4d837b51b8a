package acceptance

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp/kb"
)

// guarded is a function that lets in who has "a token".
var guarded = []string{"ACCESS=token", fmt.Sprintf("ACCESS_TOKENS=tester:%x", sha256.Sum256([]byte("a token")))}

// linked is the path that a bot's answer leads to.
func linked(text string) func(*testing.T, *machine) string {
	return func(t *testing.T, m *machine) string { return strings.TrimPrefix(m.said(t, text), m.front) }
}

// signIn fills in the form and sends it, and returns the status of where that leads.
func (b *tab) signIn(token string) int {
	b.t.Helper()
	b.click("#token")
	b.press(token)
	return b.follow(".sign-in button")
}

const failedPath = "/tasks/t-shfqw1u1edszvxw5abcd"

func TestSignIn(t *testing.T) {
	t.Parallel()
	for _, scripts := range []string{"with scripts", "without"} {
		t.Run(scripts, func(t *testing.T) {
			t.Parallel()
			var options []option
			if scripts == "without" {
				options = append(options, withoutScript)
			}
			m := newMachine(t, guarded...)
			b := browser(t, options...)
			b.expect("responded with a status of 401")
			if status := b.open(m.front + failedPath + "?lang=zh"); status != 401 || b.text("h1") != "请先登录" {
				t.Fatalf("status %d, %q", status, b.text("h1"))
			}
			if status := b.signIn("wrong"); status != 401 || !strings.Contains(b.text("#wrong"), "令牌不正确") {
				t.Errorf("a wrong token: status %d, %q", status, b.text("main"))
			}
			if status := b.signIn("a token"); status != 200 || !strings.Contains(b.text("h1"), "授权失败") {
				t.Fatalf("status %d, %q", status, b.text("h1"))
			}
			address := evaluate[string](b, `location.pathname + location.search`)
			if text := b.text("footer"); address != failedPath+"?lang=zh" || !strings.Contains(text, "已登录：tester") {
				t.Errorf("it leads to %s, where it says %q", address, text)
			}
			b.expect("DocumentCookie") // which is slow, and not the page's
			if cookies := evaluate[string](b, `document.cookie`); cookies != "" {
				t.Errorf("a script sees %q", cookies)
			}
			// Another page, and the first one, know who that is.
			if status := b.open(m.front + "/tasks"); status != 200 {
				t.Errorf("another page: status %d", status)
			}
			if status := b.open(m.front + "/"); status != 200 || !strings.Contains(b.text("h1"), "Did it work?") {
				t.Errorf("the first page: status %d", status)
			}
			// Signing out is for good, also for who goes back.
			b.open(m.front + failedPath)
			if status := b.follow(".sign-out button"); status != 200 || b.text("h1") != "Sign in" {
				t.Errorf("signing out: status %d, %q", status, b.text("h1"))
			}
			if scripts == "with scripts" {
				evaluate[any](b, `history.back()`)
				b.wait(`document.querySelector("h1")?.textContent === "Sign in to see this"`)
			}
			if status := b.open(m.front + failedPath); status != 401 {
				t.Errorf("signed out: status %d", status)
			}
			if scripts == "with scripts" {
				if kept := evaluate[int](b, `localStorage.length`); kept != 0 {
					t.Errorf("signed out: %d things are remembered", kept)
				}
			}
		})
	}
}

// TestSignInByKeyboard uses nothing else.
func TestSignInByKeyboard(t *testing.T) {
	t.Parallel()
	m := newMachine(t, guarded...)
	b := browser(t)
	b.expect("responded with a status of 401")
	b.open(m.front + failedPath)
	b.press("a token" + kb.Enter) // where the focus is
	b.wait(`document.querySelector("#failure")`)
}

// TestSignedOutMeanwhile: a page that is watched says so, keeps what it shows, and
// leads to signing in again and back.
func TestSignedOutMeanwhile(t *testing.T) {
	t.Parallel()
	m := newMachine(t, guarded...)
	b := browser(t)
	b.expect("responded with a status of 401")
	id := m.createTask(t, url.Values{"seconds": {"3600"}})
	b.open(m.front + "/tasks/" + id)
	b.signIn("a token")
	heading := b.text("h1")
	b.run("delete the cookies", network.ClearBrowserCookies())
	b.wait(looksLost)
	if notice := b.text("#notice"); !strings.HasPrefix(notice, "Not updated since ") || !strings.HasSuffix(notice, "No longer checked: signing in is needed.") {
		t.Errorf("it says %q", notice)
	}
	if now := b.text("h1"); strings.Fields(now)[0] != strings.Fields(heading)[0] {
		t.Errorf("it shows %q, and before %q", now, heading)
	}
	if action, out := b.text("[data-action=check]"), evaluate[bool](b, `!!document.querySelector(".sign-out")`); action != "Sign in" || out {
		t.Errorf("it offers %q, and to sign out: %v", action, out)
	}
	b.click("[data-action=check]")
	b.wait(`document.querySelector("#token")`)
	if status := b.signIn("a token"); status != 200 || !strings.Contains(b.text("#facts"), id) {
		t.Errorf("signed in again: status %d, %q", status, b.text("main"))
	}
}

// TestLink: whoever has the link of a message sees its tasks and nothing else.
func TestLink(t *testing.T) {
	t.Parallel()
	// What one instance knows of a task another may not: a chat has no time to ask for names.
	m := newMachine(t, append([]string{"-instances=1", "RECENT_TASKS=on", "TASK_DETAILS=on"}, guarded...)...)
	b := browser(t)
	// Somebody who may has looked: whom it is about is known by now.
	b.expect("responded with a status of 401")
	b.open(m.front + failedPath)
	if b.signIn("a token"); !strings.Contains(b.text("#facts"), "Access configuration") {
		t.Fatalf("signed in: %q", b.text("main"))
	}
	b.follow(".sign-out button")
	board := m.said(t, "task t-shfqw1u1edszvxw5abcd t-sh6tceylhvgejpipabcd")
	if status := b.open(board); status != 200 || !strings.Contains(b.text("h1"), "1 failed, 1 succeeded") {
		t.Fatalf("%s: status %d, %q", board, status, b.text("h1"))
	}
	if leads := evaluate[bool](b, `!!document.querySelector('footer a[href="/tasks"]')`); leads {
		t.Error("it leads to the list of recent tasks, which it does not open")
	}
	if status := b.follow("#tasks a"); status != 200 || !strings.Contains(b.text("h1"), "failed after") {
		t.Errorf("a task of it: status %d, %q", status, b.text("h1"))
	}
	if copied := evaluate[string](b, `document.querySelector("#live").dataset.url`); copied != m.front+failedPath {
		t.Errorf("the link to copy is %s", copied)
	}
	if names := evaluate[bool](b, `document.body.textContent.includes("Access configuration")`); names {
		t.Error("it tells whom the task is about")
	}
	for _, other := range []string{"/", "/tasks", "/tasks/t-sh5k4gesm6twlrqbabcd", failedPath} {
		response, err := http.Get(m.front + other)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 401 {
			t.Errorf("%s without a link: status %d", other, response.StatusCode)
		}
	}
	// From it, signing in leads to all of the task.
	b.follow(`footer a[href^="/sign-in"]`)
	if status := b.signIn("a token"); status != 200 || !strings.Contains(b.text("#facts"), "Access configuration") {
		t.Errorf("signed in: status %d, %q", status, b.text("main"))
	}
}
