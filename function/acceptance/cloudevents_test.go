package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/cloudevents/sdk-go/v2/types"

	"taskstatus/function/task"
	"taskstatus/function/trigger"
)

// The SDK for Go of the CloudEvents project writes events, which the function's
// own package must read as what they are, and reads what that hands on.

// A cloudEventMode is a way in which events are written to a request.
type cloudEventMode struct {
	name  string
	write func(context.Context, []event.Event) (*http.Request, error)
	// many means that a request has any number of events.
	many bool
	// asText means that the values of extensions come as text, whatever they were.
	asText bool
}

var cloudEventModes = []cloudEventMode{
	{name: "binary", write: writeBinary, asText: true},
	{name: "binary, percent-encoded", write: writePercentEncoded, asText: true},
	{name: "structured", write: writeStructured},
	{name: "batch", write: writeBatch, many: true},
	{name: "plain JSON", write: writePlainJSON},
	{name: "plain JSON array", write: writePlainJSONArray, many: true},
}

// writeOne writes one event, even if it is not valid.
func writeOne(ctx context.Context, events []event.Event) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://events.example", http.NoBody)
	if err != nil {
		return nil, err
	}
	return r, cehttp.WriteRequest(ctx, binding.ToMessage(&events[0]), r)
}

func writeBinary(ctx context.Context, events []event.Event) (*http.Request, error) {
	return writeOne(binding.WithForceBinary(ctx), events)
}

func writeStructured(ctx context.Context, events []event.Event) (*http.Request, error) {
	return writeOne(binding.WithForceStructured(ctx), events)
}

// writePercentEncoded writes headers as the specification has it (CloudEvents
// HTTP Protocol Binding 1.0.2, section 3.1.3.2). The SDK itself encodes nothing.
func writePercentEncoded(ctx context.Context, events []event.Event) (*http.Request, error) {
	r, err := writeBinary(ctx, events)
	if err != nil {
		return nil, err
	}
	for name, values := range r.Header {
		if !strings.HasPrefix(name, "Ce-") {
			continue
		}
		var encoded strings.Builder
		for _, c := range []byte(values[0]) {
			if c <= ' ' || c == '"' || c == '%' || c > '~' {
				fmt.Fprintf(&encoded, "%%%02X", c)
			} else {
				encoded.WriteByte(c)
			}
		}
		r.Header.Set(name, encoded.String())
	}
	return r, nil
}

// writeBatch writes as NewHTTPRequestFromEvents does, which takes valid events only.
func writeBatch(ctx context.Context, events []event.Event) (*http.Request, error) {
	if r, err := cehttp.NewHTTPRequestFromEvents(ctx, "http://events.example", events); err == nil {
		return r, nil
	}
	return writeArray(ctx, event.ApplicationCloudEventsBatchJSON, events)
}

func writeArray(ctx context.Context, contentType string, events []event.Event) (*http.Request, error) {
	body, err := json.Marshal(events)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://events.example", bytes.NewReader(body))
	if err == nil {
		r.Header.Set("Content-Type", contentType)
	}
	return r, err
}

func writePlainJSON(ctx context.Context, events []event.Event) (*http.Request, error) {
	r, err := writeStructured(ctx, events)
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, err
}

func writePlainJSONArray(ctx context.Context, events []event.Event) (*http.Request, error) {
	return writeArray(ctx, "application/json", events)
}

// postEvents sends what a mode writes, and returns what is parsed where it arrives.
func postEvents(t *testing.T, mode cloudEventMode, events ...event.Event) (trigger.Posting, error) {
	t.Helper()
	r, err := mode.write(t.Context(), events)
	if err != nil {
		t.Fatalf("the SDK cannot write it: %v", err)
	}
	var posting trigger.Posting
	var parsed error
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		posting, parsed = trigger.ParsePosting(r.Header, body)
	}))
	defer server.Close()
	r.URL.Host, r.Host = server.Listener.Addr().String(), ""
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatalf("the request cannot be sent: %v", err)
	}
	response.Body.Close()
	return posting, parsed
}

// newEvent returns an event that has what every event has, changed.
func newEvent(change func(*event.Event)) event.Event {
	e := event.New()
	e.SetID("1234-1234-1234")
	e.SetSource("/mycontext/subcontext")
	e.SetType("com.example.someevent")
	if change != nil {
		change(&e)
	}
	return e
}

// looksEncoded names the event with an attribute that looks percent-encoded by itself.
const looksEncoded = "source with what is encoded in it"

// sentEvents are events, and their data as the function has it: JSON of whatever is JSON.
func sentEvents(t *testing.T) []struct {
	name  string
	event event.Event
	data  string
} {
	data := func(contentType string, data any) func(*event.Event) {
		return func(e *event.Event) {
			if err := e.SetData(contentType, data); err != nil {
				t.Error(err)
			}
		}
	}
	actionTrail := map[string]any{
		"eventId": "92b33345", "eventName": "CreateAccessAssignment", "serviceName": "CloudSSO", "errorMessage": `<"任务">`,
		"responseElements": map[string]any{"Task": map[string]any{"TaskId": "t-shfqw1u1edszvxw5abcd"}},
	}
	return []struct {
		name  string
		event event.Event
		data  string
	}{
		{"nothing but what has to be", newEvent(nil), ""},
		{"EventBridge", newEvent(func(e *event.Event) {
			e.SetID("45ef4dewdwe1-7c35-447a-bd93-fab****")
			e.SetSource("acs.cloudsso")
			e.SetType("cloudsso:ActionTrail:ApiCall")
			e.SetSubject("acs.cloudsso:cn-shanghai:123456789098:215672")
			e.SetTime(time.Date(2020, 11, 19, 21, 4, 41, 0, time.FixedZone("", 8*60*60)))
			e.SetExtension("aliyunpublishtime", "2020-11-19T21:04:42.179PRC")
			e.SetExtension("aliyunregionid", "cn-shanghai")
			data("application/json;charset=utf-8", actionTrail)(e)
		}), `{"errorMessage":"<\"任务\">","eventId":"92b33345","eventName":"CreateAccessAssignment","responseElements":{"Task":{"TaskId":"t-shfqw1u1edszvxw5abcd"}},"serviceName":"CloudSSO"}`},
		{"not ASCII", newEvent(func(e *event.Event) {
			e.SetID("任务-1")
			e.SetType("com.例子.事件")
			e.SetSubject("Euro€😀")
			e.SetExtension("who", "张三")
		}), ""},
		{"characters that are encoded", newEvent(func(e *event.Event) {
			e.SetID("a b")
			e.SetSubject("100% of it, 50%zz")
			e.SetExtension("text", "a + b & c; d = 'e', <f>")
		}), ""},
		{"source with a query", newEvent(func(e *event.Event) { e.SetSource("https://example.com/a?b=c&d=e+f#g") }), ""},
		{looksEncoded, newEvent(func(e *event.Event) { e.SetSource("https://example.com/%E4%BB%BB%E5%8A%A1/a?b=c%20d#e") }), ""},
		{"source that is a URN", newEvent(func(e *event.Event) { e.SetSource("urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66") }), ""},
		{"time with a fraction", newEvent(func(e *event.Event) { e.SetTime(time.Date(2018, 4, 5, 17, 31, 0, 123456789, time.UTC)) }), ""},
		{"schema", newEvent(func(e *event.Event) {
			e.SetDataSchema("https://example.com/schema.json#/a")
			data("application/json", []int{1})(e)
		}), "[1]"},
		{"extensions of every kind", newEvent(func(e *event.Event) {
			e.SetExtension("text", "value")
			e.SetExtension("number", 5)
			e.SetExtension("negative", -2147483648)
			e.SetExtension("yes", true)
			e.SetExtension("bytes", []byte{0, 255})
			e.SetExtension("when", types.Timestamp{Time: time.Date(2018, 4, 5, 17, 31, 0, 0, time.UTC)})
			e.SetExtension("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
			e.SetExtension("taskid", "t-shfqw1u1edszvxw5abcd")
			e.SetExtension("eventid", 7)
		}), ""},
		{"JSON text", newEvent(data("application/json", "just text")), `"just text"`},
		{"JSON number", newEvent(data("application/json", 1e21)), `1e+21`},
		{"JSON in bytes", newEvent(data("application/json", []byte(`{"a":[1,2]}`))), `{"a":[1,2]}`},
		{"text/json", newEvent(data("text/json", map[string]int{"a": 1})), `{"a":1}`},
		{"text", newEvent(data("text/plain", "任务 <a> \"b\"\n\x00€😀")), `"任务 <a> \"b\"\n\u0000€😀"`},
		{"text that is JSON", newEvent(data("text/plain", `{"a":1}`)), `{"a":1}`},
		{"XML", newEvent(data("application/xml", []byte(`<much wow="xml"/>`))), ""},
		{"bytes", newEvent(data("application/octet-stream", []byte{0, 1, 254, 255})), ""},
		{"bytes that are JSON", newEvent(data("application/vnd.example", []byte(`[true]`))), `[true]`},
		{"type of data without data", newEvent(func(e *event.Event) { e.SetDataContentType("application/json") }), ""},
	}
}

// checkHandedOn checks that the SDK reads in JSON an event that is the same as
// the one that was sent.
func checkHandedOn(t *testing.T, handedOn []byte, sent event.Event, asText bool) {
	t.Helper()
	var got event.Event
	if err := json.Unmarshal(handedOn, &got); err != nil {
		t.Fatalf("the SDK does not read what is handed on: %v: %s", err, handedOn)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("what is handed on is not valid to the SDK: %v: %s", err, handedOn)
	}
	attributes := func(e event.Event) [8]string {
		return [8]string{
			e.SpecVersion(), e.ID(), e.Source(), e.Type(), e.Subject(), e.Time().UTC().Format(time.RFC3339Nano), e.DataContentType(), e.DataSchema(),
		}
	}
	if got, want := attributes(got), attributes(sent); got != want {
		t.Errorf("handed on %q\nwant      %q", got, want)
	}
	extensions := func(e event.Event) map[string]any {
		all := maps.Clone(e.Extensions())
		for name, value := range all {
			text, err := types.Format(value)
			if err != nil {
				t.Error(err)
			}
			// JSON has text for all but numbers and booleans.
			if _, isNumber := value.(int32); asText || !isNumber && value != true && value != false {
				all[name] = text
			}
		}
		return all
	}
	if got, want := extensions(got), extensions(sent); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("handed on with the extensions %v, want %v", got, want)
	}
	if !bytes.Equal(got.Data(), sent.Data()) {
		t.Errorf("handed on with the data %q, want %q", got.Data(), sent.Data())
	}
}

func checkCloudEvent(t *testing.T, got trigger.CloudEvent, sent event.Event, data string) {
	t.Helper()
	if got.ID != sent.ID() || got.Source != sent.Source() || got.Type != sent.Type() || got.Subject != sent.Subject() || !got.Time.Equal(sent.Time()) {
		t.Errorf("got  %+v\nwant %s", got, sent)
	}
	var plain any
	if data != "" && json.Unmarshal(got.Data, &plain) != nil || string(got.Data) != data && !sameJSON(string(got.Data), data) {
		t.Errorf("data %s, want %s", got.Data, data)
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	for _, mode := range cloudEventModes {
		for _, test := range sentEvents(t) {
			if mode.name == "binary" && test.name == looksEncoded {
				continue // The SDK does not encode it, and the specification has it decoded.
			}
			t.Run(mode.name+"/"+test.name, func(t *testing.T) {
				if err := test.event.Validate(); err != nil {
					t.Fatalf("the event is not valid to the SDK: %v", err)
				}
				posting, err := postEvents(t, mode, test.event)
				if err != nil || len(posting.CloudEvents) != 1 || posting.Direct != nil {
					t.Fatalf("ParsePosting = %+v, %v, want one event", posting, err)
				}
				checkCloudEvent(t, posting.CloudEvents[0], test.event, test.data)
				checkHandedOn(t, posting.Event, test.event, mode.asText)
			})
		}
	}
}

// Several events come as several, in their order, and are handed on so.
func TestCloudEventsSeveral(t *testing.T) {
	t.Parallel()
	tests := sentEvents(t)
	var events []event.Event
	for i := range tests {
		tests[i].event.SetID(fmt.Sprint(tests[i].event.ID(), "-", i))
		events = append(events, tests[i].event)
	}
	for _, mode := range cloudEventModes {
		if !mode.many {
			continue
		}
		t.Run(mode.name, func(t *testing.T) {
			posting, err := postEvents(t, mode, events...)
			if err != nil || len(posting.CloudEvents) != len(events) {
				t.Fatalf("ParsePosting = %d events, %v, want %d", len(posting.CloudEvents), err, len(events))
			}
			var handedOn []json.RawMessage
			if err := json.Unmarshal(posting.Event, &handedOn); err != nil || len(handedOn) != len(events) {
				t.Fatalf("%d are handed on, %v, want %d", len(handedOn), err, len(events))
			}
			for i, test := range tests {
				checkCloudEvent(t, posting.CloudEvents[i], test.event, test.data)
				checkHandedOn(t, handedOn[i], test.event, mode.asText)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		posting, err := postEvents(t, cloudEventMode{write: writeBatch}, []event.Event{}...)
		if err != nil || posting.CloudEvents == nil || len(posting.CloudEvents) != 0 || posting.Event != nil {
			t.Errorf("ParsePosting = %+v, %v, want no events", posting, err)
		}
	})
}

// What is not valid to the SDK is refused, naming what is wrong.
func TestCloudEventsNotValid(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	tests := []struct {
		name   string
		change func(*event.EventContextV1)
		names  string
		except string // modes that cannot say it, by how they begin
	}{
		{"no id", func(c *event.EventContextV1) { c.ID = "" }, `"id"`, ""},
		{"blank id", func(c *event.EventContextV1) { c.ID = " \u3000" }, `"id"`, ""},
		{"no source", func(c *event.EventContextV1) { c.Source = types.URIRef{} }, `"source"`, ""},
		{"no type", func(c *event.EventContextV1) { c.Type = "" }, `"type"`, ""},
		{"blank type", func(c *event.EventContextV1) { c.Type = " " }, `"type"`, ""},
		// Of what is empty the SDK makes no header.
		{"empty subject", func(c *event.EventContextV1) { c.Subject = text("") }, `"subject"`, "binary"},
		{"blank subject", func(c *event.EventContextV1) { c.Subject = text(" ") }, `"subject"`, ""},
		{"empty type of data", func(c *event.EventContextV1) { c.DataContentType = text("") }, `"datacontenttype"`, "binary"},
		{"broken type of data", func(c *event.EventContextV1) { c.DataContentType = text("text/plain; charset") }, `"datacontenttype"`, ""},
		{"type of data in words", func(c *event.EventContextV1) { c.DataContentType = text("some text") }, `"datacontenttype"`, ""},
		{"relative schema", func(c *event.EventContextV1) { c.DataSchema = types.ParseURI("/schema.json") }, `"dataschema"`, ""},
		{"empty schema", func(c *event.EventContextV1) { c.DataSchema = new(types.URI) }, `"dataschema"`, "binary"},
	}
	for _, mode := range cloudEventModes {
		for _, test := range tests {
			if test.except != "" && strings.HasPrefix(mode.name, test.except) {
				continue
			}
			t.Run(mode.name+"/"+test.name, func(t *testing.T) {
				spoilt := newEvent(func(e *event.Event) { test.change(e.Context.(*event.EventContextV1)) })
				if spoilt.Validate() == nil {
					t.Fatal("the event is valid to the SDK")
				}
				posting, err := postEvents(t, mode, spoilt)
				checkNotValid(t, posting, err, test.names)
			})
		}
		// The SDK still takes version 0.3, of which 1.0 left nothing valid.
		t.Run(mode.name+"/version 0.3", func(t *testing.T) {
			old := event.New(event.CloudEventsVersionV03)
			old.SetID("1")
			old.SetSource("/mycontext")
			old.SetType("com.example.someevent")
			posting, err := postEvents(t, mode, old)
			checkNotValid(t, posting, err, `"0.3"`)
		})
	}
}

func checkNotValid(t *testing.T, posting trigger.Posting, err error, names string) {
	t.Helper()
	e, ok := errors.AsType[*task.Error](err)
	if !ok || e.Kind != task.Invalid || !reflect.DeepEqual(posting, trigger.Posting{}) {
		t.Fatalf("ParsePosting = %+v, %v, want it to be invalid", posting, err)
	}
	if !strings.Contains(e.Detail.En, names) || !strings.Contains(e.Detail.Zh, names) {
		t.Errorf("it says %q, want %s in it", e.Detail, names)
	}
}

// TestCloudEventsInJSON has the SDK and the function judge what somebody may write by
// hand. Where they differ, the specification is cited.
func TestCloudEventsInJSON(t *testing.T) {
	t.Parallel()
	const valid = `{"specversion":"1.0","id":"1","source":"/s","type":"t"`
	tests := []struct {
		name, body string
		ours, sdk  bool
	}{
		{"valid", valid + `}`, true, true},
		{"version last", `{"id":"1","source":"/s","type":"t","data":{"a":1},"datacontenttype":"application/json","specversion":"1.0"}`, true, true},
		{"no version", `{"id":"1","source":"/s","type":"t"}`, false, false},
		{"version 1.1", `{"specversion":"1.1","id":"1","source":"/s","type":"t"}`, false, false},
		{"version in capitals alone", `{"SPECVERSION":"1.0"}`, false, false},
		{"no id", `{"specversion":"1.0","source":"/s","type":"t"}`, false, false},
		{"id as number", `{"specversion":"1.0","id":1,"source":"/s","type":"t"}`, false, false},
		{"source that is no URI", `{"specversion":"1.0","id":"1","source":"://","type":"t"}`, false, false},
		{"time that is none", valid + `,"time":"2020-11-19T21:04:42.179PRC"}`, false, false},
		{"broken base64", valid + `,"data_base64":"%%"}`, false, false},
		{"unset extension", valid + `,"x":null}`, true, true},
		{"cut", valid, false, false},
		{"array", `[` + valid + `}]`, false, false},
		// "JSON Event Format", section 2.2: null is the equivalent of unset.
		{"unset subject", valid + `,"subject":null}`, true, true},
		// "JSON Event Format", section 3.1.1: data and data_base64 are mutually exclusive.
		{"data twice", valid + `,"data":1,"data_base64":"e30="}`, false, true},
		// "Type System": no control characters.
		{"line break in the id", `{"specversion":"1.0","id":"1\n2","source":"/s","type":"t"}`, false, true},
		// What cannot be an extension is left out, and not a reason to refuse the event.
		{"extension with an underscore", valid + `,"a_b":"c"}`, true, false},
		{"extension that is an object", valid + `,"x":{}}`, true, false},
		// EventBridge's own consumers have seen both letter cases.
		{"everything in capitals", `{"SPECVERSION":"1.0","ID":"1","SOURCE":"/s","TYPE":"t"}`, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var e event.Event
			err := json.Unmarshal([]byte(test.body), &e)
			if err == nil {
				err = e.Validate()
			}
			if (err == nil) != test.sdk {
				t.Errorf("the SDK says %v, want it valid: %t", err, test.sdk)
			}
			posting, err := trigger.ParsePosting(http.Header{"Content-Type": {event.ApplicationCloudEventsJSON}}, []byte(test.body))
			if (err == nil) != test.ours {
				t.Errorf("ParsePosting says %v, want it valid: %t", err, test.ours)
			}
			if err == nil && json.Unmarshal(posting.Event, &e) != nil {
				t.Errorf("the SDK does not read what is handed on: %s", posting.Event)
			}
		})
	}
}
