package acceptance

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
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
