package main

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// A cloudSSO stands in for CloudSSO: every task that it is asked for has succeeded.
// That what it gets is signed right is for function/local to say.
type cloudSSO struct {
	plain, secure *httptest.Server
	// roots is a file with the machine's certificate authorities and the stand-in's
	// own: a function has the machine's to read too.
	roots string

	calls atomic.Int64
	delay atomic.Int64 // nanoseconds, before each answer
}

// bundles are where distributions of Linux keep their certificate authorities.
var bundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"}

func startCloudSSO(dir string) (*cloudSSO, error) {
	c := new(cloudSSO)
	c.plain, c.secure = httptest.NewServer(c), httptest.NewTLSServer(c)
	var trusted []byte
	for _, bundle := range bundles {
		if found, err := os.ReadFile(bundle); err == nil {
			trusted = found
			break
		}
	}
	trusted = append(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.secure.Certificate().Raw})...)
	c.roots = filepath.Join(dir, "roots.pem")
	return c, os.WriteFile(c.roots, trusted, 0o600)
}

func (c *cloudSSO) Close() {
	c.plain.Close()
	c.secure.Close()
}

func (c *cloudSSO) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.calls.Add(1)
	time.Sleep(time.Duration(c.delay.Load()))
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	if !strings.HasPrefix(r.Header.Get("Authorization"), "ACS3-HMAC-SHA256 Credential=") {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"Code":"MissingAuthorization"}`)
		return
	}
	fmt.Fprintf(w, `{"TaskStatus":{"EndTime":"2021-11-05T02:58:08Z","Status":"Success","TaskId":%q,"StartTime":"2021-11-05T02:58:07Z",`+
		`"FailureReason":"","TaskType":"CreateAccessAssignment"},"RequestId":"005F4623-AE53-504D-830F-44825F7DC211"}`, r.FormValue("TaskId"))
}
