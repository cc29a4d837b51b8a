package main

import (
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// A measured is an instance that lasts as long as a soak, so that what it loses
// with each invocation adds up to something that can be seen.
type measured struct {
	name     string
	instance *instance
	log      *soakLog
	issue    func() (key, error)
	gate     sync.RWMutex // shared by the invocations; whoever freezes has it alone
	size     growth
}

// startMeasured starts an instance of a function beside those that it has.
func startMeasured(f *function, name string) (*measured, error) {
	credentials, err := f.credentials()
	if err != nil {
		return nil, fmt.Errorf("get the role's credentials: %w", err)
	}
	m := &measured{name: name, log: new(soakLog), issue: f.credentials, size: growth{name: name}}
	spec := instanceSpec{binary: f.binary, environ: f.environ(credentials), log: m.log}
	if m.instance, err = startInstance(spec); err != nil {
		return nil, err
	}
	return m, nil
}

// run runs one invocation to its end, beside those that run already.
func (m *measured) run(call *invocation) (outcome, error) {
	credentials, err := m.issue()
	if err != nil {
		return outcome{}, fmt.Errorf("get the role's credentials: %w", err)
	}
	call.credentials, call.ended = credentials, make(chan outcome, 1)
	return m.instance.invoke(call), nil
}

// freeze stops the process for a while between two invocations, in which its
// connections are closed by the other side.
func (m *measured) freeze(closeConnections func(), long time.Duration) {
	m.gate.Lock()
	defer m.gate.Unlock()
	m.instance.freeze()
	defer m.instance.thaw()
	closeConnections()
	time.Sleep(long)
}

// memory returns the least that the process has within a moment of rest, and
// the most that it ever had. Of one that is gone both are zero.
func (m *measured) memory() (least, peak int64) {
	for i := range 5 {
		now, most, err := residentMemory(m.instance.process.Process.Pid)
		if err != nil {
			return 0, 0
		}
		if peak = most; i == 0 || now < least {
			least = now
		}
		time.Sleep(100 * time.Millisecond)
	}
	return least, peak
}

// goroutines ends the process, which writes down the stacks of all its
// goroutines as it goes, and returns how many there were.
func (m *measured) goroutines() int {
	m.instance.process.Process.Signal(syscall.SIGQUIT)
	select {
	case <-m.instance.exited:
	case <-time.After(startLimit):
		m.instance.kill()
	}
	return countGoroutines(m.log.latest())
}

// A soakWriter takes the response that FC would make of an answer.
type soakWriter struct {
	status int
	header http.Header
	body   []byte
}

// Header returns the header to be written.
func (w *soakWriter) Header() http.Header { return w.header }

// WriteHeader takes the status.
func (w *soakWriter) WriteHeader(status int) { w.status = status }

// Write takes a part of the body. It never fails.
func (w *soakWriter) Write(p []byte) (int, error) {
	w.body = append(w.body, p...)
	return len(p), nil
}
