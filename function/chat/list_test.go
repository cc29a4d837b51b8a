package chat

import (
	"slices"
	"strings"
	"testing"
	"time"

	"taskstatus/function/task"
)

func TestLists(t *testing.T) {
	b, known := newBot(t, "http://127.0.0.1:1")
	for i := range 12 {
		one := task.Task{ID: task.ID("t-listed" + string(rune('a'+i))), Type: task.CreateAccessAssignment, Status: task.Success, Start: noon.Add(time.Duration(i) * -time.Minute),
			Details: &task.Details{PrincipalName: "Alice", TargetName: "dev-test", AccessConfigurationName: "ECS-Admin"}}
		if i%2 == 1 {
			one.Status, one.FailureReason = task.Failed, "No Permission."
		}
		known.list.Tasks = append(known.list.Tasks, one)
	}
	slices.Reverse(known.list.Tasks)
	known.list.Total, known.list.RequestID = 40, "REQ-3"
	got, err := asked(b, "slack", slackCall("", "recent", noon, nil))
	for _, want := range []string{"Tasks of the last 24 hours: 40", "t-listeda", "t-listedj", "and 30 more", "Alice · dev-test · ECS-Admin", `"url":"https://status.example.com/tasks"`, "2026-11-24 12:00:00 +08:00"} {
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("%q is not in %s (%v)", want, got, err)
		}
	}
	if r := known.requests[0]; r.Directory != directory || r.MaxResults != task.MaxPage || r.Status != "" || known.times[0] > lookTimeout {
		t.Errorf("asked for %+v with %v", r, known.times[0])
	}
	if strings.Contains(got, "t-listedk") || strings.Index(got, "t-listeda") > strings.Index(got, "t-listedb") {
		t.Errorf("not the latest first: %s", got)
	}
	got, err = asked(b, "slack", slackCall("", "失败", noon, nil))
	if err != nil || !strings.Contains(got, "最近 24 小时有 6 个任务失败") || strings.Contains(got, "t-listeda") || !strings.Contains(got, "/tasks?status=Failed") || !strings.Contains(got, "❌") || !strings.Contains(got, "请求 ID REQ-3") {
		t.Errorf("got %s (%v)", got, err)
	}
	known.err = &task.Error{Kind: task.Throttled}
	if got, err = asked(b, "slack", slackCall("", "failed", noon, nil)); err != nil || !strings.Contains(got, "CloudSSO is busy") {
		t.Errorf("throttled: got %s (%v)", got, err)
	}
	b.Lister = nil
	if got, err = asked(b, "slack", slackCall("", "recent", noon, nil)); err != nil || !strings.Contains(got, "RECENT_TASKS=on") {
		t.Errorf("turned off: got %s (%v)", got, err)
	}
}
