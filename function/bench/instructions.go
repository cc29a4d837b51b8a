package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// measureInstructions counts the instructions up to main, and on to where the SDK
// takes over: unlike times they are the same on every machine, but for a hundredth.
func (b *bench) measureInstructions() error {
	if _, err := exec.LookPath("valgrind"); err != nil {
		b.note("Instructions were not counted: there is no valgrind.")
		return nil
	}
	toMain := row{what: "instructions to main", unit: "millions", toPeer: 0.8, most: 1.25}
	toSDK := row{what: "instructions to fc.Start", unit: "millions"}
	for _, into := range []struct {
		program       *program
		toMain, toSDK *[]float64
	}{
		{b.floor, &toMain.floor, &toSDK.floor}, {b.peer, &toMain.peer, &toSDK.peer}, {b.ours, &toMain.ours, &toSDK.ours},
	} {
		counts, err := b.instructions(into.program)
		if err != nil {
			return fmt.Errorf("count those of %s: %w", into.program.name, err)
		}
		*into.toMain, *into.toSDK = once(counts[0]/1e6), once((counts[0]+counts[1])/1e6)
	}
	b.add(toMain)
	b.add(toSDK)
	return nil
}

// sdkStart is the function of the SDK that never returns.
const sdkStart = "github.com/aliyun/fc-runtime-go-sdk/fc.Start"

// instructions runs a program under callgrind, which writes what it has counted
// when the program comes to main, and from there to the SDK.
func (b *bench) instructions(p *program) ([2]float64, error) {
	out := filepath.Join(b.dir, p.name+".callgrind")
	wrapper := filepath.Join(b.dir, p.name+".sh")
	script := fmt.Sprintf("#!/bin/sh\nexec valgrind -q --tool=callgrind --callgrind-out-file=%q --dump-before=main.main --dump-before=%s %q\n", out, sdkStart, p.symbols)
	if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil {
		return [2]float64{}, err
	}
	// One thread at a time: how many wait for each other is chance.
	i, err := start(wrapper, append(environment(b.cloud.plain.URL, b.cloud.roots), "GOMAXPROCS=1", "PATH="+os.Getenv("PATH")), nil)
	if err != nil {
		return [2]float64{}, err
	}
	i.kill()
	var counts [2]float64
	for n := range counts {
		if counts[n], err = totals(fmt.Sprintf("%s.%d", out, n+1)); err != nil {
			return counts, err
		}
	}
	return counts, nil
}

// totals reads how many instructions a dump of callgrind's has counted.
func totals(path string) (float64, error) {
	dump, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(dump)) {
		for _, field := range []string{"totals:", "summary:"} {
			if count, ok := strings.CutPrefix(line, field); ok {
				return strconv.ParseFloat(strings.TrimSpace(count), 64)
			}
		}
	}
	return 0, fmt.Errorf("%s counts nothing", path)
}
