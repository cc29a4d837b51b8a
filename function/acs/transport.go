package acs

import (
	"context"
	"crypto/tls"
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
	d := &dialer{tcp: net.Dialer{Timeout: connectTimeout}, sessions: tls.NewLRUClientSessionCache(0)}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            d.tcp.DialContext,
		DialTLSContext:         d.dialTLS,
		TLSHandshakeTimeout:    connectTimeout, // through a proxy
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: d.sessions},
		Protocols:              protocols,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    maxIdle,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // answers are small, and none shall unpack to more than was counted
	}
}

// A dialer opens connections.
type dialer struct {
	tcp      net.Dialer
	sessions tls.ClientSessionCache
	roots    roots
}

// dialTLS opens a connection to a server that has proved to be the host.
func (d *dialer) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	opened, err := d.tcp.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn := tls.Client(opened, &tls.Config{
		ServerName:         host,
		MinVersion:         tls.VersionTLS12,
		ClientSessionCache: d.sessions,
		InsecureSkipVerify: true, // #nosec G402 -- VerifyConnection verifies instead, resumed sessions too
		VerifyConnection: func(state tls.ConnectionState) error {
			return d.roots.verify(host, state.PeerCertificates)
		},
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = opened.Close() // the handshake has failed already
		return nil, err
	}
	return conn, nil
}
