package acs

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	// connectTimeout bounds name look-up and TCP connect, and again the TLS
	// handshake. A lost packet, sent again after a second (RFC 6298), fits in.
	connectTimeout = 2 * time.Second
	// idleTimeout is how long an unused connection is worth keeping. The
	// transport compares it by the wall clock when it is about to reuse one, so
	// a connection that died while Function Compute had the instance frozen is
	// not reused, although no timer ran meanwhile.
	idleTimeout = 30 * time.Second
	// maxIdle is how many calls a bulk look-up makes at a time: fewer idle
	// connections would have it dial and shake hands over and over.
	maxIdle = 8
	// maxHeader bounds an answer's header.
	maxHeader = 64 << 10
)

// A Call is one HTTP exchange with an API, for the log.
type Call struct {
	// Action is the API operation.
	Action string
	// Attempt counts from 1; from 2 on they are retries.
	Attempt int
	// Status is the HTTP status; 0 if no answer came.
	Status int
	// Code is the API's error code; empty where it gave none or not one that can be one.
	Code string
	// RequestID is the API's id of the request, where known.
	RequestID string
	// Duration is from before the request to after the answer's last byte.
	Duration time.Duration
}

// NewTransport returns what carries the requests of one API, for the whole
// process: it keeps connections and TLS sessions. How long an exchange may
// take is for the request's context to say.
func NewTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dial := (&net.Dialer{Timeout: connectTimeout}).DialContext
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial,
		TLSHandshakeTimeout:    connectTimeout,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
		Protocols:              protocols,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    maxIdle,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // answers are small, and none shall unpack to more than was counted
	}
	var system roots
	transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return handshake(ctx, conn, address, transport, &system)
	}
	return transport
}

// handshake has the server at the other end of a connection prove that it is the
// host of the address. Where the transport is given no authorities, those of the system do.
func handshake(ctx context.Context, conn net.Conn, address string, transport *http.Transport, system *roots) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, transport.TLSHandshakeTimeout)
	defer cancel()
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		// Of no name in particular any server would be.
		_ = conn.Close()
		return nil, fmt.Errorf("no host in the address %q", address)
	}
	config := transport.TLSClientConfig.Clone()
	config.ServerName = host
	if config.RootCAs == nil && !fips140.Enabled() { // whose further rules are crypto/tls's own
		config.InsecureSkipVerify = true // #nosec G402 -- VerifyConnection verifies, resumed sessions too
		config.VerifyConnection = func(state tls.ConnectionState) error { return system.verify(host, state.PeerCertificates) }
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake has failed already
		return nil, err
	}
	return secured, nil
}
