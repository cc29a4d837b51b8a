package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// A tally counts requests, and what went wrong with them, by kind.
type tally struct {
	mu    sync.Mutex
	kinds map[string]*kindTally
}

// A kindTally is the part of a tally about one kind of request.
type kindTally struct {
	requests int
	took     latencies
	calm     problems // with no fault on
	excused  problems
}

// A problems counts what went wrong, and keeps an example of each.
type problems struct {
	counts   map[string]int
	examples map[string]string
	total    int
}

// A problem is what is wrong with an answer, in few words, and the answer. Without words it is none.
type problem struct{ what, answer string }

// maxExample bounds the answer that is kept as an example.
const maxExample = 400

func (p *problems) add(found problem) {
	if p.counts == nil {
		p.counts, p.examples = make(map[string]int), make(map[string]string)
	}
	if p.counts[found.what]++; p.counts[found.what] == 1 {
		p.examples[found.what] = found.answer[:min(len(found.answer), maxExample)]
	}
	p.total++
}

func newTally(kinds []string) *tally {
	t := &tally{kinds: make(map[string]*kindTally)}
	for _, kind := range kinds {
		t.kinds[kind] = new(kindTally)
	}
	return t
}

// add counts a request. excused says that a fault was on.
func (t *tally) add(kind string, took time.Duration, found problem, excused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.kinds[kind]
	k.requests++
	k.took.add(took)
	switch {
	case found.what == "":
	case excused:
		k.excused.add(found)
	default:
		k.calm.add(found)
	}
}

// A tallied is the sum of all kinds.
type tallied struct{ requests, calm, excused int }

func (t *tally) sum() (all tallied) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.kinds {
		all.requests += k.requests
		all.calm += k.calm.total
		all.excused += k.excused.total
	}
	return all
}

// failures says what went wrong without a fault, and what was never asked: of
// that a soak says nothing.
func (t *tally) failures() (failures []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, kind := range slices.Sorted(maps.Keys(t.kinds)) {
		k := t.kinds[kind]
		if k.requests == 0 {
			failures = append(failures, kind+": there was no such request")
		}
		for _, what := range slices.Sorted(maps.Keys(k.calm.counts)) {
			failures = append(failures, fmt.Sprintf("%s: %d times without a fault: %s, such as %q", kind, k.calm.counts[what], what, k.calm.examples[what]))
		}
	}
	return failures
}

// print writes a line for each kind, and one for each way in which it went wrong.
func (t *tally) print(out io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "requests\tp50\tp99\terrors without a fault\twith one\t\n")
	kinds := slices.Sorted(maps.Keys(t.kinds))
	for _, kind := range kinds {
		k := t.kinds[kind]
		fmt.Fprintf(table, "%d\t%v\t%v\t%d\t%d\t  %s\n", k.requests, short(k.took.quantile(0.5)), short(k.took.quantile(0.99)), k.calm.total, k.excused.total, kind)
	}
	table.Flush()
	for _, kind := range kinds {
		t.kinds[kind].excused.print(out, "while a fault was on: "+kind)
		t.kinds[kind].calm.print(out, "without a fault: "+kind)
	}
}

func (p *problems) print(out io.Writer, about string) {
	for _, what := range slices.Sorted(maps.Keys(p.counts)) {
		fmt.Fprintf(out, "%s: %d times %s\n", about, p.counts[what], what)
	}
}

// short rounds a duration to what one reads of it.
func short(d time.Duration) time.Duration {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond)
	case d < time.Second:
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(10 * time.Millisecond)
}
