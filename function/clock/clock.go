// Package clock is what the standard library has of waiting, put together. For
// how long and for what, others say.
package clock

import (
	"context"
	"time"
)

// Sleep pauses for d, or returns the error of ctx if that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
