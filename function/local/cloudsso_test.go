package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// noFunction is for tests that invoke nothing: the function starts with its
// first invocation.
const noFunction = "none"

func TestRefusals(t *testing.T) {
	s := start(t, options{binary: noFunction})
	id := s.createTask(t, "seconds=0")
	const directory = defaultDirectory
	assignment := func(without string, instead ...string) []string {
		params := []string{"Action", createAssignment}
		for _, pair := range [][]string{
			{"DirectoryId", directory}, {"AccessConfigurationId", "ac-1"}, {"PrincipalType", "User"},
			{"PrincipalId", "u-1"}, {"TargetType", "RD-Account"}, {"TargetId", "1"},
		} {
			if pair[0] != without {
				params = append(params, pair...)
			}
		}
		return append(params, instead...)
	}
	for _, test := range []struct {
		name   string
		params []string
		status int
		code   string
	}{
		{"no directory", []string{"Action", "GetTaskStatus", "TaskId", id}, 400, "MissingDirectoryId"},
		{"another directory", []string{"Action", "GetTaskStatus", "DirectoryId", "d-000000000000", "TaskId", id}, 404, "EntityNotExists.Directory"},
		{"no task", []string{"Action", "GetTaskStatus", "DirectoryId", directory}, 400, "MissingTaskId"},
		{"unknown task", []string{"Action", "GetTaskStatus", "DirectoryId", directory, "TaskId", "t-sh0"}, 404, "EntityNotExists.Task"},
		{"unknown task of GetTask", []string{"Action", "GetTask", "DirectoryId", directory, "TaskId", "t-sh0"}, 404, "EntityNotExists.Task"},
		{"unknown action", []string{"Action", "GetTasks", "DirectoryId", directory}, 404, "InvalidApi.NotFound"},
		{"list with a bad status", []string{"Action", "ListTasks", "DirectoryId", directory, "Status", "Done"}, 400, "InvalidStatus"},
		{"list with a bad type", []string{"Action", "ListTasks", "DirectoryId", directory, "TaskType", "x"}, 400, "InvalidTaskType"},
		{"list with a bad principal type", []string{"Action", "ListTasks", "DirectoryId", directory, "PrincipalType", "Role"}, 400, "InvalidPrincipalType"},
		{"list with a bad target type", []string{"Action", "ListTasks", "DirectoryId", directory, "TargetType", "Account"}, 400, "InvalidTargetType"},
		{"list of none", []string{"Action", "ListTasks", "DirectoryId", directory, "MaxResults", "0"}, 400, "InvalidMaxResults"},
		{"list of 21", []string{"Action", "ListTasks", "DirectoryId", directory, "MaxResults", "21"}, 400, "InvalidMaxResults"},
		{"list with a bad token", []string{"Action", "ListTasks", "DirectoryId", directory, "NextToken", "x"}, 400, "InvalidNextToken"},
		{"list with another filter", []string{"Action", "ListTasks", "DirectoryId", directory, "Filter", "EndTime ge 2026-11-23T00:00:00Z"}, 400, "InvalidFilter"},
		{"list from no time", []string{"Action", "ListTasks", "DirectoryId", directory, "Filter", "StartTime ge 2026-13-23T00:00:00Z"}, 400, "InvalidFilter"},
		{"list from too long ago", []string{"Action", "ListTasks", "DirectoryId", directory, "Filter", "StartTime ge 2021-11-05T02:58:07Z"}, 400, "InvalidFilter"},
		{"creator without a configuration", assignment("AccessConfigurationId"), 400, "MissingAccessConfigurationId"},
		{"creator without a principal", assignment("PrincipalId"), 400, "MissingPrincipalId"},
		{"creator without a target", assignment("TargetId"), 400, "MissingTargetId"},
		{"creator with a bad principal type", assignment("PrincipalType", "PrincipalType", "Role"), 400, "InvalidPrincipalType"},
		{"creator with a bad strategy", assignment("", "DeprovisionStrategy", "x"), 400, "InvalidDeprovisionStrategy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := s.call(t, test.params...)
			var body struct{ RequestID, HostID, Code, Message, Recommend string }
			decode(t, r.body, &body)
			if r.status != test.status || body.Code != test.code {
				t.Errorf("got %d %s, want %d %s", r.status, body.Code, test.status, test.code)
			}
			if body.RequestID == "" || body.HostID == "" || body.Message == "" || !strings.Contains(body.Recommend, test.code) {
				t.Errorf("the error lacks members: %s", r.body)
			}
		})
	}
}

// A taskBody is a task in any of the answers.
type taskBody struct {
	TaskID, TaskType, Status, StartTime               string
	EndTime, FailureReason                            *string
	AccessConfigurationID, AccessConfigurationName    string
	PrincipalID, PrincipalName, PrincipalType         string
	TargetID, TargetName, TargetPath, TargetType, URL string
}

func TestTaskTakesItsTime(t *testing.T) {
	c := newClock(time.Date(2026, 11, 23, 10, 0, 0, 250_000_000, time.UTC))
	s := start(t, options{binary: noFunction, now: c.Now, rotate: time.Hour})
	good := s.createTask(t, "type=DeleteAccessAssignment&seconds=8&status=Success")
	bad := s.createTask(t, "seconds=8&status=Failed&reason=No+Permission.")
	status := func(id string) taskBody {
		t.Helper()
		r := s.call(t, "Action", "GetTaskStatus", "DirectoryId", defaultDirectory, "TaskId", id)
		var body struct{ TaskStatus taskBody }
		decode(t, r.body, &body)
		if r.status != http.StatusOK || body.TaskStatus.TaskID != id {
			t.Fatalf("got %d %s", r.status, r.body)
		}
		return body.TaskStatus
	}
	// seen collects in which forms a member came.
	seen := func(id string, member func(taskBody) *string) []string {
		forms := make(map[string]bool)
		for range 6 {
			if value := member(status(id)); value == nil {
				forms["absent"] = true
			} else {
				forms[*value] = true
			}
		}
		return slices.Sorted(maps.Keys(forms))
	}
	endTime := func(b taskBody) *string { return b.EndTime }
	reason := func(b taskBody) *string { return b.FailureReason }
	want := func(what string, got, want []string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}

	c.advance(7 * time.Second)
	if got := status(good); got.Status != "InProgress" || got.StartTime != "2026-11-23T10:00:00Z" || got.TaskType != "DeleteAccessAssignment" {
		t.Errorf("got %+v while it runs", got)
	}
	want("end time while it runs", seen(good, endTime), []string{"", "absent"})
	want("reason while it runs", seen(bad, reason), []string{"", "absent"})

	c.advance(time.Second)
	if got := status(good); got.Status != "Success" {
		t.Errorf("got %+v, want Success", got)
	}
	if got := status(bad); got.Status != "Failed" {
		t.Errorf("got %+v, want Failed", got)
	}
	want("end time of a success", seen(good, endTime), []string{"2026-11-23T10:00:08Z"})
	want("reason of a success", seen(good, reason), []string{"", "No Permission.", "absent"})
	want("reason of a failure", seen(bad, reason), []string{"No Permission."})

	counts := s.counts(t)
	if counts.Tasks[good] != 20 || counts.Tasks[bad] != 13 || counts.Calls["GetTaskStatus"] != 33 || counts.Statuses[200] != 33 {
		t.Errorf("the counts are wrong: %+v", counts)
	}
	if counts.Connections != 33 || !counts.LastCall.Equal(c.Now()) {
		t.Errorf("%d connections, last call %v", counts.Connections, counts.LastCall)
	}
}

func TestCreators(t *testing.T) {
	s := start(t, options{binary: noFunction})
	for _, test := range []struct {
		action string
		target string
		member string
		count  int
	}{
		{createAssignment, "1142405247840001", "Task", 1},
		{deleteAssignment, "1142405247840002", "Task", 1},
		{provisionConfiguration, "1142405247840003", "Tasks", 1},
		{provisionConfiguration, "", "Tasks", len(accounts)},
		{deprovisionConfiguration, "9", "Tasks", 1},
	} {
		t.Run(test.action+test.target, func(t *testing.T) {
			params := []string{
				"Action", test.action, "DirectoryId", defaultDirectory,
				"AccessConfigurationId", "ac-00ccule7tadaijxc0002",
				"PrincipalType", "Group", "PrincipalId", "g-00jqzghi2n3o5hkh0003",
			}
			if test.target != "" {
				params = append(params, "TargetType", "RD-Account", "TargetId", test.target)
			}
			r := s.call(t, params...)
			if r.status != http.StatusOK {
				t.Fatalf("got %d %s", r.status, r.body)
			}
			var body struct {
				RequestID string
				Task      *taskBody
				Tasks     []taskBody
			}
			decode(t, r.body, &body)
			tasks := body.Tasks
			if test.member == "Task" {
				if body.Task == nil || body.Tasks != nil {
					t.Fatalf("want an object: %s", r.body)
				}
				tasks = []taskBody{*body.Task}
			}
			if len(tasks) != test.count || body.RequestID == "" {
				t.Fatalf("got %d tasks, want %d: %s", len(tasks), test.count, r.body)
			}
			for _, got := range tasks {
				if got.Status != "InProgress" || got.TaskType != test.action || got.StartTime != "" || got.EndTime != nil || got.FailureReason != nil {
					t.Errorf("got %+v", got)
				}
				if got.AccessConfigurationName != "ReadOnly" || (got.PrincipalName == "Platform engineers") != (test.member == "Task") {
					t.Errorf("the names are wrong in %+v", got)
				}
				asked := s.call(t, "Action", "GetTask", "DirectoryId", defaultDirectory, "TaskId", got.TaskID)
				var read struct{ Task taskBody }
				decode(t, asked.body, &read)
				if read.Task.TaskID != got.TaskID || read.Task.StartTime == "" || read.Task.TargetPath != got.TargetPath {
					t.Errorf("GetTask says %s", asked.body)
				}
			}
		})
	}
}

func TestListTasks(t *testing.T) {
	c := newClock(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
	s := start(t, options{binary: noFunction, now: c.Now, rotate: time.Hour, env: map[string]string{"CLOUDSSO_DIRECTORY_ID": "d-first0,d-second"}})
	add := func(age time.Duration, spec taskSpec) {
		spec.directory, spec.age, spec.instant = "d-second", age, true
		s.cloudSSO.tasks.add(spec)
	}
	alice, team, dev, admin := principals[0], principals[2], accounts[0], configurations[0]
	for n := range 23 {
		add(time.Duration(n)*time.Minute, taskSpec{
			id: fmt.Sprintf("t-second%02d", n), outcome: statusSuccess,
			principal: principals[1], account: accounts[1], configuration: configurations[1],
		})
	}
	add(2*time.Hour, taskSpec{id: "t-failed", outcome: statusFailed, principal: alice, account: dev, configuration: admin})
	add(3*time.Hour, taskSpec{id: "t-team", outcome: statusSuccess, taskType: deleteAssignment, principal: team, account: dev, configuration: admin})
	add(4*time.Hour, taskSpec{id: "t-running", length: 5 * time.Hour, taskType: provisionConfiguration, principal: alice, account: accounts[2], configuration: configurations[2]})
	add(25*time.Hour, taskSpec{id: "t-yesterday", outcome: statusFailed, principal: alice, account: dev, configuration: admin})
	add(8*24*time.Hour, taskSpec{id: "t-lastweek", outcome: statusFailed})

	type list struct {
		IsTruncated bool
		NextToken   *string
		MaxResults  int
		TotalCounts int
		Tasks       []taskBody
	}
	ask := func(t *testing.T, params ...string) (ids []string, page list) {
		t.Helper()
		r := s.call(t, append([]string{"Action", "ListTasks", "DirectoryId", "d-second"}, params...)...)
		if r.status != http.StatusOK {
			t.Fatalf("got %d %s", r.status, r.body)
		}
		decode(t, r.body, &page)
		for _, listed := range page.Tasks {
			ids = append(ids, listed.TaskID)
		}
		if page.IsTruncated != (page.NextToken != nil) {
			t.Errorf("NextToken must be there exactly when truncated: %s", r.body)
		}
		return ids, page
	}

	for _, test := range []struct {
		name   string
		params []string
		want   []string
	}{
		{"failed", []string{"Status", "Failed"}, []string{"t-failed"}},
		{"in progress", []string{"Status", "InProgress"}, []string{"t-running"}},
		{"type", []string{"TaskType", deleteAssignment}, []string{"t-team"}},
		{"configuration", []string{"AccessConfigurationId", admin.id}, []string{"t-failed", "t-team"}},
		{"principal", []string{"PrincipalType", "User", "PrincipalId", alice.id}, []string{"t-failed"}},
		{"principal of another type", []string{"PrincipalType", "Group", "PrincipalId", alice.id}, nil},
		{"principal without its type counts for nothing", []string{"PrincipalId", alice.id, "Status", "InProgress"}, []string{"t-running"}},
		{"type without its principal counts for nothing", []string{"PrincipalType", "Group", "Status", "Failed"}, []string{"t-failed"}},
		{"target", []string{"TargetType", "RD-Account", "TargetId", dev.id}, []string{"t-failed", "t-team"}},
		{"target without its type counts for nothing", []string{"TargetId", dev.id, "Status", "InProgress"}, []string{"t-running"}},
		{"filter reaches further back", []string{"Filter", "StartTime ge 2026-11-17T00:00:00Z", "Status", "Failed"}, []string{"t-failed", "t-yesterday"}},
		{"filter in any letter case", []string{"Filter", "starttime GE 2026-11-17t00:00:00z", "Status", "Failed"}, []string{"t-failed", "t-yesterday"}},
		{"filter includes its time", []string{"Filter", "StartTime ge 2026-11-23T10:00:00Z"}, []string{"t-second00"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, page := ask(t, test.params...)
			if !slices.Equal(got, test.want) || page.TotalCounts != len(test.want) || page.MaxResults != 10 {
				t.Errorf("got %q of %d, want %q", got, page.TotalCounts, test.want)
			}
		})
	}

	t.Run("pages", func(t *testing.T) {
		var all []string
		params := []string{"MaxResults", "12"}
		for n := 0; ; n++ {
			ids, page := ask(t, params...)
			all = append(all, ids...)
			if n == 0 {
				// What is new comes before the place of the token.
				add(0, taskSpec{id: "t-new", outcome: statusSuccess})
				if page.TotalCounts != 26 || len(ids) != 12 || page.MaxResults != 12 {
					t.Fatalf("first page: %d of %d", len(ids), page.TotalCounts)
				}
				r := s.call(t, "Action", "ListTasks", "DirectoryId", "d-second", "MaxResults", "13", "NextToken", *page.NextToken)
				if r.status != http.StatusBadRequest || !strings.Contains(r.body, "InvalidNextToken") {
					t.Errorf("a token with other parameters: got %d %s", r.status, r.body)
				}
			}
			if !page.IsTruncated {
				break
			}
			params = []string{"MaxResults", "12", "NextToken", *page.NextToken}
		}
		unique := slices.Compact(slices.Sorted(slices.Values(all)))
		if len(all) != 26 || len(unique) != 26 || all[0] != "t-second00" || all[25] != "t-running" {
			t.Errorf("got %d tasks, %d different: %q", len(all), len(unique), all)
		}
	})

	t.Run("other directory", func(t *testing.T) {
		var page list
		decode(t, s.call(t, "Action", "ListTasks", "DirectoryId", "d-first0").body, &page)
		if page.TotalCounts != 7 {
			t.Errorf("got %d tasks, want the 7 of the start", page.TotalCounts)
		}
	})
}

func TestInitialTasks(t *testing.T) {
	now := time.Now()
	forms := func(seed uint64) (ids []string, states map[string]int) {
		tasks := newTaskStore(seed, func() time.Time { return now })
		tasks.addInitial(defaultDirectory)
		states = make(map[string]int)
		for _, initial := range tasks.list(defaultDirectory) {
			ids = append(ids, initial.id)
			states[initial.status(now)]++
			states[initial.status(now.Add(2*time.Minute))+" later"]++
		}
		return ids, states
	}
	ids, states := forms(1)
	if states["Success"] != 1 || states["Failed"] != 1 || states["InProgress"] != 5 || states["InProgress later"] != 1 || states["Failed later"] != 2 {
		t.Errorf("got %v", states)
	}
	again, _ := forms(1)
	others, _ := forms(2)
	if !slices.Equal(ids, again) || slices.Equal(ids, others) {
		t.Error("the ids must follow from the seed")
	}
	lengths := make(map[int]int)
	for _, id := range ids {
		lengths[len(id)]++
	}
	if lengths[22] != 6 || lengths[14] != 1 {
		t.Errorf("got ids of the lengths %v: %q", lengths, ids)
	}
}
