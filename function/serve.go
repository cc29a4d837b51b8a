package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"taskstatus/function/entry"
	"taskstatus/function/site"
)

// The limits of the plain HTTP server. In Function Compute its own apply.
const (
	headerTimeout = 5 * time.Second
	// answerTimeout is the longest wait that a request can ask for, and the calls
	// around it. After SIGTERM, requests under way get this long to end.
	answerTimeout = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 8 << 10
)

// serve answers plain HTTP until ctx ends, and then what is under way.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           invoked(handler, log),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// invoked gives each request what Function Compute would give it: an id of its
// own, whatever the caller sent as one, a deadline and a line in the log.
func invoked(handler http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, line := entry.New(r.Context())
		line.RequestID, line.Kind = rand.Text(), "http"
		defer line.Write(log)
		defer func() {
			if p := recover(); p != nil {
				entry.Fail(ctx, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
				entry.Add(ctx, slog.Int("status", http.StatusInternalServerError))
				w.WriteHeader(http.StatusInternalServerError)
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Header.Set(site.RequestIDHeader, line.RequestID)
		w.Header().Set(site.RequestIDHeader, line.RequestID)
		handler.ServeHTTP(w, r)
	})
}
