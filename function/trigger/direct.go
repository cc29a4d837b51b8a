package trigger

import (
	"encoding/json"
	"slices"
	"time"

	"taskstatus/function/task"
)

// A Direct is a question put by invoking the function itself, without a
// trigger: {"taskId":…} or {"taskIds":[…]}, or the response of the CloudSSO
// operation that started the tasks ({"Task":{…}}, {"Tasks":[…]}). Without a
// task, {"notifyTest":true} asks for a sample message to every webhook,
// {"doctor":true} for an examination, and {"ping":true} for nothing at all.
type Direct struct {
	// Directory is empty where the question names none.
	Directory task.DirectoryID
	// IDs has at least one task, and each once, in the order asked. With NotifyTest,
	// Doctor or Ping there are none.
	IDs []task.ID
	// Wait is how long the answer may be held back until the tasks are done
	// ("wait", in seconds). It is never negative.
	Wait time.Duration
	// Notify asks for the outcome to be told to the team as well ("notify").
	Notify bool
	// Reply says where in a chat the outcome is awaited, in the chat's own terms ("reply").
	// It is nil unless the function itself put the question.
	Reply json.RawMessage
	// NotifyTest asks for sample messages instead ("notifyTest").
	NotifyTest bool
	// Doctor asks instead whether this function can do its work ("doctor").
	Doctor bool
	// Ping asks for no more than an answer ("ping"): it shows that the function can be
	// invoked. It goes before all else, so that nothing can come of it.
	Ping bool
}

// maxWait is the longest that FC lets an invocation run; to wait longer means this.
const maxWait = 24 * time.Hour

func parseDirect(data []byte) (Direct, error) {
	type started struct {
		TaskID string `json:"taskId"`
	}
	var in struct {
		DirectoryID string          `json:"directoryId"`
		TaskID      *string         `json:"taskId"`
		TaskIDs     []string        `json:"taskIds"`
		Task        *started        `json:"task"`
		Tasks       []started       `json:"tasks"`
		Wait        float64         `json:"wait"`
		Notify      bool            `json:"notify"`
		Reply       json.RawMessage `json:"reply"`
		NotifyTest  bool            `json:"notifyTest"`
		Doctor      bool            `json:"doctor"`
		Ping        bool            `json:"ping"`
	}
	if err := decode(data, &in); err != nil {
		return Direct{}, err
	}
	switch {
	case in.Ping:
		return Direct{Ping: true}, nil
	case in.Doctor:
		return Direct{Doctor: true}, nil
	case in.NotifyTest:
		return Direct{NotifyTest: true}, nil
	}
	if in.Wait < 0 {
		return Direct{}, invalid("%q is negative: it is a number of seconds", "wait")
	}
	d := Direct{
		Wait:   time.Duration(min(in.Wait, maxWait.Seconds()) * float64(time.Second)),
		Notify: in.Notify,
		Reply:  in.Reply,
	}
	if in.DirectoryID != "" {
		var err error
		if d.Directory, err = task.ParseDirectoryID(in.DirectoryID); err != nil {
			return Direct{}, err
		}
	}

	names := in.TaskIDs
	if in.TaskID != nil {
		names = slices.Insert(names, 0, *in.TaskID)
	}
	if in.Task != nil {
		names = append(names, in.Task.TaskID)
	}
	for _, t := range in.Tasks {
		names = append(names, t.TaskID)
	}
	if len(names) == 0 {
		return Direct{}, invalid("the event names no task: give %q or %q", "taskId", "taskIds")
	}
	seen := make(map[task.ID]bool, len(names))
	for _, name := range names {
		id, err := task.ParseID(name)
		if err != nil {
			return Direct{}, err
		}
		if !seen[id] {
			seen[id] = true
			d.IDs = append(d.IDs, id)
		}
	}
	return d, nil
}
