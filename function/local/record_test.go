package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestRecord: what the function answers is recorded as it was sent and answered, and
// nothing that Function Compute answers itself.
func TestRecord(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("EXCHANGES", dir)
	s := start(t, options{env: map[string]string{"ACCESS": "open"}})
	pasted := s.send(t, "POST", "/tasks?lang=zh", "id=t-shfqw1u1edszvxw5abcd+\xff", "X-Odd", "1", "X-Odd", "2")
	health := s.get(t, "/healthz")
	s.send(t, "PUT", "/healthz", "")
	s.get(t, "/healthz", "X-Large", strings.Repeat("x", maxRequestHeaders))
	s.get(t, "/healthz?"+strings.Repeat("x", maxRequestPath))
	s.get(t, "/healthz", "X-Fc-Invocation-Type", "Async")

	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the files are %v (%v)", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("there are secrets in it, for all of %v (%v)", info.Mode(), err)
	}
	lines, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var e, last exchange
	line, rest, _ := strings.Cut(string(lines), "\n")
	if err := errors.Join(json.Unmarshal([]byte(line), &e), json.Unmarshal([]byte(rest), &last)); err != nil {
		t.Fatalf("%v: want two exchanges, got\n%s", err, lines)
	}
	if e.Method != "POST" || e.Target != "/tasks?lang=zh" || string(e.Body) != "id=t-shfqw1u1edszvxw5abcd+\xff" || !reflect.DeepEqual(e.Header["X-Odd"], []string{"1", "2"}) {
		t.Errorf("sent: got %s", lines)
	}
	if e.Status != pasted.status || string(e.ResponseBody) != pasted.body || e.ResponseHeader.Get("Location") != pasted.header.Get("Location") || e.ResponseHeader.Get("X-Fc-Request-Id") == "" {
		t.Errorf("answered: got %s", lines)
	}
	if last.Method != "GET" || last.Target != "/healthz" || last.Status != health.status || string(last.ResponseBody) != health.body || health.body == "" {
		t.Errorf("answered with a body: got %s", rest)
	}
}
