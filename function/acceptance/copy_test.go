package acceptance

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// The tests that copy are not parallel: there is one clipboard.

// hardReason is a failure reason that something may easily be done to on its way.
const hardReason = "No Permission.\n  <b>at</b>\tline 2 & more"

func failedTask(t *testing.T, m *machine) string {
	t.Helper()
	return m.createTask(t, url.Values{"seconds": {"65"}, "age": {"600"}, "status": {"Failed"}, "type": {"CreateAccessAssignment"}, "reason": {hardReason}})
}

func TestCopy(t *testing.T) {
	id := failedTask(t, here)
	address := here.front + "/tasks/" + id
	for _, test := range []struct {
		action, want string
	}{
		{"link", address}, {"reason", hardReason},
	} {
		t.Run(test.action, func(t *testing.T) {
			b := browser(t, script(spy))
			b.open(address)
			button := "[data-action=" + test.action + "]"
			b.click(button)
			b.wait(`seen.said.length > 0`)
			if got := b.clipboard(); got != test.want {
				t.Errorf("the clipboard has %q, want %q", got, test.want)
			}
			if said := b.text("#say"); said != "Copied" {
				t.Errorf("it tells %q", said)
			}
			if shown := evaluate[string](b, `getComputedStyle(document.querySelector("`+button+`"), "::after").content`); !strings.Contains(shown, "Copied") {
				t.Errorf("the button shows %s", shown)
			}
			checkFocusIsNotLost(b)
		})
	}
}

func TestCopyReport(t *testing.T) {
	const (
		times  = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\+8`
		number = `[0-9A-F-]{36}`
	)
	id := failedTask(t, here)
	address := here.front + "/tasks/" + id
	q := regexp.QuoteMeta
	for _, test := range []struct {
		language string
		lines    []string // patterns of whole lines
	}{
		{"en-US", []string{
			q("Access was not assigned: failed after 1 min 5 s"),
			q("Failure reason as CloudSSO gave it"),
			q(hardReason),
			q("What it may be (our guess)"),
			q("The service-linked role AliyunServiceRoleForCloudSSO may be missing in the account, ") + ".*",
			q("Status: ✕ Failed Failed"),
			q("Type: Assign access to an account CreateAccessAssignment"),
			"Who: .+ [ug]-[0-9a-z]+ (User|Group)",
			`Account: .+ \d{16} .+/.+`,
			"Access configuration: .+ ac-[0-9a-z]+",
			q("Task: " + id),
			"Started: " + times,
			"Ended: " + times,
			q("Duration: 1 min 5 s"),
			"Last checked: " + times,
			q("Directory: " + directory),
			"CloudSSO request: " + number,
			q(address),
			"",
		}},
		{"zh-CN", []string{
			q("授权失败，用时 1 分 5 秒"),
			q("失败原因 云 SSO 返回的原文"),
			q(hardReason),
			q("可能的原因（仅供参考）"),
			q("目标账号中可能缺少服务关联角色 AliyunServiceRoleForCloudSSO") + ".*",
			"状态.*✕ 执行失败 Failed",
			"类型.*在 RD 账号上授权 CreateAccessAssignment",
			"授权对象.+",
			"账号.+",
			"访问配置.+",
			"任务.*" + id,
			"开始时间.*" + times,
			"结束时间.*" + times,
			"用时.*1 分 5 秒",
			"上次查询.*" + times,
			"目录.*" + directory,
			"云 SSO 请求 ID.*" + number,
			q(address),
			"",
		}},
	} {
		t.Run(test.language, func(t *testing.T) {
			b := browser(t, language(test.language), timeZone("Asia/Shanghai"))
			b.open(address)
			b.click("[data-action=report]")
			b.wait(`document.querySelector("#say").textContent`)
			report := b.clipboard()
			if !regexp.MustCompile("^" + strings.Join(test.lines, "\n") + "$").MatchString(report) {
				t.Errorf("the report is\n%s\nwant lines like\n%s", report, strings.Join(test.lines, "\n"))
			}
		})
	}
}

// TestCopyBoardReport: the reason is CloudSSO's own words there too.
func TestCopyBoardReport(t *testing.T) {
	id := failedTask(t, here)
	address := here.front + "/tasks?id=" + id + ",t-sh6tceylhvgejpipabcd"
	b := browser(t)
	b.open(address)
	b.click("[data-action=report]")
	b.wait(`document.querySelector("#say").textContent`)
	report := b.clipboard()
	for _, want := range []string{
		"2 tasks: 1 failed, 1 succeeded\n", "✕ Failed Access was not assigned: failed after 1 min 5 s", id, hardReason,
		"✓ Success Access was assigned in 2 s", "t-sh6tceylhvgejpipabcd", "/tasks?id=" + id,
	} {
		if !strings.Contains(report, want) {
			t.Errorf("%q is not in the report\n%s", want, report)
		}
	}
}

// TestCopyByHand selects all facts: what stands apart must not be glued together.
func TestCopyByHand(t *testing.T) {
	b := browser(t, timeZone("Asia/Shanghai"))
	b.open(fmt.Sprintf("%s/tasks/%s", here.front, here.createTask(t, every30s)))
	selected := evaluate[string](b, `getSelection().selectAllChildren(document.querySelector("#facts")), getSelection().toString()`)
	for _, glued := range []string{`progress\S`, `UTC\d`, `UTC\+8\S`, `UTCnow`} {
		if found := regexp.MustCompile(`.*` + glued + `.*`).FindString(selected); found != "" {
			t.Errorf("a selection reads %q", found)
		}
	}
}
