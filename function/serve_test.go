package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"taskstatus/function/site"
)

func TestServe(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Deadline(); !ok {
			t.Error("the request has no deadline")
		}
		switch r.URL.Path {
		case "/slow":
			close(entered)
			<-leave
		case "/panic":
			panic("hunter2")
		}
		io.WriteString(w, r.Header.Get(site.RequestIDHeader))
	})
	ctx, cancel := context.WithCancel(t.Context())
	var log strings.Builder
	served := make(chan error, 1)
	go func() { served <- serve(ctx, listener, handler, slog.New(slog.NewJSONHandler(&log, nil))) }()

	get := func(path string) string {
		r, _ := http.NewRequest(http.MethodGet, "http://"+listener.Addr().String()+path, nil)
		r.Header.Set(site.RequestIDHeader, "forged")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != response.Header.Get(site.RequestIDHeader) {
			t.Errorf("the handler saw %q, the caller %q (%v)", body, response.Header.Get(site.RequestIDHeader), err)
		}
		return string(body)
	}
	if a, b := get("/"), get("/"); a == "" || a == b || a == "forged" {
		t.Errorf("request ids %q and %q: want two of our own", a, b)
	}

	response, err := http.Get("http://" + listener.Addr().String() + "/panic")
	if err != nil || response.StatusCode != http.StatusInternalServerError {
		t.Errorf("after a panic: got %v, %v", response, err)
	}
	id := response.Header.Get(site.RequestIDHeader)
	response.Body.Close()

	// What is under way when the end comes is answered.
	answered := make(chan string, 1)
	go func() { answered <- get("/slow") }()
	<-entered
	cancel()
	close(leave)
	if id := <-answered; id == "" {
		t.Error("the request that was under way was not answered")
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if got := strings.Count(log.String(), `"msg":"invocation"`); got != 4 || strings.Count(log.String(), "\n") != 4 {
		t.Errorf("want a line for each of 4 requests: %s", &log)
	}
	for _, want := range []string{`"requestId":"` + id + `","kind":"http","status":500,`, `"outcome":"internal","error":"panic: hunter2\ngoroutine `} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is not in %s", want, &log)
		}
	}
}
