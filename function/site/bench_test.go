package site

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"taskstatus/function/access"
	"taskstatus/function/budget"
	"taskstatus/function/entry"
	"taskstatus/function/task"
	"taskstatus/web"
)

// remembered is a Looker that knows every task at once: what is measured is the site
// alone. Of each four tasks one failed and one is open.
type remembered struct{ results []task.Result }

func (r remembered) Look(_ context.Context, _ task.DirectoryID, ids []task.ID, _ time.Duration) []task.Result {
	results := make([]task.Result, len(ids))
	for i, id := range ids {
		for _, known := range r.results {
			if known.ID == id {
				results[i] = known
			}
		}
	}
	return results
}

// remember returns n tasks, and their ids by comma.
func remember(n int) (remembered, string) {
	var r remembered
	var ids []string
	for i := range n {
		t := task.Task{
			ID: task.ID(fmt.Sprintf("t-shfqw1u1edszvxw5ab%02d", i)), Directory: directory,
			Type: task.CreateAccessAssignment, Status: task.Success,
			Start: at(7), End: at(8), CheckedAt: at(17), RequestID: "005F4623-AE53-504D-830F-44825F7DC211",
		}
		switch i % 4 {
		case 0:
			t.Status, t.FailureReason = task.Failed, "No Permission."
		case 1:
			t.Status, t.End = task.InProgress, time.Time{}
		}
		r.results = append(r.results, task.Result{ID: t.ID, Task: t})
		ids = append(ids, string(t.ID))
	}
	return r, strings.Join(ids, ",")
}

// discard takes an answer without keeping more of it than is checked.
type discard struct {
	header http.Header
	status int
	length int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { d.length += len(p); return len(p), nil }

// A load is one request that is made again and again.
type load struct {
	name string
	path string
	// accept is a browser's, where it asks for a page.
	accept string
	// gzip is for who takes answers compressed.
	gzip bool
	// again is for who has the answer already.
	again bool
	// budget is the most allocations that one answer may take, a tenth more than it does.
	budget float64
}

// loads are what a site is asked most, by who bears a token.
func loads(t testing.TB) (*Site, []load) {
	t.Helper()
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	r, ids := remember(20)
	one, open := "/tasks/"+string(r.results[0].ID), "/tasks/"+string(r.results[1].ID)
	policy, err := access.Parse("token", fmt.Sprintf("ci:%x", sha256.Sum256([]byte("token"))), "", "")
	if err != nil {
		t.Fatal(err)
	}
	s := &Site{
		Looker: r, Guard: policy, Directories: []task.DirectoryID{directory},
		PublicURL: "https://status.example.com", Version: "v1",
		Now: func() time.Time { return now },
	}
	return s, []load{
		{name: "JSON", path: one, budget: 42},
		{name: "JSON open", path: open, budget: 43},
		{name: "JSON 304", path: one, again: true, budget: 38},
		{name: "text", path: one + ".txt", budget: 54},
		{name: "page", path: one, accept: browser, budget: 292},
		{name: "page 304", path: one, accept: browser, again: true, budget: 38},
		{name: "fragment", path: open + "?fragment=1", accept: browser, budget: 284},
		{name: "board JSON", path: "/tasks?id=" + ids, budget: 184},
		{name: "board page", path: "/tasks?id=" + ids, accept: browser, budget: 1080},
		{name: "board page gzip", path: "/tasks?id=" + ids, accept: browser, gzip: true, budget: 1089},
		{name: "board page 304", path: "/tasks?id=" + ids, accept: browser, again: true, budget: 178},
		{name: "file", path: assets + web.Style, gzip: true, budget: 24},
		{name: "file 304", path: assets + web.Style, gzip: true, again: true, budget: 22},
	}
}

// prepare returns what asks once, with the line in the log, and fails where the answer is not the one that it was
// the first time.
func (l load) prepare(t testing.TB, s *Site) (ask func(), length int) {
	t.Helper()
	r := request("GET", l.path, "Authorization: Bearer token", "Accept-Language: en-US,en;q=0.5",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	if l.accept != "" {
		r.Header.Set("Accept", l.accept)
	}
	if l.gzip {
		r.Header.Set("Accept-Encoding", "gzip, deflate, br")
	}
	w := send(s, r)
	if w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	status, length := http.StatusOK, w.Body.Len()
	if l.again {
		r.Header.Set("If-None-Match", w.Header().Get("ETag"))
		status, length = http.StatusNotModified, 0
	}
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	return func() {
		w := discard{header: make(http.Header)}
		ctx, line := entry.New(t.Context())
		s.ServeHTTP(&w, r.WithContext(ctx))
		line.Write(log)
		if w.status != status || w.length != length {
			t.Fatalf("got %d and %d bytes, want %d and %d", w.status, w.length, status, length)
		}
	}, length
}

func BenchmarkServeHTTP(b *testing.B) {
	s, all := loads(b)
	for _, l := range all {
		b.Run(l.name, func(b *testing.B) {
			ask, length := l.prepare(b, s)
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
			b.ReportMetric(float64(length), "bytes")
		})
	}
}

// lost is by how much more is allocated where pools lose what is put into them.
var lost = 1.0

// TestBudget keeps answers from becoming dearer unseen.
func TestBudget(t *testing.T) {
	s, all := loads(t)
	items := make([]budget.Item, len(all))
	for i, l := range all {
		ask, _ := l.prepare(t, s)
		items[i] = budget.Item{Name: l.name, Allocations: l.budget * lost, Do: ask}
	}
	budget.Test(t, items)
}
