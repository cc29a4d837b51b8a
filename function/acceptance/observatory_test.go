package acceptance

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// An observatoryReport is what the MDN HTTP Observatory makes of a page.
type observatoryReport struct {
	Grade  string
	Score  int
	Status int
	Failed []string
}

// observe returns the Observatory's reports of pages of secure sites.
func observe(t *testing.T, urls ...string) []observatoryReport {
	t.Helper()
	// It downloads this where packages may run scripts; make tools puts an empty list there.
	npmFile(t, "@mdn/mdn-http-observatory/conf/hsts-preload.json")
	var pages []string
	for _, url := range urls {
		pages = append(pages, strings.TrimPrefix(url, "https://"))
	}
	reports := ask[[]observatoryReport](t, "observatory.mjs", "@mdn/mdn-http-observatory", pages, "NODE_EXTRA_CA_CERTS="+certificate(t))
	if len(reports) != len(urls) {
		t.Fatalf("of %d pages %d were judged", len(urls), len(reports))
	}
	return reports
}

// TestObservatoryFinds: it is an instrument.
func TestObservatoryFinds(t *testing.T) {
	t.Parallel()
	bare := newSecureSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><title>Bare</title>")
	}))
	report := observe(t, bare.URL+"/")[0]
	if report.Grade != "F" || report.Status != http.StatusOK {
		t.Errorf("it gives a bare page %s, status %d", report.Grade, report.Status)
	}
	failed := strings.Join(report.Failed, "\n")
	for _, test := range []string{"content-security-policy:", "cookies:", "strict-transport-security:", "x-content-type-options:", "x-frame-options:"} {
		if !strings.Contains(failed, test) {
			t.Errorf("%s is not among what it found: %q", test, report.Failed)
		}
	}
}

// TestObservatory has it judge what people see, those who are let in and those
// who are not. Redirects from http are for the domain in front of the function,
// which is not here.
func TestObservatory(t *testing.T) {
	t.Parallel()
	open, guarded := newSecureMachine(t, here).URL, newSecureMachine(t, newMachine(t, letsIn(accessToken)...)).URL
	const failed = "/tasks/t-shfqw1u1edszvxw5abcd"
	pages := []struct {
		name, url string
		status    int
	}{
		{"the first page", open + "/", 200},
		{"a task's page", open + failed, 200},
		{"the recent tasks", open + "/tasks", 200},
		{"the page to sign in", guarded + "/sign-in", 200},
		{"a page for others", guarded + failed, 401},
	}
	var urls []string
	for _, page := range pages {
		urls = append(urls, page.url)
	}
	for i, report := range observe(t, urls...) {
		if report.Grade != "A+" || len(report.Failed) > 0 || report.Status != pages[i].status {
			t.Errorf("%s is graded %s (%d) with status %d, want A+ and %d: %q",
				pages[i].name, report.Grade, report.Score, report.Status, pages[i].status, report.Failed)
		}
	}
}
