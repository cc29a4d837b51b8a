package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestNothingShows prints a value in every way there is, bare and inside others.
func TestNothingShows(t *testing.T) {
	type holder struct {
		hidden Value
		Shown  Value
		list   []Value
		to     *Value
	}
	v := New("hunter2-hunter2")
	h := holder{v, v, []Value{v}, &v}
	var out strings.Builder
	for _, value := range []any{v, &v, h, &h, []Value{v}, map[string]Value{"a": v}, map[Value]int{v: 1}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "value", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "value", value)
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(encoded)
	}
	for _, form := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), "aHVudGVyM", fmt.Sprint([]byte("hunter2"))[1:]} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q is shown", form)
		}
	}
	if got := fmt.Sprintf("%v %s %q %x", v, v, v, v); got != "*** *** *** ***" {
		t.Errorf("got %q", got)
	}
}

func TestValue(t *testing.T) {
	var none Value
	if none.IsSet() || none.Reveal() != "" || New("").IsSet() {
		t.Error("nothing counts as a secret")
	}
	if v := New("x"); !v.IsSet() || v.Reveal() != "x" {
		t.Errorf("got %q, want x", v.Reveal())
	}
}
