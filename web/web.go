// Package web holds the static files: the page to paste ids into, what all
// pages load, and the contract. They are plain files, to be served from any static host. From here
// they are served as make generate leaves them in dist: compressed, and named by
// their content so that they can be cached for good. Nothing that is made for one
// reader may enter.
package web

import "embed"

// The linker lays dist out: a start has nothing to do for it.
//
//go:embed dist/*.gz
var dist embed.FS

// File returns the file of that name, which is one of the constants, compressed
// by gzip. ok is false where there is none.
func File(name string) (gzipped []byte, ok bool) {
	gzipped, err := dist.ReadFile("dist/" + name + ".gz")
	return gzipped, err == nil
}
