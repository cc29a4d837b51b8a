package trigger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"taskstatus/function/task"
)

// A Posting is what somebody posted to an address of ours: CloudEvents, or a
// direct question. Exactly one is set. A batch may have no events: then
// CloudEvents is empty, but not nil.
type Posting struct {
	CloudEvents []CloudEvent
	Direct      *Direct
	// Event is the same as an invocation carries it, made here of what was read
	// and of nothing else: Function.Invoke takes it for the very same events, or the very
	// same question, whatever else the sender wrote. It is an object, an array
	// where there are several events, and nil where there are none.
	Event []byte
}

// The media types of the JSON event format (CloudEvents 1.0.2, "JSON Event
// Format", sections 3 and 4.2). Others that begin with cloudEventsType
// announce an event format that is not known here.
const (
	cloudEventsType = "application/cloudevents"
	structuredType  = cloudEventsType + "+json"
	batchType       = cloudEventsType + "-batch+json"
	jsonType        = "application/json"
)

// specVersion is the version of CloudEvents that there is; 1.0.2 calls itself so too.
const specVersion = "1.0"

// The names of the JSON event format (CloudEvents 1.0.2, "Required attributes",
// "Optional attributes", and "JSON Event Format", section 3.1). An event may have
// more attributes: extensions.
var (
	requiredAttributes = []string{"specversion", "id", "source", "type"}
	optionalAttributes = []string{"subject", "time", "datacontenttype", "dataschema"}
	dataMembers        = []string{"data", "data_base64"}
)

// ParsePosting reads the header and body of an HTTP request. It takes what the
// CloudEvents HTTP Protocol Binding 1.0.2 describes: one event in binary mode
// (ce-* headers) or structured mode, or a batch. It also takes plain JSON: what an
// invocation may carry, except what only Function Compute or the function itself
// sends. It holds the events to the specification, unlike Function.Invoke, which
// has them from EventBridge. What is not known to be an attribute is left out.
//
// The error is a *task.Error of the kind task.Invalid, in both languages. No
// header but Content-Type and ce-* matters.
func ParsePosting(header http.Header, body []byte) (Posting, error) {
	if len(header.Values("Content-Type")) > 1 {
		return Posting{}, invalidPosting(task.Text{En: "there is more than one Content-Type", Zh: "Content-Type 不止一个"})
	}
	contentType := header.Get("Content-Type")
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch {
	case media == structuredType:
		return postedStructured(body)
	case media == batchType:
		return postedArray(body, false)
	case strings.HasPrefix(media, cloudEventsType):
		return Posting{}, invalidPosting(task.Text{
			En: "the event format %.80q is not known: send %s or %s",
			Zh: "不支持事件格式 %.80q：请使用 %s 或 %s",
		}, media, structuredType, batchType)
	case isBinaryMode(header):
		return postedBinary(header, contentType, media, body)
	case media == jsonType:
		return postedJSON(body)
	}
	return Posting{}, invalidPosting(task.Text{
		En: "the Content-Type %.80q is not known: send a CloudEvent (%s, %s, or ce-* headers) or %s",
		Zh: "不支持 Content-Type %.80q：请发送 CloudEvent（%s、%s 或 ce-* 请求头）或 %s",
	}, contentType, structuredType, batchType, jsonType)
}

// invalidPosting returns an error about a request, for the HTTP client that sent it.
func invalidPosting(detail task.Text, args ...any) error {
	return task.Errorf(task.Invalid, detail, args...)
}

// inChinese gives an error that the function's own invocations have, which are
// told of in English only, a Chinese text.
func inChinese(err error) error {
	if e, ok := errors.AsType[*task.Error](err); ok && e.Detail.Zh == "" {
		e.Detail.Zh = "请求体有误：" + e.Detail.En
	}
	return err
}

var notJSON = task.Text{En: "the body is empty or not JSON in UTF-8", Zh: "请求体为空，或不是 UTF-8 编码的 JSON"}

// isJSON reports whether the body is JSON to everybody: in UTF-8 (RFC 8259, section 8.1).
func isJSON(body []byte) bool { return json.Valid(body) && utf8.Valid(body) }

// isBinaryMode reports whether the headers are those of an event: any that
// every event has will do, so that whoever leaves one out is told which.
func isBinaryMode(header http.Header) bool {
	for name := range header {
		if attribute, ok := ceAttribute(name); ok && slices.Contains(requiredAttributes, attribute) {
			return true
		}
	}
	return false
}

// ceAttribute returns the name of the attribute that a header has the value of.
func ceAttribute(header string) (string, bool) {
	return strings.CutPrefix(strings.ToLower(header), "ce-")
}

// postedBinary reads an event in binary mode (CloudEvents HTTP Protocol Binding
// 1.0.2, section 3.1): the attributes are headers, the data is the body.
func postedBinary(header http.Header, contentType, media string, body []byte) (Posting, error) {
	event := make(object)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		attribute, ok := ceAttribute(name)
		if !ok || !isAttributeName(attribute) || len(header[name]) == 0 {
			continue
		}
		value, decoded := decodeHeader(header[name][0])
		_, again := event[attribute]
		switch {
		case again || len(header[name]) > 1:
			return Posting{}, invalidPosting(task.Text{En: "there is more than one header ce-%.40s", Zh: "请求头 ce-%.40s 不止一个"}, attribute)
		case attribute == "data" || attribute == "datacontenttype": // sections 3.1.1 and 3.1.2
			return Posting{}, invalidPosting(task.Text{
				En: "ce-%s cannot be a header: the data is the body, and its type the Content-Type",
				Zh: "不能使用请求头 ce-%s：数据在请求体中，其类型由 Content-Type 给出",
			}, attribute)
		case !decoded:
			return Posting{}, invalidPosting(task.Text{En: "the header ce-%.40s is not UTF-8", Zh: "请求头 ce-%.40s 不是 UTF-8 编码"}, attribute)
		}
		event[attribute] = mustEncode(value)
	}
	if contentType != "" {
		event["datacontenttype"] = mustEncode(contentType)
	}
	switch {
	case len(body) == 0:
	case strings.HasSuffix(media, "/json"), strings.HasSuffix(media, "+json"): // "JSON Event Format", section 3.1.1
		if !isJSON(body) {
			return Posting{}, invalidPosting(notJSON)
		}
		event["data"] = body
	case isUTF8Text(contentType) && utf8.Valid(body):
		event["data"] = mustEncode(string(body))
	default:
		event["data_base64"] = mustEncode(body)
	}
	event, err := conforming(event)
	if err != nil {
		return Posting{}, err
	}
	return postedEvents([]any{event})
}

// isUTF8Text reports whether a media type is text of which a JSON string can be made.
func isUTF8Text(contentType string) bool {
	media, parameters, err := mime.ParseMediaType(contentType)
	switch charset := strings.ToLower(parameters["charset"]); charset {
	case "", "utf-8", "us-ascii":
		return err == nil && strings.HasPrefix(media, "text/")
	}
	return false
}

// decodeHeader decodes the value of a ce-* header (CloudEvents HTTP Protocol
// Binding 1.0.2, section 3.1.3.2): what is quoted is unquoted, and then what is
// percent-encoded is decoded, once. Some SDKs encode nothing, so other bytes stay
// as they are, as does a percent sign without two digits after it. It reports
// whether the value is UTF-8.
func decodeHeader(value string) (string, bool) {
	var unquoted strings.Builder
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(value):
			i++
			unquoted.WriteByte(value[i])
		default:
			unquoted.WriteByte(c)
		}
	}
	value = unquoted.String()

	var decoded strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			if s, err := url.PathUnescape(value[i : i+3]); err == nil {
				decoded.WriteString(s)
				i += 2
				continue
			}
		}
		decoded.WriteByte(value[i])
	}
	return decoded.String(), utf8.ValidString(decoded.String())
}

// postedStructured reads one event in structured mode (CloudEvents HTTP Protocol Binding 1.0.2, section 3.2).
func postedStructured(body []byte) (Posting, error) {
	if !isJSON(body) {
		return Posting{}, invalidPosting(notJSON)
	}
	event := parseObject(body)
	if event == nil {
		return Posting{}, invalidPosting(task.Text{En: "the body is not a JSON object", Zh: "请求体不是 JSON 对象"})
	}
	event, err := conforming(event)
	if err != nil {
		return Posting{}, err
	}
	return postedEvents([]any{event})
}

// postedArray reads a batch (CloudEvents HTTP Protocol Binding 1.0.2, section 3.3)
// or, where it is lenient, an array as an invocation may carry it: with
// events as text, and events of ActionTrail without an envelope, but not without any.
func postedArray(body []byte, lenient bool) (Posting, error) {
	if !isJSON(body) {
		return Posting{}, invalidPosting(notJSON)
	}
	var items []json.RawMessage
	if json.Unmarshal(body, &items) != nil || items == nil {
		return Posting{}, invalidPosting(task.Text{En: "the body is not a JSON array", Zh: "请求体不是 JSON 数组"})
	}
	if lenient && len(items) == 0 {
		return Posting{}, invalidPosting(task.Text{En: "the array is empty", Zh: "数组为空"})
	}
	events := make([]any, len(items))
	for i, item := range items {
		var text string
		if lenient && json.Unmarshal(item, &text) == nil {
			item = json.RawMessage(text)
		}
		o := parseObject(item)
		var err error
		switch {
		case o == nil, lenient && !o.isCloudEvent():
			err = invalidPosting(task.Text{En: "it is not a CloudEvent", Zh: "不是 CloudEvent"})
		case lenient:
			events[i], err = conformingOrBare(item, o)
		default:
			events[i], err = conforming(o)
		}
		if e, ok := errors.AsType[*task.Error](err); ok {
			return Posting{}, invalidPosting(task.Text{En: "item %[1]d of the array: %[2]s", Zh: "数组第 %[1]d 项（从 0 起）：%[3]s"}, i, e.Detail.En, e.Detail.Zh)
		}
	}
	return postedEvents(events)
}

// postedJSON reads plain JSON, which says by its fields what it is. See classify.
func postedJSON(body []byte) (Posting, error) {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		return postedArray(body, true)
	}
	if !isJSON(body) {
		return Posting{}, invalidPosting(notJSON)
	}
	top := parseObject(body)
	switch {
	case top == nil:
		return Posting{}, invalidPosting(task.Text{En: "the body is neither a JSON object nor an array", Zh: "请求体既不是 JSON 对象，也不是数组"})
	case top.isHTTP():
		return Posting{}, invalidPosting(task.Text{
			En: "an HTTP trigger event comes from Function Compute alone",
			Zh: "HTTP 触发器事件只能由函数计算发送",
		})
	case top.isCloudEvent():
		event, err := conformingOrBare(body, top)
		if err != nil {
			return Posting{}, err
		}
		return postedEvents([]any{event})
	case top.isTimer():
		return Posting{}, invalidPosting(task.Text{
			En: "a timer event comes from Function Compute alone",
			Zh: "定时触发器事件只能由函数计算发送",
		})
	case top.isDirect():
		return postedDirect(body, top)
	}
	return Posting{}, invalidPosting(task.Text{
		En: `the body has %s: expected a CloudEvent or an array of them, or a question such as {"taskId":"t-…"}`,
		Zh: `请求体包含 %s：应为 CloudEvent 或其数组，或形如 {"taskId":"t-…"} 的查询`,
	}, top.describe())
}

// isHTTP reports whether classify might take the object for an HTTP trigger event, of any version.
func (o object) isHTTP() bool {
	for name, value := range o {
		var version string
		if strings.EqualFold(name, "version") && json.Unmarshal(value, &version) == nil && version == httpVersion {
			return true
		}
	}
	return o.hasAny(httpFields...)
}

// postedDirect reads a direct question. What says where the outcome is awaited, and
// what asks for sample messages, would let the sender speak in the function's name; and
// what is wrong with the function is the operator's to know.
func postedDirect(body []byte, top object) (Posting, error) {
	for _, name := range []string{"reply", "notifyTest", "doctor", "ping"} {
		if top.has(name) {
			return Posting{}, invalidPosting(task.Text{En: "%q is not for others to send", Zh: "外部请求不能使用 %q"}, name)
		}
	}
	d, err := parseDirect(body)
	if err != nil {
		return Posting{}, inChinese(err)
	}
	event := mustEncode(struct {
		Directory task.DirectoryID `json:"directoryId,omitzero"`
		IDs       []task.ID        `json:"taskIds"`
		Wait      float64          `json:"wait,omitzero"`
		Notify    bool             `json:"notify,omitzero"`
	}{d.Directory, d.IDs, d.Wait.Seconds(), d.Notify})
	// Read again, for the two to agree to the last nanosecond of the wait.
	if d, err = parseDirect(event); err != nil {
		return Posting{}, inChinese(err)
	}
	return Posting{Direct: &d, Event: event}, nil
}

// postedEvents makes a Posting of events that encode to JSON. Its CloudEvents
// are read from its Event, so that the two are the same.
func postedEvents(events []any) (Posting, error) {
	if len(events) == 0 {
		return Posting{CloudEvents: []CloudEvent{}}, nil
	}
	var all any = events
	if len(events) == 1 {
		all = events[0]
	}
	tooDeep := task.Text{En: "the event cannot be passed on: it may be nested too deeply", Zh: "事件无法传递：嵌套可能过深"}
	event, err := encode(all)
	if err != nil {
		return Posting{}, invalidPosting(tooDeep)
	}
	ev, _ := classify(event)
	read, ok := ev.([]CloudEvent)
	if !ok || len(read) != len(events) {
		return Posting{}, invalidPosting(tooDeep)
	}
	return Posting{CloudEvents: read, Event: event}, nil
}

// conformingOrBare is conforming for what may also be an event of ActionTrail without an envelope.
func conformingOrBare(item json.RawMessage, o object) (any, error) {
	if o.isEnvelope() {
		return conforming(o)
	}
	// On its own it would pass for an HTTP trigger event.
	if o.isHTTP() {
		return nil, invalidPosting(task.Text{En: "the event has fields of an HTTP trigger event", Zh: "事件包含 HTTP 触发器事件的字段"})
	}
	if _, err := parseActionTrailEvent(item); err != nil {
		return nil, inChinese(err)
	}
	return item, nil
}

// conforming returns the event if it conforms to CloudEvents 1.0.2, with the
// names as they are there: lower-case. Left out is what is unset, what is no
// attribute (its name or value is none), and extensions that are named like a
// field of FC's own, by which classify would take the event for an HTTP trigger event.
func conforming(o object) (object, error) {
	event := make(object, len(o))
	for _, name := range slices.Sorted(maps.Keys(o)) {
		value, lower := o[name], strings.ToLower(name)
		switch isNull := string(value) == "null"; {
		case isNull && lower != "data": // "JSON Event Format", section 2.2
		case slices.Contains(requiredAttributes, lower), slices.Contains(optionalAttributes, lower), slices.Contains(dataMembers, lower):
			if event[lower] != nil {
				return nil, invalidPosting(task.Text{En: "the CloudEvent has %q twice", Zh: "CloudEvent 中 %q 出现了两次"}, lower)
			}
			event[lower] = value
		case isAttributeName(name) && isAttributeValue(value) && !isHTTPField(name):
			event[name] = value
		}
	}
	for _, name := range requiredAttributes {
		text, err := event.attribute(name)
		switch {
		case err != nil:
			return nil, err
		case strings.TrimSpace(text) == "":
			return nil, invalidPosting(task.Text{En: "the CloudEvent has no %q", Zh: "CloudEvent 缺少 %q"}, name)
		case name == "specversion" && text != specVersion:
			return nil, invalidPosting(task.Text{
				En: "the CloudEvent is of version %.40q: only %q is known",
				Zh: "CloudEvent 的版本为 %.40q：仅支持 %q",
			}, text, specVersion)
		case name == "source":
			if _, err := url.Parse(text); err != nil {
				return nil, malformed(name, "a URI reference", "URI 引用")
			}
		}
	}
	for _, name := range optionalAttributes {
		if event[name] == nil {
			continue
		}
		text, err := event.attribute(name)
		if err != nil {
			return nil, err
		}
		switch name {
		case "subject":
			if strings.TrimSpace(text) == "" {
				return nil, invalidPosting(task.Text{En: "%q is empty: leave it out", Zh: "%q 为空：请删除该属性"}, name)
			}
		case "time":
			if json.Unmarshal(event[name], new(time.Time)) != nil {
				return nil, malformed(name, "an RFC 3339 time", "RFC 3339 时间")
			}
		case "datacontenttype":
			if _, _, err := mime.ParseMediaType(text); err != nil {
				return nil, malformed(name, "a media type", "媒体类型")
			}
		case "dataschema":
			if u, err := url.Parse(text); err != nil || !u.IsAbs() {
				return nil, malformed(name, "a URI", "URI")
			}
		}
	}
	if event["data"] != nil && event["data_base64"] != nil { // "JSON Event Format", section 3.1.1
		return nil, invalidPosting(task.Text{En: "the CloudEvent has both %q and %q", Zh: "CloudEvent 同时包含 %q 和 %q"}, "data", "data_base64")
	}
	if data := event["data_base64"]; data != nil {
		var decoded []byte
		if json.Unmarshal(data, &decoded) != nil || data[0] != '"' {
			return nil, malformed("data_base64", "base64", "base64 文本")
		}
	}
	return event, nil
}

// malformed says that an attribute is not what it has to be.
func malformed(name, en, zh string) error {
	return invalidPosting(task.Text{En: "%[1]q is not %[2]s", Zh: "%[1]q 不是%[3]s"}, name, en, zh)
}

// attribute returns the text of an attribute, "" where it is not set.
func (o object) attribute(name string) (string, error) {
	var text string
	switch value := o[name]; {
	case value == nil:
	case json.Unmarshal(value, &text) != nil:
		return "", malformed(name, "a string", "字符串")
	case strings.ContainsFunc(text, unicode.IsControl): // "Type System"
		return "", invalidPosting(task.Text{En: "%q has control characters", Zh: "%q 含有控制字符"}, name)
	}
	return text, nil
}

// isAttributeName reports whether an attribute can have the name (CloudEvents 1.0.2, "Naming Conventions").
func isAttributeName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// isAttributeValue reports whether an extension can have the value: a string, a
// boolean or an integer of 32 bits ("JSON Event Format", section 2.2).
func isAttributeValue(value json.RawMessage) bool {
	return slices.ContainsFunc([]any{new(string), new(bool), new(int32)}, func(v any) bool { return json.Unmarshal(value, v) == nil })
}

// isHTTPField reports whether a name is one that tells an HTTP trigger event.
func isHTTPField(name string) bool {
	return slices.ContainsFunc(append([]string{"version"}, httpFields...), func(field string) bool { return strings.EqualFold(field, name) })
}

// mustEncode encodes what JSON can always express.
func mustEncode(v any) json.RawMessage {
	data, err := encode(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return data
}
