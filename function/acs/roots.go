package acs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"os"
	"runtime"
	"sync"
)

// bundles are where distributions of Linux keep their certificate authorities in one
// file, the first that is there being the one. They are those of crypto/x509, in its
// order: another file may have authorities that it would not trust.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// roots verify servers by the system's certificate authorities. Go parses all of
// them before it looks at the first certificate, some hundred and fifty, and where
// they lie in a directory too, twice: three quarters of what a new instance spends
// on its first call. A server's certificates name who issued them, so no others are
// needed.
type roots struct {
	// bundle is a file of certificates; empty for the system's.
	bundle string

	mu      sync.Mutex
	issuers []byte // that pool is for
	pool    *x509.CertPool
}

// verify verifies a server that is to be the host, as crypto/tls would itself: it
// accepts what the system's pool accepts, of which the pool for an issuer is a part,
// and what it refuses the whole has refused.
func (r *roots) verify(host string, certificates []*x509.Certificate) error {
	options := x509.VerifyOptions{DNSName: host, Intermediates: x509.NewCertPool(), Roots: r.of(certificates)}
	for _, c := range certificates[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := certificates[0].Verify(options)
	if err != nil {
		options.Roots = nil
		_, err = certificates[0].Verify(options)
	}
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: certificates, Err: err}
	}
	return nil
}

// longest is how many certificates a server may send for its authorities to be looked
// for: more than there are in practice. Of the thousand that fit into a handshake each
// would be looked for in each authority, before anything is known of who sends them.
const longest = 10

// of returns the authorities that can have issued one of the certificates, or nil for
// the system's.
func (r *roots) of(certificates []*x509.Certificate) *x509.CertPool {
	if len(certificates) > longest {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var issuers []byte
	for _, c := range certificates {
		issuers = append(issuers, c.RawIssuer...)
	}
	if r.pool != nil && bytes.Equal(issuers, r.issuers) {
		return r.pool
	}
	r.issuers, r.pool = issuers, x509.NewCertPool()
	var buffer []byte
	for rest := r.read(); ; {
		// encoding/pem takes three times as long, for headers that there are none of here.
		before, block, ok := bytes.Cut(rest, []byte("-----BEGIN CERTIFICATE-----"))
		if !ok {
			return r.pool
		}
		block, rest, ok = bytes.Cut(block, []byte("-----END CERTIFICATE-----"))
		if !ok || len(before) > 0 && before[len(before)-1] != '\n' { // cut off, or commented out
			continue
		}
		der, err := base64.StdEncoding.AppendDecode(buffer[:0], block)
		if err != nil {
			continue
		}
		buffer = der
		for _, c := range certificates {
			// Whose subject is that issuer has it in itself, byte by byte.
			if !bytes.Contains(der, c.RawIssuer) {
				continue
			}
			if authority, err := x509.ParseCertificate(bytes.Clone(der)); err == nil {
				r.pool.AddCert(authority)
			}
			break
		}
	}
}

// read returns the certificates that there are, in PEM, or nothing. Elsewhere than on
// Linux files need not say what the system trusts.
func (r *roots) read() []byte {
	files := bundles
	if file := r.bundle; file != "" {
		files = []string{file}
	} else if runtime.GOOS != "linux" {
		return nil
	} else if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		files = []string{file}
	}
	for _, file := range files {
		if found, err := os.ReadFile(file); err == nil { // #nosec G304 G703 -- the operator's choice, as everywhere in Go
			return found
		}
	}
	return nil
}
