package main

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxDestinations bounds what is remembered of either kind.
const maxDestinations = 1000

// What became of an asynchronous invocation, in FC's manner: only the names of
// other conditions are published.
const (
	success          = "Success"
	retriesExhausted = "RetriesExhausted"
	eventAgeExceeded = "EventAgeExceeded"
)

// functionARN is the function's name in all of Alibaba Cloud.
const functionARN = "acs:fc:" + functionRegion + ":" + accountID + ":functions/" + functionName

// A destination is what FC sends where the outcome of an asynchronous
// invocation is wanted.
type destination struct {
	Timestamp       int64              `json:"timestamp"` // milliseconds
	RequestContext  destinationRequest `json:"requestContext"`
	RequestPayload  string             `json:"requestPayload"`
	ResponseContext destinationResult  `json:"responseContext"`
	ResponsePayload string             `json:"responsePayload"`
}

// A destinationRequest is the part of a destination about the invocation.
type destinationRequest struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"`
	InvokeCount int    `json:"approximateInvokeCount"`
}

// A destinationResult is the part of a destination about its last attempt.
type destinationResult struct {
	StatusCode    int    `json:"statusCode"` // 200 whatever became of the function; 0: it never ran
	FunctionError string `json:"functionError"`
}

func newDestination(e *queued, condition string, now time.Time) destination {
	d := destination{
		Timestamp:       now.UnixMilli(),
		RequestContext:  destinationRequest{RequestID: e.requestID, FunctionARN: functionARN, Condition: condition, InvokeCount: e.attempts},
		RequestPayload:  string(e.payload),
		ResponsePayload: string(e.last.payload),
	}
	if e.attempts > 0 {
		d.ResponseContext.StatusCode = http.StatusOK
	}
	if e.last.ending != succeeded {
		d.ResponseContext.FunctionError = unhandledError
	}
	return d
}

// destinations are the two places where outcomes go.
type destinations struct {
	mu        sync.Mutex
	onSuccess []destination // the oldest first
	onFailure []destination
}

func (d *destinations) add(added destination) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := &d.onFailure
	if added.RequestContext.Condition == success {
		list = &d.onSuccess
	}
	if len(*list) == maxDestinations {
		*list = slices.Delete(*list, 0, 1)
	}
	*list = append(*list, added)
}

func (d *destinations) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onSuccess, d.onFailure = nil, nil
}

// A destinationLists is what was sent to both places. Neither list is nil.
type destinationLists struct {
	OnSuccess []destination `json:"onSuccess"`
	OnFailure []destination `json:"onFailure"`
}

func (d *destinations) lists() destinationLists {
	d.mu.Lock()
	defer d.mu.Unlock()
	return destinationLists{append([]destination{}, d.onSuccess...), append([]destination{}, d.onFailure...)}
}

func (c *console) serveDestinations(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, c.queue.destinations.lists())
}

func (c *console) serveClearDestinations(w http.ResponseWriter, r *http.Request) {
	c.queue.destinations.clear()
	c.serveDestinations(w, r)
}
