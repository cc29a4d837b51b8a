package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
)

// What an instance may have more at the end of a soak than after it was warm.
// A Go program gives memory back when it sees fit, so that what it holds at rest
// goes up and down; what it loses for each of a million requests is far more.
const (
	goroutineAllowance = 5
	memoryAllowance    = 12 << 20 // and a quarter of what it had
)

// A growth is what one instance had when it was warm and at rest, and has at the end.
type growth struct {
	name                            string
	goroutinesBefore, goroutinesNow int
	before, now, peak               int64 // resident bytes
}

func (g growth) String() string {
	return fmt.Sprintf("%s: %d goroutines, then %d; %d MB, then %d MB, at most %d MB", g.name, g.goroutinesBefore, g.goroutinesNow, g.before>>20, g.now>>20, g.peak>>20)
}

// failures says what has grown beyond what is allowed, and what was not measured at all.
func (g growth) failures() (failures []string) {
	if g.goroutinesBefore == 0 || g.goroutinesNow == 0 || g.before == 0 || g.now == 0 {
		return []string{g.name + ": it could not be measured"}
	}
	if most := g.goroutinesBefore + goroutineAllowance; g.goroutinesNow > most {
		failures = append(failures, fmt.Sprintf("%s: %d goroutines became %d: at most %d are allowed", g.name, g.goroutinesBefore, g.goroutinesNow, most))
	}
	if most := g.before + g.before/4 + memoryAllowance; g.now > most {
		failures = append(failures, fmt.Sprintf("%s: %d MB became %d MB: at most %d MB are allowed", g.name, g.before>>20, g.now>>20, most>>20))
	}
	return failures
}

// goroutineHeader begins the stack of a goroutine where the runtime writes them
// down. Number 0 is none: it is the runtime's own.
var goroutineHeader = regexp.MustCompile(`(?m)^goroutine [1-9][0-9]* .*\[`)

// countGoroutines counts those in what a process wrote when it got SIGQUIT.
func countGoroutines(written []byte) int {
	return len(goroutineHeader.FindAll(written, -1))
}

// residentMemory returns how many bytes of memory a process has, and had at most.
func residentMemory(pid int) (now, peak int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory of a process, as Linux tells it: %w", err)
	}
	return parseStatus(status)
}

func parseStatus(status []byte) (now, peak int64, err error) {
	for line := range bytes.Lines(status) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kilobytes, _ := strconv.ParseInt(string(fields[1]), 10, 64)
		switch string(fields[0]) {
		case "VmRSS:":
			now = kilobytes << 10
		case "VmHWM:":
			peak = kilobytes << 10
		}
	}
	if now == 0 || peak == 0 {
		return 0, 0, errors.New("the status of the process tells no VmRSS and VmHWM")
	}
	return now, peak, nil
}
