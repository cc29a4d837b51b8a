package access

import "testing"

// A cost is something that each request takes part in, and how many allocations it
// may take: a few more than it does, for Go's next release and for what -race adds.
type cost struct {
	name        string
	allocations float64
	do          func()
}

func TestBudget(t *testing.T) {
	for _, c := range costs(t) {
		if got := testing.AllocsPerRun(100, c.do); got > c.allocations {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.allocations)
		}
	}
}

func BenchmarkCosts(b *testing.B) {
	for _, c := range costs(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.do()
			}
		})
	}
}

// costs are of those who are let in, by the last of a few tokens. None can fail unnoticed.
func costs(tb testing.TB) (all []cost) {
	p := parse(tb, "", "ops:"+hash("beta")+",alice:"+hash("gamma")+",bot:"+hash("alpha"), key)
	for _, who := range []struct {
		name, header string
		session      bool
		allocations  float64
	}{
		{"a token", "Authorization: Bearer alpha", false, 5},
		{"a session", "Cookie: lang=en; " + sessionCookie + "=" + signIn(tb, p).Value, true, 35},
	} {
		r := from("192.0.2.1:1", who.header)
		all = append(all, cost{who.name, who.allocations, func() {
			if name, session, err := p.Caller(r, now); name != "bot" || session != who.session || err != nil {
				tb.Fatalf("got %q, %v, %v", name, session, err)
			}
		}})
	}
	return all
}
