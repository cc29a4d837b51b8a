package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"taskstatus/function/task"
)

// poster returns a platform whose pauses only move its clock.
func poster(t *testing.T, v *vendor, name string) (platform, *client, *[]time.Duration) {
	t.Helper()
	p, c := configured(t, v.URL)
	now := noon
	slept := new([]time.Duration)
	c.now = func() time.Time { return now }
	c.sleep = func(ctx context.Context, d time.Duration) error {
		*slept = append(*slept, d)
		now = now.Add(d)
		return ctx.Err()
	}
	return p.find(name), c, slept
}

var webhooks = map[string]string{
	"dingtalk": "/robot/send", "feishu": "/open-apis/bot/v2/hook/HOOKTOKEN",
	"wecom": "/cgi-bin/webhook/send", "slack": "/services/T1/B1/HOOKTOKEN",
}

// TestPost: what a platform answers, in plain words; success is more than a status of 200.
func TestPost(t *testing.T) {
	const good = ""
	for _, test := range []struct {
		platform string
		status   int
		body     string
		want     string // in the error; empty for none
		attempts int
	}{
		{"dingtalk", 200, `{"errcode":0,"errmsg":"ok"}`, good, 1},
		{"dingtalk", 200, `{"errcode":310000,"errmsg":"keywords not in content, more: [https://example.com]"}`, "errcode 310000: the webhook wants a keyword: add CloudSSO", 1},
		{"dingtalk", 200, `{"errcode":310000,"errmsg":"sign not match"}`, "errcode 310000: the signature does not match", 1},
		{"dingtalk", 200, `{"errcode":310000,"errmsg":"invalid timestamp"}`, "errcode 310000: the time of the signature is not accepted", 1},
		{"dingtalk", 200, `{"errcode":310000,"errmsg":"ip 192.0.2.1 not in whitelist"}`, "errcode 310000: the webhook takes messages from listed addresses only", 1},
		{"dingtalk", 200, `{"errcode":130101,"errmsg":"send too fast"}`, "errcode 130101: too many messages", 1},
		{"dingtalk", 200, `{"errcode":460101,"errmsg":"message too long"}`, "errcode 460101: the message is too long", 1},
		{"dingtalk", 200, `{"errcode":300005,"errmsg":"token is not exist"}`, "errcode 300005: there is no such webhook", 1},
		{"dingtalk", 200, `{"errcode":130102,"errmsg":"send too fast"}`, "errcode 130102: too many messages", 1},
		{"dingtalk", 200, `{"errcode":40014,"errmsg":"invalid access_token"}`, "errcode 40014: there is no such webhook", 1},
		{"dingtalk", 200, `{"errcode":1,"errmsg":"SECRET"}`, "errcode 1: the platform does not take the message", 1},
		{"dingtalk", 200, `{"errcode":-1,"errmsg":"busy"}`, "errcode -1: the platform does not take the message", 3},
		{"dingtalk", 200, `<html>SECRET</html>`, "HTTP 200: the answer makes no sense", 1},
		{"dingtalk", 200, `{}`, "HTTP 200: the answer makes no sense", 1},
		{"feishu", 200, `{"code":0,"msg":"success"}`, good, 1},
		{"feishu", 200, `{"StatusCode":0,"StatusMessage":"success"}`, good, 1},
		{"feishu", 200, `{"code":19021,"msg":"sign match fail or timestamp is not within one hour"}`, "code 19021: the signature does not match", 1},
		{"feishu", 200, `{"code":19022,"msg":"Ip Not Allowed"}`, "code 19022: the webhook takes messages from listed addresses only", 1},
		{"feishu", 200, `{"code":19024,"msg":"Key Words Not Found"}`, "code 19024: the webhook wants a keyword", 1},
		{"feishu", 400, `{"code":19001,"msg":"param invalid: incoming webhook access token invalid"}`, "code 19001: there is no such webhook", 1},
		{"feishu", 200, `{"code":11232,"msg":"frequency limited"}`, "code 11232: too many messages", 3},
		{"feishu", 400, `{"code":9499,"msg":"Bad Request"}`, "code 9499: too many messages", 3},
		{"feishu", 200, `{"code":230025,"msg":"too long"}`, "code 230025: the message is too long", 1},
		{"feishu", 400, `{"code":230002,"msg":"bot not in chat"}`, "code 230002: the application's bot is not in that conversation", 1},
		{"feishu", 400, `{"code":99991672,"msg":"no permission"}`, "code 99991672: the application lacks a permission", 1},
		{"feishu", 400, `{"code":99991661,"msg":"no token"}`, "code 99991661: the application's token is not accepted", 1},
		{"feishu", 500, `{"code":0}`, "HTTP 500: the platform is unavailable", 3},
		{"feishu", 200, `{"StatusCode":1}`, "code 1: the platform does not take the message", 1},
		{"feishu", 200, `{}`, "HTTP 200: the answer makes no sense", 1},
		{"feishu", 502, `<html>`, "HTTP 502: the platform is unavailable", 3},
		{"wecom", 200, `{"errcode":0,"errmsg":"ok"}`, good, 1},
		{"wecom", 200, `{"errcode":93000,"errmsg":"invalid webhook url, hint: [SECRET]"}`, "errcode 93000: there is no such webhook", 1},
		{"wecom", 200, `{"errcode":45009,"errmsg":"api freq out of limit"}`, "errcode 45009: too many messages", 3},
		{"wecom", 200, `{"errcode":40058,"errmsg":"markdown.content exceed max length 4096"}`, "errcode 40058: the message is too long", 1},
		{"wecom", 200, `{"errcode":93008,"errmsg":"not in group"}`, "errcode 93008: there is no such webhook", 1},
		{"wecom", 200, `{"errcode":40029,"errmsg":"invalid code"}`, "errcode 40029: the time for later answers is over", 1},
		{"wecom", 200, `{"errcode":60020,"errmsg":"not allow to access from your ip"}`, "errcode 60020: the webhook takes messages from listed addresses only", 1},
		{"wecom", 200, `{"errcode":-1,"errmsg":"system busy"}`, "errcode -1: the platform does not take the message", 3},
		{"wecom", 200, `{"errcode":1}`, "errcode 1: the platform does not take the message", 1},
		{"wecom", 403, ``, "HTTP 403: the platform refuses the message", 1},
		{"wecom", 200, `null`, "HTTP 200: the answer makes no sense", 1},
		{"slack", 200, `ok`, good, 1},
		{"slack", 200, `{"ok":true}`, good, 1},
		{"slack", 200, `{"ok":false,"error":"used_url"}`, "used_url: the time for later answers is over", 1},
		{"slack", 200, `invalid`, "HTTP 200: the answer makes no sense", 1},
		{"slack", 403, `invalid_token`, "invalid_token: there is no such webhook", 1},
		{"slack", 404, `no_service`, "no_service: there is no such webhook", 1},
		{"slack", 400, `msg_blocks_too_long`, "msg_blocks_too_long: the message is too long", 1},
		{"slack", 403, `action_prohibited`, "action_prohibited: the workspace does not let this webhook post there", 1},
		{"slack", 400, `invalid_payload SECRET`, "HTTP 400: the platform refuses the message", 1},
		{"slack", 429, `rate_limited`, "rate_limited: too many messages", 3},
		{"slack", 410, ``, "HTTP 410: there is no such webhook", 1},
		{"slack", 500, ``, "HTTP 500: the platform is unavailable", 3},
	} {
		t.Run(fmt.Sprintf("%s %d %.40s", test.platform, test.status, test.body), func(t *testing.T) {
			v := newVendor(t)
			p, _, _ := poster(t, v, test.platform)
			path := webhooks[test.platform]
			v.says(path, test.status, test.body, test.body, test.body, test.body)
			err := p.post(t.Context(), helpful(task.English))
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if n := len(v.posted(path)); n != test.attempts {
				t.Errorf("%d attempts, want %d", n, test.attempts)
			}
			checkNoSecret(t, err)
		})
	}
}

// checkNoSecret fails the test on an error that repeats an address or what a platform said.
func checkNoSecret(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"HOOKTOKEN", "SECRET", "SECwebhook", "webhook-secret", "127.0.0.1", "example.com", "sign="} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error repeats %s: %v", secret, err)
		}
	}
}

// TestPostRecovers: one fault that passes is not seen, and each attempt is signed anew.
func TestPostRecovers(t *testing.T) {
	for platform, path := range webhooks {
		t.Run(platform, func(t *testing.T) {
			v := newVendor(t)
			p, _, slept := poster(t, v, platform)
			v.says(path, 503, "")
			if err := p.post(t.Context(), helpful(task.English)); err != nil {
				t.Fatal(err)
			}
			posts := v.posted(path)
			if len(posts) != 2 || len(*slept) == 0 || (*slept)[0] < backoff {
				t.Fatalf("%d posts after %v", len(posts), *slept)
			}
			if platform == "dingtalk" && posts[0].query.Get("sign") == posts[1].query.Get("sign") {
				t.Error("the second has the sign of the first")
			}
		})
	}
}

// TestPostFaults are those where no answer comes, or one that leads elsewhere.
func TestPostFaults(t *testing.T) {
	hang := make(chan struct{})
	for _, test := range []struct {
		name     string
		answer   func(http.ResponseWriter, *http.Request)
		want     string
		attempts int
	}{
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
			"HTTP 302: the address leads elsewhere, and no redirect is followed", 1},
		{"a reset", func(w http.ResponseWriter, _ *http.Request) {
			c, _, _ := http.NewResponseController(w).Hijack()
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}, "the platform cannot be reached", 3},
		{"64 KB and more", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat(" ", maxAnswer+1)) },
			"HTTP 200: the answer makes no sense", 1},
		{"silence", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}, "the platform took too long", 1},
		{"an answer that breaks off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "{")
		}, "the platform cannot be reached", 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVendor(t)
			t.Cleanup(func() {
				if test.name == "silence" {
					close(hang)
				}
			})
			p, c, _ := poster(t, v, "wecom")
			c.now = time.Now // by which the time that ctx leaves is reckoned; a pause takes none
			path := webhooks["wecom"]
			for range maxAttempts {
				v.answers[path] = append(v.answers[path], test.answer)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := p.post(ctx, helpful(task.English))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			checkNoSecret(t, err)
			if n := len(v.posted(path)); n != test.attempts {
				t.Errorf("%d attempts, want %d", n, test.attempts)
			}
			if n := len(v.posted("/elsewhere")); n != 0 {
				t.Errorf("%d posts elsewhere", n)
			}
		})
	}
}

// TestPostHasNoTime: what cannot end in time is not begun.
func TestPostHasNoTime(t *testing.T) {
	v := newVendor(t)
	p, c, slept := poster(t, v, "slack")
	c.now = time.Now
	v.answers[webhooks["slack"]] = append(v.answers[webhooks["slack"]], func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	failed, ok := errors.AsType[*failure](p.post(ctx, helpful(task.English)))
	if !ok || failed.retryAfter != 30*time.Second || len(*slept) != 0 {
		t.Errorf("got %+v, slept %v", failed, *slept)
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "x": 0, "-1": 0, "7": 7 * time.Second, "100000": maxRetryAfter,
		"Tue, 24 Nov 2026 04:00:30 GMT": 30 * time.Second, "Tue, 24 Nov 2026 03:00:30 GMT": 0,
	} {
		if got := retryAfter(value, noon); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// TestPace: bursts are spread to what each platform takes, and a robot that was
// closed is left alone.
func TestPace(t *testing.T) {
	for platform, want := range map[string]struct {
		posts int
		least time.Duration
	}{
		"dingtalk": {45, 2 * time.Minute}, "wecom": {45, 2 * time.Minute}, "feishu": {12, 2 * time.Second}, "slack": {10, 9 * time.Second},
	} {
		t.Run(platform, func(t *testing.T) {
			v := newVendor(t)
			p, c, _ := poster(t, v, platform)
			var times []time.Time
			for range want.posts {
				if err := p.post(t.Context(), helpful(task.English)); err != nil {
					t.Fatal(err)
				}
				times = append(times, c.now())
			}
			if took := times[len(times)-1].Sub(times[0]); took < want.least || took > 2*want.least {
				t.Errorf("%d messages took %v, want about %v", want.posts, took, want.least)
			}
			if platform == "dingtalk" || platform == "wecom" {
				for i := range times[20:] {
					if times[i+20].Sub(times[i]) < time.Minute {
						t.Errorf("21 messages in %v", times[i+20].Sub(times[i]))
					}
				}
			}
		})
	}
	t.Run("closed", func(t *testing.T) {
		v := newVendor(t)
		p, c, slept := poster(t, v, "dingtalk")
		v.says("/robot/send", 200, `{"errcode":130101,"errmsg":"send too fast"}`)
		if err := p.post(t.Context(), helpful(task.English)); err == nil {
			t.Fatal("no error")
		}
		ctx, cancel := context.WithDeadline(t.Context(), c.now().Add(time.Minute))
		defer cancel()
		failed, _ := errors.AsType[*failure](p.post(ctx, helpful(task.English)))
		if failed == nil || failed.problem != tooFast || failed.retryAfter != dingTalkClosed || len(v.posted("/robot/send")) != 1 {
			t.Errorf("got %+v, after %v", failed, *slept)
		}
		closed := c.now()
		if err := p.post(t.Context(), helpful(task.English)); err != nil || len(v.posted("/robot/send")) != 2 {
			t.Errorf("ten minutes later: %v", err)
		}
		if waited := c.now().Sub(closed); waited != dingTalkClosed {
			t.Errorf("waited %v", waited)
		}
	})
}

// TestWebhookSigns: what each platform's webhook wants to see.
func TestWebhookSigns(t *testing.T) {
	v := newVendor(t)
	p, _, _ := poster(t, v, "dingtalk")
	if err := p.post(t.Context(), helpful(task.Chinese)); err != nil {
		t.Fatal(err)
	}
	q := v.posts[0].query
	if q.Get("access_token") != "HOOKTOKEN" || q.Get("timestamp") != "1795492800000" || q.Get("sign") != dingTalkSign("SECwebhook", "1795492800000") {
		t.Errorf("dingtalk: got %v", q)
	}
	p, _, _ = poster(t, v, "feishu")
	if err := p.post(t.Context(), helpful(task.Chinese)); err != nil {
		t.Fatal(err)
	}
	if body := v.posts[1].body; !strings.HasPrefix(body, `{"timestamp":"1795492800","sign":"`+feishuPostSign("webhook-secret", "1795492800")+`","msg_type":"interactive","card":{`) {
		t.Errorf("feishu: got %s", body)
	}
	unsigned, _ := configured(t, v.URL, "DINGTALK_WEBHOOK_SECRET", "", "FEISHU_WEBHOOK_SECRET", "")
	for _, name := range []string{"dingtalk", "feishu"} {
		if err := unsigned.find(name).post(t.Context(), helpful(task.Chinese)); err != nil {
			t.Fatal(err)
		}
	}
	if v.posts[2].query.Has("sign") || strings.Contains(v.posts[3].body, `"sign"`) {
		t.Errorf("without a secret: got %v and %s", v.posts[2].query, v.posts[3].body)
	}
}

func TestTryPost(t *testing.T) {
	v := newVendor(t)
	b, _ := newBot(t, v.URL, "WECOM_WEBHOOK_URL", "")
	v.says("/robot/send", 200, `{"errcode":310000,"errmsg":"sign not match"}`)
	trials := b.TryPost(t.Context())
	if len(trials) != 3 || trials[0].Platform != "dingtalk" || trials[0].OK || !strings.Contains(trials[0].Problem, "the signature does not match") ||
		!trials[1].OK || trials[2].Platform != "slack" || !trials[2].OK {
		t.Errorf("got %+v", trials)
	}
	posted := v.posted("/services/T1/B1/HOOKTOKEN")[0].body
	if !strings.Contains(posted, "This is a sample") || !strings.Contains(posted, `"url":"https://status.example.com/"`) || strings.Contains(posted, "/tasks/") {
		t.Errorf("posted %s", posted)
	}
}
