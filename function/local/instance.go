package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	runtimeAPI = "/2020-11-11/runtime/invocation/"
	// startLimit is how long a new process may take to ask for its first invocation.
	startLimit = 10 * time.Second
	// stopLimit is how long a process may take to end by itself.
	stopLimit = time.Second
	// maxResult bounds what a function may answer. FC documents no figure;
	// this is its figure for requests.
	maxResult = 32 << 20
)

// An invocation is one call of the function.
type invocation struct {
	requestID   string
	payload     []byte
	timeout     time.Duration
	retries     int // attempts before this one
	hook        int // the lifecycle hook that it is; 0: none
	wantsLog    bool
	credentials key
	deadline    time.Time
	ended       chan outcome // holds one, so that nobody need wait for it
}

// An ending is the way an invocation ended.
type ending int

const (
	succeeded ending = iota
	failed           // the function returned an error
	timedOut
	exited // the process ended first
)

// An outcome is how an invocation ended, and the function's answer or the
// description of its error.
type outcome struct {
	ending  ending
	payload []byte
	log     []byte // the end of it, where the caller wants that
}

// An instance is one process of the function and the runtime API that it
// polls. A function gives it one invocation at a time, as FC does with the
// runtime go1, though the SDK in it takes as many as come.
type instance struct {
	about   instanceSpec
	process *exec.Cmd
	server  *http.Server
	log     *logTail
	polls   chan chan *invocation
	exited  chan struct{}

	mu      sync.Mutex
	running map[string]*invocation // by request id
}

// An instanceSpec says what an instance runs and what the runtime API says about it.
type instanceSpec struct {
	binary  string
	environ []string
	log     io.Writer
}

// startInstance starts a process and returns without waiting for its first poll.
func startInstance(about instanceSpec) (*instance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the runtime API: %w", err)
	}
	i := &instance{
		about:   about,
		log:     &logTail{to: about.log},
		polls:   make(chan chan *invocation),
		exited:  make(chan struct{}),
		running: make(map[string]*invocation),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimeAPI+"next", i.serveNext)
	mux.HandleFunc("POST "+runtimeAPI+"{id}/response", func(w http.ResponseWriter, r *http.Request) { i.serveEnd(w, r, succeeded) })
	mux.HandleFunc("POST "+runtimeAPI+"{id}/error", func(w http.ResponseWriter, r *http.Request) { i.serveEnd(w, r, failed) })
	i.server = &http.Server{Handler: mux}
	go i.server.Serve(listener)

	i.process = exec.Command(about.binary)
	i.process.Dir = filepath.Dir(about.binary)
	i.process.Env = append(about.environ, "FC_RUNTIME_API="+listener.Addr().String())
	i.process.Stdout = i.log
	i.process.Stderr = i.log
	i.process.WaitDelay = stopLimit
	i.process.SysProcAttr = processAttributes()
	started := make(chan error)
	go func() {
		// The kernel ties a child to the thread that started it, not to the
		// process: this thread must last as long as the child.
		runtime.LockOSThread()
		err := i.process.Start()
		started <- err
		if err == nil {
			i.process.Wait()
		}
		i.server.Close()
		close(i.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the function: %w", err)
	}
	return i, nil
}

// invoke runs one invocation to its end. The instance is of no more use after
// timedOut or exited.
func (i *instance) invoke(call *invocation) outcome {
	var poll chan *invocation
	select {
	case poll = <-i.polls:
	case <-i.exited:
		return i.exitOutcome()
	case <-time.After(startLimit):
		i.kill()
		return i.exitOutcome()
	}
	call.deadline = time.Now().Add(call.timeout)
	i.mu.Lock()
	i.running[call.requestID] = call
	i.mu.Unlock()
	poll <- call
	select {
	case end := <-call.ended:
		return end
	case <-i.exited:
		select {
		case end := <-call.ended: // its last words
			return end
		default:
			return i.exitOutcome()
		}
	case <-time.After(call.timeout):
		i.kill()
		return outcome{ending: timedOut, payload: errorPayload(fmt.Sprintf("Function time out after %d seconds", seconds(call.timeout)))}
	}
}

func (i *instance) exitOutcome() outcome {
	return outcome{ending: exited, payload: errorPayload(fmt.Sprintf("Process exited unexpectedly before completing request (%v)", i.process.ProcessState))}
}

// freeze stops the process between invocations, with all its goroutines, as FC does.
func (i *instance) freeze() { i.process.Process.Signal(syscall.SIGSTOP) }

// thaw lets a frozen process go on.
func (i *instance) thaw() { i.process.Process.Signal(syscall.SIGCONT) }

// kill ends the process at once, frozen or not.
func (i *instance) kill() {
	i.process.Process.Kill()
	<-i.exited
}

// stop asks the process to end, and kills it when it does not.
func (i *instance) stop() {
	i.thaw()
	i.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-i.exited:
	case <-time.After(stopLimit):
		i.kill()
	}
}

// alive reports whether the process still runs.
func (i *instance) alive() bool {
	select {
	case <-i.exited:
		return false
	default:
		return true
	}
}

// serveNext holds the process until there is an invocation for it. The SDK
// asks for the next one while a call still runs.
func (i *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	poll := make(chan *invocation, 1)
	select {
	case i.polls <- poll:
	case <-r.Context().Done():
		return
	}
	call := <-poll
	for name, value := range map[string]string{
		"x-fc-request-id":        call.requestID,
		"x-fc-function-deadline": strconv.FormatInt(call.deadline.UnixMilli(), 10),
		"x-fc-function-timeout":  strconv.Itoa(seconds(call.timeout)),
		"x-fc-function-type":     strconv.Itoa(call.hook),
		"x-fc-access-key-id":     call.credentials.ID,
		"x-fc-access-key-secret": call.credentials.Secret,
		"x-fc-security-token":    call.credentials.Token,
		"x-fc-function-name":     functionName,
		"x-fc-function-handler":  functionHandler,
		"x-fc-function-memory":   functionMemory,
		"x-fc-region":            functionRegion,
		"x-fc-account-id":        accountID,
		"x-fc-qualifier":         functionVersion,
		"x-fc-version-id":        functionVersion,
		"x-fc-retry-count":       strconv.Itoa(call.retries),
		"Content-Type":           "application/octet-stream",
	} {
		w.Header().Set(name, value)
	}
	w.Write(call.payload)
}

// serveEnd takes the answer, or the error, of an invocation that runs.
func (i *instance) serveEnd(w http.ResponseWriter, r *http.Request, how ending) {
	i.mu.Lock()
	call := i.running[r.PathValue("id")]
	delete(i.running, r.PathValue("id"))
	i.mu.Unlock()
	if call == nil {
		http.Error(w, "no such invocation", http.StatusNotFound)
		return
	}

	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResult))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		how, payload = failed, errorPayload(fmt.Sprintf("the response is larger than %d bytes", tooLarge.Limit))
	} else if err != nil {
		return // the process died while it spoke, and its exit is the outcome
	}
	call.ended <- outcome{ending: how, payload: payload}
}

// seconds rounds up, as a limit of less than a second has to be shown as something.
func seconds(d time.Duration) int {
	return int((d + time.Second - 1) / time.Second)
}
