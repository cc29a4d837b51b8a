package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
)

// paste puts a text into a field at once, as the clipboard does.
func (b *tab) paste(selector, text string) {
	b.t.Helper()
	evaluate[any](b, `document.querySelector(`+quoted(selector)+`).focus()`)
	b.run("paste", input.InsertText(text))
}

// created creates tasks and returns what the CLI prints of that.
func created(t *testing.T, m *machine, parameters url.Values) string {
	t.Helper()
	response, err := http.Post(m.console+"/tasks?"+parameters.Encode(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("create tasks: %d %v %s", response.StatusCode, err, body)
	}
	return string(body)
}

func TestPaste(t *testing.T) {
	t.Parallel()
	b := browser(t)
	b.expect("responded with a status of 400")
	one := created(t, here, url.Values{"seconds": {"3600"}, "type": {"CreateAccessAssignment"}})
	two := created(t, here, url.Values{"seconds": {"3600"}, "type": {"ProvisionAccessConfiguration"}, "count": {"2"}})
	for _, test := range []struct {
		name, text string
		status     int
		path       string // how the address begins that it leads to
		heading    string
		tells      string
	}{
		{"an id", " t-shfqw1u1edszvxw5abcd\n", 200, "/tasks/t-shfqw1u1edszvxw5abcd", "Access was not assigned", "No Permission."},
		{"the CLI's JSON of one task", one, 200, "/tasks/t-", "Access is being assigned", ""},
		{"the CLI's JSON of two tasks", two, 200, "/tasks?id=t-", "2 tasks: 2 in progress", ""},
		{"a link", "https://status.example.com/tasks/t-shfqw1u1edszvxw5abcd?lang=zh", 200, "/tasks/t-shfqw1u1edszvxw5abcd", "Access was not assigned", ""},
		{"a sentence", "Please look at t-shfqw1u1edszvxw5abcd, and at t-sh6tceylhvgejpipabcd.", 200, "/tasks?id=t-shfqw1u1edszvxw5abcd", "2 tasks: 1 failed, 1 succeeded", ""},
		{"no id", "what is this <b>?", 400, "/tasks", "The request is not valid", "no task id is in what was sent"},
		{"a wrong id in a list", "t-shfqw1u1edszvxw5abcd,t-SH42", 400, "/tasks", "The request is not valid", "t-SH42 is not a task id"},
		{"a masked id", "t-shfqw****", 400, "/tasks", "The request is not valid", "t-shfqw**** is masked"},
		{"too many", strings.Join(manyIDs(21), "\n"), 400, "/tasks", "The request is not valid", "21 tasks are too many"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := b.within(t)
			b.open(here.front)
			b.paste("#id", test.text)
			status := b.follow("form button")
			address := evaluate[string](b, `decodeURIComponent(location.pathname + location.search)`)
			if status != test.status || !strings.HasPrefix(address, test.path) || !strings.HasPrefix(b.text("h1"), test.heading) {
				t.Errorf("it leads to %s, status %d, %q", address, status, b.text("h1"))
			}
			if text := b.text("main"); !strings.Contains(strings.ReplaceAll(text, `"`, ""), test.tells) {
				t.Errorf("%q is not in %q", test.tells, text)
			}
		})
	}
}

// manyIDs are well formed and of no task.
func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("t-sh%018d", i)
	}
	return ids
}

// remembered are the ids on the first page, which must lead to their tasks.
func remembered(b *tab, front string) []string {
	b.t.Helper()
	if !evaluate[bool](b, `document.querySelector("#recent").checkVisibility()`) {
		return nil
	}
	ids := evaluate[[]string](b, `[...document.querySelectorAll("#recent li a")].map(a => a.textContent)`)
	for i, href := range evaluate[[]string](b, `[...document.querySelectorAll("#recent li a")].map(a => a.href)`) {
		if href != front+"/tasks/"+ids[i] {
			b.t.Errorf("%s leads to %s", ids[i], href)
		}
	}
	return ids
}

func TestRemembered(t *testing.T) {
	t.Parallel()
	b := browser(t)
	b.open(here.front)
	if got := remembered(b, here.front); got != nil {
		t.Errorf("at first it remembers %q", got)
	}
	const failed, success = "t-shfqw1u1edszvxw5abcd", "t-sh6tceylhvgejpipabcd"
	look := func(path string, want ...string) {
		t.Helper()
		b.open(here.front + path)
		b.open(here.front)
		if got := remembered(b, here.front); !slices.Equal(got, want) {
			t.Errorf("after %s it remembers %q, want %q", path, got, want)
		}
	}
	look("/tasks/"+failed, failed)
	look("/tasks/"+success, success, failed)
	look("/tasks/"+failed, failed, success)
	look("/tasks?id="+success+","+failed, success, failed)
	many := manyIDs(9)
	look("/tasks?id="+strings.Join(many, ","), append(slices.Clone(many), success)...)
	look("/tasks?id="+strings.Join(manyIDs(12), ","), manyIDs(12)[:10]...)

	b.follow("#recent li:nth-child(2) a")
	b.expect("responded with a status of 404")
	if address := evaluate[string](b, `location.pathname`); address != "/tasks/"+many[1] {
		t.Errorf("the second leads to %s", address)
	}
	b.open(here.front)
	b.click("#recent button")
	if got := remembered(b, here.front); got != nil || evaluate[int](b, `localStorage.length`) != 0 {
		t.Errorf("cleared, it still shows %q or keeps %s", got, evaluate[string](b, `JSON.stringify(localStorage)`))
	}
	checkFocusIsNotLost(b)
	b.reload()
	if got := remembered(b, here.front); got != nil {
		t.Errorf("cleared, it remembers %q", got)
	}
}

// TestProblemsAreNotRemembered: what is none of the directory's is of no use later.
func TestProblemsAreNotRemembered(t *testing.T) {
	t.Parallel()
	b := browser(t)
	b.expect("responded with a status of 404")
	b.open(here.front + "/tasks/t-sh0notknown000000000")
	b.open(here.front)
	if got := remembered(b, here.front); got != nil {
		t.Errorf("it remembers %q", got)
	}
}

func TestJunkInStorage(t *testing.T) {
	t.Parallel()
	b := browser(t)
	const good = "t-shfqw1u1edszvxw5abcd"
	for _, test := range []struct {
		name, junk string
		want       []string // on the first page
	}{
		{"no JSON", `{`, nil},
		{"an object", `{"a": 1}`, nil},
		{"a number", `7`, nil},
		{"a text", `"` + good + `"`, nil},
		{"null", `null`, nil},
		{"what is no id among ids", `["javascript:alert(1)", null, {}, 7, "` + good + `", "T-42"]`, []string{good}},
		{"markup", `["<img src=x onerror=alert(1)>"]`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := b.within(t)
			b.open(here.front)
			evaluate[any](b, `localStorage.setItem("tasks", `+quoted(test.junk)+`)`)
			b.reload()
			if got := remembered(b, here.front); !slices.Equal(got, test.want) {
				t.Errorf("it shows %q, want %q", got, test.want)
			}
			// A task's page reads and writes it too, and has to work all the same.
			b.open(here.front + "/tasks/" + good)
			b.wait(`document.querySelector("#controls:not([hidden])")`)
			b.open(here.front)
			if got := remembered(b, here.front); !slices.Equal(got, []string{good}) {
				t.Errorf("afterwards it shows %q, want %q", got, good)
			}
			b.paste("#id", good)
			if status := b.follow("form button"); status != 200 {
				t.Errorf("the form leads to %d", status)
			}
		})
	}
}

// TestNoStorage: a browser may refuse to keep anything.
func TestNoStorage(t *testing.T) {
	t.Parallel()
	b := browser(t, script(`Object.defineProperty(window, "localStorage", {get() { throw new DOMException("refused", "SecurityError") }})`))
	b.open(here.front)
	b.paste("#id", "t-shfqw1u1edszvxw5abcd")
	if status := b.follow("form button"); status != 200 {
		t.Errorf("the form leads to %d", status)
	}
	b.wait(`document.querySelector("#controls:not([hidden])")`)
}

// TestIndexElsewhere serves the first page from another origin, as its comment has it.
func TestIndexElsewhere(t *testing.T) {
	t.Parallel()
	web := filepath.Join("..", "..", "web")
	index, err := os.ReadFile(filepath.Join(web, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	const action = `action="tasks"`
	if strings.Count(string(index), action) != 1 {
		t.Fatalf("%s is not once in the page", action)
	}
	files := http.FileServer(http.Dir(web))
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			files.ServeHTTP(w, r)
			return
		}
		fmt.Fprint(w, strings.Replace(string(index), action, `action="`+here.front+`/tasks"`, 1))
	}))
	t.Cleanup(elsewhere.Close)

	for name, options := range map[string][]option{"with scripts": nil, "without scripts": {withoutScript}} {
		t.Run(name, func(t *testing.T) {
			b := browser(t, options...)
			b.open(elsewhere.URL)
			b.paste("#id", created(t, here, url.Values{"seconds": {"3600"}, "type": {"ProvisionAccessConfiguration"}, "count": {"2"}}))
			if status := b.follow("form button"); status != 200 || b.text("h1") != "2 tasks: 2 in progress" {
				t.Errorf("the form leads to %d %q", status, b.text("h1"))
			}
			if options != nil {
				return
			}
			ids := evaluate[[]string](b, `new URLSearchParams(location.search).get("id").split(",")`)
			b.open(elsewhere.URL)
			if got := remembered(b, here.front); !slices.Equal(got, ids) {
				t.Errorf("it remembers %q, want %q", got, ids)
			}
			if status := b.follow("#recent li a"); status != 200 || !strings.HasPrefix(b.text("h1"), "The access configuration") {
				t.Errorf("the first leads to %d %q", status, b.text("h1"))
			}
		})
	}
}
