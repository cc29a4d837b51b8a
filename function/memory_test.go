package main

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for _, test := range []struct {
		name, size, own string
		want            int64
	}{
		{"as it is deployed", "128", "", 96 << 20},
		{"the largest", "32768", "", 24 << 30},
		{"elsewhere", "", "", math.MaxInt64},
		{"nothing", "0", "", math.MaxInt64},
		{"no number", "128MB", "", math.MaxInt64},
		{"the operator's own", "128", "64MiB", math.MaxInt64},
	} {
		debug.SetMemoryLimit(math.MaxInt64)
		limitMemory(environment("FC_FUNCTION_MEMORY_SIZE="+test.size, "GOMEMLIMIT="+test.own))
		if got := debug.SetMemoryLimit(-1); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}
