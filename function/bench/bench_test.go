package main

import (
	"math"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestBench has everything measured once: a figure of a single run says nothing, but
// that there is one says that what is measured still answers as it should.
func TestBench(t *testing.T) {
	t.Chdir("../..")
	b := &bench{runs: 1, throttledRuns: 1, rounds: 1, requests: 200}
	if err := b.run(""); err != nil {
		t.Fatal(err)
	}
	if len(b.rows) < 40 {
		t.Errorf("%d rows", len(b.rows))
	}
	for _, r := range b.rows {
		if !(median(r.ours) > 0) {
			t.Errorf("%s: %v", r.what, r.ours)
		}
		if (r.toFloor != 0 && r.floor == nil) || (r.toPeer != 0 && r.peer == nil) {
			t.Errorf("%s: a goal, and nothing to compare with", r.what)
		}
	}
}

func TestOnlyWhatThereIs(t *testing.T) {
	if err := new(bench).run("warm,cold"); err == nil {
		t.Error("nothing was measured, and nobody told")
	}
}

func TestTable(t *testing.T) {
	var written strings.Builder
	var results table
	results.add(row{what: "met", unit: "ms", floor: []float64{1, 10, 2}, peer: []float64{4, 4, 4}, ours: []float64{1.25, 12, 2.5}, toFloor: 1.25, toPeer: 0.7, most: 2.5})
	results.add(row{what: "missed", unit: "MB", floor: once(2), ours: once(12.3456), toFloor: 1.5, most: 12})
	results.add(row{what: "no goal", unit: "bytes", peer: once(200), ours: once(1234.5)})
	results.write(&written)
	const want = `
|                | floor | peer |          ours |   ours / floor |  ours / peer |
| ---            |  ---: | ---: |          ---: |           ---: |         ---: |
| met, ms        |     2 |    4 |   2.5 (≤ 2.5) |  1.25 (≤ 1.25) | 0.62 (≤ 0.7) |
| missed, MB     |     2 |      | 12.3 (! ≤ 12) | 6.17 (! ≤ 1.5) |              |
| no goal, bytes |       |  200 |          1234 |                |         6.17 |
`
	if got := "\n" + written.String(); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for _, test := range []struct{ q, want float64 }{{0, 1}, {0.5, 3}, {0.99, 5}, {1, 5}} {
		if got := quantile(values, test.q); got != test.want {
			t.Errorf("quantile %v = %v, want %v", test.q, got, test.want)
		}
	}
	if values[0] != 5 || !math.IsNaN(median(nil)) {
		t.Error("the values were sorted in place, or nothing has a median")
	}
}

func TestCheck(t *testing.T) {
	good := `{"statusCode":200,"headers":{},"isBase64Encoded":false,"body":"{\"status\":\"Success\"}"}`
	for _, test := range []struct {
		name, payload string
		ok            bool
	}{
		{"as it is asked for", good, true},
		{"in base64", `{"statusCode":200,"headers":{},"isBase64Encoded":true,"body":"eyJzdGF0dXMiOiJTdWNjZXNzIn0="}`, true},
		{"another status", strings.Replace(good, "200", "502", 1), false},
		{"another answer", strings.Replace(good, "Success", "Failed", 1), false},
		{"not what its header says", strings.Replace(good, "{}", `{"Content-Encoding":"gzip"}`, 1), false},
		{"none", `{"errorMessage":"x"}`, false},
		{"no JSON", "", false},
	} {
		if err := asJSON.check([]byte(test.payload)); (err == nil) != test.ok {
			t.Errorf("%s: %v, want ok %v", test.name, err, test.ok)
		}
	}
}

// A process that would take all of a processor gets its share, by whatever means.
func TestQuota(t *testing.T) {
	const share, periods = 0.2, 10
	grouped := newQuota(share)
	defer grouped.Close()
	for _, q := range []*quota{grouped, {share: share}} {
		t.Run(q.how(), func(t *testing.T) {
			busy := exec.Command("sh", "-c", "while :; do :; done")
			busy.SysProcAttr = new(syscall.SysProcAttr)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if err := q.start(busy); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			time.Sleep(periods * quotaPeriod)
			used, took := (&instance{command: busy}).cpu(), time.Since(begun)
			_ = busy.Process.Kill()
			_ = busy.Wait() // says that it was killed
			if got := float64(used) / float64(took); got == 0 || got > 2*share {
				t.Errorf("it used %.2f of a processor, want %v", got, share)
			}
		})
	}
}
