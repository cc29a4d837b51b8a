package site

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
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
	said := make(statement, 0, 512*(1+len(l.told.Tasks)))
	said.texts(s.Version, string(e.form), e.language.Tag(), e.request.URL.RawQuery, by)
	said.number(second)
	said.documents(&l.told)
	sum := sha256.Sum256(said)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// A statement is what an answer says, as bytes to be hashed. Each thing in it shows where
// it ends, or that it is absent: no two answers that differ read the same.
type statement []byte

func (s *statement) texts(all ...string) {
	for _, text := range all {
		s.number(int64(len(text)))
		*s = append(*s, text...)
	}
}

func (s *statement) number(n int64) { *s = binary.AppendVarint(*s, n) }

func (s *statement) flag(yes bool) { *s = strconv.AppendBool(*s, yes) }

func (s *statement) documents(d *Documents) {
	s.flag(d.Done)
	for _, n := range [...]int{d.Counts.Failed, d.Counts.InProgress, d.Counts.Success, d.Counts.Unknown, len(d.Tasks)} {
		s.number(int64(n))
	}
	for i := range d.Tasks {
		s.document(&d.Tasks[i])
	}
}

// document adds all of a Document but its RequestID.
func (s *statement) document(d *Document) {
	s.texts(string(d.TaskID), string(d.DirectoryID), string(d.TaskType), string(d.Status),
		d.StartTime, d.EndTime, d.FailureReason, d.Hint, d.URL)
	s.flag(d.Done != nil)
	if d.Done != nil {
		s.flag(*d.Done)
	}
	s.flag(d.DurationSeconds != nil)
	if d.DurationSeconds != nil {
		s.number(*d.DurationSeconds)
	}
	s.flag(d.Details != nil)
	if of := d.Details; of != nil {
		s.texts(string(of.PrincipalType), of.PrincipalID, of.PrincipalName,
			of.TargetType, of.TargetID, of.TargetName, of.TargetPath, of.TargetPathName,
			of.AccessConfigurationID, of.AccessConfigurationName)
	}
	s.flag(d.Problem != nil)
	if p := d.Problem; p != nil {
		s.texts(p.Type, p.Title, p.Detail, p.RequestID, p.Hint)
		s.number(int64(p.Status))
		s.flag(p.Retryable)
	}
}
