package trigger_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"taskstatus/function/task"
	"taskstatus/function/trigger"
)

const (
	structured = "application/cloudevents+json"
	batched    = "application/cloudevents-batch+json"
	plain      = "application/json"
)

// head returns a header of names and values by turns.
func head(pairs ...string) http.Header {
	header := make(http.Header)
	for i := 0; i < len(pairs); i += 2 {
		header.Add(pairs[i], pairs[i+1])
	}
	return header
}

// binary returns the header of an event in binary mode, with more of it.
func binary(pairs ...string) http.Header {
	return head(append([]string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"}, pairs...)...)
}

// taken checks that an invocation with the Event takes it for what was parsed.
func taken(t *testing.T, p trigger.Posting) {
	t.Helper()
	if (p.CloudEvents == nil) == (p.Direct == nil) {
		t.Fatalf("not exactly one is set: %+v", p)
	}
	if p.Direct == nil && len(p.CloudEvents) == 0 {
		if p.Event != nil {
			t.Fatalf("no events, but Event is %s", p.Event)
		}
		return
	}
	r := newRecorder()
	if _, err := r.Invoke(t.Context(), p.Event); err != nil {
		t.Fatalf("an invocation does not take it: %v: %s", err, p.Event)
	}
	var want any = p.CloudEvents
	if p.Direct != nil {
		want = *p.Direct
	}
	if got := r.only(t); !reflect.DeepEqual(got, want) {
		t.Fatalf("an invocation takes it for another:\ngot  %+v\nwant %+v\n%s", got, want, p.Event)
	}
}

func TestParsePostingCloudEvents(t *testing.T) {
	at := time.Date(2018, 4, 5, 3, 56, 24, 0, time.UTC)
	one := func(e trigger.CloudEvent) []trigger.CloudEvent { return []trigger.CloudEvent{e} }
	simple := one(trigger.CloudEvent{ID: "1", Source: "/s", Type: "t"})
	const simpleEvent = `{"id":"1","source":"/s","specversion":"1.0","type":"t"}`
	with := func(data string) []trigger.CloudEvent {
		return one(trigger.CloudEvent{ID: "1", Source: "/s", Type: "t", Data: json.RawMessage(data)})
	}
	tests := []struct {
		name   string
		header http.Header
		body   string
		want   []trigger.CloudEvent
		event  string
	}{
		// CloudEvents HTTP Protocol Binding 1.0.2, section 3.1.4.
		{
			"documented binary mode", head("ce-specversion", "1.0", "ce-type", "com.example.someevent", "ce-time", "2018-04-05T03:56:24Z",
				"ce-id", "1234-1234-1234", "ce-source", "/mycontext/subcontext", "Content-Type", "application/json; charset=utf-8"), ` {"a": "<b>"} `,
			one(trigger.CloudEvent{ID: "1234-1234-1234", Source: "/mycontext/subcontext", Type: "com.example.someevent", Time: at, Data: json.RawMessage(`{"a":"<b>"}`)}),
			`{"data":{"a":"<b>"},"datacontenttype":"application/json; charset=utf-8","id":"1234-1234-1234","source":"/mycontext/subcontext",` +
				`"specversion":"1.0","time":"2018-04-05T03:56:24Z","type":"com.example.someevent"}`,
		},
		{"binary mode without data", binary(), "", simple, simpleEvent},
		{"binary mode with a JSON string", binary("Content-Type", plain), `"text"`, with(`"text"`), `{"data":"text","datacontenttype":"application/json",` + simpleEvent[1:]},
		{"binary mode with null", binary("Content-Type", plain), `null`, with(`null`), `{"data":null,"datacontenttype":"application/json",` + simpleEvent[1:]},
		{"binary mode with +json", binary("Content-Type", "Application/Problem+JSON"), `[1]`, with(`[1]`), `{"data":[1],"datacontenttype":"Application/Problem+JSON",` + simpleEvent[1:]},
		{"binary mode with text", binary("Content-Type", "text/plain"), "任\n", with(`"任\n"`), `{"data":"任\n","datacontenttype":"text/plain",` + simpleEvent[1:]},
		{
			"binary mode with text in UTF-8", binary("Content-Type", "text/plain; charset=UTF-8"), "a", with(`"a"`),
			`{"data":"a","datacontenttype":"text/plain; charset=UTF-8",` + simpleEvent[1:],
		},
		{"binary mode with text that is not UTF-8", binary("Content-Type", "text/plain"), "\xff", simple, `{"data_base64":"/w==","datacontenttype":"text/plain",` + simpleEvent[1:]},
		{
			"binary mode with text in GBK", binary("Content-Type", "text/plain;charset=gbk"), "a", simple,
			`{"data_base64":"YQ==","datacontenttype":"text/plain;charset=gbk",` + simpleEvent[1:],
		},
		{
			"binary mode with bytes", binary("Content-Type", "application/octet-stream"), "\x00\xff", simple,
			`{"data_base64":"AP8=","datacontenttype":"application/octet-stream",` + simpleEvent[1:],
		},
		{"binary mode with bytes of no type that hold JSON", binary(), `{"a":1}`, with(`{"a":1}`), `{"data_base64":"eyJhIjoxfQ==",` + simpleEvent[1:]},
		{
			"binary mode with extensions", binary("ce-comexampleothervalue", "5", "Ce-Xyz", "a%20b"), "", simple,
			`{"comexampleothervalue":"5","id":"1","source":"/s","specversion":"1.0","type":"t","xyz":"a b"}`,
		},
		{
			"binary mode with extensions that FC has names for", binary("ce-version", "v1", "ce-rawpath", "/", "ce-headers", "x", "ce-requestcontext", "x",
				"ce-queryparameters", "x", "ce-isbase64encoded", "x", "ce-taskid", "t-aaaaaa"), "", simple, `{"id":"1","source":"/s","specversion":"1.0","taskid":"t-aaaaaa","type":"t"}`,
		},
		{"binary mode with headers that are no attributes", binary("ce-a-b", "x", "ce-a_b", "x", "ce-", "x", "x-ce-a", "x", "ce-data_base64", "eA=="), "", simple, simpleEvent},
		{
			"binary mode with a type that is nearly that of an event", binary("Content-Type", "application/vnd.cloudevents+json"), "{}", with(`{}`),
			`{"data":{},"datacontenttype":"application/vnd.cloudevents+json",` + simpleEvent[1:],
		},

		// "JSON Event Format", section 3.2.
		{
			"documented structured mode", head("Content-Type", "application/cloudevents+json; charset=utf-8"),
			`{"specversion":"1.0","type":"com.example.someevent","source":"/mycontext","id":"B234-1234-1234","time":"2018-04-05T17:31:00Z",
			"comexampleextension1":"value","comexampleothervalue":5,"unsetextension":null,"datacontenttype":"application/xml","data":"<much wow=\"xml\"/>"}`,
			one(trigger.CloudEvent{
				ID: "B234-1234-1234", Source: "/mycontext", Type: "com.example.someevent", Time: time.Date(2018, 4, 5, 17, 31, 0, 0, time.UTC),
				Data: json.RawMessage(`"<much wow=\"xml\"/>"`),
			}),
			`{"comexampleextension1":"value","comexampleothervalue":5,"data":"<much wow=\"xml\"/>","datacontenttype":"application/xml","id":"B234-1234-1234",` +
				`"source":"/mycontext","specversion":"1.0","time":"2018-04-05T17:31:00Z","type":"com.example.someevent"}`,
		},
		{
			"structured mode with unset attributes", head("Content-Type", structured),
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":null,"time":null,"datacontenttype":null,"dataschema":null,"data_base64":null,"data":null}`,
			with(`null`), `{"data":null,` + simpleEvent[1:],
		},
		{
			"structured mode with base64", head("Content-Type", structured), `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"e30="}`,
			with(`{}`), `{"data_base64":"e30=",` + simpleEvent[1:],
		},
		{
			"structured mode and headers of binary mode", binary("Content-Type", "APPLICATION/CloudEvents+JSON ;x", "ce-id", "2"),
			`{"specversion":"1.0","id":"1","source":"/s","type":"t"}`, simple, simpleEvent,
		},
		{
			"structured mode with what is no attribute", head("Content-Type", structured),
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","a_b":1,"A":1,"":1,"list":[],"object":{},"half":0.5,"large":2147483648,"eventid":7,"yes":true,"negative":-2147483648,
			"version":"v1","Version":"v1","VER\u017fION":"v1","rawPath":"/","rawpath":"/","headers":"x","taskId":"t-aaaaaa","triggerTime":"2022-07-29T10:02:58Z","triggerName":"x"}`,
			simple, `{"eventid":7,"id":"1","negative":-2147483648,"source":"/s","specversion":"1.0","type":"t","yes":true}`,
		},
		{
			"structured mode with everything", head("Content-Type", structured),
			`{"specversion":"1.0","id":"任务","source":"https://example.com/a?b#c","type":"t","subject":"a b","time":"2018-04-05T03:56:24.000Z","dataschema":"urn:x","data":[ 1 ]}`,
			one(trigger.CloudEvent{ID: "任务", Source: "https://example.com/a?b#c", Type: "t", Subject: "a b", Time: at, Data: json.RawMessage(`[1]`)}),
			`{"data":[1],"dataschema":"urn:x","id":"任务","source":"https://example.com/a?b#c","specversion":"1.0","subject":"a b","time":"2018-04-05T03:56:24.000Z","type":"t"}`,
		},

		{"empty batch", head("Content-Type", batched), ` [ ] `, []trigger.CloudEvent{}, ""},
		{"batch of one", head("Content-Type", batched+";charset=utf-8"), `[{"specversion":"1.0","id":"1","source":"/s","type":"t"}]`, simple, simpleEvent},
		{
			"batch of two", head("Content-Type", batched), `[{"specversion":"1.0","id":"1","source":"/s","type":"t"},{"specversion":"1.0","id":"2","source":"/s","type":"t","data":{}}]`,
			append(slices.Clone(simple), trigger.CloudEvent{ID: "2", Source: "/s", Type: "t", Data: json.RawMessage(`{}`)}),
			`[` + simpleEvent + `,{"data":{},"id":"2","source":"/s","specversion":"1.0","type":"t"}]`,
		},

		{"plain JSON", head("Content-Type", "application/JSON; charset=utf-8"), `{"specversion":"1.0","id":"1","source":"/s","type":"t","taskId":"t-aaaaaa"}`, simple, simpleEvent},
		{"plain JSON in upper case", head("Content-Type", plain), `{"SpecVersion":"1.0","Id":"1","Source":"/s","TYPE":"t"}`, simple, simpleEvent},
		{
			"plain array with text", head("Content-Type", plain), `[{"specversion":"1.0","id":"1","source":"/s","type":"t"},"{\"eventId\":\"9\", \"eventName\":\"X\"}"]`,
			append(slices.Clone(simple), trigger.CloudEvent{ID: "9", Data: json.RawMessage(`{"eventId":"9","eventName":"X"}`)}),
			`[` + simpleEvent + `,{"eventId":"9","eventName":"X"}]`,
		},
		{
			"ActionTrail event without an envelope", head("Content-Type", plain), `{"eventName":"X", "eventId":"9", "eventTime":"2018-04-05T03:56:24Z"}`,
			one(trigger.CloudEvent{ID: "9", Time: at, Data: json.RawMessage(`{"eventName":"X","eventId":"9","eventTime":"2018-04-05T03:56:24Z"}`)}),
			`{"eventName":"X","eventId":"9","eventTime":"2018-04-05T03:56:24Z"}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := trigger.ParsePosting(test.header, []byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			taken(t, p)
			if !reflect.DeepEqual(p.CloudEvents, test.want) {
				t.Errorf("got  %+v\nwant %+v", p.CloudEvents, test.want)
			}
			if string(p.Event) != test.event {
				t.Errorf("event\ngot  %s\nwant %s", p.Event, test.event)
			}
		})
	}
}

// CloudEvents HTTP Protocol Binding 1.0.2, section 3.1.3.2.
func TestParsePostingHeaderValues(t *testing.T) {
	tests := []struct{ name, header, want string }{
		{"documented", "Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"},
		{"lower-case digits", "%e4%bb%bb", "任"},
		{"encoded without need", "%41%2F%7e", "A/~"},
		{"one round only", "%2541", "%41"},
		{"plus", "a+b", "a+b"},
		{"quoted", `"a b"`, "a b"},
		{"quoted in part", `x"a b"y`, "xa by"},
		{"backslash within quotes", `"a\"b\\c\d"`, `a"b\cd`},
		{"backslash without quotes", `a\b`, `a\b`},
		{"backslash at the end", `"a\`, `a\`},
		{"quote that is not closed", `"a b`, "a b"},
		{"encoded within quotes", `"a%20b"`, "a b"},
		{"encoded quote", `%22a%22`, `"a"`},
		{"percent sign alone", "100%", "100%"},
		{"percent sign before one digit", "100%4", "100%4"},
		{"percent sign before other characters", "%zz%%41", "%zz%A"},
		{"bytes of UTF-8", "任务", "任务"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := trigger.ParsePosting(binary("ce-subject", test.header), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.CloudEvents[0].Subject; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			taken(t, p)
		})
	}
}

func TestParsePostingDirect(t *testing.T) {
	const id = task.ID("t-shfqw1u1edszvxw5abcd")
	tests := []struct {
		name, body string
		want       trigger.Direct
		event      string
	}{
		{"one task", `{"taskId":"t-shfqw1u1edszvxw5abcd"}`, trigger.Direct{IDs: []task.ID{id}}, `{"taskIds":["t-shfqw1u1edszvxw5abcd"]}`},
		{
			"everything", string(read(t, "direct-everything.json")),
			trigger.Direct{Directory: "d-00fc2p61abcd", IDs: []task.ID{"t-cccccc", "t-bbbbbb", "t-aaaaaa"}, Wait: 1500 * time.Millisecond, Notify: true},
			`{"directoryId":"d-00fc2p61abcd","taskIds":["t-cccccc","t-bbbbbb","t-aaaaaa"],"wait":1.5,"notify":true}`,
		},
		{"response of CreateAccessAssignment", string(read(t, "direct-create-assignment-response.json")), trigger.Direct{IDs: []task.ID{id}}, `{"taskIds":["t-shfqw1u1edszvxw5abcd"]}`},
		{"unknown fields", `{"taskId":"t-aaaaaa","x":1,"a":{"reply":1,"version":"v1"},"version":"v2"}`, trigger.Direct{IDs: []task.ID{"t-aaaaaa"}}, `{"taskIds":["t-aaaaaa"]}`},
		{"wait out of bounds", `{"taskId":"t-aaaaaa","wait":1e300}`, trigger.Direct{IDs: []task.ID{"t-aaaaaa"}, Wait: 24 * time.Hour}, `{"taskIds":["t-aaaaaa"],"wait":86400}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := trigger.ParsePosting(head("Content-Type", plain), []byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			taken(t, p)
			if p.Direct == nil || !reflect.DeepEqual(*p.Direct, test.want) {
				t.Errorf("got  %+v\nwant %+v", p.Direct, test.want)
			}
			if string(p.Event) != test.event {
				t.Errorf("event\ngot  %s\nwant %s", p.Event, test.event)
			}
		})
	}
}

func TestParsePostingRefuses(t *testing.T) {
	plainJSON := head("Content-Type", plain)
	cloudEvent := head("Content-Type", structured)
	batch := head("Content-Type", batched)
	without := func(header http.Header, name string) http.Header {
		header = maps.Clone(header)
		header.Del(name)
		return header
	}
	deep := strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999)
	tests := []struct {
		name   string
		header http.Header
		body   string
		want   string // in the English text
		never  string // not in it
	}{
		{"nothing", head(), "", `the Content-Type "" is not known`, ""},
		{"no type", head(), `{"taskId":"t-aaaaaa"}`, `the Content-Type "" is not known`, ""},
		{"form", head("Content-Type", "application/x-www-form-urlencoded"), `{"taskId":"t-aaaaaa"}`, "x-www-form-urlencoded", ""},
		{"long type", head("Content-Type", strings.Repeat("x", 500)), "", "is not known", strings.Repeat("x", 81)},
		{"two types", head("Content-Type", plain, "Content-Type", structured), "{}", "more than one Content-Type", ""},
		{"format Avro", binary("Content-Type", "application/cloudevents+avro"), "x", `"application/cloudevents+avro" is not known`, ""},
		{"batch of format Avro", head("Content-Type", "application/cloudevents-batch+avro"), "x", "is not known", ""},
		{"no format", head("Content-Type", "application/cloudevents"), "{}", "is not known", ""},

		{"binary mode without version", without(binary(), "ce-specversion"), "", `no "specversion"`, ""},
		{"binary mode without id", without(binary(), "ce-id"), "", `no "id"`, ""},
		{"binary mode without source", without(binary(), "ce-source"), "", `no "source"`, ""},
		{"binary mode without type", without(binary("Content-Type", plain), "ce-type"), "{}", `no "type"`, ""},
		{"binary mode with the id alone", head("ce-id", "1", "Content-Type", plain), `{"taskId":"t-aaaaaa"}`, `no "specversion"`, ""},
		{"binary mode with an empty id", head("ce-specversion", "1.0", "ce-id", "", "ce-source", "/s", "ce-type", "t"), "", `no "id"`, ""},
		{"binary mode with a blank type", head("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "%20"), "", `no "type"`, ""},
		{"binary mode 0.3", head("ce-specversion", "0.3", "ce-id", "1", "ce-source", "/s", "ce-type", "t"), "", `of version "0.3"`, ""},
		{"binary mode with a long version", head("ce-specversion", strings.Repeat("x", 500)), "", "of version", strings.Repeat("x", 41)},
		{"binary mode with two ids", binary("ce-id", "1"), "", "more than one header ce-id", ""},
		{"binary mode with two ids by letter case", http.Header{"ce-id": {"1"}, "Ce-Id": {"1"}}, "", "more than one header ce-id", ""},
		{"binary mode with the type of the data in a header", binary("ce-datacontenttype", plain), "", "ce-datacontenttype cannot be a header", ""},
		{"binary mode with the data in a header", binary("ce-data", "{}"), "", "ce-data cannot be a header", ""},
		{"binary mode, overlong encoding", binary("ce-subject", "%C0%A0"), "", "ce-subject is not UTF-8", ""}, // section 3.1.3.2
		{"binary mode, half a character", binary("ce-subject", "%E4%BB"), "", "ce-subject is not UTF-8", ""},
		{"binary mode, surrogate", binary("ce-subject", "%ED%A0%80"), "", "ce-subject is not UTF-8", ""},
		{"binary mode, Latin-1", binary("ce-subject", "\xe9"), "", "ce-subject is not UTF-8", ""},
		{"binary mode, line break", binary("ce-subject", "a%0Ab"), "", `"subject" has control characters`, ""},
		{"binary mode, broken type", binary("Content-Type", "text/plain; charset"), "x", `"datacontenttype" is not a media type`, ""},
		{"binary mode, broken time", binary("ce-time", "yesterday"), "", `"time" is not an RFC 3339 time`, "yesterday"},
		{"binary mode, broken JSON", binary("Content-Type", plain), `{"a":`, "not JSON", ""},
		{"binary mode, JSON not in UTF-8", binary("Content-Type", plain), "\"\xff\"", "not JSON in UTF-8", ""},
		{"binary mode, JSON too deep", binary("Content-Type", plain), "[" + deep + "]", "nested too deeply", ""},

		{"structured mode, no body", cloudEvent, "", "the body is empty", ""},
		{"structured mode, array", cloudEvent, "[]", "not a JSON object", ""},
		{"structured mode, null", cloudEvent, "null", "not a JSON object", ""},
		{"structured mode, not UTF-8", cloudEvent, "{\"specversion\":\"1.0\",\"id\":\"\xff\"}", "not JSON in UTF-8", ""},
		{"structured mode, question", cloudEvent, `{"taskId":"t-aaaaaa"}`, `no "specversion"`, ""},
		{"structured mode, no envelope", cloudEvent, `{"eventId":"1","eventName":"x"}`, `no "specversion"`, ""},
		{"structured mode, unset id", cloudEvent, `{"specversion":"1.0","id":null}`, `no "id"`, ""},
		{"structured mode, id as number", cloudEvent, `{"specversion":"1.0","id":1}`, `"id" is not a string`, ""},
		{"structured mode, version as number", cloudEvent, `{"specversion":1.0}`, `"specversion" is not a string`, ""},
		{"structured mode, version 1.1", cloudEvent, `{"specversion":"1.1"}`, `of version "1.1"`, ""},
		{"structured mode, two ids", cloudEvent, `{"specversion":"1.0","id":"1","ID":"2","source":"/s","type":"t"}`, `"id" twice`, ""},
		{"structured mode, source no URI", cloudEvent, `{"specversion":"1.0","id":"1","source":"://","type":"t"}`, `"source" is not a URI reference`, ""},
		{"structured mode, NUL in the type", cloudEvent, `{"specversion":"1.0","id":"1","source":"/s","type":"t\u0000"}`, `"type" has control characters`, ""},
		{"structured mode, empty subject", cloudEvent, `{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":""}`, `"subject" is empty`, ""},
		{"structured mode, time as number", cloudEvent, `{"specversion":"1.0","id":"1","source":"/s","type":"t","time":0}`, `"time" is not a string`, ""},
		{"structured mode, time of EventBridge's publishing", cloudEvent, `{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2020-11-19T21:04:42.179PRC"}`, `"time" is not an RFC 3339 time`, ""},
		{"structured mode, empty type of the data", cloudEvent, `{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":""}`, `"datacontenttype" is not a media type`, ""},
		{"structured mode, relative schema", cloudEvent, `{"specversion":"1.0","id":"1","source":"/s","type":"t","dataschema":"/x"}`, `"dataschema" is not a URI`, ""},
		{"structured mode, data twice", cloudEvent, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1,"data_base64":"e30="}`, `both "data" and "data_base64"`, ""},
		{"structured mode, broken base64", cloudEvent, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"%%"}`, `"data_base64" is not base64`, ""},
		{"structured mode, base64 as a list", cloudEvent, `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":[1]}`, `"data_base64" is not base64`, ""},

		{"batch, no body", batch, "", "the body is empty", ""},
		{"batch, object", batch, "{}", "not a JSON array", ""},
		{"batch, null", batch, "null", "not a JSON array", ""},
		{"batch with a null", batch, "[null]", "item 0 of the array: it is not a CloudEvent", ""},
		{"batch of texts", batch, `["{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}"]`, "item 0 of the array: it is not a CloudEvent", ""},
		{"batch without envelopes", batch, `[{"eventId":"1","eventName":"x"}]`, `item 0 of the array: the CloudEvent has no "specversion"`, ""},
		{"batch of which the second is none", batch, `[{"specversion":"1.0","id":"1","source":"/s","type":"t"},{"specversion":"1.0","id":"1","source":"/s"}]`, `item 1 of the array: the CloudEvent has no "type"`, ""},
		{"batch, too deep", batch, `[{"specversion":"1.0","id":"1","source":"/s","type":"t","data":` + deep[2:len(deep)-2] + `}, {"specversion":"1.0"}]`, `item 1 of the array`, ""},

		{"plain JSON, no body", plainJSON, "", "the body is empty", ""},
		{"plain JSON, cut", plainJSON, `{"taskId":"t-aaaaaa"`, "not JSON", ""},
		{"plain JSON, not UTF-8", plainJSON, "{\"taskId\":\"t-aaaaaa\xff\"}", "not JSON in UTF-8", ""},
		{"plain JSON, text", plainJSON, `"t-aaaaaa"`, "neither a JSON object nor an array", ""},
		{"plain JSON, null", plainJSON, `null`, "neither a JSON object nor an array", ""},
		{"plain JSON, empty array", plainJSON, `[]`, "the array is empty", ""},
		{"plain JSON, unknown", plainJSON, `{"user":"alice-secret","b":1}`, `the fields ["b" "user"]`, "alice-secret"},
		{"plain JSON, event without version", plainJSON, `{"id":"1","source":"/s","type":"t"}`, `no "specversion"`, ""},
		{"plain JSON, event without id", plainJSON, `{"specversion":"1.0"}`, `no "id"`, ""},
		{"plain JSON, array of questions", plainJSON, `[{"taskId":"t-aaaaaa"}]`, "item 0 of the array: it is not a CloudEvent", ""},
		{"plain JSON, array of bad texts", plainJSON, `["{"]`, "item 0 of the array: it is not a CloudEvent", ""},
		{"plain JSON, ActionTrail event with a number for an id", plainJSON, `{"eventId":7,"eventName":"x"}`, `"eventId" cannot be of type number`, ""},
		{"plain JSON, HTTP trigger event", plainJSON, string(read(t, "http-documented.json")), "comes from Function Compute alone", ""},
		{"plain JSON, HTTP trigger event and question", plainJSON, `{"version":"v1","taskId":"t-aaaaaa"}`, "comes from Function Compute alone", ""},
		{"plain JSON, HTTP trigger event by two versions", plainJSON, `{"version":"v2","VERSION":"v1","taskId":"t-aaaaaa"}`, "comes from Function Compute alone", ""},
		{"plain JSON, HTTP trigger event and CloudEvent", plainJSON, `{"specversion":"1.0","id":"1","source":"/s","type":"t","rawPath":"/"}`, "comes from Function Compute alone", ""},
		{"plain JSON, HTTP trigger event in an array", plainJSON, `[{"eventId":"1","eventName":"x","version":"v1","rawPath":"/"}]`, "fields of an HTTP trigger event", ""},
		{"plain JSON, HTTP trigger event as a text in an array", plainJSON, `["{\"eventId\":\"1\",\"eventName\":\"x\",\"ver\u017fion\":\"v1\"}"]`, "fields of an HTTP trigger event", ""},
		{"plain JSON, timer event", plainJSON, string(read(t, "timer-documented.json")), "a timer event comes from Function Compute alone", ""},
		{"plain JSON, question with reply", plainJSON, string(read(t, "direct-reply.json")), `"reply" is not for others`, ""},
		{"plain JSON, question with reply in capitals", plainJSON, `{"taskId":"t-aaaaaa","REPLY":{}}`, `"reply" is not for others`, ""},
		{"plain JSON, question with reply null", plainJSON, `{"taskId":"t-aaaaaa","reply":null}`, `"reply" is not for others`, ""},
		{"plain JSON, notifyTest", plainJSON, string(read(t, "direct-notify-test.json")), `"notifyTest" is not for others`, ""},
		{"plain JSON, notifyTest false", plainJSON, `{"taskId":"t-aaaaaa","notifyTest":false}`, `"notifyTest" is not for others`, ""},
		{"plain JSON, doctor", plainJSON, string(read(t, "direct-doctor.json")), `"doctor" is not for others`, ""},
		{"plain JSON, question with doctor", plainJSON, `{"taskId":"t-aaaaaa","Doctor":true}`, `"doctor" is not for others`, ""},
		{"plain JSON, ping", plainJSON, `{"ping":true}`, `"ping" is not for others`, ""},
		{"plain JSON, bad id", plainJSON, `{"taskId":"t-1"}`, `"t-1" is not a task id`, ""},
		{"plain JSON, negative wait", plainJSON, `{"taskId":"t-aaaaaa","wait":-1}`, `"wait" is negative`, ""},
		{"plain JSON, no task", plainJSON, `{"taskIds":[]}`, "names no task", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := trigger.ParsePosting(test.header, []byte(test.body))
			checkInvalid(t, p, err)
			detail := err.(*task.Error).Detail
			if !strings.Contains(detail.En, test.want) || test.never != "" && strings.Contains(detail.En+detail.Zh, test.never) {
				t.Errorf("detail %q, want %q in it and not %q", detail.En, test.want, test.never)
			}
		})
	}
}

// checkInvalid checks that nothing was parsed, and why is said in both languages.
func checkInvalid(t *testing.T, p trigger.Posting, err error) {
	t.Helper()
	e, ok := err.(*task.Error)
	if !ok || e.Kind != task.Invalid || !reflect.DeepEqual(p, trigger.Posting{}) {
		t.Fatalf("ParsePosting = %+v, %T %v, want an error of the kind invalid", p, err, err)
	}
	for _, text := range []string{e.Detail.En, e.Detail.Zh} {
		if text == "" || strings.Contains(text, "%!") || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("detail %q", text)
		}
	}
	if !strings.ContainsFunc(e.Detail.Zh, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		t.Errorf("detail %q is not Chinese", e.Detail.Zh)
	}
}

// An event that is as deep as JSON may be is taken, or refused, but never lost on the way.
func TestParsePostingDepth(t *testing.T) {
	for depth := 9_990; depth < 10_005; depth++ {
		data := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		for name, header := range map[string]http.Header{"binary": binary("Content-Type", plain), "structured": head("Content-Type", structured)} {
			body := data
			if name == "structured" {
				body = `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":` + data + `}`
			}
			t.Run(fmt.Sprint(name, depth), func(t *testing.T) {
				p, err := trigger.ParsePosting(header, []byte(body))
				if (err == nil) != (depth <= 9_999) {
					t.Fatalf("ParsePosting: %v", err)
				}
				if err != nil {
					checkInvalid(t, p, err)
					return
				}
				taken(t, p)
			})
		}
	}
}

// Whatever is posted, what an invocation is given for it is taken for the very
// same, and never for an HTTP trigger event, a timer event, or what only the
// function itself may ask.
func FuzzPosting(f *testing.F) {
	files, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file.Name(), ".json") {
			data := read(f, file.Name())
			f.Add(plain, "", "", "", "", data)
			f.Add(structured, "", "", "", "", data)
			f.Add(batched, "", "", "", "", []byte("["+string(data)+"]"))
			f.Add(plain, "1", "/s", "version", "v1", data)
		}
	}
	f.Add("text/plain", "%E4%BB%BB", `"a\"`, "subject", "%41%zz%", []byte("任"))
	f.Add("text/html;charset=gbk", "1", "acs.cloudsso", "time", "2020-11-19T21:04:41+08:00", []byte("\xff"))
	f.Add("", "1", "s", "data", "x", []byte("{}"))
	f.Add("application/cloudevents+avro", "\x00", "://", "datacontenttype", "x", []byte(nil))
	f.Add(plain, "", "", "", "", []byte(`{"taskId":"t-aaaaaa","wait":1.0000000012345}`))
	f.Add(plain, "", "", "", "", []byte(`{"taskIds":["t-aaaaaa","t-aaaaaa"],"wait":0.003,"notify":true,"reply":null}`))
	f.Add(batched, "", "", "", "", []byte(`[]`))
	f.Add(plain, "", "", "", "", []byte(`["{\"eventId\":\"1\",\"eventName\":\"x\",\"VERSION\":\"v1\"}"]`))
	f.Fuzz(func(t *testing.T, contentType, id, source, name, value string, body []byte) {
		header := http.Header{"Content-Type": {contentType}}
		if id+source != "" {
			header["Ce-Specversion"], header["Ce-Type"] = []string{"1.0"}, []string{"t"}
			header["Ce-Id"], header["Ce-Source"] = []string{id}, []string{source}
			header["Ce-"+name] = []string{value}
		}
		p, err := trigger.ParsePosting(header, body)
		again, errAgain := trigger.ParsePosting(header, body)
		if !reflect.DeepEqual(p, again) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("another time it is another: %v, %v", err, errAgain)
		}
		if err != nil {
			checkInvalid(t, p, err)
			return
		}
		taken(t, p)
		if p.Event != nil && !json.Valid(p.Event) || !utf8.Valid(p.Event) {
			t.Fatalf("event %q", p.Event)
		}
		for _, ev := range p.CloudEvents {
			bare := ev.Source == "" && ev.Type == "" && ev.Data != nil
			if !bare && (ev.ID == "" || ev.Source == "" || ev.Type == "") || strings.ContainsFunc(ev.Source+ev.Type+ev.Subject, unicode.IsControl) {
				t.Fatalf("event %+v", ev)
			}
		}
		if p.Direct != nil && (p.Direct.Reply != nil || p.Direct.NotifyTest || p.Direct.Doctor || p.Direct.Ping || len(p.Direct.IDs) == 0) {
			t.Fatalf("question %+v", p.Direct)
		}
		if p.Direct != nil {
			// The function itself takes the same body for the same question, but for a nanosecond.
			r := newRecorder()
			if _, err := r.Invoke(t.Context(), body); err != nil {
				t.Fatal(err)
			}
			d, ok := r.only(t).(trigger.Direct)
			if off := (d.Wait - p.Direct.Wait).Abs(); !ok || off > time.Nanosecond {
				t.Fatalf("the function takes it for %+v, and not %+v", d, *p.Direct)
			}
			if d.Wait = p.Direct.Wait; !reflect.DeepEqual(d, *p.Direct) {
				t.Fatalf("the function takes it for %+v, and not %+v", d, *p.Direct)
			}
		}
		// What was made of it is taken again as it is.
		if len(p.CloudEvents) > 0 || p.Direct != nil {
			same, err := trigger.ParsePosting(http.Header{"Content-Type": {plain}}, p.Event)
			if err != nil || !reflect.DeepEqual(same.CloudEvents, p.CloudEvents) || p.Direct == nil && string(same.Event) != string(p.Event) {
				t.Fatalf("it is not taken again: %+v, %v", same, err)
			}
		}
	})
}
