package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	runtimeAPI = "/2020-11-11/runtime/invocation/"
	// patience is how long an answer may take: at a twentieth of a core, a while.
	patience = 30 * time.Second
	// invocationTimeout is what the runtime API says that an invocation may take.
	invocationTimeout = 30 * time.Second
)

// An instance is a process of a function, and the runtime API that it polls.
type instance struct {
	command *exec.Cmd
	server  *http.Server
	started time.Time
	polled  chan struct{} // closed by the first poll
	calls   chan []byte
	answers chan answer
	counts  *bufio.Reader // of allocations
	ended   chan struct{} // closed when the process is no more

	// ready is the time from the start of the process to its first poll, and
	// readyCPU what it had used of the processor by then.
	ready, readyCPU time.Duration
	// answered is when it answered last, and answeredCPU what it had used by then.
	answered    time.Time
	answeredCPU time.Duration
}

type answer struct {
	payload []byte
	failed  bool
	at      time.Time
	cpu     time.Duration
}

// start starts a program. within, unless nil, is the share of a processor that it gets.
func start(path string, environ []string, within *quota) (*instance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	counts, told, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer told.Close()
	i := &instance{
		command: exec.Command(path),
		polled:  make(chan struct{}),
		calls:   make(chan []byte),
		answers: make(chan answer),
		counts:  bufio.NewReader(counts),
		ended:   make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimeAPI+"next", i.serveNext)
	mux.HandleFunc("POST "+runtimeAPI+"{id}/response", func(w http.ResponseWriter, r *http.Request) { i.serveEnd(r, false) })
	mux.HandleFunc("POST "+runtimeAPI+"{id}/error", func(w http.ResponseWriter, r *http.Request) { i.serveEnd(r, true) })
	i.server = &http.Server{Handler: mux}

	i.command.Env = append(environ, "FC_RUNTIME_API="+listener.Addr().String())
	i.command.ExtraFiles = []*os.File{told}
	i.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	// The kernel ties a child to the thread that started it.
	begun := make(chan error)
	go func() {
		runtime.LockOSThread()
		i.started = time.Now()
		err := within.start(i.command)
		begun <- err
		if err == nil {
			_ = i.command.Wait() // which a kill ends
		}
		counts.Close()
		close(i.ended)
	}()
	if err := <-begun; err != nil {
		listener.Close()
		return nil, err
	}
	go i.server.Serve(listener) // which has kept the first poll, if it was quick
	select {
	case <-i.polled:
		return i, nil
	case <-time.After(patience):
		i.kill()
		return nil, errors.New(path + " does not ask for an invocation")
	}
}

// kill ends the process, and returns when it is no more: what the kernel has to do for
// that shall not be taken from the next.
func (i *instance) kill() {
	_ = i.command.Process.Kill() // what has ended needs none
	<-i.ended
	i.server.Close()
}

// serveNext holds the process until there is an invocation for it.
func (i *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	if i.ready == 0 {
		i.ready = time.Since(i.started)
		i.readyCPU = i.cpu()
		close(i.polled)
	}
	var payload []byte
	select {
	case payload = <-i.calls:
	case <-r.Context().Done():
		return
	}
	header := w.Header()
	header.Set("x-fc-request-id", "1-67441c30-15d4-9e0b1c2d3f4a")
	header.Set("x-fc-function-deadline", strconv.FormatInt(time.Now().Add(invocationTimeout).UnixMilli(), 10))
	header.Set("x-fc-function-timeout", strconv.Itoa(int(invocationTimeout/time.Second)))
	header.Set("x-fc-access-key-id", "STS.NUexampleAKID")
	header.Set("x-fc-access-key-secret", "exampleSecret0123456789")
	header.Set("x-fc-security-token", strings.Repeat("CAISexampleSecurityToken", 30)) // a real one has as much
	header.Set("x-fc-function-name", "status")
	header.Set("x-fc-function-handler", "main")
	header.Set("x-fc-function-memory", "128")
	header.Set("x-fc-region", "cn-shanghai")
	header.Set("x-fc-account-id", "1234567890123456")
	header.Set("x-fc-qualifier", "LATEST")
	header.Set("x-fc-version-id", "LATEST")
	header.Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(payload) // one who has gone gets none
}

func (i *instance) serveEnd(r *http.Request, failed bool) {
	payload, err := io.ReadAll(r.Body)
	if err != nil {
		return // the process was killed while it spoke
	}
	i.answers <- answer{payload, failed, time.Now(), i.cpu()}
}

// A response is what a function answers an HTTP trigger event with.
type response struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// invoke has the function answer an event, and returns how long that took.
func (i *instance) invoke(event []byte) ([]byte, time.Duration, error) {
	begun := time.Now()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case i.calls <- event:
	case <-late.C:
		return nil, 0, errors.New("the function asks for no invocation")
	}
	select {
	case a := <-i.answers:
		i.answered, i.answeredCPU = a.at, a.cpu
		if a.failed {
			return nil, 0, fmt.Errorf("the invocation failed: %s", a.payload)
		}
		return a.payload, a.at.Sub(begun), nil
	case <-late.C:
		return nil, 0, errors.New("the function does not answer")
	}
}

// ask has the function answer a request of a kind, and makes sure that it does.
func (i *instance) ask(k kind, event []byte) (time.Duration, error) {
	payload, took, err := i.invoke(event)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", k.name, err)
	}
	if err := k.check(payload); err != nil {
		return 0, fmt.Errorf("%s: %w: %.2000s", k.name, err, payload)
	}
	return took, nil
}

// body is what the one who asked gets to read.
func (r *response) body() ([]byte, error) {
	if !r.IsBase64Encoded {
		return []byte(r.Body), nil
	}
	return base64.StdEncoding.DecodeString(r.Body)
}

// read reads a response object.
func read(payload []byte) (response, error) {
	var r response
	err := json.Unmarshal(payload, &r)
	return r, err
}

// cpu is what the process has used of the processor, in all of its threads.
func (i *instance) cpu() time.Duration {
	// The id of another process's clock is made like this: clock_getcpuclockid(3).
	const scheduled = 2
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^i.command.Process.Pid<<3|scheduled), &used); err != nil {
		return 0
	}
	return time.Duration(used.Nano())
}

// allocations is how many objects, and how many bytes, the process has allocated.
func (i *instance) allocations() (objects, size float64, err error) {
	if err := i.command.Process.Signal(syscall.SIGUSR1); err != nil {
		return 0, 0, err
	}
	_, err = fmt.Fscanln(i.counts, &objects, &size)
	return objects, size, err
}

// peak is the most memory that the process has had, in bytes.
func (i *instance) peak() float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.command.Process.Pid))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes float64
	_, _ = fmt.Sscan(rest, &kilobytes) // what has ended has none
	return kilobytes * 1024
}
