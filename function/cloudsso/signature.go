package cloudsso

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

const (
	algorithm = "ACS3-HMAC-SHA256"
	// emptyHash is SHA-256 of nothing: no call of this package has a body.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

	// dateLayout is the form of x-acs-date, in UTC and without fractions.
	dateLayout = "2006-01-02T15:04:05Z"
)

// A message is what ACS3-HMAC-SHA256 signs of a request without a body
// (Alibaba Cloud, "Request syntax and signature method V3"). The query is
// already encoded and in the order of the parameters' names; the host has the
// port where the Host header has it. The token is empty for a plain AccessKey pair.
type message struct {
	method, host, query, action, version, date, nonce, token string
}

// canonical returns the canonical request and the list of the headers in it.
func (m *message) canonical() (request []byte, signedHeaders string) {
	b := make([]byte, 0, 768+len(m.query)+len(m.token))
	b = append(append(b, m.method...), "\n/\n"...)
	b = append(append(b, m.query...), '\n')
	b = appendHeader(b, "host", m.host)
	b = appendHeader(b, "x-acs-action", m.action)
	b = appendHeader(b, "x-acs-content-sha256", emptyHash)
	b = appendHeader(b, "x-acs-date", m.date)
	signedHeaders = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
	if m.token != "" {
		// A token that is sent but not signed is refused.
		b = appendHeader(b, "x-acs-security-token", m.token)
		signedHeaders = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version"
	}
	b = appendHeader(b, "x-acs-signature-nonce", m.nonce)
	b = appendHeader(b, "x-acs-version", m.version)
	b = append(append(b, '\n'), signedHeaders...)
	return append(append(b, '\n'), emptyHash...), signedHeaders
}

// authorization returns the value of the Authorization header.
func (m *message) authorization(accessKeyID, secret string) string {
	request, signedHeaders := m.canonical()
	hash := sha256.Sum256(request)
	stringToSign := append(make([]byte, 0, len(algorithm)+1+2*sha256.Size), algorithm+"\n"...)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(hex.AppendEncode(stringToSign, hash[:]))
	// No space follows the commas.
	return algorithm + " Credential=" + accessKeyID + ",SignedHeaders=" + signedHeaders +
		",Signature=" + hex.EncodeToString(mac.Sum(hash[:0]))
}

func appendHeader(b []byte, name, value string) []byte {
	b = append(append(b, name...), ':')
	return append(append(b, value...), '\n')
}

// appendParameter adds a query parameter, or nothing where the value is empty.
// Parameters must be added in the order of their names: that is how they are
// signed, and what is signed is sent.
func appendParameter(query []byte, name, value string) []byte {
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
