package acceptance

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// binaries are where the function and the stand-ins are, built once for all machines.
var binaries struct{ function, local string }

// build builds the binaries into a directory.
func build(dir string) error {
	binaries.function, binaries.local = filepath.Join(dir, "function"), filepath.Join(dir, "local")
	for binary, source := range map[string]string{binaries.function: "./function", binaries.local: "./function/local"} {
		command := exec.Command("go", "build", "-o", binary, source)
		command.Dir = filepath.Join("..", "..")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", source, err, output)
		}
	}
	return nil
}

// A machine is the built function under the stand-ins, in a process of its own.
type machine struct {
	front, console, cloudsso, chat string // URLs
	process                        *exec.Cmd
}

// newMachine starts a machine for one test, with variables of the function
// such as "ACCESS=token" beside the environment, and flags of the stand-in such as
// "-instances=1". What it logs is shown where the test fails.
func newMachine(t *testing.T, options ...string) *machine {
	t.Helper()
	var log bytes.Buffer
	m, err := startMachine(&log, options...)
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	t.Cleanup(func() {
		m.stop()
		if t.Failed() {
			t.Logf("the machine's log:\n%s", &log)
		}
	})
	return m
}

// startMachine starts the binaries on ports of their own and reads from their
// banner where they are.
func startMachine(log io.Writer, options ...string) (*machine, error) {
	m := &machine{process: exec.Command(binaries.local, "-function", binaries.function,
		"-addr", "127.0.0.1:0", "-console", "127.0.0.1:0", "-cloudsso", "127.0.0.1:0", "-chat", "127.0.0.1:0", "-quiet")}
	if dir := os.Getenv("EXCHANGES"); dir != "" {
		m.process.Args = append(m.process.Args, "-record", filepath.Join(dir, "acceptance-"+rand.Text()+".jsonl"))
	}
	m.process.Env = os.Environ()
	for _, option := range options {
		if strings.HasPrefix(option, "-") {
			m.process.Args = append(m.process.Args, option)
		} else {
			m.process.Env = append(m.process.Env, option)
		}
	}
	m.process.Stderr = log
	banner, err := m.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := m.process.Start(); err != nil {
		return nil, err
	}
	where := map[string]*string{"front": &m.front, "console": &m.console, "cloudsso": &m.cloudsso, "chat": &m.chat}
	lines := bufio.NewScanner(banner)
	for len(where) > 0 && lines.Scan() {
		name, url, _ := strings.Cut(lines.Text(), " ")
		if address, ok := where[name]; ok {
			*address = url
			delete(where, name)
		}
	}
	if len(where) > 0 {
		m.stop()
		return nil, fmt.Errorf("local did not say where it is: %v", where)
	}
	go io.Copy(io.Discard, banner)
	return m, nil
}

func (m *machine) stop() {
	m.process.Process.Signal(syscall.SIGTERM)
	m.process.Wait()
}

// createTask creates a simulated task and returns its id. The parameters are
// the console's: type, seconds that it runs, status that it ends with, reason
// of a failure, age in seconds.
func (m *machine) createTask(t *testing.T, parameters url.Values) string {
	t.Helper()
	type task struct {
		ID string `json:"TaskId"`
	}
	var created struct {
		Task  task
		Tasks []task
	}
	doJSON(t, http.MethodPost, m.console+"/tasks?"+parameters.Encode(), &created)
	if len(created.Tasks) > 0 {
		return created.Tasks[0].ID
	}
	return created.Task.ID
}

// fault makes CloudSSO misbehave in the next calls, or until clearFaults where
// count is 0. What the milliseconds mean depends on the kind.
func (m *machine) fault(t *testing.T, kind string, count, milliseconds int) {
	t.Helper()
	query := url.Values{"kind": {kind}, "count": {strconv.Itoa(count)}, "ms": {strconv.Itoa(milliseconds)}}
	doJSON(t, http.MethodPost, m.console+"/faults?"+query.Encode(), new(any))
}

func (m *machine) clearFaults(t *testing.T) {
	t.Helper()
	doJSON(t, http.MethodDelete, m.console+"/faults", new(any))
}

// calls are what CloudSSO was asked.
type calls struct {
	Actions map[string]int `json:"calls"`
	Tasks   map[string]int `json:"tasks"` // GetTaskStatus, by task
}

func (m *machine) calls(t *testing.T) calls {
	t.Helper()
	var c calls
	getJSON(t, m.console+"/stats", &c)
	return c
}

// said is the address that a bot's answer in Slack leads to.
func (m *machine) said(t *testing.T, text string) string {
	t.Helper()
	response, err := http.PostForm(m.chat+"/say", url.Values{"platform": {"slack"}, "text": {text}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("say %q: %d %v: %s", text, response.StatusCode, err, answer)
	}
	// The last one is the button's.
	text = strings.ReplaceAll(string(answer), `\u0026`, "&")
	links := regexp.MustCompile(regexp.QuoteMeta(m.front)+`/tasks[^"|>\\]*`).FindAllString(text, -1)
	if len(links) == 0 {
		t.Fatalf("no link in %s", text)
	}
	return links[len(links)-1]
}
