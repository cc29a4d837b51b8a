package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// npmChecks are the tests that are skipped without Node.js and what make tools installs.
const npmChecks = "CHECKS BY NPM PACKAGES"

// node returns the path of Node.js, and skips the test where it is not there.
func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		missing(t, npmChecks, "no node found; install Node.js")
	}
	return path
}

// npmFile returns the absolute path of a file of an installed npm package, and
// skips the test where it is not there.
func npmFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("node_modules", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		missing(t, npmChecks, "no axe-core, Lighthouse, HTML validator, judge of headers or of the contract, chat SDK or Serverless Devs; make tools installs them")
	}
	return path
}
