package site

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"taskstatus/function/task"
)

func TestNotice(t *testing.T) {
	result := func(id task.ID, status task.Status) task.Result {
		r := task.Task{ID: id, Directory: directory, Type: task.CreateAccessAssignment, Status: status, Start: at(7)}
		if status != task.InProgress {
			r.End = at(8)
		}
		return task.Result{ID: id, Task: r}
	}
	many := make([]task.Result, 300)
	for i := range many {
		many[i] = result(task.ID(fmt.Sprintf("t-many%016d", i)), task.Failed)
	}
	const one = `{"taskId":"t-shfailed0000000000a","directoryId":"d-00fc2p61abcd","taskType":"CreateAccessAssignment","status":"Failed","done":true,` +
		`"startTime":"2021-11-05T02:58:07Z","endTime":"2021-11-05T02:58:08Z","durationSeconds":1,"url":"https://status.example.com/tasks/t-shfailed0000000000a"}`
	for name, test := range map[string]struct {
		notice task.Notice
		want   string
	}{
		"ended": {task.Notice{ID: "msg_1", Kind: task.NoticeEnded, Directory: directory, Results: []task.Result{result(failed, task.Failed)}},
			`{"type":"tasks.ended","timestamp":"2021-11-05T02:58:08Z","data":{"directoryId":"d-00fc2p61abcd","tasks":[` + one + `],"done":true,"counts":{"failed":1,"inProgress":0,"success":0,"unknown":0}}}`},
		"not known": {task.Notice{Kind: task.NoticeOpen, Directory: directory, Results: []task.Result{{ID: failed, Err: &task.Error{Kind: task.NotFound}}}},
			`{"type":"tasks.open","timestamp":"2021-11-05T02:58:17Z","data":{"directoryId":"d-00fc2p61abcd","tasks":[{"taskId":"t-shfailed0000000000a","problem":{"type":"/problems/not-found","title":"Task not found","status":404,` +
				`"hint":"Compare the id with the one you were given. A task of another directory or region, or one that CloudSSO no longer keeps, is not found either.","retryable":false}}],"done":true,"counts":{"failed":0,"inProgress":0,"success":0,"unknown":1}}}`},
		"digest": {task.Notice{Kind: task.NoticeDigest, Directory: directory, Results: []task.Result{result(failed, task.Failed)}, Succeeded: 12, From: at(0).Add(-24 * time.Hour), To: at(0)},
			`{"type":"tasks.digest","timestamp":"2021-11-05T02:58:00Z","data":{"directoryId":"d-00fc2p61abcd","from":"2021-11-04T02:58:00Z","to":"2021-11-05T02:58:00Z","tasks":[` + one + `],"done":true,"counts":{"failed":1,"inProgress":0,"success":12,"unknown":0}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newSite()
			if got := string(encode(s.Notice(test.notice))); got != test.want+"\n" {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
	s, _ := newSite()
	body := encode(s.Notice(task.Notice{Kind: task.NoticeSweep, Directory: directory, Results: many, From: at(0), To: at(1)}))
	var got NoticeDocument
	if err := json.Unmarshal(body, &got); err != nil || len(got.Data.Tasks) != maxNoticed || got.Data.Omitted != 260 || got.Data.Counts.Failed != 300 || len(body) > 20<<10 {
		t.Errorf("%d tasks, %d omitted, %d counted, in %d bytes, %v", len(got.Data.Tasks), got.Data.Omitted, got.Data.Counts.Failed, len(body), err)
	}
}
