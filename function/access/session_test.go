package access

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// signIn returns the cookie of who signs in with alpha.
func signIn(t testing.TB, p Policy) *http.Cookie {
	t.Helper()
	name, cookie, err := p.SignIn(from("192.0.2.1:1"), "alpha", now)
	if err != nil || name != "bot" {
		t.Fatalf("got %q, %v", name, err)
	}
	return cookie
}

func TestSignIn(t *testing.T) {
	p := parse(t, "", "bot:"+hash("alpha"), key)
	got := signIn(t, p).String()
	if !strings.HasPrefix(got, "__Host-session=1795564800.") || !strings.HasSuffix(got, "; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Lax") {
		t.Errorf("the cookie is %s", got)
	}
	if strings.Contains(got, "alpha") || strings.Contains(got, "bot") || strings.Contains(got, hash("alpha")[:16]) {
		t.Errorf("the cookie tells who it is, or by what: %s", got)
	}
	if _, cookie, err := p.SignIn(from("192.0.2.1:1"), "beta", now); err == nil || cookie != nil {
		t.Errorf("a wrong token: %v, %v", cookie, err)
	}
	if got := p.SignOut().String(); got != "__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("signing out: %s", got)
	}
}

func TestSession(t *testing.T) {
	tokens := "ops:" + hash("beta") + ",bot:" + hash("alpha")
	p := parse(t, "", tokens, key)
	good := signIn(t, p).Value
	until, signature, _ := strings.Cut(good, ".")
	link := p.Link("1795564800", now.Add(SessionLife))
	for _, test := range []struct {
		name   string
		tokens string
		keys   string
		cookie string
		after  time.Duration
		want   string // the caller; empty for nobody
	}{
		{"as it was given", tokens, key, good, 0, "bot"},
		{"to the last second", tokens, key, good, SessionLife - time.Second, "bot"},
		{"after its time", tokens, key, good, SessionLife, ""},
		{"with a new key before the old", tokens, otherKey + "," + key, good, 0, "bot"},
		{"with a new key alone", tokens, otherKey, good, 0, ""},
		{"without a key", tokens, "", good, 0, ""},
		{"the token is gone", "ops:" + hash("beta"), key, good, 0, ""},
		{"the token has another name", "alice:" + hash("alpha"), key, good, 0, "alice"},
		{"a later time", tokens, key, "1795564801." + signature, 0, ""},
		{"another way to write the time", tokens, key, "+" + until + "." + signature, 0, ""},
		{"no time", tokens, key, "." + signature, 0, ""},
		{"no signature", tokens, key, until + ".", 0, ""},
		{"no dot", tokens, key, until + signature, 0, ""},
		{"cut short", tokens, key, good[:len(good)-1], 0, ""},
		{"longer", tokens, key, good + "A", 0, ""},
		{"empty", tokens, key, "", 0, ""},
		{"the signature of a link", tokens, key, until + "." + link.Get("signature"), 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := parse(t, "", test.tokens, test.keys)
			name, session, err := p.Caller(from("192.0.2.1:1", "Cookie: "+sessionCookie+"="+test.cookie), now.Add(test.after))
			if name != test.want || session != (test.want != "") || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v, %v", name, session, err)
			}
			if bearer, err := p.Bearer(from("192.0.2.1:1", "Cookie: "+sessionCookie+"="+test.cookie), now); bearer != "" || err == nil {
				t.Errorf("a session passes for a token: %q", bearer)
			}
		})
	}
	for i := range len(good) {
		changed := good[:i] + string(good[i]^1) + good[i+1:]
		if name, _, err := p.Caller(from("192.0.2.1:1", "Cookie: "+sessionCookie+"="+changed), now); err == nil {
			t.Errorf("%s lets in %s", changed, name)
		}
	}
}

// TestSessionAmongCookies has one that is right beside others.
func TestSessionAmongCookies(t *testing.T) {
	p := parse(t, "", "bot:"+hash("alpha"), key)
	good := signIn(t, p).Value
	for _, test := range []struct {
		name, cookies, authorization string
		want                         string
	}{
		{"others of other names", "a=b; " + sessionCookie + "=" + good + "; c=d", "", "bot"},
		{"a wrong one of the same name before", sessionCookie + "=1.x; " + sessionCookie + "=" + good, "", "bot"},
		{"in another line, joined by Function Compute", "a=b," + sessionCookie + "=" + good + ",c=d", "", "bot"},
		{"after more than a browser has", strings.Repeat(sessionCookie+"=1.x; ", maxSessions) + sessionCookie + "=" + good, "", ""},
		{"a name that ends like it", "x" + sessionCookie + "=" + good, "", ""},
		{"another name for it", "session=" + good + "; __host-session=" + good, "", ""},
		{"a token that is wrong besides", sessionCookie + "=" + good, "Bearer beta", ""},
		{"a scheme that is not ours besides", sessionCookie + "=" + good, "Basic YTpi", "bot"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := from("192.0.2.1:1", "Cookie: "+test.cookies)
			if test.authorization != "" {
				r.Header.Set("Authorization", test.authorization)
			}
			name, _, err := p.Caller(r, now)
			if name != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v; want %q", name, err, test.want)
			}
		})
	}
}

func TestSessionWhereOpen(t *testing.T) {
	cookie := signIn(t, parse(t, "", "bot:"+hash("alpha"), key))
	p := parse(t, "open", "bot:"+hash("alpha"), key)
	for _, after := range []time.Duration{0, SessionLife} {
		name, session, err := p.Caller(from("192.0.2.1:1", "Cookie: "+cookie.Name+"="+cookie.Value), now.Add(after))
		if name != "" || session || err != nil { // nobody could sign out of it
			t.Errorf("a session of before, after %v: got %q, %v, %v", after, name, session, err)
		}
	}
}

// TestOriginOfSite: an address may be written in other ways than browsers write it.
func TestOriginOfSite(t *testing.T) {
	for _, site := range []string{"https://status.example.com", "https://Status.Example.com", "https://status.example.com:443"} {
		p, err := Parse("", "", "", site)
		if err != nil {
			t.Fatal(err)
		}
		r := from("192.0.2.1:1", "Origin: https://status.example.com")
		r.Method, r.Host = http.MethodPost, "status.internal.example"
		if err := p.SameOrigin(r); err != nil {
			t.Errorf("%s: %v", site, err)
		}
	}
	p, err := Parse("", "", "", "http://127.0.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	r := from("192.0.2.1:1", "Origin: http://127.0.0.1:443")
	r.Method = http.MethodPost
	if err := p.SameOrigin(r); err != nil {
		t.Errorf("a port that is none of its own: %v", err)
	}
}

func TestSameOrigin(t *testing.T) {
	p := parse(t, "", "bot:"+hash("alpha"), key)
	for _, test := range []struct {
		name    string
		headers []string
		ok      bool
	}{
		{"a browser, from this site", []string{"Sec-Fetch-Site: same-origin", "Origin: null"}, true},
		{"an older browser, from this site", []string{"Origin: https://status.example.com"}, true},
		{"no browser", nil, true},
		{"from another site", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, false},
		{"from a site beside it", []string{"Sec-Fetch-Site: same-site", "Origin: https://other.example.com"}, false},
		{"an older browser, from another site", []string{"Origin: https://evil.example"}, false},
		{"an older browser that does not say", []string{"Origin: null"}, false},
		{"a host that only looks like it", []string{"Origin: https://status.example.com.evil.example"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := from("192.0.2.1:1", test.headers...)
			r.Method, r.Host = http.MethodPost, "status.internal.example" // as behind a proxy
			if err := p.SameOrigin(r); (err == nil) != test.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}
