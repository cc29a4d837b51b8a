package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"
)

// A problem is why an address is out of reach, and what to do about it.
type problem struct{ what, hint string }

const (
	hintNetwork = "see whether anything keeps this function from there: in a VPC it needs a NAT gateway or an endpoint there, elsewhere perhaps a proxy (HTTPS_PROXY)"
	hintAddress = "see whether the address is the right one, and whether anything in between answers in its place"
	hintName    = "see whether the address is the right one; where names from outside are not known, a proxy is needed (HTTPS_PROXY)"
	hintProxy   = "see whether HTTPS_PROXY is right; NO_PROXY names what needs none"
)

// reach has an address answer anything at all over HTTP, and returns the clock there;
// zero where the answer is not dated. It is not signed and asks for nothing.
func (d *Doctor) reach(ctx context.Context, address string) (time.Time, *problem) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/", nil)
	if err != nil {
		return time.Time{}, &problem{"it is no address", hintAddress}
	}
	r.Header.Set("User-Agent", "cloudsso-task-status")
	response, err := d.Transport.RoundTrip(r)
	if err != nil {
		return time.Time{}, unreached(err)
	}
	_ = response.Body.Close() // nobody reads it
	dated, _ := http.ParseTime(response.Header.Get("Date"))
	return dated, nil
}

// unreached says why there is no answer. The error itself can repeat an address that is
// not to be shown.
func unreached(err error) *problem {
	unresolved, _ := errors.AsType[*net.DNSError](err)
	failed, _ := errors.AsType[net.Error](err)
	untrusted, _ := errors.AsType[*tls.CertificateVerificationError](err)
	_, isPlain := err.(tls.RecordHeaderError) // as it is: nobody wraps it
	dialed, _ := errors.AsType[*net.OpError](err)
	switch {
	case dialed != nil && dialed.Op == "proxyconnect":
		return &problem{"the proxy on the way there is itself out of reach", hintProxy}
	case unresolved != nil && unresolved.IsNotFound:
		return &problem{"its name is not known to the name server", hintName}
	case unresolved != nil:
		return &problem{"its name cannot be looked up", hintNetwork}
	case failed != nil && failed.Timeout():
		return &problem{"there was no answer in time", hintNetwork}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &problem{"the connection is refused", hintAddress}
	case untrusted != nil:
		return &problem{"its certificate is not one to trust, or is another host's", hintAddress}
	case isPlain:
		return &problem{"it does not speak TLS", hintAddress}
	}
	return &problem{"the connection was lost before there was an answer", hintNetwork}
}
