package task

import (
	"context"
	"errors"
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

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                            "less than 1 s",
		999 * time.Millisecond:       "less than 1 s",
		time.Second:                  "1 s",
		59*time.Second + 999_999_999: "59 s",
		65 * time.Second:             "1 min 5 s",
		time.Hour - 1:                "59 min 59 s",
		time.Hour:                    "1 h 0 min",
		50*time.Hour + time.Minute:   "50 h 1 min",
	} {
		if got := DurationText(d).En; got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
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

func TestError(t *testing.T) {
	cause := errors.New("connection reset")
	err := fmt.Errorf("look: %w", &Error{Kind: Upstream, Detail: Text{"for you", "给您"}, Cause: cause})
	if got, want := err.Error(), "look: upstream: for you: connection reset"; got != want {
		t.Errorf("log text %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is not in the chain")
	}
	if got, want := (&Error{Kind: Timeout}).Error(), "timeout"; got != want {
		t.Errorf("log text %q, want %q", got, want)
	}
}

func TestKindOf(t *testing.T) {
	for _, test := range []struct {
		name      string
		err       error
		want      Kind
		retryable bool
	}{
		{"ours, wrapped", fmt.Errorf("look: %w", &Error{Kind: Throttled}), Throttled, true},
		{"a deadline", fmt.Errorf("look: %w", context.DeadlineExceeded), Timeout, true},
		{"upstream", &Error{Kind: Upstream}, Upstream, true},
		{"not found", &Error{Kind: NotFound}, NotFound, false},
		{"refused", &Error{Kind: Refused}, Refused, false},
		{"canceled says nothing", context.Canceled, Internal, false},
		{"anything else", errors.New("x"), Internal, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			kind := KindOf(test.err)
			if kind != test.want || kind.Retryable() != test.retryable {
				t.Errorf("got %v, retryable %v; want %v, %v", kind, kind.Retryable(), test.want, test.retryable)
			}
		})
	}
}

func TestLanguageTag(t *testing.T) {
	if English.Tag() != "en" || Chinese.Tag() != "zh-CN" {
		t.Errorf("got %q and %q", English.Tag(), Chinese.Tag())
	}
}

// TestUnknownWords: CloudSSO's words that are not known here are shown as they are,
// and what does not show in them is.
func TestUnknownWords(t *testing.T) {
	const word, shown = "Pau\u202esed \x1b[31m\n!", "Pau\ufffdsed \ufffd[31m !"
	for name, got := range map[string]Text{
		"status":         Status(word).Text(),
		"type":           Type(word).Text(),
		"principal type": PrincipalType(word).Text(),
	} {
		if want := (Text{shown, shown}); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := (Task{Status: word}).Sentence(time.Time{}); got.En != "CloudSSO gives a state that is not known here: "+shown || got.Zh != "云 SSO 返回了未知的状态："+shown {
		t.Errorf("the sentence is %q", got)
	}
}
