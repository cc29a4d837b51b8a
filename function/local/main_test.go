package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	output, input := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		args := []string{"-function", echo(t), "-addr", "127.0.0.1:0", "-console", "localhost:0", "-cloudsso", "127.0.0.1:0", "-chat", "127.0.0.1:0", "-quiet",
			"-timer", `1h={"sweep":"1h"}`, "-timer", "5m", "-events", "on", "-retries", "0", "-scenario", "events"}
		ended <- run(ctx, args, []string{"CLOUDSSO_DIRECTORY_ID=d-00mine"}, input, new(logBuffer))
		input.Close()
	}()
	urls := make(map[string]string)
	var text strings.Builder
	lines := bufio.NewScanner(output)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Ctrl-C") {
		text.WriteString(lines.Text() + "\n")
		if name, url, ok := strings.Cut(lines.Text(), " http://"); ok && !strings.HasPrefix(name, " ") {
			urls[name] = "http://" + url
		}
	}
	for _, name := range []string{"front", "console", "cloudsso", "chat"} {
		if urls[name] == "" {
			t.Errorf("%s has no line in\n%s", name, &text)
		}
	}
	for _, want := range []string{urls["front"] + "/tasks?id=t-", urls["front"] + "/tasks/t-sh", urls["console"] + "/invoke", urls["chat"] + "/say"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, &text)
		}
	}
	if r := do(t, http.MethodPost, urls["console"]+"/invoke", `{"do":"environ"}`); !strings.Contains(r.body, "CLOUDSSO_DIRECTORY_ID=d-00mine") {
		t.Errorf("got %+v", r)
	}
	if r := do(t, http.MethodGet, urls["console"]+"/timers", ""); !strings.Contains(r.body, `"every":"1h","payload":"{\"sweep\":\"1h\"}"`) || !strings.Contains(r.body, `"name":"timer-2","every":"5m"`) {
		t.Errorf("got %+v", r)
	}
	for lines.Scan() && !strings.Contains(lines.Text(), " created ") { // the scenario is played
	}
	go io.Copy(io.Discard, output)
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
}

func TestRunRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	const free = "127.0.0.1:0"
	base := []string{"-function", "main_test.go", "-addr", free, "-console", free, "-cloudsso", free, "-chat", free}
	for _, test := range []struct {
		name string
		args []string
		env  []string
		want []string // parts of the error
	}{
		{"no binary", []string{"-function", "missing"}, nil, []string{"-function", "missing", "build it first"}},
		{"port taken", []string{"-console", taken.Addr().String()}, nil, []string{"-console", taken.Addr().String(), "in use"}},
		{"not loopback", []string{"-addr", "192.0.2.1:0"}, nil, []string{"-addr", "not a loopback address"}},
		{"every address", []string{"-cloudsso", ":0"}, nil, []string{"-cloudsso", "not a loopback address"}},
		{"chats for everybody", []string{"-chat", ":0"}, nil, []string{"-chat", "not a loopback address"}},
		{"no port", []string{"-addr", "127.0.0.1"}, nil, []string{"-addr", "missing port"}},
		{"no instances", []string{"-instances", "0"}, nil, []string{"-instances"}},
		{"no time", []string{"-timeout", "0s"}, nil, []string{"-timeout"}},
		{"no time for asynchronous invocations", []string{"-async-timeout", "0s"}, nil, []string{"-async-timeout"}},
		{"fewer than no instances", []string{"-async-instances", "-1"}, nil, []string{"-async-instances"}},
		{"too many retries", []string{"-retries", "9"}, nil, []string{"-retries"}},
		{"fewer than no retries", []string{"-retries", "-1"}, nil, []string{"-retries"}},
		{"too old", []string{"-event-age", "169h"}, nil, []string{"-event-age"}},
		{"too young", []string{"-event-age", "999ms"}, nil, []string{"-event-age"}},
		{"timer without a period", []string{"-timer", "sweep"}, nil, []string{"-timer"}},
		{"unknown events", []string{"-events", "yes"}, nil, []string{"-events", "no-task-id"}},
		{"unknown scenario", []string{"-scenario", "x"}, nil, []string{"-scenario", "events sweep"}},
		{"scenario of what is real", []string{"-live", "-scenario", "sweep"}, nil, []string{"-live"}},
		{"soak of what is real", []string{"-live", "-soak", "1m"}, nil, []string{"-soak"}},
		{"soak of too little time", []string{"-soak", "59s"}, nil, []string{"-soak", "at least 1m"}},
		{"soak with a timer", []string{"-soak", "1m", "-timer", "5m"}, nil, []string{"-soak"}},
		{"argument", []string{"start"}, nil, []string{`"start"`}},
		{"unknown flag", []string{"-port", "1"}, nil, []string{"-port"}},
		{"too large an environment", nil, []string{"SIGNING_KEY=" + strings.Repeat("x", maxEnvironment)}, []string{"4096"}},
		{"live without a directory", []string{"-live"}, []string{"CLOUDSSO_REGION=cn-shanghai"}, []string{"CLOUDSSO_DIRECTORY_ID"}},
		{"live without a region", []string{"-live"}, []string{"CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd"}, []string{"CLOUDSSO_REGION", "CLOUDSSO_ENDPOINT"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			// One that wrongly starts shall not hang the test.
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			err := run(ctx, slices.Concat(base, test.args), test.env, io.Discard, io.Discard)
			if err == nil {
				t.Fatal("it starts")
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in %q", part, err)
				}
			}
		})
	}
}

func TestLive(t *testing.T) {
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "mine")
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
	t.Setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "token")
	opened, err := openCloud(config{
		function: echo(t), frontAddr: "127.0.0.1:0", consoleAddr: "127.0.0.1:0", instances: 1, timeout: time.Second, live: true,
		environ: []string{"CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=cn-shanghai"},
		log:     new(logBuffer), now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if r := do(t, http.MethodPost, opened.consoleURL+"/invoke", `{"do":"context"}`); !strings.Contains(r.body, `"AccessKeyId":"mine"`) || !strings.Contains(r.body, `"SecurityToken":"token"`) {
		t.Errorf("got %+v", r)
	}
	if r := do(t, http.MethodPost, opened.consoleURL+"/invoke", `{"do":"environ"}`); !strings.Contains(r.body, "CLOUDSSO_REGION=cn-shanghai") || strings.Contains(r.body, "CLOUDSSO_ENDPOINT") {
		t.Errorf("got %+v", r)
	}
	// What belongs to the simulation is not there, the credentials least of all.
	for _, path := range []string{"/credentials", "/stats", "/faults", "/events"} {
		if r := do(t, http.MethodGet, opened.consoleURL+path, ""); r.status != http.StatusNotFound {
			t.Errorf("%s: got %+v", path, r)
		}
	}
	for _, path := range []string{"/queue", "/destinations", "/timers"} {
		if r := do(t, http.MethodGet, opened.consoleURL+path, ""); r.status != http.StatusOK {
			t.Errorf("%s: got %+v", path, r)
		}
	}
	var banner strings.Builder
	printBanner(&banner, opened)
	if strings.Contains(banner.String(), "cloudsso http") || strings.Contains(banner.String(), "secret") {
		t.Errorf("got\n%s", &banner)
	}
}
