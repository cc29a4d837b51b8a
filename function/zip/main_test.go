package main

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestReproducible makes the package in two places that have nothing in common but the
// sources: by the bytes a deployment tells that nothing has changed.
func TestReproducible(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("there is no make")
	}
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.TrimSpace(string(out))
	elsewhere := filepath.Join(t.TempDir(), "modules") // where the compiler sees them
	if err := os.Symlink(modules, elsewhere); err != nil {
		t.Fatal(err)
	}
	before := syscall.Umask(0o022)
	defer syscall.Umask(before)
	var made [][]byte
	for _, place := range []struct {
		name, modules, flags string
		umask                int
	}{
		{"here", modules, "", 0o022},
		{"some/where else", elsewhere, "-mod=readonly -ldflags=-X=main.version=other", 0o077},
	} {
		syscall.Umask(place.umask)
		dir := filepath.Join(t.TempDir(), filepath.FromSlash(place.name))
		copySources(t, dir)
		command := exec.Command("make", "package", "VERSION=v1.2.3")
		command.Dir = dir
		command.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
			return strings.HasPrefix(variable, "MAKE") // of the make that runs this test
		})
		command.Env = append(command.Env, "GOMODCACHE="+place.modules, "GOFLAGS="+place.flags, "GOPROXY=off")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", place.name, err, out)
		}
		archive, err := os.ReadFile(filepath.Join(dir, "build", "function.zip"))
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, archive)
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("the packages differ")
	}
	archive, err := zip.NewReader(bytes.NewReader(made[0]), int64(len(made[0])))
	if err != nil {
		t.Fatal(err)
	}
	// The runtime takes the handler main, which has to be executable and for itself.
	if len(archive.File) != 1 || archive.File[0].Name != "main" || archive.File[0].Mode() != 0o755 {
		t.Errorf("in it is %+v", archive.File[0])
	}
	in, err := archive.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	head := make([]byte, 20)
	if _, err := in.Read(head); err != nil || !bytes.HasPrefix(head, []byte("\x7fELF\x02\x01")) || head[18] != 62 { // x86-64, in 64 bits
		t.Errorf("it begins with %x, %v", head, err)
	}
}

// copySources copies what the package is made of.
func copySources(t *testing.T, to string) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch {
			case name != "." && strings.HasPrefix(name, "."), name == "build", entry.Name() == "node_modules", entry.Name() == "acceptance", entry.Name() == "bench":
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, name), 0o777)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
}
