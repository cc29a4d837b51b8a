package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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

// TestAnswers asks one thing of each kind on every platform.
func TestAnswers(t *testing.T) {
	for platform, call := range callers {
		for _, test := range []struct {
			name, text string
			want       []string
		}{
			{"a task that failed", "task " + string(failedID) + " en", []string{"❌", "Failed", "Assign access to an account", string(failedID), "No Permission.", "What may have caused it", "AliyunServiceRoleForCloudSSO", "2026-11-24 11:59:50 +08:00", "2 s", "https://status.example.com/tasks/" + string(failedID), "Open the page", "REQ-1"}},
			{"in Chinese", "任务 " + string(failedID), []string{"❌", "执行失败", "在 RD 账号上授权", "No Permission.", "可能的原因", "失败原因", "查看详情", "2 秒"}},
			{"several", "TASKS " + string(doneID) + " " + string(failedID) + " " + string(openID) + " EN", []string{"❌", "3 tasks: 1 failed, 1 in progress, 1 succeeded", string(doneID), string(failedID), string(openID), "No Permission.", "id=" + string(doneID) + "," + string(failedID) + "," + string(openID)}},
			{"CloudSSO is slow", "task " + string(slowID) + " en", []string{"⏳", "Still checking", "/tasks/" + string(slowID)}},
			{"an unknown task", "/task " + string(lostID) + " en", []string{"❔", "Task not found", "CloudSSO knows no task " + string(lostID), "REQ-2"}},
			{"no id", "task en", []string{"What you can ask", "no task id is in what was sent"}},
			{"nonsense", "lorem ipsum", []string{"t-…"}},
			{"nothing failed", "failed en", []string{"No task failed in the last 24 hours", "✅"}},
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
				if strings.Contains(got, "Mallory") || strings.Contains(got, "production") {
					t.Errorf("it names whom it is about: %s", got)
				}
			})
		}
	}
}

// TestQuestions: what is asked, however it is put.
func TestQuestions(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a bare link", "https://status.example.com/tasks/" + string(doneID), "✅"},
		{"the CLI's JSON", `{"Task":{"TaskId":"` + string(openID) + `"}}`, "⏳"},
		{"a masked id", "task t-shfqw1u1edszvxw5****", "masked with asterisks"},
		{"twenty", "task" + manyIDs(20), "20 tasks unknown"},
		{"too many", "task" + manyIDs(21), "21 tasks are too many for one message: it takes 20"},
		{"help", "help", "What you can ask"},
		{"help, in Chinese", "帮助", "您可以这样问"},
		{"nothing happened", "recent zh", "最近 24 小时没有任务"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, _ := newBot(t, "http://127.0.0.1:1")
			if got, err := asked(b, "slack", slackCall("", test.text, noon, nil)); err != nil || !strings.Contains(got, test.want) {
				t.Errorf("got %s (%v), want %q", got, err, test.want)
			}
		})
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
	oversized := func(body string) string { return body + strings.Repeat(" ", maxBody+1-len(body)) }
	text := "task " + string(failedID)
	at := "http://127.0.0.1:1"
	for _, test := range []struct {
		name, platform string
		request        func() *http.Request
		why            string // in the log
	}{
		{"the sign of another secret", "dingtalk", func() *http.Request {
			r := dingTalkCall(at, text, noon, nil)
			r.Header.Set("sign", dingTalkSign("another-secret-0123456789", r.Header.Get("timestamp")))
			return r
		}, "signature does not match"},
		{"the time changed", "dingtalk", func() *http.Request {
			r := dingTalkCall(at, text, noon, nil)
			r.Header.Set("timestamp", "1795492800001")
			return r
		}, "signature does not match"},
		{"stale", "dingtalk", func() *http.Request { return dingTalkCall(at, text, noon.Add(-dingTalkWindow-time.Second), nil) }, "minutes off"},
		{"from the future", "dingtalk", func() *http.Request { return dingTalkCall(at, text, noon.Add(dingTalkWindow+time.Second), nil) }, "minutes off"},
		{"no headers", "dingtalk", func() *http.Request {
			r := dingTalkCall(at, text, noon, nil)
			r.Header = http.Header{}
			return r
		}, "signature does not match"},
		{"another company's robot", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { m["chatbotCorpId"] = "dingother" })
		}, "another company"},
		{"a sender of another company", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { m["senderCorpId"] = "dingother" })
		}, "another company"},
		{"no company", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { delete(m, "chatbotCorpId") })
		}, "another company"},
		{"a stranger in one of our groups", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { delete(m, "senderCorpId") })
		}, "another company"},
		{"an answer wanted elsewhere", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { m["sessionWebhook"] = "https://example.com/robot/sendBySession?session=1" })
		}, "leads elsewhere"},
		{"an answer wanted nowhere", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { delete(m, "sessionWebhook") })
		}, "leads elsewhere"},
		{"an endless id", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { m["msgId"] = strings.Repeat("x", maxIDLength+1) })
		}, "id is too long"},
		{"another robot", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { m["robotCode"] = "dingother" })
		}, "another robot"},
		{"no id", "dingtalk", func() *http.Request {
			return dingTalkCall(at, text, noon, func(m map[string]any) { delete(m, "msgId") })
		}, "no message"},
		{"not JSON", "dingtalk", func() *http.Request {
			return reread(dingTalkCall(at, text, noon, nil), func(string) string { return "x" })
		}, "no message"},
		{"oversized", "dingtalk", func() *http.Request { return reread(dingTalkCall(at, text, noon, nil), oversized) }, "too large"},

		{"tampered", "feishu", func() *http.Request { return reread(feishuCall(text, noon, nil), tamper) }, "signature does not match"},
		{"the signature of another key", "feishu", func() *http.Request {
			return feishuSigned(feishuEncrypt(feishuKey, []byte("{}")), "another-key-0123456789", noon)
		}, "signature does not match"},
		{"encrypted with another key", "feishu", func() *http.Request {
			return feishuSigned(feishuEncrypt("another-key-0123456789", []byte("{}")), feishuKey, noon)
		}, "cannot be decrypted"},
		{"stale", "feishu", func() *http.Request { return feishuCall(text, noon.Add(-feishuWindow-time.Second), nil) }, "minutes off"},
		{"a time that is none", "feishu", func() *http.Request {
			r := feishuCall(text, noon, nil)
			body, _ := io.ReadAll(r.Body)
			r.Header.Set("X-Lark-Request-Timestamp", "now")
			r.Header.Set("X-Lark-Signature", feishuSign("now", "nonce", feishuKey, body))
			r.Body = io.NopCloser(bytes.NewReader(body))
			return r
		}, "minutes off"},
		{"no signature", "feishu", func() *http.Request {
			r := feishuCall(text, noon, nil)
			r.Header = http.Header{}
			return r
		}, "without a signature"},
		{"not encrypted", "feishu", func() *http.Request { return feishuSigned([]byte(`{"schema":"2.0"}`), feishuKey, noon) }, "not encrypted"},
		{"another verification token", "feishu", func() *http.Request {
			return feishuCall(text, noon, func(e, _ map[string]any) { e["header"].(map[string]any)["token"] = "x" })
		}, "verification token"},
		{"no verification token", "feishu", func() *http.Request {
			return feishuCall(text, noon, func(e, _ map[string]any) { delete(e["header"].(map[string]any), "token") })
		}, "verification token"},
		{"another application", "feishu", func() *http.Request {
			return feishuCall(text, noon, func(e, _ map[string]any) { e["header"].(map[string]any)["app_id"] = "cli_other" })
		}, "another application"},
		{"another tenant", "feishu", func() *http.Request {
			return feishuCall(text, noon, func(e, _ map[string]any) { e["header"].(map[string]any)["tenant_key"] = "other" })
		}, "another tenant"},
		{"oversized", "feishu", func() *http.Request { return reread(feishuCall(text, noon, nil), oversized) }, "too large"},

		{"tampered", "wecom", func() *http.Request { return reread(wecomCall(at, text, noon, nil), tamper) }, "signature does not match"},
		{"another nonce", "wecom", func() *http.Request {
			r := wecomCall(at, text, noon, nil)
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "nonce1", "nonce2", 1)
			return r
		}, "signature does not match"},
		{"stale", "wecom", func() *http.Request { return wecomCall(at, text, noon.Add(-wecomWindow-time.Second), nil) }, "minutes off"},
		{"no signature", "wecom", func() *http.Request {
			r := wecomCall(at, text, noon, nil)
			r.URL.RawQuery = ""
			return r
		}, "signature does not match"},
		{"for another receiver", "wecom", func() *http.Request {
			encrypted := wecomSeal(wecomAESKey, []byte(`{"msgid":"1","msgtype":"text","text":{"content":"help"}}`), "wx5823bf96d3bd56c7")
			return httptest.NewRequest(http.MethodPost, "/chat/wecom?"+wecomQuery(encrypted, noon).Encode(), bytes.NewReader(jsonOf(map[string]string{"encrypt": encrypted})))
		}, "cannot be decrypted"},
		{"signed, but not encrypted", "wecom", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/chat/wecom?"+wecomQuery("AAAA", noon).Encode(), strings.NewReader(`{"encrypt":"AAAA"}`))
		}, "cannot be decrypted"},
		{"signed, with nothing in it", "wecom", func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/chat/wecom?"+wecomQuery("", noon).Encode(), strings.NewReader(`{"encrypt":""}`))
		}, "signature does not match"},
		{"not JSON", "wecom", func() *http.Request {
			return reread(wecomCall(at, text, noon, nil), func(string) string { return "<xml/>" })
		}, "not encrypted"},
		{"oversized", "wecom", func() *http.Request { return reread(wecomCall(at, text, noon, nil), oversized) }, "too large"},

		{"tampered", "slack", func() *http.Request { return reread(slackCall(at, text, noon, nil), tamper) }, "signature does not match"},
		{"the signature of another secret", "slack", func() *http.Request {
			return slackSigned("team_id=T1&text=help", "another-secret-0123456789", noon)
		}, "signature does not match"},
		{"the signature of an empty secret", "slack", func() *http.Request { return slackSigned("team_id=T1&text=help", "", noon) }, "signature does not match"},
		{"stale", "slack", func() *http.Request { return slackCall(at, text, noon.Add(-slackWindow-time.Second), nil) }, "minutes off"},
		{"no headers", "slack", func() *http.Request {
			r := slackCall(at, text, noon, nil)
			r.Header = http.Header{}
			return r
		}, "signature does not match"},
		{"another team", "slack", func() *http.Request {
			return slackCall(at, text, noon, func(f url.Values) { f.Set("team_id", "T2") })
		}, "another team"},
		{"no team", "slack", func() *http.Request { return slackCall(at, text, noon, func(f url.Values) { f.Del("team_id") }) }, "another team"},
		{"not a form", "slack", func() *http.Request { return slackSigned("team_id=T1&text=%zz", slackSecret, noon) }, "no form"},
		{"oversized", "slack", func() *http.Request { return reread(slackCall(at, text, noon, nil), oversized) }, "too large"},
		{"a GET", "slack", func() *http.Request { return httptest.NewRequest(http.MethodGet, "/chat/slack", nil) }, "signature does not match"},
	} {
		t.Run(test.platform+" "+test.name, func(t *testing.T) {
			b, known := newBot(t, at)
			got, err := asked(b, test.platform, test.request())
			if got != "" || !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(err.Error(), test.platform+": ") || !strings.Contains(err.Error(), test.why) {
				t.Errorf("got %q (%v), want a refusal because of %s", got, err, test.why)
			}
			if len(known.waits) > 0 {
				t.Errorf("%d looks for a call that is refused", len(known.waits))
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
		{"staff, by another sign of it", "dingtalk", dingTalkCall(v.URL, "help", noon, func(m map[string]any) { m["senderCorpId"], m["senderStaffId"] = "", "alice" }), nil},
		{"the second of two companies", "dingtalk", dingTalkCall(v.URL, "help", noon, nil), []string{"DINGTALK_CORP_ID", "dingother,dingcorp"}},
		{"as long as can be", "slack", func() *http.Request {
			form := url.Values{"team_id": {"T1"}, "text": {"help"}, "padding": {""}}.Encode()
			return slackSigned(form+strings.Repeat("x", maxBody-len(form)), slackSecret, noon)
		}(), nil},
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
			// WeCom asks again where it got no response, which is all of the answer.
			if again := platform == "wecom"; answers[0] == "" || (answers[1] != "") != again || (answers[2] != "") != again || (len(known.waits) == 3) != again {
				t.Errorf("the answers are %q, for %d looks", answers, len(known.waits))
			}
		})
	}
	t.Run("feishu, after an answer that failed", func(t *testing.T) {
		v := newVendor(t)
		b, _ := newBot(t, v.URL)
		const unavailable = `{"code":1,"msg":"unavailable"}`
		v.says("/open-apis/auth/v3/tenant_access_token/internal", 503, unavailable, unavailable, unavailable, unavailable, unavailable, unavailable)
		r := callers["feishu"](v.URL, "help")
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if _, err := asked(b, "feishu", r); err == nil || !strings.Contains(err.Error(), "answer on feishu: code 1: the platform is unavailable") || errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if _, err := asked(b, "feishu", r); err != nil || len(v.posted("/open-apis/im/v1/messages/"+lastMessage(t, v)+"/reply")) != 1 {
			t.Errorf("the second time: %v", err)
		}
	})
}

// TestNeverAgain: what will not get through either is not asked for again.
func TestNeverAgain(t *testing.T) {
	v := newVendor(t)
	b, _ := newBot(t, v.URL)
	v.says("/open-apis/auth/v3/tenant_access_token/internal", 200, `{"code":10014,"msg":"app secret invalid"}`, `{"code":10014,"msg":"app secret invalid"}`)
	var body string
	var err error
	log := logged(t.Context(), func(ctx context.Context) {
		body, err = asked(b, "feishu", callers["feishu"](v.URL, "help").WithContext(ctx))
	})
	if err != nil || body != "" || !strings.Contains(log, "do not belong together") || !strings.Contains(log, `"level":"WARN"`) {
		t.Errorf("got %q (%v), logged %s", body, err, log)
	}
}

func lastMessage(t *testing.T, v *vendor) string {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	parts := strings.Split(v.posts[len(v.posts)-1].path, "/")
	return parts[len(parts)-2]
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
	if err != nil || len(known.asked) != 2 || !strings.Contains(got, "the directory d-999999999999 is not one that is shown here") {
		t.Errorf("one that is not shown: got %s (%v), asked %v", got, err, known.asked)
	}
	got, err = asked(b, "slack", slackCall("", "failed "+string(second), noon, nil))
	if err != nil || !strings.Contains(got, "/tasks?directory="+string(second)) && !strings.Contains(got, "/tasks?status=Failed&directory="+string(second)) {
		t.Errorf("a list: got %s (%v)", got, err)
	}
}

// TestInTime: whatever is slow, the answer has its share of the time, and so has CloudSSO.
func TestInTime(t *testing.T) {
	for platform, call := range callers {
		for _, command := range []string{"task", "wait", "failed"} {
			t.Run(platform+" "+command, func(t *testing.T) {
				v := newVendor(t)
				synctest.Test(t, func(t *testing.T) {
					b, known := newBot(t, v.URL)
					b.Platforms.find(platform).about().client.transport = v
					known.stall, known.err = true, &task.Error{Kind: task.Timeout}
					b.Invoke = func(ctx context.Context, _ []byte, _ time.Duration) error {
						<-ctx.Done()
						return &task.Error{Kind: task.Timeout}
					}
					began := time.Now()
					response, err := asked(b, platform, call(v.URL, command+" "+string(openID)+" en"))
					if took := time.Since(began); err != nil || took > answerTimeout-postTimeout {
						t.Fatalf("took %v: %v", took, err)
					}
					if got := told(t, v, platform, response); !strings.Contains(got, "Still checking") {
						t.Errorf("got %s", got)
					}
					want := lookTimeout
					if command == "wait" {
						want = lookToWaitTimeout
					}
					if known.times[0] != want {
						t.Errorf("CloudSSO has %v, want %v", known.times[0], want)
					}
				})
			})
		}
	}
}

// TestOutOfTime: a platform that does not take the answer cannot have it wait for ever.
func TestOutOfTime(t *testing.T) {
	for _, platform := range []string{"dingtalk", "feishu"} {
		v := newVendor(t)
		synctest.Test(t, func(t *testing.T) {
			b, _ := newBot(t, v.URL)
			b.Platforms.find(platform).about().client.transport = silence{}
			began := time.Now()
			_, err := asked(b, platform, callers[platform](v.URL, "help"))
			if took := time.Since(began); took != answerTimeout || (err != nil) != (platform == "feishu") {
				t.Errorf("%s: took %v: %v", platform, took, err)
			}
		})
	}
}

// silence answers nothing.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestUnforeseen: of an error that nobody foresaw nothing is told.
func TestUnforeseen(t *testing.T) {
	b, _ := newBot(t, "http://127.0.0.1:1")
	b.Looker = broken{}
	var got string
	var err error
	log := logged(t.Context(), func(ctx context.Context) {
		got, err = asked(b, "slack", slackCall("", "task "+string(doneID), noon, nil).WithContext(ctx))
	})
	if err != nil || !strings.Contains(got, "Something went wrong here") || !strings.Contains(got, "request id OURS-1") || strings.Contains(got, "secret") {
		t.Errorf("got %s (%v)", got, err)
	}
	if !strings.Contains(log, `"outcome":"internal","error":"a secret"`) || !strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("logged %s", log)
	}
}

type broken struct{}

func (broken) Look(_ context.Context, _ task.DirectoryID, ids []task.ID, _ time.Duration) []task.Result {
	return []task.Result{{ID: ids[0], Err: errors.New("a secret")}}
}

// TestLogged: the log has what was asked and how it stands, and nothing secret; of a call
// that comes again only that it did.
func TestLogged(t *testing.T) {
	v := newVendor(t)
	for platform, call := range callers {
		b, _ := newBot(t, v.URL)
		r := call(v.URL, "task "+string(failedID))
		body, _ := io.ReadAll(r.Body)
		answered := `"platform":"` + platform + `","command":"task","tasks":"` + string(failedID) + ` Failed","counts":{"failed":1},"reason":"No Permission.","calls":0,`
		again := `"platform":"` + platform + `","again":true,"calls":0,`
		if platform == "wecom" {
			again = answered // what it got no answer to
		}
		for _, want := range []string{answered, again} {
			got := logged(t.Context(), func(ctx context.Context) {
				r := r.WithContext(ctx)
				r.Body = io.NopCloser(bytes.NewReader(body))
				if _, err := asked(b, platform, r); err != nil {
					t.Error(err)
				}
			})
			if !strings.Contains(got, want) {
				t.Errorf("%s: logged %s, want %s", platform, got, want)
			}
		}
	}
}

// TestLoggedFailures: what a person is told of an error, in few words, the log has in full.
func TestLoggedFailures(t *testing.T) {
	for _, test := range []struct {
		name, text string
		err        error
		want       []string
	}{
		{"a list", "recent", nil, []string{`"level":"INFO"`, `"command":"recent","listed":0,`, `"outcome":"ok"}`}},
		{"a list that CloudSSO refuses", "recent", &task.Error{Kind: task.Refused, Cause: errors.New("NoPermission")},
			[]string{`"level":"WARN"`, `"command":"recent","calls"`, `"outcome":"refused","error":"refused: NoPermission"}`}},
		{"what nobody foresaw of a list", "failed", errors.New("unforeseen"), []string{`"level":"ERROR"`, `"outcome":"internal","error":"unforeseen"}`}},
		{"another's directory", "task " + string(failedID) + " d-aaaaaaaaaaaa", nil, []string{`"level":"INFO"`, `"outcome":"forbidden","error":"forbidden`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVendor(t)
			b, known := newBot(t, v.URL)
			known.err = test.err
			got := logged(t.Context(), func(ctx context.Context) {
				if _, err := asked(b, "slack", slackCall(v.URL, test.text, noon, nil).WithContext(ctx)); err != nil {
					t.Error(err)
				}
			})
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s is not in %s", want, got)
				}
			}
		})
	}
}
