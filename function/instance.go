package main

import (
	"runtime"
	"runtime/debug"
	"strconv"
)

// oneProcessor is the most memory, in megabytes, that an instance has with one
// processor or less (Function Compute, "Instance types and usage modes": at least
// a gigabyte for each).
const oneProcessor = 1024

// fitInstance fits the Go runtime to the memory that Function Compute says the
// instance has. The garbage collector keeps within three quarters of it: the rest is
// for what is not Go's heap. And where there can be no more than one processor the
// scheduler takes one: Go sees those of the machine, and wakes threads on each of
// them for work that has to wait for the same share in the end. The operator's own
// GOMEMLIMIT and GOMAXPROCS stand.
func fitInstance(getenv func(string) string) {
	megabytes, err := strconv.ParseUint(getenv("FC_FUNCTION_MEMORY_SIZE"), 10, 16)
	if err != nil || megabytes == 0 {
		return
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(megabytes) << 20 / 4 * 3)
	}
	if megabytes <= oneProcessor && getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}
