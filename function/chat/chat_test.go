package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"taskstatus/function/task"
)

// told is what a bot says to a genuine call, wherever the platform has it said.
func told(t *testing.T, v *vendor, platform, response string) string {
	t.Helper()
	last := func(path string) string {
		posts := v.posted(path)
		if len(posts) == 0 {
			t.Fatalf("nothing was posted to %s", path)
		}
		return posts[len(posts)-1].body
	}
	switch platform {
	case "dingtalk":
		return last("/robot/sendBySession")
	case "feishu":
		v.mu.Lock()
		defer v.mu.Unlock()
		var reply struct{ Content string }
		if err := json.Unmarshal([]byte(v.posts[len(v.posts)-1].body), &reply); err != nil || reply.Content == "" {
			t.Fatalf("no reply: %v", err)
		}
		return reply.Content
	case "wecom":
		return wecomAnswer(t, response)
	}
	return response
}

// TestAnswers asks everything on every platform.
func TestAnswers(t *testing.T) {
	for platform, call := range callers {
		for _, test := range []struct {
			name, text string
			want       []string
		}{
			{"a task that failed", "task " + string(failedID) + " en", []string{"❌", "Failed", "Assign access to an account", string(failedID), "No Permission.", "What may have caused it", "AliyunServiceRoleForCloudSSO", "2026-11-24 11:59:50 +08:00", "2 s", "https://status.example.com/tasks/" + string(failedID), "Open the page", "REQ-1"}},
			{"in Chinese", "任务 " + string(failedID), []string{"❌", "执行失败", "在 RD 账号上授权", "No Permission.", "可能的原因", "失败原因", "打开页面", "2 秒"}},
			{"no space after a Chinese verb", "任务" + string(doneID), []string{"✅", "执行成功", string(doneID)}},
			{"a bare link", "https://status.example.com/tasks/" + string(doneID), []string{"✅", string(doneID)}},
			{"the CLI's JSON", `{"Task":{"TaskId":"` + string(openID) + `"}}`, []string{"⏳", string(openID)}},
			{"several", "TASKS " + string(doneID) + " " + string(failedID) + " " + string(openID) + " EN", []string{"❌", "3 tasks: 1 failed, 1 in progress, 1 succeeded", string(doneID), string(failedID), string(openID), "No Permission.", "/tasks?id=" + string(doneID) + "," + string(failedID) + "," + string(openID)}},
			{"CloudSSO is slow", "task " + string(slowID) + " en", []string{"⏳", "Still checking", "/tasks/" + string(slowID)}},
			{"an unknown task", "/task " + string(lostID) + " en", []string{"❔", "Task not found", "CloudSSO knows no task " + string(lostID), "REQ-2"}},
			{"a masked id", "task t-shfqw1u1edszvxw5**** en", []string{"masked with asterisks"}},
			{"no id", "task en", []string{"no task id is in what was sent"}},
			{"too many", "task " + strings.Repeat("t-abcdefa", 1) + manyIDs(21) + " en", []string{"are too many for one message: it takes 20"}},
			{"help", "help en", []string{"What you can ask", "wait t-…"}},
			{"help, in Chinese", "帮助", []string{"可以这样问", "等待 t-…"}},
			{"nonsense", "lorem ipsum", []string{"t-…"}},
			{"nothing failed", "failed en", []string{"No task failed in the last 24 hours", "✅"}},
			{"nothing happened", "recent zh", []string{"最近 24 小时没有任务"}},
		} {
			t.Run(platform+" "+test.name, func(t *testing.T) {
				v := newVendor(t)
				b, _ := newBot(t, v.URL)
				response, err := asked(b, platform, call(v.URL, test.text))
				if err != nil {
					t.Fatal(err)
				}
				got := told(t, v, platform, response)
				for _, want := range test.want {
					if !strings.Contains(got, want) {
						t.Errorf("%q is not in %s", want, got)
					}
				}
			})
		}
	}
}

func manyIDs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" t-abcdef" + string(rune('a'+i)))
	}
	return b.String()
}

// TestRefusals: whoever cannot prove to be the platform learns nothing, and
// nothing is done.
func TestRefusals(t *testing.T) {
	reread := func(r *http.Request, change func(string) string) *http.Request {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(change(string(body))))
		return r
	}
	tamper := func(body string) string { return strings.Replace(body, "a", "b", 1) }
	oversized := func(body string) string { return body + strings.Repeat(" ", maxBody) }
	text := "task " + string(failedID)
	at := "http://127.0.0.1:1"
	for _, test := range []struct {
		name, platform string
		request        func() *http.Request
	}{
		{"the sign of another secret", "dingtalk", func() *http.Request {
			r := dingTalkCall(at, text, noon, nil)
			r.Header.Set("sign", dingTalkSign("another-secret-0123456789", r.Header.Get("timestamp")))
			return r
		}},
		{"the time changed", "dingtalk", func() *http.Request {
			r := dingTalkCall(at, text, noon, nil)
			r.Header.Set("timestamp", "1795492800001")
			return r
		}},
		{"stale", "dingtalk", func() *http.Request { return dingTalkCall(at, text, noon.Add(-dingTalkWindow-time.Second), nil) }},
		{"from the future", "dingtalk", func() *http.Request { return dingTalkCall(at, text, noon.Add(dingTalkWindow+time.Second), nil) }},
		{"no headers", "dingtalk", func() *http.Request {
			r := dingTalkCall(at, text, noon, nil)
			r.Header = http.Header{}
			return r
		}},
		{"another company's robot", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { m["chatbotCorpId"] = "dingother" })
		}},
		{"a sender of another company", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { m["senderCorpId"] = "dingother" })
		}},
		{"no company", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { delete(m, "chatbotCorpId") })
		}},
		{"another robot", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { m["robotCode"] = "dingother" })
		}},
		{"no id", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { delete(m, "msgId") })
		}},
		{"not JSON", "dingtalk", func() *http.Request {
			return reread(dingTalkCall(at, text, noon, nil), func(string) string { return "x" })
		}},
		{"oversized", "dingtalk", func() *http.Request { return reread(dingTalkCall(at, text, noon, nil), oversized) }},

		{"tampered", "feishu", func() *http.Request { return reread(feishuCall(text, noon, nil), tamper) }},
		{"the signature of another key", "feishu", func() *http.Request {
			return feishuSigned(feishuEncrypt(feishuKey, []byte("{}")), "another-key-0123456789", noon)
		}},
		{"encrypted with another key", "feishu", func() *http.Request {
			return feishuSigned(feishuEncrypt("another-key-0123456789", []byte("{}")), feishuKey, noon)
		}},
		{"stale", "feishu", func() *http.Request { return feishuCall(text, noon.Add(-feishuWindow-time.Second), nil) }},
		{"a time that is none", "feishu", func() *http.Request {
			r := feishuCall(text, noon, nil)
			body, _ := io.ReadAll(r.Body)
			r.Header.Set("X-Lark-Request-Timestamp", "now")
			r.Header.Set("X-Lark-Signature", feishuSign("now", "nonce", feishuKey, body))
			r.Body = io.NopCloser(bytes.NewReader(body))
			return r
		}},
		{"no signature", "feishu", func() *http.Request {
			r := feishuCall(text, noon, nil)
			r.Header = http.Header{}
			return r
		}},
		{"not encrypted", "feishu", func() *http.Request { return feishuSigned([]byte(`{"schema":"2.0"}`), feishuKey, noon) }},
		{"another verification token", "feishu", func() *http.Request {
			return feishuCall(text, noon, func(e, _ map[string]any) { e["header"].(map[string]any)["token"] = "x" })
		}},
		{"no verification token", "feishu", func() *http.Request {
			return feishuCall(text, noon, func(e, _ map[string]any) { delete(e["header"].(map[string]any), "token") })
		}},
		{"another application", "feishu", func() *http.Request {
			return feishuCall(text, noon, func(e, _ map[string]any) { e["header"].(map[string]any)["app_id"] = "cli_other" })
		}},
		{"another tenant", "feishu", func() *http.Request {
			return feishuCall(text, noon, func(e, _ map[string]any) { e["header"].(map[string]any)["tenant_key"] = "other" })
		}},
		{"oversized", "feishu", func() *http.Request { return reread(feishuCall(text, noon, nil), oversized) }},

		{"tampered", "wecom", func() *http.Request { return reread(wecomCall(at, text, noon, nil), tamper) }},
		{"another nonce", "wecom", func() *http.Request {
			r := wecomCall(at, text, noon, nil)
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "nonce1", "nonce2", 1)
			return r
		}},
		{"stale", "wecom", func() *http.Request { return wecomCall(at, text, noon.Add(-wecomWindow-time.Second), nil) }},
		{"no signature", "wecom", func() *http.Request {
			r := wecomCall(at, text, noon, nil)
			r.URL.RawQuery = ""
			return r
		}},
		{"for another receiver", "wecom", func() *http.Request {
			encrypted := wecomSeal(wecomAESKey, []byte(`{"msgid":"1","msgtype":"text","text":{"content":"help"}}`), "wx5823bf96d3bd56c7")
			return httptest.NewRequest(http.MethodPost, "/chat/wecom?"+wecomQuery(encrypted, noon).Encode(), bytes.NewReader(jsonOf(map[string]string{"encrypt": encrypted})))
		}},
		{"signed, but not encrypted", "wecom", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/chat/wecom?"+wecomQuery("AAAA", noon).Encode(), strings.NewReader(`{"encrypt":"AAAA"}`))
		}},
		{"signed, with nothing in it", "wecom", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/chat/wecom?"+wecomQuery("", noon).Encode(), strings.NewReader(`{"encrypt":""}`))
		}},
		{"not JSON", "wecom", func() *http.Request {
			return reread(wecomCall(at, text, noon, nil), func(string) string { return "<xml/>" })
		}},
		{"oversized", "wecom", func() *http.Request { return reread(wecomCall(at, text, noon, nil), oversized) }},

		{"tampered", "slack", func() *http.Request { return reread(slackCall(at, text, noon, nil), tamper) }},
		{"the signature of another secret", "slack", func() *http.Request {
			return slackSigned("team_id=T1&text=help", "another-secret-0123456789", noon)
		}},
		{"the signature of an empty secret", "slack", func() *http.Request { return slackSigned("team_id=T1&text=help", "", noon) }},
		{"stale", "slack", func() *http.Request { return slackCall(at, text, noon.Add(-slackWindow-time.Second), nil) }},
		{"no headers", "slack", func() *http.Request {
			r := slackCall(at, text, noon, nil)
			r.Header = http.Header{}
			return r
		}},
		{"another team", "slack", func() *http.Request {
			return slackCall(at, text, noon, func(f url.Values) { f.Set("team_id", "T2") })
		}},
		{"no team", "slack", func() *http.Request { return slackCall(at, text, noon, func(f url.Values) { f.Del("team_id") }) }},
		{"not a form", "slack", func() *http.Request { return slackSigned("team_id=T1&text=%zz", slackSecret, noon) }},
		{"oversized", "slack", func() *http.Request { return reread(slackCall(at, text, noon, nil), oversized) }},
		{"a GET", "slack", func() *http.Request { return httptest.NewRequest(http.MethodGet, "/chat/slack", nil) }},
	} {
		t.Run(test.platform+" "+test.name, func(t *testing.T) {
			v := newVendor(t)
			b, known := newBot(t, v.URL)
			got, err := asked(b, test.platform, test.request())
			if got != "" || !errors.Is(err, fs.ErrPermission) {
				t.Errorf("got %q (%v), want a refusal", got, err)
			}
			if len(known.waits) > 0 || len(v.posts) > 0 {
				t.Errorf("%d looks, %d posts for a call that is refused", len(known.waits), len(v.posts))
			}
		})
	}
}

// TestGenuine: the border of each window, and the second of two secrets.
func TestGenuine(t *testing.T) {
	v := newVendor(t)
	for _, test := range []struct {
		name, platform string
		request        *http.Request
		changes        []string
	}{
		{"just in time", "dingtalk", dingTalkCall(v.URL, "help", noon.Add(-dingTalkWindow), nil), nil},
		{"the old of two secrets", "dingtalk", dingTalkCall(v.URL, "help", noon, nil), []string{"DINGTALK_APP_SECRET", "new-secret-0123456789, " + dingTalkSecret}},
		{"no pins", "dingtalk", dingTalkCall(v.URL, "help", noon, func(m map[string]any) { m["chatbotCorpId"], m["robotCode"] = "x", "y" }), []string{"DINGTALK_CORP_ID", "", "DINGTALK_ROBOT_CODE", ""}},
		{"just in time", "feishu", feishuCall("help", noon.Add(feishuWindow), nil), nil},
		{"the old of two secrets", "feishu", feishuCall("help", noon, nil), []string{"FEISHU_ENCRYPT_KEY", "new-secret-0123456789," + feishuKey, "FEISHU_VERIFICATION_TOKEN", "new-secret-0123456789," + feishuToken}},
		{"just in time", "wecom", wecomCall(v.URL, "help", noon.Add(-wecomWindow), nil), nil},
		{"the old of two secrets", "wecom", wecomCall(v.URL, "help", noon, nil), []string{"WECOM_TOKEN", "new-secret-0123456789," + wecomToken, "WECOM_AES_KEY", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG," + wecomAESKey}},
		{"just in time", "slack", slackCall(v.URL, "help", noon.Add(-slackWindow), nil), nil},
		{"the old of two secrets", "slack", slackCall(v.URL, "help", noon, nil), []string{"SLACK_SIGNING_SECRET", "new-secret-0123456789," + slackSecret}},
	} {
		t.Run(test.platform+" "+test.name, func(t *testing.T) {
			b, _ := newBot(t, v.URL, test.changes...)
			response, err := asked(b, test.platform, test.request)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(t, v, test.platform, response); !strings.Contains(got, "t-…") {
				t.Errorf("got %s", got)
			}
		})
	}
}

// TestClosed: without its secrets, or with one that is too short, a platform is not there.
func TestClosed(t *testing.T) {
	for _, test := range []struct {
		platform string
		changes  []string
	}{
		{"dingtalk", []string{"DINGTALK_APP_SECRET", ""}},
		{"dingtalk", []string{"DINGTALK_APP_SECRET", "short"}},
		{"dingtalk", []string{"DINGTALK_APP_SECRET", dingTalkSecret + ",short"}},
		{"feishu", []string{"FEISHU_ENCRYPT_KEY", ""}},
		{"feishu", []string{"FEISHU_ENCRYPT_KEY", "test key"}},
		{"feishu", []string{"FEISHU_VERIFICATION_TOKEN", ""}},
		{"feishu", []string{"FEISHU_APP_SECRET", ""}},
		{"feishu", []string{"FEISHU_APP_ID", ""}},
		{"wecom", []string{"WECOM_TOKEN", ""}},
		{"wecom", []string{"WECOM_TOKEN", "QDG6eK"}},
		{"wecom", []string{"WECOM_AES_KEY", ""}},
		{"slack", []string{"SLACK_SIGNING_SECRET", ""}},
		{"slack", []string{"SLACK_SIGNING_SECRET", ","}},
		{"slack", []string{"SLACK_SIGNING_SECRET", "0123456789abcde"}},
		{"teams", nil},
		{"", nil},
	} {
		t.Run(test.platform+" "+strings.Join(test.changes, "="), func(t *testing.T) {
			b, _ := newBot(t, "http://127.0.0.1:1", test.changes...)
			call := callers["slack"]
			if of := callers[test.platform]; of != nil {
				call = of
			}
			got, err := asked(b, test.platform, call("http://127.0.0.1:1", "help"))
			if got != "" || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %q (%v)", got, err)
			}
		})
	}
}

// TestAgain: what a platform sends twice is answered once, unless the answer
// did not get through.
func TestAgain(t *testing.T) {
	for platform := range callers {
		t.Run(platform, func(t *testing.T) {
			v := newVendor(t)
			b, known := newBot(t, v.URL)
			r := callers[platform](v.URL, "task "+string(doneID))
			body, _ := io.ReadAll(r.Body)
			var answers []string
			for range 3 {
				r.Body = io.NopCloser(bytes.NewReader(body))
				got, err := asked(b, platform, r)
				if err != nil {
					t.Fatal(err)
				}
				answers = append(answers, got)
			}
			if answers[0] == "" || answers[1] != "" || answers[2] != "" || len(known.waits) != 1 {
				t.Errorf("the answers are %q, for %d looks", answers, len(known.waits))
			}
		})
	}
	t.Run("feishu, after an answer that failed", func(t *testing.T) {
		v := newVendor(t)
		b, _ := newBot(t, v.URL)
		v.says("/open-apis/auth/v3/tenant_access_token/internal", 200, `{"code":10014,"msg":"app secret invalid"}`)
		r := callers["feishu"](v.URL, "help")
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if _, err := asked(b, "feishu", r); err == nil || !strings.Contains(err.Error(), "do not belong together") || errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if _, err := asked(b, "feishu", r); err != nil || len(v.posted("/open-apis/im/v1/messages/"+lastMessage(t, v)+"/reply")) != 1 {
			t.Errorf("the second time: %v", err)
		}
	})
}

func lastMessage(t *testing.T, v *vendor) string {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	parts := strings.Split(v.posts[len(v.posts)-1].path, "/")
	return parts[len(parts)-2]
}

func TestMemory(t *testing.T) {
	var m memory
	for i := range remembered + 10 {
		if !m.add(string(rune(i + 0x10000))) {
			t.Fatal("a new id was seen before")
		}
	}
	if len(m.known) != remembered || len(m.order) != remembered {
		t.Errorf("it keeps %d", len(m.known))
	}
	if m.add(string(rune(remembered + 0x10000))) {
		t.Error("the latest is forgotten")
	}
	if !m.add(string(rune(0x10000))) {
		t.Error("the first is not")
	}
}

// TestConversations: where a list says so, other conversations get no task to see.
func TestConversations(t *testing.T) {
	for platform, variable := range map[string]string{"dingtalk": "DINGTALK_CONVERSATION_IDS", "feishu": "FEISHU_CHAT_IDS", "wecom": "WECOM_CHAT_IDS", "slack": "SLACK_CHANNEL_IDS"} {
		id := map[string]string{"dingtalk": "cid1", "feishu": "oc_1", "wecom": "chat1", "slack": "C1"}[platform]
		for _, test := range []struct {
			list string
			in   bool
		}{{"other, " + id, true}, {"other", false}} {
			t.Run(platform+" "+test.list, func(t *testing.T) {
				v := newVendor(t)
				b, known := newBot(t, v.URL, variable, test.list)
				response, err := asked(b, platform, callers[platform](v.URL, "task "+string(failedID)))
				if err != nil {
					t.Fatal(err)
				}
				got := told(t, v, platform, response)
				if strings.Contains(got, "No Permission.") != test.in || (len(known.waits) == 1) != test.in || !test.in && !strings.Contains(got, id) {
					t.Errorf("got %s", got)
				}
			})
		}
	}
}

// TestFeishuGroups: a bot that may read all leaves alone who does not mention it.
func TestFeishuGroups(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(event, message map[string]any)
		told   bool
	}{
		{"mentioned in a group", nil, true},
		{"not mentioned", func(_, m map[string]any) { m["mentions"] = []any{} }, false},
		{"alone with it", func(_, m map[string]any) { m["mentions"], m["chat_type"] = nil, "p2p" }, true},
		{"another event", func(e, _ map[string]any) {
			e["header"].(map[string]any)["event_type"] = "im.chat.member.bot.added_v1"
		}, false},
		{"a picture", func(_, m map[string]any) { m["message_type"], m["content"] = "image", `{"image_key":"x"}` }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVendor(t)
			b, _ := newBot(t, v.URL)
			got, err := asked(b, "feishu", feishuCall("task "+string(failedID), noon, test.change))
			if err != nil || got != "{}" || (len(v.posts) > 0) != test.told {
				t.Errorf("got %q (%v) and %d posts", got, err, len(v.posts))
			}
		})
	}
}

// TestDingTalkFallsBack: where the sessionWebhook does not work, or leads elsewhere,
// the message is in the response.
func TestDingTalkFallsBack(t *testing.T) {
	for _, test := range []struct {
		name    string
		webhook func(at string) string
		status  int
		posts   int
	}{
		{"it works", func(at string) string { return at + "/robot/sendBySession?session=1" }, 200, 1},
		{"it has expired", func(at string) string { return at + "/robot/sendBySession?session=1" }, 403, 1},
		{"there is none", func(string) string { return "" }, 0, 0},
		{"it leads to another host", func(string) string { return "http://127.0.0.1:2/robot/sendBySession?session=1" }, 0, 0},
		{"it leads to another host by a user's name", func(at string) string {
			return at + "@127.0.0.1:2/robot/sendBySession?session=1"
		}, 0, 0},
		{"it leads to another path", func(at string) string { return at + "/robot/send?access_token=1" }, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVendor(t)
			if test.status != 200 {
				v.says("/robot/sendBySession", test.status, `{}`)
			}
			b, _ := newBot(t, v.URL)
			got, err := asked(b, "dingtalk", dingTalkCall(v.URL, "task "+string(failedID), noon, func(m map[string]any) {
				m["sessionWebhook"] = test.webhook(v.URL)
			}))
			if err != nil || (got == "{}") != (test.status == 200) || !strings.Contains(got, "No Permission.") && got != "{}" || len(v.posts) != test.posts {
				t.Errorf("got %s (%v), %d posts", got, err, len(v.posts))
			}
		})
	}
}

// TestDirectories: one that is named is looked into, of those that are shown.
func TestDirectories(t *testing.T) {
	const second = task.DirectoryID("d-003qew84abcd")
	b, known := newBot(t, "http://127.0.0.1:1")
	b.Directories = append(b.Directories, second)
	got, err := asked(b, "slack", slackCall("", "task "+string(failedID)+" "+string(second), noon, nil))
	if err != nil || !slices.Equal(known.asked, []task.DirectoryID{second}) || !strings.Contains(got, string(second)) || !strings.Contains(got, "?directory="+string(second)) {
		t.Errorf("got %s (%v), asked %v", got, err, known.asked)
	}
	got, err = asked(b, "slack", slackCall("", "task https://status.example.com/tasks/"+string(failedID)+"?directory="+string(second), noon, nil))
	if err != nil || known.asked[1] != second {
		t.Errorf("a link: got %s (%v), asked %v", got, err, known.asked)
	}
	got, err = asked(b, "slack", slackCall("", string(failedID)+" d-999999999999", noon, nil))
	if err != nil || known.asked[2] != directory {
		t.Errorf("one that is not shown: got %s (%v), asked %v", got, err, known.asked)
	}
}

// TestWait: what is open is awaited, by another invocation of the function.
func TestWait(t *testing.T) {
	for platform, call := range callers {
		for _, test := range []struct {
			name, text string
			later      func(context.Context, []byte, time.Duration) error
			want       string
			invoked    bool
		}{
			{"an open task", "wait " + string(openID) + " en", func(context.Context, []byte, time.Duration) error { return nil }, "You will be told here when it has ended, within ", true},
			{"in Chinese", "等待" + string(openID), func(context.Context, []byte, time.Duration) error { return nil }, "结束后会在这里通知您", true},
			{"one that CloudSSO is slow about", "watch " + string(slowID) + " en", func(context.Context, []byte, time.Duration) error { return nil }, "You will be told here when it has ended", true},
			{"a task that is done", "wait " + string(doneID), func(context.Context, []byte, time.Duration) error { return nil }, "✅", false},
			{"without the right", "wait " + string(openID) + " en", func(context.Context, []byte, time.Duration) error {
				return task.Errorf(task.Refused, task.Text{En: "its role needs fc:InvokeFunction", Zh: "需要 fc:InvokeFunction"})
			}, "You cannot be told here when it has ended: its role needs fc:InvokeFunction.", true},
			{"out of Function Compute", "wait " + string(openID) + " en", nil, "it cannot invoke itself", false},
		} {
			t.Run(platform+" "+test.name, func(t *testing.T) {
				v := newVendor(t)
				b, _ := newBot(t, v.URL)
				var payload []byte
				if test.later != nil {
					b.Later = func(ctx context.Context, p []byte, d time.Duration) error {
						payload = p
						return test.later(ctx, p, d)
					}
				}
				response, err := asked(b, platform, call(v.URL, test.text))
				if err != nil {
					t.Fatal(err)
				}
				if got := told(t, v, platform, response); !strings.Contains(got, test.want) {
					t.Errorf("%q is not in %s", test.want, got)
				}
				if (payload != nil) != test.invoked {
					t.Errorf("invoked with %s", payload)
				}
			})
		}
	}
}

// TestResume: the invocation that "wait" asked for, from platform to platform.
func TestResume(t *testing.T) {
	paths := map[string]string{"dingtalk": "/robot/sendBySession", "wecom": "/cgi-bin/aibot/response", "slack": "/commands/T1/1/CODE"}
	for platform, call := range callers {
		t.Run(platform, func(t *testing.T) {
			v := newVendor(t)
			b, known := newBot(t, v.URL)
			now := noon
			b.Now = func() time.Time { return now }
			var payloads [][]byte
			var delays []time.Duration
			b.Later = func(_ context.Context, p []byte, d time.Duration) error {
				payloads, delays = append(payloads, p), append(delays, d)
				return nil
			}
			if _, err := asked(b, platform, call(v.URL, "wait "+string(openID))); err != nil {
				t.Fatal(err)
			}
			resume := func() bool {
				t.Helper()
				var in struct {
					DirectoryID task.DirectoryID
					TaskIDs     []task.ID
					Reply       json.RawMessage
				}
				if err := json.Unmarshal(payloads[len(payloads)-1], &in); err != nil {
					t.Fatal(err)
				}
				told, err := b.Resume(t.Context(), in.DirectoryID, in.TaskIDs, in.Reply, unlogged)
				if err != nil {
					t.Fatal(err)
				}
				return told
			}
			before := len(v.posts)
			if resume() || len(payloads) != 2 || !bytes.Equal(payloads[0], payloads[1]) || len(v.posts) != before {
				t.Errorf("while it is open: %d invocations, %d posts", len(payloads), len(v.posts)-before)
			}
			if delays[0] != 0 || delays[1] != 3*time.Second {
				t.Errorf("delays %v, want that of a task of 10 s", delays)
			}
			if wait := known.waits[1]; wait < 20*time.Minute || wait > time.Hour {
				t.Errorf("it waits for %v", wait)
			}
			known.known = map[task.ID]task.Task{openID: {ID: openID, Directory: directory, Type: task.DeleteAccessAssignment, Status: task.Failed, FailureReason: "Quota exceeded."}}
			if !resume() || len(payloads) != 2 {
				t.Errorf("at its end: %d invocations", len(payloads))
			}
			last := v.posts[len(v.posts)-1]
			if path := paths[platform]; path != "" && last.path != path || !strings.Contains(last.body, "Quota exceeded.") {
				t.Errorf("told %s: %s", last.path, last.body)
			}
		})
	}
}

// TestResumeEnds: when nothing can be told any more, that is what is told.
func TestResumeEnds(t *testing.T) {
	v := newVendor(t)
	b, _ := newBot(t, v.URL)
	b.Later = func(context.Context, []byte, time.Duration) error { return errors.New("must not be") }
	resume := func(expires time.Time) (bool, error) {
		return b.Resume(t.Context(), "", []task.ID{openID}, jsonOf(reply{Platform: "slack", To: v.URL + "/commands/T1/1/CODE", Expires: expires, Language: "zh-CN"}), unlogged)
	}
	told, err := resume(noon.Add(lastWords))
	if err != nil || !told || !strings.Contains(v.posts[0].body, "任务尚未结束") {
		t.Errorf("got %v, %v, %v", told, err, v.posts)
	}
	v.says("/commands/T1/1/CODE", 404, `{"ok":false,"error":"expired_url"}`)
	if told, err = resume(noon.Add(-time.Hour)); err == nil || told || !strings.Contains(err.Error(), "tell slack: expired_url: the time for later answers is over") {
		t.Errorf("too late: %v, %v", told, err)
	}
	if _, err = resume(noon.Add(time.Hour)); err == nil || err.Error() != "must not be" {
		t.Errorf("the invocation fails: %v", err)
	}
}

func TestResumeErrors(t *testing.T) {
	b, _ := newBot(t, "http://127.0.0.1:1", "WECOM_TOKEN", "")
	for _, test := range []struct {
		name, directory, reply string
		want                   task.Kind
	}{
		{"no JSON object", "", `"x"`, task.Invalid},
		{"no platform", "", `{}`, task.Invalid},
		{"a platform that is closed", "", `{"platform":"wecom"}`, task.Invalid},
		{"another directory", "d-999999999999", `{"platform":"slack"}`, task.Forbidden},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := b.Resume(t.Context(), task.DirectoryID(test.directory), []task.ID{openID}, json.RawMessage(test.reply), unlogged); task.KindOf(err) != test.want {
				t.Errorf("got %v", err)
			}
		})
	}
	// An address that is not the platform's is never posted to.
	for _, platform := range []string{"slack", "dingtalk"} {
		_, err := b.Resume(t.Context(), "", []task.ID{doneID}, jsonOf(reply{Platform: platform, To: "https://example.com/robot/sendBySession?x", Expires: noon.Add(time.Hour)}), unlogged)
		if err == nil || !strings.Contains(err.Error(), "not one of the platform's") || strings.Contains(err.Error(), "example") {
			t.Errorf("%s: got %v", platform, err)
		}
	}
}

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
	known.list.Total = 40
	got, err := asked(b, "slack", slackCall("", "recent", noon, nil))
	for _, want := range []string{"Tasks of the last 24 hours: 40", "t-listeda", "t-listedj", "and 30 more", "Alice · dev-test · ECS-Admin", `"url":"https://status.example.com/tasks"`, "2026-11-24 12:00:00 +08:00"} {
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("%q is not in %s (%v)", want, got, err)
		}
	}
	if strings.Contains(got, "t-listedk") || strings.Index(got, "t-listeda") > strings.Index(got, "t-listedb") {
		t.Errorf("not the latest first: %s", got)
	}
	got, err = asked(b, "slack", slackCall("", "失败", noon, nil))
	if err != nil || !strings.Contains(got, "最近 24 小时失败的任务：6 个") || strings.Contains(got, "t-listeda") || !strings.Contains(got, "/tasks?status=Failed") {
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

// TestUnforeseen: of an error that nobody foresaw nothing is told.
func TestUnforeseen(t *testing.T) {
	b, _ := newBot(t, "http://127.0.0.1:1")
	b.Looker = broken{}
	got, err := asked(b, "slack", slackCall("", "task "+string(doneID), noon, nil))
	if err != nil || !strings.Contains(got, "Something went wrong here") || strings.Contains(got, "secret") {
		t.Errorf("got %s (%v)", got, err)
	}
}

type broken struct{}

func (broken) Look(_ context.Context, _ task.DirectoryID, ids []task.ID, _ time.Duration) []task.Result {
	return []task.Result{{ID: ids[0], Err: errors.New("a secret")}}
}

// TestLogged: the log has what was asked and how it stands, and nothing secret.
func TestLogged(t *testing.T) {
	v := newVendor(t)
	for platform, call := range callers {
		b, _ := newBot(t, v.URL)
		var attrs []slog.Attr
		if _, _, err := b.Answer(call(v.URL, "task "+string(failedID)), platform, func(a ...slog.Attr) { attrs = append(attrs, a...) }); err != nil {
			t.Fatal(err)
		}
		got := slog.GroupValue(attrs...).String()
		if got != "[command=task tasks="+string(failedID)+" Failed]" {
			t.Errorf("%s: logged %s", platform, got)
		}
	}
}
