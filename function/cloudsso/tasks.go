package cloudsso

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"taskstatus/function/acs"
	"taskstatus/function/task"
)

// GetTaskStatus returns a task without its details. It is the cheap call, made
// for polling: 100 a second an account (API page "GetTaskStatus").
// The error is a *task.Error, or wraps context.Canceled where the caller gave up.
func (c *Client) GetTaskStatus(ctx context.Context, directory task.DirectoryID, id task.ID) (task.Task, error) {
	return c.get(ctx, "GetTaskStatus", directory, id)
}

// GetTask returns a task with its details, which are personal data. CloudSSO
// takes 20 such calls a second an account (API page "GetTask").
// The errors are those of GetTaskStatus.
func (c *Client) GetTask(ctx context.Context, directory task.DirectoryID, id task.ID) (task.Task, error) {
	return c.get(ctx, "GetTask", directory, id)
}

func (c *Client) get(ctx context.Context, action string, directory task.DirectoryID, id task.ID) (task.Task, error) {
	query := acs.AppendParameter(make([]byte, 0, 96), "DirectoryId", string(directory))
	query = acs.AppendParameter(query, "TaskId", string(id))
	var t task.Task
	err := c.call(ctx, action, directory, string(query), func(a *answer) (err error) {
		t, err = a.task(action, directory, id)
		return err
	})
	if e, ok := errors.AsType[*task.Error](err); ok && e.Kind == task.NotFound && e.Detail.En == "" {
		e.Detail = task.Text{
			En: fmt.Sprintf("CloudSSO knows no task %s in the directory %s", id, directory),
			Zh: fmt.Sprintf("云 SSO 的目录 %s 中没有任务 %s", directory, id),
		}
	}
	return t, err
}

// ListTasks returns a page of the directory's recent tasks. CloudSSO takes 20
// such calls a second an account (API page "ListTasks").
// The errors are those of GetTaskStatus, or Invalid for a request that cannot be meant.
func (c *Client) ListTasks(ctx context.Context, r task.ListRequest) (task.Page, error) {
	query, err := listQuery(r, c.Now())
	if err != nil {
		return task.Page{}, err
	}
	var page task.Page
	err = c.call(ctx, "ListTasks", r.Directory, query, func(a *answer) (err error) {
		page, err = a.tasks("ListTasks", r.Directory)
		return err
	})
	return page, err
}

func listQuery(r task.ListRequest, now time.Time) (string, error) {
	switch {
	case (r.PrincipalType == "") != (r.PrincipalID == ""), (r.TargetType == "") != (r.TargetID == ""):
		return "", task.Errorf(task.Invalid, task.Text{En: "a principal or target needs both its type and its id", Zh: "身份或目标的类型和 ID 必须同时指定"})
	case r.MaxResults < 0 || r.MaxResults > task.MaxPage:
		return "", task.Errorf(task.Invalid, task.Text{En: "a page has 1 to %d tasks", Zh: "每页任务数量须为 1 到 %d"}, task.MaxPage)
	case !r.StartedSince.IsZero() && now.Sub(r.StartedSince) > task.ListWindow:
		return "", task.Errorf(task.Invalid, task.Text{En: "a list goes back at most %d days", Zh: "最多只能查询最近 %d 天的任务"}, task.ListWindow/(24*time.Hour))
	}
	var filter, results string
	if !r.StartedSince.IsZero() {
		filter = "StartTime ge " + r.StartedSince.UTC().Format(acs.TimeLayout)
	}
	if r.MaxResults > 0 {
		results = strconv.Itoa(r.MaxResults)
	}
	query := acs.AppendParameter(make([]byte, 0, 256), "AccessConfigurationId", r.AccessConfigurationID)
	query = acs.AppendParameter(query, "DirectoryId", string(r.Directory))
	query = acs.AppendParameter(query, "Filter", filter)
	query = acs.AppendParameter(query, "MaxResults", results)
	query = acs.AppendParameter(query, "NextToken", r.NextToken)
	query = acs.AppendParameter(query, "PrincipalId", r.PrincipalID)
	query = acs.AppendParameter(query, "PrincipalType", string(r.PrincipalType))
	query = acs.AppendParameter(query, "Status", string(r.Status))
	query = acs.AppendParameter(query, "TargetId", r.TargetID)
	query = acs.AppendParameter(query, "TargetType", r.TargetType)
	query = acs.AppendParameter(query, "TaskType", string(r.Type))
	return string(query), nil
}

// task reads the answer of GetTaskStatus or GetTask for the one task asked for.
func (a *answer) task(action string, directory task.DirectoryID, id task.ID) (task.Task, error) {
	body, ok := parse(a.body)
	requestID := a.requestID(body.text("RequestId"))
	name := "TaskStatus"
	if action == "GetTask" {
		name = "Task"
	}
	found := body.object(name)
	t, what := found.task(directory, requestID, a.at)
	if action == "GetTask" {
		t.Details = found.details()
	}
	switch {
	case !ok || *body.wrong:
		what = "the answer is not the JSON of this operation"
	case found.fields == nil:
		what = "the answer holds no task"
	case t.ID != id:
		what = "the answer is about another task"
	}
	if what != "" {
		return task.Task{}, malformed(action, what, requestID)
	}
	return t, nil
}

// tasks reads the answer of ListTasks. One task that makes no sense spoils the
// page: a list that leaves tasks out is worse than none.
func (a *answer) tasks(action string, directory task.DirectoryID) (task.Page, error) {
	body, ok := parse(a.body)
	total := field[float64](body, "TotalCounts")
	page := task.Page{Total: int(total), RequestID: a.requestID(body.text("RequestId"))}
	truncated, next := field[bool](body, "IsTruncated"), body.text("NextToken")
	list := field[[]any](body, "Tasks")
	if !ok || *body.wrong || list == nil || float64(page.Total) != total {
		return task.Page{}, malformed(action, "the answer is not the JSON of this operation", page.RequestID)
	}
	if truncated {
		if next == "" {
			return task.Page{}, malformed(action, "the answer has a next page but no token for it", page.RequestID)
		}
		page.NextToken = next
	}
	page.Tasks = make([]task.Task, len(list))
	for i, item := range list {
		fields, _ := item.(map[string]any)
		found := object{fields, body.wrong}
		t, what := found.task(directory, page.RequestID, a.at)
		if id, err := task.ParseID(string(t.ID)); err != nil || id != t.ID {
			return task.Page{}, malformed(action, "the answer has a task without a valid id", page.RequestID)
		}
		if what != "" {
			return task.Page{}, malformed(action, what, page.RequestID)
		}
		t.Details = found.details()
		page.Tasks[i] = t
	}
	if *body.wrong {
		return task.Page{}, malformed(action, "the answer is not the JSON of this operation", page.RequestID)
	}
	return page, nil
}

// task returns the task without its details, or what is wrong with it. A wrong
// time is an error: shown, it would be taken for true.
func (o object) task(directory task.DirectoryID, requestID string, at time.Time) (t task.Task, what string) {
	t = task.Task{
		ID: task.ID(o.text("TaskId")), Directory: directory, Type: task.Type(o.text("TaskType")), Status: task.Status(o.text("Status")),
		CheckedAt: at, RequestID: requestID,
	}
	start, end, reason := o.text("StartTime"), o.text("EndTime"), o.text("FailureReason")
	if acs.Plain(string(t.Status), "") == "" {
		return t, "the answer has a task without a status"
	}
	if t.Type != "" && acs.Plain(string(t.Type), "") == "" {
		return t, "the answer has a task whose type is no name"
	}
	var ok bool
	if t.Start, ok = parseTime(start); !ok {
		return t, "the answer has a task whose start is no time"
	}
	if t.Done() {
		if t.End, ok = parseTime(end); !ok {
			return t, "the answer has a task whose end is no time"
		}
	}
	// CloudSSO's own sample has a reason beside Success; it means nothing there.
	if t.Status == task.Failed && strings.TrimSpace(reason) != "" {
		t.FailureReason = reason
	}
	return t, ""
}

// details returns what only GetTask and ListTasks tell of a task.
func (o object) details() *task.Details {
	return &task.Details{
		PrincipalType: task.PrincipalType(o.text("PrincipalType")), PrincipalID: o.text("PrincipalId"), PrincipalName: o.text("PrincipalName"),
		TargetType: o.text("TargetType"), TargetID: o.text("TargetId"), TargetName: o.text("TargetName"),
		TargetPath: o.text("TargetPath"), TargetPathName: o.text("TargetPathName"),
		AccessConfigurationID: o.text("AccessConfigurationId"), AccessConfigurationName: o.text("AccessConfigurationName"),
	}
}

// parseTime reads a time of RFC 3339; no text is no time, which is well.
func parseTime(s string) (t time.Time, ok bool) {
	if s == "" {
		return time.Time{}, true
	}
	t, err := time.Parse(time.RFC3339, s)
	t = t.UTC()
	return t, err == nil && t.Year() >= 0 && t.Year() <= 9999 // beyond, JSON has no such time
}
