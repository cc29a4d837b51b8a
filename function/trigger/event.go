package trigger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const expected = `expected an HTTP trigger event, a CloudEvent or an array of them, ` +
	`a timer event with "triggerTime" and "triggerName", a timer's payload such as {"sweep":"5m"}, or a direct invocation such as {"taskId":"t-…"}`

// classify returns the event as an *httpEvent, []CloudEvent, Timer or Direct.
// It goes by the names of the outermost fields. Those of an HTTP trigger event
// are FC's own, and what an HTTP caller sends lies deeper: such an event is
// recognised first, and nothing in it can make it pass for another kind.
func classify(event []byte) (any, error) {
	if ev := parseHTTP(event); ev != nil {
		return ev, nil
	}
	if !json.Valid(event) {
		return nil, invalid("the event is empty or not JSON: %s", expected)
	}
	if bytes.HasPrefix(bytes.TrimSpace(event), []byte("[")) {
		return parseCloudEvents(event)
	}
	top := parseObject(event)
	switch {
	case top == nil:
		return nil, invalid("the event is not a JSON object: %s", expected)
	case top.hasAny(httpFields...):
		return nil, invalid("the event is an HTTP trigger event, but not of version %q", httpVersion)
	case top.isCloudEvent():
		ev, err := parseCloudEvent(event, top)
		return []CloudEvent{ev}, err
	case top.isTimer():
		return parseTimer(event)
	case top.isDirect():
		return parseDirect(event)
	case top.hasAny("sweep", "digest"):
		return Timer{Payload: string(event)}, nil
	}
	return nil, invalid("the event has %s: %s", top.describe(), expected)
}

// httpFields are the fields that tell an HTTP trigger event of any version.
var httpFields = []string{"requestContext", "rawPath", "queryParameters", "headers", "isBase64Encoded"}

func (o object) isTimer() bool { return o.hasAll("triggerTime", "triggerName") }

func (o object) isDirect() bool {
	return o.hasAny("taskId", "taskIds", "task", "tasks", "notifyTest", "doctor", "ping")
}

// An object is a JSON object whose values are not looked into yet. Its names
// are taken in either letter case, as encoding/json takes them.
type object map[string]json.RawMessage

// parseObject returns nil for what is no JSON object.
func parseObject(data []byte) object {
	var o object
	if json.Unmarshal(data, &o) != nil {
		return nil
	}
	return o
}

func (o object) has(name string) bool {
	for key := range o {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

func (o object) hasAny(names ...string) bool { return slices.ContainsFunc(names, o.has) }

func (o object) hasAll(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !o.has(name) })
}

// describe names the object's first fields, cut short, and never their values.
func (o object) describe() string {
	const shown = 8
	keys := slices.Sorted(maps.Keys(o))
	text := fmt.Sprintf("the fields %.40q", keys[:min(len(keys), shown)])
	if more := len(keys) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// decode is json.Unmarshal with an error that names the field, not its value.
func decode(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what, _, _ := strings.Cut(e.Value, " ") // a number that does not fit is followed by its digits
		return invalid("%q cannot be of type %s", e.Field, what)
	}
	if err != nil {
		return invalid("a field cannot be read")
	}
	return nil
}
