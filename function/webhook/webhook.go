// Package webhook signs what is posted to an address, and tells what comes from
// who has a key, as Standard Webhooks 1.0.0 lays it down (standardwebhooks.com;
// repository standard-webhooks/standard-webhooks, spec/standard-webhooks.md):
// with symmetric keys, signature version v1. It knows HTTP headers and bytes, and
// nothing of what they are about. Whatever is not certain is not genuine.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers (Standard Webhooks 1.0.0, "Webhook headers"), as net/http has
// them: header names have no letter case.
const (
	idHeader        = "Webhook-Id"
	timestampHeader = "Webhook-Timestamp"
	signatureHeader = "Webhook-Signature"
)

const (
	// version is that of symmetric signatures; v1a, for one, is asymmetric.
	version = "v1"
	// window is how many seconds the time may be off, before or after. The
	// specification leaves it open; its libraries all take 5 minutes.
	window = 5 * 60
	// maxSignatures bounds the comparisons. A sender has one signature a key.
	maxSignatures = 16
	// maxID is far beyond any id; it may be kept to tell a repetition by, and logged.
	maxID = 256
)

// Sign sets the three headers that show a request with the body to come from
// who has the key: webhook-id, webhook-timestamp and webhook-signature. The id is the same
// however often a message is sent; it is of visible ASCII characters without a
// full stop, for receivers such as Verify take no other. The zero Key sets
// nothing.
func (k Key) Sign(header http.Header, id string, now time.Time, body []byte) {
	if !k.IsSet() {
		return
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	header.Set(idHeader, id)
	header.Set(timestampHeader, timestamp)
	header.Set(signatureHeader, k.signature(id, timestamp, body))
}

// signature signs the id, the time and the body, joined with full stops
// (Standard Webhooks 1.0.0, "Signature scheme").
func (k Key) signature(id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(k.Reveal()))
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return version + "," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Verify returns the webhook-id of a request that comes from who has one of the
// keys, or an error that says, for the log, why it is not genuine; that wraps
// fs.ErrPermission. The body is not looked into, only hashed. Signed are the id, the
// time and the body, and no other header. For 5 minutes after its time the very same request is
// genuine again: whoever acts on it tells a repetition by the id.
func (ks Keys) Verify(header http.Header, body []byte, now time.Time) (id string, err error) {
	if len(ks) == 0 {
		return "", refused("there is no key to verify it with")
	}
	var values [3]string
	for i, name := range []string{idHeader, timestampHeader, signatureHeader} {
		switch found := header.Values(name); {
		case len(found) == 0, found[0] == "":
			return "", refused("there is no " + strings.ToLower(name))
		case len(found) > 1:
			return "", refused("there is more than one " + strings.ToLower(name))
		default:
			values[i] = found[0]
		}
	}
	id, timestamp, signatures := values[0], values[1], strings.SplitN(values[2], " ", maxSignatures+1)
	seconds, err := strconv.ParseUint(timestamp, 10, 63)
	off := int64(seconds) - now.Unix()
	switch {
	case !isID(id):
		return "", refused("the webhook-id is not of visible ASCII characters without a full stop")
	case err != nil:
		return "", refused("the webhook-timestamp is not a number of seconds")
	case off < -window:
		return "", refused("the webhook-timestamp is more than 5 minutes ago")
	case off > window:
		return "", refused("the webhook-timestamp is more than 5 minutes ahead")
	case len(signatures) > maxSignatures:
		return "", refused("there are too many signatures")
	}

	// Every key against every signature, so that the time it takes tells nothing.
	genuine, known := 0, false
	for _, key := range ks {
		if !key.IsSet() {
			continue
		}
		want := []byte(key.signature(id, timestamp, body))
		for _, signature := range signatures {
			known = known || strings.HasPrefix(signature, version+",")
			genuine |= subtle.ConstantTimeCompare([]byte(signature), want)
		}
	}
	switch {
	case genuine == 1:
		return id, nil
	case !known:
		return "", refused("there is no signature of version v1")
	}
	return "", refused("no signature matches")
}

// isID reports whether the id is one that can be signed, kept and logged. A full
// stop would leave it open where the id ends and the time begins ("It's important
// that both the message id and the timestamp […] not be allowed to include any
// `.`"); a character that does not show has no place in a log.
func isID(id string) bool {
	return len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '.' })
}

// refused is why, for the log, a request is not genuine.
func refused(reason string) error { return fmt.Errorf("%s: %w", reason, fs.ErrPermission) }
