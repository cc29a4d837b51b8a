package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// These tests ask the function itself, as it is deployed, from the four chats.

// answeredBy says how each platform is answered at once, and later.
var answeredBy = map[string][2]string{
	"dingtalk": {viaSession, viaSession},
	"feishu":   {viaReply, viaReply},
	"wecom":    {viaAnswer, viaResponse},
	"slack":    {viaAnswer, viaResponse},
}

func TestBuiltChat(t *testing.T) {
	s := start(t, options{env: map[string]string{"RECENT_TASKS": "on", "TIME_ZONE": "Asia/Shanghai"}})
	failed := s.createTask(t, "seconds=0&status=Failed&reason=No+Permission.&type=CreateAccessAssignment")
	succeeded := s.createTask(t, "seconds=0&status=Success&type=DeleteAccessAssignment")
	open := s.createTask(t, "seconds=600&type=ProvisionAccessConfiguration")
	for _, platform := range chatNames {
		for _, test := range []struct {
			name, text string
			title      string
			want       []string
			page       string // where the button leads; empty for none
		}{
			{"failed", "task " + failed + " en", "❌ Failed", []string{"Assign access to an account", failed, "No Permission.", "AliyunServiceRoleForCloudSSO", "+08:00", "less than 1 s", "request id "}, "/tasks/" + failed},
			{"failed, in Chinese", "任务 " + failed, "❌ 执行失败", []string{"在 RD 账号上授权", "No Permission.", "可能的原因", "请求 ID "}, "/tasks/" + failed},
			{"success", succeeded + " en", "✅ Success", []string{"Remove access from an account"}, "/tasks/" + succeeded},
			{"in progress", "status " + open + " en", "⏳ In progress", []string{"Provision access configuration", "Running for"}, "/tasks/" + open},
			{"several, pasted as JSON", `{"Tasks":[{"TaskId":"` + succeeded + `"},{"TaskId":"` + failed + `"},{"TaskId":"` + open + `"}]}` + " en", "❌ 3 tasks: 1 failed, 1 in progress, 1 succeeded", []string{"No Permission.", succeeded, failed, open}, "/tasks?id=" + succeeded + "," + failed + "," + open},
			{"a pasted link", s.frontURL + "/tasks/" + failed + " en", "❌ Failed", []string{"No Permission."}, "/tasks/" + failed},
			{"unknown", "task t-nobodyknowsthis en", "❔ Task not found", []string{"CloudSSO knows no task t-nobodyknowsthis"}, "/tasks/t-nobodyknowsthis"},
			{"masked", "task t-shfqw1u1edszvxw5**** en", "What you can ask", []string{"masked with asterisks"}, ""},
			{"failed lately", "failed en", "❌ Failed in the last 24 hours: ", []string{failed, "No Permission."}, "/tasks?status=Failed"},
			{"all that was lately", "最近", "最近 24 小时共 ", []string{failed, succeeded, open}, "/tasks"},
			{"nonsense", "open the pod bay doors en", "What you can ask", []string{"wait t-…"}, ""},
		} {
			t.Run(platform+" "+test.name, func(t *testing.T) {
				said := s.say(t, platform, test.text)
				if said.Status != http.StatusOK || len(said.Messages) != 1 {
					t.Fatalf("got %+v", said)
				}
				m := said.Messages[0]
				if m.Status != "shown" || m.Via != answeredBy[platform][0] || m.Private != (platform == "slack") || !strings.Contains(m.Title, test.title) {
					t.Errorf("got %+v", m)
				}
				for _, want := range test.want {
					if !strings.Contains(m.Text, want) {
						t.Errorf("%q is not in %s", want, m.Text)
					}
				}
				switch {
				case (m.Button != nil) != (test.page != "") && !slices.Contains(m.Links, s.frontURL+test.page):
					t.Errorf("the button is %+v, the links %q", m.Button, m.Links)
				case m.Button != nil && m.Button.URL != s.frontURL+test.page:
					t.Errorf("the button leads to %s", m.Button.URL)
				}
			})
		}
	}
}

// TestBuiltChatHostile: a failure reason calls nobody, leads nowhere and hides nothing.
func TestBuiltChatHostile(t *testing.T) {
	s := start(t, options{})
	reason := "<!channel> <!here> @all <@all> <at id=all></at> <at user_id=\"all\">x</at> [click](https://evil.example) <https://evil.example|here> ![i](https://evil.example/i.png) *b* `c`\n# h"
	one := s.createTask(t, "seconds=0&status=Failed&reason="+url.QueryEscape(reason))
	long := s.createTask(t, "seconds=0&status=Failed&reason="+url.QueryEscape(strings.Repeat("权限不足，", 3000)))
	for _, platform := range chatNames {
		for _, text := range []string{"task " + one, "task " + one + " " + long, "task " + long} {
			said := s.say(t, platform, text)
			if len(said.Messages) != 1 || said.Messages[0].Status != "shown" {
				t.Fatalf("%s: got %+v", platform, said)
			}
			m := said.Messages[0]
			for _, link := range m.Links {
				if !strings.HasPrefix(link, s.frontURL+"/tasks") {
					t.Errorf("%s: it leads to %s", platform, link)
				}
			}
			if len(m.Mentions) > 0 {
				t.Errorf("%s: it calls %q", platform, m.Mentions)
			}
		}
	}
}

var requestIDs = regexp.MustCompile(`"requestId":"[^"]*"`)

// TestBuiltChatRefuses: whoever is not the platform gets the same refusal, whatever is wrong.
func TestBuiltChatRefuses(t *testing.T) {
	s := start(t, options{})
	task := s.createTask(t, "seconds=0&status=Failed&reason=No+Permission.")
	bodies := make(map[string]bool)
	note := func(name string, status int, body string) {
		t.Helper()
		if status != http.StatusForbidden || strings.Contains(body, "No Permission") {
			t.Errorf("%s: got %d %s", name, status, body)
		}
		bodies[requestIDs.ReplaceAllString(body, "")] = true
	}
	for _, platform := range chatNames {
		for _, forge := range forgeries {
			if platform == "dingtalk" && forge == "body" || platform == "wecom" && forge == "tenant" {
				continue // the platform's signature covers no body; a smart bot is one company's
			}
			said := s.say(t, platform, "task "+task, "forge", forge)
			note(platform+" "+forge, said.Status, said.Body)
		}
		for name, body := range map[string]string{"empty": "", "not JSON": "{", "oversized": strings.Repeat("x", 70<<10)} {
			r := s.send(t, http.MethodPost, "/chat/"+platform, body)
			note(platform+" "+name, r.status, r.body)
		}
		r := s.get(t, "/chat/"+platform)
		note(platform+" by GET", r.status, r.body)
	}
	if len(bodies) != 1 {
		t.Errorf("the refusals differ: %v", bodies)
	}
	if n := s.counts(t).Calls["GetTaskStatus"]; n != 0 {
		t.Errorf("CloudSSO was asked %d times", n)
	}
	for _, platform := range chatNames {
		if entries := s.messages(t, platform); slices.ContainsFunc(entries, func(e chatEntry) bool { return e.Via != viaPerson && e.Via != viaNote }) {
			t.Errorf("%s: something was said: %+v", platform, entries)
		}
	}
}

// TestBuiltChatClosed: without a secret, or with one that is too short, there is no such page.
func TestBuiltChatClosed(t *testing.T) {
	for _, secret := range []string{"", "short"} {
		s := start(t, options{env: map[string]string{"DINGTALK_APP_SECRET": secret, "FEISHU_ENCRYPT_KEY": secret, "WECOM_TOKEN": secret, "SLACK_SIGNING_SECRET": secret}})
		for _, platform := range chatNames {
			if r := s.send(t, http.MethodPost, "/chat/"+platform, "x"); r.status != http.StatusNotFound || !strings.Contains(r.body, "/problems/no-such-page") {
				t.Errorf("%s with %q: got %d %s", platform, secret, r.status, r.body)
			}
		}
	}
}

// TestBuiltChatOnce: what is sent again is not answered again.
func TestBuiltChatOnce(t *testing.T) {
	s := start(t, options{})
	for _, platform := range chatNames {
		first := s.say(t, platform, "help")
		again := s.say(t, platform, "", "again", "true")
		// WeCom asks again where it got no response, which is all of the answer.
		want := 0
		if platform == "wecom" {
			want = 1
		}
		if len(first.Messages) != 1 || again.Status != http.StatusOK || len(again.Messages) != want {
			t.Errorf("%s: got %+v, then %+v", platform, first, again)
		}
	}
}

// TestBuiltChatRotation: calls are taken with either of two secrets.
func TestBuiltChatRotation(t *testing.T) {
	keys := []string{randomAESKey(), randomAESKey()}
	s := start(t, options{env: map[string]string{
		"DINGTALK_APP_SECRET": "new-secret-0123456789,old-secret-0123456789", "FEISHU_ENCRYPT_KEY": "new-secret-0123456789,old-secret-0123456789",
		"WECOM_AES_KEY": keys[0] + "," + keys[1], "SLACK_SIGNING_SECRET": "new-secret-0123456789,old-secret-0123456789",
	}})
	for _, platform := range chatNames {
		for _, secret := range []string{"1", "2"} {
			if said := s.say(t, platform, "help", "secret", secret); said.Status != http.StatusOK || len(said.Messages) != 1 {
				t.Errorf("%s with secret %s: got %+v", platform, secret, said)
			}
		}
	}
}

func TestBuiltChatAddressChecks(t *testing.T) {
	s := start(t, options{})
	for _, platform := range []string{"feishu", "wecom"} {
		if wrong := s.checkAddress(t, platform); wrong != "" {
			t.Errorf("%s: %s", platform, wrong)
		}
	}
}

// later waits for a message that comes after the call, and returns it.
func (s *stage) later(t *testing.T, platform string) chatEntry {
	t.Helper()
	var found chatEntry
	eventually(t, platform+" was told later", func() bool {
		for _, e := range s.messages(t, platform) {
			if e.Later {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// TestBuiltChatWait: "wait" answers at once, and again at the end.
func TestBuiltChatWait(t *testing.T) {
	t.Parallel()
	s := start(t, options{instances: 5})
	id := s.createTask(t, "seconds=2.5&status=Failed&reason=No+Permission.")
	for _, platform := range chatNames {
		said := s.say(t, platform, "wait "+id+" en")
		if len(said.Messages) != 1 || !strings.Contains(said.Messages[0].Text, "You will be told here when it has ended") {
			t.Errorf("%s: got %+v", platform, said)
		}
	}
	for _, platform := range chatNames {
		m := s.later(t, platform)
		if m.Status != "shown" || m.Via != answeredBy[platform][1] || m.Private != (platform == "slack") || !strings.Contains(m.Text, "No Permission.") || !strings.Contains(m.Text, "Failed") {
			t.Errorf("%s: told %+v", platform, m)
		}
	}
	if n := s.counts(t).Tasks[id]; n > 4*5 {
		t.Errorf("CloudSSO was asked %d times by four that wait", n)
	}
}

// TestBuiltChatWaitsOn: a task that outlasts an invocation is awaited by the next.
func TestBuiltChatWaitsOn(t *testing.T) {
	t.Parallel()
	s := start(t, options{instances: 3, timeout: 4 * time.Second})
	id := s.createTask(t, "seconds=6&status=Success")
	s.say(t, "slack", "wait "+id)
	if m := s.later(t, "slack"); !strings.Contains(m.Title, "✅ Success") {
		t.Errorf("told %+v", m)
	}
}

// TestBuiltChatWaitNeedsRight: without it the command says so, and answers all the same.
func TestBuiltChatWaitNeedsRight(t *testing.T) {
	s := start(t, options{})
	id := s.createTask(t, "seconds=600")
	s.setRight(t, "deny=fc:InvokeFunction")
	for _, platform := range chatNames {
		said := s.say(t, platform, "wait "+id+" en")
		if len(said.Messages) != 1 || !strings.Contains(said.Messages[0].Text, "You cannot be told here when it has ended: this function may not invoke itself, or the function that CHECK_FUNCTION names: its role needs fc:InvokeFunction.") ||
			!strings.Contains(said.Messages[0].Text, "In progress") {
			t.Errorf("%s: got %+v", platform, said)
		}
	}
}

// TestBuiltChatInTime: CloudSSO says nothing, and the function is just starting.
func TestBuiltChatInTime(t *testing.T) {
	const limit = 2500 // ms
	s := start(t, options{instances: 8})
	s.setFault(t, "kind=stall")
	for _, platform := range chatNames {
		for _, command := range []string{"task", "wait", "failed"} {
			t.Run(platform+" "+command, func(t *testing.T) {
				t.Parallel()
				said := s.say(t, platform, command+" t-shfqw1u1edszvxw5abcd en")
				if len(said.Messages) != 1 || said.Messages[0].Title == "" || said.Millis >= limit {
					t.Fatalf("got %+v", said)
				}
				m := said.Messages[0]
				page := s.frontURL + "/tasks/t-shfqw1u1edszvxw5abcd"
				leads := m.Button != nil && m.Button.URL == page || slices.Contains(m.Links, page)
				if command != "failed" && (!strings.Contains(m.Title, "⏳ Still checking") || !leads) {
					t.Errorf("got %+v", m)
				}
			})
		}
	}
}

// TestBuiltChatFaults: what the platforms do wrong themselves.
func TestBuiltChatFaults(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"down", "reset", "html", "redirect"} {
		t.Run(kind, func(t *testing.T) {
			s := start(t, options{})
			s.setChatFault(t, "platform=dingtalk&kind="+kind)
			s.setChatFault(t, "platform=feishu&kind="+kind)
			// The response says so then, which DingTalk posts.
			if said := s.say(t, "dingtalk", "help en"); said.Status != http.StatusOK || !slices.ContainsFunc(said.Messages, func(e chatEntry) bool {
				return e.Via == viaAnswer && e.Status == "shown" && strings.Contains(e.Title, "The answer could not be posted here")
			}) {
				t.Errorf("dingtalk: got %+v", said)
			}
			// Feishu asks again after a response that is no success.
			if said := s.say(t, "feishu", "help"); said.Status != http.StatusInternalServerError {
				t.Errorf("feishu: got %+v", said)
			}
			s.clearChatFaults(t)
			if said := s.say(t, "feishu", "", "again", "true"); said.Status != http.StatusOK || len(said.Messages) != 1 {
				t.Errorf("feishu, asking again: got %+v", said)
			}
		})
	}
	t.Run("once", func(t *testing.T) {
		s := start(t, options{})
		s.setChatFault(t, "platform=dingtalk&kind=down&count=1")
		s.setChatFault(t, "platform=feishu&kind=reset&count=1")
		for platform, via := range map[string]string{"dingtalk": viaSession, "feishu": viaReply} {
			if said := s.say(t, platform, "help"); said.Status != http.StatusOK || !slices.ContainsFunc(said.Messages, func(e chatEntry) bool { return e.Via == via && e.Status == "shown" }) {
				t.Errorf("%s: got %+v", platform, said)
			}
		}
	})
}

// TestBuiltNotifyTest: a sample to every webhook, and in plain words what came of it.
func TestBuiltNotifyTest(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	trials := func() map[string]string {
		t.Helper()
		var answer struct {
			NotifyTest []struct {
				Platform, Problem string
				OK                bool
			}
		}
		decode(t, s.invoke(t, `{"notifyTest":true}`).body, &answer)
		problems := make(map[string]string)
		for _, trial := range answer.NotifyTest {
			if trial.OK != (trial.Problem == "") {
				t.Errorf("got %+v", trial)
			}
			problems[trial.Platform] = trial.Problem
		}
		return problems
	}
	if got := trials(); len(got) != len(receiverNames) || got["dingtalk"]+got["feishu"]+got["wecom"]+got["slack"]+got["webhook"] != "" {
		t.Errorf("got %v", got)
	}
	for _, platform := range chatNames {
		entries := s.messages(t, platform)
		if len(entries) != 1 || entries[0].Via != viaWebhook || entries[0].Status != "shown" || !strings.Contains(entries[0].Text, "CloudSSO") || !strings.Contains(entries[0].Text, "No Permission.") {
			t.Errorf("%s: got %+v", platform, entries)
		}
	}
	for kind, want := range map[string]string{
		"badsign": "signature does not match", "keyword": "add CloudSSO to its keywords", "ip": "from listed addresses only",
		"revoked": "no such webhook", "redirect": "no redirect is followed", "html": "makes no sense",
	} {
		s.clearChatFaults(t)
		var faulty []string // a platform takes only the faults that it can have
		for _, platform := range chatNames {
			if r := do(t, http.MethodPost, s.chatURL+"/faults?platform="+platform+"&kind="+kind, ""); r.status == http.StatusOK {
				faulty = append(faulty, platform)
			}
		}
		got := trials()
		for _, platform := range faulty {
			if !strings.Contains(got[platform], want) {
				t.Errorf("%s, %s: got %q, want %q", platform, kind, got[platform], want)
			}
		}
		if len(faulty) == 0 {
			t.Errorf("no platform can have the fault %s", kind)
		}
	}
}

// TestBuiltChatLogs: whatever is asked and goes wrong, no secret and no address of a chat is logged.
func TestBuiltChatLogs(t *testing.T) {
	t.Parallel()
	s := start(t, options{instances: 6, env: map[string]string{"LOG_LEVEL": "debug"}})
	id := s.createTask(t, "seconds=3&status=Failed&reason=No+Permission.")
	for _, platform := range chatNames {
		s.say(t, platform, "wait "+id)
		s.say(t, platform, "task "+id, "forge", "signature")
	}
	for _, platform := range chatNames {
		s.later(t, platform)
	}
	s.setChatFault(t, "platform=dingtalk&kind=down")
	s.setChatFault(t, "platform=feishu&kind=redirect")
	for _, platform := range chatNames {
		s.say(t, platform, "help")
	}
	s.invoke(t, `{"notifyTest":true}`)
	log := functionLog(s)
	for name, value := range s.function.variables {
		secret := strings.Contains(name, "SECRET") || strings.Contains(name, "TOKEN") || strings.Contains(name, "KEY") || strings.Contains(name, "WEBHOOK")
		if secret && len(value) > 5 && strings.Contains(log, value) {
			t.Errorf("%s is logged", name)
		}
	}
	for _, part := range []string{"session=", "response_code=", "/commands/", "sign=", "access_token="} {
		if strings.Contains(log, part) {
			t.Errorf("%q is logged", part)
		}
	}
	for _, want := range []string{`"route":"/chat/{platform}"`, `"command":"wait"`, id + " Failed", "the signature does not match", `"postError":"HTTP 503: the platform is unavailable"`} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not logged: %s", want, log)
		}
	}
}

// BenchmarkChat asks with CloudSSO at 300 ms: a new task each time, as one that is
// known is not asked for.
func BenchmarkChat(b *testing.B) {
	for _, platform := range chatNames {
		b.Run(platform, func(b *testing.B) {
			s := start(b, options{})
			s.setFault(b, "kind=slow&ms=300")
			s.say(b, platform, "help")
			var took []int64
			for b.Loop() {
				id := s.createTask(b, "seconds=0&status=Failed&reason=No+Permission.")
				said := s.say(b, platform, "task "+id)
				if len(said.Messages) != 1 || !strings.Contains(said.Messages[0].Text, "No Permission.") {
					b.Fatalf("got %+v", said)
				}
				took = append(took, said.Millis)
			}
			slices.Sort(took)
			for _, p := range []int{50, 99} {
				b.ReportMetric(float64(took[min(len(took)-1, len(took)*p/100)]), fmt.Sprintf("p%d-ms", p))
			}
		})
	}
}
