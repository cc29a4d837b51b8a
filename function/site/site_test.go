package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"taskstatus/function/entry"
	"taskstatus/function/task"
	"taskstatus/web"
)

const (
	succeeded = task.ID("t-shsucceeded00000000a")
	failed    = task.ID("t-shfailed0000000000a")
	running   = task.ID("t-shrunning000000000a")
	older     = task.ID("t-sholder00000000000a")
	hostile   = task.ID("t-shhostile000000000a")
	odd       = task.ID("t-shodd0000000000000a")
	reasoned  = task.ID("t-shreasoned00000000a")
	endless   = task.ID("t-shendless000000000a")
	detailed  = task.ID("t-shdetailed00000000a")
	absent    = task.ID("t-shabsent0000000000a")
	throttled = task.ID("t-shthrottled0000000a")
	refused   = task.ID("t-shrefused000000000a")
	broken    = task.ID("t-shbroken0000000000a")
	slow      = task.ID("t-shslow000000000000a")
	buggy     = task.ID("t-shbuggy00000000000a")
	gone      = task.ID("t-shgone000000000000a")

	directory = task.DirectoryID("d-00fc2p61abcd")
	second    = task.DirectoryID("d-003qew84abcd")
	secret    = "STS.secret upstream message"
)

// hostileReason is what a failure reason may hold, there being no rule for it.
const hostileReason = "<script>alert(1)</script> \u202egnirts\x00 **bold** [x](javascript:alert(1))\n\nand so on, without an end in sight"

// details have a name as people give them, and one that nobody should.
var details = task.Details{
	AccessConfigurationID: "ac-00ccule7tadaijxcabcd", AccessConfigurationName: "ECS-Admin",
	PrincipalType: task.User, PrincipalID: "u-00q8wbq42wiltcrkabcd", PrincipalName: "Alice \u202e<b>",
	TargetType: "RD-Account", TargetID: "1142405247840001", TargetName: "dev-test",
	TargetPath: "rd-3G0001/r-Wm0001/1142405247840001", TargetPathName: "rd-3G0001/root/dev-test",
}

var now = time.Date(2021, 11, 5, 2, 58, 17, 0, time.UTC)

func at(second int) time.Time { return time.Date(2021, 11, 5, 2, 58, second, 0, time.UTC) }

// looker knows some tasks. It says which directory and wait it was asked with.
type looker struct {
	directory task.DirectoryID
	wait      time.Duration
	asked     int
}

func (l *looker) Look(_ context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result {
	l.directory, l.wait, l.asked = directory, wait, l.asked+1
	results := make([]task.Result, len(ids))
	for i, id := range ids {
		t := task.Task{
			ID: id, Directory: directory, Type: task.CreateAccessAssignment, Status: task.InProgress,
			Start: at(7), CheckedAt: at(17), RequestID: "005F4623-AE53-504D-830F-44825F7DC211",
		}
		var err error
		switch id {
		case succeeded:
			t.Status, t.End = task.Success, at(8)
		case failed:
			t.Status, t.End, t.FailureReason = task.Failed, at(8), "No Permission."
		case reasoned:
			t.Status, t.End, t.FailureReason = task.Failed, at(7), "InternalError"
		case hostile:
			t.Status, t.End, t.FailureReason = task.Failed, at(8), hostileReason
		case endless:
			t.Status, t.End, t.FailureReason = task.Failed, at(8), strings.Repeat("失败 because, ", 750)
		case detailed:
			t.Status, t.End, t.Details = task.Success, at(8), &details
		case running:
		case older:
			t.Start = at(17).Add(-2 * time.Minute)
		case odd:
			t.Type, t.Status, t.Start = "RenameDirectory", "Paused", time.Time{}
		case throttled:
			err = &task.Error{Kind: task.Throttled, RetryAfter: 1500 * time.Millisecond, Cause: errors.New(secret)}
		case refused:
			err = &task.Error{Kind: task.Refused, Cause: errors.New(secret), RequestID: "R-1"}
		case broken:
			err = &task.Error{Kind: task.Upstream, Cause: errors.New(secret)}
		case slow:
			err = fmt.Errorf("look: %w", context.DeadlineExceeded)
		case buggy:
			err = errors.New(secret)
		case gone:
			err = fmt.Errorf("look: %w", context.Canceled)
		default:
			err = &task.Error{Kind: task.NotFound}
		}
		if err != nil {
			t = task.Task{}
		}
		results[i] = task.Result{ID: id, Task: t, Err: err}
	}
	return results
}

// guard lets nobody, everybody or the bearer of "token" in, who may also have
// signed in with it.
type guard string

var errStranger = errors.New("not known to the guard")

func (g guard) Configured() bool { return g != "" }

func (g guard) Caller(r *http.Request, now time.Time) (string, bool, error) {
	if c, err := r.Cookie("session"); err == nil && c.Value == "token" && g != "" {
		return "alice <i>", true, nil
	}
	if g == "open" {
		return "bot", false, nil
	}
	name, err := g.Bearer(r, now)
	return name, false, err
}

func (g guard) Bearer(r *http.Request, _ time.Time) (string, error) {
	switch {
	case r.Header.Get("Authorization") == "Bearer again":
		return "", tooMany{}
	case r.Header.Get("Authorization") != "Bearer token" || g == "":
		return "", errStranger
	}
	return "bot", nil
}

// tooMany is the error of a guard that wants to be asked later.
type tooMany struct{}

func (tooMany) Error() string             { return "too often" }
func (tooMany) RetryAfter() time.Duration { return 90 * time.Second }

func newSite() (*Site, *looker) {
	l := &looker{}
	return &Site{
		Looker: l, Guard: guard("open"), Directories: []task.DirectoryID{directory, second},
		PublicURL: "https://status.example.com", Version: "v1",
		Now: func() time.Time { return now },
	}, l
}

// request makes one with headers given as "Name: value".
func request(method, target string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set(RequestIDHeader, "1-6b04bbb6")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func send(s *Site, r *http.Request) *httptest.ResponseRecorder {
	recorded := record(r)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	recorded(w)
	return w
}

// logged is send in an invocation that has an entry, and returns that too.
func logged(s *Site, r *http.Request) (*httptest.ResponseRecorder, string) {
	ctx, line := entry.New(r.Context())
	line.RequestID, line.Kind = "1-6b04bbb6", "http"
	w := send(s, r.WithContext(ctx))
	var log strings.Builder
	line.Write(slog.New(slog.NewJSONHandler(&log, nil)))
	return w, log.String()
}

const asksForPage = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestOneTaskAsJSON(t *testing.T) {
	for _, test := range []struct {
		name, target, want string
	}{
		{"success", "/tasks/" + string(succeeded),
			`{"taskId":"t-shsucceeded00000000a","directoryId":"d-00fc2p61abcd","taskType":"CreateAccessAssignment","status":"Success","done":true,` +
				`"startTime":"2021-11-05T02:58:07Z","endTime":"2021-11-05T02:58:08Z","durationSeconds":1,` +
				`"requestId":"005F4623-AE53-504D-830F-44825F7DC211","url":"https://status.example.com/tasks/t-shsucceeded00000000a"}`},
		{"failed", "/tasks/" + string(failed),
			`{"taskId":"t-shfailed0000000000a","directoryId":"d-00fc2p61abcd","taskType":"CreateAccessAssignment","status":"Failed","done":true,` +
				`"startTime":"2021-11-05T02:58:07Z","endTime":"2021-11-05T02:58:08Z","durationSeconds":1,"failureReason":"No Permission.",` +
				`"hint":"The service-linked role AliyunServiceRoleForCloudSSO may be missing in the account, or a control policy of the resource directory may deny it. Check both, then try again.",` +
				`"requestId":"005F4623-AE53-504D-830F-44825F7DC211","url":"https://status.example.com/tasks/t-shfailed0000000000a"}`},
		{"failed within the second, with a reason that has no hint", "/tasks/" + string(reasoned),
			`{"taskId":"t-shreasoned00000000a","directoryId":"d-00fc2p61abcd","taskType":"CreateAccessAssignment","status":"Failed","done":true,` +
				`"startTime":"2021-11-05T02:58:07Z","endTime":"2021-11-05T02:58:07Z","durationSeconds":0,"failureReason":"InternalError",` +
				`"requestId":"005F4623-AE53-504D-830F-44825F7DC211","url":"https://status.example.com/tasks/t-shreasoned00000000a"}`},
		{"in progress", "/tasks/" + string(running),
			`{"taskId":"t-shrunning000000000a","directoryId":"d-00fc2p61abcd","taskType":"CreateAccessAssignment","status":"InProgress","done":false,` +
				`"startTime":"2021-11-05T02:58:07Z",` +
				`"requestId":"005F4623-AE53-504D-830F-44825F7DC211","url":"https://status.example.com/tasks/t-shrunning000000000a"}`},
		{"a state that is not known", "/tasks/" + string(odd),
			`{"taskId":"t-shodd0000000000000a","directoryId":"d-00fc2p61abcd","taskType":"RenameDirectory","status":"Paused","done":false,` +
				`"requestId":"005F4623-AE53-504D-830F-44825F7DC211","url":"https://status.example.com/tasks/t-shodd0000000000000a"}`},
		{"another directory", "/tasks/" + string(running) + "?directory=d-003qew84abcd",
			`{"taskId":"t-shrunning000000000a","directoryId":"d-003qew84abcd","taskType":"CreateAccessAssignment","status":"InProgress","done":false,` +
				`"startTime":"2021-11-05T02:58:07Z",` +
				`"requestId":"005F4623-AE53-504D-830F-44825F7DC211","url":"https://status.example.com/tasks/t-shrunning000000000a?directory=d-003qew84abcd"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			w := send(s, request("GET", test.target))
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
				t.Fatalf("got %d %s", w.Code, w.Header().Get("Content-Type"))
			}
			if got := strings.TrimSuffix(w.Body.String(), "\n"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestSeveralTasksAsJSON(t *testing.T) {
	s, l := newSite()
	w := send(s, request("GET", fmt.Sprintf("/tasks?id=%s,%s,%s,%s,%s,%s", succeeded, running, absent, failed, odd, throttled)))
	var got Documents
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if want := (Counts{Failed: 1, InProgress: 1, Success: 1, Unknown: 3}); got.Done || got.Counts != want {
		t.Errorf("done %v, counts %+v; want false, %+v", got.Done, got.Counts, want)
	}
	if len(got.Tasks) != 6 || l.asked != 1 {
		t.Fatalf("%d tasks by %d looks, want 6 by 1", len(got.Tasks), l.asked)
	}
	for i, id := range []task.ID{succeeded, running, absent, failed, odd, throttled} {
		if got.Tasks[i].TaskID != id {
			t.Errorf("task %d is %s, want %s: the order is the one asked", i, got.Tasks[i].TaskID, id)
		}
	}
	if p := got.Tasks[2].Problem; p == nil || p.Status != 404 || got.Tasks[2].Status != "" || got.Tasks[2].Done != nil {
		t.Errorf("the one that is not there: %+v", got.Tasks[2])
	}
	// The one in progress is 10 s old, so 3 s; the odd one has no start, 3 s; the throttled one 2 s.
	if w.Header().Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q, want 2", w.Header().Get("Retry-After"))
	}
}

func TestSeveralAreDone(t *testing.T) {
	for _, test := range []struct {
		name  string
		ids   []task.ID
		done  bool
		cache string
	}{
		{"all ended", []task.ID{succeeded, failed}, true, doneDocument},
		{"one open", []task.ID{succeeded, running}, false, revalidate},
		{"one not found: it may be found yet", []task.ID{succeeded, absent}, true, revalidate},
		{"one refused: it may be open", []task.ID{succeeded, refused}, false, revalidate},
		{"one throttled: it may be open", []task.ID{succeeded, throttled}, false, revalidate},
		{"one in an unknown state", []task.ID{succeeded, odd}, false, revalidate},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			var ids []string
			for _, id := range test.ids {
				ids = append(ids, string(id))
			}
			w := send(s, request("GET", "/tasks?id="+strings.Join(ids, ",")))
			var got Documents
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if got.Done != test.done || w.Header().Get("Cache-Control") != test.cache {
				t.Errorf("done %v, %q; want %v, %q", got.Done, w.Header().Get("Cache-Control"), test.done, test.cache)
			}
			again := !test.done && test.ids[1] != refused // there, looking again brings nothing
			if (w.Header().Get("Retry-After") != "") != again {
				t.Errorf("Retry-After is %q, want one: %v", w.Header().Get("Retry-After"), again)
			}
			page := send(s, request("GET", "/tasks?id="+strings.Join(ids, ","), asksForPage)).Body.String()
			if final := test.cache == doneDocument; strings.Contains(page, "No further updates") != final || strings.Contains(page, "Check now") == final {
				t.Errorf("the page is final: %v, want %v", !final, final)
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct {
		name, target, want string
	}{
		{"failed", "/tasks/" + string(failed) + ".txt",
			"✕ Failed: Assign access to an account t-shfailed0000000000a (1 s): No Permission. https://status.example.com/tasks/t-shfailed0000000000a\n"},
		{"in Chinese", "/tasks/" + string(failed) + ".txt?lang=zh",
			"✕ 执行失败：在 RD 账号上授权 t-shfailed0000000000a (1 秒)：No Permission. https://status.example.com/tasks/t-shfailed0000000000a\n"},
		{"no times", "/tasks/" + string(odd) + ".txt",
			"? Paused: RenameDirectory t-shodd0000000000000a https://status.example.com/tasks/t-shodd0000000000000a\n"},
		{"hostile: one line, cut, nothing that steers a terminal", "/tasks/" + string(hostile) + ".txt",
			"✕ Failed: Assign access to an account t-shhostile000000000a (1 s): <script>alert(1)</script> �gnirts� **bold** [x](javascript:alert(1)) and so o… https://status.example.com/tasks/t-shhostile000000000a\n"},
		{"several", "/tasks.txt?id=" + string(running) + "," + string(absent),
			"… In progress: Assign access to an account t-shrunning000000000a (10 s) https://status.example.com/tasks/t-shrunning000000000a\n" +
				"? t-shabsent0000000000a: Task not found\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			w := send(s, request("GET", test.target))
			if got := w.Body.String(); got != test.want || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("got %s\n%q\nwant\n%q", w.Header().Get("Content-Type"), got, test.want)
			}
			for line := range strings.Lines(w.Body.String()) {
				if n := len([]rune(line)); n > maxLine+1 {
					t.Errorf("a line of %d characters, want at most %d", n, maxLine)
				}
			}
		})
	}
}

func TestNegotiate(t *testing.T) {
	for _, test := range []struct {
		name, target, accept, want string
	}{
		{"nothing asked", "/tasks/" + string(failed), "", jsonType},
		{"curl", "/tasks/" + string(failed), "*/*", jsonType},
		{"a browser", "/tasks/" + string(failed), "text/html,application/xhtml+xml,*/*;q=0.8", page},
		{"HTML not wanted", "/tasks/" + string(failed), "text/html;q=0, application/json", jsonType},
		{"in capitals", "/tasks/" + string(failed), "Text/HTML", page},
		{"a suffix wins", "/tasks/" + string(failed) + ".json", "text/html", jsonType},
		{"the other suffix wins", "/tasks/" + string(failed) + ".txt", "text/html", plainText},
		{"several, by suffix", "/tasks.json?id=" + string(failed), "text/html", jsonType},
		{"problems likewise", "/tasks/t-x", "text/html", page},
		{"problems likewise, not HTML", "/tasks/t-x", "application/json", problemType},
		{"problems, by suffix", "/tasks/t-x.json", "text/html", problemType},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			w := send(s, request("GET", test.target, "Accept: "+test.accept))
			if got := w.Header().Get("Content-Type"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if vary := w.Header().Get("Vary"); vary != "Accept, Accept-Encoding, Accept-Language, Authorization, Cookie, Prefer" {
				t.Errorf("Vary is %q", vary)
			}
		})
	}
}

func TestLanguage(t *testing.T) {
	for _, test := range []struct {
		name, query, header, want string
	}{
		{"none", "", "", "en"},
		{"Chinese first", "", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"},
		{"English first", "", "en-US,en;q=0.9,zh-CN;q=0.8", "en"},
		{"Chinese weighs more", "", "en;q=0.5, zh;q=0.9", "zh-CN"},
		{"as much: the first", "", "zh, en", "zh-CN"},
		{"as much: the first, the other way", "", "en, zh", "en"},
		{"Chinese not wanted", "", "zh;q=0", "en"},
		{"neither", "", "de-DE, fr;q=0.5", "en"},
		{"neither first, Chinese after", "", "ja, zh-Hans;q=0.3", "zh-CN"},
		{"anything", "", "*", "en"},
		{"broken", "", ";;q=zh,=,", "en"},
		{"a weight that is none", "", "zh;q=x, en;q=0.1", "en"},
		{"asked for", "?lang=zh", "en", "zh-CN"},
		{"asked for in full", "?lang=zh-CN", "en", "zh-CN"},
		{"English asked for", "?lang=en", "zh", "en"},
		{"one that there is not", "?lang=de", "zh", "zh-CN"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			w := send(s, request("GET", "/tasks/"+string(failed)+test.query, "Accept-Language: "+test.header, asksForPage))
			if got := w.Header().Get("Content-Language"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if want := `<html lang="` + test.want + `">`; !strings.Contains(w.Body.String(), want) {
				t.Errorf("the page lacks %s", want)
			}
		})
	}
}

func TestWait(t *testing.T) {
	for _, test := range []struct {
		name, query, prefer string
		want                time.Duration
		applied             string
		status              int
	}{
		{"not asked", "", "", 0, "", 200},
		{"in the query", "?wait=7", "", 7 * time.Second, "wait=7", 200},
		{"preferred", "", "wait=5", 5 * time.Second, "wait=5", 200},
		{"preferred among others, with a parameter", "", `respond-async, Wait="5"; x=y`, 5 * time.Second, "wait=5", 200},
		{"preferred among others, quoted", "", `respond-async , WAIT = "5"`, 5 * time.Second, "wait=5", 200},
		{"the query wins", "?wait=2", "wait=5", 2 * time.Second, "wait=2", 200},
		{"too long", "?wait=600", "", 20 * time.Second, "wait=20", 200},
		{"none at all", "?wait=0", "", 0, "wait=0", 200},
		{"negative", "?wait=-1", "", 0, "", 400},
		{"no number", "?wait=soon", "", 0, "", 400},
		{"empty", "?wait=", "", 0, "", 400},
		{"not whole", "?wait=1.5", "", 0, "", 400},
		{"beyond any number", "?wait=99999999999999999999", "", 0, "", 400},
		{"a preference that cannot be read is ignored", "", "wait=soon", 0, "", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, l := newSite()
			w := send(s, request("GET", "/tasks/"+string(running)+test.query, "Prefer: "+test.prefer))
			if w.Code != test.status || l.wait != test.want || w.Header().Get("Preference-Applied") != test.applied {
				t.Errorf("got %d, waited %v, applied %q; want %d, %v, %q",
					w.Code, l.wait, w.Header().Get("Preference-Applied"), test.status, test.want, test.applied)
			}
		})
	}
}

func TestTooManyTasks(t *testing.T) {
	var ids []string
	for i := range 21 {
		ids = append(ids, fmt.Sprintf("t-%020d", i))
	}
	s, l := newSite()
	if w := send(s, request("GET", "/tasks?id="+strings.Join(ids[:20], ","))); w.Code != 200 {
		t.Errorf("20: got %d", w.Code)
	}
	for _, separator := range []string{",", "%0A"} {
		w := send(s, request("GET", "/tasks?id="+strings.Join(ids, separator)))
		if w.Code != 400 || !strings.Contains(w.Body.String(), "21 tasks are too many for one request: it takes 20") {
			t.Errorf("21: got %d %s", w.Code, w.Body)
		}
	}
	if l.asked != 1 {
		t.Errorf("%d looks, want 1", l.asked)
	}
}

func TestProblems(t *testing.T) {
	for _, test := range []struct {
		name, method, target string
		guard                guard
		status               int
		problem, detail      string
		retryable            bool
		header, value        string
	}{
		{"a bad id", "GET", "/tasks/T-1", "open", 400, "invalid", `"T-1" is not a task id`, false, "", ""},
		{"an escaped slash", "GET", "/tasks/t-%2e%2e%2f", "open", 404, "no-such-page", "", false, "", ""},
		{"a bad directory", "GET", "/tasks/" + string(failed) + "?directory=x", "open", 400, "invalid", `"x" is not a directory id`, false, "", ""},
		{"another's directory", "GET", "/tasks/" + string(failed) + "?directory=d-aaaaaaaaaaaa", "open", 403, "forbidden", "d-aaaaaaaaaaaa", false, "", ""},
		{"no id", "GET", "/tasks", "open", 404, "recent-off", "", false, "", ""},
		{"an empty id", "GET", "/tasks?id=", "open", 400, "invalid", "no task id", false, "", ""},
		{"not found", "GET", "/tasks/" + string(absent), "open", 404, "not-found", "", false, "", ""},
		{"refused", "GET", "/tasks/" + string(refused), "open", 502, "refused", "", false, "", ""},
		{"broken", "GET", "/tasks/" + string(broken), "open", 502, "upstream", "", true, "", ""},
		{"throttled", "GET", "/tasks/" + string(throttled), "open", 503, "throttled", "", true, "Retry-After", "2"},
		{"slow", "GET", "/tasks/" + string(slow), "open", 504, "timeout", "", true, "", ""},
		{"a bug", "GET", "/tasks/" + string(buggy), "open", 500, "internal", "", false, "", ""},
		{"nobody let in", "GET", "/tasks/" + string(failed), "", 503, "unconfigured", "", false, "", ""},
		{"nobody let in, the first page", "GET", "/", "", 503, "unconfigured", "", false, "", ""},
		{"no token", "GET", "/tasks/" + string(failed), "token", 401, "unauthorized", "", false, "WWW-Authenticate", `Bearer realm="CloudSSO task status"`},
		{"no token: whether an id is right is not told", "GET", "/tasks/T-1", "token", 401, "unauthorized", "", false, "", ""},
		{"no such page", "GET", "/admin", "open", 404, "no-such-page", "", false, "", ""},
		{"deeper than a task", "GET", "/tasks/" + string(failed) + "/x", "open", 404, "no-such-page", "", false, "", ""},
		{"a path that is not clean", "GET", "/tasks/../healthz", "open", 404, "no-such-page", "", false, "", ""},
		{"a path that would be a host", "GET", "//evil.example/tasks", "open", 404, "no-such-page", "", false, "", ""},
		{"a slash too many", "GET", "/tasks/", "open", 404, "no-such-page", "", false, "", ""},
		{"writing", "POST", "/tasks/" + string(failed), "open", 405, "method-not-allowed", "", false, "Allow", "GET, HEAD, OPTIONS"},
		{"deleting", "DELETE", "/", "token", 405, "method-not-allowed", "", false, "Allow", "GET, HEAD, OPTIONS"},
	} {
		for _, form := range []string{"", asksForPage} {
			t.Run(test.name+form, func(t *testing.T) {
				s, _ := newSite()
				s.Guard = test.guard
				w := send(s, request(test.method, test.target, "Accept: x", form))
				if w.Code != test.status || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" {
					t.Errorf("got %d, %v; want %d", w.Code, w.Header(), test.status)
				}
				if test.header != "" && w.Header().Get(test.header) != test.value {
					t.Errorf("%s is %q, want %q", test.header, w.Header().Get(test.header), test.value)
				}
				if strings.Contains(w.Body.String(), secret) {
					t.Errorf("tells the cause: %s", w.Body)
				}
				if !strings.Contains(w.Body.String(), "1-6b04bbb6") {
					t.Errorf("lacks the request id: %s", w.Body)
				}
				if form != "" {
					return
				}
				var p Problem
				if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
					t.Fatalf("%v: %s", err, w.Body)
				}
				if p.Type != "/problems/"+test.problem || p.Status != test.status || p.Retryable != test.retryable ||
					!strings.Contains(p.Detail, test.detail) || p.Title == "" || p.Hint == "" {
					t.Errorf("got %+v", p)
				}
			})
		}
	}
}

func TestCaching(t *testing.T) {
	for _, test := range []struct {
		name, target, accept, cache, retryAfter string
	}{
		{"open JSON", "/tasks/" + string(running), "", revalidate, "3"},
		{"open page", "/tasks/" + string(running), "text/html", revalidate, "3"},
		{"older", "/tasks/" + string(older), "", revalidate, "10"},
		{"unknown state", "/tasks/" + string(odd), "", revalidate, "3"},
		{"done JSON", "/tasks/" + string(failed), "", doneDocument, ""},
		{"done text", "/tasks/" + string(failed) + ".txt", "", doneDocument, ""},
		{"done page", "/tasks/" + string(failed), "text/html", privatePage, ""},
		{"done board", "/tasks?id=" + string(failed) + "," + string(succeeded), "text/html", privatePage, ""},
		{"open board", "/tasks?id=" + string(failed) + "," + string(running), "", revalidate, "3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			w := send(s, request("GET", test.target, "Accept: "+test.accept))
			tag := w.Header().Get("ETag")
			if w.Code != 200 || w.Header().Get("Cache-Control") != test.cache || w.Header().Get("Retry-After") != test.retryAfter || !strings.HasPrefix(tag, `W/"`) {
				t.Fatalf("got %d %v", w.Code, w.Header())
			}
			for _, candidate := range []string{tag, strings.TrimPrefix(tag, "W/"), `"x", ` + tag, "*"} {
				again := send(s, request("GET", test.target, "Accept: "+test.accept, "If-None-Match: "+candidate))
				if again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("ETag") != tag ||
					again.Header().Get("Retry-After") != test.retryAfter || again.Header().Get("Cache-Control") != test.cache || again.Header().Get("Vary") == "" {
					t.Errorf("If-None-Match %s: got %d %v", candidate, again.Code, again.Header())
				}
			}
			for name, r := range map[string]*http.Request{
				"another tag":      request("GET", test.target, "Accept: "+test.accept, `If-None-Match: W/"x"`),
				"another language": request("GET", test.target, "Accept: "+test.accept, "If-None-Match: "+tag, "Accept-Language: zh"),
			} {
				if other := send(s, r); other.Code != 200 {
					t.Errorf("%s: got %d, want 200", name, other.Code)
				}
			}
			s.Version = "v2"
			if other := send(s, request("GET", test.target, "Accept: "+test.accept, "If-None-Match: "+tag)); other.Code != 200 {
				t.Errorf("another release: got %d, want 200", other.Code)
			}
		})
	}
}

func TestHeadAndOptions(t *testing.T) {
	for _, target := range []string{"/", "/tasks/" + string(running), "/tasks/" + string(failed), "/tasks/bad", assetPath(web.Style), "/healthz"} {
		s, _ := newSite()
		get, head := send(s, request("GET", target)), send(s, request("HEAD", target))
		if head.Code != get.Code || head.Body.Len() != 0 || fmt.Sprint(head.Header()) != fmt.Sprint(get.Header()) {
			t.Errorf("HEAD %s: %d %v, GET: %d %v", target, head.Code, head.Header(), get.Code, get.Header())
		}
		options := send(s, request("OPTIONS", target))
		if options.Code != 204 || options.Header().Get("Allow") != "GET, HEAD, OPTIONS" || options.Body.Len() != 0 {
			t.Errorf("OPTIONS %s: %d %v", target, options.Code, options.Header())
		}
	}
}

func TestHealth(t *testing.T) {
	s, l := newSite()
	s.Guard = guard("") // it needs nobody's permission, and tells nothing
	if w := send(s, request("GET", "/healthz")); w.Code != 200 || w.Header().Get("Content-Type") != plainText || w.Body.String() != "ok\n" || l.asked != 0 {
		t.Errorf("got %d %v %q, %d looks", w.Code, w.Header(), w.Body, l.asked)
	}
}

func TestSecurityHeaders(t *testing.T) {
	for _, target := range []string{"/", "/tasks/" + string(failed), "/tasks/bad", "/nowhere", "/healthz", assetPath(web.Style)} {
		s, _ := newSite()
		h := send(s, request("GET", target, asksForPage)).Header()
		for name, want := range map[string]string{
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy":              "no-referrer",
			"Strict-Transport-Security":    "max-age=31536000",
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
			"X-Robots-Tag":                 "noindex",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", target, name, h.Get(name), want)
			}
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || !strings.Contains(h.Get("Permissions-Policy"), "camera=()") {
			t.Errorf("%s: %v", target, h)
		}
	}
}

func TestRedirects(t *testing.T) {
	for _, test := range []struct{ name, target, want string }{
		{"one id, to its page", "/tasks?id=" + string(failed), "/tasks/" + string(failed)},
		{"what else was asked goes along", "/tasks?id=" + string(failed) + "&lang=zh&directory=d-003qew84abcd", "/tasks/" + string(failed) + "?directory=d-003qew84abcd&lang=zh"},
		{"a pasted link leads nowhere else", "/tasks?id=https://evil.example/tasks/" + string(failed), "/tasks/" + string(failed)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, l := newSite()
			w := send(s, request("GET", test.target, asksForPage))
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != test.want || l.asked != 0 {
				t.Errorf("got %d to %q, want 303 to %q", w.Code, w.Header().Get("Location"), test.want)
			}
		})
	}
}

func TestPaste(t *testing.T) {
	cli := `{"RequestId":"0F","Tasks":[` + strings.Repeat(" ", 5000) + `{"TaskId":"` + string(failed) + `"},{"TaskId":"` + string(running) + `"}]}`
	form := func(text string) string { return url.Values{"id": {text}}.Encode() }
	for _, test := range []struct {
		name, target, body string
		status             int
		location           string
	}{
		{"the CLI's output, longer than an address", "/tasks", form(cli), 303, "/tasks?id=" + string(failed) + "%2C" + string(running)},
		{"one id", "/tasks?lang=zh", form(" " + string(failed)), 303, "/tasks/" + string(failed) + "?lang=zh"},
		{"a link to elsewhere", "/tasks", form("https://evil.example/tasks/" + string(failed)), 303, "/tasks/" + string(failed)},
		{"nothing in it", "/tasks", form("hello"), 400, ""},
		{"no field of that name", "/tasks", "ids=" + string(failed), 400, ""},
		{"no form", "/tasks", "%zz", 400, ""},
		{"two fields", "/tasks", "id=" + string(failed) + "&id=" + string(running), 303, "/tasks?id=" + string(failed) + "%2C" + string(running)},
		{"an id in the address too", "/tasks?id=zzz&lang=zh", form(string(failed)), 303, "/tasks/" + string(failed) + "?lang=zh"},
		{"too large", "/tasks", form(strings.Repeat("x", maxForm)), 413, ""},
		{"not here", "/tasks.json", form(cli), 405, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, l := newSite()
			r := httptest.NewRequest("POST", test.target, strings.NewReader(test.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := send(s, r)
			if w.Code != test.status || w.Header().Get("Location") != test.location || l.asked != 0 {
				t.Errorf("got %d to %q, want %d to %q", w.Code, w.Header().Get("Location"), test.status, test.location)
			}
		})
	}
	s, _ := newSite()
	r := httptest.NewRequest("POST", "/tasks", io.MultiReader(strings.NewReader("id="), iotest.ErrReader(errors.New(secret))))
	if w := send(s, r); w.Code != 400 || strings.Contains(w.Body.String(), secret) {
		t.Errorf("a body that breaks off: got %d %s, want 400", w.Code, w.Body)
	}
	s.Guard = guard("token")
	// From another host's first page no cookie comes along: signing in is asked for
	// where this leads, and what was pasted is not lost.
	if w := send(s, httptest.NewRequest("POST", "/tasks", strings.NewReader(form(cli)))); w.Code != 303 {
		t.Errorf("without a token: got %d, want 303", w.Code)
	}
	if w := send(s, request("OPTIONS", "/tasks")); w.Header().Get("Allow") != "GET, HEAD, OPTIONS, POST" {
		t.Errorf("Allow is %q", w.Header().Get("Allow"))
	}
}

func TestPanicIsAProblem(t *testing.T) {
	s, _ := newSite()
	s.Looker = &slowLooker{pass: func() { panic(secret) }}
	w, log := logged(s, request("GET", "/tasks/"+string(failed)))
	if w.Code != 500 || strings.Contains(w.Body.String(), secret) || !strings.Contains(w.Body.String(), "/problems/internal") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log, `"error":"panic: `+secret) || !strings.Contains(log, "goroutine") || !strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("the log lacks the panic or its stack: %s", log)
	}
}

// TestValidator changes all that an answer can tell, one thing at a time.
func TestValidator(t *testing.T) {
	s, _ := newSite()
	e := newExchange(request("GET", "/tasks/"+string(failed)), now)
	tag := func(change func(*task.Result)) string {
		r := task.Result{ID: failed, Task: task.Task{ID: failed, Directory: directory, Type: task.CreateAccessAssignment, Status: task.Failed, Start: at(7), End: at(8), FailureReason: "No Permission."}}
		change(&r)
		results := []task.Result{r}
		return s.validator(e, look{results: results, told: s.documents(e, results)})
	}
	same := tag(func(*task.Result) {})
	if tag(func(r *task.Result) { r.Task.RequestID = "other" }) != same {
		t.Error("the id of the request to CloudSSO changes it")
	}
	for name, change := range map[string]func(*task.Result){
		"directory": func(r *task.Result) { r.Task.Directory = second },
		"type":      func(r *task.Result) { r.Task.Type = task.DeleteAccessAssignment },
		"status":    func(r *task.Result) { r.Task.Status = task.Success },
		"start":     func(r *task.Result) { r.Task.Start = at(6) },
		"no start":  func(r *task.Result) { r.Task.Start = time.Time{} },
		"end":       func(r *task.Result) { r.Task.End = at(9) },
		"reason":    func(r *task.Result) { r.Task.FailureReason = "Other" },
		"error":     func(r *task.Result) { r.Err = &task.Error{Kind: task.Throttled} },
		"site":      func(*task.Result) { s.PublicURL = "https://other.example.com" },
	} {
		if tag(change) == same {
			t.Errorf("the %s does not change it", name)
		}
		s.PublicURL = "https://status.example.com"
	}
	a, b := tag(func(r *task.Result) { r.Err = &task.Error{Kind: task.Throttled} }), tag(func(r *task.Result) { r.Err = &task.Error{Kind: task.Refused} })
	if a == b {
		t.Error("the kind of error does not change it")
	}
}

// TestWriter changes every field that a document has, one at a time: what is written is
// what encoding/json writes, and says something else each time.
func TestWriter(t *testing.T) {
	told := Documents{Tasks: []Document{{
		Done: new(bool), DurationSeconds: new(int64), Details: &Details{TargetID: "1"}, Problem: &Problem{},
	}}}
	said := func() string {
		var all, one writer
		all.documents(&told)
		if got, want := string(all.line()), string(encode(told)); got != want {
			t.Errorf("got  %swant %s", got, want)
		}
		if len(told.Tasks) > 0 {
			one.document(&told.Tasks[0])
			if got, want := string(one.line()), string(encode(told.Tasks[0])); got != want {
				t.Errorf("got  %swant %s", got, want)
			}
		}
		return string(all)
	}
	before := said()
	var change func(name string, v reflect.Value)
	change = func(name string, v reflect.Value) {
		was := reflect.New(v.Type()).Elem()
		was.Set(v)
		switch v.Kind() {
		case reflect.String:
			v.SetString("<\"任务\"\x00\xff\u2028>")
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int, reflect.Int64:
			v.SetInt(1)
		case reflect.Pointer:
			change(name, v.Elem())
			v.SetZero()
		case reflect.Struct:
			for i := range v.NumField() {
				change(name+"."+v.Type().Field(i).Name, v.Field(i))
			}
			return
		case reflect.Slice:
			change(name+"[0]", v.Index(0))
			v.SetLen(0)
		default:
			t.Fatalf("%s is a %v: what would another be?", name, v.Kind())
		}
		if said() == before {
			t.Errorf("%s is not written", name)
		}
		v.Set(was)
	}
	change("Documents", reflect.ValueOf(&told).Elem())
	if said() != before {
		t.Error("something was not put back")
	}
}

// slowLooker takes its time.
type slowLooker struct {
	looker
	pass func()
}

func (l *slowLooker) Look(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result {
	l.pass()
	return l.looker.Look(ctx, directory, ids, wait)
}

func TestElapsedIsThatAfterTheWait(t *testing.T) {
	s, _ := newSite()
	clock := now
	s.Now = func() time.Time { return clock }
	s.Looker = &slowLooker{pass: func() { clock = clock.Add(5 * time.Second) }}
	if got := send(s, request("GET", "/tasks/"+string(running)+".txt?wait=5")).Body.String(); !strings.Contains(got, "(15 s)") {
		t.Errorf("got %s, want it to be running for 15 s", got)
	}
}

func TestCallerGoesAway(t *testing.T) {
	s, _ := newSite()
	ctx, cancel := context.WithCancel(t.Context())
	s.Looker = &slowLooker{pass: cancel}
	_, log := logged(s, request("GET", "/tasks/"+string(gone)).WithContext(ctx))
	if !strings.Contains(log, `"level":"INFO"`) || !strings.Contains(log, `"status":499`) || !strings.Contains(log, `"outcome":"canceled"`) {
		t.Errorf("logged %s", log)
	}
}

// TestLinksStayHere follows no link to anywhere else, whatever the path.
func TestLinksStayHere(t *testing.T) {
	for _, path := range []string{"//evil.example/x", "///evil.example", "/\\evil.example", "//evil.example/tasks/" + string(failed)} {
		s, _ := newSite()
		r := request("GET", "/", asksForPage)
		r.URL.Path = path
		body := send(s, r).Body.String()
		if !strings.Contains(body, "hreflang") || strings.Contains(body, `href="//`) || strings.Contains(body, `href="/\`) {
			t.Errorf("%s: got %s", path, body)
		}
	}
	s, _ := newSite()
	body := send(s, request("GET", "/tasks?id="+string(running)+","+string(failed)+"&wait=5&refresh=10&lang=zh", asksForPage)).Body.String()
	if !strings.Contains(body, `href="/tasks/`+string(running)+`?lang=zh"`) {
		t.Errorf("a row links with the wait and the reloading of the board: %s", body)
	}
}

func TestOwnAddressWithoutPublicURL(t *testing.T) {
	for host, want := range map[string]string{
		"status.example.com": "https://status.example.com/tasks/",
		"127.0.0.1:9000":     "http://127.0.0.1:9000/tasks/",
		"localhost:9000":     "http://localhost:9000/tasks/",
		"[::1]:9000":         "http://[::1]:9000/tasks/",
		"LOCALHOST":          "http://LOCALHOST/tasks/",
		"":                   "/tasks/",
		"a';echo x'":         "/tasks/",
		"127.evil.example":   "https://127.evil.example/tasks/",
		"localhost.evil":     "https://localhost.evil/tasks/",
	} {
		s, _ := newSite()
		s.PublicURL = ""
		r := request("GET", "/tasks/"+string(failed))
		r.Host = host
		if got := send(s, r).Body.String(); !strings.Contains(got, `"url":"`+want+string(failed)+`"`) {
			t.Errorf("%s: got %s", host, got)
		}
	}
}

func TestChallenge(t *testing.T) {
	s, _ := newSite()
	s.Guard = guard("token")
	w := send(s, request("GET", "/tasks/"+string(failed), "Authorization: Bearer wrong"))
	if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="CloudSSO task status", error="invalid_token"` {
		t.Errorf("got %s", got)
	}
}

func TestLogLine(t *testing.T) {
	s, _ := newSite()
	s.Guard = guard("token")
	_, log := logged(s, request("GET", "/tasks/"+string(refused), "Authorization: Bearer token"))
	var line map[string]any
	if err := json.Unmarshal([]byte(log), &line); err != nil {
		t.Fatalf("%v: not one line of JSON: %s", err, log)
	}
	for name, want := range map[string]any{
		"level": "WARN", "outcome": "refused", "requestId": "1-6b04bbb6", "method": "GET", "route": "/tasks/{taskId}", "status": 502.0,
		"caller": "bot", "tasks": string(refused) + " refused", "error": "refused: " + secret,
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	_, log = logged(s, request("GET", "/tasks?id="+string(succeeded)+","+string(refused), "Authorization: Bearer token"))
	for _, want := range []string{
		`"level":"WARN"`, `"tasks":"` + string(succeeded) + " Success, " + string(refused) + ` refused"`, `"counts":{"success":1,"unknown":1}`,
		`"outcome":"ok"`, `"error":"refused: ` + secret,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not in %s", want, log)
		}
	}
	if strings.Contains(log, "Bearer") {
		t.Errorf("the token is in the log: %s", log)
	}
}

// TestRefusalInTheLog: turning away who has no business here is not noteworthy; having to
// turn away, or not being set up to let anybody in, is.
func TestRefusalInTheLog(t *testing.T) {
	for _, test := range []struct {
		name    string
		guard   guard
		request *http.Request
		level   string
		outcome string
	}{
		{"no such page", "token", request("GET", "/nothing"), "INFO", "no-such-page"},
		{"no token", "token", request("GET", "/tasks/"+string(failed)), "INFO", "unauthorized"},
		{"too many wrong tokens", "token", request("GET", "/tasks/"+string(failed), "Authorization: Bearer again"), "WARN", "too-many-attempts"},
		{"nobody is let in", "", request("GET", "/tasks/"+string(failed)), "WARN", "unconfigured"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			s.Guard = test.guard
			_, log := logged(s, test.request)
			if !strings.Contains(log, `"level":"`+test.level+`"`) || !strings.Contains(log, `"outcome":"`+test.outcome+`"`) {
				t.Errorf("want %s and %s in %s", test.level, test.outcome, log)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	for _, test := range []struct {
		name      string
		directory task.DirectoryID
		ids       []task.ID
		kind      task.Kind
		want      string
	}{
		{"one", "", []task.ID{failed}, 0, `"taskId":"t-shfailed0000000000a","directoryId":"d-00fc2p61abcd"`},
		{"another directory", second, []task.ID{failed}, 0, `"directoryId":"d-003qew84abcd"`},
		{"several", "", []task.ID{failed, absent}, 0, `"counts":{"failed":1,"inProgress":0,"success":0,"unknown":1}`},
		{"not found", "", []task.ID{absent}, task.NotFound, ""},
		{"another's directory", "d-aaaaaaaaaaaa", []task.ID{failed}, task.Forbidden, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, l := newSite()
			ctx, line := entry.New(t.Context())
			got, err := s.Answer(ctx, test.directory, test.ids, time.Minute)
			var log strings.Builder
			line.Write(slog.New(slog.NewJSONHandler(&log, nil)))
			if looked := test.kind != task.Forbidden; looked != strings.Contains(log.String(), `"tasks":"`+string(test.ids[0])+" ") {
				t.Errorf("logged %s", &log)
			}
			if test.want == "" {
				if task.KindOf(err) != test.kind {
					t.Errorf("error %v, want %v", err, test.kind)
				}
				return
			}
			encoded, _ := json.Marshal(got)
			if err != nil || !strings.Contains(string(encoded), test.want) || l.wait != time.Minute {
				t.Errorf("got %s (%v), waited %v", encoded, err, l.wait)
			}
		})
	}
}
