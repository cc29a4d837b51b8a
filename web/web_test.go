package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// names are those of the files, by their sources.
var names = map[string]string{
	"style.css":        Style,
	"status.js":        StatusScript,
	"index.js":         IndexScript,
	"icon.svg":         Icon,
	"icon-open.svg":    IconOpen,
	"icon-success.svg": IconSuccess,
	"icon-failed.svg":  IconFailed,
	"openapi.yaml":     Contract,
	"index.html":       Index,
}

// content returns what is to be served of a source.
func content(t *testing.T, source string) []byte {
	t.Helper()
	b, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	if source != "index.html" {
		return b
	}
	return []byte(strings.NewReplacer(
		`href="style.css"`, `href="/assets/`+Style+`"`,
		`src="index.js"`, `src="/assets/`+IndexScript+`"`,
		`href="icon.svg"`, `href="/assets/`+Icon+`"`,
	).Replace(string(b)))
}

// unzipped returns what a file holds, and "" where there is none or it is no gzip.
func unzipped(name string) string {
	b, _ := File(name)
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return ""
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return ""
	}
	return string(plain)
}

// TestGenerated compares dist and names.go with the sources. It compresses
// nothing: another version of Go may do so in other words.
func TestGenerated(t *testing.T) {
	const remedy = "run make generate"
	dist := make(map[string]bool)
	for source, name := range names {
		want := content(t, source)
		extension := path.Ext(source)
		sum := sha256.Sum256(want)
		if right := fmt.Sprintf("%s-%x%s", strings.TrimSuffix(source, extension), sum[:4], extension); name != right {
			t.Errorf("%s is named %s, want %s: %s", source, name, right, remedy)
		}
		if unzipped(name) != string(want) {
			t.Errorf("%s does not hold %s as it is: %s", name, source, remedy)
		}
		dist[name+".gz"] = true
	}
	entries, err := os.ReadDir("dist")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !dist[entry.Name()] {
			t.Errorf("dist/%s is of no source: %s", entry.Name(), remedy)
		}
	}
}

// links are those to files of this site: with an extension, and without a scheme.
var links = regexp.MustCompile(`(?:href|src)="([^":]*\.[a-z]+)"`)

// TestLinks: all that the page loads is there, on a static host and from here.
func TestLinks(t *testing.T) {
	page, err := os.ReadFile("index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links.FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat(link[1]); err != nil {
			t.Errorf("the source links to %s: %v", link[1], err)
		}
	}
	served := links.FindAllStringSubmatch(unzipped(Index), -1)
	if len(served) < 3 {
		t.Errorf("the page links to %d files, want at least 3", len(served))
	}
	for _, link := range served {
		if name, ok := strings.CutPrefix(link[1], "/assets/"); !ok || unzipped(name) == "" {
			t.Errorf("the page links to %s, which is not served: add it to those that function/assets links", link[1])
		}
	}
}

func TestFile(t *testing.T) {
	if b, ok := File(Style); !ok || len(b) == 0 {
		t.Errorf("%s: got %d bytes, %v", Style, len(b), ok)
	}
	for _, name := range []string{"", ".", "..", "/", "style.css", Style + ".gz", "../names.go", "../dist/" + Style, "/" + Style, strings.ToUpper(Style)} {
		if b, ok := File(name); ok || b != nil {
			t.Errorf("%q: got %d bytes, want none", name, len(b))
		}
	}
}
