package acceptance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// directory is the one that the stand-in simulates.
const directory = "d-00fc2p61abcd"

// A machine is the built function under the stand-ins, in a process of its own.
type machine struct {
	front, console, cloudsso string // URLs
}

// here is the machine that all tests share.
var here machine

func TestMain(m *testing.M) {
	os.Exit(func() int {
		stop, err := startMachine()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer stop()
		return m.Run()
	}())
}

// startMachine builds the function and the stand-ins, starts them on ports of
// their own and reads from their banner where they are.
func startMachine() (stop func(), err error) {
	dir, err := os.MkdirTemp("", "acceptance")
	if err != nil {
		return nil, err
	}
	function, local := filepath.Join(dir, "function"), filepath.Join(dir, "local")
	for binary, source := range map[string]string{function: "./function", local: "./function/local"} {
		build := exec.Command("go", "build", "-o", binary, source)
		build.Dir = filepath.Join("..", "..")
		if output, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build %s: %w\n%s", source, err, output)
		}
	}
	command := exec.Command(local, "-function", function, "-addr", "127.0.0.1:0", "-console", "127.0.0.1:0", "-cloudsso", "127.0.0.1:0", "-quiet")
	banner, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		command.Process.Signal(syscall.SIGTERM)
		command.Wait()
		os.RemoveAll(dir)
	}
	where := map[string]*string{"front": &here.front, "console": &here.console, "cloudsso": &here.cloudsso}
	lines := bufio.NewScanner(banner)
	for len(where) > 0 && lines.Scan() {
		name, url, _ := strings.Cut(lines.Text(), " ")
		if address, ok := where[name]; ok {
			*address = url
			delete(where, name)
		}
	}
	if len(where) > 0 {
		stop()
		return nil, fmt.Errorf("local did not say where it is: %v", where)
	}
	go io.Copy(io.Discard, banner)
	return stop, nil
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
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d %v: %s", url, response.StatusCode, err, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("GET %s: %v: %s", url, err, body)
	}
}
