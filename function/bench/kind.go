package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// A kind is a kind of request, and what an answer to it has to have: what is
// quick because it failed shall not count.
type kind struct {
	name   string
	status int
	has    string
}

var (
	constant = kind{"a constant", 200, `"status":"Success"`}
	asJSON   = kind{"JSON", 200, `"status":"Success"`}
	asPage   = kind{"page", 200, `</html>`}
	asPart   = kind{"fragment", 200, `</article>`}
	as304    = kind{"304", 304, ``}
	asBoard  = kind{"board of 20", 200, `20 succeeded`}
	uncached = kind{"JSON, not remembered", 200, `"status":"Success"`}
)

// check makes sure of an answer. It reads the whole of it, which is why what is
// measured is over before.
func (k kind) check(payload []byte) error {
	r, err := read(payload)
	if err != nil {
		return err
	}
	if r.StatusCode != k.status {
		return fmt.Errorf("status %d, not %d", r.StatusCode, k.status)
	}
	body, err := r.body()
	if err != nil {
		return err
	}
	if r.Headers["Content-Encoding"] == "gzip" {
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return err
		}
		if body, err = io.ReadAll(unpacked); err != nil {
			return err
		}
	}
	if !bytes.Contains(body, []byte(k.has)) {
		return errors.New("the answer is not what was asked for")
	}
	return nil
}
