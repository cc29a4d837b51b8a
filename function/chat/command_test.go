package chat

import (
	"strings"
	"testing"

	"taskstatus/function/task"
)

func TestParseCommand(t *testing.T) {
	for _, test := range []struct {
		in   string
		want command
	}{
		{"task t-abcdef", command{verbTask, task.English, "t-abcdef", true}},
		{"  TASK: t-abcdef ", command{verbTask, task.English, "t-abcdef", true}},
		{"/task t-abcdef", command{verbTask, task.English, "t-abcdef", true}},
		{"@Bot task t-abcdef", command{verbTask, task.English, "t-abcdef", true}},
		{"@Bot @Other help", command{verbHelp, task.English, "", true}},
		{"@Bot", command{verbHelp, task.English, "", false}},
		{"@Bot\u2005failed", command{verbFailed, task.English, "", true}},
		{"@Bot\nfailed", command{verbFailed, task.English, "", true}},
		{"@Task Bot wait t-abcdef", command{verbWait, task.English, "t-abcdef", true}},
		{"@小助手 任务t-abcdef", command{verbTask, task.Chinese, "t-abcdef", true}},
		{"@Bot hello t-abcdef failed", command{verbTask, task.English, "hello t-abcdef failed", false}},
		{"hello failed", command{verbHelp, task.English, "hello failed", false}},
		{"任务t-abcdef", command{verbTask, task.Chinese, "t-abcdef", true}},
		{"任务：t-abcdef", command{verbTask, task.Chinese, "t-abcdef", true}},
		{"查询 t-abcdef EN", command{verbTask, task.English, "t-abcdef", true}},
		{"task t-abcdef zh", command{verbTask, task.Chinese, "t-abcdef", true}},
		{"zh", command{verbHelp, task.Chinese, "", false}},
		{"等待 t-abcdef", command{verbWait, task.Chinese, "t-abcdef", true}},
		{"wait\tt-abcdef", command{verbWait, task.English, "t-abcdef", true}},
		{"waiter t-abcdef", command{verbTask, task.English, "waiter t-abcdef", false}},
		{"failed", command{verbFailed, task.English, "", true}},
		{"最近", command{verbRecent, task.Chinese, "", true}},
		{"t-abcdef", command{verbTask, task.English, "t-abcdef", false}},
		{`{"TaskId":"t-abcdef"}`, command{verbTask, task.English, `{"TaskId":"t-abcdef"}`, false}},
		{"请看 t-abcdef", command{verbTask, task.Chinese, "请看 t-abcdef", false}},
		{"hello", command{verbHelp, task.English, "hello", false}},
		{"", command{verbHelp, task.English, "", false}},
	} {
		if got := parseCommand(test.in, task.English); got != test.want {
			t.Errorf("%q: got %+v, want %+v", test.in, got, test.want)
		}
	}
	if got := parseCommand("task t-abcdef", task.Chinese); got.language != task.Chinese {
		t.Error("the platform's language is lost")
	}
}

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{"task t-abcdef", "@", "/", "任务", "en", " zh", "wait：t-abcdef en", "\xff", "@ @ @"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := parseCommand(text, task.English)
		if !strings.Contains(text, c.text) || c.verb.String() == "" {
			t.Errorf("%q: got %+v", text, c)
		}
		if ids := task.FindIDs(text); len(ids) > 0 && !c.named && c.verb == verbHelp && !strings.HasPrefix(strings.TrimSpace(text), "@") {
			t.Errorf("%q: the ids %v are lost", text, ids)
		}
	})
}

func TestDirectoryIn(t *testing.T) {
	shown := []task.DirectoryID{"d-abcdef1", "d-abcdef12"}
	for _, test := range []struct {
		in   string
		want task.DirectoryID // empty: refused
		rest string
	}{
		{"t-abcdef", "d-abcdef1", "t-abcdef"},
		{"t-abcdef d-abcdef12", "d-abcdef12", "t-abcdef  "},
		{"https://x/tasks/t-abcdef?directory=d-abcdef12&lang=en", "d-abcdef12", "https://x/tasks/t-abcdef?directory= &lang=en"},
		{"t-abcdef d-999999", "", ""},
		{"t-abcdef rd-abcdef d-x cloud-d-abcdef1", "d-abcdef1", "t-abcdef rd-abcdef d-x cloud-d-abcdef1"},
	} {
		got, rest, err := directoryIn(test.in, shown)
		if got != test.want || rest != test.rest || (err != nil) != (test.want == "") || err != nil && task.KindOf(err) != task.Forbidden {
			t.Errorf("%q: got %q, %q (%v)", test.in, got, rest, err)
		}
	}
}
