package site

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
)

// validator is a tag of everything that the answer says, but for the ids of the
// requests to CloudSSO, which differ each time: it is weak for that (RFC 9110, section
// 8.8.3). Of a task that is open, a page and a line of text also say for how many
// seconds it has been running.
func (s *Site) validator(e *exchange, l look) string {
	var second int64
	if e.form != asJSON && !settled(l.results) {
		second = e.now.Unix()
	}
	by := "" // what a page says of who it is for
	switch {
	case e.form != asPage:
	case e.session:
		by = "session " + e.caller
	case !e.linked.IsZero():
		by = "link"
	}
	said := newWriter(len(l.told.Tasks))
	for _, text := range [...]string{s.Version, string(e.form), e.language.Tag(), e.request.URL.RawQuery, by} {
		said = append(appendText(said, text), ' ')
	}
	said = strconv.AppendInt(said, second, 10)
	told := l.told
	told.Tasks = slices.Clone(told.Tasks)
	for i := range told.Tasks {
		told.Tasks[i].RequestID = ""
	}
	said.documents(&told)
	sum := sha256.Sum256(said)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}
