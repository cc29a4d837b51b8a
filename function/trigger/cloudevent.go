package trigger

import (
	"encoding/json"
	"time"
)

// A CloudEvent is an event as EventBridge delivers it (CloudEvents 1.0, JSON
// format). Where the trigger is configured to leave the envelope out ("RawData"),
// an ActionTrail event is its own Data, and only ID and Time are known beside it.
type CloudEvent struct {
	// ID and Source together name the event: the same pair is the same event delivered again.
	ID, Source    string
	Type, Subject string
	// Time is zero where the event has none that can be read.
	Time time.Time
	// Data is the event's payload. Where it came as text or base64 that holds
	// JSON, it is that JSON; other text stays a JSON string, other bytes are
	// left out. It is nil if there is none.
	Data json.RawMessage
}

// isEnvelope reports whether the object has the fields of every CloudEvent;
// specversion alone will do.
func (o object) isEnvelope() bool {
	return o.has("specversion") || o.hasAll("id", "source", "type")
}

// isCloudEvent reports whether the object is an envelope, or an event of
// ActionTrail without one.
func (o object) isCloudEvent() bool {
	return o.isEnvelope() || o.hasAll("eventId", "eventName")
}

// parseCloudEvents takes an array of events, each as an object or as text that
// holds one, which is how EventBridge's event streams deliver.
func parseCloudEvents(data []byte) ([]CloudEvent, error) {
	var items []json.RawMessage
	if json.Unmarshal(data, &items) != nil || len(items) == 0 {
		return nil, invalid("the event is an empty array: %s", expected)
	}
	events := make([]CloudEvent, 0, len(items))
	for i, item := range items {
		var text string
		if json.Unmarshal(item, &text) == nil {
			item = json.RawMessage(text)
		}
		o := parseObject(item)
		if !o.isCloudEvent() {
			return nil, invalid("item %d of the array is not a CloudEvent", i)
		}
		ev, err := parseCloudEvent(item, o)
		if err != nil {
			return nil, err
		}
		events = append(events, ev)
	}
	return events, nil
}

func parseCloudEvent(data []byte, o object) (CloudEvent, error) {
	if !o.isEnvelope() {
		return parseActionTrailEvent(data)
	}
	var in struct {
		ID         string          `json:"id"`
		Source     string          `json:"source"`
		Type       string          `json:"type"`
		Subject    string          `json:"subject"`
		Time       json.RawMessage `json:"time"`
		Data       json.RawMessage `json:"data"`
		DataBase64 []byte          `json:"data_base64"`
	}
	if err := decode(data, &in); err != nil {
		return CloudEvent{}, err
	}
	var inner []byte
	var text string
	if in.Data == nil {
		inner = in.DataBase64
	} else if json.Unmarshal(in.Data, &text) == nil {
		inner = []byte(text)
	}
	if json.Valid(inner) {
		in.Data = inner
	}
	return CloudEvent{
		ID: in.ID, Source: in.Source, Type: in.Type, Subject: in.Subject,
		Time: readTime(in.Time), Data: in.Data,
	}, nil
}

// parseActionTrailEvent takes an event that came without an envelope.
func parseActionTrailEvent(data []byte) (CloudEvent, error) {
	var in struct {
		ID   string          `json:"eventId"`
		Time json.RawMessage `json:"eventTime"`
	}
	if err := decode(data, &in); err != nil {
		return CloudEvent{}, err
	}
	return CloudEvent{ID: in.ID, Time: readTime(in.Time), Data: data}, nil
}

// readTime is lenient because the services that send events are: the zero time
// stands for what is not RFC 3339.
func readTime(data json.RawMessage) time.Time {
	var t time.Time
	if json.Unmarshal(data, &t) != nil {
		return time.Time{}
	}
	return t
}
