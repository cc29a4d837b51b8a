package access

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	key      = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwSW8mGJQHqTo="
	otherKey = "C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// parse reads a policy that is right.
func parse(t testing.TB, mode, tokens, keys string) Policy {
	t.Helper()
	p, err := Parse(mode, tokens, keys, "https://status.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// from is a request from an address, with headers given as "Name: value".
func from(address string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://status.example.com/tasks", nil)
	r.RemoteAddr = address
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestCaller(t *testing.T) {
	two := "bot:" + hash("alpha") + ", alice : " + hash("beta") + ",alice:" + strings.ToUpper(hash("gamma"))
	for _, test := range []struct {
		name, mode, tokens, header string
		caller                     string
		ok                         bool
	}{
		{"open", "open", "", "", "", true},
		{"open, and a token all the same", "open", two, "Bearer alpha", "bot", true},
		{"open, and a wrong token", "open", two, "Bearer x", "", true},
		{"a token", "token", two, "Bearer alpha", "bot", true},
		{"another", "", two, "Bearer beta", "alice", true},
		{"a second of the same name", "", two, "Bearer gamma", "alice", true},
		{"the scheme in any case", "", two, "bEARER beta", "alice", true},
		{"more space than needed", "", two, "Bearer   beta ", "alice", true},
		{"none", "", two, "", "", false},
		{"another scheme", "", two, "Basic beta", "", false},
		{"no scheme", "", two, "beta", "", false},
		{"wrong", "", two, "Bearer alphA", "", false},
		{"the hash itself", "", two, "Bearer " + hash("alpha"), "", false},
		{"empty", "", two, "Bearer ", "", false},
		{"none but the scheme", "", two, "Bearer", "", false},
		{"two at once", "", two, "Bearer alpha beta", "", false},
		{"joined by Function Compute", "", two, "Bearer x,Bearer alpha", "", false},
		{"nothing configured", "", "", "Bearer alpha", "", false},
		{"nothing configured, nothing sent", "token", " , ", "", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := parse(t, test.mode, test.tokens, "")
			r := from("192.0.2.1:1")
			if test.header != "" {
				r.Header.Set("Authorization", test.header)
			}
			caller, session, err := p.Caller(r, now)
			if caller != test.caller || (err == nil) != test.ok || session {
				t.Errorf("got %q, %v, %v; want %q, %v", caller, session, err, test.caller, test.ok)
			}
			bearer, err := p.Bearer(r, now)
			if bearer != test.caller || (err == nil) != (test.caller != "") {
				t.Errorf("by token alone: got %q, %v", bearer, err)
			}
		})
	}
}

func TestConfigured(t *testing.T) {
	token := "bot:" + hash("alpha")
	for _, test := range []struct {
		name, mode, tokens, keys string
		configured, signs, open  bool
	}{
		{"nothing", "", "", "", false, false, false},
		{"only the mode", "token", "", "", false, false, false},
		{"open", "open", "", "", true, false, true},
		{"a token", "", token, "", true, false, false},
		{"a token and a key", "", token, key, true, true, false},
		{"a key and nothing that it opens", "", "", key, false, false, false},
		{"open, where there is nothing to sign for", "open", token, key, true, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := parse(t, test.mode, test.tokens, test.keys)
			if p.Configured() != test.configured || p.Signs() != test.signs || p.Open() != test.open {
				t.Errorf("got %v, %v, %v; want %v, %v, %v", p.Configured(), p.Signs(), p.Open(), test.configured, test.signs, test.open)
			}
		})
	}
}

// TestZero asks a policy that nobody has configured.
func TestZero(t *testing.T) {
	var zero Policy
	if _, _, err := zero.Caller(from("192.0.2.1:1", "Authorization: Bearer x", "Cookie: "+sessionCookie+"=1.x"), now); err == nil || zero.Configured() || zero.Signs() {
		t.Errorf("the zero policy lets somebody in: %v", err)
	}
	if _, err := zero.Opens("d-1 t-1", nil, now); err == nil {
		t.Error("the zero policy opens a link")
	}
	if _, _, err := zero.SignIn(from("192.0.2.1:1"), "x", now); err == nil {
		t.Error("the zero policy signs somebody in")
	}
}

func TestParseErrors(t *testing.T) {
	good := hash("alpha")
	for _, test := range []struct{ name, mode, tokens, keys, publicURL, want string }{
		{"a mode that is not one", "Open", "", "", "", `ACCESS is "Open": it can be token or open`},
		{"no hash", "", "bot", "", "", "ACCESS_TOKENS: entry 1 is not a name, a colon and the 64 hexadecimal digits"},
		{"no name", "", "bot:" + good + ",:" + good, "", "", "ACCESS_TOKENS: entry 2 is not a name"},
		{"the hash of nothing", "", "bot:" + hash(""), "", "", `entry 1 ("bot") is the hash of no token at all`},
		{"a hash cut short", "", "bot:" + good[1:], "", "", "ACCESS_TOKENS: entry 1 is not"},
		{"a token instead of its hash", "", "bot:" + strings.Repeat("z", 64), "", "", `the hash of entry 1 ("bot") is not hexadecimal`},
		{"one token under two names", "", "bot:" + good + ",alice:" + strings.ToUpper(good), "", "", `entry 2 ("alice") is the token of another entry`},
		{"a short key", "", "", key[:31], "", "SIGNING_KEY: key 1 has less than 32 characters: make one with: head -c 32 /dev/urandom | base64"},
		{"a short second key", "", "", key + ", " + otherKey[:31], "", "SIGNING_KEY: key 2 has less than 32"},
		{"a key twice", "", "", key + "," + key, "", "SIGNING_KEY: both keys are the same"},
		{"three wrong at once", "off", "x", "y", "", "ACCESS is \"off\": it can be token or open\nACCESS_TOKENS: entry 1 is not a name"},
		{"three keys", "", "", key + "," + otherKey + "," + strings.Repeat("k", 32), "", "SIGNING_KEY: more than two keys"},
		{"no origin", "", "", "", "status.example.com", "PUBLIC_URL: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.mode, test.tokens, test.keys, test.publicURL)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q in it", err, test.want)
			}
			for _, secret := range []string{good, "zzz", key[:31], otherKey[:31], "kkk"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error repeats what may be a secret: %v", err)
				}
			}
		})
	}
	if _, err := Parse("", "", " , "+key[:32]+" ,", ""); err != nil {
		t.Errorf("a key that is just long enough: %v", err)
	}
}

// attempt tries a token from an address.
func attempt(p Policy, address, token string, at time.Time) error {
	_, err := p.Bearer(from(address, "Authorization: Bearer "+token), at)
	return err
}

// guess makes so many different wrong attempts, which all have to be answered alike.
func guess(t *testing.T, p Policy, address string, n int, at time.Time) {
	t.Helper()
	for i := range n {
		if err := attempt(p, address, "wrong-"+string(rune('a'+i)), at); !errors.Is(err, errWrongToken) {
			t.Fatalf("guess %d: %v", i+1, err)
		}
	}
}

func TestAttempts(t *testing.T) {
	const mallory, alice = "192.0.2.1:4000", "192.0.2.2:4000"
	policy := func(t *testing.T) Policy { return parse(t, "", "bot:"+hash("alpha"), key) }

	t.Run("one guess too many", func(t *testing.T) {
		p := policy(t)
		guess(t, p, mallory, maxGuesses, now)
		err := attempt(p, mallory, "one more", now.Add(time.Minute))
		var tooMany TooMany
		if !errors.As(err, &tooMany) || tooMany.RetryAfter() != period-time.Minute || !strings.Contains(err.Error(), "10 different wrong tokens") {
			t.Fatalf("got %v", err)
		}
		if right := attempt(p, mallory, "alpha", now.Add(time.Minute)); right != err {
			t.Errorf("a right one is told from a wrong one: %v", right)
		}
		if _, _, signIn := p.SignIn(from(mallory), "alpha", now.Add(time.Minute)); signIn != err {
			t.Errorf("signing in is another way: %v", signIn)
		}
		if err := attempt(p, alice, "alpha", now); err != nil {
			t.Errorf("another address has to wait too: %v", err)
		}
		if err := attempt(p, mallory, "alpha", now.Add(period-1)); err == nil {
			t.Error("forgotten too early")
		}
		if err := attempt(p, mallory, "alpha", now.Add(period)); err != nil {
			t.Errorf("never forgotten: %v", err)
		}
	})
	t.Run("the period begins with the first", func(t *testing.T) {
		p := policy(t)
		guess(t, p, mallory, maxGuesses-1, now)
		guess(t, p, mallory, maxGuesses, now.Add(period))
	})
	t.Run("the same wrong token again is no guess", func(t *testing.T) {
		p := policy(t)
		for range 5 * maxGuesses {
			if err := attempt(p, mallory, "outdated", now); !errors.Is(err, errWrongToken) {
				t.Fatal(err)
			}
		}
		if err := attempt(p, mallory, "alpha", now); err != nil {
			t.Error(err)
		}
	})
	t.Run("right tokens are no guesses", func(t *testing.T) {
		p := policy(t)
		guess(t, p, mallory, maxGuesses-1, now)
		for range 5 * maxGuesses {
			if err := attempt(p, mallory, "alpha", now); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("who was there before is not locked out", func(t *testing.T) {
		p := parse(t, "", "bot:"+hash("alpha")+",ops:"+hash("beta"), key)
		if err := attempt(p, mallory, "alpha", now.Add(-24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		guess(t, p, mallory, maxGuesses, now)
		if err := attempt(p, mallory, "alpha", now); err != nil {
			t.Errorf("the right token that was known there: %v", err)
		}
		if err := attempt(p, mallory, "beta", now); !errors.As(err, new(TooMany)) {
			t.Errorf("the right token that is new there: %v", err)
		}
	})
	t.Run("nor is a whole company", func(t *testing.T) {
		const people = 40
		var tokens []string
		for i := range people {
			tokens = append(tokens, fmt.Sprintf("n%d:%s", i, hash(fmt.Sprint("right-", i))))
		}
		p := parse(t, "", strings.Join(tokens, ","), key)
		for round := range 2 {
			for i := range people {
				if err := attempt(p, mallory, fmt.Sprint("right-", i), now); err != nil {
					t.Fatalf("round %d, token %d: %v", round, i, err)
				}
			}
			if round == 0 {
				guess(t, p, mallory, maxGuesses, now)
			}
		}
	})
	t.Run("a session and a link need no attempt", func(t *testing.T) {
		p := policy(t)
		_, cookie, err := p.SignIn(from(mallory), "alpha", now)
		if err != nil {
			t.Fatal(err)
		}
		guess(t, p, mallory, maxGuesses, now)
		if name, session, err := p.Caller(from(mallory, "Cookie: "+cookie.Name+"="+cookie.Value), now); name != "bot" || !session || err != nil {
			t.Errorf("got %q, %v, %v", name, session, err)
		}
	})
	t.Run("where everybody is let in", func(t *testing.T) {
		p := parse(t, "open", "bot:"+hash("alpha"), "")
		guess(t, p, mallory, maxGuesses, now)
		if _, _, err := p.Caller(from(mallory, "Authorization: Bearer x"), now); err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("memory is bounded, who has not come for longest goes", func(t *testing.T) {
		p := policy(t)
		guess(t, p, mallory, maxGuesses, now)
		for i := range maxAddresses {
			a := fmt.Sprintf("10.0.%d.%d:1", i/256, i%256)
			if err := attempt(p, a, "wrong", now.Add(time.Second+time.Duration(i))); !errors.Is(err, errWrongToken) {
				t.Fatalf("%s: %v", a, err)
			}
		}
		if n := len(p.attempts.addresses); n != maxAddresses {
			t.Errorf("%d addresses are remembered, want %d", n, maxAddresses)
		}
		if err := attempt(p, mallory, "alpha", now); err != nil {
			t.Errorf("another than the oldest is gone: %v", err)
		}
		if n := len(p.attempts.addresses); n != maxAddresses {
			t.Errorf("%d addresses are remembered, want %d", n, maxAddresses)
		}
	})
}

func TestAddressOf(t *testing.T) {
	for _, test := range []struct{ name, a, b string }{
		{"another port", "192.0.2.1:1", "192.0.2.1:2"},
		{"IPv4 in IPv6", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"},
		{"the same network", "[2001:db8::1]:1", "[2001:db8::ffff:2]:1"},
		{"a zone", "[fe80::1%eth0]:1", "[fe80::1%eth1]:1"},
		{"no port", "192.0.2.1", "192.0.2.1:1"},
		{"no address at all", "", "elsewhere"},
	} {
		if addressOf(from(test.a)) != addressOf(from(test.b)) {
			t.Errorf("%s: %s and %s are two", test.name, test.a, test.b)
		}
	}
	for _, test := range []struct{ name, a, b string }{
		{"another address", "192.0.2.1:1", "192.0.2.2:1"},
		{"another network", "[2001:db8::1]:1", "[2001:db8:0:1::1]:1"},
		{"what the request says", "192.0.2.1:1", "192.0.2.3:1"},
	} {
		if addressOf(from(test.a)) == addressOf(from(test.b, "X-Forwarded-For: 192.0.2.1")) {
			t.Errorf("%s: %s and %s are one", test.name, test.a, test.b)
		}
	}
}
