package access

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func TestCaller(t *testing.T) {
	two := "bot:" + hash("alpha") + ", alice:" + hash("beta") + ",alice:" + strings.ToUpper(hash("gamma"))
	for _, test := range []struct {
		name, mode, tokens, header string
		caller                     string
		ok                         bool
	}{
		{"open", "open", "", "", "", true},
		{"open, and a token all the same", "open", two, "Bearer alpha", "bot", true},
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
			p, err := Parse(test.mode, test.tokens)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodGet, "/tasks", nil)
			if test.header != "" {
				r.Header.Set("Authorization", test.header)
			}
			caller, ok := p.Caller(r)
			if caller != test.caller || ok != test.ok {
				t.Errorf("got %q, %v; want %q, %v", caller, ok, test.caller, test.ok)
			}
		})
	}
}

func TestConfigured(t *testing.T) {
	for _, test := range []struct {
		name, mode, tokens string
		want               bool
	}{
		{"nothing", "", "", false},
		{"only the mode", "token", "", false},
		{"open", "open", "", true},
		{"a token", "", "bot:" + hash("alpha"), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := Parse(test.mode, test.tokens)
			if err != nil || p.Configured() != test.want {
				t.Errorf("got %v (%v), want %v", p.Configured(), err, test.want)
			}
		})
	}
	var zero Policy
	if _, ok := zero.Caller(httptest.NewRequest(http.MethodGet, "/", nil)); ok || zero.Configured() {
		t.Error("the zero policy lets somebody in")
	}
}

func TestParseErrors(t *testing.T) {
	good := hash("alpha")
	for _, test := range []struct{ name, mode, tokens, want string }{
		{"a mode that is not one", "Open", "", `ACCESS is "Open": it can be token or open`},
		{"no hash", "", "bot", "ACCESS_TOKENS: entry 1 is not name:sha256-hex"},
		{"no name", "", "bot:" + good + ",:" + good, "ACCESS_TOKENS: entry 2 is not name:sha256-hex"},
		{"the hash of nothing", "", "bot:" + hash(""), `entry 1 ("bot") is the hash of no token at all`},
		{"a hash cut short", "", "bot:" + good[1:], "ACCESS_TOKENS: entry 1 is not"},
		{"a token instead of its hash", "", "bot:" + strings.Repeat("z", 64), `the hash of entry 1 ("bot") is not hexadecimal`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.mode, test.tokens)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q in it", err, test.want)
			}
			if strings.Contains(err.Error(), good) || strings.Contains(err.Error(), "zzz") {
				t.Errorf("the error repeats what may be a secret: %v", err)
			}
		})
	}
}
