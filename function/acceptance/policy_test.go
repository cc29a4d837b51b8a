package acceptance

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A policyFinding is what the CSP Evaluator does not like about a policy.
type policyFinding struct{ Type, Severity, Directive, Value, Description string }

// onlySelf is its note that 'self' lets every script of this site run: it is
// for sites that hand out files of others, or answer as a callback wants it.
var onlySelf = policyFinding{Type: "SCRIPT_ALLOWLIST_BYPASS", Severity: "MEDIUM_MAYBE", Directive: "script-src", Value: "'self'"}

// evaluatePolicies returns what there is to find in each policy, but for that note.
func evaluatePolicies(t *testing.T, policies ...string) [][]policyFinding {
	t.Helper()
	found := ask[[][]policyFinding](t, "csp_evaluator.cjs", "csp_evaluator", policies)
	if len(found) != len(policies) {
		t.Fatalf("of %d policies %d were evaluated", len(policies), len(found))
	}
	for i := range found {
		found[i] = slices.DeleteFunc(found[i], func(f policyFinding) bool {
			f.Description = ""
			return f == onlySelf
		})
	}
	return found
}

// TestPolicyEvaluatorFinds: it is an instrument.
func TestPolicyEvaluatorFinds(t *testing.T) {
	t.Parallel()
	policies := []string{
		"default-src 'none'; script-src 'self'", // which is good
		"",
		"default-src *",
		"default-src 'none'; script-src 'unsafe-inline'",
		"default-src 'none'; script-src 'self' https:",
		"script-src 'self'",
	}
	for i, found := range evaluatePolicies(t, policies...) {
		if (len(found) == 0) != (i == 0) {
			t.Errorf("in %q it finds %v", policies[i], found)
		}
	}
}

// asset returns the path of a file that the first page links to, by its extension.
func asset(t *testing.T, m *machine, extension string) string {
	t.Helper()
	response, err := http.Get(m.front + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile(`/?assets/[\w.-]+` + regexp.QuoteMeta(extension)).FindString(string(page))
	if path == "" {
		t.Fatalf("the first page has no %s", extension)
	}
	return "/" + strings.TrimPrefix(path, "/")
}

// TestPolicy has every kind of answer judged by its Content-Security-Policy.
func TestPolicy(t *testing.T) {
	t.Parallel()
	guarded := newMachine(t, letsIn(accessToken)...)
	const failed = "/tasks/t-shfqw1u1edszvxw5abcd"
	answers := []struct {
		name   string
		url    string
		accept string
		status int
	}{
		{"first page", here.front + "/", "text/html", 200},
		{"a task's page", here.front + failed, "text/html", 200},
		{"a task's JSON", here.front + failed, "application/json", 200},
		{"a task's text", here.front + failed + ".txt", "", 200},
		{"a board", here.front + "/tasks?id=t-shfqw1u1edszvxw5abcd,t-sh6tceylhvgejpipabcd", "text/html", 200},
		{"the recent tasks", here.front + "/tasks", "text/html", 200},
		{"sign-in page", guarded.front + "/sign-in", "text/html", 200},
		{"not signed in", guarded.front + failed, "text/html", 401},
		{"not signed in, as JSON", guarded.front + failed, "application/json", 401},
		{"problem's page", here.front + "/tasks/bad", "text/html", 400},
		{"problem as JSON", here.front + "/tasks/bad", "application/json", 400},
		{"nothing there", here.front + "/nowhere", "text/html", 404},
		{"redirect", here.front + "/tasks?id=t-shfqw1u1edszvxw5abcd", "text/html", 303},
		{"liveness", here.front + "/healthz", "", 200},
		{"a chat's refusal", here.front + "/chat/slack", "", 403},
		{"style", here.front + asset(t, here, ".css"), "", 200},
		{"script", here.front + asset(t, here, ".js"), "", 200},
	}
	var policies []string
	for _, answer := range answers {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, answer.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", answer.accept)
		response, err := http.DefaultTransport.RoundTrip(request) // which follows no redirect
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != answer.status {
			t.Errorf("%s: status %d, want %d", answer.name, response.StatusCode, answer.status)
		}
		policies = append(policies, response.Header.Get("Content-Security-Policy"))
	}
	for i, found := range evaluatePolicies(t, policies...) {
		for _, f := range found {
			t.Errorf("%s: %s (%s): %s %s: %s", answers[i].name, f.Type, f.Severity, f.Directive, f.Value, f.Description)
		}
	}
}
