package chat

import (
	"net/http"
	"net/url"
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

// FuzzOpen: no body of a call, signed or not, is too strange for a platform: it
// is refused or read, and one that is not signed is never read.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"msgId":"1","text":{"content":"x"},"chatbotCorpId":"dingcorp","robotCode":"dingrobot"}`))
	f.Add([]byte(`team_id=T1&text=help`))
	f.Add([]byte(`{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}`))
	f.Add([]byte(`{"schema":"2.0","header":{"token":"feishu-verification-0123456789","app_id":"cli_app","tenant_key":"tenant","event_type":"im.message.receive_v1"},"event":{"message":{"message_id":"1","content":"{}","mentions":[{"key":""}]}}}`))
	f.Add([]byte(`{"msgid":"1","msgtype":"text","text":{"content":"@Bot"}}`))
	f.Add([]byte{})
	platforms := opened(f, "http://127.0.0.1:1")
	f.Fuzz(func(t *testing.T, body []byte) {
		dingTalk := dingTalkCall("", "", noon, nil).Header
		sealed := wecomSeal(wecomAESKey, body, "")
		signed := map[string]call{
			"dingtalk": {method: http.MethodPost, header: dingTalk, body: body, now: noon},
			"slack":    {method: http.MethodPost, header: slackSigned(string(body), slackSecret, noon).Header, body: body, now: noon},
			"feishu":   {method: http.MethodPost, body: feishuEncrypt(feishuKey, body), now: noon},
			"wecom":    {method: http.MethodPost, query: wecomQuery(sealed, noon), body: jsonOf(map[string]string{"encrypt": sealed}), now: noon},
		}
		feishu := signed["feishu"]
		feishu.header = feishuSigned(feishu.body, feishuKey, noon).Header
		signed["feishu"] = feishu
		for name, c := range signed {
			q, err := platforms.find(name).open(c)
			if err != nil && (q.text != "" || q.response != nil) {
				t.Errorf("%s: refused, and read: %+v", name, q)
			}
			_, _ = platforms.find(name).open(call{method: http.MethodPost, header: c.header, query: c.query, body: body, now: noon})
			for _, unsigned := range [][]byte{body, c.body} {
				q, err := platforms.find(name).open(call{method: http.MethodPost, header: http.Header{}, query: url.Values{}, body: unsigned, now: noon})
				if err == nil && (name != "feishu" || q.response == nil) {
					t.Errorf("%s: read without a signature: %+v", name, q)
				}
			}
		}
	})
}

// FuzzDecrypt: what is not of the platform's making is an error, never a panic.
func FuzzDecrypt(f *testing.F) {
	f.Add("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=", "test key")
	f.Add("P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==", wecomAESKey)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, encrypted, key string) {
		_, _ = feishuDecrypt(key, encrypted)
		_, _, _ = wecomUnseal(key, encrypted)
		_, _, _ = wecomUnseal(wecomAESKey, encrypted)
	})
}
