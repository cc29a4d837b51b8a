package acs

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// An issued is a certificate and the key that it is for.
type issued struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// issue makes a certificate of a name; by is who issues it, nil for itself.
func issue(t *testing.T, name string, by *issued, change func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Test"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	change(template)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{certificate, key}
}

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
}

func server(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = []string{"cloudsso.example.com"}, []net.IP{{127, 0, 0, 1}}
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
}

// bundle writes certificates as systems keep them, with words between.
func bundle(t *testing.T, authorities ...*issued) string {
	t.Helper()
	content := []byte("# Authorities\n")
	for _, a := range authorities {
		content = append(content, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})...)
		content = append(content, "\n# and another\n-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"...)
	}
	return file(t, content)
}

// file writes a file that holds this and nothing else.
func file(t *testing.T, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestRootsVerify(t *testing.T) {
	root := issue(t, "Root", nil, authority)
	namesake := issue(t, "Root", nil, authority)
	stranger := issue(t, "Stranger", nil, authority)
	middle := issue(t, "Middle", root, authority)
	leaf := issue(t, "leaf", root, server)
	byMiddle := issue(t, "leaf", middle, server)
	trusted := bundle(t, stranger, issue(t, "Another", nil, authority), namesake, root)

	written := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.certificate.Raw})

	tests := []struct {
		name   string
		bundle string
		host   string
		chain  []*issued
		ok     bool
	}{
		{"issued by a root", trusted, "cloudsso.example.com", []*issued{leaf}, true},
		{"by an intermediate", trusted, "cloudsso.example.com", []*issued{byMiddle, middle}, true},
		{"the root is sent too", trusted, "cloudsso.example.com", []*issued{byMiddle, middle, root}, true},
		{"an intermediate that is not sent", trusted, "cloudsso.example.com", []*issued{byMiddle}, false},
		{"an address", trusted, "127.0.0.1", []*issued{leaf}, true},
		{"another address", trusted, "127.0.0.2", []*issued{leaf}, false},
		{"another host", trusted, "cloudsso.example.org", []*issued{leaf}, false},
		{"a host that is a part", trusted, "example.com", []*issued{leaf}, false},
		{"a root of the same name", bundle(t, namesake), "cloudsso.example.com", []*issued{leaf}, false},
		{"a root that is not there", bundle(t, stranger), "cloudsso.example.com", []*issued{leaf}, false},
		{"a root that only the server has", bundle(t, stranger), "cloudsso.example.com", []*issued{byMiddle, middle, root}, false},
		{"no roots", bundle(t), "cloudsso.example.com", []*issued{leaf}, false},
		{"a root from the first byte on", file(t, written), "cloudsso.example.com", []*issued{leaf}, true},
		{"a root that is commented out", file(t, append([]byte("#"), written...)), "cloudsso.example.com", []*issued{leaf}, false},
		{"a root that is cut off", file(t, bytes.TrimSuffix(written, []byte("-----END CERTIFICATE-----\n"))), "cloudsso.example.com", []*issued{leaf}, false},
		{"no file", filepath.Join(t.TempDir(), "none"), "cloudsso.example.com", []*issued{leaf}, false},
		{"one who may not issue", trusted, "cloudsso.example.com", []*issued{issue(t, "leaf", leaf, server), leaf}, false},
		{"ended", trusted, "cloudsso.example.com", []*issued{issue(t, "leaf", root, func(c *x509.Certificate) {
			server(c)
			c.NotAfter = time.Now().Add(-time.Minute)
		})}, false},
		{"not for servers", trusted, "cloudsso.example.com", []*issued{issue(t, "leaf", root, func(c *x509.Certificate) {
			server(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})}, false},
		{"self-signed, and trusted", bundle(t, leaf, root), "cloudsso.example.com", []*issued{leaf}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &roots{bundle: test.bundle}
			chain := make([]*x509.Certificate, len(test.chain))
			for i, c := range test.chain {
				chain[i] = c.certificate
			}
			for range 2 { // the second time from what is remembered
				err := r.verify(test.host, chain)
				if (err == nil) != test.ok {
					t.Errorf("verify = %v, want ok %v", err, test.ok)
				}
				if _, ok := errors.AsType[*tls.CertificateVerificationError](err); err != nil && !ok {
					t.Errorf("the error is a %T", err)
				}
			}
		})
	}
	t.Run("more than a chain has", func(t *testing.T) {
		r := &roots{bundle: trusted}
		chain := slices.Repeat([]*x509.Certificate{leaf.certificate}, longest+1)
		if r.of(chain) != nil || r.of(chain[:longest]) == nil {
			t.Error("they are looked for, or fewer are not")
		}
	})
	t.Run("one after the other", func(t *testing.T) {
		r := &roots{bundle: trusted}
		other := issue(t, "leaf", stranger, server)
		for _, c := range []*issued{leaf, other, leaf} {
			if err := r.verify("cloudsso.example.com", []*x509.Certificate{c.certificate}); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestRootsOfTheSystem has a process whose system keeps its authorities in a
// directory, where they are not looked for at first.
func TestRootsOfTheSystem(t *testing.T) {
	if host := os.Getenv("ROOTS_OF_THE_SYSTEM"); host != "" {
		found, err := os.ReadFile(os.Getenv("ROOTS_LEAF"))
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(found)
		if err != nil {
			t.Fatal(err)
		}
		if err := new(roots).verify(host, []*x509.Certificate{leaf}); err != nil {
			t.Fatal(err)
		}
		return
	}
	root := issue(t, "Root", nil, authority)
	leaf := file(t, issue(t, "leaf", root, server).certificate.Raw)
	for host, ok := range map[string]bool{"cloudsso.example.com": true, "cloudsso.example.org": false} {
		again := exec.Command(os.Args[0], "-test.run=^TestRootsOfTheSystem$")
		again.Env = []string{
			"ROOTS_OF_THE_SYSTEM=" + host, "ROOTS_LEAF=" + leaf,
			"SSL_CERT_FILE=" + bundle(t), "SSL_CERT_DIR=" + filepath.Dir(bundle(t, root)),
		}
		if said, err := again.CombinedOutput(); (err == nil) != ok {
			t.Errorf("%s: %v, want ok %v\n%s", host, err, ok, said)
		}
	}
}

// TestHandshakeHost has a server be whatever an address calls it: it is accepted as
// crypto/tls does, which verifies where the transport has authorities of its own.
func TestHandshakeHost(t *testing.T) {
	root := issue(t, "Root", nil, authority)
	leaf := issue(t, "leaf", root, func(c *x509.Certificate) {
		server(c)
		c.DNSNames, c.IPAddresses = append(c.DNSNames, "*.example.net"), append(c.IPAddresses, net.IPv6loopback)
	})
	s := httptest.NewUnstartedServer(nil)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.certificate.Raw}, PrivateKey: leaf.key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	for address, ok := range map[string]bool{
		"cloudsso.example.com:443": true, "CloudSSO.example.COM:443": true, "cloudsso.example.com.:443": true, "a.example.net:443": true,
		"127.0.0.1:443": true, "[::1]:443": true, "[::1%lo]:443": false, "[fe80::1]:443": false, "a.b.example.net:443": false, "example.net:443": false,
		"cloudsso.example.com..:443": false, ".cloudsso.example.com:443": false, ":443": false, "[]:443": false, "": false,
	} {
		t.Run(address, func(t *testing.T) {
			own, usual := NewTransport(), NewTransport()
			usual.TLSClientConfig.RootCAs = x509.NewCertPool()
			usual.TLSClientConfig.RootCAs.AddCert(root.certificate)
			for name, transport := range map[string]*http.Transport{"own": own, "crypto/tls": usual} {
				conn, err := net.Dial("tcp", s.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				secured, err := handshake(t.Context(), conn, address, transport, &roots{bundle: bundle(t, root)})
				if (err == nil) != ok {
					t.Errorf("%s: %v, want ok %v", name, err, ok)
				}
				if secured != nil {
					secured.Close()
				}
			}
		})
	}
}

// TestTransportTLS has a transport call a server, and again in a session that is
// resumed: it is verified then as well.
func TestTransportTLS(t *testing.T) {
	root := issue(t, "Root", nil, authority)
	leaf := issue(t, "leaf", root, server)
	var resumed bool
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { resumed = r.TLS.DidResume }))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.certificate.Raw}, PrivateKey: leaf.key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()

	var system roots
	transport := NewTransport()
	transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		if err != nil {
			return nil, err
		}
		return handshake(ctx, conn, address, transport, &system)
	}
	call := func() error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		transport.CloseIdleConnections()
		return err
	}
	system.bundle = bundle(t, root)
	for n := range 2 {
		if err := call(); err != nil || resumed != (n == 1) {
			t.Fatalf("call %d: %v, resumed %v", n+1, err, resumed)
		}
	}
	system.bundle, system.pool = bundle(t, issue(t, "Other", nil, authority)), nil
	err := call()
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("a server that is no longer trusted: %v", err)
	}
	if _, retry := TransportError("GetTaskStatus", err); retry {
		t.Error("it is tried again")
	}
}
