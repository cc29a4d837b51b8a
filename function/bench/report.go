package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A row is what was measured of each program: once, or in each of some runs, of which
// the median counts. A program that has nothing there has none.
type row struct {
	what, unit        string
	floor, peer, ours []float64
	// What ours may be at most: so many times the others, and in itself. Zero is anything.
	toFloor, toPeer, most float64
}

// once is what was measured once.
func once(value float64) []float64 { return []float64{value} }

// A table is what is printed in the end, in Markdown.
type table struct{ rows []row }

func (t *table) add(r row) { t.rows = append(t.rows, r) }

// write writes the table. A figure beyond what it may be has an exclamation mark.
func (t *table) write(w io.Writer) {
	cells := [][]string{{"", "floor", "peer", "ours", "ours / floor", "ours / peer"}, {"---", "---:", "---:", "---:", "---:", "---:"}}
	for _, r := range t.rows {
		cells = append(cells, []string{
			r.what + ", " + r.unit,
			figure(median(r.floor)), figure(median(r.peer)),
			figure(median(r.ours)) + judged(median(r.ours), r.most),
			quotient(r.ours, r.floor, r.toFloor), quotient(r.ours, r.peer, r.toPeer),
		})
	}
	var widths [6]int
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, line := range cells {
		for i, cell := range line {
			padding := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i == 0 {
				fmt.Fprintf(w, "| %s%s |", cell, padding)
			} else {
				fmt.Fprintf(w, " %s%s |", padding, cell)
			}
		}
		fmt.Fprintln(w)
	}
}

// figure is a number to three digits that count.
func figure(f float64) string {
	switch {
	case math.IsNaN(f):
		return ""
	case f >= 100 || f == math.Trunc(f):
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

func quotient(ours, others []float64, most float64) string {
	q := ratio(ours, others)
	if math.IsNaN(q) {
		return ""
	}
	return fmt.Sprintf("%.2f", q) + judged(q, most)
}

// ratio is the median of the ratios within each run: a machine that is slower for some
// time is so for all, and medians would come from different times.
func ratio(ours, others []float64) float64 {
	if len(ours) != len(others) {
		return median(ours) / median(others)
	}
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / others[i]
	}
	return median(ratios)
}

func judged(f, most float64) string {
	switch {
	case most == 0:
		return ""
	case f > most:
		return fmt.Sprintf(" (! ≤ %v)", most)
	}
	return fmt.Sprintf(" (≤ %v)", most)
}

// quantile is the value that so much of all are below; of nothing it is nan.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func median(values []float64) float64 { return quantile(values, 0.5) }
