package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"taskstatus/function/webhook"
)

// What the tests of the reference libraries have
// (standard-webhooks/standard-webhooks, libraries/go/webhook_test.go).
const (
	published          = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	publishedID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	publishedBody      = `{"test": 2432232314}`
	publishedSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	publishedSeconds   = 1614265330
)

// other is a key of the greatest length.
var other = "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7, 250}, 32))

var publishedTime = time.Unix(publishedSeconds, 0)

func parseKey(t testing.TB, s string) webhook.Key {
	t.Helper()
	key, err := webhook.ParseKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func parseKeys(t testing.TB, s string) webhook.Keys {
	t.Helper()
	keys, err := webhook.ParseKeys(s)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// genuine is the header of the published request.
func genuine() http.Header {
	return http.Header{
		"Webhook-Id":        {publishedID},
		"Webhook-Timestamp": {strconv.Itoa(publishedSeconds)},
		"Webhook-Signature": {publishedSignature},
	}
}

func TestSign(t *testing.T) {
	header := http.Header{"Webhook-Signature": {"v1,a", "v1,b"}, "Content-Type": {"application/json"}}
	parseKey(t, published).Sign(header, publishedID, publishedTime.Add(999*time.Millisecond), []byte(publishedBody))
	want := genuine()
	want.Set("Content-Type", "application/json")
	if !reflect.DeepEqual(header, want) {
		t.Errorf("got  %v\nwant %v", header, want)
	}

	unsigned := http.Header{}
	webhook.Key{}.Sign(unsigned, publishedID, publishedTime, nil)
	if len(unsigned) != 0 {
		t.Errorf("the zero Key signs: %v", unsigned)
	}
}

func TestVerify(t *testing.T) {
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set(name, value) }
	}
	add := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Add(name, value) }
	}
	remove := func(name string) func(http.Header) {
		return func(h http.Header) { h.Del(name) }
	}
	none := "v1," + base64.StdEncoding.EncodeToString(make([]byte, sha256.Size))
	// resign signs the published request with another id.
	resign := func(id string) func(http.Header) {
		return func(h http.Header) { parseKey(t, published).Sign(h, id, publishedTime, []byte(publishedBody)) }
	}
	tests := []struct {
		name   string
		keys   string
		change func(http.Header)
		body   string
		after  time.Duration // since it was signed
		want   string        // in the error; none where the request is genuine
	}{
		{name: "published"},
		{name: "5 minutes ago", after: 5 * time.Minute},
		{name: "5 minutes ahead", after: -5 * time.Minute},
		{name: "more than 5 minutes ago", after: 5*time.Minute + time.Second, want: "more than 5 minutes ago"},
		{name: "more than 5 minutes ahead", after: -5*time.Minute - time.Second, want: "more than 5 minutes ahead"},
		{name: "years ago", after: 100 * 365 * 24 * time.Hour, want: "more than 5 minutes ago"},

		{name: "by the first of two keys", keys: published + "," + other},
		{name: "by the second of two keys", keys: other + "," + published},
		{name: "by another key", keys: other, want: "no signature matches"},
		{name: "no keys", keys: " ", want: "no key"},

		{name: "second signature", change: set("Webhook-Signature", none+" "+publishedSignature)},
		{name: "signature of another version first", change: set("Webhook-Signature", "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5B "+publishedSignature)},
		{name: "signature of another version after", change: set("Webhook-Signature", publishedSignature+" v2,x")},
		{name: "what is no signature first", change: set("Webhook-Signature", "x  , v1 "+publishedSignature)},
		{name: "as many signatures as can be", change: set("Webhook-Signature", strings.Repeat(none+" ", 15)+publishedSignature)},
		{name: "more signatures than can be", change: set("Webhook-Signature", strings.Repeat(none+" ", 16)+publishedSignature), want: "too many signatures"},
		{name: "the same of another version", change: set("Webhook-Signature", "v1a"+publishedSignature[2:]), want: "no signature of version v1"},
		{name: "the same without version", change: set("Webhook-Signature", publishedSignature[3:]), want: "no signature of version v1"},
		{name: "wrong signature", change: set("Webhook-Signature", none), want: "no signature matches"},
		{name: "half a signature", change: set("Webhook-Signature", publishedSignature[:20]), want: "no signature matches"},
		{name: "nothing but the version", change: set("Webhook-Signature", "v1,"), want: "no signature matches"},
		{name: "something after the signature", change: set("Webhook-Signature", publishedSignature+",x"), want: "no signature matches"},
		{name: "signatures by comma", change: set("Webhook-Signature", publishedSignature+","+publishedSignature), want: "no signature matches"},
		{name: "signature without padding", change: set("Webhook-Signature", strings.TrimRight(publishedSignature, "=")), want: "no signature matches"},
		{name: "by an empty key", change: func(h http.Header) { h.Set("Webhook-Signature", expected(nil, h, publishedBody)) }, want: "no signature matches"},

		{name: "another body", body: publishedBody + " ", want: "no signature matches"},
		{name: "no body", body: "-", want: "no signature matches"},
		{name: "another id", change: set("Webhook-Id", publishedID+"x"), want: "no signature matches"},
		{name: "another time", change: set("Webhook-Timestamp", strconv.Itoa(publishedSeconds+1)), want: "no signature matches"},
		{name: "the same time in other digits", change: set("Webhook-Timestamp", "0"+strconv.Itoa(publishedSeconds)), want: "no signature matches"},

		{name: "no id", change: remove("Webhook-Id"), want: "no webhook-id"},
		{name: "no timestamp", change: remove("Webhook-Timestamp"), want: "no webhook-timestamp"},
		{name: "no signature", change: remove("Webhook-Signature"), want: "no webhook-signature"},
		{name: "empty id", change: resign(""), want: "no webhook-id"},
		{name: "empty timestamp", change: set("Webhook-Timestamp", ""), want: "no webhook-timestamp"},
		{name: "empty signature", change: set("Webhook-Signature", ""), want: "no webhook-signature"},
		{name: "id twice", change: add("Webhook-Id", publishedID), want: "more than one webhook-id"},
		{name: "timestamp twice", change: add("Webhook-Timestamp", strconv.Itoa(publishedSeconds)), want: "more than one webhook-timestamp"},
		{name: "signature twice", change: add("Webhook-Signature", publishedSignature), want: "more than one webhook-signature"},

		{name: "id of every character", change: resign("!\"#$%&'()*+,-/09:;<=>?@AZ[\\]^_`az{|}~")},
		{name: "long id", change: resign(strings.Repeat("x", 256))},
		{name: "longer id", change: resign(strings.Repeat("x", 257)), want: "visible ASCII"},
		{name: "id with a line break", change: resign("msg\n1"), want: "visible ASCII"},
		{name: "id with DEL", change: resign("msg\x7f1"), want: "visible ASCII"},
		{name: "id with NUL", change: resign("\x00"), want: "visible ASCII"},
		{name: "id with a space", change: resign("msg 1"), want: "visible ASCII"},
		{name: "id with U+202E", change: resign("msg\u202e1"), want: "visible ASCII"},
		{name: "id that is not UTF-8", change: resign("msg\xff"), want: "visible ASCII"},
		{name: "id with a full stop", change: resign("msg.1"), want: "full stop"},

		{name: "timestamp in words", change: set("Webhook-Timestamp", "now"), want: "not a number of seconds"},
		{name: "timestamp with a plus", change: set("Webhook-Timestamp", "+1614265330"), want: "not a number of seconds"},
		{name: "timestamp before 1970", change: set("Webhook-Timestamp", "-1614265330"), want: "not a number of seconds"},
		{name: "timestamp in milliseconds", change: set("Webhook-Timestamp", "1614265330000"), want: "more than 5 minutes ahead"},
		{name: "timestamp with a fraction", change: set("Webhook-Timestamp", "1614265330.0"), want: "not a number of seconds"},
		{name: "timestamp of 63 bits", change: set("Webhook-Timestamp", "9223372036854775807"), want: "more than 5 minutes ahead"},
		{name: "timestamp of 64 bits", change: set("Webhook-Timestamp", "9223372036854775808"), want: "not a number of seconds"},
		{name: "timestamp with a space", change: set("Webhook-Timestamp", " 1614265330"), want: "not a number of seconds"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header, body := genuine(), publishedBody
			if test.change != nil {
				test.change(header)
			}
			if test.body != "" {
				body = strings.TrimPrefix(test.body, "-")
			}
			keys := test.keys
			if keys == "" {
				keys = published
			}
			id, err := parseKeys(t, keys).Verify(header, []byte(body), publishedTime.Add(test.after))
			if test.want == "" {
				if err != nil || id != header.Get("Webhook-Id") {
					t.Errorf("Verify = %q, %v, want it to be genuine", id, err)
				}
				return
			}
			if id != "" || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Verify = %q, %v, want an error with %q", id, err, test.want)
			}
		})
	}
}

// The zero Key is no key, beside others too.
func TestVerifyByTheZeroKey(t *testing.T) {
	header := genuine()
	header.Set("Webhook-Signature", expected(nil, header, publishedBody))
	for name, keys := range map[string]webhook.Keys{"alone": {{}}, "beside another": {{}, parseKey(t, other)}} {
		if id, err := keys.Verify(header, []byte(publishedBody), publishedTime); id != "" || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: Verify = %q, %v", name, id, err)
		}
	}
	if _, err := (webhook.Keys{{}, parseKey(t, published)}).Verify(genuine(), []byte(publishedBody), publishedTime); err != nil {
		t.Errorf("beside the right one: %v", err)
	}
}

func TestParseKey(t *testing.T) {
	of := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, n)) }
	tests := []struct{ name, key, want string }{
		{"published", published, ""},
		{"24 bytes", of(24), ""},
		{"32 bytes", of(32), ""},
		{"64 bytes", of(64), ""},
		{"23 bytes", of(23), "23 bytes, too few"},
		{"65 bytes", of(65), "65 bytes, too many"},
		{"nothing", "", "is empty"},
		{"nothing but the prefix", "whsec_", "0 bytes, too few"},
		{"no prefix", published[6:], "does not begin"},
		{"prefix in capitals", "WHSEC_" + published[6:], "does not begin"},
		{"asymmetric key", "whpk_" + published[6:], "does not begin"},
		{"space before", " " + published, "does not begin"},
		{"space after", published + " ", "not in base64"},
		{"line break after", published + "\n", "not in base64"},
		{"line break within", published[:20] + "\r\n" + published[20:], "not in base64"},
		{"without padding", strings.TrimRight(of(32), "="), "not in base64"},
		{"base64 for URLs", strings.NewReplacer("+", "-", "/", "_").Replace(of(24)), "not in base64"},
		{"hexadecimal", "whsec_" + strings.Repeat("0g", 31), "not in base64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			key, err := webhook.ParseKey(test.key)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				header := http.Header{}
				key.Sign(header, "a", publishedTime, nil)
				if _, err := (webhook.Keys{key}).Verify(header, nil, publishedTime); err != nil {
					t.Errorf("what it signs is not genuine: %v", err)
				}
				return
			}
			if err == nil || key != (webhook.Key{}) {
				t.Fatalf("ParseKey = %v, %v", key, err)
			}
			for _, want := range []string{test.want, "24 to 64 random bytes", "openssl rand -base64 32"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if secret := strings.TrimSpace(strings.TrimPrefix(test.key, "whsec_")); len(secret) > 8 && strings.Contains(err.Error(), secret[:8]) {
				t.Errorf("error %q repeats the key", err)
			}
		})
	}
}

func TestParseKeys(t *testing.T) {
	tests := []struct {
		name, keys string
		count      int
		want       string // in the error
	}{
		{"none", "", 0, ""},
		{"blank", " \n", 0, ""},
		{"one", published, 1, ""},
		{"two", published + "," + other, 2, ""},
		{"two with space around", " " + published + " , " + other + "\n", 2, ""},
		{"three", strings.Join([]string{published, other, published}, ","), 0, "more than two"},
		{"nothing after the comma", published + ",", 0, "key 2: the key is empty"},
		{"nothing before the comma", "," + published, 0, "key 1: the key is empty"},
		{"second is none", published + "," + other[6:], 0, "key 2: the key does not begin"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			keys, err := webhook.ParseKeys(test.keys)
			if len(keys) != test.count || (err == nil) != (test.want == "") {
				t.Fatalf("ParseKeys = %v, %v", keys, err)
			}
			if err != nil && (!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), other[6:14])) {
				t.Errorf("error %q, want %q in it and no key", err, test.want)
			}
		})
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	key := parseKey(t, published)
	secret, err := base64.StdEncoding.DecodeString(published[6:])
	if err != nil {
		t.Fatal(err)
	}
	type inside struct {
		Key    webhook.Key
		Keys   webhook.Keys
		hidden webhook.Key
		keys   webhook.Keys
	}
	values := map[string]any{
		"key": key, "pointer": &key, "keys": webhook.Keys{key}, "field": inside{key, webhook.Keys{key}, key, webhook.Keys{key}},
		"map": map[string]webhook.Key{"a": key},
	}
	for name, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%p", "%t", "%08.3f"} {
			t.Run(name+" "+verb, func(t *testing.T) { checkSilent(t, fmt.Sprintf(verb, value), secret) })
		}
		t.Run(name+" JSON", func(t *testing.T) {
			out, err := json.Marshal(value)
			if err != nil || !strings.Contains(string(out), `"***"`) {
				t.Errorf("got %s, %v", out, err)
			}
			checkSilent(t, string(out), secret)
		})
		t.Run(name+" slog", func(t *testing.T) {
			var out bytes.Buffer
			slog.New(slog.NewTextHandler(&out, nil)).Info("m", "key", value)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "key", value)
			checkSilent(t, out.String(), secret)
		})
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, key); got != "***" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

// checkSilent checks that the text shows the secret in none of the ways that
// bytes are shown in.
func checkSilent(t *testing.T, text string, secret []byte) {
	t.Helper()
	for _, part := range [][]byte{secret[:6], secret[6:12], secret[18:]} {
		for _, shown := range []string{
			string(part), fmt.Sprintf("%x", part), fmt.Sprintf("%X", part), base64.StdEncoding.EncodeToString(part),
			strings.Trim(fmt.Sprint(part), "[]"), strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte{"), "}"),
		} {
			if strings.Contains(text, shown) {
				t.Errorf("the secret is shown: %s", text)
			}
		}
	}
}

// expected is the signature of a request, worked out without this package's help.
func expected(secret []byte, header http.Header, body string) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// A request is genuine where one of its signatures is the one that is expected, and
// the rest is in order; it never is by chance, and an error never tells a signature.
func FuzzVerify(f *testing.F) {
	f.Add(publishedID, "1614265330", publishedSignature, []byte(publishedBody), int64(publishedSeconds), false)
	f.Add(publishedID, "1614265330", "", []byte(publishedBody), int64(publishedSeconds+300), true)
	f.Add("a.b", "1614265330", "v1,", []byte(nil), int64(publishedSeconds-301), true)
	f.Add("", "-1", "v1a,x v1,y", []byte("{}"), int64(-1), true)
	f.Add("id", "9223372036854775807", "v1", []byte("\x00"), int64(-1<<63), true)
	f.Add("id\x00", "+1", " ", []byte("1614265330.x"), int64(1<<62), true)
	keys := parseKeys(f, other+","+published)
	secret, err := base64.StdEncoding.DecodeString(published[6:])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id, timestamp, signatures string, body []byte, now int64, sign bool) {
		header := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}}
		want := expected(secret, header, string(body))
		if sign {
			signatures += " " + want
		}
		header["Webhook-Signature"] = []string{signatures}
		got, err := keys.Verify(header, body, time.Unix(now, 0))

		list := strings.Split(signatures, " ")
		visible := id != "" && len(id) <= 256 && !strings.ContainsFunc(id, func(r rune) bool { return r < '!' || r > '~' || r == '.' })
		seconds, parseErr := strconv.ParseInt(timestamp, 10, 64)
		plain := strings.Trim(timestamp, "0123456789") == "" && parseErr == nil
		recent := time.Unix(seconds, 0).Sub(time.Unix(now, 0)).Abs() <= 5*time.Minute
		wanted := visible && plain && recent && len(list) <= 16 && slices.Contains(list, want)
		if wanted != (err == nil) {
			t.Fatalf("Verify = %q, %v, want genuine: %t", got, err, wanted)
		}
		switch {
		case err == nil && got != id:
			t.Fatalf("Verify = %q, want %q", got, id)
		case err != nil && (got != "" || !errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), want[3:])):
			t.Fatalf("Verify = %q, %v", got, err)
		}

		// What is signed is genuine, and no more once anything of it is changed.
		if !visible || now < 0 {
			return
		}
		signed := http.Header{}
		parseKey(t, other).Sign(signed, id, time.Unix(now, 0), body)
		if again, err := keys.Verify(signed, body, time.Unix(now, 0)); err != nil || again != id {
			t.Fatalf("what was signed is not genuine: %q, %v", again, err)
		}
		if _, err := keys.Verify(signed, append(body, 'x'), time.Unix(now, 0)); err == nil {
			t.Fatal("another body is genuine")
		}
		if _, err := parseKeys(t, published).Verify(signed, body, time.Unix(now, 0)); err == nil {
			t.Fatal("it is genuine by another key")
		}
	})
}
