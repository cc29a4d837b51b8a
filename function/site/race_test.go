//go:build race

package site

// With the race detector every sync.Pool loses some of what is put into it.
func init() { lost = 1.25 }
