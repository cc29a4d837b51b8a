package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// What FC tells the function about itself. The region is not the directory's,
// so that a function which mixes up the two is found out.
const (
	functionName    = "status"
	functionHandler = "main"
	functionMemory  = "128"
	functionRegion  = "cn-hangzhou"
	functionVersion = "LATEST"
	accountID       = "1234567890123456"
)

// maxEnvironment is FC's limit for a function's own variables, names and values.
const maxEnvironment = 4 << 10

var errClosed = errors.New("the function is shut down")

// A functionConfig says what to run and how.
type functionConfig struct {
	instanceSpec
	instances   int           // for those whose caller waits
	timeout     time.Duration // of those too
	freeze      bool
	variables   map[string]string // the function's own configuration
	inherited   map[string]string // what only the machine can know, such as PATH
	credentials func() (key, error)
}

// A function is a pool of instances of one binary. An invocation takes an idle
// instance, or a new one while there are fewer than the limit, or waits.
type function struct {
	functionConfig
	slots chan struct{} // one for each caller that may have an instance

	mu     sync.Mutex
	idle   []*instance // the most recently used last
	all    map[*instance]bool
	killed map[*instance]bool // before they were released
	closed bool
}

func newFunction(config functionConfig) (*function, error) {
	size := 0
	for name, value := range config.variables {
		size += len(name) + len(value)
	}
	if size > maxEnvironment {
		return nil, fmt.Errorf("the function's variables have %d bytes: FC takes %d at most", size, maxEnvironment)
	}
	binary, err := filepath.Abs(config.binary)
	if err != nil {
		return nil, fmt.Errorf("find the function: %w", err)
	}
	config.binary = binary
	return &function{
		functionConfig: config,
		slots:          make(chan struct{}, config.instances),
		all:            make(map[*instance]bool),
		killed:         make(map[*instance]bool),
	}, nil
}

// invoke runs the function for a caller, who has to wait while as many others
// run as may. It runs to its end, whatever becomes of the caller meanwhile: the
// context covers only the wait for an instance. Its error is that the function
// could not be run at all.
func (f *function) invoke(ctx context.Context, call *invocation) (outcome, error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return outcome{}, fmt.Errorf("wait for an instance: %w", ctx.Err())
	}
	call.timeout = f.timeout
	return f.run(call)
}

// run runs the function to its end, however many others run.
func (f *function) run(call *invocation) (outcome, error) {
	credentials, err := f.credentials()
	if err != nil {
		return outcome{}, fmt.Errorf("get the role's credentials: %w", err)
	}
	used, err := f.acquire(credentials)
	if err != nil {
		return outcome{}, err
	}
	call.credentials, call.ended = credentials, make(chan outcome, 1)
	end := used.invoke(call)
	if call.wantsLog {
		end.log = used.log.of(call.requestID)
	}
	f.release(used)
	return end, nil
}

// acquire returns an instance that is ready to run, thawed.
func (f *function) acquire(credentials key) (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errClosed
	}
	for len(f.idle) > 0 {
		last := len(f.idle) - 1
		found := f.idle[last]
		f.idle = f.idle[:last]
		if found.alive() {
			found.thaw()
			return found, nil
		}
		delete(f.all, found)
	}
	spec := f.instanceSpec
	spec.environ = f.environ(credentials)
	created, err := startInstance(spec)
	if err != nil {
		return nil, err
	}
	f.all[created] = true
	return created, nil
}

func (f *function) release(used *instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.killed[used] || !used.alive() {
		delete(f.killed, used)
		delete(f.all, used)
		return
	}
	if f.freeze && !f.closed {
		used.freeze()
	}
	f.idle = append(f.idle, used)
}

// killBusy ends the process of every instance that runs an invocation, as a
// machine that fails does, and returns how many there were.
func (f *function) killBusy() int {
	f.mu.Lock()
	var busy []*instance
	for running := range f.all {
		if !slices.Contains(f.idle, running) && !f.killed[running] {
			busy = append(busy, running)
			// An invocation that ends at this moment must not leave a dying instance to the next.
			f.killed[running] = true
			running.process.Process.Kill()
		}
	}
	f.mu.Unlock()
	for _, running := range busy {
		<-running.exited
	}
	return len(busy)
}

// environ is the environment of a new instance, with the credentials of its start.
func (f *function) environ(credentials key) []string {
	variables := maps.Clone(f.inherited)
	maps.Copy(variables, map[string]string{
		"ALIBABA_CLOUD_ACCESS_KEY_ID":     credentials.ID,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET": credentials.Secret,
		"ALIBABA_CLOUD_SECURITY_TOKEN":    credentials.Token,
		"FC_ACCOUNT_ID":                   accountID,
		"FC_CUSTOM_LISTEN_PORT":           "9000",
		"FC_FUNC_CODE_PATH":               filepath.Dir(f.binary),
		"FC_FUNCTION_HANDLER":             functionHandler,
		"FC_FUNCTION_MEMORY_SIZE":         functionMemory,
		"FC_FUNCTION_NAME":                functionName,
		"FC_FUNCTION_VERSION":             functionVersion,
		"FC_INSTANCE_ID":                  "c-" + strings.ToLower(rand.Text()),
		"FC_REGION":                       functionRegion,
		"FC_VER_ID":                       functionVersion,
	})
	maps.Copy(variables, f.variables)
	environ := make([]string, 0, len(variables))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		environ = append(environ, name+"="+variables[name])
	}
	return environ
}

// Close ends every instance, busy or not.
func (f *function) Close() {
	f.mu.Lock()
	f.closed = true
	instances := slices.Collect(maps.Keys(f.all))
	f.mu.Unlock()
	var stopping sync.WaitGroup
	for _, running := range instances {
		stopping.Go(running.stop)
	}
	stopping.Wait()
}

// errorPayload is the form of an error that FC makes itself.
func errorPayload(message string) []byte {
	payload, err := json.Marshal(map[string]string{"errorMessage": message})
	if err != nil {
		panic(err) // a string always marshals
	}
	return payload
}

// invocationID returns an id in the form of FC's.
func invocationID(now time.Time) string {
	var random [6]byte
	rand.Read(random[:])
	return fmt.Sprintf("1-%08x-%08x-%s", now.Unix(), uint32(now.Nanosecond()), hex.EncodeToString(random[:]))
}
