package site

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"taskstatus/function/task"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// hashed is the address of a file of web.
var hashed = regexp.MustCompile(`/assets/([a-z-]+)-[0-9a-f]{8}`)

// compare compares a page with the one that was looked at when it was accepted.
func compare(t *testing.T, name, got string) {
	t.Helper()
	// A line an element, so that a difference can be read, and files by
	// their own names, so that a new style is none.
	got = hashed.ReplaceAllString(strings.ReplaceAll(got, "><", ">\n<"), "/assets/$1") + "\n"
	golden := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update accepts it):\n%s", golden, got)
	}
	for _, never := range []string{"<script>", "javascript:alert(1)\"", " style=", "onerror", "onclick", secret} {
		if strings.Contains(strings.ToLower(got), never) {
			t.Errorf("the page has %q in it", never)
		}
	}
}

// TestPages compares every kind of page, in both languages. go test -update
// accepts what there is.
func TestPages(t *testing.T) {
	for name, target := range map[string]string{
		"success":   "/tasks/" + string(succeeded),
		"failed":    "/tasks/" + string(failed),
		"open":      "/tasks/" + string(running),
		"refresh":   "/tasks/" + string(running) + "?refresh=10",
		"odd":       "/tasks/" + string(odd),
		"hostile":   "/tasks/" + string(hostile),
		"board":     fmt.Sprintf("/tasks?id=%s,%s,%s,%s,%s", succeeded, running, absent, failed, hostile),
		"not-found": "/tasks/" + string(absent),
		"bad-id":    "/tasks/" + "%3Cscript%3E",
		"throttled": "/tasks/" + string(throttled),
		"bug":       "/tasks/" + string(buggy),
		"endless":   "/tasks/" + string(endless),
		"details":   "/tasks/" + string(detailed),
		"refused":   "/tasks/" + string(refused),
		"slow":      "/tasks/" + string(slow),
		"crowded":   fmt.Sprintf("/tasks?id=%s,%s", endless, running),
		"settled":   fmt.Sprintf("/tasks?id=%s,%s", succeeded, detailed),
		"recent":    "/tasks",
		"filtered":  "/tasks?days=7&status=Failed&type=DeleteAccessAssignment&directory=d-003qew84abcd&since=2021-11-01T00:00:00Z&after=next",
	} {
		for _, lang := range []string{"en", "zh"} {
			t.Run(name+"."+lang, func(t *testing.T) {
				s, _ := newSite()
				s.Lister = &lister{}
				got := send(s, request("GET", target, asksForPage, "Accept-Language: "+lang)).Body.String()
				compare(t, name+"."+lang, got)
			})
		}
	}
}

// TestSignInPages compares those pages that depend on who asks.
func TestSignInPages(t *testing.T) {
	board := []task.ID{failed, running}
	for name, r := range map[string]func() *http.Request{
		"sign-in":       func() *http.Request { return request("GET", "/sign-in?to=/tasks/"+string(failed), asksForPage) },
		"sign-in-first": func() *http.Request { return request("GET", "/tasks/"+string(failed)+"?wait=5", asksForPage) },
		"sign-in-wrong": func() *http.Request { return posted("/sign-in", "token=bad&to=/tasks/"+string(failed)) },
		"signed-in": func() *http.Request {
			return request("GET", "/sign-in?to=/tasks/"+string(failed), asksForPage, "Cookie: session=token")
		},
		"signed-in-task": func() *http.Request {
			return request("GET", "/tasks/"+string(failed), asksForPage, "Cookie: session=token")
		},
		"link-ended": func() *http.Request {
			return request("GET", "/tasks/"+string(failed)+"?"+links{}.Link(linkSubject(directory, []task.ID{failed}), now).Encode(), asksForPage)
		},
		"linked-board": func() *http.Request {
			return request("GET", "/tasks?id="+idList(board)+"&"+links{}.Link(linkSubject(directory, board), now.Add(day)).Encode(), asksForPage)
		},
	} {
		for _, lang := range []string{"en", "zh"} {
			t.Run(name+"."+lang, func(t *testing.T) {
				s := guarded()
				s.Lister = &lister{}
				r := r()
				r.Header.Set("Accept-Language", lang)
				compare(t, name+"."+lang, send(s, r).Body.String())
			})
		}
	}
}

func TestRefresh(t *testing.T) {
	for _, test := range []struct {
		name, target, want string
		status             int
	}{
		{"not asked", "/tasks/" + string(running), "", 200},
		{"asked", "/tasks/" + string(running) + "?refresh=10", "10", 200},
		{"too often", "/tasks/" + string(running) + "?refresh=1", "5", 200},
		{"too seldom", "/tasks/" + string(running) + "?refresh=86400", "300", 200},
		{"a done page never", "/tasks/" + string(failed) + "?refresh=10", "", 200},
		{"several", "/tasks?id=" + string(running) + "," + string(failed) + "&refresh=10", "10", 200},
		{"no number", "/tasks/" + string(running) + "?refresh=often", "", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			w := send(s, request("GET", test.target, asksForPage))
			if w.Code != test.status || w.Header().Get("Refresh") != test.want {
				t.Errorf("got %d, Refresh %q; want %d, %q", w.Code, w.Header().Get("Refresh"), test.status, test.want)
			}
		})
	}
}

// TestRefreshOutlivesTrouble: a page that loads itself again goes on doing so
// where CloudSSO only stumbled.
func TestRefreshOutlivesTrouble(t *testing.T) {
	for _, test := range []struct {
		name    string
		id      task.ID
		refresh string
	}{
		{"broken", broken, "10"},
		{"slow", slow, "10"},
		{"refused: that does not pass", refused, ""},
		{"not found", absent, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			w := send(s, request("GET", "/tasks/"+string(test.id)+"?refresh=10", asksForPage))
			again := test.refresh != ""
			if w.Header().Get("Refresh") != test.refresh || strings.Contains(w.Body.String(), "Stop reloading") != again ||
				(w.Header().Get("Retry-After") != "") != again {
				t.Errorf("got %v %s", w.Header(), w.Body)
			}
		})
	}
}

// TestFragment: what a page asks for to renew itself is the part of it that changes.
func TestFragment(t *testing.T) {
	for _, test := range []struct {
		name, target string
		status       int
	}{
		{"open", "/tasks/" + string(running), 200},
		{"failed", "/tasks/" + string(failed), 200},
		{"several", fmt.Sprintf("/tasks?id=%s,%s", running, failed), 200},
		{"throttled", "/tasks/" + string(throttled), 503},
		{"not found", "/tasks/" + string(absent), 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			between := "?"
			if strings.Contains(test.target, "?") {
				between = "&"
			}
			whole, part := send(s, request("GET", test.target, asksForPage)), send(s, request("GET", test.target+between+"fragment=1", asksForPage))
			article := strings.TrimSpace(part.Body.String())
			if !strings.HasPrefix(article, `<article id="live"`) || !strings.HasSuffix(article, "</article>") || !strings.Contains(whole.Body.String(), article) {
				t.Errorf("the page has no such part:\n%s\n%s", article, whole.Body)
			}
			if strings.Contains(article, "fragment") {
				t.Error("a link leads to the part alone")
			}
			if part.Code != test.status || part.Header().Get("Retry-After") != whole.Header().Get("Retry-After") {
				t.Errorf("got %d %v; want %d as of the page, %v", part.Code, part.Header(), test.status, whole.Header())
			}
			if tag := part.Header().Get("ETag"); tag != "" && tag == whole.Header().Get("ETag") {
				t.Error("the part has the page's ETag")
			}
			retry, said := part.Header().Get("Retry-After"), strings.Contains(article, `data-retry-after="`)
			if (retry != "") != said || said && !strings.Contains(article, `data-retry-after="`+retry+`"`) {
				t.Errorf("Retry-After is %q, and the part says otherwise: %s", retry, article)
			}
		})
	}
}

// TestDetailsToCome: what is done but lacks its details is not kept for long.
func TestDetailsToCome(t *testing.T) {
	for _, test := range []struct {
		name    string
		details bool
		id      task.ID
		want    string
	}{
		{"off", false, succeeded, doneDocument},
		{"on, and there", true, detailed, doneDocument},
		{"on, and yet to come", true, succeeded, revalidate},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			s.Details = test.details
			if got := send(s, request("GET", "/tasks/"+string(test.id))).Header().Get("Cache-Control"); got != test.want {
				t.Errorf("Cache-Control is %q, want %q", got, test.want)
			}
		})
	}
}

func TestDetailsAsJSON(t *testing.T) {
	s, _ := newSite()
	got := send(s, request("GET", "/tasks/"+string(detailed))).Body.String()
	want := `"principalType":"User","principalId":"u-00q8wbq42wiltcrkabcd","principalName":"` + details.PrincipalName + `",` +
		`"targetType":"RD-Account","targetId":"1142405247840001","targetName":"dev-test",` +
		`"targetPath":"rd-3G0001/r-Wm0001/1142405247840001","targetPathName":"rd-3G0001/root/dev-test",` +
		`"accessConfigurationId":"ac-00ccule7tadaijxcabcd","accessConfigurationName":"ECS-Admin",`
	if !strings.Contains(got, want) {
		t.Errorf("got %s, want in it %s", got, want)
	}
	if without := send(s, request("GET", "/tasks/"+string(succeeded))).Body.String(); strings.Contains(without, "principal") {
		t.Errorf("details out of nowhere: %s", without)
	}
}
