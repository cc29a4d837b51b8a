package trigger_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"taskstatus/function/task"
	"taskstatus/function/trigger"
)

// A recorder is a Function whose handlers keep what they got.
type recorder struct {
	*trigger.Function
	log    bytes.Buffer
	got    []any // *http.Request, []trigger.CloudEvent, trigger.Timer, trigger.Direct
	result any
	err    error
}

func newRecorder() *recorder {
	r := &recorder{result: map[string]bool{"ok": true}}
	r.Function = &trigger.Function{
		HTTP:        http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { r.got = append(r.got, req) }),
		Direct:      func(_ context.Context, d trigger.Direct) (any, error) { return r.take(d) },
		CloudEvents: func(_ context.Context, e []trigger.CloudEvent) (any, error) { return r.take(e) },
		Timer:       func(_ context.Context, t trigger.Timer) (any, error) { return r.take(t) },
		Log:         slog.New(slog.NewJSONHandler(&r.log, nil)),
	}
	return r
}

func (r *recorder) take(event any) (any, error) {
	r.got = append(r.got, event)
	return r.result, r.err
}

// only returns the one thing that the handlers got.
func (r *recorder) only(t testing.TB) any {
	t.Helper()
	if len(r.got) != 1 {
		t.Fatalf("handlers were called %d times, want once: %v", len(r.got), r.got)
	}
	return r.got[0]
}

func (r *recorder) Invoke(ctx context.Context, event []byte) (json.RawMessage, error) {
	return invoke(ctx, r.Function, event)
}

// invoke does what fc.Start does with an event: what Invoke returns, the SDK encodes.
func invoke(ctx context.Context, f *trigger.Function, event []byte) (json.RawMessage, error) {
	result, err := f.Invoke(ctx, event)
	if result == nil {
		return nil, err
	}
	encoded, failed := json.Marshal(result)
	return encoded, cmp.Or(err, failed)
}

func (r *recorder) logRecords() int { return bytes.Count(r.log.Bytes(), []byte("\n")) }

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// An answer is FC's response object; all four fields must be there.
type answer struct {
	StatusCode      *int
	Headers         map[string]string
	IsBase64Encoded *bool
	Body            *string
}

func parseAnswer(t testing.TB, data json.RawMessage) answer {
	t.Helper()
	var a answer
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		t.Fatalf("the answer is no response object: %v: %s", err, data)
	}
	if a.StatusCode == nil || a.Headers == nil || a.IsBase64Encoded == nil || a.Body == nil {
		t.Fatalf("the answer lacks a field: %s", data)
	}
	return a
}

func TestInvokeTellsEventsApart(t *testing.T) {
	day := func(s string) time.Time {
		when, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	const id = task.ID("t-shfqw1u1edszvxw5abcd")
	rawData := json.RawMessage(read(t, "cloudevent-raw-data.json"))
	tests := []struct {
		file string
		want any
	}{
		{"cloudevent-eventbridge.json", []trigger.CloudEvent{{
			ID: "45ef4dewdwe1-7c35-447a-bd93-fab****", Source: "acs.cloudsso", Type: "cloudsso:ActionTrail:ApiCall",
			Subject: "acs.cloudsso:cn-shanghai:123456789098:215672", Time: day("2020-11-19T21:04:41+08:00"),
			Data: json.RawMessage(`{"eventId": "92b33345", "eventName": "CreateAccessAssignment", "responseElements": {"Task": {"TaskId": "t-shfqw1u1edszvxw5abcd"}}}`),
		}}},
		{"cloudevent-time-unreadable.json", []trigger.CloudEvent{{ID: "1", Source: "acs.cloudsso", Type: "x", Data: json.RawMessage(`[1, 2]`)}}},
		{"cloudevent-upper-case.json", []trigger.CloudEvent{{
			ID: "2", Source: "acs.cloudsso", Type: "x", Subject: "s", Time: day("2020-11-19T13:04:41.5Z"),
			Data: json.RawMessage(`{"EventName": "DeleteAccessAssignment"}`),
		}}},
		{"cloudevent-no-specversion.json", []trigger.CloudEvent{{ID: "3", Source: "acs.cloudsso", Type: "x"}}},
		{"cloudevent-data-text-json.json", []trigger.CloudEvent{{ID: "4", Source: "s", Type: "x", Data: json.RawMessage(`{"eventName":"CreateAccessAssignment"}`)}}},
		{"cloudevent-data-text-plain.json", []trigger.CloudEvent{{ID: "5", Source: "s", Type: "x", Data: json.RawMessage(`"just text"`)}}},
		{"cloudevent-data-base64.json", []trigger.CloudEvent{{ID: "6", Source: "s", Type: "x", Data: json.RawMessage(`{"eventName":"X"}`)}}},
		{"cloudevent-data-base64-binary.json", []trigger.CloudEvent{{ID: "7", Source: "s", Type: "x"}}},
		{"cloudevents-array.json", []trigger.CloudEvent{
			{ID: "8", Source: "s", Type: "x"},
			{ID: "9", Data: json.RawMessage(`{"eventId": "9", "eventName": "DeleteDisk"}`)},
		}},
		{"cloudevents-array-of-strings.json", []trigger.CloudEvent{
			{ID: "10", Source: "s", Type: "x", Data: json.RawMessage(`{"a":1}`)},
			{ID: "11", Source: "s", Type: "x"},
		}},
		{"cloudevent-raw-data.json", []trigger.CloudEvent{{
			ID: "92b33345-0cef-47be-821f-fb9914d3****", Time: day("2022-10-22T21:52:00Z"), Data: rawData,
		}}},
		{"cloudevent-documented.json", []trigger.CloudEvent{{
			ID: "45ef4dewdwe1-7c35-447a-bd93-fab****", Source: "acs:aliyuncvc", Type: "aliyuncvc:MeetingEvent:MemberOperate",
			Subject: "acs.aliyuncvc:cn-hangzhou:{AccountId}:215672", Time: day("2020-11-19T21:04:41+08:00"),
			Data: json.RawMessage(`{"appId": "1234567890", "eventName": "MemberOperate"}`),
		}}},
		{"cloudevent-raw-data-upper-case.json", []trigger.CloudEvent{{
			ID: "12", Time: day("2022-10-22T21:52:00Z"), Data: json.RawMessage(read(t, "cloudevent-raw-data-upper-case.json")),
		}}},
		{"cloudevents-array-of-raw-data-strings.json", []trigger.CloudEvent{
			{ID: "13", Time: day("2022-10-22T21:52:00Z"), Data: json.RawMessage(`{"eventId":"13","eventName":"DeleteAccessAssignment","eventTime":"2022-10-22T21:52:00Z"}`)},
			{ID: "14", Data: json.RawMessage(`{"eventId": "14", "eventName": "ProvisionAccessConfiguration"}`)},
		}},
		{"timer-documented.json", trigger.Timer{Time: day("2022-07-29T10:02:58Z"), Name: "TestTimer", Payload: "TestPayload"}},
		{"timer-payload-json.json", trigger.Timer{
			Time: day("2022-07-29T18:02:58+08:00"), Name: "sweep", Payload: `{"sweep":"5m","taskId":"t-shfqw1u1edszvxw5abcd"}`,
		}},
		{"timer-payload-alone.json", trigger.Timer{Payload: "{\"sweep\":\"5m\"}\n"}},
		{"timer-no-payload.json", trigger.Timer{Time: day("2022-07-29T10:02:58Z"), Name: "bare"}},
		{"direct-create-assignment-response.json", trigger.Direct{IDs: []task.ID{id}}},
		{"direct-provision-response.json", trigger.Direct{IDs: []task.ID{"t-shaaaaaaaaaaaaaaaaaa", "t-shbbbbbbbbbbbbbbbbbb"}}},
		{"direct-upper-case.json", trigger.Direct{Directory: "d-00fc2p61abcd", IDs: []task.ID{id}}},
		{"direct-everything.json", trigger.Direct{
			Directory: "d-00fc2p61abcd", IDs: []task.ID{"t-cccccc", "t-bbbbbb", "t-aaaaaa"}, Wait: 1500 * time.Millisecond, Notify: true,
		}},
		{"direct-reply.json", trigger.Direct{
			Directory: "d-00fc2p61abcd", IDs: []task.ID{id}, Reply: json.RawMessage(`{"platform": "slack", "to": "x"}`),
		}},
		{"direct-notify-test.json", trigger.Direct{NotifyTest: true}},
		{"direct-doctor.json", trigger.Direct{Doctor: true}},
		{"direct-ping.json", trigger.Direct{Ping: true}},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			r := newRecorder()
			result, err := r.Invoke(t.Context(), read(t, test.file))
			if err != nil || string(result) != `{"ok":true}` {
				t.Fatalf("Invoke = %s, %v", result, err)
			}
			if got := r.only(t); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestInvokeRefuses(t *testing.T) {
	deep := strings.Repeat("[", 20_000)
	tests := []struct {
		name, event string
		want        []string // in the error's text
		never       string   // not in it
	}{
		{name: "empty payload", event: "", want: []string{"empty or not JSON", `"taskId"`}},
		{name: "blanks", event: " \n", want: []string{"empty or not JSON"}},
		{name: "cut JSON", event: `{"version":"v1","rawPath":"/x`, want: []string{"empty or not JSON"}},
		{name: "byte order mark", event: "\xef\xbb\xbf{}", want: []string{"empty or not JSON"}},
		{name: "null", event: "null", want: []string{"not a JSON object"}},
		{name: "number", event: "7", want: []string{"not a JSON object"}},
		{name: "text", event: `"t-shfqw1u1edszvxw5abcd"`, want: []string{"not a JSON object"}},
		{name: "deep array", event: deep + strings.Repeat("]", len(deep)), want: []string{"not JSON"}},
		{name: "deep object", event: strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000), want: []string{"not JSON"}},
		{name: "array in array", event: `[[[{"specversion":"1.0"}]]]`, want: []string{"item 0 of the array is not a CloudEvent"}},
		{name: "empty array", event: "[]", want: []string{"empty array"}},
		{name: "array with a timer", event: `[{"specversion":"1.0"},{"triggerTime":"2022-07-29T10:02:58Z","triggerName":"x"}]`, want: []string{"item 1"}},
		{name: "array of ids", event: `["t-shfqw1u1edszvxw5abcd"]`, want: []string{"item 0"}},
		{name: "array of nulls", event: `[null]`, want: []string{"item 0"}},
		{name: "array with a broken event", event: `[{"specversion":"1.0","id":1}]`, want: []string{`"id" cannot be of type number`}},
		{name: "no fields", event: "{}", want: []string{"the fields []", "expected an HTTP trigger event"}},
		{name: "unknown object", event: `{"user":"alice-secret","b":1}`, want: []string{`the fields ["b" "user"]`, "timer", `{"taskId":"t-…"}`}, never: "alice-secret"},
		{
			name:  "many long fields",
			event: `{"` + strings.Repeat("k", 500) + `":0,"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"z":0,"\u0000\"<":0}`,
			want:  []string{`"\x00\"<" "a" "b"`, "and 2 more"},
			never: strings.Repeat("k", 41),
		},
		{name: "HTTP event of a later version", event: `{"version":"v2","rawPath":"/","requestContext":{}}`, want: []string{`HTTP trigger event`, `version "v1"`}},
		{name: "HTTP event of version 1 as number", event: `{"version":1,"rawPath":"/"}`, want: []string{`version "v1"`}},
		{name: "HTTP event without version", event: `{"requestContext":null,"taskId":"t-shfqw1u1edszvxw5abcd"}`, want: []string{`version "v1"`}},
		{name: "only headers and a task", event: `{"Headers":{},"taskId":"t-shfqw1u1edszvxw5abcd"}`, want: []string{`version "v1"`}},
		{name: "CloudEvent with a number for a source", event: `{"specversion":"1.0","source":9}`, want: []string{`"source" cannot be of type number`}, never: "9"},
		{name: "CloudEvent with broken base64", event: `{"specversion":"1.0","data_base64":"%%"}`, want: []string{"cannot be read"}},
		{name: "timer without a time", event: `{"triggerTime":"yesterday","triggerName":"x"}`, want: []string{`"triggerTime" is not an RFC 3339 time`}, never: "yesterday"},
		{name: "timer with an object for payload", event: `{"triggerTime":"2022-07-29T10:02:58Z","triggerName":"x","payload":{}}`, want: []string{`"payload" cannot be of type object`}},
		{name: "bad id", event: `{"taskId":"t-1"}`, want: []string{`"t-1" is not a task id`}},
		{name: "masked id among good ones", event: `{"taskIds":["t-aaaaaa","t-shfqw1u1edszvxw5****"]}`, want: []string{`"t-shfqw1u1edszvxw5****"`, "masked"}},
		{name: "empty id", event: `{"taskId":""}`, want: []string{"the task id is empty"}},
		{name: "task without id", event: `{"Task":{}}`, want: []string{"the task id is empty"}},
		{name: "no ids", event: `{"Tasks":[],"taskIds":null,"taskId":null,"task":null}`, want: []string{"names no task"}},
		{name: "ids as text", event: `{"taskIds":"t-aaaaaa"}`, want: []string{`"taskIds" cannot be of type string`}},
		{name: "bad directory", event: `{"taskId":"t-aaaaaa","directoryId":"x"}`, want: []string{`"x" is not a directory id`}},
		{name: "negative wait", event: `{"taskId":"t-aaaaaa","wait":-0.1}`, want: []string{`"wait" is negative`}},
		{name: "wait out of range", event: `{"taskId":"t-aaaaaa","wait":1e999}`, want: []string{`"wait" cannot be of type number`}, never: "1e999"},
		{name: "wait as text", event: `{"taskId":"t-aaaaaa","wait":"5"}`, want: []string{`"wait" cannot be of type string`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRecorder()
			result, err := r.Invoke(t.Context(), []byte(test.event))
			var refused trigger.InvocationError
			if result != nil || !errors.As(err, &refused) {
				t.Fatalf("Invoke = %s, %T %v, want an InvocationError", result, err, err)
			}
			if len(r.got) != 0 {
				t.Errorf("reached a handler: %+v", r.got)
			}
			for _, want := range append(test.want, "The request is not valid: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if test.never != "" && strings.Contains(err.Error(), test.never) {
				t.Errorf("error %q repeats %q", err, test.never)
			}
			if r.logRecords() != 1 {
				t.Errorf("%d log records, want 1:\n%s", r.logRecords(), &r.log)
			}
		})
	}
}

func TestDirectWaitIsBounded(t *testing.T) {
	r := newRecorder()
	if _, err := r.Invoke(t.Context(), []byte(`{"taskId":"t-aaaaaa","wait":1e300}`)); err != nil {
		t.Fatal(err)
	}
	if got := r.only(t).(trigger.Direct).Wait; got != 24*time.Hour {
		t.Errorf("Wait = %v, want 24h", got)
	}
}

func TestInvokeWithoutHandler(t *testing.T) {
	for file, want := range map[string]string{
		"timer-documented.json":       "this function takes no timer events",
		"cloudevent-eventbridge.json": "this function takes no CloudEvents",
		"cloudevents-array.json":      "this function takes no CloudEvents",
		"direct-upper-case.json":      "this function takes no direct invocations",
	} {
		t.Run(file, func(t *testing.T) {
			f := &trigger.Function{HTTP: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler)}
			_, err := f.Invoke(t.Context(), read(t, file))
			if err != trigger.InvocationError("The request is not valid: "+want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// What an HTTP caller controls (method, path, query, headers, body) reaches
// the HTTP handler and nothing else, whatever it imitates.
func TestHTTPCallerCannotPassForAnotherTrigger(t *testing.T) {
	imitations := []string{
		string(read(t, "timer-documented.json")),
		string(read(t, "cloudevent-eventbridge.json")),
		string(read(t, "cloudevents-array-of-strings.json")),
		string(read(t, "cloudevent-raw-data.json")),
		string(read(t, "direct-everything.json")),
		string(read(t, "direct-reply.json")),
		string(read(t, "direct-notify-test.json")),
		string(read(t, "direct-create-assignment-response.json")),
		`"},"version":"v9","triggerTime":"2022-07-29T10:02:58Z","triggerName":"x","a":{"`,
		"\\\"},\"taskId\":\"t-shfqw1u1edszvxw5abcd\",\"x\":{\"",
		"specversion", "taskId", "triggerTime", "version", "requestContext",
	}
	for i, evil := range imitations {
		for place, ev := range map[string]event{
			"body":             {Method: "POST", Path: "/events", Body: evil},
			"base64 body":      {Method: "POST", Path: "/events", Body: evil, Base64: true},
			"header value":     {Path: "/", Headers: map[string]string{"Ce-Id": evil, "Content-Type": "application/cloudevents+json"}},
			"header name":      {Path: "/", Headers: map[string]string{evil: "t-shfqw1u1edszvxw5abcd"}},
			"query value":      {Path: "/", Query: map[string]string{"taskId": evil}},
			"query name":       {Path: "/", Query: map[string]string{evil: evil}},
			"method":           {Method: evil, Path: "/"},
			"path":             {Path: "/" + evil},
			"path of context":  {ContextPath: "/" + evil},
			"everywhere":       {Method: evil, Path: "/" + evil, Body: evil, Headers: map[string]string{evil: evil}, Query: map[string]string{evil: evil}},
			"invocations path": {Method: "POST", Path: "/2023-03-30/functions/check/invocations", Body: evil, Headers: map[string]string{"X-Fc-Invocation-Type": "Async", "X-Acs-Action": "InvokeFunction"}},
		} {
			t.Run(fmt.Sprintf("%d/%s", i, place), func(t *testing.T) {
				r := newRecorder()
				result, err := r.Invoke(t.Context(), ev.encode(t))
				if err != nil {
					t.Fatal(err)
				}
				status := *parseAnswer(t, result).StatusCode
				for _, got := range r.got {
					if _, ok := got.(*http.Request); !ok {
						t.Fatalf("reached %T", got)
					}
				}
				if refused := status == http.StatusBadRequest; refused == (len(r.got) == 1) {
					t.Errorf("status %d, %d requests", status, len(r.got))
				}
			})
		}
	}
}

// An event with both FC's HTTP fields and those of another kind is no other kind.
func TestMarkedEventIsNeverAnotherKind(t *testing.T) {
	for _, mark := range []string{
		`"requestContext":{}`, `"requestContext":null`, `"RequestContext":7`, `"rawPath":""`, `"queryParameters":{}`,
		`"headers":null`, `"isBase64Encoded":false`, `"version":"v1"`, `"version":"v2","headers":{}`,
	} {
		for _, other := range []string{
			`"taskId":"t-shfqw1u1edszvxw5abcd"`, `"specversion":"1.0"`, `"eventId":"1","eventName":"x"`,
			`"triggerTime":"2022-07-29T10:02:58Z","triggerName":"x"`,
		} {
			for _, ev := range []string{"{" + mark + "," + other + "}", "{" + other + "," + mark + "}"} {
				t.Run(ev, func(t *testing.T) {
					r := newRecorder()
					_, _ = r.Invoke(t.Context(), []byte(ev))
					for _, got := range r.got {
						if _, ok := got.(*http.Request); !ok {
							t.Errorf("reached a handler with %T", got)
						}
					}
				})
			}
		}
	}
}

func TestInvokeErrorTexts(t *testing.T) {
	secret := errors.New("secret cause")
	tests := []struct {
		name    string
		result  any
		err     error
		want    string
		outcome string // in the log
	}{
		{"task error with a detail", nil, &task.Error{Kind: task.NotFound, Detail: task.Text{En: "t-x is not there"}, Cause: secret}, "Task not found: t-x is not there", "not-found"},
		{"task error without a detail", nil, &task.Error{Kind: task.Throttled, Cause: secret}, "CloudSSO is busy", "throttled"},
		{"wrapped task error", nil, fmt.Errorf("check: %w", &task.Error{Kind: task.Refused, Cause: secret}), "CloudSSO refused this function", "refused"},
		{"internal task error", nil, &task.Error{Kind: task.Internal, Cause: secret}, "internal error, request id 1-req", "internal"},
		{"any other error", nil, fmt.Errorf("check: %w", secret), "internal error, request id 1-req", "internal"},
		{"text for the caller", nil, trigger.InvocationError("try again later"), "try again later", "failed"},
		{
			"text for the caller around a secret", nil,
			fmt.Errorf("%w: %w: %w", secret, &task.Error{Kind: task.NotFound}, trigger.InvocationError("not there yet")), "not there yet", "failed",
		},
		{"deadline", nil, fmt.Errorf("secret: %w", context.DeadlineExceeded), "CloudSSO took too long", "timeout"},
		{"result that is no JSON", func() { _ = "secret" }, nil, "internal error, request id 1-req", "internal"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, file := range []string{"timer-documented.json", "cloudevents-array.json", "direct-upper-case.json"} {
				r := newRecorder()
				r.result, r.err = test.result, test.err
				ctx := fccontext.NewContext(t.Context(), &fccontext.FcContext{RequestID: "1-req"})
				result, err := r.Invoke(ctx, read(t, file))
				if result != nil || err != trigger.InvocationError(test.want) {
					t.Errorf("%s: got %s, %v, want %q", file, result, err, test.want)
				}
				if r.logRecords() != 1 || !strings.Contains(r.log.String(), `"requestId":"1-req"`) {
					t.Errorf("%s: want one log record with the request id, got:\n%s", file, &r.log)
				}
				if test.err != nil && !strings.Contains(r.log.String(), test.err.Error()) {
					t.Errorf("%s: the cause is not in the log:\n%s", file, &r.log)
				}
				level := "WARN"
				if test.outcome == "internal" {
					level = "ERROR"
				}
				if !strings.Contains(r.log.String(), `"level":"`+level+`"`) || !strings.Contains(r.log.String(), `"outcome":"`+test.outcome+`"`) {
					t.Errorf("%s: want %s and the outcome %s, got:\n%s", file, level, test.outcome, &r.log)
				}
			}
		})
	}
}

func TestResultIsNotEscapedForHTML(t *testing.T) {
	r := newRecorder()
	r.result = "<a&b>"
	if result, err := r.Function.Invoke(t.Context(), read(t, "timer-documented.json")); err != nil || string(result.(json.RawMessage)) != `"<a&b>"` {
		t.Errorf("got %s, %v", result, err)
	}
	r.result = nil
	if result, err := r.Function.Invoke(t.Context(), read(t, "timer-documented.json")); err != nil || string(result.(json.RawMessage)) != "null" {
		t.Errorf("got %s, %v", result, err)
	}
}

func TestPanics(t *testing.T) {
	for name, value := range map[string]any{"text": "secret", "error": errors.New("secret"), "abort": http.ErrAbortHandler} {
		boom := func() { panic(value) }
		f := func(log *bytes.Buffer) *trigger.Function {
			return &trigger.Function{
				HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("X-Half", "done")
					_, _ = w.Write([]byte("half a page"))
					boom()
				}),
				SetHeader:   func(h http.Header) { h.Set("X-Frame-Options", "DENY") },
				Direct:      func(context.Context, trigger.Direct) (any, error) { boom(); return nil, nil },
				CloudEvents: func(context.Context, []trigger.CloudEvent) (any, error) { boom(); return nil, nil },
				Timer:       func(context.Context, trigger.Timer) (any, error) { boom(); return nil, nil },
				Log:         slog.New(slog.NewJSONHandler(log, nil)),
			}
		}
		ctx := fccontext.NewContext(t.Context(), &fccontext.FcContext{RequestID: "1-req"})
		logged := func(t *testing.T, log *bytes.Buffer) {
			t.Helper()
			if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), `\ngoroutine `) ||
				!strings.Contains(log.String(), `"outcome":"internal","error":"panic: `+fmt.Sprint(value)) || !strings.Contains(log.String(), `"level":"ERROR"`) || !strings.Contains(log.String(), `"requestId":"1-req"`) {
				t.Errorf("want one log record with the panic, its stack and the request id, got:\n%s", log)
			}
		}
		t.Run(name+"/HTTP", func(t *testing.T) {
			var log bytes.Buffer
			result, err := invoke(ctx, f(&log), read(t, "http-documented.json"))
			if err != nil {
				t.Fatal(err)
			}
			want := `{"statusCode":500,"headers":{"Cache-Control":"no-store","Content-Language":"en","Content-Type":"application/problem+json","X-Frame-Options":"DENY"},"isBase64Encoded":false,` +
				`"body":"{\"type\":\"/problems/internal\",\"title\":\"Something went wrong here\",\"status\":500,\"requestId\":\"1-req\",` +
				`\"hint\":\"Give the request id to whoever runs this function.\",\"retryable\":false}"}`
			if string(result) != want {
				t.Errorf("got  %s\nwant %s", result, want)
			}
			logged(t, &log)
		})
		t.Run(name+"/HEAD", func(t *testing.T) {
			var log bytes.Buffer
			result, err := invoke(ctx, f(&log), event{Method: "head", Path: "/"}.encode(t))
			if err != nil {
				t.Fatal(err)
			}
			if a := parseAnswer(t, result); *a.StatusCode != 500 || *a.Body != "" {
				t.Errorf("got %s", result)
			}
		})
		for _, file := range []string{"timer-documented.json", "cloudevents-array.json", "direct-upper-case.json"} {
			t.Run(name+"/"+file, func(t *testing.T) {
				var log bytes.Buffer
				result, err := invoke(ctx, f(&log), read(t, file))
				if result != nil || err != trigger.InvocationError("internal error, request id 1-req") {
					t.Errorf("got %s, %v", result, err)
				}
				logged(t, &log)
			})
		}
		t.Run(name+"/Context", func(t *testing.T) {
			var log bytes.Buffer
			f := f(&log)
			f.Context = func(context.Context, *fccontext.FcContext) context.Context { panic(value) }
			result, err := invoke(ctx, f, read(t, "http-documented.json"))
			if err != nil || *parseAnswer(t, result).StatusCode != 500 {
				t.Errorf("got %s, %v", result, err)
			}
			logged(t, &log)
		})
	}
}

func TestContextReachesHandlers(t *testing.T) {
	type key struct{}
	var saw []any
	see := func(ctx context.Context) { saw = append(saw, ctx.Value(key{})) }
	f := &trigger.Function{
		HTTP:        http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { see(r.Context()) }),
		Direct:      func(ctx context.Context, _ trigger.Direct) (any, error) { see(ctx); return nil, nil },
		CloudEvents: func(ctx context.Context, _ []trigger.CloudEvent) (any, error) { see(ctx); return nil, nil },
		Timer:       func(ctx context.Context, _ trigger.Timer) (any, error) { see(ctx); return nil, nil },
		Context: func(ctx context.Context, fc *fccontext.FcContext) context.Context {
			return context.WithValue(ctx, key{}, fc.Credentials.AccessKeyId)
		},
		Log: slog.New(slog.DiscardHandler),
	}
	files := []string{"http-documented.json", "direct-upper-case.json", "cloudevents-array.json", "timer-documented.json"}
	fc := &fccontext.FcContext{Credentials: fccontext.Credentials{AccessKeyId: "STS.x"}}
	for _, ctx := range []context.Context{fccontext.NewContext(t.Context(), fc), t.Context()} {
		for _, file := range files {
			if _, err := f.Invoke(ctx, read(t, file)); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := []any{"STS.x", "STS.x", "STS.x", "STS.x", nil, nil, nil, nil}
	if !reflect.DeepEqual(saw, want) {
		t.Errorf("handlers saw %v, want %v", saw, want)
	}
}

// TestRepeatedHTTPEventIsNotServed: only an asynchronous invocation is tried
// again, and an HTTP request is none unless its caller made it one.
func TestRepeatedHTTPEventIsNotServed(t *testing.T) {
	for _, test := range []struct {
		file    string
		retries int
		served  bool
	}{
		{"http-browser.json", 0, true},
		{"http-browser.json", 1, false},
		{"http-base64-body.json", 8, false},
		{"timer-documented.json", 1, true},
		{"cloudevent-eventbridge.json", 1, true},
		{"direct-everything.json", 8, true},
	} {
		t.Run(fmt.Sprintf("%s, attempt %d", test.file, test.retries), func(t *testing.T) {
			r := newRecorder()
			ctx := fccontext.NewContext(t.Context(), &fccontext.FcContext{RequestID: "1-req", RetryCount: test.retries})
			result, err := r.Invoke(ctx, read(t, test.file))
			if err != nil || (len(r.got) == 1) != test.served {
				t.Fatalf("error %v, served %d times; want served: %t", err, len(r.got), test.served)
			}
			if test.served {
				return
			}
			a := parseAnswer(t, result)
			if *a.StatusCode != http.StatusBadRequest || a.Headers["Content-Type"] != "application/problem+json" ||
				!strings.Contains(*a.Body, `"type":"/problems/invalid"`) || !strings.Contains(*a.Body, `"requestId":"1-req"`) {
				t.Errorf("got %s", result)
			}
		})
	}
}

func TestPassedDeadlineStillGetsAnAnswer(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	r := newRecorder()
	result, err := r.Invoke(ctx, read(t, "http-documented.json"))
	if err != nil || *parseAnswer(t, result).StatusCode != http.StatusOK {
		t.Errorf("got %s, %v", result, err)
	}
	if r.only(t).(*http.Request).Context().Err() == nil {
		t.Error("the handler does not see that the deadline has passed")
	}
}

func TestTimeIsKeptForTheAnswer(t *testing.T) {
	for _, test := range []struct {
		name            string
		left, least, to time.Duration // the handler's time: at least, at most
	}{
		{"much", time.Minute, 58 * time.Second, 59 * time.Second},
		{"little", 2 * time.Second, time.Second, 1500 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), test.left)
			defer cancel()
			r := newRecorder()
			if _, err := r.Invoke(ctx, read(t, "http-documented.json")); err != nil {
				t.Fatal(err)
			}
			deadline, _ := r.only(t).(*http.Request).Context().Deadline()
			if left := time.Until(deadline); left < test.least || left > test.to {
				t.Errorf("the handler has %v, want %v to %v", left, test.least, test.to)
			}
		})
	}
}
