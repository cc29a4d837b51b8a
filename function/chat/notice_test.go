package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"taskstatus/function/task"
	"taskstatus/function/webhook"
)

const (
	hookURL    = "https://hooks.example.com/cloudsso?token=HOOKTOKEN"
	hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// telling returns a bot that posts to the vendor without a network, as one of so
// many instances.
func telling(t testing.TB, v http.RoundTripper, instances int) *Bot {
	t.Helper()
	env := variables("https://vendor.example.com")
	env["WEBHOOK_URL"], env["WEBHOOK_SECRET"] = hookURL, hookSecret
	platforms, warnings, err := Configure(func(name string) string { return env[name] }, v, instances)
	if err != nil || len(warnings) != 0 {
		t.Fatal(warnings, err)
	}
	return &Bot{
		Platforms: platforms, Directories: []task.DirectoryID{directory}, Zone: shanghai, Now: time.Now, Link: link,
		Document: func(n task.Notice) any { return map[string]any{"type": n.Kind, "data": len(n.Results)} },
	}
}

// inMemory is a vendor that serves no network: a bubble of synctest may have none.
func inMemory() *vendor {
	return &vendor{answers: make(map[string][]func(http.ResponseWriter, *http.Request))}
}

func failedNotice(id string) task.Notice {
	return task.Notice{ID: id, Kind: task.NoticeEnded, Directory: directory, Results: []task.Result{{ID: failedID, Task: task.Task{
		ID: failedID, Directory: directory, Type: task.CreateAccessAssignment, Status: task.Failed, Start: noon, End: noon.Add(time.Second), FailureReason: "No Permission."}}}}
}

var everybody = []string{"dingtalk", "feishu", "wecom", "slack", "webhook"}

// paths are where each platform is posted to.
var paths = map[string]string{
	"dingtalk": "/robot/send", "feishu": "/open-apis/bot/v2/hook/HOOKTOKEN", "wecom": "/cgi-bin/webhook/send",
	"slack": "/services/T1/B1/HOOKTOKEN", "webhook": "/cloudsso",
}

func TestTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := inMemory()
		b := telling(t, v, 1)
		told, err := b.Tell(t.Context(), failedNotice("msg_1"))
		if err != nil || !slices.Equal(told, everybody) {
			t.Errorf("told %q, %v", told, err)
		}
		for name, path := range paths {
			posted := v.posted(path)
			if len(posted) != 1 {
				t.Fatalf("%s: %d messages", name, len(posted))
			}
			if name != "webhook" && !strings.Contains(posted[0].body, "No Permission.") {
				t.Errorf("%s: posted %s", name, posted[0].body)
			}
		}

		// What the instance has told it does not tell again.
		told, err = b.Tell(t.Context(), failedNotice("msg_1"))
		if err != nil || !slices.Equal(told, everybody) || len(v.posts) != 5 {
			t.Errorf("told %q again, %v, in %d messages", told, err, len(v.posts))
		}
		if b.Tell(t.Context(), failedNotice("msg_2")); len(v.posts) != 10 {
			t.Errorf("%d messages", len(v.posts))
		}
	})
}

// TestTellProgram: the generic webhook is signed as Standard Webhooks has it, anew
// for each attempt, under the same id.
func TestTellProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := inMemory()
		v.says("/cloudsso", 503, "busy")
		b := telling(t, v, 1)
		if _, err := b.Tell(t.Context(), failedNotice("msg_1")); err != nil {
			t.Fatal(err)
		}
		keys, err := webhook.ParseKeys(hookSecret)
		if err != nil {
			t.Fatal(err)
		}
		posted := v.posted("/cloudsso")
		if len(posted) != 2 {
			t.Fatalf("%d attempts", len(posted))
		}
		for _, p := range posted {
			id, err := keys.Verify(p.header, []byte(p.body), time.Now())
			if err != nil || id != "msg_1" || p.body != `{"data":1,"type":"tasks.ended"}` || p.query.Get("token") != "HOOKTOKEN" {
				t.Errorf("posted %+v, %v", p, err)
			}
		}
	})
}

// TestTellTrouble: whoever cannot be told is tried again for as long as there is
// time, and alone.
func TestTellTrouble(t *testing.T) {
	refuse := func(status int, body string) []string { return []string{fmt.Sprint(status), body} }
	for _, test := range []struct {
		name, platform string
		answer         []string
		// lasts is how often the answer is given.
		lasts int
		err   string
		// took is how long it takes, roughly.
		took time.Duration
	}{
		{"down for a while", "slack", refuse(503, "down"), 12, "", 60 * time.Second},
		{"down for too long", "slack", refuse(503, "down"), 1000, "slack: HTTP 503: the platform is unavailable", 2 * time.Minute},
		{"not what it seems to be", "webhook", refuse(301, ""), 1000, "webhook: HTTP 301: the address leads elsewhere", 0},
		{"another secret", "webhook", refuse(401, ""), 1000, "webhook: HTTP 401: the signature does not match", 0},
		{"busy for a while", "wecom", refuse(200, `{"errcode":45009,"errmsg":"api freq out of limit"}`), 2, "", 160 * time.Second},
		{"closed for longer than there is time", "dingtalk", refuse(200, `{"errcode":130101,"errmsg":"send too fast"}`), 1, "dingtalk: errcode 130101: too many messages in a short time", 9 * time.Minute},
		{"gone", "webhook", refuse(410, ""), 1000, "webhook: HTTP 410: there is no such webhook", 0},
		{"the wrong secret", "dingtalk", refuse(200, `{"errcode":310000,"errmsg":"sign not match"}`), 1000, "dingtalk: errcode 310000: the signature does not match", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := inMemory()
				status := http.StatusOK
				fmt.Sscan(test.answer[0], &status)
				v.says(paths[test.platform], status, slices.Repeat(test.answer[1:], test.lasts)...)
				b := telling(t, v, 1)
				ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
				defer cancel()
				began := time.Now()
				told, err := b.Tell(ctx, failedNotice("msg_1"))
				if took := time.Since(began); took < test.took/2 || took > test.took*3/2 {
					t.Errorf("took %v, want about %v", took, test.took)
				}
				if test.err == "" {
					if err != nil || !slices.Equal(told, everybody) {
						t.Errorf("told %q, %v", told, err)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), test.err) || len(told) != 4 || slices.Contains(told, test.platform) {
					t.Errorf("told %q, %v", told, err)
				}
				if strings.Contains(err.Error(), "TOKEN") || strings.Contains(err.Error(), "example.com") {
					t.Errorf("the error tells too much: %v", err)
				}

				// The next attempt tells only who was not told.
				v.answers[paths[test.platform]] = nil
				before := len(v.posts)
				if told, err := b.Tell(t.Context(), failedNotice("msg_1")); err != nil || !slices.Equal(told, everybody) || len(v.posts) != before+1 {
					t.Errorf("then told %q, %v, in %d more messages", told, err, len(v.posts)-before)
				}
			})
		})
	}
}

func TestTellNobody(t *testing.T) {
	b := &Bot{Platforms: new(Platforms), Now: time.Now}
	if told, err := b.Tell(t.Context(), failedNotice("msg_1")); len(told) != 0 || err != nil {
		t.Errorf("told %q, %v", told, err)
	}
}

// TestTellTogether: many instances that each have much to tell, as in a bulk where all
// fails, tell it all, and are hardly ever refused.
func TestTellTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const instances, each = 20, 5
		limits := map[string]limit{
			paths["dingtalk"]: {20, time.Minute}, paths["wecom"]: {20, time.Minute}, paths["feishu"]: {100, time.Minute}, paths["slack"]: {3, time.Second},
		}
		refusals := map[string]string{
			paths["dingtalk"]: `{"errcode":130101,"errmsg":"send too fast"}`, paths["wecom"]: `{"errcode":45009,"errmsg":"api freq out of limit"}`,
			paths["feishu"]: `{"code":11232,"msg":"frequency limited"}`, paths["slack"]: `{"ok":false,"error":"rate_limited"}`,
		}
		v := inMemory()
		taken, refused := make(map[string][]time.Time), make(map[string]int)
		limited := roundTripper(func(r *http.Request) (*http.Response, error) {
			v.mu.Lock()
			l, times := limits[r.URL.Path], taken[r.URL.Path]
			over := l.most > 0 && len(times) >= l.most && time.Since(times[len(times)-l.most]) < l.in
			if over {
				refused[r.URL.Path]++
			} else {
				taken[r.URL.Path] = append(times, time.Now())
			}
			v.mu.Unlock()
			if over {
				v.says(r.URL.Path, http.StatusOK, refusals[r.URL.Path])
			}
			return v.RoundTrip(r)
		})
		var all sync.WaitGroup
		for i := range instances {
			b := telling(t, limited, instances)
			all.Go(func() {
				for n := range each {
					if _, err := b.Tell(t.Context(), failedNotice(fmt.Sprint("msg_", i, "-", n))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		for name, path := range paths {
			if got := len(taken[path]); got != instances*each {
				t.Errorf("%s: %d messages", name, got)
			}
			if most := map[string]int{"slack": instances * each}[name]; refused[path] > most {
				t.Errorf("%s: %d refused, want %d at the most", name, refused[path], most)
			}
		}
	})
}

// TestTellSoon: where there is not much to tell, each is told at once, however many
// instances there may be.
func TestTellSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := inMemory()
		b := telling(t, v, 20)
		for i := range 10 {
			began := time.Now()
			if _, err := b.Tell(t.Context(), failedNotice(fmt.Sprint("msg_", i))); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("message %d came after %v", i, took)
			}
			time.Sleep(pressing)
		}
	})
}

// TestShareTake: the part counts for who is pressed, and for who was refused, from
// a moment on that each instance draws for itself.
func TestShareTake(t *testing.T) {
	s := newShare([]limit{{20, time.Minute}}, 20)
	now := noon
	step := func(what string, pass time.Duration, pressed bool, least, most time.Duration) time.Duration {
		t.Helper()
		now = now.Add(pass)
		wait := s.take(now, pressed)
		if wait < least || wait > most {
			t.Errorf("%s: waits %v, want %v to %v", what, wait, least, most)
		}
		return wait
	}
	step("the first", 0, false, 0, 0)
	step("another", 10*time.Second, false, 0, 0)
	wait := step("pressed", 5*time.Second, true, 70*time.Second, 145*time.Second)
	step("too early", time.Second, true, wait-time.Second, wait-time.Second)
	step("in its turn", wait-time.Second, true, 0, 0)
	step("from then on", 0, true, 75*time.Second, 75*time.Second)
	step("at leisure", 5*time.Second, false, 0, 0)
	s.refused(now)
	step("refused", 5*time.Second, false, 70*time.Second, 145*time.Second)
	step("an hour later", wary, false, 0, 0)
	step("and again", time.Second, false, 0, 0)
}

// TestGrouped: very many tasks are told of by what they have in common, none is left
// out, and what differs is told apart.
func TestGrouped(t *testing.T) {
	b, _ := newBot(t, "http://127.0.0.1:1")
	var results []task.Result
	add := func(count int, status task.Status, reason string) {
		for range count {
			id := task.ID(fmt.Sprintf("t-task%06d", len(results)))
			results = append(results, task.Result{ID: id, Task: task.Task{ID: id, Type: task.CreateAccessAssignment, Status: status, FailureReason: reason,
				Details: &task.Details{PrincipalName: fmt.Sprint("somebody ", len(results))}}})
		}
	}
	add(3, task.InProgress, "")
	add(30, task.Failed, "No Permission.")
	add(1, task.Failed, "Quota exceeded.")
	m := b.notice(t.Context(), task.Notice{Kind: task.NoticeSweep, Directory: directory, Results: results}, task.English)
	var got []string
	for _, r := range m.rows {
		got = append(got, r.id+": "+r.status+", "+r.about)
	}
	want := []string{
		"t-task000003: Failed, Assign access to an account · No Permission. · 29 more like it",
		"t-task000033: Failed, Assign access to an account · Quota exceeded.",
		"t-task000000: In progress, Assign access to an account · 2 more like it",
	}
	if !slices.Equal(got, want) || m.title != "34 tasks: 31 failed, 3 in progress" {
		t.Errorf("%s: got %q", m.title, got)
	}
	// So few are told of one by one.
	if m := b.notice(t.Context(), task.Notice{Kind: task.NoticeSweep, Directory: directory, Results: results[:maxListed]}, task.English); len(m.rows) != maxListed || !strings.Contains(m.rows[0].about, "somebody") {
		t.Errorf("got %+v", m.rows)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNewShare(t *testing.T) {
	for _, test := range []struct {
		limit     limit
		instances int
		want      limit
	}{
		{limit{20, time.Minute}, 1, limit{20, time.Minute}},
		{limit{20, time.Minute}, 4, limit{5, 75 * time.Second}},
		{limit{20, time.Minute}, 20, limit{1, 75 * time.Second}},
		{limit{20, time.Minute}, 40, limit{1, 150 * time.Second}},
		{limit{100, time.Minute}, 20, limit{5, 75 * time.Second}},
		{limit{1, time.Second}, 20, limit{1, 25 * time.Second}},
	} {
		if got := newShare([]limit{test.limit}, test.instances).part.limits[0]; got != test.want {
			t.Errorf("%v among %d: %v, want %v", test.limit, test.instances, got, test.want)
		}
	}
}

// TestTryPostProgram: a program is told that it is a test.
func TestTryPostProgram(t *testing.T) {
	v := inMemory()
	b := telling(t, v, 1)
	trials := b.TryPost(t.Context())
	if len(trials) != 5 || trials[4] != (Trial{Platform: "webhook", OK: true}) {
		t.Errorf("got %+v", trials)
	}
	var posted struct{ Type string }
	if json.Unmarshal([]byte(v.posted("/cloudsso")[0].body), &posted) != nil || posted.Type != "tasks.test" {
		t.Errorf("posted %s", v.posted("/cloudsso")[0].body)
	}
}

func TestWebhookSettings(t *testing.T) {
	for name, test := range map[string]struct {
		env            []string
		warning, wrong string
	}{
		"none":                   {env: nil},
		"both":                   {env: []string{"WEBHOOK_URL", hookURL, "WEBHOOK_SECRET", hookSecret}},
		"on loopback":            {env: []string{"WEBHOOK_URL", "http://127.0.0.1:9003/webhook", "WEBHOOK_SECRET", hookSecret}},
		"no secret":              {env: []string{"WEBHOOK_URL", hookURL}, wrong: "WEBHOOK_SECRET: "},
		"a bad secret":           {env: []string{"WEBHOOK_URL", hookURL, "WEBHOOK_SECRET", "whsec_short"}, wrong: "WEBHOOK_SECRET: "},
		"no address":             {env: []string{"WEBHOOK_SECRET", hookSecret}, warning: "WEBHOOK_SECRET is set and WEBHOOK_URL is not"},
		"plain http":             {env: []string{"WEBHOOK_URL", "http://hooks.example.com/x", "WEBHOOK_SECRET", hookSecret}, wrong: "WEBHOOK_URL: it takes an https address"},
		"an address with a user": {env: []string{"WEBHOOK_URL", "https://u:TOKEN@hooks.example.com/x", "WEBHOOK_SECRET", hookSecret}, wrong: "WEBHOOK_URL: "},
		"no address at all":      {env: []string{"WEBHOOK_URL", "TOKEN", "WEBHOOK_SECRET", hookSecret}, wrong: "WEBHOOK_URL: "},
	} {
		t.Run(name, func(t *testing.T) {
			env := make(map[string]string)
			for i := 0; i < len(test.env); i += 2 {
				env[test.env[i]] = test.env[i+1]
			}
			p, warnings, err := Configure(func(name string) string { return env[name] }, new(http.Transport), 1)
			if (err != nil) != (test.wrong != "") || err != nil && !strings.HasPrefix(err.Error(), test.wrong) {
				t.Errorf("got the error %v", err)
			}
			if said := strings.Join(warnings, "\n"); !strings.Contains(said, test.warning) || test.warning == "" && said != "" {
				t.Errorf("got the warnings %q", warnings)
			}
			if shown := fmt.Sprintf("%v %+v %v %v", p, p.find("webhook"), err, warnings); strings.Contains(shown, "TOKEN") || strings.Contains(shown, "MfKQ") {
				t.Errorf("it shows %s", shown)
			}
			if p.hearing("webhook") != nil || p.Answer() {
				t.Error("it listens")
			}
		})
	}
}
