package acceptance

import (
	"flag"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

// pictures is for people who want to see the pages:
//
//	go test -run TestPages -pictures /tmp/pages
var pictures = flag.String("pictures", "", "save a picture of every page into `directory`")

// A page is one that the function shows in some state, and how to get to it.
type page struct {
	name string
	// environ has variables of the function, as the machine's environment has none.
	environ []string
	// options are what the reader has otherwise than most.
	options []option
	// path brings the state about and returns where the page is.
	path   func(*testing.T, *machine) string
	status int
	en, zh string // in the page's first heading
	// after brings the page that is shown into another state; nil for none.
	after func(*tab)
}

// plain is a function that tells no names, as one does that is not told to. The
// stand-in would have it tell all.
var plain = []string{"RECENT_TASKS=off", "TASK_DETAILS=off"}

// at is the path of a page that needs nothing done.
func at(path string) func(*testing.T, *machine) string {
	return func(*testing.T, *machine) string { return path }
}

// of is the path of the page of a new task.
func of(parameters ...string) func(*testing.T, *machine) string {
	task := make(url.Values)
	for i := 0; i < len(parameters); i += 2 {
		task.Set(parameters[i], parameters[i+1])
	}
	return func(t *testing.T, m *machine) string { return "/tasks/" + m.createTask(t, task) }
}

// failedWith is the path of the page of a task that failed for that reason.
func failedWith(reason string) func(*testing.T, *machine) string {
	return of("seconds", "2", "age", "60", "status", "Failed", "type", "CreateAccessAssignment", "reason", reason)
}

// during is the path of a task's page while CloudSSO misbehaves.
func during(fault string) func(*testing.T, *machine) string {
	return func(t *testing.T, m *machine) string {
		m.fault(t, fault, 0, 0)
		return "/tasks/t-shfqw1u1edszvxw5abcd"
	}
}

// board is the path of a page of twelve tasks in every state.
func board(t *testing.T, m *machine) string {
	ids := []string{"t-sh0notknown000000000"}
	for range 3 {
		ids = append(ids,
			m.createTask(t, url.Values{"seconds": {"3600"}}),
			m.createTask(t, url.Values{"seconds": {"2"}, "age": {"60"}, "status": {"Success"}}),
			m.createTask(t, url.Values{"seconds": {"2"}, "age": {"60"}, "status": {"Failed"}}))
	}
	ids = append(ids, "t-sh6tceylhvgejpipabcd", "t-shfqw1u1edszvxw5abcd")
	return "/tasks?id=" + strings.Join(ids, ",")
}

// throttled is the path of a page that says for how long it waits.
func throttled(t *testing.T, m *machine) string {
	m.throttle(t, 60)
	return "/tasks/t-shfqw1u1edszvxw5abcd"
}

// reloading is the path of a page that loads itself again.
func reloading(t *testing.T, m *machine) string {
	return of("seconds", "3600", "type", "CreateAccessAssignment")(t, m) + "?refresh=300"
}

// hostileReason would run, steer a terminal, turn the text around or end early
// where somebody let it.
const hostileReason = "<script>alert(1)</script><img src=https://example.com/evil onerror=alert(2)> \u202etxet siht snrut\u202c\x00\x1b[31m " +
	"[a link](javascript:alert(3)) **bold** `code` </blockquote> {{.}} ${7*7} " + "averylongwordwithoutanyspace.averylongwordwithoutanyspace.averylongwordwithoutanyspace"

// pages are all that there are to see. Each has a machine of its own, so that
// what one does to it is not seen on another.
var pages = []page{
	{name: "index", path: at("/"), status: 200, en: "Did it work?", zh: "成功了吗？"},
	{name: "index-with-memory", path: at("/"), status: 200, en: "Did it work?", zh: "成功了吗？", after: func(b *tab) {
		evaluate[any](b, `localStorage.setItem("tasks", JSON.stringify(["t-shfqw1u1edszvxw5abcd", "t-sh6tceylhvgejpipabcd"]))`)
		b.reload()
		b.wait(`document.querySelector("#recent").checkVisibility()`)
	}},

	{name: "open", path: at("/tasks/t-sh5k4gesm6twlrqbabcd"), environ: plain, status: 200, en: "being provisioned", zh: "正在部署访问配置"},
	{name: "success", path: at("/tasks/t-sh6tceylhvgejpipabcd"), environ: plain, status: 200, en: "Access was assigned", zh: "授权成功"},
	{name: "failed", path: at("/tasks/t-shfqw1u1edszvxw5abcd"), environ: plain, status: 200, en: "failed after 1 s", zh: "授权失败"},
	{name: "details", path: at("/tasks/t-shfqw1u1edszvxw5abcd"), environ: []string{"TASK_DETAILS=on"}, status: 200, en: "failed after 1 s", zh: "授权失败", after: func(b *tab) {
		b.click("summary")
	}},
	{name: "paused", path: of("seconds", "3600"), status: 200, en: "is ", zh: "正在", after: func(b *tab) {
		b.click("[data-action=pause]")
	}},
	{name: "lost", path: of("seconds", "3600"), status: 200, en: "is ", zh: "正在", after: func(b *tab) {
		b.expect("ERR_INTERNET_DISCONNECTED")
		b.offline()
		b.wait(looksLost)
		// Without its grey, which leaves it as light as it is, axe-core sees how
		// light it is.
		evaluate[any](b, `{
			const style = new CSSStyleSheet();
			style.replaceSync("* { filter: none !important }");
			document.adoptedStyleSheets = [style], undefined
		}`)
	}},
	{name: "reloading", path: reloading, status: 200, en: "Access is being assigned", zh: "正在授权", options: []option{withoutScript}, after: func(b *tab) {
		// axe-core itself is a script; the page's own have had their chance.
		b.run("turn scripts on", emulation.SetScriptExecutionDisabled(false))
	}},

	{name: "hostile", path: failedWith(hostileReason), status: 200, en: "failed after 2 s", zh: "授权失败"},
	{name: "wordy", path: failedWith(strings.Repeat("Permission. ", 750)), status: 200, en: "failed after 2 s", zh: "授权失败"},
	{name: "chinese", path: failedWith("成员账号 114240524784 已被停用。"), status: 200, en: "failed after 2 s", zh: "授权失败"},

	{name: "board", path: board, environ: plain, status: 200, en: "12 tasks", zh: "共 12 个任务"},
	{name: "board-with-details", path: board, environ: []string{"TASK_DETAILS=on"}, status: 200, en: "12 tasks", zh: "共 12 个任务"},
	{name: "board-done", path: at("/tasks?id=t-shfqw1u1edszvxw5abcd,t-sh6tceylhvgejpipabcd"), status: 200, en: "2 tasks: 1 failed, 1 succeeded", zh: "共 2 个任务"},

	{name: "recent", path: at("/tasks"), environ: []string{"RECENT_TASKS=on"}, status: 200, en: "7 tasks in the last 24 hours", zh: "有 7 个任务"},
	{name: "recent-filtered", path: at("/tasks?days=7&status=Failed&type=CreateAccessAssignment"), environ: []string{"RECENT_TASKS=on"}, status: 200, en: "in the last 7 days", zh: "最近 7 天"},
	{name: "recent-none", path: at("/tasks?status=Success&type=DeleteAccessAssignment"), environ: []string{"RECENT_TASKS=on"}, status: 200, en: "No tasks in the last 24 hours", zh: "没有任务"},
	{name: "recent-off", path: at("/tasks"), environ: plain, status: 404, en: "Recent tasks are not listed here", zh: "此处不列出最近的任务"},

	{name: "bad-id", path: at("/tasks/T-42"), status: 400, en: "The request is not valid", zh: "请求无效"},
	{name: "unauthorized", path: at("/tasks/t-sh6tceylhvgejpipabcd"), status: 401, en: "Browsers cannot sign in here", zh: "此处未启用浏览器登录",
		environ: append([]string{"SIGNING_KEY="}, guarded...)},
	{name: "sign-in", path: at("/tasks/t-sh6tceylhvgejpipabcd"), status: 401, en: "Sign in to see this", zh: "请先登录", environ: guarded},
	{name: "sign-in-wrong", path: at("/sign-in"), status: 200, en: "Sign in", zh: "登录", environ: guarded, after: func(b *tab) {
		b.expect("responded with a status of 401")
		b.signIn("another token")
	}},
	{name: "signed-in", path: at("/sign-in?to=/tasks/t-shfqw1u1edszvxw5abcd"), status: 200, en: "Sign in", zh: "登录", environ: append([]string{"RECENT_TASKS=on"}, guarded...), after: func(b *tab) {
		b.signIn("a token")
	}},
	{name: "link-ended", path: at("/tasks/t-sh6tceylhvgejpipabcd?expires=1700000000&signature=x"), status: 401, en: "Sign in to see this", zh: "请先登录", environ: guarded},
	{name: "linked", path: linked("task t-shfqw1u1edszvxw5abcd"), status: 200, en: "failed after 1 s", zh: "授权失败", environ: guarded},
	{name: "linked-board", path: linked("task t-shfqw1u1edszvxw5abcd t-sh6tceylhvgejpipabcd"), status: 200, en: "2 tasks: 1 failed, 1 succeeded", zh: "共 2 个任务", environ: guarded},
	{name: "forbidden", path: at("/tasks/t-sh6tceylhvgejpipabcd?directory=d-00another0000"), status: 403, en: "Not allowed", zh: "不允许访问"},
	{name: "not-found", path: at("/tasks/t-sh0notknown000000000"), status: 404, en: "Task not found", zh: "未找到任务"},
	{name: "no-such-page", path: at("/nothing"), status: 404, en: "There is no such page", zh: "页面不存在"},
	{name: "refused", path: during("nopermission"), status: 502, en: "CloudSSO refused this function", zh: "云 SSO 拒绝了本函数的请求"},
	{name: "throttled", path: throttled, status: 503, en: "CloudSSO is busy", zh: "云 SSO 正在限流"},
	{name: "unconfigured", path: at("/tasks/t-sh6tceylhvgejpipabcd"), status: 503, en: "Nobody is let in yet", zh: "尚未配置访问方式",
		environ: []string{"ACCESS=token", "ACCESS_TOKENS="}},
	{name: "too-slow", path: during("stall"), status: 504, en: "CloudSSO took too long", zh: "云 SSO 响应超时"},
}

// TestPages shows every page in both languages, light and dark, and has it judged.
func TestPages(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	var documents documentSet
	t.Run("shown", func(t *testing.T) {
		for _, tag := range []string{"en-US", "zh-CN"} {
			t.Run(tag[:2], func(t *testing.T) {
				t.Parallel()
				// To open a tab takes longer than to show a page.
				b := browser(t, language(tag))
				for _, p := range pages {
					t.Run(p.name, func(t *testing.T) {
						if p.options != nil || p.after != nil { // which is of no use to others then
							showPage(browser(t, append(p.options, language(tag))...), p, &documents)
							return
						}
						b := b.within(t)
						showPage(b, p, &documents)
						b.complain()
						// Before its machine ends: a page that still asks would be answered with an error.
						b.open("about:blank")
						b.flush()
						b.forget()
					})
				}
			})
		}
	})
	t.Run("valid", func(t *testing.T) { checkValid(t, &documents) })
}

func showPage(b *tab, p page, documents *documentSet) {
	t := b.t
	m := newMachine(t, p.environ...)
	if p.status != 200 {
		b.expect(fmt.Sprintf("responded with a status of %d", p.status))
	}
	if status := b.open(m.front + p.path(t, m)); status != p.status {
		t.Errorf("status %d, want %d", status, p.status)
	}
	short := b.setup.language[:2]
	if got, want := b.text("h1"), either(short == "zh", p.zh, p.en); !strings.Contains(got, want) {
		t.Errorf("the heading is %q, want %q in it", got, want)
	}
	documents.add(p.name+"."+short+".served", b.served())
	if p.after != nil {
		p.after(b)
	}
	documents.add(p.name+"."+short+".live", "<!DOCTYPE html>\n"+evaluate[string](b, `document.documentElement.outerHTML`))
	checkReflow(b)

	for _, s := range []string{"light", "dark"} {
		t.Run(s, func(t *testing.T) {
			b := b.within(t)
			b.change(scheme(s))
			if *pictures != "" {
				for _, width := range []int{360, 1100} {
					b.change(viewport(width, 800))
					b.screenshot(filepath.Join(*pictures, fmt.Sprintf("%s.%s.%s.%d.png", p.name, short, s, width)))
				}
			}
			checkAccessible(b, either(s == "light", allRules, colourRules))
		})
	}
}
