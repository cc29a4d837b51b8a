package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"taskstatus/function/task"
)

// TestWait: what is open is awaited, by another invocation of the function.
func TestWait(t *testing.T) {
	for platform, call := range callers {
		for _, test := range []struct {
			name, text string
			invoke     func(context.Context, []byte, time.Duration) error
			want       string
			invoked    bool
		}{
			{"an open task", "wait " + string(openID) + " en", func(context.Context, []byte, time.Duration) error { return nil }, "You will be told here when it has ended, within ", true},
			{"in Chinese", "等待" + string(openID), func(context.Context, []byte, time.Duration) error { return nil }, "任务结束后将在此通知您（", true},
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
				if test.invoke != nil {
					b.Invoke = func(ctx context.Context, p []byte, d time.Duration) error {
						payload = p
						return test.invoke(ctx, p, d)
					}
				}
				var response string
				log := logged(t.Context(), func(ctx context.Context) {
					var err error
					if response, err = asked(b, platform, call(v.URL, test.text).WithContext(ctx)); err != nil {
						t.Fatal(err)
					}
				})
				if got := told(t, v, platform, response); !strings.Contains(got, test.want) {
					t.Errorf("%q is not in %s", test.want, got)
				}
				if failed := test.name == "without the right"; failed != strings.Contains(log, `"invokeError":"refused`) || failed && !strings.Contains(log, `"level":"WARN"`) {
					t.Errorf("logged %s", log)
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
			b.Invoke = func(_ context.Context, p []byte, d time.Duration) error {
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
				told, err := b.Resume(t.Context(), in.DirectoryID, in.TaskIDs, in.Reply)
				if err != nil {
					t.Fatal(err)
				}
				return told
			}
			before := len(v.posts)
			if resume() || len(payloads) != 2 || !bytes.Equal(bytes.Replace(payloads[0], []byte(`"resumes":0`), []byte(`"resumes":1`), 1), payloads[1]) || len(v.posts) != before {
				t.Errorf("while it is open: %d invocations, %d posts", len(payloads), len(v.posts)-before)
			}
			if delays[0] != 0 || delays[1] != 3*time.Second {
				t.Errorf("delays %v, want that of a task of 10 s", delays)
			}
			if known.waits[1] != resumeWait {
				t.Errorf("it waits for %v", known.waits[1])
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
	b.Invoke = func(context.Context, []byte, time.Duration) error { return errors.New("must not be") }
	var log string
	resume := func(expires time.Time) (told bool, err error) {
		log = logged(t.Context(), func(ctx context.Context) {
			told, err = b.Resume(ctx, "", []task.ID{openID}, jsonOf(replyTo{Platform: "slack", To: v.URL + "/commands/T1/1/CODE", Expires: expires, Language: "zh-CN"}))
		})
		return told, err
	}
	told, err := resume(noon.Add(lastWords))
	if err != nil || !told || !strings.Contains(v.posts[0].body, "任务尚未结束") || !strings.Contains(log, `"platform":"slack","tasks":"`+string(openID)+` InProgress"`) || !strings.Contains(log, `"told":["slack"]`) {
		t.Errorf("got %v, %v, %v", told, err, v.posts)
	}
	v.says("/commands/T1/1/CODE", 404, `{"ok":false,"error":"expired_url"}`)
	if told, err = resume(noon.Add(-time.Hour)); err != nil || told || !strings.Contains(log, "expired_url: the time for later answers is over") || strings.Contains(log, `"told"`) {
		t.Errorf("for good: %v, %v, logged %s", told, err, log)
	}
	v.says("/commands/T1/1/CODE", 503, "", "", "")
	if told, err = resume(noon.Add(-time.Hour)); err == nil || told || !strings.Contains(err.Error(), "follow up on slack: HTTP 503") {
		t.Errorf("for now: %v, %v", told, err)
	}
	b.Invoke = func(context.Context, []byte, time.Duration) error { return &task.Error{Kind: task.Throttled} }
	if told, err = resume(noon.Add(time.Hour)); err == nil || told {
		t.Errorf("the next invocation cannot be had now: %v, %v", told, err)
	}
	b.Invoke = func(context.Context, []byte, time.Duration) error { return &task.Error{Kind: task.Refused} }
	if told, err = resume(noon.Add(time.Hour)); err != nil || !told || !strings.Contains(log, "refused") {
		t.Errorf("nor ever: %v, %v, logged %s", told, err, log)
	}
	b.Invoke = nil
	if told, err = resume(noon.Add(time.Hour)); err != nil || !told {
		t.Errorf("there is no next: %v, %v", told, err)
	}
}

// TestResumesEnd: should Function Compute delay nothing, invocations do not follow
// each other without end, nor come after the time.
func TestResumesEnd(t *testing.T) {
	v := newVendor(t)
	b, _ := newBot(t, v.URL)
	var payload []byte
	var delay time.Duration
	b.Invoke = func(_ context.Context, p []byte, d time.Duration) error {
		payload, delay = p, d
		return nil
	}
	to := replyTo{Platform: "slack", To: v.URL + "/commands/T1/1/CODE", Expires: noon.Add(lastWords + time.Second), Language: "en"}
	if told, err := b.Resume(t.Context(), "", []task.ID{openID}, jsonOf(to)); told || err != nil || delay != time.Second || !strings.Contains(string(payload), `"resumes":1`) {
		t.Errorf("got %v, %v, delay %v, %s", told, err, delay, payload)
	}
	to.Expires, to.Resumes = noon.Add(time.Hour), maxResumes
	if told, err := b.Resume(t.Context(), "", []task.ID{openID}, jsonOf(to)); !told || err != nil || !strings.Contains(v.posts[0].body, "It has not ended yet") {
		t.Errorf("got %v, %v, %v", told, err, v.posts)
	}
}

// TestResumeLeavesTime: of an invocation's time enough is kept for what comes after the look.
func TestResumeLeavesTime(t *testing.T) {
	v := newVendor(t)
	b, known := newBot(t, v.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	to := jsonOf(replyTo{Platform: "slack", To: v.URL + "/commands/T1/1/CODE", Expires: noon.Add(time.Hour)})
	if _, err := b.Resume(ctx, "", []task.ID{doneID}, to); err != nil || known.times[0] > 10*time.Second-resumeMargin {
		t.Errorf("%v: the look has %v", err, known.times)
	}
}

// TestPause: the most impatient of those that are open.
func TestPause(t *testing.T) {
	b, _ := newBot(t, "http://127.0.0.1:1")
	results := []task.Result{
		{Task: task.Task{Status: task.Success}},
		{Task: task.Task{Status: task.InProgress, Start: noon.Add(-time.Minute)}},
		{Err: &task.Error{Kind: task.Throttled, RetryAfter: 4 * time.Second}},
		{Err: &task.Error{Kind: task.NotFound}},
	}
	if got := task.NextLook(results, b.Now()); got != 4*time.Second {
		t.Errorf("got %v", got)
	}
	if got := task.NextLook(results[:2], b.Now()); got != 10*time.Second {
		t.Errorf("got %v", got)
	}
}

// TestPromise: for how long, and where there is no way back.
func TestPromise(t *testing.T) {
	for _, test := range []struct {
		name     string
		platform string
		call     func(at string) *http.Request
		want     string
		expires  time.Time // of the reply; zero: nothing is invoked
	}{
		{"slack", "slack", func(at string) *http.Request { return slackCall(at, "wait "+string(openID), noon, nil) }, "within 28 min", noon.Add(29 * time.Minute)},
		{"wecom", "wecom", func(at string) *http.Request { return wecomCall(at, "wait "+string(openID)+" en", noon, nil) }, "within 58 min", noon.Add(59 * time.Minute)},
		{"feishu", "feishu", func(string) *http.Request { return feishuCall("wait "+string(openID)+" en", noon, nil) }, "within 59 min", noon.Add(time.Hour)},
		{"dingtalk", "dingtalk", func(at string) *http.Request {
			return dingTalkCall(at, "wait "+string(openID)+" en", noon, func(m map[string]any) {
				m["sessionWebhookExpiredTime"] = noon.Add(10 * time.Minute).UnixMilli()
			})
		}, "within 9 min", noon.Add(10 * time.Minute)},
		{"dingtalk, nearly over", "dingtalk", func(at string) *http.Request {
			return dingTalkCall(at, "wait "+string(openID)+" en", noon, func(m map[string]any) {
				m["sessionWebhookExpiredTime"] = noon.Add(80 * time.Second).UnixMilli()
			})
		}, "no way to post here later", time.Time{}},
		{"slack, elsewhere", "slack", func(at string) *http.Request {
			return slackCall("https://example.com", "wait "+string(openID), noon, nil)
		}, "no way to post here later", time.Time{}},
		{"wecom, elsewhere", "wecom", func(at string) *http.Request {
			return wecomCall("https://example.com", "wait "+string(openID)+" en", noon, nil)
		}, "no way to post here later", time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVendor(t)
			b, _ := newBot(t, v.URL)
			var payloads []string
			b.Invoke = func(_ context.Context, p []byte, _ time.Duration) error {
				payloads = append(payloads, string(p))
				return nil
			}
			r := test.call(v.URL)
			body, _ := io.ReadAll(r.Body)
			for range 2 { // WeCom's second try is answered, and promises nothing anew
				r.Body = io.NopCloser(bytes.NewReader(body))
				response, err := asked(b, test.platform, r)
				if err != nil {
					t.Fatal(err)
				}
				if response == "" {
					continue
				}
				if got := told(t, v, test.platform, response); !strings.Contains(got, test.want) {
					t.Errorf("%q is not in %s", test.want, got)
				}
			}
			if test.expires.IsZero() {
				if len(payloads) != 0 {
					t.Errorf("invoked with %s", payloads)
				}
				return
			}
			if want := `"expires":"` + test.expires.Format(time.RFC3339) + `"`; len(payloads) != 1 || !strings.Contains(payloads[0], want) {
				t.Errorf("invoked with %s, want once and %s in it", payloads, want)
			}
		})
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
			if _, err := b.Resume(t.Context(), task.DirectoryID(test.directory), []task.ID{openID}, json.RawMessage(test.reply)); task.KindOf(err) != test.want {
				t.Errorf("got %v", err)
			}
		})
	}
	// An address that is not the platform's is never posted to.
	b, _ = newBot(t, "http://127.0.0.1:1")
	for _, platform := range []string{"slack", "dingtalk", "wecom"} {
		var told bool
		var err error
		log := logged(t.Context(), func(ctx context.Context) {
			told, err = b.Resume(ctx, "", []task.ID{doneID}, jsonOf(replyTo{Platform: platform, To: "https://example.com/robot/sendBySession?x", Expires: noon.Add(time.Hour)}))
		})
		if told || err != nil || !strings.Contains(log, "not one of the platform's") || strings.Contains(log, "example") {
			t.Errorf("%s: got %v, %v, logged %s", platform, told, err, log)
		}
	}
}
