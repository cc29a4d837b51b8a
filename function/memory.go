package main

import (
	"runtime/debug"
	"strconv"
)

// limitMemory has the garbage collector keep within three quarters of the memory
// that Function Compute says the instance has: the rest is for what is not Go's
// heap. A limit of the operator's own, GOMEMLIMIT, stands.
func limitMemory(getenv func(string) string) {
	megabytes, err := strconv.ParseUint(getenv("FC_FUNCTION_MEMORY_SIZE"), 10, 16)
	if err == nil && megabytes > 0 && getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(megabytes) << 20 / 4 * 3)
	}
}
