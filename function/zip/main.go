// Command zip packs the function as Function Compute takes it: one executable
// at the top. The same executable gives the same bytes, so that a deployment can tell
// that nothing has changed.
package main

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: zip EXECUTABLE ZIP")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "zip:", err)
		os.Exit(1)
	}
}

// pack writes target with source in it as "main", the name that s.yaml gives as the handler.
func pack(source, target string) error {
	in, err := os.Open(source) // #nosec G304 G703 -- who builds says what to pack
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(target) // #nosec G304 G703 -- and where to
	if err != nil {
		return err
	}
	defer out.Close()

	archive := zip.NewWriter(out)
	header := &zip.FileHeader{
		Name:   "main",
		Method: zip.Deflate,
		// The earliest time that a zip can hold: the real one would differ each time.
		Modified: time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC),
	}
	// Without the executable bit the runtime cannot start it.
	header.SetMode(0o755)
	w, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, in); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return out.Close()
}
