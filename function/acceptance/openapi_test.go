package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// exchanged sends a request as it is, and returns what came back as it is. Headers are given
// as "Name: value".
func exchanged(t *testing.T, front, method, target, body string, headers ...string) exchange {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, front+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	response.Header.Del("Connection") // by the server, as asked
	return exchange{method, request.URL.RequestURI(), request.Header, []byte(body), response.StatusCode, response.Header, answer}
}

const (
	asForm   = "Content-Type: application/x-www-form-urlencoded"
	asJSON   = "Content-Type: application/json"
	asPage   = "Accept: text/html"
	byToken  = "Authorization: Bearer local"
	failedID = "t-shfqw1u1edszvxw5abcd"
	doneID   = "t-sh6tceylhvgejpipabcd"
	openID   = "t-sh5k4gesm6twlrqbabcd"
	absentID = "t-shunknown000000000a"
)

// TestContract asks the built function for all that there is, each in the ways that
// there are, and holds it to the contract.
func TestContract(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	guarded, unset := newMachine(t, "ACCESS=token", "RECENT_TASKS="), newMachine(t, "ACCESS=token", "ACCESS_TOKENS=", "SIGNING_KEY=")
	asset := func() string {
		page := exchanged(t, here.front, "GET", "/", "")
		_, after, _ := strings.Cut(string(page.ResponseBody), `href="/assets/`)
		name, _, _ := strings.Cut(after, `"`)
		return "/assets/" + name
	}()
	for _, test := range []struct {
		name           string
		machine        *machine
		method, target string
		body           string
		headers        []string
		status         int
	}{
		{"a task", here, "GET", "/tasks/" + failedID, "", nil, 200},
		{"a task, without the body", here, "HEAD", "/tasks/" + failedID, "", nil, 200},
		{"a task as a page", here, "GET", "/tasks/" + failedID, "", []string{asPage}, 200},
		{"a part of the page", here, "GET", "/tasks/" + failedID + "?fragment=1", "", []string{asPage}, 200},
		{"a page that loads itself", here, "GET", "/tasks/" + openID + "?refresh=10", "", []string{asPage, "Accept-Encoding: gzip"}, 200},
		{"a task in Chinese", here, "GET", "/tasks/" + failedID, "", []string{"Accept-Language: zh-CN,zh;q=0.9"}, 200},
		{"a task that is waited for", here, "GET", "/tasks/" + openID + "?wait=1", "", nil, 200},
		{"by a preference", here, "GET", "/tasks/" + openID, "", []string{"Prefer: wait=1"}, 200},
		{"a preference that cannot be read", here, "GET", "/tasks/" + openID, "", []string{"Prefer: wait=soon"}, 200},
		{"a wait that cannot be read", here, "GET", "/tasks/" + openID + "?wait=soon", "", nil, 400},
		{"no task", here, "GET", "/tasks/t-x", "", nil, 400},
		{"no task, as a page", here, "GET", "/tasks/t-x", "", []string{asPage}, 400},
		{"another directory", here, "GET", "/tasks/" + failedID + "?directory=d-aaaaaaaaaaaa", "", nil, 403},
		{"not found", here, "GET", "/tasks/" + absentID, "", nil, 404},
		{"not found, without the body", here, "HEAD", "/tasks/" + absentID, "", []string{asPage}, 404},
		{"the methods of a task", here, "OPTIONS", "/tasks/anything", "", nil, 204},
		{"a task as JSON", here, "GET", "/tasks/" + failedID + ".json", "", []string{asPage}, 200},
		{"a task as JSON, without the body", here, "HEAD", "/tasks/" + failedID + ".json", "", nil, 200},
		{"the methods of a task as JSON", here, "OPTIONS", "/tasks/" + failedID + ".json", "", nil, 204},
		{"a task as text", here, "GET", "/tasks/" + failedID + ".txt", "", nil, 200},
		{"a task as text, without the body", here, "HEAD", "/tasks/" + failedID + ".txt", "", nil, 200},
		{"the methods of a task as text", here, "OPTIONS", "/tasks/" + failedID + ".txt", "", nil, 204},
		{"a method that is not taken", here, "POST", "/tasks/" + failedID, "", nil, 405},

		{"several", here, "GET", "/tasks?id=" + failedID + "," + absentID, "", nil, 200},
		{"several, without the body", here, "HEAD", "/tasks?id=" + failedID + "," + absentID, "", nil, 200},
		{"several as a page", here, "GET", "/tasks?id=" + failedID + "," + openID, "", []string{asPage, "Accept-Encoding: gzip"}, 200},
		{"one as a page", here, "GET", "/tasks?id=" + failedID, "", []string{asPage}, 303},
		{"several that are none", here, "GET", "/tasks?id=x", "", nil, 400},
		{"several, and what only the list reads", here, "GET", "/tasks?days=99&id=" + failedID, "", nil, 200},
		{"the methods of several", here, "OPTIONS", "/tasks", "", nil, 204},
		{"several as JSON", here, "GET", "/tasks.json?id=" + failedID + "," + doneID, "", nil, 200},
		{"several as JSON, without the body", here, "HEAD", "/tasks.json?id=" + failedID, "", nil, 200},
		{"the methods of several as JSON", here, "OPTIONS", "/tasks.json", "", nil, 204},
		{"several as text", here, "GET", "/tasks.txt?id=" + failedID + "," + absentID, "", nil, 200},
		{"several as text, without the body", here, "HEAD", "/tasks.txt?id=" + failedID, "", nil, 200},
		{"the methods of several as text", here, "OPTIONS", "/tasks.txt", "", nil, 204},
		{"the recent ones", here, "GET", "/tasks", "", nil, 200},
		{"the recent ones as a page", here, "GET", "/tasks", "", []string{asPage}, 200},
		{"the recent ones as text", here, "GET", "/tasks.txt", "", nil, 200},
		{"some of the recent ones", here, "GET", "/tasks?days=7&status=Failed&type=CreateAccessAssignment&wait=ignored", "", nil, 200},
		{"empty is not said", here, "GET", "/tasks?days=&status=&type=&since=&after=", "", nil, 200},
		{"too many days", here, "GET", "/tasks?days=8", "", nil, 400},
		{"the recent ones, not listed", guarded, "GET", "/tasks", "", []string{byToken}, 404},
		{"pasted", here, "POST", "/tasks", "id=" + failedID + "+" + doneID, []string{asForm}, 303},
		{"pasted, as something else", here, "POST", "/tasks", "id=" + failedID, []string{"Content-Type: text/plain"}, 303},
		{"pasted, without a task", here, "POST", "/tasks", "id=x", []string{asForm}, 400},
		{"pasted, without the field", here, "POST", "/tasks", "x=y", []string{asForm}, 400},
		{"pasted, too much", here, "POST", "/tasks", "id=" + strings.Repeat("x", 64<<10), []string{asForm}, 413},

		{"pasted, far too much", here, "POST", "/tasks", strings.Repeat("x", 600<<10), []string{asForm}, 413},
		{"far too much, where nothing is read", here, "GET", "/tasks/" + failedID, strings.Repeat("x", 600<<10), nil, 413},
		{"far too much, for the methods", here, "OPTIONS", "/healthz", strings.Repeat("x", 600<<10), nil, 413},

		{"a question", here, "POST", "/events", `{"taskId":"` + failedID + `"}`, []string{byToken, asJSON}, 200},
		{"a question about several", here, "POST", "/events", `{"taskIds":["` + failedID + `","` + absentID + `"]}`, []string{byToken, asJSON}, 200},
		{"a question of Alibaba's words", here, "POST", "/events", `{"Task":{"TaskId":"` + failedID + `"}}`, []string{byToken, asJSON}, 200},
		{"to be told", here, "POST", "/events", `{"taskId":"` + failedID + `","notify":true}`, []string{byToken, asJSON}, 202},
		{"a CloudEvent", here, "POST", "/events", `{"specversion":"1.0","id":"1","source":"/ci","type":"x","data":{"taskId":"` + failedID + `"}}`,
			[]string{byToken, "Content-Type: application/cloudevents+json"}, 202},
		{"in binary mode", here, "POST", "/events", `{"taskId":"` + failedID + `"}`, []string{byToken, asJSON, "Ce-Specversion: 1.0", "Ce-Id: 2", "Ce-Source: /ci", "Ce-Type: x"}, 202},
		{"no question", here, "POST", "/events", `{"x":1}`, []string{byToken, asJSON}, 400},
		{"a negative wait", here, "POST", "/events", `{"taskId":"` + failedID + `","wait":-1}`, []string{byToken, asJSON}, 400},
		{"nothing", here, "POST", "/events", "", []string{byToken}, 400},
		{"a question by nobody", here, "POST", "/events", `{"taskId":"` + failedID + `"}`, []string{asJSON}, 401},
		{"a question about nothing", here, "POST", "/events", `{"taskId":"` + absentID + `"}`, []string{byToken, asJSON}, 404},
		{"the methods of events", here, "OPTIONS", "/events", "", nil, 204},
		{"events by GET", here, "GET", "/events", "", nil, 405},

		{"a chat that is not one", here, "POST", "/chat/teams", "{}", []string{asJSON}, 404},
		{"a call that is not genuine", here, "POST", "/chat/slack", "text=task", []string{asForm}, 403},
		{"a check that is not genuine", here, "GET", "/chat/wecom", "", nil, 403},
		{"a check, without the body", here, "HEAD", "/chat/wecom", "", nil, 403},
		{"the methods of a chat", here, "OPTIONS", "/chat/slack", "", nil, 204},

		{"by nobody", guarded, "GET", "/tasks/" + failedID, "", nil, 401},
		{"by nobody, in a browser", guarded, "GET", "/tasks/" + failedID, "", []string{asPage}, 401},
		{"by a wrong token", guarded, "GET", "/tasks/" + failedID, "", []string{"Authorization: Bearer hunter2"}, 401},
		{"by a token", guarded, "GET", "/tasks/" + failedID, "", []string{byToken}, 200},
		{"before anybody is let in", unset, "GET", "/tasks/t-x", "", nil, 503},
		{"the page to sign in", guarded, "GET", "/sign-in?to=/tasks/" + failedID, "", nil, 200},
		{"the page to sign in, without the body", guarded, "HEAD", "/sign-in", "", nil, 200},
		{"the methods of the page to sign in", guarded, "OPTIONS", "/sign-in", "", nil, 204},
		{"signing in", guarded, "POST", "/sign-in", "token=local&to=/tasks/" + failedID, []string{asForm}, 303},
		{"signing in, wrongly", guarded, "POST", "/sign-in", "token=hunter2", []string{asForm, asPage}, 401},
		{"signing in from elsewhere", guarded, "POST", "/sign-in", "token=local", []string{asForm, "Origin: https://evil.example"}, 403},
		{"signing out", guarded, "POST", "/sign-out", "", []string{asForm}, 303},
		{"the methods of signing out", guarded, "OPTIONS", "/sign-out", "", nil, 204},
		{"signing out by GET", guarded, "GET", "/sign-out", "", nil, 405},
		{"where nobody signs in", unset, "GET", "/sign-in", "", nil, 404},

		{"the first page", here, "GET", "/", "", nil, 200},
		{"the first page, without the body", here, "HEAD", "/", "", []string{"Accept-Encoding: gzip"}, 200},
		{"the methods of the first page", here, "OPTIONS", "/", "", nil, 204},
		{"the first page by nobody", guarded, "GET", "/", "", nil, 401},
		{"a file", here, "GET", asset, "", []string{"Accept-Encoding: gzip"}, 200},
		{"a file, without the body", here, "HEAD", asset, "", nil, 200},
		{"no file", here, "GET", "/assets/x.css", "", nil, 404},
		{"the methods of a file", here, "OPTIONS", asset, "", nil, 204},
		{"the contract", unset, "GET", "/openapi.yaml", "", []string{"Accept-Encoding: gzip"}, 200},
		{"the contract as it is", unset, "GET", "/openapi.yaml", "", []string{asPage}, 200},
		{"the contract, without the body", here, "HEAD", "/openapi.yaml", "", nil, 200},
		{"the methods of the contract", here, "OPTIONS", "/openapi.yaml", "", nil, 204},
		{"health", unset, "GET", "/healthz", "", nil, 200},
		{"health, without the body", here, "HEAD", "/healthz", "", nil, 200},
		{"the methods of health", here, "OPTIONS", "/healthz", "", nil, 204},

		{"no page", here, "GET", "/task", "", nil, 404},
		{"no page, in a browser", here, "GET", "/tasks/a/b", "", []string{asPage}, 404},
		{"the methods of no page", here, "OPTIONS", "/nothing", "", nil, 204},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := exchanged(t, test.machine.front, test.method, test.target, test.body, test.headers...)
			where, err := c.check(e)
			if e.Status != test.status || err != nil {
				t.Errorf("want %d, as %v: %v\n%v", test.status, where, err, e)
			}
			tag := e.ResponseHeader.Get("ETag")
			if tag == "" || test.method != "GET" {
				return
			}
			again := exchanged(t, test.machine.front, test.method, test.target, test.body, append(test.headers, "If-None-Match: "+tag)...)
			if _, err := c.check(again); err != nil || again.Status != 304 && !strings.Contains(test.target, openID) {
				t.Errorf("again, want 304: %v\n%v", err, again)
			}
		})
	}
}

// TestContractServed: what is served is what is in web/.
func TestContractServed(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(filepath.Join("..", "..", "web", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := exchanged(t, here.front, "GET", "/openapi.yaml", ""); !bytes.Equal(got.ResponseBody, want) {
		t.Errorf("got %d bytes, want %d: run make generate", len(got.ResponseBody), len(want))
	}
}

// TestContractMutated changes requests that are described, in one thing or two, and holds
// what comes of them to the contract: what it calls wrong is told to be, and nothing else
// is answered than it says.
func TestContractMutated(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	ids := []string{failedID, doneID, "t-x", "", " " + failedID, failedID + "%20", failedID + ".json", failedID + ".txt", ".json", "%2F", strings.ToUpper(failedID), "任务"}
	values := []string{"", "0", "1", "7", "8", "-1", "+1", "1.5", "1e1", "007", "2147483647", "2147483648", "99999999999999999999", "x", " 1", "1 ", "true", "null",
		"Failed", "failed", "InProgress", "CreateAccessAssignment", "en", "zh-CN", directory, " " + directory + " ", "d-x", failedID, failedID + "," + doneID, "任务", "\x00", "%", "a;b",
		"2021-11-05T02:58:07Z", "2999-01-01T00:00:00Z", `"`, "[]", "../..", strings.Repeat("x", 300)}
	names := []string{"id", "directory", "wait", "lang", "refresh", "fragment", "days", "status", "type", "since", "after", "expires", "signature", "to", "unknown"}
	headers := []string{"Accept: ", "Accept: text/html", "Accept: text/html;q=0", "Accept: application/xml", "Accept-Language: zh", "Accept-Language: *;q=x", "Prefer: wait=0", "Prefer: wait=-1, wait=x",
		"If-None-Match: *", `If-None-Match: "x"`, "Accept-Encoding: gzip", "Accept-Encoding: br", "Authorization: x", "Authorization: Bearer local", "Cookie: __Host-session=x", "Range: bytes=0-1",
		asForm, asJSON, "Content-Type: application/cloudevents+json", "Content-Type: x", "Ce-Id: 1", "Webhook-Signature: v1,x", "X-Slack-Signature: v0=x", "Origin: https://evil.example"}
	bodies := []string{"", "id=" + failedID, "id=", "token=x", "%zz", "a;b", "{}", "[]", "null", `{"taskId":null}`, `{"taskId":"` + failedID + `"}`, `{"TASKID":"` + failedID + `","wait":"1"}`,
		`{"taskIds":[]}`, `{"taskIds":["` + failedID + `"],"notify":"yes"}`, `{"specversion":"1.0"}`, `{"specversion":"2.0","id":"1","source":"x","type":"y"}`, `[{"id":1}]`, "\xff", `{"type":1}`}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of []string) string { return of[random.IntN(len(of))] }
	seen := make(map[int]int)
	for range 600 {
		method := pick([]string{"GET", "GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "POST"})
		path := pick([]string{"/tasks/", "/tasks/", "/tasks/", "/tasks", "/tasks", "/tasks", "/tasks.json", "/tasks.txt", "/", "/events", "/sign-in", "/sign-out", "/chat/slack", "/chat/", "/openapi.yaml", "/healthz", "/assets/"})
		if strings.HasSuffix(path, "/") && path != "/" {
			path += url.PathEscape(pick(ids))
		}
		query := url.Values{}
		for range random.IntN(4) {
			query.Add(pick(names), pick(values))
		}
		if path == "/tasks" && random.IntN(2) == 0 {
			query.Set("id", failedID+","+doneID)
		}
		if len(query) > 0 {
			path += "?" + query.Encode()
		}
		var sent []string
		for range random.IntN(3) {
			sent = append(sent, pick(headers))
		}
		body := ""
		if method == "POST" {
			body = pick(bodies)
		}
		if address, _, _ := strings.Cut(path, "?"); method == "POST" && address == "/tasks" {
			body = pick(bodies[:3])
		}
		e := exchanged(t, here.front, method, path, body, sent...)
		if where, err := c.check(e); err != nil {
			t.Errorf("%v: %v\n%v", where, err, e)
		}
		seen[e.Status]++
	}
	t.Logf("answered by status: %v", seen)
	for _, status := range []int{200, 303, 400, 401, 403, 404, 405} {
		if seen[status] == 0 {
			t.Errorf("nothing was answered %d", status)
		}
	}
}

// TestContractRefuses changes true exchanges: all that is wrong then is noticed.
func TestContractRefuses(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	task, several := "/tasks/"+failedID, "/tasks?id="+failedID+","+absentID
	replaced := func(old, new string) func(*exchange) {
		return func(e *exchange) { e.ResponseBody = bytes.Replace(e.ResponseBody, []byte(old), []byte(new), 1) }
	}
	header := func(name, value string) func(*exchange) {
		return func(e *exchange) { e.ResponseHeader.Set(name, value) }
	}
	for _, test := range []struct {
		name, method, target string
		change               func(*exchange)
	}{
		{"a wrong type", "GET", task, replaced(`"done":true`, `"done":"true"`)},
		{"a member more", "GET", task, replaced(`{`, `{"more":1,`)},
		{"a member less", "GET", task, replaced(`"directoryId":"`+directory+`",`, ``)},
		{"null", "GET", task, replaced(`"failureReason":"No Permission."`, `"failureReason":null`)},
		{"empty", "GET", task, replaced(`"failureReason":"No Permission."`, `"failureReason":""`)},
		{"a wrong form", "GET", task, replaced(`"taskId":"t-`, `"taskId":"T-`)},
		{"a time that is none", "GET", task, replaced(`Z","endTime`, `","endTime`)},
		{"a fraction", "GET", task, replaced(`"durationSeconds":1`, `"durationSeconds":1.5`)},
		{"less than nothing", "GET", task, replaced(`"durationSeconds":1`, `"durationSeconds":-1`)},
		{"a duration without an end", "GET", task, replaced(`"endTime"`, `"targetId"`)},
		{"done, in a state that is not known", "GET", task, replaced(`"status":"Failed"`, `"status":"Paused"`)},
		{"done, in a state that is not known, as if it had not ended", "GET", task, func(e *exchange) {
			replaced(`"status":"Failed"`, `"status":"Paused"`)(e)
			e.ResponseBody = regexp.MustCompile(`"(endTime|failureReason|hint)":"[^"]*",|"durationSeconds":\d+,`).ReplaceAll(e.ResponseBody, nil)
		}},
		{"a success with a reason", "GET", task, replaced(`"status":"Failed"`, `"status":"Success"`)},
		{"no JSON", "GET", task, replaced(`}`, ``)},
		{"a list that is none", "GET", several, replaced(`"tasks":[`, `"tasks":{},"x":[`)},
		{"a count that is none", "GET", several, replaced(`"failed":1`, `"failed":"1"`)},
		{"a member more in a list", "GET", several, replaced(`{"taskId"`, `{"more":1,"taskId"`)},
		{"a member more in a problem in a list", "GET", several, replaced(`"title"`, `"more":1,"title"`)},
		{"a problem that is not known", "GET", "/tasks/t-x", replaced(`/problems/invalid`, `/problems/new`)},
		{"a problem of another status", "GET", "/tasks/t-x", replaced(`"status":400`, `"status":404`)},
		{"too slow, without a time to ask again", "GET", "/tasks/" + absentID, func(e *exchange) {
			e.Status = 504
			replaced(`/problems/not-found`, `/problems/timeout`)(e)
			replaced(`"status":404`, `"status":504`)(e)
			e.ResponseHeader.Del("Retry-After")
		}},
		{"a status that is not described", "GET", task, func(e *exchange) { e.Status = 201 }},
		{"a type that is not described", "GET", task, header("Content-Type", "application/xml")},
		{"no type", "GET", task, func(e *exchange) { e.ResponseHeader.Del("Content-Type") }},
		{"a header that is not described", "GET", task, header("X-Powered-By", "x")},
		{"a header without its value", "GET", task, header("Retry-After", "soon")},
		{"another policy for caches", "GET", task, header("Cache-Control", "public")},
		{"no ETag", "GET", task, func(e *exchange) { e.ResponseHeader.Del("ETag") }},
		{"no header for security", "GET", task, func(e *exchange) { e.ResponseHeader.Del("X-Frame-Options") }},
		{"no id of the request", "HEAD", task, func(e *exchange) { e.ResponseHeader.Del("X-Fc-Request-Id") }},
		{"a body to HEAD", "HEAD", task, func(e *exchange) { e.ResponseBody = []byte("x") }},
		{"a body with 204", "OPTIONS", task, func(e *exchange) { e.ResponseBody = []byte("x") }},
		{"no Allow", "OPTIONS", task, func(e *exchange) { e.ResponseHeader.Del("Allow") }},
		{"another Allow", "POST", task, header("Allow", "GET")},
		{"lines that are none", "GET", task + ".txt", replaced("\n", "")},
		{"another health", "GET", "/healthz", replaced("ok", "no")},
		{"a wrong request that is taken", "GET", task, func(e *exchange) { e.Target += "?wait=soon" }},
		{"a wrong id that is taken", "GET", task, func(e *exchange) { e.Target = "/tasks/t-x" }},
		{"a day too much that is taken", "GET", "/tasks?days=7", func(e *exchange) { e.Target = "/tasks?days=8" }},
		{"a method that is there, and is not", "POST", task, func(e *exchange) { e.Method = "GET" }},
		{"a path that is not there, and is", "GET", task, func(e *exchange) { e.Target = "/nothing" }},
		{"a method that is not there, and is", "GET", task, func(e *exchange) { e.Method = "PUT" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := exchanged(t, here.front, test.method, test.target, "")
			if _, err := c.check(e); err != nil {
				t.Fatalf("unchanged: %v\n%v", err, e)
			}
			before, _ := json.Marshal(e)
			test.change(&e)
			if after, _ := json.Marshal(e); bytes.Equal(after, before) {
				t.Fatalf("nothing is changed in\n%v", e)
			}
			if _, err := c.check(e); err == nil {
				t.Errorf("it is not noticed:\n%v", e)
			}
		})
	}
	e := exchanged(t, here.front, "POST", "/events", `{"taskId":"`+failedID+`"}`, byToken, asJSON)
	if _, err := c.check(e); err != nil {
		t.Fatalf("unchanged: %v\n%v", err, e)
	}
	e.Header.Del("Authorization")
	if _, err := c.check(e); err == nil {
		t.Errorf("what nobody proved is taken, and it is not noticed")
	}
}

// TestContractExamples: the examples of answers are those of the function, but for times
// and ids of requests, and for how the recent tasks stand by then.
func TestContractExamples(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	m := newMachine(t, "TASK_DETAILS=", "PUBLIC_URL=https://status.example.com")
	var changing func(any) any
	changing = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for _, name := range []string{"startTime", "endTime", "requestId"} {
				delete(v, name)
			}
			for name := range v {
				v[name] = changing(v[name])
			}
		case []any:
			for i := range v {
				v[i] = changing(v[i])
			}
		}
		return v
	}
	for name, target := range map[string]string{
		"Failed": "/tasks/" + failedID, "InProgress": "/tasks/" + openID, "Invalid": "/tasks/t-sh",
		"Several": "/tasks?id=" + failedID + "," + openID + "," + absentID, "Recent": "/tasks?status=Failed&type=CreateAccessAssignment",
	} {
		told, err := json.Marshal(c.document.Components.Examples[name].Value.Value)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := json.Unmarshal(told, &want); err != nil {
			t.Fatal(err)
		}
		answer := exchanged(t, m.front, "GET", target, "").ResponseBody
		if err := json.Unmarshal(answer, &got); err != nil {
			t.Fatal(err)
		}
		want, got = changing(want), changing(got)
		if name == "Recent" { // another may have failed meanwhile
			want, got = want.(map[string]any)["tasks"].([]any)[0], got.(map[string]any)["tasks"].([]any)
			got = got.([]any)[len(got.([]any))-1]
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is\n%v\nand %s is answered\n%v", name, want, target, got)
		}
	}
	if n := len(c.document.Components.Examples); n != 5 {
		t.Errorf("there are %d examples, of which 5 are looked at", n)
	}
}

// TestContractLint has redocly read the contract, by its recommended rules.
func TestContractLint(t *testing.T) {
	t.Parallel()
	command := exec.Command(node(t), npmFile(t, "@redocly/cli/bin/cli.js"), "lint", "--format=json",
		"--config", filepath.Join("testdata", "redocly.yaml"), filepath.Join("..", "..", "web", "openapi.yaml"))
	command.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
	var notes bytes.Buffer
	command.Stderr = &notes
	output, err := command.Output()
	var report struct {
		Totals   *struct{ Errors, Warnings, Ignored int }
		Problems []struct{ RuleID, Message string }
	}
	if json.Unmarshal(output, &report) != nil || report.Totals == nil {
		t.Fatalf("redocly: %v\n%s%s", err, output, &notes)
	}
	for _, problem := range report.Problems {
		t.Errorf("%s: %s", problem.RuleID, problem.Message)
	}
	if totals := *report.Totals; err != nil || totals.Errors+totals.Warnings+totals.Ignored > 0 {
		t.Errorf("redocly: %v, %s", err, fmt.Sprint(totals))
	}
}
