package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A row is one figure of each program; a program that has none there has nan.
type row struct {
	what, unit        string
	floor, peer, ours float64
	// What ours may be at most: so many times the others, and in itself. Zero is anything.
	toFloor, toPeer, most float64
}

var nan = math.NaN()

// A table is what is printed in the end, in Markdown.
type table struct{ rows []row }

func (t *table) add(r row) { t.rows = append(t.rows, r) }

// write writes the table. A figure beyond what it may be has an exclamation mark.
func (t *table) write(w io.Writer) {
	cells := [][]string{{"", "floor", "peer", "ours", "ours / floor", "ours / peer"}, {"---", "---:", "---:", "---:", "---:", "---:"}}
	for _, r := range t.rows {
		cells = append(cells, []string{
			r.what + ", " + r.unit,
			figure(r.floor), figure(r.peer),
			figure(r.ours) + judged(r.ours, r.most),
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

func quotient(a, b, most float64) string {
	if math.IsNaN(a / b) {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b) + judged(a/b, most)
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
		return nan
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func median(values []float64) float64 { return quantile(values, 0.5) }
