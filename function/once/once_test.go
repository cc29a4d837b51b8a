package once

import (
	"slices"
	"testing"
)

func TestSet(t *testing.T) {
	var m Set
	for i := range remembered + 10 {
		if !m.Add(string(rune(i + 0x10000))) {
			t.Fatal("a new id was seen before")
		}
	}
	if len(m.known) != remembered || len(m.order) != remembered {
		t.Errorf("it keeps %d", len(m.known))
	}
	if m.Add(string(rune(remembered + 0x10000))) {
		t.Error("the latest is forgotten")
	}
	if !m.Add(string(rune(0x10000))) {
		t.Error("the first is not")
	}
}

// TestForget: what is forgotten is new, and takes no other id's place.
func TestForget(t *testing.T) {
	var m Set
	m.Add("a")
	m.Add("b")
	m.Forget("a")
	m.Forget("never added")
	if m.Has("a") || !m.Has("b") {
		t.Error("the wrong one is forgotten")
	}
	if !slices.Equal(m.order, []string{"b"}) {
		t.Errorf("what is left is %q", m.order)
	}
	if !m.Add("a") || m.Add("b") {
		t.Error("another id was forgotten")
	}
}
