package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	acs3Algorithm = "ACS3-HMAC-SHA256"
	timeLayout    = "2006-01-02T15:04:05Z"
	// maxClockSkew is how far a request's date may be off.
	maxClockSkew = 15 * time.Minute
	// maxNonces bounds the nonces remembered: some minutes of a heavy load.
	maxNonces = 200_000
)

// A signedCall is a request as its signature covers it. What was found out
// before a refusal is set even then.
type signedCall struct {
	Action       string
	Version      string
	Params       url.Values // of the query and the body together
	StringToSign string
	Canonical    string // the canonical request; RPC 1.0 has none
}

// A keyFinder knows keys by their ids.
type keyFinder interface {
	find(id string) (key, bool)
}

// A verifier checks that a request was signed with a known key, for now, and
// for the first time.
type verifier struct {
	keys   keyFinder
	now    func() time.Time
	nonces nonceMemory
}

// verify checks a request signed by ACS3-HMAC-SHA256 or by the RPC signature
// 1.0. Its error is an *apiError.
func (v *verifier) verify(r *http.Request, body []byte) (signedCall, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return signedCall{}, invalid("Query", err.Error())
	}
	posted, err := bodyParams(r.Header.Get("Content-Type"), body)
	if err != nil {
		return signedCall{}, invalid("Body", err.Error())
	}
	call := signedCall{Params: maps.Clone(posted)}
	maps.Copy(call.Params, query)

	if strings.HasPrefix(r.Header.Get("Authorization"), acs3Algorithm+" ") {
		err = v.verifyACS3(r, query, body, &call)
	} else {
		err = v.verifyRPC(r, &call)
	}
	return call, err
}

// verifyPath checks a request for a resource, which its path names. Its body is
// the caller's own, whatever its type, and holds no parameters. Its error is
// an *apiError.
func (v *verifier) verifyPath(r *http.Request, body []byte) (signedCall, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return signedCall{}, invalid("Query", err.Error())
	}
	call := signedCall{Params: query}
	if !strings.HasPrefix(r.Header.Get("Authorization"), acs3Algorithm+" ") {
		return call, incomplete("Authorization does not begin with " + acs3Algorithm)
	}
	err = v.verifyACS3(r, query, body, &call)
	return call, err
}

// bodyParams returns the parameters in a body: a form, or the JSON object
// that the first of the official clients sends beside the query.
func bodyParams(contentType string, body []byte) (url.Values, error) {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch {
	case len(body) == 0:
	case mediaType == "application/x-www-form-urlencoded":
		return url.ParseQuery(string(body))
	case mediaType == "application/json":
		var object map[string]any
		if err := json.Unmarshal(body, &object); err != nil {
			return nil, fmt.Errorf("read JSON body: %w", err)
		}
		params := make(url.Values, len(object))
		for name, value := range object {
			params.Set(name, fmt.Sprint(value))
		}
		return params, nil
	}
	return url.Values{}, nil
}

func (v *verifier) verifyACS3(r *http.Request, query url.Values, body []byte, call *signedCall) error {
	call.Action = r.Header.Get("X-Acs-Action")
	call.Version = r.Header.Get("X-Acs-Version")
	for name, parameter := range map[string]string{
		"X-Acs-Action":          "Action",
		"X-Acs-Version":         "Version",
		"X-Acs-Date":            "Timestamp",
		"X-Acs-Signature-Nonce": "SignatureNonce",
		"X-Acs-Content-Sha256":  "ContentSha256",
	} {
		if r.Header.Get(name) == "" {
			return missing(parameter)
		}
	}
	fields := make(map[string]string)
	for field := range strings.SplitSeq(strings.TrimPrefix(r.Header.Get("Authorization"), acs3Algorithm+" "), ",") {
		name, value, _ := strings.Cut(field, "=")
		fields[name] = value
	}
	if fields["Credential"] == "" || fields["SignedHeaders"] == "" || fields["Signature"] == "" {
		return incomplete("Authorization needs Credential, SignedHeaders and Signature")
	}
	used, err := v.admit(fields["Credential"], r.Header.Get("X-Acs-Security-Token"), r.Header.Get("X-Acs-Date"))
	if err != nil {
		return err
	}

	signed := slices.Sorted(strings.SplitSeq(fields["SignedHeaders"], ";"))
	if !slices.Contains(signed, "host") {
		return incomplete("host is not in SignedHeaders")
	}
	for name := range r.Header {
		name = strings.ToLower(name)
		if (name == "content-type" || strings.HasPrefix(name, "x-acs-")) && !slices.Contains(signed, name) {
			return incomplete(name + " is not in SignedHeaders")
		}
	}
	var headers strings.Builder
	for _, name := range signed {
		value := r.Host
		if name != "host" {
			values := r.Header.Values(name)
			if len(values) == 0 {
				return incomplete(name + " is in SignedHeaders but not sent")
			}
			value = strings.Join(values, ",")
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.TrimSpace(value))
	}

	bodyHash := sha256.Sum256(body)
	call.Canonical = strings.Join([]string{
		r.Method,
		canonicalPath(r.URL),
		canonicalQuery(query),
		headers.String(),
		strings.Join(signed, ";"),
		hex.EncodeToString(bodyHash[:]),
	}, "\n")
	requestHash := sha256.Sum256([]byte(call.Canonical))
	call.StringToSign = acs3Algorithm + "\n" + hex.EncodeToString(requestHash[:])
	mac := hmac.New(sha256.New, []byte(used.Secret))
	mac.Write([]byte(call.StringToSign))
	if hex.EncodeToString(mac.Sum(nil)) != fields["Signature"] ||
		hex.EncodeToString(bodyHash[:]) != r.Header.Get("X-Acs-Content-Sha256") {
		return signatureMismatch(*call)
	}
	return v.spend(used, r.Header.Get("X-Acs-Signature-Nonce"))
}

func (v *verifier) verifyRPC(r *http.Request, call *signedCall) error {
	params := call.Params
	call.Action = params.Get("Action")
	call.Version = params.Get("Version")
	for _, name := range []string{"AccessKeyId", "Action", "Version", "Timestamp", "SignatureNonce", "SignatureMethod", "SignatureVersion", "Signature"} {
		if params.Get(name) == "" {
			return missing(name)
		}
	}
	if params.Get("SignatureMethod") != "HMAC-SHA1" {
		return invalid("SignatureMethod", "only HMAC-SHA1 is supported")
	}
	if params.Get("SignatureVersion") != "1.0" {
		return invalid("SignatureVersion", "only 1.0 is supported")
	}
	used, err := v.admit(params.Get("AccessKeyId"), params.Get("SecurityToken"), params.Get("Timestamp"))
	if err != nil {
		return err
	}
	covered := maps.Clone(params)
	covered.Del("Signature")
	call.StringToSign = r.Method + "&%2F&" + percentEncode(canonicalQuery(covered))
	mac := hmac.New(sha1.New, []byte(used.Secret+"&"))
	mac.Write([]byte(call.StringToSign))
	if base64.StdEncoding.EncodeToString(mac.Sum(nil)) != params.Get("Signature") {
		return signatureMismatch(*call)
	}
	return v.spend(used, params.Get("SignatureNonce"))
}

// admit returns the key that a request names, when its token and date are good.
func (v *verifier) admit(keyID, token, date string) (key, error) {
	signedAt, err := time.Parse(timeLayout, date)
	if err != nil {
		return key{}, &apiError{Status: http.StatusBadRequest, Code: "InvalidTimeStamp.Format", Message: "Specified time stamp or date value is not well formatted."}
	}
	now := v.now()
	if now.Sub(signedAt).Abs() > maxClockSkew {
		return key{}, &apiError{Status: http.StatusBadRequest, Code: "InvalidTimeStamp.Expired", Message: "Specified time stamp or date value is expired."}
	}
	used, ok := v.keys.find(keyID)
	switch {
	case !ok:
		return key{}, &apiError{Status: http.StatusNotFound, Code: "InvalidAccessKeyId.NotFound", Message: "Specified access key is not found."}
	case token == "" && used.Token != "":
		return key{}, missing("SecurityToken")
	case token != used.Token:
		return key{}, &apiError{Status: http.StatusBadRequest, Code: "InvalidSecurityToken.MismatchWithAccessKey", Message: "Specified SecurityToken mismatch with the AccessKey."}
	case !used.Expires.IsZero() && !now.Before(used.Expires):
		return key{}, &apiError{Status: http.StatusBadRequest, Code: "InvalidSecurityToken.Expired", Message: "Specified SecurityToken is expired."}
	}
	return used, nil
}

// spend refuses a nonce that the key was used with before. It comes after the
// signature, so that nobody without the key can spend its nonces.
func (v *verifier) spend(used key, nonce string) error {
	if !v.nonces.add(used.ID+" "+nonce, v.now()) {
		return &apiError{Status: http.StatusBadRequest, Code: "SignatureNonceUsed", Message: "Specified signature nonce was used already."}
	}
	return nil
}

// signatureMismatch is the refusal of a wrong signature. Like the real one it
// repeats what was signed, the security token with it: that is why nobody may
// show or log a message of the API.
func signatureMismatch(call signedCall) *apiError {
	message := "Specified signature is not matched with our calculation. server string to sign is:" + call.StringToSign
	if call.Canonical != "" {
		message += ", server canonical request is:" + call.Canonical
	}
	return &apiError{Status: http.StatusBadRequest, Code: "SignatureDoesNotMatch", Message: message}
}

func incomplete(reason string) *apiError {
	return &apiError{Status: http.StatusBadRequest, Code: "IncompleteSignature", Message: "The request signature does not conform to Aliyun standards: " + reason + "."}
}

// canonicalPath writes a path in the one form that is signed.
func canonicalPath(u *url.URL) string {
	var path strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(u.EscapedPath(), "/"), "/") {
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		path.WriteString("/" + percentEncode(part))
	}
	return path.String()
}

// canonicalQuery writes parameters in the one form that is signed, whichever
// way they were encoded on the wire: a client may send a space as "+" and an
// asterisk bare, and still signs %20 and %2A.
func canonicalQuery(params url.Values) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		for _, value := range params[name] {
			pairs = append(pairs, percentEncode(name)+"="+percentEncode(value))
		}
	}
	return strings.Join(pairs, "&")
}

// percentEncode encodes all but the unreserved characters of RFC 3986.
func percentEncode(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// A nonceMemory remembers nonces for as long as a date is accepted.
type nonceMemory struct {
	mu    sync.Mutex
	seen  map[string]bool
	queue []spentNonce // oldest first
}

// A spentNonce is a nonce and when it was used.
type spentNonce struct {
	nonce string
	at    time.Time
}

// add reports whether the nonce is new.
func (m *nonceMemory) add(nonce string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	// A date may be this far in the future as well as in the past.
	for len(m.queue) > 0 && (len(m.queue) >= maxNonces || now.Sub(m.queue[0].at) > 2*maxClockSkew) {
		delete(m.seen, m.queue[0].nonce)
		m.queue = m.queue[1:]
	}
	if m.seen[nonce] {
		return false
	}
	if m.seen == nil {
		m.seen = make(map[string]bool)
	}
	m.seen[nonce] = true
	m.queue = append(m.queue, spentNonce{nonce, now})
	return true
}
