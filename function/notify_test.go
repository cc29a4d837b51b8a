package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestNotifyTest prints what came of a sample to each webhook.
func TestNotifyTest(t *testing.T) {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/services/") {
			http.Error(w, "invalid_token", http.StatusForbidden)
			return
		}
		io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	}))
	defer platform.Close()
	var out strings.Builder
	err := run([]string{"notify-test"}, environment("CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=cn-shanghai", "ACCESS=open", "PUBLIC_URL=https://status.example.com",
		"WECOM_API_URL="+platform.URL, "WECOM_WEBHOOK_URL="+platform.URL+"/cgi-bin/webhook/send?key=hunter2",
		"SLACK_API_URL="+platform.URL, "SLACK_WEBHOOK_URL="+platform.URL+"/services/hunter2"), &out)
	if err == nil || err.Error() != "1 of 2 messages did not get through" {
		t.Errorf("got %v", err)
	}
	if want := "wecom: ok\nslack: invalid_token: there is no such webhook: it was removed, or the address is not the whole one\n"; out.String() != want {
		t.Errorf("printed %s, want %s", out.String(), want)
	}
}
