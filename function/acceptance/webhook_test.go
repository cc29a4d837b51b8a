package acceptance

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"taskstatus/function/webhook"
)

// The reference libraries of Standard Webhooks for Go and JavaScript say what is
// genuine, and so does the function's own package. None of them has a clock that
// can be set, but the function's; all go by the time there is.

// The published key, and others of more bytes.
var (
	webhookKey     = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	webhookLong    = "whsec_" + base64.StdEncoding.EncodeToString([]byte("32 bytes, as openssl rand has it"))
	webhookLongest = "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("64 bytes", 8)))
)

// A webhookRequest is a request as the library for JavaScript wants it.
type webhookRequest struct {
	Key     string            `json:"key"`
	Body    string            `json:"body"`
	Headers map[string]string `json:"headers"`
	Seconds int64             `json:"seconds"` // to sign it at
}

func (r webhookRequest) header() http.Header {
	h := make(http.Header)
	for name, value := range r.Headers {
		h.Set(name, value)
	}
	return h
}

// set returns the request with another header.
func (r webhookRequest) set(name, value string) webhookRequest {
	headers := map[string]string{name: value}
	for n, v := range r.Headers {
		if n != name {
			headers[n] = v
		}
	}
	r.Headers = headers
	return r
}

// A webhookAnswer is what the library for JavaScript says to a request.
type webhookAnswer struct {
	Genuine          bool
	Signature, Error string
}

func parseWebhookKey(t *testing.T, key string) webhook.Key {
	t.Helper()
	k, err := webhook.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signWebhook has the function's package sign.
func signWebhook(t *testing.T, key, id, body string, at time.Time) webhookRequest {
	t.Helper()
	header := make(http.Header)
	parseWebhookKey(t, key).Sign(header, id, at, []byte(body))
	r := webhookRequest{Key: key, Body: body, Headers: make(map[string]string), Seconds: at.Unix()}
	for name := range header {
		r.Headers[strings.ToLower(name)] = header.Get(name)
	}
	return r
}

// genuineInGo has the library for Go verify.
func genuineInGo(t *testing.T, r webhookRequest) bool {
	t.Helper()
	library, err := standardwebhooks.NewWebhook(r.Key)
	if err != nil {
		t.Fatal(err)
	}
	return library.Verify([]byte(r.Body), r.header()) == nil
}

// TestWebhookSignatures has all three sign the same, each of the others taking it for genuine.
func TestWebhookSignatures(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var requests []webhookRequest
	for _, key := range []string{webhookKey, webhookLong, webhookLongest} {
		for _, body := range []string{`{"test": 2432232314}`, "", "{}", "任务 \x00\n\"€😀", strings.Repeat("long ", 20_000)} {
			for _, id := range []string{"msg_p5jXN8AQM9LWM0D4loKWxJek", "1", "d-00fc2p61abcd/t-shfqw1u1edszvxw5abcd"} {
				requests = append(requests, signWebhook(t, key, id, body, now))
			}
		}
	}
	answers := ask[[]webhookAnswer](t, "standardwebhooks.cjs", "standardwebhooks", requests)
	for i, r := range requests {
		library, err := standardwebhooks.NewWebhook(r.Key)
		if err != nil {
			t.Fatal(err)
		}
		inGo, err := library.Sign(r.Headers["webhook-id"], now, []byte(r.Body))
		if err != nil {
			t.Fatal(err)
		}
		if ours := r.Headers["webhook-signature"]; ours != inGo || ours != answers[i].Signature {
			t.Errorf("%.80q is signed with %s, by the library for Go with %s, for JavaScript with %s", r.Body, ours, inGo, answers[i].Signature)
		}
		if !genuineInGo(t, r) || !answers[i].Genuine {
			t.Errorf("%.80q is signed here and not genuine to a library: %+v", r.Body, answers[i])
		}
		signed := r.set("webhook-signature", inGo)
		if id, err := (webhook.Keys{parseWebhookKey(t, r.Key)}).Verify(signed.header(), []byte(r.Body), now); err != nil || id != r.Headers["webhook-id"] {
			t.Errorf("%.80q is signed by the library for Go and not genuine here: %q, %v", r.Body, id, err)
		}
	}
}

// TestWebhookVerdicts has all three judge requests that something is wrong with, or odd.
func TestWebhookVerdicts(t *testing.T) {
	t.Parallel()
	const body = `{"test": 2432232314}`
	now := time.Now()
	seconds := func(after time.Duration) string { return strconv.FormatInt(now.Add(after).Unix(), 10) }
	signed := func(after time.Duration) webhookRequest {
		return signWebhook(t, webhookKey, "msg_1", body, now.Add(after))
	}
	genuine := signed(0)
	signature := genuine.Headers["webhook-signature"]
	other := signWebhook(t, webhookLong, "msg_1", body, now).Headers["webhook-signature"]
	with := func(change func(*webhookRequest)) webhookRequest {
		r := genuine
		change(&r)
		return r
	}
	tests := []struct {
		name             string
		request          webhookRequest
		ours, inGo, inJS bool
	}{
		{"genuine", genuine, true, true, true},
		{"nearly too old", signed(-290 * time.Second), true, true, true},
		{"a little early", signed(290 * time.Second), true, true, true},
		{"too old", signed(-310 * time.Second), false, false, false},
		{"too early", signed(310 * time.Second), false, false, false},
		{"another body", with(func(r *webhookRequest) { r.Body += " " }), false, false, false},
		{"no body", with(func(r *webhookRequest) { r.Body = "" }), false, false, false},
		{"another id", genuine.set("webhook-id", "msg_2"), false, false, false},
		{"another time", genuine.set("webhook-timestamp", seconds(time.Second)), false, false, false},
		{"no id", genuine.set("webhook-id", ""), false, false, false},
		{"no time", genuine.set("webhook-timestamp", ""), false, false, false},
		{"no signature", genuine.set("webhook-signature", ""), false, false, false},
		{"time in words", genuine.set("webhook-timestamp", "now"), false, false, false},
		{"by another key", genuine.set("webhook-signature", other), false, false, false},
		{"by another key and the right one", genuine.set("webhook-signature", other+" "+signature), true, true, true},
		{"by the right key and another", genuine.set("webhook-signature", signature+" "+other), true, true, true},
		{"another version", genuine.set("webhook-signature", "v1a"+signature[2:]), false, false, false},
		{"another version and the right one", genuine.set("webhook-signature", "v1a,x v2,y "+signature), true, true, true},
		{"no version", genuine.set("webhook-signature", signature[3:]), false, false, false},
		{"half a signature", genuine.set("webhook-signature", signature[:20]), false, false, false},
		{"nothing but the version", genuine.set("webhook-signature", "v1,"), false, false, false},
		// The libraries take no notice of what follows, though nobody sends it: such a
		// list can only be what a proxy made of two headers.
		{"something after the signature", genuine.set("webhook-signature", signature+",x"), false, true, true},
		// The libraries read the time as a number and sign that.
		{"time with a zero before", genuine.set("webhook-timestamp", "0"+seconds(0)), false, true, true},
		{"time with a plus", genuine.set("webhook-timestamp", "+"+seconds(0)), false, true, true},
		{"time with more after", genuine.set("webhook-timestamp", seconds(0)+"x"), false, false, true},
		// The specification has ids not "include any `.`"; the libraries do not look.
		{"id with a full stop", signWebhook(t, webhookKey, "msg.1", body, now), false, true, true},
	}
	requests := make([]webhookRequest, len(tests))
	for i, test := range tests {
		requests[i] = test.request
	}
	verdict := func(t *testing.T, who string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("genuine to %s: %t, want %t", who, got, want)
		}
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := test.request
			for name, keys := range map[string]string{"alone": r.Key, "before another": r.Key + "," + webhookLongest, "after another": webhookLongest + "," + r.Key} {
				parsed, err := webhook.ParseKeys(keys)
				if err != nil {
					t.Fatal(err)
				}
				_, err = parsed.Verify(r.header(), []byte(r.Body), now)
				verdict(t, "the function with the key "+name, err == nil, test.ours)
			}
			verdict(t, "the library for Go", genuineInGo(t, r), test.inGo)
		})
	}
	t.Run("in JavaScript", func(t *testing.T) {
		for i, answer := range ask[[]webhookAnswer](t, "standardwebhooks.cjs", "standardwebhooks", requests) {
			verdict(t, "the library for JavaScript, "+tests[i].name, answer.Genuine, tests[i].inJS)
		}
	})
}

// TestWebhookKeys: both libraries take less than a key for one, the one for Go no
// key at all, by which then everybody can sign.
func TestWebhookKeys(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, key  string
		ours, inGo bool
	}{
		{"24 bytes", webhookKey, true, true},
		{"64 bytes", webhookLongest, true, true},
		{"no prefix", strings.TrimPrefix(webhookKey, "whsec_"), false, true},
		{"nothing", "", false, true},
		{"nothing but the prefix", "whsec_", false, true},
		{"3 bytes", "whsec_AAAA", false, true},
		{"no base64", "whsec_*", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := webhook.ParseKey(test.key); (err == nil) != test.ours {
				t.Errorf("ParseKey: %v, want it taken: %t", err, test.ours)
			}
			if _, err := standardwebhooks.NewWebhook(test.key); (err == nil) != test.inGo {
				t.Errorf("the library for Go: %v, want it taken: %t", err, test.inGo)
			}
		})
	}
}
