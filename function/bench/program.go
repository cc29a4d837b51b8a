package main

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// A program is one of those compared, built in three ways.
type program struct {
	name string
	// path is built as it is deployed; counted the same with a counter of
	// allocations; symbols with the names that callgrind needs.
	path, counted, symbols string
	size, zipped           int64
}

// The module of this command, and that of the function, from which make runs it.
const (
	here = "function/bench"
	root = "."
)

// buildAll builds the programs into a directory.
func buildAll(into string) (floor, peer, ours *program, err error) {
	built := make([]*program, 3)
	for i, source := range []struct{ name, module, dir string }{
		{"floor", here, "floor"}, {"peer", here, "peer"}, {"ours", root, "function"},
	} {
		if built[i], err = build(into, source.name, source.module, source.dir); err != nil {
			return nil, nil, nil, fmt.Errorf("build %s: %w", source.name, err)
		}
	}
	return built[0], built[1], built[2], nil
}

func build(into, name, module, dir string) (*program, error) {
	p := &program{
		name:    name,
		path:    filepath.Join(into, name),
		counted: filepath.Join(into, name+"-counted"),
		symbols: filepath.Join(into, name+"-symbols"),
	}
	main, err := filepath.Abs(filepath.Join(module, dir))
	if err != nil {
		return nil, err
	}
	counter, err := filepath.Abs(filepath.Join(here, "testdata", "allocations.go"))
	if err != nil {
		return nil, err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(main, "allocations.go"): counter}})
	if err != nil {
		return nil, err
	}
	overlaid := filepath.Join(into, name+".json")
	if err := os.WriteFile(overlaid, overlay, 0o600); err != nil {
		return nil, err
	}
	const stripped = "-ldflags=-s -w"
	for _, args := range [][]string{
		{stripped, "-o", p.path},
		{stripped, "-overlay", overlaid, "-o", p.counted},
		{"-o", p.symbols},
	} {
		args = append([]string{"build", "-trimpath", "-buildvcs=false"}, append(args, "./"+dir)...)
		if err := run(module, "go", args...); err != nil {
			return nil, err
		}
	}
	packed := p.path + ".zip"
	if err := run(root, "go", "run", "./function/zip", p.path, packed); err != nil {
		return nil, err
	}
	if err := unpack(packed, p.path); err != nil {
		return nil, err
	}
	if p.size, err = size(p.path); err != nil {
		return nil, err
	}
	p.zipped, err = size(packed)
	return p, err
}

// unpack puts the executable in the place of the one that it was packed from, as
// Function Compute does: written from its start to its end, a file lies better in memory
// than as the linker leaves it, and starts in less time.
func unpack(packed, path string) error {
	archive, err := zip.OpenReader(packed)
	if err != nil {
		return err
	}
	defer archive.Close()
	in, err := archive.Open("main")
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.Remove(path); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// run runs a command, whose words are part of the error.
func run(dir, name string, args ...string) error {
	command := exec.Command(name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return nil
}

func size(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
