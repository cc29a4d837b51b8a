// Package budget holds what is on every request's way to what it may allocate, and
// measures it. Only tests import it.
package budget

import "testing"

// An Item is something that is done again and again.
type Item struct {
	Name string
	// Allocations is how many it may take: a few more than it does, for Go's next
	// release and for what -race adds.
	Allocations float64
	// Do does it once, and fails the test where what comes of it is wrong: what is
	// quick because it failed shall not count.
	Do func()
}

// Test fails for each item that allocates more than it may.
func Test(t *testing.T, items []Item) {
	for _, item := range items {
		t.Run(item.Name, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, item.Do); got > item.Allocations {
				t.Errorf("%v allocations, want at most %v", got, item.Allocations)
			}
		})
	}
}

// Benchmark measures each item.
func Benchmark(b *testing.B, items []Item) {
	for _, item := range items {
		b.Run(item.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				item.Do()
			}
		})
	}
}
