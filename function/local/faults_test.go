package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	s := start(t, options{binary: noFunction})
	id := s.createTask(t, "seconds=0&status=Success")
	client := &http.Client{Timeout: 300 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func(t *testing.T) (*http.Response, string, error) {
		t.Helper()
		used, err := s.keys.issue()
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(sign(t, s.cloudSSOURL, used, time.Now(), "Action", "GetTaskStatus", "DirectoryId", defaultDirectory, "TaskId", id))
		if err != nil {
			return nil, "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return response, string(body), err
	}
	// refused wants an error of the API.
	refused := func(status int, code string) func(*testing.T, *http.Response, string, error) {
		return func(t *testing.T, r *http.Response, body string, err error) {
			if err != nil || r.StatusCode != status || !strings.Contains(body, `"Code":"`+code+`"`) {
				t.Errorf("got %v %s %v, want %d %s", r, body, err, status, code)
			}
		}
	}
	// answered wants a task status with something about it.
	answered := func(right func(taskBody) bool) func(*testing.T, *http.Response, string, error) {
		return func(t *testing.T, r *http.Response, body string, err error) {
			var answer struct{ TaskStatus taskBody }
			if err != nil || r.StatusCode != http.StatusOK || json.Unmarshal([]byte(body), &answer) != nil || !right(answer.TaskStatus) {
				t.Errorf("got %v %s %v", r, body, err)
			}
		}
	}
	tests := map[string]func(*testing.T, *http.Response, string, error){
		"throttle429":    refused(429, "Throttling"),
		"nopermission":   refused(403, "NoPermission"),
		"unknownkey":     refused(404, "InvalidAccessKeyId.NotFound"),
		"nonceused":      refused(400, "SignatureNonceUsed"),
		"expiredtoken":   refused(400, "InvalidSecurityToken.Expired"),
		"badsignature":   refused(400, "SignatureDoesNotMatch"),
		"wrongdirectory": refused(404, "EntityNotExists.Directory"),
		"unavailable":    refused(503, "ServiceUnavailable"),
		"error500":       refused(500, "InternalError"),
		"othertask":      answered(func(b taskBody) bool { return b.TaskID != id && b.Status == "Success" }),
		"badtimes":       answered(func(b taskBody) bool { return b.StartTime == "yesterday" && b.TaskID == id }),
		"slow&ms=20":     answered(func(b taskBody) bool { return b.TaskID == id }),
		"throttle400&ms=700": func(t *testing.T, r *http.Response, body string, err error) {
			refused(400, "Throttling.User")(t, r, body, err)
			if got := r.Header.Get("X-Ratelimit-User-Api"); !strings.HasPrefix(got, "Limit:100,Remain:0,TimeLeft:700,Reset:") {
				t.Errorf("got %q", got)
			}
		},
		"html": func(t *testing.T, r *http.Response, body string, err error) {
			if err != nil || r.StatusCode != 502 || r.Header.Get("Content-Type") != "text/html" || !strings.HasPrefix(body, "<html>") {
				t.Errorf("got %v %q %v", r, body, err)
			}
		},
		"cut": func(t *testing.T, r *http.Response, body string, err error) {
			if err != nil || r.StatusCode != 200 || !strings.HasPrefix(body, "{") || json.Valid([]byte(body)) {
				t.Errorf("got %v %q %v", r, body, err)
			}
		},
		"nostatus": func(t *testing.T, r *http.Response, body string, err error) {
			if err != nil || r.StatusCode != 200 || !json.Valid([]byte(body)) || strings.Contains(body, "TaskStatus") {
				t.Errorf("got %v %q %v", r, body, err)
			}
		},
		"reset": func(t *testing.T, _ *http.Response, _ string, err error) {
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("got %v, want a reset", err)
			}
		},
		"stall": func(t *testing.T, _ *http.Response, _ string, err error) {
			if !os.IsTimeout(err) {
				t.Errorf("got %v, want a timeout", err)
			}
		},
		"huge": func(t *testing.T, r *http.Response, body string, err error) {
			if err != nil || len(body) < hugeSize || !strings.HasSuffix(strings.TrimSpace(body), "}") || !strings.Contains(body[hugeSize:], id) {
				t.Errorf("got %d bytes, %v", len(body), err)
			}
		},
	}
	var tested []string
	for _, query := range slices.Sorted(maps.Keys(tests)) {
		kind, _, _ := strings.Cut(query, "&")
		tested = append(tested, kind)
		t.Run(kind, func(t *testing.T) {
			if kind == "huge" {
				client.Timeout = 20 * time.Second
				defer func() { client.Timeout = 300 * time.Millisecond }()
			}
			s.setFault(t, "count=1&kind="+query)
			r, body, err := ask(t)
			tests[query](t, r, body, err)
			if r, body, err := ask(t); err != nil || r.StatusCode != http.StatusOK || !strings.Contains(body, id) {
				t.Errorf("after the fault: %v %.100s %v", r, body, err)
			}
		})
	}
	if kinds := slices.Sorted(maps.Keys(faultKinds)); !slices.Equal(kinds, slices.Sorted(slices.Values(tested))) {
		t.Errorf("there are %q, tested are %q", kinds, tested)
	}
}

func TestFaultsChangeEveryAnswer(t *testing.T) {
	s := start(t, options{binary: noFunction})
	id := s.createTask(t, "seconds=0")
	for _, params := range [][]string{
		{"Action", "GetTaskStatus", "TaskId", id},
		{"Action", "GetTask", "TaskId", id},
		{"Action", "ListTasks"},
	} {
		params = append(params, "DirectoryId", defaultDirectory)
		s.setFault(t, "count=1&kind=othertask")
		if r := s.call(t, params...); r.status != http.StatusOK || strings.Contains(r.body, id) || !strings.Contains(r.body, "other") {
			t.Errorf("%s with another task: got %d %s", params[1], r.status, r.body)
		}
		s.setFault(t, "count=1&kind=nostatus")
		if r := s.call(t, params...); r.status != http.StatusOK || strings.Contains(r.body, "TaskId") {
			t.Errorf("%s without tasks: got %d %s", params[1], r.status, r.body)
		}
	}
	s.setFault(t, "count=1&kind=nostatus")
	if r := s.call(t, "Action", "GetTask", "DirectoryId", defaultDirectory, "TaskId", "t-none"); r.status != http.StatusNotFound {
		t.Errorf("a refusal must stay one: got %d", r.status)
	}
}

func TestFaultsAreOrdered(t *testing.T) {
	s := start(t, options{binary: noFunction})
	id := s.createTask(t, "seconds=0")
	status := func(action string) int {
		return s.call(t, "Action", action, "DirectoryId", defaultDirectory, "TaskId", id).status
	}
	s.setFault(t, "kind=error500&action=GetTask&count=2")
	s.setFault(t, "kind=unavailable")
	var got []int
	for _, action := range []string{"GetTask", "GetTaskStatus", "GetTask", "GetTask", "GetTaskStatus"} {
		got = append(got, status(action))
	}
	if want := []int{500, 503, 500, 503, 503}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r := s.order(t, http.MethodGet, "/faults", ""); strings.TrimSpace(r.body) != `{"faults":[{"kind":"unavailable"}]}` {
		t.Errorf("got %s", r.body)
	}
	s.clearFaults(t)
	if got := status("GetTask"); got != http.StatusOK {
		t.Errorf("got %d with no fault", got)
	}
	for _, query := range []string{"kind=none", "", "kind=cut&count=-1", "kind=cut&count=x", "kind=cut&action=GetTasks"} {
		if r := do(t, http.MethodPost, s.consoleURL+"/faults?"+query, ""); r.status != http.StatusBadRequest {
			t.Errorf("%q: got %d %s", query, r.status, r.body)
		}
	}
}

func TestFaultComesAfterTheSignature(t *testing.T) {
	s := start(t, options{binary: noFunction})
	s.setFault(t, "kind=unavailable")
	wrong := key{ID: "STS.none"}
	response, err := http.DefaultTransport.RoundTrip(sign(t, s.cloudSSOURL, wrong, time.Now(), "Action", "GetTask"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("got %d for an unknown key", response.StatusCode)
	}
}

func TestCloseLetsStalledCallsGo(t *testing.T) {
	s := start(t, options{binary: noFunction})
	s.setFault(t, "kind=stall")
	used, err := s.keys.issue()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		response, err := http.DefaultTransport.RoundTrip(sign(t, s.cloudSSOURL, used, time.Now(), "Action", "GetTask"))
		if err == nil {
			response.Body.Close()
			err = fmt.Errorf("answered with %s", response.Status)
		} else {
			err = nil
		}
		ended <- err
	}()
	eventually(t, "the call arrives", func() bool { return s.counts(t).Calls["GetTask"] == 1 })
	s.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.cloudSSOURL, "http://")); err == nil {
		t.Error("CloudSSO still listens")
	}
}
