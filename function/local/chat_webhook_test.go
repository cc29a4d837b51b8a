package main

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestWebhookSign: the specification's own example.
func TestWebhookSign(t *testing.T) {
	key, err := webhookKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := webhookSign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, secret := range []string{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_*"} {
		if _, err := webhookKey(secret); err == nil {
			t.Errorf("%s is taken for a secret", secret)
		}
	}
}

const webhookEvent = `{"type":"task.failed","timestamp":"2026-11-23T10:00:00Z","data":{"taskId":"t-1","text":"<script>"}}`

// hears sends an event to the webhook, signed with the first of its secrets. Headers
// are changed by names and values.
func (s *chatStage) hears(t *testing.T, id, body string, headers ...string) reply {
	t.Helper()
	secret, _, _ := strings.Cut(s.variables["WEBHOOK_SECRET"], ",")
	key, err := webhookKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	timestamp := strconv.FormatInt(s.Now().Unix(), 10)
	header := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	if header.Get("Webhook-Timestamp") != "" {
		timestamp = header.Get("Webhook-Timestamp")
	}
	request, err := http.NewRequest(http.MethodPost, s.variables["WEBHOOK_URL"], strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Webhook-Id", id)
	request.Header.Set("Webhook-Timestamp", timestamp)
	request.Header.Set("Webhook-Signature", "v1,AAAA v1a,x "+webhookSign(key, id, timestamp, []byte(body)))
	for name, values := range header {
		request.Header[name] = values
	}
	return send(t, request)
}

func TestWebhook(t *testing.T) {
	s := startChat(t, nil)
	if s.variables["WEBHOOK_URL"] != s.url+"/webhook" || !strings.HasPrefix(s.variables["WEBHOOK_SECRET"], "whsec_") {
		t.Errorf("got %v", s.variables)
	}
	if r := s.hears(t, "msg_1", webhookEvent); r.status != http.StatusNoContent || r.body != "" {
		t.Errorf("got %+v", r)
	}
	got := s.last(t)
	if got.Platform != "webhook" || got.Via != viaWebhook || got.Status != "shown" || got.Title != "task.failed" || got.Text != webhookEvent || string(got.Raw) != webhookEvent || got.ID != "msg_1" {
		t.Errorf("got %+v", got)
	}
	if r := do(t, http.MethodGet, s.url+"/messages?platform=webhook", ""); !strings.Contains(r.body, `"webhookId":"msg_1"`) {
		t.Errorf("got %s", r.body)
	}
	page := do(t, http.MethodGet, s.url+"/", "").body
	for _, part := range []string{"<code>msg_1</code>", "<h3>task.failed</h3>", `&#34;taskId&#34;: &#34;t-1&#34;`, `id="webhook"`} {
		if !strings.Contains(page, part) {
			t.Errorf("%q is not in the page:\n%s", part, page)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, `value="webhook"`) {
		t.Error("the page has markup of the event's, or lets one speak to the webhook")
	}
	if r := do(t, http.MethodPost, s.url+"/say", "platform=webhook&text=help", "Content-Type", "application/x-www-form-urlencoded"); r.status != http.StatusBadRequest {
		t.Errorf("got %+v", r)
	}

	at := func(d time.Duration) string { return strconv.FormatInt(s.Now().Add(d).Unix(), 10) }
	for _, test := range []struct {
		name, body string
		headers    []string
		status     int
	}{
		{"a clock that is 5 minutes slow", webhookEvent, []string{"Webhook-Timestamp", at(-5 * time.Minute)}, 204},
		{"a clock that is 5 minutes fast", webhookEvent, []string{"Webhook-Timestamp", at(5 * time.Minute)}, 204},
		{"stale", webhookEvent, []string{"Webhook-Timestamp", at(-5*time.Minute - time.Second)}, 401},
		{"of the future", webhookEvent, []string{"Webhook-Timestamp", at(5*time.Minute + time.Second)}, 401},
		{"a time that is none", webhookEvent, []string{"Webhook-Timestamp", "now"}, 401},
		{"another id than was signed", webhookEvent, []string{"Webhook-Id", "msg_3"}, 401},
		{"no id", webhookEvent, []string{"Webhook-Id", ""}, 401},
		{"unsigned", webhookEvent, []string{"Webhook-Signature", ""}, 401},
		{"another signature", webhookEvent, []string{"Webhook-Signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, 401},
		{"not called JSON", webhookEvent, []string{"Content-Type", "text/plain"}, 415},
		{"not JSON", "{", nil, 400},
		{"no object", "[]", nil, 400},
		{"no type", `{"timestamp":"2026-11-23T10:00:00Z","data":{}}`, nil, 400},
		{"a time in seconds", `{"type":"a","timestamp":1614265330,"data":{}}`, nil, 400},
		{"no data", `{"type":"a","timestamp":"2026-11-23T10:00:00Z"}`, nil, 400},
		{"data that is no object", `{"type":"a","timestamp":"2026-11-23T10:00:00Z","data":[]}`, nil, 400},
		{"as little as can be", `{"type":"a","timestamp":"2026-11-23T10:00:00.5+08:00","data":{}}`, nil, 204},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := s.hears(t, "msg_2", test.body, test.headers...)
			if got := s.last(t); r.status != test.status || (got.Status == "shown") != (test.status == 204) || (got.Error == "") != (test.status == 204) {
				t.Errorf("got %d %s, want %d; shown: %+v", r.status, r.body, test.status, got)
			}
		})
	}
}

func TestWebhookSecrets(t *testing.T) {
	// While a secret is changed, either is good.
	s := startChat(t, map[string]string{"WEBHOOK_SECRET": "whsec_b2xk,whsec_bmV3"})
	if r := s.hears(t, "msg_1", webhookEvent); r.status != http.StatusNoContent {
		t.Errorf("got %+v", r)
	}
	s.variables["WEBHOOK_SECRET"] = "whsec_bmV3"
	if r := s.hears(t, "msg_2", webhookEvent); r.status != http.StatusNoContent {
		t.Errorf("got %+v", r)
	}
	own := startChat(t, map[string]string{"WEBHOOK_URL": "https://example.com/hook"}).variables
	if _, ok := own["WEBHOOK_SECRET"]; ok || own["WEBHOOK_URL"] != "https://example.com/hook" {
		t.Error("a secret was made up for a webhook of the caller's own")
	}
}

// TestWebhookFaults: the receiver is down until that is cleared, and each attempt's id is seen.
func TestWebhookFaults(t *testing.T) {
	s := startChat(t, nil)
	for kind, status := range map[string]int{"down": 503, "ratelimit": 429, "badsignature": 401, "gone": 410, "error500": 500, "redirect": 302} {
		do(t, http.MethodPost, s.url+"/faults?platform=webhook&kind="+kind, "")
		for range 3 {
			if r := s.hears(t, "msg_1", webhookEvent); r.status != status {
				t.Errorf("%s: got %+v", kind, r)
			}
		}
		if got := s.last(t); got.Status != "refused" || got.ID != "msg_1" {
			t.Errorf("%s: got %+v", kind, got)
		}
		do(t, http.MethodDelete, s.url+"/faults", "")
		if r := s.hears(t, "msg_1", webhookEvent); r.status != http.StatusNoContent {
			t.Errorf("after %s: got %+v", kind, r)
		}
	}
	for _, query := range []string{"platform=webhook&kind=keyword", "platform=webhook&kind=down&on=session"} {
		if r := do(t, http.MethodPost, s.url+"/faults?"+query, ""); r.status != http.StatusBadRequest {
			t.Errorf("%s: got %+v", query, r)
		}
	}
}
