// Command bench measures the function beside the least that a function can be
// (floor) and beside the same function written the usual way (peer): under the
// same runtime API, against the same stand-in for CloudSSO, in turn, in one run.
//
// Each has the environment that Function Compute would give it, of which ours alone
// reads how much memory there is. The peer makes a client for each invocation, whose
// credentials are its own; its connections it keeps, as ours does.
//
// make bench runs it. It prints medians and ratios: on a machine that is not quiet
// only the ratios mean something.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A bench is one run of everything.
type bench struct {
	floor, peer, ours *program
	cloud             *cloudSSO
	dir               string

	// How often each program is started, with a whole processor and with part of
	// one, how many rounds of requests a warm one answers, and how many requests
	// memory is watched for.
	runs, throttledRuns, rounds, requests int

	table
	notes []string
}

func (b *bench) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

func (b *bench) progress(what string, n, of int) {
	fmt.Fprintf(os.Stderr, "\r%s: %d of %d ", what, n, of)
	if n == of {
		fmt.Fprintln(os.Stderr)
	}
}

func main() {
	b := new(bench)
	flag.IntVar(&b.runs, "runs", 60, "`times` that each program is started")
	flag.IntVar(&b.throttledRuns, "throttled-runs", 12, "`times` that it is with part of a processor")
	flag.IntVar(&b.rounds, "rounds", 20, "rounds of requests of each kind")
	flag.IntVar(&b.requests, "requests", 100_000, "mixed requests after which memory is looked at")
	only := flag.String("only", "", "measure only these, by comma: "+strings.Join(names(), ", "))
	flag.Parse()
	if err := b.run(*only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// parts are what can be measured, in the order of the table.
var parts = []struct {
	name    string
	measure func(*bench) error
}{
	{"size", (*bench).measureSize},
	{"instructions", (*bench).measureInstructions},
	{"starts", (*bench).measureStarts},
	{"throttled", (*bench).measureThrottled},
	{"warm", (*bench).measureWarm},
	{"looks", (*bench).measureLooks},
	{"memory", (*bench).measureMemory},
}

func names() []string {
	all := make([]string, len(parts))
	for i, part := range parts {
		all[i] = part.name
	}
	return all
}

// run measures the parts of those names, by comma; without any, all.
func (b *bench) run(only string) (err error) {
	wanted := names()
	if only != "" {
		wanted = strings.Split(only, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("there is no %q to measure", name)
		}
	}
	if b.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.floor, b.peer, b.ours, err = buildAll(b.dir); err != nil {
		return err
	}
	if b.cloud, err = startCloudSSO(b.dir); err != nil {
		return err
	}
	defer b.cloud.Close()
	for _, part := range parts {
		if !slices.Contains(wanted, part.name) {
			continue
		}
		if err := part.measure(b); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	b.note("%s, %s/%s, %d processors, %s.", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	b.write(os.Stdout)
	fmt.Println()
	for _, note := range b.notes {
		fmt.Println(note)
	}
	return nil
}

func (b *bench) measureSize() error {
	b.add(row{what: "executable", unit: "MB", floor: once(float64(b.floor.size) / 1e6), peer: once(float64(b.peer.size) / 1e6), ours: once(float64(b.ours.size) / 1e6)})
	b.add(row{what: "zip", unit: "MB", floor: once(float64(b.floor.zipped) / 1e6), peer: once(float64(b.peer.zipped) / 1e6), ours: once(float64(b.ours.zipped) / 1e6), most: 4})
	return nil
}
