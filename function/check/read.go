package check

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"taskstatus/function/task"
)

// An Event says that something has happened, perhaps that a task was started: a
// CloudEvent, or an event of ActionTrail, which is then its own Data.
type Event struct {
	// ID and Source together name the event: the same pair is the same event delivered again.
	ID, Source    string
	Type, Subject string
	// Time is zero where it is not known.
	Time time.Time
	Data json.RawMessage
}

// name is the same whenever the event is.
func (e Event) name() string { return e.Source + "\n" + e.ID }

// operations are those that start a task. Their types are named like them.
var operations = []task.Type{
	task.CreateAccessAssignment, task.DeleteAccessAssignment,
	task.ProvisionAccessConfiguration, task.DeprovisionAccessConfiguration,
}

// A started is what an event says was started.
type started struct {
	event     string
	operation task.Type
	// directory is empty where the event names none.
	directory task.DirectoryID
	ids       []task.ID
	at        time.Time
	// about has whom and what the tasks are about.
	about task.ListRequest
}

// request is a list of the tasks that the event can mean; ok is false where it
// names nothing that they are about, as all others would be among them.
func (s started) request() (r task.ListRequest, ok bool) {
	r = s.about
	r.Type = s.operation
	// CloudSSO ignores half a pair.
	if r.PrincipalType == "" || r.PrincipalID == "" {
		r.PrincipalType, r.PrincipalID = "", ""
	}
	if r.TargetType == "" || r.TargetID == "" {
		r.TargetType, r.TargetID = "", ""
	}
	return r, !s.at.IsZero() && (r.AccessConfigurationID != "" || r.PrincipalID != "" || r.TargetID != "")
}

// readEvent says what an event says was started. Where CloudSSO's events have
// what is documented nowhere, so it is searched for; ok is false for an event of
// another kind, or of a call that was refused.
func readEvent(event Event) (s started, ok bool) {
	data := parseObject(event.Data)
	s = started{event: event.ID, at: event.Time}
	name := data.text("eventName")
	i := slices.IndexFunc(operations, func(t task.Type) bool { return strings.EqualFold(string(t), name) })
	switch {
	case i >= 0 && !data.has("errorCode"):
		s.operation = operations[i]
		if at, err := time.Parse(time.RFC3339, data.text("eventTime")); err == nil {
			s.at = at
		}
		var response, request finder
		response.search(data, 0, "responseElements", "serviceResponse", "response", "additionalEventData", "task", "tasks", "taskId")
		request.search(data, 0, "requestParameters", "requestParameterJson", "directoryId")
		s.ids, s.directory = response.ids, response.directory
		if s.directory == "" {
			s.directory = request.directory
		}
		s.about = request.about
		return s, true
	case event.Source != "" && !isAlibabas(event.Source):
		// Somebody's own event, with what a direct invocation would have. Those of
		// Alibaba Cloud's other services have tasks of their own.
		var own finder
		own.search(data, 0, "taskId", "taskIds", "task", "tasks", "directoryId")
		s.ids, s.directory = own.ids, own.directory
		return s, len(s.ids) > 0
	}
	return started{}, false
}

// isAlibabas reports whether a source is one of Alibaba Cloud's services. They
// are named both ways.
func isAlibabas(source string) bool {
	return strings.HasPrefix(source, "acs.") || strings.HasPrefix(source, "acs:")
}

// An object is a JSON object. Its names count in either letter case.
type object map[string]any

func parseObject(data []byte) object {
	var o object
	if json.Unmarshal(data, &o) != nil {
		return nil
	}
	return o
}

// text returns the text of that name, or "".
func (o object) text(name string) string {
	for key, value := range o {
		if text, ok := value.(string); ok && strings.EqualFold(key, name) {
			return text
		}
	}
	return ""
}

// has reports whether there is a value of that name that says anything.
func (o object) has(name string) bool {
	for key, value := range o {
		if value != nil && value != "" && strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// A finder finds in an event what is of use here, by its names.
type finder struct {
	ids       []task.ID
	directory task.DirectoryID
	about     task.ListRequest
}

// maxDepth bounds how deep objects within objects, and within texts, are searched.
const maxDepth = 8

// search searches the values of an object, of the names given or of all.
func (f *finder) search(o object, depth int, names ...string) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if len(names) == 0 || slices.ContainsFunc(names, func(wanted string) bool { return strings.EqualFold(wanted, name) }) {
			f.take(strings.ToLower(name), o[name], depth+1)
		}
	}
}

// take takes a value of that name, in lower case. A text that holds JSON is
// searched like what it holds.
func (f *finder) take(name string, value any, depth int) {
	if depth > maxDepth {
		return
	}
	switch value := value.(type) {
	case map[string]any:
		f.search(value, depth)
	case []any:
		for _, item := range value {
			f.take(name, item, depth+1)
		}
	case string:
		var inner any
		if trimmed := strings.TrimSpace(value); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
			if json.Unmarshal([]byte(value), &inner) == nil {
				f.take(name, inner, depth+1)
			}
			return
		}
		f.keep(name, value)
	}
}

func (f *finder) keep(name, value string) {
	switch name {
	case "taskid", "taskids":
		if id, err := task.ParseID(value); err == nil && !slices.Contains(f.ids, id) {
			f.ids = append(f.ids, id)
		}
	case "directoryid":
		if directory, err := task.ParseDirectoryID(value); err == nil && f.directory == "" {
			f.directory = directory
		}
	case "accessconfigurationid":
		f.about.AccessConfigurationID = value
	case "principaltype":
		f.about.PrincipalType = task.PrincipalType(value)
	case "principalid":
		f.about.PrincipalID = value
	case "targettype":
		f.about.TargetType = value
	case "targetid":
		f.about.TargetID = value
	}
}
