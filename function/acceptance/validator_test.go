package acceptance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A documentSet collects pages for the validator, which takes a second to start.
type documentSet struct {
	mu    sync.Mutex
	pages map[string]string // HTML by name
}

func (d *documentSet) add(name, html string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pages == nil {
		d.pages = make(map[string]string)
	}
	d.pages[name] = html
}

// A remark is a message of the Nu HTML checker.
type remark struct {
	Type     string // error, info or non-document-error
	SubType  string // of info: warning
	Message  string
	Extract  string
	LastLine int
	URL      string
}

func (r remark) String() string {
	name := strings.TrimSuffix(filepath.Base(r.URL), ".html")
	s := fmt.Sprintf("%s, line %d: %s", name, r.LastLine, r.Message)
	if r.Extract != "" {
		s += fmt.Sprintf("\n\tin %q", r.Extract)
	}
	return s
}

// wrong is a document with an error, to be sure that errors are found.
const wrong = "<!DOCTYPE html>\n<html lang=en><title>Wrong</title><p><wrong></wrong></p></html>\n"

// checkValid has the Nu HTML checker judge all documents at once. Every error
// fails the test; of warnings each is shown once.
func checkValid(t *testing.T, documents *documentSet) {
	t.Helper()
	if len(documents.pages) == 0 {
		t.Skip("no page was shown")
	}
	jar := npmFile(t, "vnu-jar/build/dist/vnu.jar")
	java, err := exec.LookPath("java")
	if err != nil {
		missing(t, "HTML VALIDATION", "no java found; install a Java runtime")
	}
	dir := t.TempDir()
	arguments := []string{"-jar", jar, "--format", "json", "--stdout", "--exit-zero-always"}
	pages := maps.Clone(documents.pages)
	pages["wrong"] = wrong
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		path := filepath.Join(dir, name+".html")
		if err := os.WriteFile(path, []byte(pages[name]), 0o666); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, path)
	}
	output, err := exec.Command(java, arguments...).Output()
	if err != nil {
		t.Fatalf("run the validator: %v: %s", err, output)
	}
	var said struct{ Messages []remark }
	if err := json.Unmarshal(output, &said); err != nil {
		t.Fatalf("read what the validator says: %v: %s", err, output)
	}
	found, warned := false, make(map[string]bool)
	for _, r := range said.Messages {
		switch {
		case strings.HasSuffix(r.URL, "/wrong.html"):
			found = found || r.Type == "error"
		case r.Type == "info" && warned[r.Message]:
		case r.Type == "info":
			fmt.Println("HTML validator:", r)
			warned[r.Message] = true
		default:
			t.Errorf("%s: %s", r.Type, r)
		}
	}
	if !found {
		t.Error("the validator finds nothing wrong with a wrong document")
	}
}
