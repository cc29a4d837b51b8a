package chat

import (
	"slices"
	"testing"
)

func TestSeen(t *testing.T) {
	var m seen
	for i := range remembered + 10 {
		if !m.add(string(rune(i + 0x10000))) {
			t.Fatal("a new id was seen before")
		}
	}
	if len(m.known) != remembered || len(m.order) != remembered {
		t.Errorf("it keeps %d", len(m.known))
	}
	if m.add(string(rune(remembered + 0x10000))) {
		t.Error("the latest is forgotten")
	}
	if !m.add(string(rune(0x10000))) {
		t.Error("the first is not")
	}
}

// TestSeenForgets: what is forgotten is new, and takes no other id's place.
func TestSeenForgets(t *testing.T) {
	var m seen
	m.add("a")
	m.add("b")
	m.forget("a")
	if !slices.Equal(m.order, []string{"b"}) {
		t.Errorf("what is left is %q", m.order)
	}
	if !m.add("a") || m.add("b") {
		t.Error("another id was forgotten")
	}
}
