package acceptance

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var recorded = flag.String("recorded", "", "a `directory` of exchanges that other tests had, to be held to the contract by TestRecorded")

// TestRecorded holds to the contract all exchanges that tests had, of this module and of
// the function's own: make test has them recorded. Where everything has to run, each
// status of each operation is among them.
func TestRecorded(t *testing.T) {
	if *recorded == "" {
		t.Skip("make test does this with what all tests have recorded")
	}
	c := theContract(t)
	files, err := filepath.Glob(filepath.Join(*recorded, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	seen, wrong := make(map[place]int), 0
	for _, file := range files {
		eachExchange(t, file, func(e exchange) {
			where, err := c.check(e)
			if seen[where]++; err != nil {
				if wrong++; wrong <= 20 {
					t.Errorf("%v: %v\n%v", where, err, e)
				}
			}
			if e.Method == http.MethodHead || e.Method == http.MethodOptions {
				where.status = 0
				seen[where]++
			}
		})
	}
	all, routes := 0, make(map[string]int)
	for where, n := range seen {
		if where.status != 0 {
			all += n
			routes[where.template] += n
		}
	}
	t.Logf("%d exchanges, %d of them wrong, by path %v", all, wrong, routes)
	var never []place
	for _, where := range c.described() {
		if seen[where] == 0 {
			never = append(never, where)
		}
	}
	switch {
	case all == 0:
		t.Errorf("there are no exchanges in %s", *recorded)
	case len(never) > 0 && os.Getenv("CI") != "":
		t.Errorf("described, but never seen: %v", never)
	case len(never) > 0:
		t.Logf("described, but not seen: %v", never)
	}
}

// TestRecordedBesideOthers: where the project is in a folder with a space in its name, make
// test deletes nothing but what it has recorded, and records where it looks then.
func TestRecordedBesideOthers(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	project, other := filepath.Join(dir, "task status"), filepath.Join(dir, "task")
	exchanges := filepath.Join(project, "build", "exchanges")
	err = errors.Join(
		os.WriteFile(other, nil, 0o600),
		os.MkdirAll(filepath.Join(project, "function", "acceptance"), 0o755),
		os.Mkdir(filepath.Join(project, "function", "bench"), 0o755),
		os.WriteFile(filepath.Join(project, "Makefile"), makefile, 0o600),
		os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\necho \"$EXCHANGES: $*\" >> \"$SAID\"\n"), 0o755),
	)
	if err != nil {
		t.Fatal(err)
	}
	said := filepath.Join(dir, "said")
	command := exec.Command("make", "test", "GO="+filepath.Join(dir, "go"))
	// Not with what the make was given that runs this test.
	command.Dir, command.Env = project, []string{"PATH=" + os.Getenv("PATH"), "SAID=" + said, "CHROMIUM=none"}
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(exchanges); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(said)
	if want := exchanges + ": test "; err != nil || strings.Count(string(text), want) < 2 || !strings.Contains(string(text), "-recorded "+exchanges+"\n") {
		t.Errorf("want twice %s, and then -recorded: %v\n%s", want, err, text)
	}
}

func eachExchange(t *testing.T, path string, do func(exchange)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for decoder := json.NewDecoder(bufio.NewReader(file)); ; {
		var e exchange
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		do(e)
	}
}
