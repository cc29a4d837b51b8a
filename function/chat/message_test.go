package chat

import "testing"

func TestCut(t *testing.T) {
	for _, test := range []struct {
		in   string
		most int
		want string
	}{
		{"abc", 3, "abc"}, {"abcdef", 5, "ab…"}, {"权限不足", 12, "权限不足"}, {"权限不足", 11, "权限…"}, {"权限不足", 6, "权…"},
		{"权限不足", 5, "…"}, {"权限不足", 3, "…"}, {"权限不足", 2, ""}, {"abc", 0, ""},
	} {
		if got := cut(test.in, test.most); got != test.want {
			t.Errorf("%q in %d: got %q, want %q", test.in, test.most, got, test.want)
		}
	}
}
