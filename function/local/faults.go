package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// hugeSize is far more than any client of this API should read.
	hugeSize = 64 << 20
	// defaultThrottle is how long a throttled caller is told to wait.
	defaultThrottle = 500
)

// A fault is a way in which the stand-in shall misbehave, after it checked the signature.
type fault struct {
	Kind   string `json:"kind"`
	Action string `json:"action,omitempty"` // only this one's calls
	Count  int    `json:"count,omitempty"`  // calls left; 0: until cleared
	Millis int    `json:"ms,omitempty"`     // the delay of slow, the TimeLeft of throttle400
}

// check returns an error for a kind of fault that there is not.
func (f fault) check() error {
	if faultKinds[f.Kind] == nil {
		return fmt.Errorf("kind %q: it must be one of %v", f.Kind, slices.Sorted(maps.Keys(faultKinds)))
	}
	return nil
}

// left is how often the fault is still met.
func (f *fault) left() *int { return &f.Count }

// A faultList holds the faults that are on. The first that fits is used.
type faultList[F any, P interface {
	*F
	left() *int // 0: until cleared
}] struct {
	mu     sync.Mutex
	faults []F
}

func (l *faultList[F, P]) add(f F) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, f)
}

func (l *faultList[F, P]) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = nil
}

// active returns the faults that are on, never nil.
func (l *faultList[F, P]) active() []F {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]F{}, l.faults...)
}

// take returns the first fault that fits, and counts that it was met. Without
// one it is the zero value.
func (l *faultList[F, P]) take(fits func(F) bool) F {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.faults, fits)
	if i < 0 {
		var none F
		return none
	}
	taken := l.faults[i]
	switch left := P(&l.faults[i]).left(); *left {
	case 0:
	case 1:
		l.faults = slices.Delete(l.faults, i, i+1)
	default:
		*left--
	}
	return taken
}

// A faultyCall is a call that meets a fault, with the reply it would have had.
type faultyCall struct {
	fault    fault
	cloudSSO *cloudSSO
	writer   http.ResponseWriter
	request  *http.Request
	call     signedCall
	answer   document // nil when the call is refused anyway
	reply    apiReply
}

// faultKinds are all faults by name.
var faultKinds = map[string]func(*faultyCall) apiReply{
	"throttle400":    (*faultyCall).throttle,
	"throttle429":    refusal(http.StatusTooManyRequests, "Throttling", "Request was denied due to request throttling."),
	"unknownkey":     refusal(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found."),
	"expiredtoken":   refusal(http.StatusBadRequest, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired."),
	"wrongdirectory": refusal(http.StatusNotFound, "EntityNotExists.Directory", "The directory does not exist."),
	"unavailable":    refusal(http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
	"error500":       refusal(http.StatusInternalServerError, "InternalError", "The request processing has failed due to some unknown error."),
	"nopermission":   (*faultyCall).denyPermission,
	"nonceused":      refusal(http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already."),
	"badsignature":   func(c *faultyCall) apiReply { return c.refuse(signatureMismatch(c.call)) },
	"html":           (*faultyCall).answerHTML,
	"cut":            (*faultyCall).cut,
	"nostatus":       (*faultyCall).dropTask,
	"othertask":      setInTasks("TaskId", "t-sh0000000000000other"),
	"badtimes":       (*faultyCall).spoilTimes,
	"reset":          (*faultyCall).reset,
	"huge":           (*faultyCall).answerHuge,
	"stall":          (*faultyCall).stall,
	"slow":           (*faultyCall).slow,
}

func (c *faultyCall) refuse(err *apiError) apiReply {
	return c.cloudSSO.reply(c.request, nil, err)
}

// refusal returns a fault that is a plain error of the API.
func refusal(status int, code, message string) func(*faultyCall) apiReply {
	return func(c *faultyCall) apiReply {
		return c.refuse(&apiError{Status: status, Code: code, Message: message})
	}
}

func (c *faultyCall) throttle() apiReply {
	left := c.fault.Millis
	if left == 0 {
		left = defaultThrottle
	}
	header := make(http.Header)
	header.Set("X-Ratelimit-User-Api", fmt.Sprintf("Limit:100,Remain:0,TimeLeft:%d,Reset:%d", left, c.cloudSSO.now().Unix()+1))
	return c.refuse(&apiError{
		Status:  http.StatusBadRequest,
		Code:    "Throttling.User",
		Message: "Request was denied due to user flow control.",
		Header:  header,
	})
}

func (c *faultyCall) denyPermission() apiReply {
	return c.refuse(&apiError{
		Status:  http.StatusForbidden,
		Code:    "NoPermission",
		Message: "You are not authorized to do this action.",
		Denied: map[string]string{
			"AuthAction":               "cloudsso:" + c.call.Action,
			"AuthPrincipalDisplayName": "task-status-role",
			"AuthPrincipalOwnerId":     accountID,
			"AuthPrincipalType":        "AssumedRoleUser",
			"EncodedDiagnosticMessage": "AQIBIAAAAOPz",
			"NoPermissionType":         "ImplicitDeny",
			"PolicyType":               "AccountLevelIdentityBasedPolicy",
		},
	})
}

func (c *faultyCall) answerHTML() apiReply {
	return apiReply{
		status: http.StatusBadGateway,
		header: http.Header{"Content-Type": {"text/html"}},
		body:   []byte("<html>\n<head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body>\n</html>\n"),
	}
}

func (c *faultyCall) cut() apiReply {
	c.reply.body = c.reply.body[:len(c.reply.body)/2]
	return c.reply
}

func (c *faultyCall) dropTask() apiReply {
	return c.change(func(answer document) {
		delete(answer, "TaskStatus")
		delete(answer, "Task")
		delete(answer, "Tasks")
	})
}

func (c *faultyCall) spoilTimes() apiReply {
	setInTasks("StartTime", "yesterday")(c)
	return setInTasks("EndTime", "2021-11-05 02:58")(c)
}

// setInTasks returns a fault that sets a member of every task in the answer.
func setInTasks(member, value string) func(*faultyCall) apiReply {
	return func(c *faultyCall) apiReply {
		return c.change(func(answer document) {
			for _, name := range []string{"TaskStatus", "Task"} {
				if single, ok := answer[name].(map[string]any); ok {
					single[member] = value
				}
			}
			several, _ := answer["Tasks"].([]map[string]any)
			for _, single := range several {
				single[member] = value
			}
		})
	}
}

// change spoils a good answer; a refusal is left as it is.
func (c *faultyCall) change(spoil func(document)) apiReply {
	if c.answer == nil {
		return c.reply
	}
	spoil(c.answer)
	return c.cloudSSO.reply(c.request, c.answer, nil)
}

func (c *faultyCall) reset() apiReply {
	resetConnection(c.writer)
	return apiReply{}
}

// resetConnection ends a connection in the middle of a request.
func resetConnection(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		tcp.SetLinger(0) // closing sends RST, not FIN
	}
	connection.Close()
}

// answerHuge sends the answer behind 64 MiB of another member's value.
func (c *faultyCall) answerHuge() apiReply {
	maps.Copy(c.writer.Header(), c.reply.header)
	c.writer.WriteHeader(c.reply.status)
	io.WriteString(c.writer, `{"Padding":"`)
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	for range hugeSize / len(chunk) {
		if _, err := c.writer.Write(chunk); err != nil {
			break // the client had enough
		}
	}
	c.writer.Write(append([]byte(`",`), c.reply.body[1:]...))
	c.reply.sent = true
	return c.reply
}

// stall answers nothing until the client goes away.
func (c *faultyCall) stall() apiReply {
	select {
	case <-c.request.Context().Done():
	case <-c.cloudSSO.closing:
	}
	return apiReply{}
}

func (c *faultyCall) slow() apiReply {
	select {
	case <-time.After(time.Duration(c.fault.Millis) * time.Millisecond):
		return c.reply
	case <-c.request.Context().Done():
	case <-c.cloudSSO.closing:
	}
	return apiReply{}
}
