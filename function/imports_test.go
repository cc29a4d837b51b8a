package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// elsewhere are the modules' packages that doc.go calls by their last names.
var elsewhere = map[string]string{
	"fc":            "github.com/aliyun/fc-runtime-go-sdk/fc",
	"fccontext":     "github.com/aliyun/fc-runtime-go-sdk/fccontext",
	"providers":     "github.com/aliyun/credentials-go/credentials/providers",
	"templ":         "github.com/a-h/templ",
	"templ/runtime": "github.com/a-h/templ/runtime",
}

// path is the import path of what doc.go calls by a name.
func path(name string) string {
	switch name {
	case "main":
		return "taskstatus/function"
	case "templates", "web":
		return "taskstatus/" + name
	}
	if path, ok := elsewhere[name]; ok {
		return path
	}
	return "taskstatus/function/" + name
}

// arrows reads from doc.go which packages each of this project's may import.
func arrows(t *testing.T) map[string][]string {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	allowed := make(map[string][]string)
	for line := range strings.Lines(string(doc)) {
		importers, imported, ok := strings.Cut(strings.TrimPrefix(line, "//\t"), "->")
		if !ok {
			continue
		}
		var paths []string
		if names := strings.Fields(imported); names[0] != "nothing" {
			for _, name := range names {
				paths = append(paths, path(name))
			}
		}
		for importer := range strings.SplitSeq(importers, ",") {
			allowed[path(strings.TrimSpace(importer))] = paths
		}
	}
	return allowed
}

// TestImports: nobody imports what doc.go does not allow, and doc.go allows nothing
// that nobody imports.
func TestImports(t *testing.T) {
	list := exec.Command("go", "list", "-f", "{{.ImportPath}} {{range .Imports}}{{.}} {{end}}", "taskstatus/...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	arrows := arrows(t)
	for line := range strings.Lines(string(out)) {
		importer, imports := strings.Fields(line)[0], strings.Fields(line)[1:]
		allowed, ok := arrows[importer]
		if !ok {
			t.Errorf("%s: doc.go does not say what it may import", importer)
			continue
		}
		for _, imported := range imports {
			standard := !strings.Contains(strings.Split(imported, "/")[0], ".") && !strings.HasPrefix(imported, "taskstatus/")
			if !standard && !slices.Contains(allowed, imported) {
				t.Errorf("%s may not import %s", importer, imported)
			}
		}
		for _, path := range allowed {
			if !slices.Contains(imports, path) {
				t.Errorf("%s may import %s, and does not", importer, path)
			}
		}
		delete(arrows, importer)
	}
	for importer := range arrows {
		t.Errorf("%s: doc.go tells of it, and it is not there", importer)
	}
}
