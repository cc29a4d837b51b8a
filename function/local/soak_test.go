package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func soakConfig(binary string) config {
	return config{
		function: binary, frontAddr: "127.0.0.1:0", consoleAddr: "127.0.0.1:0", cloudSSOAddr: "127.0.0.1:0", chatAddr: "127.0.0.1:0",
		instances: 1, freeze: true, timeout: 30 * time.Second, seed: 1, now: time.Now,
		async:   queueConfig{timeout: 600 * time.Second, retries: 0, eventAge: defaultEventAge},
		environ: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "ACCESS=open"},
	}
}

// TestSoakFails: a function that does nothing of what it should does not come through.
func TestSoakFails(t *testing.T) {
	lines := new(logBuffer)
	c := soakConfig(echo(t))
	c.soak = 3 * time.Second
	s, err := newSoak(c, lines)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.drain, s.rest, s.done = 100*time.Millisecond, 100*time.Millisecond, s.done[:popularTasks]
	err = s.play(t.Context())
	if err == nil {
		t.Fatalf("it passes:\n%s", lines)
	}
	for _, want := range []string{
		"JSON: ", "another task's id",
		"bad id: ", "status 200, not 400",
		"chat slack: ", "the platform refuses the answer",
		"not modified: there was no such request", // it gives no ETag to ask with
		"lost: " + soakProgram,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	for _, want := range []string{" requests; errors: ", "without a fault: JSON: ", "several at once: ", "calls to CloudSSO map[", "notifications: "} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("%q is not in\n%s", want, lines)
		}
	}
}

// TestSoakBrokenOff: who ends a soak early has no result.
func TestSoakBrokenOff(t *testing.T) {
	c := soakConfig(echo(t))
	c.soak = time.Hour
	s, err := newSoak(c, new(logBuffer))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.done = s.done[:popularTasks]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.play(ctx); err == nil || !strings.Contains(err.Error(), "broken off") {
		t.Errorf("got %v", err)
	}
}

// TestMeasured: goroutines that hang are counted, several invocations run at once, and memory is seen.
func TestMeasured(t *testing.T) {
	s := start(t, options{binary: echo(t)})
	count := func(hanging int) (goroutines int) {
		m, err := startMeasured(s.function, "echo")
		if err != nil {
			t.Fatal(err)
		}
		defer m.instance.stop()
		var group sync.WaitGroup
		for i := range hanging {
			group.Go(func() {
				m.run(&invocation{requestID: fmt.Sprint("hangs-", i), payload: []byte(`{"ms":600000}`), timeout: time.Hour})
			})
		}
		eventually(t, "all of them run", func() bool {
			m.instance.mu.Lock()
			defer m.instance.mu.Unlock()
			return len(m.instance.running) == hanging
		})
		end, err := m.run(&invocation{requestID: "last", payload: []byte(`{"do":"pid"}`), timeout: time.Minute})
		if err != nil || string(end.payload) != fmt.Sprint(m.instance.process.Process.Pid) {
			t.Errorf("beside %d others: %s, %v", hanging, end.payload, err)
		}
		m.freeze(func() {}, 10*time.Millisecond)
		if now, peak := m.memory(); now < 1<<20 || peak < now {
			t.Errorf("memory: %d, %d", now, peak)
		}
		goroutines = m.goroutines()
		if now, peak := m.memory(); now != 0 || peak != 0 {
			t.Errorf("memory of one that is gone: %d, %d", now, peak)
		}
		group.Wait()
		return goroutines
	}
	if before, after := count(0), count(50); before == 0 || after < before+50 {
		t.Errorf("%d goroutines, and with 50 more %d", before, after)
	}
}
