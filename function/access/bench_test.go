package access

import (
	"testing"

	"taskstatus/function/budget"
)

func TestBudget(t *testing.T)     { budget.Test(t, costs(t)) }
func BenchmarkCosts(b *testing.B) { budget.Benchmark(b, costs(b)) }

// costs are of those who are let in, by the last of a few tokens. None can fail unnoticed.
func costs(tb testing.TB) (all []budget.Item) {
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
		all = append(all, budget.Item{Name: who.name, Allocations: who.allocations, Do: func() {
			if name, session, err := p.Caller(r, now); name != "bot" || session != who.session || err != nil {
				tb.Fatalf("got %q, %v, %v", name, session, err)
			}
		}})
	}
	return all
}
