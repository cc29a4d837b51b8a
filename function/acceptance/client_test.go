package acceptance

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestClient runs the program that the README shows, against the built function.
func TestClient(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "await")
	if output, err := exec.Command("go", "build", "-o", program, filepath.Join("testdata", "await", "main.go")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	m := newMachine(t, "ACCESS=token")
	for _, test := range []struct {
		name, task, token string
		said              string // a part of why it fails; empty where it does not
	}{
		{"it succeeds", m.createTask(t, url.Values{"seconds": {"2"}, "status": {"Success"}}), "local", ""},
		{"it fails", m.createTask(t, url.Values{"seconds": {"2"}, "status": {"Failed"}, "reason": {"No Permission."}}), "local", "Failed No Permission."},
		{"it is not found", absentID, "local", "404 CloudSSO knows no task"},
		{"a wrong token", failedID, "hunter2", "401 An access token is needed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), program, m.front+"/tasks/"+test.task)
			command.Env = append(os.Environ(), "TOKEN="+test.token)
			output, err := command.CombinedOutput()
			if (err == nil) != (test.said == "") || !strings.Contains(string(output), test.said) {
				t.Errorf("%v, and it says %s", err, output)
			}
		})
	}
	t.Run("CloudSSO wants fewer calls", func(t *testing.T) {
		m.fault(t, "throttle400", 8, 0) // more than the function asks again by itself
		command := exec.CommandContext(t.Context(), program, m.front+"/tasks/"+m.createTask(t, url.Values{"seconds": {"0"}, "status": {"Success"}}))
		command.Env = append(os.Environ(), "TOKEN=local")
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v, and it says %s", err, output)
		}
	})
}

// TestReadmeClient: the program in the README is the one that is tested.
func TestReadmeClient(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(filepath.Join("testdata", "await", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "\n```go\n")
	block, rest, found := strings.Cut(block, "```\n")
	if block != string(program) || !found || strings.Contains(rest, "\n```go\n") {
		t.Errorf("the README's Go is\n%s\nand testdata/await/main.go is\n%s", block, program)
	}
}
