package access

import (
	"errors"
	"net/url"
	"time"
)

// The parameters of a signed link.
const (
	linkUntil     = "expires"
	linkSignature = "signature"
)

var errBadLink = errors.New("the link is not one of ours, or no longer")

// Link returns the parameters by which whoever has them sees the subject, and
// nothing else, until then. They are signed, and hold no secret.
func (p Policy) Link(subject string, until time.Time) url.Values {
	expires := unix(until)
	return url.Values{linkUntil: {expires}, linkSignature: {p.sign(forLink, subject, expires)}}
}

// Opens returns until when the parameters let whoever has them see the subject.
// The error says, for the log, that they do not.
func (p Policy) Opens(subject string, parameters url.Values, now time.Time) (until time.Time, err error) {
	expires := parameters.Get(linkUntil)
	until, ok := ahead(expires, now)
	if !p.signed(parameters.Get(linkSignature), forLink, subject, expires) || !ok {
		return time.Time{}, errBadLink
	}
	return until, nil
}
