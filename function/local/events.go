package main

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// What events tell of the tasks that are created.
const (
	eventsOff      = "off" // there are none
	eventsOn       = "on"
	eventsNoTaskID = "no-task-id" // of the request, and not of the answer
)

var eventModes = []string{eventsOff, eventsOn, eventsNoTaskID}

// maxEventCopies bounds how often an event is delivered.
const maxEventCopies = 100

// An eventBus stands in for ActionTrail and EventBridge: it tells the function
// of each call that created a task.
type eventBus struct {
	now  func() time.Time
	send func(payload []byte) error // for asynchronous invocation
	log  io.Writer

	mu    sync.Mutex
	state eventState
}

// An eventState is what one can see of the events.
type eventState struct {
	Mode   string `json:"mode"`
	Copies int    `json:"copies"` // deliveries of each event, all with the same source and id
	Events int    `json:"events"` // so far, each counted once
}

func newEventBus(mode string, now func() time.Time, send func([]byte) error, logTo io.Writer) *eventBus {
	return &eventBus{now: now, send: send, log: logTo, state: eventState{Mode: mode, Copies: 1}}
}

func (b *eventBus) current() eventState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// set changes what events tell, and how often each comes.
func (b *eventBus) set(mode string, copies int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.Mode, b.state.Copies = mode, copies
}

// created tells of a call that created tasks: what it asked for, and what it
// was answered.
func (b *eventBus) created(action string, parameters map[string]string, answer document) {
	b.mu.Lock()
	state := b.state
	if state.Mode != eventsOff {
		b.state.Events++
	}
	b.mu.Unlock()
	data := map[string]any{"eventName": action, "requestParameters": parameters}
	switch state.Mode {
	case eventsOff:
		return
	case eventsOn:
		data["responseElements"] = answer
		data["requestId"] = answer["RequestId"]
	}
	payload := marshalEvent(actionTrailEvent(data, b.now()))
	if len(payload) > maxAsyncPayload {
		fmt.Fprintf(b.log, "event of %s: it is larger than 128 KB\n", action)
		return
	}
	for range state.Copies {
		if err := b.send(payload); err != nil {
			fmt.Fprintf(b.log, "event of %s: %v\n", action, err)
		}
	}
}

// actionTrailEvent puts data into the envelope that EventBridge gives an
// ActionTrail event of CloudSSO, and adds what the data lacks.
func actionTrailEvent(data map[string]any, now time.Time) map[string]any {
	china := now.In(time.FixedZone("PRC", 8*60*60))
	full := map[string]any{
		"eventId":         newRequestID(),
		"eventVersion":    1,
		"eventRW":         "Write",
		"eventType":       "ApiCall",
		"eventName":       createAssignment,
		"eventSource":     "cloudsso.cn-shanghai.aliyuncs.com",
		"eventTime":       now.UTC().Format(timeLayout),
		"acsRegion":       "cn-shanghai",
		"serviceName":     "CloudSSO",
		"requestId":       newRequestID(),
		"sourceIpAddress": "127.0.0.1",
		"userAgent":       "curl",
		"userIdentity":    map[string]any{"type": "ram-user", "userName": "Alice", "accountId": accountID},
		"isGlobal":        false,
	}
	maps.Copy(full, data)
	return map[string]any{
		"specversion":        "1.0",
		"id":                 strings.ToLower(rand.Text()),
		"source":             "acs.cloudsso",
		"type":               "cloudsso:ActionTrail:ApiCall",
		"subject":            "acs:cloudsso:cn-shanghai:" + accountID,
		"datacontenttype":    "application/json;charset=utf-8",
		"time":               china.Format(time.RFC3339),
		"aliyunaccountid":    accountID,
		"aliyunpublishtime":  china.Format("2006-01-02T15:04:05.000MST"), // not RFC 3339, as the real one
		"aliyuneventbusname": "default",
		"aliyunregionid":     "cn-shanghai",
		"data":               full,
	}
}

func marshalEvent(event map[string]any) []byte {
	payload, err := json.Marshal(event)
	if err != nil {
		log.Panicf("marshal an event: %v", err) // it came from JSON, or holds plain values only
	}
	return payload
}

// creatorParameters are what the creators take, as far as an event tells it.
var creatorParameters = []string{"DirectoryId", "AccessConfigurationId", "PrincipalType", "PrincipalId", "TargetType", "TargetId"}

// parametersOf returns what a creator was asked for.
func parametersOf(call signedCall) map[string]string {
	parameters := make(map[string]string)
	for _, name := range creatorParameters {
		if value := call.Params.Get(name); value != "" {
			parameters[name] = value
		}
	}
	return parameters
}

// parametersFor returns what a creator would have been asked for to make a task.
func parametersFor(t simulatedTask) map[string]string {
	parameters := map[string]string{"DirectoryId": t.directory}
	subject := t.subject()
	for _, name := range creatorParameters {
		if value, ok := subject[name].(string); ok {
			parameters[name] = value
		}
	}
	return parameters
}

// ordered tells of tasks that an order made together, and was answered with: as
// of one call, but of one for each assignment, as no call makes several.
func (b *eventBus) ordered(taskType string, created []simulatedTask, answer document) {
	if taskType != createAssignment && taskType != deleteAssignment || len(created) == 1 {
		b.created(taskType, parametersFor(created[0]), answer)
		return
	}
	for one := range slices.Chunk(created, 1) {
		answer := createdDocument(taskType, one)
		answer["RequestId"] = newRequestID()
		b.created(taskType, parametersFor(one[0]), answer)
	}
}

func (c *console) serveEvents(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, c.events.current())
}

func (c *console) serveChangeEvents(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	current := c.events.current()
	mode := cmp.Or(query.Get("mode"), current.Mode)
	copies, err := numberParam(query, "copies", float64(current.Copies))
	switch {
	case err != nil:
	case !slices.Contains(eventModes, mode):
		err = fmt.Errorf("mode must be one of %v", eventModes)
	case copies < 1 || copies > maxEventCopies:
		err = fmt.Errorf("copies must be 1 to %d", maxEventCopies)
	}
	if err != nil {
		badRequest(w, err)
		return
	}
	c.events.set(mode, int(copies))
	c.serveEvents(w, r)
}

// serveEvent sends the posted event; data without an envelope is put into one.
func (c *console) serveEvent(w http.ResponseWriter, r *http.Request) {
	payload, ok := readPayload(w, r)
	if !ok {
		return
	}
	var data map[string]any
	if err := json.Unmarshal(payload, &data); err != nil || data == nil {
		badRequest(w, errors.New("the body must be a JSON object"))
		return
	}
	if _, ok := data["specversion"]; !ok {
		payload = marshalEvent(actionTrailEvent(data, c.now()))
	}
	c.run(w, r, payload)
}
