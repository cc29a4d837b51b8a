package acceptance

import (
	"os"
	"path/filepath"
	"testing"
)

// npmFile returns the absolute path of a file of an installed npm package, and
// skips the test where it is not there.
func npmFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("node_modules", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		missing(t, "CHECKS BY NPM PACKAGES", "no axe-core, Lighthouse, HTML validator, judge of headers or chat SDK; make tools installs them")
	}
	return path
}
