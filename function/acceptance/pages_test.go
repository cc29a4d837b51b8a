package acceptance

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
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
	// path brings the state about and returns where the page is.
	path   func(*testing.T, *machine) string
	status int
	en, zh string // in the page's first heading
}

// at is the path of a page that needs nothing done.
func at(path string) func(*testing.T, *machine) string {
	return func(*testing.T, *machine) string { return path }
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

// pages are all that there are to see. Each has a machine of its own, so that
// what one does to it is not seen on another.
var pages = []page{
	{name: "index", path: at("/"), status: 200, en: "Did it work?", zh: "成功了吗？"},
	{name: "open", path: at("/tasks/t-sh5k4gesm6twlrqbabcd"), status: 200, en: "being provisioned", zh: "正在部署访问配置"},
	{name: "success", path: at("/tasks/t-sh6tceylhvgejpipabcd"), status: 200, en: "Access was assigned", zh: "授权成功"},
	{name: "failed", path: at("/tasks/t-shfqw1u1edszvxw5abcd"), status: 200, en: "failed after 1 s", zh: "授权失败"},
	{name: "board", path: board, status: 200, en: "12 tasks", zh: "共 12 个任务"},
	{name: "bad-id", path: at("/tasks/T-42"), status: 400, en: "The request is not valid", zh: "请求无效"},
	{name: "unauthorized", path: at("/tasks/t-sh6tceylhvgejpipabcd"), status: 401, en: "An access token is needed", zh: "需要访问令牌",
		environ: []string{"ACCESS=token", fmt.Sprintf("ACCESS_TOKENS=tester:%x", sha256.Sum256([]byte("a token")))}},
	{name: "not-found", path: at("/tasks/t-sh0notknown000000000"), status: 404, en: "Task not found", zh: "未找到任务"},
	{name: "refused", path: during("nopermission"), status: 502, en: "CloudSSO refused this function", zh: "云 SSO 拒绝了本函数的请求"},
	{name: "throttled", path: during("throttle400"), status: 503, en: "CloudSSO is busy", zh: "云 SSO 正在限流"},
	{name: "too-slow", path: during("stall"), status: 504, en: "CloudSSO took too long", zh: "云 SSO 响应超时"},
}

// TestPages shows every page in both languages, light and dark, and has it judged.
func TestPages(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	var documents documentSet
	t.Run("shown", func(t *testing.T) {
		for _, p := range pages {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				m := newMachine(t, p.environ...)
				url := m.front + p.path(t, m)
				t.Run("en", func(t *testing.T) { showPage(t, p, url, "en-US", p.en, &documents) })
				t.Run("zh", func(t *testing.T) { showPage(t, p, url, "zh-CN", p.zh, &documents) })
			})
		}
	})
	t.Run("valid", func(t *testing.T) { checkValid(t, &documents) })
}

func showPage(t *testing.T, p page, url, tag, heading string, documents *documentSet) {
	b := browser(t, language(tag))
	if p.status != 200 {
		b.expect(fmt.Sprintf("responded with a status of %d", p.status))
	}
	if status := b.open(url); status != p.status {
		t.Errorf("status %d, want %d", status, p.status)
	}
	if got := b.text("h1"); !strings.Contains(got, heading) {
		t.Errorf("the heading is %q, want %q in it", got, heading)
	}
	short, _, _ := strings.Cut(tag, "-")
	documents.add(p.name+"."+short+".served", b.served())
	documents.add(p.name+"."+short+".live", "<!DOCTYPE html>\n"+evaluate[string](b, `document.documentElement.outerHTML`))

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
			checkAccessible(b)
		})
	}
}
