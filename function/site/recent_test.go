package site

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"taskstatus/function/task"
)

// lister lists two pages of tasks, in no order. It says what it was asked for.
type lister struct {
	asked task.ListRequest
	calls int
	none  bool
	err   error
}

func (l *lister) ListTasks(_ context.Context, r task.ListRequest) (task.Page, error) {
	l.asked, l.calls = r, l.calls+1
	if l.err != nil {
		return task.Page{}, l.err
	}
	if l.none {
		return task.Page{}, nil
	}
	listed := func(id task.ID, status task.Status, start int) task.Task {
		t := task.Task{
			ID: id, Directory: r.Directory, Type: task.CreateAccessAssignment, Status: status,
			Start: at(start), CheckedAt: now, Details: &details,
		}
		if t.Done() {
			t.End = at(start + 1)
		}
		if status == task.Failed {
			t.FailureReason = "No Permission."
		}
		return t
	}
	page := task.Page{Total: 22, RequestID: "R-2", Tasks: []task.Task{listed(succeeded, task.Success, 5), listed(running, task.InProgress, 7), listed(failed, task.Failed, 6)}}
	if r.NextToken == "" {
		page.NextToken = "next"
	}
	return page, nil
}

func newRecent() (*Site, *lister) {
	s, _ := newSite()
	l := &lister{}
	s.Lister = l
	return s, l
}

func TestRecentRequest(t *testing.T) {
	dayAgo := now.Add(-24 * time.Hour)
	for _, test := range []struct {
		name, query string
		want        task.ListRequest
	}{
		{"nothing asked: the last 24 h", "", task.ListRequest{StartedSince: dayAgo}},
		{"empty parameters are none", "?status=&type=&days=&since=&after=", task.ListRequest{StartedSince: dayAgo}},
		{"three days", "?days=3", task.ListRequest{StartedSince: now.Add(-72 * time.Hour)}},
		{"seven days: a little less, so that every page can still be turned to", "?days=7", task.ListRequest{StartedSince: now.Add(listMargin - 7*24*time.Hour)}},
		{"by status and type", "?status=Failed&type=DeleteAccessAssignment", task.ListRequest{StartedSince: dayAgo, Status: task.Failed, Type: task.DeleteAccessAssignment}},
		{"a further page", "?since=2021-11-01T00:00:00Z&after=a%2Bb%3D", task.ListRequest{StartedSince: time.Date(2021, 11, 1, 0, 0, 0, 0, time.UTC), NextToken: "a+b="}},
		{"another directory", "?directory=d-003qew84abcd", task.ListRequest{StartedSince: dayAgo, Directory: second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, l := newRecent()
			w := send(s, request("GET", "/tasks"+test.query))
			if test.want.Directory == "" {
				test.want.Directory = directory
			}
			test.want.MaxResults = task.MaxPage
			if w.Code != http.StatusOK || l.asked != test.want {
				t.Errorf("got %d, asked\n%+v, want\n%+v", w.Code, l.asked, test.want)
			}
		})
	}
}

func TestRecentProblems(t *testing.T) {
	for _, test := range []struct {
		name, query     string
		err             error
		status          int
		problem, detail string
	}{
		{"a status that is none", "?status=Done", nil, 400, "invalid", `status is "Done": it takes one of Failed, InProgress, Success`},
		{"a type that is none", "?type=x", nil, 400, "invalid", `type is "x"`},
		{"no day", "?days=0", nil, 400, "invalid", `days is "0"`},
		{"more days than there are", "?days=8", nil, 400, "invalid", "from 1 to 7"},
		{"days in words", "?days=two", nil, 400, "invalid", `days is "two"`},
		{"since no time", "?since=yesterday", nil, 400, "invalid", `since is "yesterday"`},
		{"since tomorrow", "?since=2021-11-06T00:00:00Z", nil, 400, "invalid", "in the past"},
		{"since too long ago", "?since=2021-10-29T02:58:16Z", nil, 400, "invalid", "begin again"},
		{"another's directory", "?directory=d-aaaaaaaaaaaa", nil, 403, "forbidden", "d-aaaaaaaaaaaa"},
		{"refused", "", &task.Error{Kind: task.Refused}, 502, "refused", ""},
		{"throttled", "", &task.Error{Kind: task.Throttled}, 503, "throttled", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, l := newRecent()
			l.err = test.err
			w := send(s, request("GET", "/tasks"+test.query))
			var p Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			if w.Code != test.status || p.Type != "/problems/"+test.problem || !strings.Contains(p.Detail, test.detail) {
				t.Errorf("got %d %+v", w.Code, p)
			}
			if test.err == nil && l.calls != 0 {
				t.Error("CloudSSO was asked")
			}
		})
	}
}

func TestRecentAsJSON(t *testing.T) {
	s, l := newRecent()
	w := send(s, request("GET", "/tasks?status=Failed"))
	var got RecentDocument
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	var order []task.ID
	for _, d := range got.Tasks {
		order = append(order, d.TaskID)
	}
	if want := []task.ID{running, failed, succeeded}; len(order) != 3 || order[0] != want[0] || order[1] != want[1] || order[2] != want[2] {
		t.Errorf("the order is %v, want the latest first: %v", order, want)
	}
	if got.Total != 22 || got.Counts != (Counts{Failed: 1, InProgress: 1, Success: 1}) || got.Done {
		t.Errorf("got %+v", got)
	}
	if got.Tasks[0].Details == nil || got.Tasks[0].TargetName != "dev-test" {
		t.Errorf("no names: %s", w.Body)
	}
	if w.Header().Get("Cache-Control") != noStore || w.Header().Get("Link") != "<"+got.Next+`>; rel="next"` || w.Header().Get("Retry-After") != "" {
		t.Errorf("got %v", w.Header())
	}

	// The next page is of the same list, however much later it is turned to.
	next, err := url.Parse(got.Next)
	if err != nil || next.Host != "status.example.com" {
		t.Fatalf("next is %q: %v", got.Next, err)
	}
	first := l.asked
	s.Now = func() time.Time { return now.Add(10 * time.Minute) }
	w = send(s, request("GET", next.RequestURI()))
	var last RecentDocument
	if err := json.Unmarshal(w.Body.Bytes(), &last); err != nil {
		t.Fatal(err)
	}
	if first.NextToken = "next"; l.asked != first {
		t.Errorf("asked\n%+v, want\n%+v", l.asked, first)
	}
	if last.Next != "" || w.Header().Get("Link") != "" {
		t.Errorf("after the last page comes %q", last.Next)
	}
}

func TestRecentAsText(t *testing.T) {
	s, _ := newRecent()
	got := send(s, request("GET", "/tasks.txt")).Body.String()
	if lines := strings.Split(strings.TrimSpace(got), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], "✕ Failed: ") || strings.Contains(got, "Alice") {
		t.Errorf("got %s", got)
	}
}

func TestRecentNone(t *testing.T) {
	s, l := newRecent()
	l.none = true
	if got := send(s, request("GET", "/tasks")).Body.String(); got != `{"tasks":[],"done":true,"counts":{"failed":0,"inProgress":0,"success":0,"unknown":0},"total":0}`+"\n" {
		t.Errorf("got %s", got)
	}
	page := send(s, request("GET", "/tasks", asksForPage)).Body.String()
	for _, want := range []string{"No tasks in the last 24 hours", "CloudSSO lists no such task."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
