package acceptance

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// directory is the one that the stand-in simulates.
const directory = "d-00fc2p61abcd"

// here is the machine that all tests share that need none of their own.
var here *machine

func TestMain(m *testing.M) {
	// Most tests wait, for tasks that run and for pages that look again. The
	// command line may say otherwise.
	flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	flag.Parse()
	if *recorded != "" {
		os.Exit(m.Run()) // without a machine
	}
	os.Exit(func() int {
		defer func() { closeBrowser() }() // there may be one by then
		dir, err := os.MkdirTemp("", "acceptance")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := build(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		here, err = startMachine(io.Discard)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer here.stop()
		return m.Run()
	}())
}

// told holds what missing said already.
var told sync.Map

// missing skips the test because this computer lacks something. It says so
// once, however many tests that concerns. Where everything has to run, the test
// fails.
func missing(t *testing.T, what, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	notice := what + " SKIPPED: " + why
	if _, again := told.LoadOrStore(notice, true); !again {
		fmt.Fprintln(os.Stderr, notice)
	}
	t.Skip(why)
}

// A roleKey is what the stand-in hands out as the credentials of a role.
type roleKey struct {
	AccessKeyID     string `json:"AccessKeyId"`
	AccessKeySecret string
	SecurityToken   string
}

func issueKey(t *testing.T) roleKey {
	t.Helper()
	var c roleKey
	getJSON(t, here.console+"/credentials", &c)
	return c
}

// A status is the function's JSON document, as far as it matters here.
type status struct {
	TaskID   string `json:"taskId"`
	TaskType string `json:"taskType"`
	Status   string `json:"status"`
	Done     bool   `json:"done"`
}

// reported asks the built function for a task and waits until it says done.
func reported(t *testing.T, id string) status {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		var s status
		getJSON(t, here.front+"/tasks/"+id+"?wait=20", &s)
		if s.Done {
			return s
		}
	}
	t.Fatalf("the function never reported %s as done", id)
	return status{}
}

func getJSON(t *testing.T, url string, into any) {
	t.Helper()
	doJSON(t, http.MethodGet, url, into)
}

func doJSON(t *testing.T, method, url string, into any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %v: %s", method, url, response.StatusCode, err, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s %s: %v: %s", method, url, err, body)
	}
}
