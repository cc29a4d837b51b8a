package site

import (
	"time"

	"taskstatus/function/task"
)

// A Document is one task as JSON. What is not known is absent, never null or
// empty. One that could not be looked up is its id and a problem.
type Document struct {
	TaskID          task.ID          `json:"taskId"`
	DirectoryID     task.DirectoryID `json:"directoryId,omitempty"`
	TaskType        task.Type        `json:"taskType,omitempty"`
	Status          task.Status      `json:"status,omitempty"`
	Done            *bool            `json:"done,omitempty"`
	StartTime       string           `json:"startTime,omitempty"`
	EndTime         string           `json:"endTime,omitempty"`
	DurationSeconds *int64           `json:"durationSeconds,omitempty"`
	FailureReason   string           `json:"failureReason,omitempty"`
	Hint            string           `json:"hint,omitempty"`
	*Details
	RequestID string   `json:"requestId,omitempty"`
	URL       string   `json:"url,omitempty"`
	Problem   *Problem `json:"problem,omitempty"`
}

// Details are whom and what a task is about, in CloudSSO's words. They are
// there where the function is configured to show them.
type Details struct {
	PrincipalType           task.PrincipalType `json:"principalType,omitempty"`
	PrincipalID             string             `json:"principalId,omitempty"`
	PrincipalName           string             `json:"principalName,omitempty"`
	TargetType              string             `json:"targetType,omitempty"`
	TargetID                string             `json:"targetId,omitempty"`
	TargetName              string             `json:"targetName,omitempty"`
	TargetPath              string             `json:"targetPath,omitempty"`
	TargetPathName          string             `json:"targetPathName,omitempty"`
	AccessConfigurationID   string             `json:"accessConfigurationId,omitempty"`
	AccessConfigurationName string             `json:"accessConfigurationName,omitempty"`
}

// Documents are several tasks as JSON, in the order asked.
type Documents struct {
	Tasks []Document `json:"tasks"`
	// Done is true when no task is open, or may be for all that is known: one
	// that CloudSSO does not know is not.
	Done   bool   `json:"done"`
	Counts Counts `json:"counts"`
}

// Counts are task.Counts as JSON.
type Counts struct {
	Failed     int `json:"failed"`
	InProgress int `json:"inProgress"`
	Success    int `json:"success"`
	Unknown    int `json:"unknown"`
}

func document(t task.Task, language task.Language, url string) Document {
	done := t.Done()
	d := Document{
		TaskID: t.ID, DirectoryID: t.Directory, TaskType: t.Type, Status: t.Status,
		Done: &done, FailureReason: t.FailureReason, Hint: hint(t, language), RequestID: t.RequestID, URL: url,
	}
	if !t.Start.IsZero() {
		d.StartTime = t.Start.Format(time.RFC3339Nano)
	}
	if done && !t.End.IsZero() {
		d.EndTime = t.End.Format(time.RFC3339Nano)
		if !t.Start.IsZero() {
			seconds := int64(t.Elapsed(t.End) / time.Second)
			d.DurationSeconds = &seconds
		}
	}
	if of := t.Details; of != nil {
		d.Details = &Details{
			PrincipalType: of.PrincipalType, PrincipalID: of.PrincipalID, PrincipalName: of.PrincipalName,
			TargetType: of.TargetType, TargetID: of.TargetID, TargetName: of.TargetName,
			TargetPath: of.TargetPath, TargetPathName: of.TargetPathName,
			AccessConfigurationID: of.AccessConfigurationID, AccessConfigurationName: of.AccessConfigurationName,
		}
	}
	return d
}

// hint is our guess at why the task failed; empty where there is none.
func hint(t task.Task, language task.Language) string {
	if t.Status != task.Failed {
		return ""
	}
	guess, _ := task.Hint(t.FailureReason)
	return guess.In(language)
}

func documents(results []task.Result, language task.Language, url func(task.Task) string) Documents {
	d := Documents{Tasks: make([]Document, len(results)), Done: true, Counts: Counts(task.Count(results))}
	for i, r := range results {
		if open(r) {
			d.Done = false
		}
		if r.Err != nil {
			p := problem(r.Err, language, "")
			d.Tasks[i] = Document{TaskID: r.ID, Problem: &p}
			continue
		}
		d.Tasks[i] = document(r.Task, language, url(r.Task))
	}
	return d
}

// open reports whether the task is open, or may be for all that is known.
func open(r task.Result) bool {
	if r.Err != nil {
		return task.KindOf(r.Err) != task.NotFound
	}
	return !r.Task.Done()
}

// settled reports whether nothing in the results can change any more. A task
// that is not found may be one that was created a moment ago.
func settled(results []task.Result) bool {
	for _, r := range results {
		if r.Err != nil || !r.Task.Done() {
			return false
		}
	}
	return true
}
