package acceptance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// accessToken is not one that anybody would guess.
const accessToken = "0-token-of-the-tests"

// letsIn are variables of a function that lets in who has that token, and
// browsers that sign in with it.
func letsIn(token string) []string {
	sum := sha256.Sum256([]byte(token))
	return []string{"ACCESS=token", "ACCESS_TOKENS=somebody:" + hex.EncodeToString(sum[:]), "SIGNING_KEY=" + strings.Repeat("key", 16)}
}

// A secureSite is a site over TLS, and nothing where it is asked without.
type secureSite struct {
	*httptest.Server

	mu    sync.Mutex
	asked map[string]int
}

func newSecureSite(t *testing.T, handler http.Handler) *secureSite {
	t.Helper()
	s := &secureSite{asked: make(map[string]int)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.Method+" "+r.URL.Path]++
		s.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	s.Listener = secureListener{s.Listener}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of those that it hangs up on
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// certificate returns a file with the certificate that is every secure site's.
func certificate(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "certificate.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: newSecureSite(t, http.NotFoundHandler()).Certificate().Raw}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// requests returns how often there was asked what, by method and path.
func (s *secureSite) requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.asked)
}

// A secureListener hangs up on who does not begin with a TLS handshake. net/http
// would answer, and a site that answers over http is to redirect.
type secureListener struct{ net.Listener }

func (l secureListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &secureConn{Conn: c}, nil
}

type secureConn struct {
	net.Conn
	begun bool
}

func (c *secureConn) Read(p []byte) (int, error) {
	const handshake = 22 // the type of a TLS record
	n, err := c.Conn.Read(p)
	if n > 0 && !c.begun && p[0] != handshake {
		return 0, io.EOF
	}
	c.begun = c.begun || n > 0
	return n, err
}

// newSecureMachine is a machine's front as Function Compute's is: over TLS.
func newSecureMachine(t *testing.T, m *machine) *secureSite {
	t.Helper()
	front, err := url.Parse(m.front)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(front)
		r.Out.Host = r.In.Host
	}}
	return newSecureSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The whole body first: an answer that comes while the proxy still looks for
		// more of it would be cut off.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
}
