package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestFitInstance(t *testing.T) {
	const many = 4
	limit, processors := debug.SetMemoryLimit(-1), runtime.GOMAXPROCS(many)
	defer func() {
		debug.SetMemoryLimit(limit)
		runtime.GOMAXPROCS(processors)
	}()
	for _, test := range []struct {
		name, size, memory, processors string
		wantMemory                     int64
		wantProcessors                 int
	}{
		{"as it is deployed", "128", "", "", 96 << 20, 1},
		{"the most with one processor", "1024", "", "", 768 << 20, 1},
		{"more", "1088", "", "", 816 << 20, many},
		{"the largest", "32768", "", "", 24 << 30, many},
		{"elsewhere", "", "", "", math.MaxInt64, many},
		{"nothing", "0", "", "", math.MaxInt64, many},
		{"no number", "128MB", "", "", math.MaxInt64, many},
		{"the operator's own memory", "128", "64MiB", "", math.MaxInt64, 1},
		{"the operator's own processors", "128", "", "2", 96 << 20, many},
	} {
		t.Run(test.name, func(t *testing.T) {
			debug.SetMemoryLimit(math.MaxInt64)
			runtime.GOMAXPROCS(many)
			fitInstance(environment("FC_FUNCTION_MEMORY_SIZE="+test.size, "GOMEMLIMIT="+test.memory, "GOMAXPROCS="+test.processors))
			if got := debug.SetMemoryLimit(-1); got != test.wantMemory {
				t.Errorf("%d bytes, want %d", got, test.wantMemory)
			}
			if got := runtime.GOMAXPROCS(0); got != test.wantProcessors {
				t.Errorf("%d processors, want %d", got, test.wantProcessors)
			}
		})
	}
}
