package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestFitInstance(t *testing.T) {
	const (
		usual = 100
		many  = 4
	)
	gc, limit, processors := debug.SetGCPercent(usual), debug.SetMemoryLimit(-1), runtime.GOMAXPROCS(many)
	defer func() {
		debug.SetGCPercent(gc)
		debug.SetMemoryLimit(limit)
		runtime.GOMAXPROCS(processors)
	}()
	for _, test := range []struct {
		name, size, own string
		gc              int
		limit           int64
		processors      int
	}{
		{"as it is deployed", "128", "", moreGarbage, 96 << 20, 1},
		{"the most with one processor", "1024", "", moreGarbage, 768 << 20, 1},
		{"more", "1088", "", moreGarbage, 816 << 20, many},
		{"the largest", "32768", "", moreGarbage, 24 << 30, many},
		{"elsewhere", "", "", usual, math.MaxInt64, many},
		{"nothing", "0", "", usual, math.MaxInt64, many},
		{"no number", "128MB", "", usual, math.MaxInt64, many},
		{"the operator's own garbage collector", "128", "GOGC=50", usual, 96 << 20, 1},
		{"the operator's own limit", "128", "GOMEMLIMIT=64MiB", moreGarbage, math.MaxInt64, 1},
		{"the operator's own processors", "128", "GOMAXPROCS=2", moreGarbage, 96 << 20, many},
	} {
		t.Run(test.name, func(t *testing.T) {
			debug.SetGCPercent(usual)
			debug.SetMemoryLimit(math.MaxInt64)
			runtime.GOMAXPROCS(many)
			fitInstance(environment("FC_FUNCTION_MEMORY_SIZE="+test.size, test.own))
			if got := debug.SetMemoryLimit(-1); got != test.limit {
				t.Errorf("%d bytes, want %d", got, test.limit)
			}
			if got := debug.SetGCPercent(usual); got != test.gc {
				t.Errorf("%d percent, want %d", got, test.gc)
			}
			if got := runtime.GOMAXPROCS(0); got != test.processors {
				t.Errorf("%d processors, want %d", got, test.processors)
			}
		})
	}
}
