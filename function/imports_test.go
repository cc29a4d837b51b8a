package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of this project, and which modules, each package
// may import. What is not here is forbidden.
var arrows = map[string][]string{
	"taskstatus/function": {
		"taskstatus/function/access", "taskstatus/function/acs", "taskstatus/function/chat", "taskstatus/function/check",
		"taskstatus/function/cloudsso", "taskstatus/function/invoke", "taskstatus/function/site", "taskstatus/function/task",
		"taskstatus/function/trigger", "taskstatus/function/watch", "taskstatus/function/webhook",
		"github.com/aliyun/fc-runtime-go-sdk/fc", "github.com/aliyun/fc-runtime-go-sdk/fccontext",
	},
	"taskstatus/function/task":     {},
	"taskstatus/function/secret":   {},
	"taskstatus/function/once":     {},
	"taskstatus/function/clock":    {},
	"taskstatus/function/budget":   {},
	"taskstatus/function/webhook":  {"taskstatus/function/secret"},
	"taskstatus/function/access":   {"taskstatus/function/secret"},
	"taskstatus/function/acs":      {"taskstatus/function/task", "github.com/aliyun/credentials-go/credentials/providers"},
	"taskstatus/function/cloudsso": {"taskstatus/function/task", "taskstatus/function/clock", "taskstatus/function/acs"},
	"taskstatus/function/invoke":   {"taskstatus/function/task", "taskstatus/function/acs"},
	"taskstatus/function/chat":     {"taskstatus/function/task", "taskstatus/function/clock", "taskstatus/function/once", "taskstatus/function/secret", "taskstatus/function/webhook"},
	"taskstatus/function/check":    {"taskstatus/function/task", "taskstatus/function/clock", "taskstatus/function/once"},
	"taskstatus/function/watch":    {"taskstatus/function/task", "taskstatus/function/clock"},
	"taskstatus/function/trigger":  {"taskstatus/function/task", "github.com/aliyun/fc-runtime-go-sdk/fccontext"},
	"taskstatus/function/site":     {"taskstatus/function/task", "taskstatus/function/once", "taskstatus/templates", "taskstatus/web", "github.com/a-h/templ"},
	"taskstatus/templates":         {"github.com/a-h/templ", "github.com/a-h/templ/runtime"},
	"taskstatus/web":               {},

	// The stand-ins share no code with what they test; their -live finds the caller's own credentials.
	"taskstatus/function/local": {"github.com/aliyun/credentials-go/credentials/providers"},
	"taskstatus/function/zip":   {},

	// It makes what web embeds, and so cannot import it.
	"taskstatus/function/assets": {},
}

func TestImports(t *testing.T) {
	list := exec.Command("go", "list", "-f", "{{.ImportPath}} {{range .Imports}}{{.}} {{end}}", "taskstatus/...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		imports := strings.Fields(line)
		importer := imports[0]
		allowed, ok := arrows[importer]
		if !ok {
			t.Errorf("%s: nothing says what it may import", importer)
			continue
		}
		for _, imported := range imports[1:] {
			standard := !strings.Contains(strings.Split(imported, "/")[0], ".") && !strings.HasPrefix(imported, "taskstatus/")
			if !standard && !slices.Contains(allowed, imported) {
				t.Errorf("%s may not import %s", importer, imported)
			}
		}
	}
}
