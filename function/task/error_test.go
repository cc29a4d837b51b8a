package task

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestError(t *testing.T) {
	cause := errors.New("connection reset")
	err := fmt.Errorf("look: %w", &Error{Kind: Upstream, Detail: Text{"for you", "给您"}, Cause: cause})
	if got, want := err.Error(), "look: upstream: for you: connection reset"; got != want {
		t.Errorf("log text %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is not in the chain")
	}
	if got, want := (&Error{Kind: Timeout}).Error(), "timeout"; got != want {
		t.Errorf("log text %q, want %q", got, want)
	}
}

func TestKindOf(t *testing.T) {
	for _, test := range []struct {
		name      string
		err       error
		want      Kind
		retryable bool
	}{
		{"ours, wrapped", fmt.Errorf("look: %w", &Error{Kind: Throttled}), Throttled, true},
		{"a deadline", fmt.Errorf("look: %w", context.DeadlineExceeded), Timeout, true},
		{"upstream", &Error{Kind: Upstream}, Upstream, true},
		{"not found", &Error{Kind: NotFound}, NotFound, false},
		{"refused", &Error{Kind: Refused}, Refused, false},
		{"canceled says nothing", context.Canceled, Internal, false},
		{"anything else", errors.New("x"), Internal, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			kind := KindOf(test.err)
			if kind != test.want || kind.Retryable() != test.retryable {
				t.Errorf("got %v, retryable %v; want %v, %v", kind, kind.Retryable(), test.want, test.retryable)
			}
		})
	}
}

// TestPublic: what is for the log does not get out.
func TestPublic(t *testing.T) {
	cause := errors.New("connection to 10.0.0.1 reset")
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"with a detail", fmt.Errorf("look: %w", &Error{Kind: NotFound, Detail: Text{"no task t-abc123", "没有任务"}, Cause: cause}), "Task not found: no task t-abc123"},
		{"without one", &Error{Kind: Throttled, Cause: cause}, "CloudSSO is busy"},
		{"a deadline", fmt.Errorf("look: %w", context.DeadlineExceeded), "CloudSSO took too long"},
		{"anything else", cause, "Something went wrong here"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Public(test.err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRetryAfterError(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want time.Duration
	}{
		{"as long as was asked for", fmt.Errorf("look: %w", &Error{Kind: Throttled, RetryAfter: 20 * time.Second}), 20 * time.Second},
		{"throttled, no time given", &Error{Kind: Throttled}, 3 * time.Second},
		{"no answer", &Error{Kind: Upstream}, 3 * time.Second},
		{"a deadline", context.DeadlineExceeded, 3 * time.Second},
		{"trying again brings nothing, whatever it says", &Error{Kind: Refused, RetryAfter: 20 * time.Second}, 0},
		{"anything else", errors.New("x"), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := RetryAfter(test.err); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
