package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A soakAnswer is what came back of a request, and when.
type soakAnswer struct {
	status int
	header http.Header
	body   []byte
	at     time.Time
}

// A soakJudge says what is wrong with an answer; nothing, if it is as it should be.
type soakJudge func(soakAnswer) problem

func (a soakAnswer) wrong(format string, args ...any) problem {
	return problem{fmt.Sprintf(format, args...), string(a.body)}
}

// hasStatus wants a status, and no more.
func hasStatus(want int) soakJudge {
	return func(a soakAnswer) problem {
		if a.status != want {
			return a.wrong("status %d, not %d", a.status, want)
		}
		return problem{}
	}
}

// A soakDocument is what is looked at of the JSON about a task.
type soakDocument struct {
	TaskID        string `json:"taskId"`
	Status        string `json:"status"`
	Done          bool   `json:"done"`
	FailureReason string `json:"failureReason"`
}

// tells wants JSON that says of the task what is true at the time.
func tells(t simulatedTask) soakJudge {
	return func(a soakAnswer) problem {
		if p := hasStatus(http.StatusOK)(a); p.what != "" {
			return p
		}
		var d soakDocument
		if err := json.Unmarshal(a.body, &d); err != nil {
			return a.wrong("no JSON")
		}
		if what := d.about(t, a.at); what != "" {
			return a.wrong("%s", what)
		}
		return problem{}
	}
}

// about says what cannot be in a document about the task at a time.
func (d soakDocument) about(t simulatedTask, at time.Time) string {
	switch {
	case d.TaskID != t.id:
		return "another task's id"
	case d.Done != (d.Status != statusInProgress):
		return "done and the status do not agree"
	case d.Done && at.Before(t.end):
		return "done before its end"
	case d.Done && d.Status != t.outcome:
		return "another outcome"
	case d.FailureReason != "" && d.FailureReason != t.reason, d.Status == statusFailed && d.FailureReason == "":
		return "another reason"
	}
	return ""
}

// ended wants, besides, that the task is told to have ended.
func ended(t simulatedTask) soakJudge {
	return func(a soakAnswer) problem {
		p := tells(t)(a)
		if p.what == "" && !bytes.Contains(a.body, []byte(`"done":true`)) {
			return a.wrong("not done")
		}
		return p
	}
}

// tellsAll wants JSON of several tasks that have ended, in their order.
func tellsAll(tasks []simulatedTask) soakJudge {
	return func(a soakAnswer) problem {
		if p := hasStatus(http.StatusOK)(a); p.what != "" {
			return p
		}
		var told struct {
			Tasks []struct {
				soakDocument
				Problem struct{ Status int } `json:"problem"`
			} `json:"tasks"`
		}
		if err := json.Unmarshal(a.body, &told); err != nil || len(told.Tasks) != len(tasks) {
			return a.wrong("not as many tasks as were asked for")
		}
		for i, d := range told.Tasks {
			if d.Problem.Status != 0 {
				return a.wrong("a task with a problem: %d", d.Problem.Status)
			}
			if what := d.about(tasks[i], a.at); what != "" {
				return a.wrong("%s", what)
			}
			if !d.Done {
				return a.wrong("not done")
			}
		}
		return problem{}
	}
}

// soakDone begins the ids of the tasks that ended long before a soak.
const soakDone = "t-done"

// shows wants a text that names the tasks and no others, and has the parts.
func shows(tasks []simulatedTask, contentType string, parts ...string) soakJudge {
	return func(a soakAnswer) problem {
		if p := hasStatus(http.StatusOK)(a); p.what != "" {
			return p
		}
		if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, contentType) {
			return a.wrong("content type %q", got)
		}
		for _, part := range parts {
			if !bytes.Contains(a.body, []byte(part)) {
				return a.wrong("%q is missing", part)
			}
		}
		named := 0
		for _, t := range tasks {
			n := bytes.Count(a.body, []byte(t.id))
			if n == 0 {
				return a.wrong("a task is missing")
			}
			named += n
		}
		if bytes.Count(a.body, []byte(soakDone)) != named {
			return a.wrong("another task's id")
		}
		return problem{}
	}
}

// unchanged wants 304 with nothing in it, as long as what is asked for has the same validator.
func unchanged(t simulatedTask, tag string) soakJudge {
	return func(a soakAnswer) problem {
		switch {
		case a.status == http.StatusOK && a.header.Get("ETag") != tag:
			return ended(t)(a)
		case a.status == http.StatusNotModified && len(a.body) > 0:
			return a.wrong("not modified, with a body")
		}
		return hasStatus(http.StatusNotModified)(a)
	}
}
