package cloudsso

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"taskstatus/function/task"
)

func TestGetTaskStatus(t *testing.T) {
	started := time.Date(2021, 11, 5, 2, 58, 7, 0, time.UTC)
	base := task.Task{ID: taskID, Directory: directory, Type: task.CreateAccessAssignment, CheckedAt: now, RequestID: "R-1", Start: started}
	with := func(change func(*task.Task)) task.Task {
		t := base
		change(&t)
		return t
	}
	const fields = `"TaskId":"t-shfqw1u1edszvxw5abcd","TaskType":"CreateAccessAssignment","StartTime":"2021-11-05T02:58:07Z",`
	tests := []struct {
		name, fields string
		want         task.Task
		err          string // part of the error
	}{
		{"in progress", fields + `"Status":"InProgress"`, with(func(t *task.Task) { t.Status = task.InProgress }), ""},
		{"success", fields + `"Status":"Success","EndTime":"2021-11-05T02:58:08Z"`,
			with(func(t *task.Task) { t.Status, t.End = task.Success, started.Add(time.Second) }), ""},
		{"failed", fields + `"Status":"Failed","EndTime":"2021-11-05T02:58:08Z","FailureReason":" No Permission. "`,
			with(func(t *task.Task) {
				t.Status, t.End, t.FailureReason = task.Failed, started.Add(time.Second), " No Permission. "
			}), ""},
		{"the published sample: a reason beside Success", fields + `"Status":"Success","EndTime":"2021-11-05T02:58:08Z","FailureReason":"No Permission."`,
			with(func(t *task.Task) { t.Status, t.End = task.Success, started.Add(time.Second) }), ""},
		{"a reason while in progress", fields + `"Status":"InProgress","FailureReason":"No Permission."`,
			with(func(t *task.Task) { t.Status = task.InProgress }), ""},
		{"an end while in progress", fields + `"Status":"InProgress","EndTime":"2021-11-05T02:58:08Z"`,
			with(func(t *task.Task) { t.Status = task.InProgress }), ""},
		{"no time as an end while in progress", fields + `"Status":"InProgress","EndTime":"-"`,
			with(func(t *task.Task) { t.Status = task.InProgress }), ""},
		{"empty is absent", `"TaskId":"t-shfqw1u1edszvxw5abcd","TaskType":"","StartTime":"","EndTime":"","FailureReason":" ","Status":"Failed"`,
			with(func(t *task.Task) { t.Status, t.Type, t.Start = task.Failed, "", time.Time{} }), ""},
		{"null is absent", `"TaskId":"t-shfqw1u1edszvxw5abcd","TaskType":null,"StartTime":null,"EndTime":null,"FailureReason":null,"Status":"Failed"`,
			with(func(t *task.Task) { t.Status, t.Type, t.Start = task.Failed, "", time.Time{} }), ""},
		{"an unknown status and type", `"TaskId":"t-shfqw1u1edszvxw5abcd","TaskType":"New","Status":"Paused","FailureReason":"x","EndTime":"x"`,
			with(func(t *task.Task) { t.Status, t.Type, t.Start = "Paused", "New", time.Time{} }), ""},
		{"unknown fields", fields + `"Status":"InProgress","Progress":{"Percent":5},"Steps":[1,2]`, with(func(t *task.Task) { t.Status = task.InProgress }), ""},
		{"another zone and fractions", strings.Replace(fields, "02:58:07Z", "10:58:07.000+08:00", 1) + `"Status":"InProgress"`,
			with(func(t *task.Task) { t.Status = task.InProgress }), ""},
		{"the first moment of all calendars", strings.Replace(fields, "2021-11-05T02:58:07Z", "0000-01-01T00:00:00Z", 1) + `"Status":"InProgress"`,
			with(func(t *task.Task) { t.Status, t.Start = task.InProgress, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) }), ""},
		{"the last moment of all calendars", strings.Replace(fields, "2021-11-05T02:58:07Z", "9999-12-31T23:59:59Z", 1) + `"Status":"InProgress"`,
			with(func(t *task.Task) {
				t.Status, t.Start = task.InProgress, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
			}), ""},
		{"names, which are not this call's", fields + `"Status":"InProgress","PrincipalName":"Alice"`, with(func(t *task.Task) { t.Status = task.InProgress }), ""},

		{"no status", fields + `"EndTime":""`, task.Task{}, "without a status"},
		{"status in another type", fields + `"Status":1`, task.Task{}, "not the JSON"},
		{"start is no time", strings.Replace(fields, "07Z", "7", 1) + `"Status":"InProgress"`, task.Task{}, "start is no time"},
		{"start in milliseconds", strings.Replace(fields, `"2021-11-05T02:58:07Z"`, "1636081087000", 1) + `"Status":"InProgress"`, task.Task{}, "not the JSON"},
		{"end is no time", fields + `"Status":"Success","EndTime":"2021-11-05 02:58:08"`, task.Task{}, "end is no time"},
		{"a start beyond all calendars", strings.Replace(fields, "2021-11-05T02:58:07Z", "9999-12-31T23:59:59-01:00", 1) + `"Status":"InProgress"`, task.Task{}, "start is no time"},
		{"a status that would be more than a word", fields + `"Status":"Pau\nsed"`, task.Task{}, "without a status"},
		{"a type that would be more than a word", `"TaskId":"t-shfqw1u1edszvxw5abcd","TaskType":"New\u001b[31m","Status":"Success"`, task.Task{}, "type is no name"},
		{"no task id", `"Status":"Success"`, task.Task{}, "another task"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, _ := newClient(t, serve(t, reply(200, `{"RequestId":"R-1","TaskStatus":{`+test.fields+`}}`)))
			got, err := client.GetTaskStatus(invocation(), directory, taskID)
			if test.err == "" && (err != nil || got != test.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
			if e, ok := errors.AsType[*task.Error](err); test.err != "" && (!ok || e.Kind != task.Upstream || e.RequestID != "R-1" || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %+v, want upstream, R-1 and %q", err, test.err)
			}
		})
	}
}

const wireDetails = `"TaskId":"t-shfqw1u1edszvxw5abcd","TaskType":"CreateAccessAssignment","Status":"Failed","FailureReason":"No Permission.",` +
	`"AccessConfigurationId":"ac-00jhtfl8thteu6uj****","AccessConfigurationName":"ECS-Admin",` +
	`"PrincipalType":"User","PrincipalId":"u-00q8wbq42wiltcrk****","PrincipalName":"Alice",` +
	`"TargetType":"RD-Account","TargetId":"114240524784****","TargetName":"dev-test","TargetPath":"rd-3G****/r-Wm****/114240524784****","TargetPathName":"rd-3G****/root/dev-test"`

var details = task.Details{
	AccessConfigurationID: "ac-00jhtfl8thteu6uj****", AccessConfigurationName: "ECS-Admin",
	PrincipalType: "User", PrincipalID: "u-00q8wbq42wiltcrk****", PrincipalName: "Alice",
	TargetType: "RD-Account", TargetID: "114240524784****", TargetName: "dev-test",
	TargetPath: "rd-3G****/r-Wm****/114240524784****", TargetPathName: "rd-3G****/root/dev-test",
}

func TestGetTask(t *testing.T) {
	var got *http.Request
	client, _ := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		reply(200, `{"RequestId":"R-1","Task":{`+wireDetails+`}}`)(w, r)
	}))
	answer, err := client.GetTask(invocation(), directory, taskID)
	if err != nil || answer.Details == nil || *answer.Details != details {
		t.Errorf("got %+v with %+v, %v", answer, answer.Details, err)
	}
	if answer.Status != task.Failed || !answer.CheckedAt.Equal(now) || answer.FailureReason != "No Permission." || got.Header.Get("X-Acs-Action") != "GetTask" {
		t.Errorf("got %+v from %s", answer, got.Header.Get("X-Acs-Action"))
	}
	if _, err := client.GetTaskStatus(invocation(), directory, taskID); task.KindOf(err) != task.Upstream {
		t.Errorf("GetTask's answer is taken for GetTaskStatus's: %v", err)
	}
}

func TestListRequest(t *testing.T) {
	full := task.ListRequest{
		Directory: directory, Status: task.Failed, Type: task.CreateAccessAssignment, AccessConfigurationID: "ac-1",
		PrincipalType: "User", PrincipalID: "u-1", TargetType: "RD-Account", TargetID: "1",
		StartedSince: time.Date(2021, 11, 5, 10, 58, 7, 5, time.FixedZone("", 8*3600)), MaxResults: 20, NextToken: "a+/=",
	}
	with := func(change func(*task.ListRequest)) task.ListRequest {
		r := full
		change(&r)
		return r
	}
	tests := []struct {
		name    string
		request task.ListRequest
		want    url.Values // nil: Invalid
	}{
		{"directory only", task.ListRequest{Directory: directory}, url.Values{"DirectoryId": {"d-00fc2p61abcd"}}},
		{"everything", full, url.Values{
			"AccessConfigurationId": {"ac-1"}, "DirectoryId": {"d-00fc2p61abcd"}, "Filter": {"StartTime ge 2021-11-05T02:58:07Z"},
			"MaxResults": {"20"}, "NextToken": {"a+/="}, "PrincipalId": {"u-1"}, "PrincipalType": {"User"}, "Status": {"Failed"},
			"TargetId": {"1"}, "TargetType": {"RD-Account"}, "TaskType": {"CreateAccessAssignment"},
		}},
		{"the longest list", task.ListRequest{Directory: directory, StartedSince: now.Add(-task.ListWindow)},
			url.Values{"DirectoryId": {"d-00fc2p61abcd"}, "Filter": {"StartTime ge 2021-10-29T02:58:30Z"}}},
		{"principal without type", with(func(r *task.ListRequest) { r.PrincipalType = "" }), nil},
		{"principal without id", with(func(r *task.ListRequest) { r.PrincipalID = "" }), nil},
		{"target without type", with(func(r *task.ListRequest) { r.TargetType = "" }), nil},
		{"target without id", with(func(r *task.ListRequest) { r.TargetID = "" }), nil},
		{"page too large", with(func(r *task.ListRequest) { r.MaxResults = 21 }), nil},
		{"a list too long", with(func(r *task.ListRequest) { r.StartedSince = now.Add(-task.ListWindow - 1) }), nil},
		{"page negative", with(func(r *task.ListRequest) { r.MaxResults = -1 }), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var query string
			client, _ := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				query = r.URL.RawQuery
				reply(200, `{"Tasks":[]}`)(w, r)
			}))
			_, err := client.ListTasks(invocation(), test.request)
			if test.want == nil {
				if task.KindOf(err) != task.Invalid || query != "" {
					t.Errorf("error %v, sent %q", err, query)
				}
				return
			}
			got, _ := url.ParseQuery(query)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("sent %v (%v), want %v", got, err, test.want)
			}
			if parts := strings.Split(query, "&"); !slices.IsSorted(parts) {
				t.Errorf("the query is not sorted, and so signed wrongly: %s", query)
			}
		})
	}
}

func TestListTasks(t *testing.T) {
	const one = `{` + wireDetails + `}`
	tests := []struct {
		name, body string
		tasks      int
		next       string
		err        string
	}{
		{"a page with another after it", `{"RequestId":"R-1","IsTruncated":true,"NextToken":"n","MaxResults":1,"TotalCounts":7,"Tasks":[` + one + `,` + one + `]}`, 2, "n", ""},
		{"the last page", `{"RequestId":"R-1","IsTruncated":false,"NextToken":"n","TotalCounts":7,"Tasks":[` + one + `]}`, 1, "", ""},
		{"nothing found", `{"RequestId":"R-1","TotalCounts":7,"Tasks":[]}`, 0, "", ""},
		{"no tasks at all", `{"RequestId":"R-1"}`, 0, "", "not the JSON"},
		{"tasks are an object", `{"RequestId":"R-1","Tasks":{}}`, 0, "", "not the JSON"},
		{"truncated without a token", `{"RequestId":"R-1","IsTruncated":true,"Tasks":[]}`, 0, "", "no token"},
		{"a null among them", `{"RequestId":"R-1","Tasks":[null]}`, 0, "", "valid id"},
		{"a masked id", `{"RequestId":"R-1","Tasks":[` + strings.Replace(one, "abcd", "****", 1) + `]}`, 0, "", "valid id"},
		{"no status", `{"RequestId":"R-1","Tasks":[` + strings.Replace(one, `"Failed"`, `""`, 1) + `]}`, 0, "", "without a status"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, _ := newClient(t, serve(t, reply(200, test.body)))
			page, err := client.ListTasks(invocation(), task.ListRequest{Directory: directory})
			if test.err != "" {
				if e, ok := errors.AsType[*task.Error](err); !ok || e.Kind != task.Upstream || e.RequestID != "R-1" || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %+v, want %q", err, test.err)
				}
				return
			}
			if err != nil || len(page.Tasks) != test.tasks || page.NextToken != test.next || page.Total != 7 || page.RequestID != "R-1" {
				t.Errorf("got %+v, %v", page, err)
			}
			for _, got := range page.Tasks {
				if got.ID != taskID || got.Directory != directory || !got.CheckedAt.Equal(now) || *got.Details != details {
					t.Errorf("got %+v with %+v", got, got.Details)
				}
			}
		})
	}
	client, record := newClient(t, serve(t, reply(404, failed("EntityNotExists.Directory"))))
	if _, err := client.ListTasks(invocation(), task.ListRequest{Directory: directory}); task.KindOf(err) != task.NotFound || record.calls[0].Action != "ListTasks" {
		t.Errorf("error %v, calls %+v", err, record.calls)
	}
}

// FuzzDecode holds that any answer at all gives either a task with a status
// or an error of a kind, without the answer's own words in it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []struct {
		status int
		body   string
	}{
		{200, running},
		{200, `{"TaskStatus":{"TaskId":"t-shfqw1u1edszvxw5abcd","Status":"Success","EndTime":"2021-11-05T02:58:08Z"}}`},
		{200, `{"RequestId":"R-1","Task":{` + wireDetails + `}}`},
		{200, `{"RequestId":"R-1","IsTruncated":true,"NextToken":"n","TotalCounts":7,"Tasks":[{` + wireDetails + `}]}`},
		{200, `{"TaskStatus":null,"Task":{},"Tasks":[null]}`},
		{200, "<html>"},
		{200, ""},
		{403, `{"Code":"NoPermission","AccessDeniedDetail":{"AuthAction":"cloudsso:GetTask"}}`},
		{400, failed("Throttling.User")},
		{400, failed("InvalidTimeStamp.Expired")},
		{404, `{"code":1,"RequestId":[],"AccessDeniedDetail":""}`},
		{502, "<Error><Code>x</Code></Error>"},
	} {
		f.Add(seed.status, seed.body, "Limit:1,Remain:0,TimeLeft:2000,Reset:1234")
	}
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		a := &answer{status: status, header: http.Header{
			"X-Ratelimit-User-Api": {header}, "Retry-After": {header}, "Date": {header}, "X-Acs-Request-Id": {header},
		}, body: []byte(body)}
		check := func(err error) {
			t.Helper()
			e, ok := errors.AsType[*task.Error](err)
			if !ok || e.Kind == task.Internal || e.Cause == nil || e.RetryAfter < 0 || e.RetryAfter > maxRetryAfter {
				t.Fatalf("error %+v", err)
			}
			if len(e.Error()) > 600 || strings.ContainsAny(e.Error()+e.RequestID, "\n\r<>{}\"") {
				t.Fatalf("error %q repeats the answer", e.Error())
			}
		}
		if status != http.StatusOK {
			e, retry := a.err("GetTaskStatus", directory, a.failure(), now)
			if check(e); retry && !e.Kind.Retryable() {
				t.Fatalf("%v is tried again", e)
			}
			return
		}
		for _, action := range []string{"GetTaskStatus", "GetTask"} {
			got, err := a.task(action, directory, taskID)
			if err != nil {
				check(err)
			} else if got.Status == "" || got.ID != taskID || !got.Done() && !got.End.IsZero() || got.Status != task.Failed && got.FailureReason != "" {
				t.Fatalf("%s: %+v", action, got)
			}
		}
		if page, err := a.tasks("ListTasks", directory); err != nil {
			check(err)
		} else {
			for _, got := range page.Tasks {
				if _, err := task.ParseID(string(got.ID)); err != nil || got.Status == "" || got.Details == nil {
					t.Fatalf("%+v", got)
				}
			}
		}
	})
}
