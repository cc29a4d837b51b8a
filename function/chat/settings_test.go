package chat

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	none, warnings, err := Open(func(string) string { return "" }, new(http.Transport))
	if err != nil || len(warnings) != 0 || none.Hear() || none.Post() || none.find("slack") == nil {
		t.Errorf("with nothing set: %v, %v", warnings, err)
	}
	all := opened(t, "https://oapi.dingtalk.com", "FEISHU_WEBHOOK_URL", "https://oapi.dingtalk.com/x")
	if !all.Hear() || !all.Post() {
		t.Error("with everything set nothing is open")
	}
}

func TestOpenErrors(t *testing.T) {
	for _, test := range []struct {
		name, variable, value string
		want                  string // how the error begins; empty for none
		warning               string // in a warning; empty for none
	}{
		{"all is well", "", "", "", ""},
		{"three secrets", "SLACK_SIGNING_SECRET", slackSecret + "1," + slackSecret + "2," + slackSecret, "SLACK_SIGNING_SECRET: more than two secrets", ""},
		{"a short secret", "DINGTALK_APP_SECRET", "hunter2", "", "DINGTALK_APP_SECRET: shorter than 16 characters"},
		{"no pins", "DINGTALK_CORP_ID", "", "", "DINGTALK_ROBOT_CODE and DINGTALK_CORP_ID are not both set"},
		{"half of Feishu's", "FEISHU_VERIFICATION_TOKEN", "", "", "FEISHU_ENCRYPT_KEY, FEISHU_VERIFICATION_TOKEN"},
		{"half of WeCom's", "WECOM_TOKEN", "", "", "WECOM_TOKEN and WECOM_AES_KEY are not both set"},
		{"a key that is none", "WECOM_AES_KEY", "hunter2hunter2hunter2", "WECOM_AES_KEY: not the 43", ""},
		{"a webhook elsewhere", "SLACK_WEBHOOK_URL", "https://example.com/hunter2", "SLACK_WEBHOOK_URL: not an address of https://vendor.example; a platform elsewhere is named by SLACK_API_URL", ""},
		{"a webhook of another platform", "WECOM_WEBHOOK_URL", "https://hooks.slack.com/hunter2", "WECOM_WEBHOOK_URL: not an address of", ""},
		{"a webhook by a user's name", "SLACK_WEBHOOK_URL", "https://vendor.example@example.com/hunter2", "SLACK_WEBHOOK_URL: ", ""},
		{"a webhook in the clear", "DINGTALK_WEBHOOK_URL", "http://vendor.example/hunter2", "DINGTALK_WEBHOOK_URL: ", ""},
		{"a webhook that is no address", "FEISHU_WEBHOOK_URL", "%hunter2", "FEISHU_WEBHOOK_URL: ", ""},
		{"a platform in the clear", "SLACK_API_URL", "http://vendor.example", "SLACK_API_URL: it takes an https address without a path, such as https://hooks.slack.com", ""},
		{"a platform with a path", "FEISHU_API_URL", "https://vendor.example/x", "FEISHU_API_URL: ", ""},
		{"a platform with a query", "WECOM_API_URL", "https://vendor.example?x", "WECOM_API_URL: ", ""},
		{"a platform with a user", "DINGTALK_API_URL", "https://u@vendor.example", "DINGTALK_API_URL: ", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := variables("https://vendor.example")
			if test.variable != "" {
				env[test.variable] = test.value
			}
			_, warnings, err := Open(func(name string) string { return env[name] }, new(http.Transport))
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if all := strings.Join(warnings, "\n"); (all == "") != (test.warning == "") && test.want == "" || !strings.Contains(all, test.warning) {
				t.Errorf("warned %q, want %q", warnings, test.warning)
			}
			if said := fmt.Sprint(err, warnings); strings.Contains(said, "hunter2") {
				t.Errorf("a secret is told: %s", said)
			}
		})
	}
}

// TestSecrets prints whatever holds one, in every way there is.
func TestSecrets(t *testing.T) {
	p := opened(t, "https://vendor.example")
	secrets := []string{dingTalkSecret, feishuKey, feishuToken, wecomToken, wecomAESKey, slackSecret, "HOOKTOKEN", "SECwebhook", "feishu-app-secret", "webhook-secret"}
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	for _, platform := range p.all {
		logger.Info("x", "platform", platform)
		encoded, _ := json.Marshal(platform)
		log.Write(encoded)
	}
	one := newSecret("HOOKTOKEN")
	encoded, err := json.Marshal(map[string]any{"secret": one, "list": []secret{one}})
	if err != nil {
		t.Fatal(err)
	}
	logger.Info("x", "secret", one, "pointer", &one)
	printed := fmt.Sprintf("%v %+v %#v %s %q %x %v %+v %s %s", one, one, one, one, one, one, p, p.all, encoded, log.String())
	for _, name := range []string{"dingtalk", "feishu", "wecom", "slack"} {
		printed += fmt.Sprintf("%v %+v %#v", p.find(name), p.find(name), p.find(name))
	}
	for _, s := range secrets {
		if strings.Contains(printed, s) {
			t.Errorf("%s is printed: %s", s, printed)
		}
	}
	if !strings.HasPrefix(printed, "*** *** *** *** *** *** ") {
		t.Errorf("printed %.60s", printed)
	}
	if (secret{}).isSet() || newSecret("").isSet() || !one.isSet() || one.reveal() != "HOOKTOKEN" {
		t.Error("a secret does not know whether it is one")
	}
}
