package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
)

// What FC's API calls itself.
const (
	fcVersion      = "2023-03-30"
	invokeFunction = "InvokeFunction"
	invokeRight    = "fc:" + invokeFunction
)

// serveInvokeFunction is FC's own API: only who signs, and may, invokes the
// function by its name.
func (c *console) serveInvokeFunction(w http.ResponseWriter, r *http.Request) {
	payload, ok := readPayload(w, r)
	if !ok {
		return
	}
	if refusal := c.admit(r, payload); refusal != nil {
		requestID := invocationID(c.now())
		w.Header().Set("X-Fc-Request-Id", requestID)
		refusal.write(w, requestID)
		return
	}
	c.run(w, r, payload)
}

// admit returns why a call is refused, or nil.
func (c *console) admit(r *http.Request, payload []byte) *fcError {
	call, err := c.verifier.verifyPath(r, payload)
	if err != nil {
		if refusal, ok := errors.AsType[*apiError](err); ok {
			return &fcError{refusal.Status, refusal.Code, refusal.Message}
		}
		return &fcError{http.StatusBadRequest, "InvalidArgument", err.Error()}
	}
	name := r.PathValue("name")
	switch {
	case call.Action != invokeFunction || call.Version != fcVersion:
		return &fcError{http.StatusNotFound, "InvalidApi.NotFound", fmt.Sprintf("this path is that of %s, version %s", invokeFunction, fcVersion)}
	case !c.rights.has(invokeRight):
		return &fcError{http.StatusForbidden, "AccessDenied", fmt.Sprintf(
			"the caller is not authorized to perform '%s' on resource 'acs:fc:%s:%s:functions/%s'", invokeRight, functionRegion, accountID, name)}
	case name != functionName:
		return &fcError{http.StatusNotFound, "FunctionNotFound", fmt.Sprintf("function '%s' does not exist", name)}
	}
	return nil
}

// A rights are what the function's role may do: all that can be, but for what
// was taken away.
type rights struct {
	mu     sync.Mutex
	denied []string
}

func (r *rights) has(right string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !slices.Contains(r.denied, right)
}

// set gives a right, or takes it away.
func (r *rights) set(right string, given bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.denied = slices.DeleteFunc(r.denied, func(denied string) bool { return denied == right })
	if !given {
		r.denied = append(r.denied, right)
	}
}

func (c *console) serveRights(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]bool{invokeRight: c.rights.has(invokeRight)})
}

// serveChangeRights allows or denies what the query says.
func (c *console) serveChangeRights(w http.ResponseWriter, r *http.Request) {
	allow, deny := r.URL.Query().Get("allow"), r.URL.Query().Get("deny")
	right := cmp.Or(allow, deny)
	if right != invokeRight || allow != "" && deny != "" {
		badRequest(w, fmt.Errorf("allow or deny must be %s", invokeRight))
		return
	}
	c.rights.set(right, allow != "")
	c.serveRights(w, r)
}
