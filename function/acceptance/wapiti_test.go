package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// wapitiModules are what Wapiti is to try and to look at. All of its payloads are
// judged by the answers, so that nothing outside is needed.
const wapitiModules = "csp,http_headers,cookieflags,xss,permanentxss,sql,exec,file,crlf,redirect,methods"

// wapitiPerDirectory bounds how many pages of a directory it looks at: each of
// their parameters is attacked in a hundred ways, and there are only so many
// parameters.
const wapitiPerDirectory = 8

// wapitiTimeout ends a scan that never ends; one takes some ten seconds.
const wapitiTimeout = 4 * time.Minute

// noFilter is what it says of X-XSS-Protection, which no browser heeds any more
// and which opened holes in those that did.
const noFilter = "HTTP Secure Headers: GET /: X-XSS-Protection is not set"

// wapiti has Wapiti crawl and attack a site, with more arguments, and returns
// what it finds, but for that header.
func wapiti(t *testing.T, site *secureSite, arguments ...string) []string {
	t.Helper()
	program, err := exec.LookPath("wapiti")
	if err != nil {
		missing(t, "SCANS BY WAPITI", "no wapiti found; install Wapiti")
	}
	dir := t.TempDir()
	output := filepath.Join(dir, "report.json")
	ctx, cancel := context.WithTimeout(t.Context(), wapitiTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, program, append([]string{
		"--url", site.URL + "/", "--scope", "domain", "--module", wapitiModules, "--max-files-per-dir", fmt.Sprint(wapitiPerDirectory),
		"--timeout", "30", "--flush-session", "--store-session", dir, "--store-config", dir, "--no-bugreport", "--format", "json", "--output", output,
	}, arguments...)...)
	command.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "LANGUAGE=en")
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("run wapiti: %v: %s", err, said)
	}
	written, err := os.ReadFile(output)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	type finding struct{ Method, Path, Info string }
	var report struct{ Vulnerabilities, Anomalies, Additionals map[string][]finding }
	if err := json.Unmarshal(written, &report); err != nil {
		t.Fatalf("read what wapiti says: %v: %s", err, written)
	}
	var found []string
	for _, findings := range []map[string][]finding{report.Vulnerabilities, report.Anomalies, report.Additionals} {
		for _, category := range slices.Sorted(maps.Keys(findings)) {
			for _, f := range findings[category] {
				found = append(found, fmt.Sprintf("%s: %s %s: %s", category, f.Method, f.Path, f.Info))
			}
		}
	}
	// Of unusual methods it only prints, and of what it could not do.
	for line := range strings.Lines(string(said)) {
		for _, sign := range []string{"Interesting methods", "Unable to find a module", "requests were skipped", `File "`} {
			if strings.Contains(line, sign) {
				found = append(found, strings.TrimSpace(line))
			}
		}
	}
	return slices.DeleteFunc(found, func(f string) bool { return f == noFilter })
}

// TestWapitiFinds: it is an instrument.
func TestWapitiFinds(t *testing.T) {
	t.Parallel()
	site := newSecureSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Allow", "GET, PUT")
		switch r.URL.Path {
		case "/echo":
			fmt.Fprint(w, "<!DOCTYPE html><title>Echo</title><p>", r.URL.Query().Get("said"))
		case "/safe":
			fmt.Fprint(w, "<!DOCTYPE html><title>Safe</title><p>", html.EscapeString(r.URL.Query().Get("said")))
		case "/go":
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		default:
			fmt.Fprint(w, `<!DOCTYPE html><title>Weak</title><a href="/echo?said=a">a</a><a href="/safe?said=a">a</a><a href="/go?to=/">b</a>`)
		}
	}))
	found := wapiti(t, site)
	for _, part := range []string{
		"Content Security Policy Configuration: GET /:", "Strict-Transport-Security is not set", "X-Frame-Options is not set",
		"HttpOnly Flag cookie:", "Secure Flag cookie:", "Cross Site Scripting: GET /echo:", "Open Redirect: GET /go:", "Interesting methods allowed",
	} {
		if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, part) }) {
			t.Errorf("%q is not in what it finds: %q", part, found)
		}
	}
	if slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, "GET /safe:") }) {
		t.Errorf("it finds something where nothing is: %q", found)
	}
}

// wapitiPassword is what Wapiti writes into every field for a password.
const wapitiPassword = "Letm3in_"

// TestWapiti has it attack the function as a stranger, as one who signs in, and
// as one who is let in anyway.
func TestWapiti(t *testing.T) {
	t.Parallel()
	const failed = "/tasks/t-shfqw1u1edszvxw5abcd"
	for _, test := range []struct {
		name, token string
		arguments   []string
		reached     []string // by the crawl, to be sure of what it saw
	}{
		{"a stranger", accessToken, nil, []string{"POST /sign-in", "GET " + failed}},
		{"who signs in", wapitiPassword, nil, []string{"POST /sign-in", "GET /tasks"}},
		{"with a token", accessToken, []string{"--header", "Authorization: Bearer " + accessToken}, []string{"POST /tasks", "GET /tasks", "GET " + failed + ".json"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := startMachine(io.Discard, letsIn(test.token)...) // it logs thousands of requests
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(m.stop)
			site := newSecureMachine(t, m)
			began := time.Now()
			for _, f := range wapiti(t, site, append(test.arguments, "--start", site.URL+failed)...) {
				t.Error(f)
			}
			total, requests := 0, site.requests()
			for _, n := range requests {
				total += n
			}
			fmt.Printf("wapiti: %s: %d requests of %d kinds, %.0f s\n", test.name, total, len(requests), time.Since(began).Seconds())
			for _, request := range test.reached {
				if requests[request] == 0 {
					t.Errorf("there was no %s", request)
				}
			}
		})
	}
}
