package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A quota is a share of one processor. That of nil is all there is.
type quota struct {
	share float64
	// dir is a control group with that quota, where the system lets us make one.
	dir string
	// unified says that it is one of version 2.
	unified bool
}

// quotaPeriod is the kernel's usual one: what a process may use, it may use at
// once, and waits for the rest of the period.
const quotaPeriod = 100 * time.Millisecond

const (
	controlGroups = "/sys/fs/cgroup"
	// controlCPU is the hierarchy of version 1.
	controlCPU = controlGroups + "/cpu"
)

// newQuota makes a control group for the share. Without one the process is
// stopped and continued instead.
func newQuota(share float64) *quota {
	q := &quota{share: share}
	name := fmt.Sprintf("bench-%d-%v", os.Getpid(), share)
	period := strconv.FormatInt(quotaPeriod.Microseconds(), 10)
	allowed := strconv.FormatInt(int64(share*float64(quotaPeriod.Microseconds())), 10)
	if dir := filepath.Join(controlCPU, name); os.Mkdir(dir, 0o750) == nil {
		if set(dir, "cpu.cfs_period_us", period) == nil && set(dir, "cpu.cfs_quota_us", allowed) == nil {
			q.dir = dir
			return q
		}
		os.Remove(dir)
	}
	if dir := filepath.Join(controlGroups, name); os.Mkdir(dir, 0o750) == nil {
		if set(dir, "cpu.max", allowed+" "+period) == nil {
			q.dir, q.unified = dir, true
			return q
		}
		os.Remove(dir)
	}
	return q
}

// how says by what means the quota holds.
func (q *quota) how() string {
	if q.dir != "" {
		return fmt.Sprintf("a control group with %v of a processor, in periods of %v", q.share, quotaPeriod)
	}
	return fmt.Sprintf("stopping and continuing it, so that it runs for %v of each %v: there is no control group to be had",
		time.Duration(q.share*float64(quotaPeriod)), quotaPeriod)
}

// Close takes the control group away. What was in it has to have ended.
func (q *quota) Close() {
	if q.dir == "" {
		return
	}
	for range 50 { // the kernel takes a moment to bury a process
		if os.Remove(q.dir) == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// renew waits until what ran before has left nothing of its share used.
func (q *quota) renew() {
	if q != nil {
		time.Sleep(quotaPeriod)
	}
}

// start starts a command under the quota. The caller's goroutine must be locked to
// its thread.
func (q *quota) start(command *exec.Cmd) error {
	switch {
	case q == nil:
		return command.Start()
	case q.dir == "":
		if err := command.Start(); err != nil {
			return err
		}
		go q.throttle(command.Process)
		return nil
	case q.unified:
		group, err := os.Open(q.dir)
		if err != nil {
			return err
		}
		defer group.Close()
		command.SysProcAttr.UseCgroupFD, command.SysProcAttr.CgroupFD = true, int(group.Fd())
		return command.Start()
	}
	// A child begins in the group of the thread that started it.
	before, err := controlGroup()
	if err != nil {
		return err
	}
	thread := strconv.Itoa(unix.Gettid())
	if err := set(q.dir, "tasks", thread); err != nil {
		return err
	}
	failed := command.Start()
	return errors.Join(failed, set(before, "tasks", thread))
}

// controlGroup is the directory of this process's group for the processor.
func controlGroup() (string, error) {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(groups)) {
		_, controllers, _ := strings.Cut(strings.TrimSpace(line), ":")
		if path, ok := strings.CutPrefix(controllers, "cpu:"); ok {
			return controlCPU + path, nil
		}
		if path, ok := strings.CutPrefix(controllers, "cpu,cpuacct:"); ok {
			return controlCPU + path, nil
		}
	}
	return "", errors.New("this process is in no control group for the processor")
}

// throttle lets the process run for its share of each period only.
func (q *quota) throttle(p *os.Process) {
	runs := time.Duration(q.share * float64(quotaPeriod))
	for {
		time.Sleep(runs)
		if p.Signal(syscall.SIGSTOP) != nil {
			return
		}
		time.Sleep(quotaPeriod - runs)
		if p.Signal(syscall.SIGCONT) != nil {
			return
		}
	}
}

// set writes a file of a control group, which is there already where there is one.
func set(dir, file, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
