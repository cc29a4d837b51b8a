// Package web holds the static files: the page to paste ids into and what all
// pages load. They are plain files, to be served from here or from any static host.
package web

import _ "embed"

// Index is the page where tasks are asked for.
//
//go:embed index.html
var Index string

// Style is the style sheet of every page.
//
//go:embed style.css
var Style string

// Icon is the icon of every page.
//
//go:embed icon.svg
var Icon string
