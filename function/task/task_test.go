package task

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	types    = []Type{ProvisionAccessConfiguration, DeprovisionAccessConfiguration, CreateAccessAssignment, DeleteAccessAssignment, "Unheard"}
	statuses = []Status{InProgress, Success, Failed, "Unheard"}
	users    = []PrincipalType{User, Group, "Unheard"}
	kinds    = []Kind{Internal, Invalid, Forbidden, NotFound, Refused, Throttled, Upstream, Timeout}
)

func at(second int) time.Time { return time.Date(2021, 11, 5, 2, 58, second, 0, time.UTC) }

func TestElapsed(t *testing.T) {
	for _, test := range []struct {
		name string
		task Task
		now  time.Time
		want time.Duration
	}{
		{"done", Task{Status: Success, Start: at(7), End: at(8)}, at(50), time.Second},
		{"done, no end given", Task{Status: Failed, Start: at(7)}, at(50), 0},
		{"running", Task{Status: InProgress, Start: at(7)}, at(17), 10 * time.Second},
		{"running, an end given all the same", Task{Status: InProgress, Start: at(7), End: at(8)}, at(17), 10 * time.Second},
		{"not begun", Task{Status: InProgress}, at(17), 0},
		{"begins in the future: our clock is behind", Task{Status: InProgress, Start: at(7)}, at(3), 0},
		{"ends before it begins", Task{Status: Success, Start: at(8), End: at(7)}, at(50), 0},
		{"unknown state counts as running", Task{Status: "Paused", Start: at(7)}, at(9), 2 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.task.Elapsed(test.now); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestDone(t *testing.T) {
	for status, want := range map[Status]bool{Success: true, Failed: true, InProgress: false, "": false, "success": false, "Cancelled": false} {
		if got := (Task{Status: status}).Done(); got != want {
			t.Errorf("%q: done is %v, want %v", status, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for _, test := range []struct {
		name string
		task Task
		age  time.Duration
		want time.Duration
	}{
		{"just begun", Task{Status: InProgress, Start: at(0)}, 0, time.Second},
		{"10 s, less a bit", Task{Status: InProgress, Start: at(0)}, 10*time.Second - 1, time.Second},
		{"10 s", Task{Status: InProgress, Start: at(0)}, 10 * time.Second, 3 * time.Second},
		{"1 min, less a bit", Task{Status: InProgress, Start: at(0)}, time.Minute - 1, 3 * time.Second},
		{"1 min", Task{Status: InProgress, Start: at(0)}, time.Minute, 10 * time.Second},
		{"5 min", Task{Status: InProgress, Start: at(0)}, 5 * time.Minute, 30 * time.Second},
		{"30 min", Task{Status: InProgress, Start: at(0)}, 30 * time.Minute, time.Minute},
		{"a week", Task{Status: InProgress, Start: at(0)}, 7 * 24 * time.Hour, time.Minute},
		{"begins in the future", Task{Status: InProgress, Start: at(0)}, -time.Hour, time.Second},
		{"no start given", Task{Status: InProgress}, 0, 3 * time.Second},
		{"unknown state", Task{Status: "Paused", Start: at(0)}, 0, time.Second},
		{"done", Task{Status: Success, Start: at(0), End: at(1)}, 0, 0},
		{"failed", Task{Status: Failed, Start: at(0), End: at(1)}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.task.RetryAfter(at(0).Add(test.age)); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestNextLook is about a look at several tasks: the most impatient sets the pace,
// and what cannot change has no part in it.
func TestNextLook(t *testing.T) {
	var (
		young     = Result{Task: Task{Status: InProgress, Start: at(0)}}
		old       = Result{Task: Task{Status: InProgress, Start: at(0).Add(-time.Hour)}}
		done      = Result{Task: Task{Status: Success, Start: at(0), End: at(1)}}
		notFound  = Result{Err: &Error{Kind: NotFound}}
		refused   = Result{Err: &Error{Kind: Refused, RetryAfter: time.Second}}
		upstream  = Result{Err: &Error{Kind: Upstream}}
		throttled = Result{Err: &Error{Kind: Throttled, RetryAfter: 20 * time.Second}}
		unknown   = Result{Task: Task{Status: "Paused", Start: at(0)}}
		seen      = Result{Task: Task{Status: Success}, Err: &Error{Kind: Timeout}}
	)
	for _, test := range []struct {
		name    string
		results []Result
		want    time.Duration
	}{
		{"nothing", nil, 0},
		{"all done", []Result{done, done}, 0},
		{"not to be had", []Result{notFound, refused}, 0},
		{"one open", []Result{done, young, notFound}, time.Second},
		{"the younger comes first", []Result{young, old}, time.Second},
		{"the younger comes last", []Result{old, young}, time.Second},
		{"all old", []Result{old, old}, time.Minute},
		{"unknown state", []Result{unknown}, time.Second},
		{"no answer", []Result{upstream, done}, 3 * time.Second},
		{"throttled, as long as was asked for", []Result{throttled}, 20 * time.Second},
		{"throttled and open", []Result{throttled, young}, time.Second},
		{"no answer, though it is known how it stood", []Result{seen}, 3 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := NextLook(test.results, at(5)); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			for _, r := range test.results {
				if alone := NextLook([]Result{r}, at(5)); r.CanChange() != (alone > 0) {
					t.Errorf("%+v: can change %v, but the next look is after %v", r, r.CanChange(), alone)
				}
			}
		})
	}
}

// TestTextsInBothLanguages fails on a text that is missing in a language, and
// on one that is left in the other.
func TestTextsInBothLanguages(t *testing.T) {
	check := func(what string, text Text, known bool) {
		t.Helper()
		if text.In(English) == "" || text.In(Chinese) == "" {
			t.Errorf("%s: %+v lacks a language", what, text)
		}
		if known && text.In(English) == text.In(Chinese) {
			t.Errorf("%s: %+v is the same in both", what, text)
		}
	}
	for _, typ := range types {
		check(string(typ), typ.Text(), typ != "Unheard")
		for _, status := range statuses {
			one := Task{Type: typ, Status: status, Start: at(7), End: at(8)}
			check(fmt.Sprint(typ, status), one.Sentence(at(9)), true)
		}
	}
	for _, status := range statuses {
		check(string(status), status.Text(), status != "Unheard")
		if status.Symbol() == "" {
			t.Errorf("%s has no symbol", status)
		}
	}
	for _, user := range users {
		check(string(user), user.Text(), user != "Unheard")
	}
	for _, kind := range kinds {
		check(kind.String()+" title", kind.Title(), true)
		check(kind.String()+" hint", kind.Hint(), true)
	}
	for _, hint := range hints {
		check(hint.keywords[0], hint.text, true)
	}
}

func TestSentence(t *testing.T) {
	for _, test := range []struct {
		name   string
		task   Task
		en, zh string
	}{
		{"success", Task{Type: CreateAccessAssignment, Status: Success, Start: at(7), End: at(8)},
			"Access was assigned in 1 s", "授权成功，用时 1 秒"},
		{"failed", Task{Type: DeleteAccessAssignment, Status: Failed, Start: at(7), End: at(7)},
			"Access was not removed: failed after less than 1 s", "移除授权失败，用时不到 1 秒"},
		{"running", Task{Type: ProvisionAccessConfiguration, Status: InProgress, Start: at(0)},
			"The access configuration is being provisioned, for 10 s", "正在部署访问配置，已用时 10 秒"},
		{"running, for the last that is one digit", Task{Type: CreateAccessAssignment, Status: InProgress, Start: at(1)},
			"Access is being assigned, for 9 s", "正在授权，已用时 9 秒"},
		{"no times", Task{Type: DeprovisionAccessConfiguration, Status: Success},
			"The access configuration was de-provisioned", "解除访问配置部署成功"},
		{"unknown type", Task{Type: "RenameDirectory", Status: Failed},
			"The task did not succeed", "任务执行失败"},
		{"unknown state is never called success", Task{Type: CreateAccessAssignment, Status: "Paused"},
			"CloudSSO gives a state that is not known here: Paused", "云 SSO 返回了未知的状态：Paused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.task.Sentence(at(10))
			if got.En != test.en || got.Zh != test.zh {
				t.Errorf("got  %+v\nwant %+v", got, Text{test.en, test.zh})
			}
		})
	}
}

func TestHint(t *testing.T) {
	for _, test := range []struct{ reason, want string }{
		{"No Permission.", "AliyunServiceRoleForCloudSSO"},
		{"Access denied by control policy", "AliyunServiceRoleForCloudSSO"},
		{"The policy does not exist.", "deleted meanwhile"},
		{"EntityNotExists.Role", "deleted meanwhile"},
		{"EntityAlreadyExists.Role", "left over"},
		{"The maximum quota is exceeded", "RAM quota"},
		{"OperationConflict.Task", "Another task"},
		{"The account is suspended", "suspended, closed or overdue"},
		{"权限不足", "AliyunServiceRoleForCloudSSO"},
		{"该角色无权限执行此操作", "AliyunServiceRoleForCloudSSO"},
		{"权限策略 X 已存在", "left over"},
		{"权限策略数量超出配额", "RAM quota"},
		{"账号已停用", "suspended, closed or overdue"},
		{"The request processing has failed due to some unknown error.", ""},
		{"Internal error", ""},
		{"", ""},
	} {
		t.Run(test.reason, func(t *testing.T) {
			hint, ok := Hint(test.reason)
			if ok != (test.want != "") || !strings.Contains(hint.En, test.want) {
				t.Errorf("got %q (%v), want %q in it", hint.En, ok, test.want)
			}
		})
	}
}
