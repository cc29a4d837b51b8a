// Package acs is what every call of an Alibaba Cloud API needs, whichever API
// it is: credentials, the signature ACS3-HMAC-SHA256, an address that can be
// one, a transport, and the error codes that all of them share. What only one
// API has belongs in that API's package.
package acs

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"
)

const (
	algorithm = "ACS3-HMAC-SHA256"
	// emptyHash is SHA-256 of nothing.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

	// TimeLayout is the form of a time in a request, in UTC and without fractions.
	TimeLayout = "2006-01-02T15:04:05Z"
)

// A Request is what ACS3-HMAC-SHA256 signs of a request (Alibaba Cloud,
// "Request syntax and signature method V3").
type Request struct {
	Method string
	// Host has the port where the Host header has it.
	Host string
	// Path and Query are encoded as they are sent, and the query is in the
	// order of the parameters' names: see AppendParameter.
	Path, Query string
	// Action is the operation of the API that has the Version.
	Action, Version string
	// Time dates the request; Alibaba Cloud takes one that is up to 15 minutes off.
	Time time.Time
	// ContentType is empty where none is sent.
	ContentType string
	Body        []byte
}

// Sign returns the header fields that are signed, and the signature in one
// beside them. Other fields may be added. Each signature has a nonce of its
// own: a request that goes out again must be signed again.
func (r *Request) Sign(keys *Keys) http.Header { return r.sign(keys, nonce()) }

func (r *Request) sign(keys *Keys, nonce string) http.Header {
	hash, date := emptyHash, r.Time.UTC().Format(TimeLayout)
	if len(r.Body) > 0 {
		sum := sha256.Sum256(r.Body)
		hash = hex.EncodeToString(sum[:])
	}
	// All values are in one array, as net/http has those of what it reads.
	values := [...]string{r.authorization(keys, hash, date, nonce), r.Action, hash, date, nonce, r.Version, keys.token, r.ContentType}
	header := make(http.Header, len(values)+2) // and what else is sent
	for i, name := range [...]string{
		"Authorization", "X-Acs-Action", "X-Acs-Content-Sha256", "X-Acs-Date", "X-Acs-Signature-Nonce", "X-Acs-Version",
		"X-Acs-Security-Token", "Content-Type",
	} {
		if values[i] != "" {
			header[name] = values[i : i+1 : i+1]
		}
	}
	return header
}

// canonical returns the canonical request and the list of the headers in it.
func (r *Request) canonical(hash, date, nonce, token string) (request []byte, signedHeaders string) {
	b := make([]byte, 0, 768+len(r.Path)+len(r.Query)+len(token))
	b = append(append(b, r.Method...), '\n')
	b = append(append(b, r.Path...), '\n')
	b = append(append(b, r.Query...), '\n')
	if r.ContentType != "" {
		b = appendHeader(b, "content-type", r.ContentType)
	}
	b = appendHeader(b, "host", r.Host)
	b = appendHeader(b, "x-acs-action", r.Action)
	b = appendHeader(b, "x-acs-content-sha256", hash)
	b = appendHeader(b, "x-acs-date", date)
	signedHeaders = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
	if token != "" {
		// A token that is sent but not signed is refused.
		b = appendHeader(b, "x-acs-security-token", token)
		signedHeaders = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version"
	}
	if r.ContentType != "" {
		signedHeaders = "content-type;" + signedHeaders
	}
	b = appendHeader(b, "x-acs-signature-nonce", nonce)
	b = appendHeader(b, "x-acs-version", r.Version)
	b = append(append(b, '\n'), signedHeaders...)
	return append(append(b, '\n'), hash...), signedHeaders
}

// authorization returns the value of the Authorization header.
func (r *Request) authorization(keys *Keys, hash, date, nonce string) string {
	request, signedHeaders := r.canonical(hash, date, nonce, keys.token)
	sum := sha256.Sum256(request)
	stringToSign := append(make([]byte, 0, len(algorithm)+1+2*sha256.Size), algorithm+"\n"...)
	mac := hmac.New(sha256.New, []byte(keys.secret))
	mac.Write(hex.AppendEncode(stringToSign, sum[:]))
	// No space follows the commas.
	value := append(request[:0], algorithm+" Credential="...)
	value = append(append(value, keys.accessKeyID...), ",SignedHeaders="...)
	value = append(append(value, signedHeaders...), ",Signature="...)
	return string(hex.AppendEncode(value, mac.Sum(sum[:0])))
}

func appendHeader(b []byte, name, value string) []byte {
	b = append(append(b, name...), ':')
	return append(append(b, value...), '\n')
}

// AppendParameter adds a query parameter, or nothing where the value is empty.
// Parameters must be added in the order of their names: that is how they are
// signed, and what is signed is sent.
func AppendParameter(query []byte, name, value string) []byte {
	if value == "" {
		return query
	}
	if len(query) > 0 {
		query = append(query, '&')
	}
	query = append(append(query, name...), '=')
	return appendEncoded(query, value)
}

// appendEncoded percent-encodes s by RFC 3986, section 2.3: all but
// A-Z a-z 0-9 - _ . ~ becomes %XX, a space and an asterisk too.
func appendEncoded(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case isAlphanumeric(c) || c == '-' || c == '_' || c == '.' || c == '~':
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// nonce returns 32 hex digits that no other request has.
func nonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: it ends the process instead
	return hex.EncodeToString(b[:])
}
