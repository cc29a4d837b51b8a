package chat

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	none, warnings, err := Configure(func(string) string { return "" }, new(http.Transport), 1)
	if err != nil || len(warnings) != 0 || none.Answer() || none.Post() || none.find("slack") == nil || none.hearing("slack") != nil {
		t.Errorf("with nothing set: %v, %v", warnings, err)
	}
	all, _ := configured(t, "https://oapi.dingtalk.com", "FEISHU_WEBHOOK_URL", "https://oapi.dingtalk.com/x")
	if !all.Answer() || !all.Post() {
		t.Error("with everything set nothing is open")
	}
}

// TestUses: what each platform is for, and of Feishu whether it takes the application's
// secret now, without anything being posted.
func TestUses(t *testing.T) {
	v := newVendor(t)
	p, _ := configured(t, v.URL, "WECOM_WEBHOOK_URL", "", "SLACK_SIGNING_SECRET", "", "WEBHOOK_URL", "https://hunter2.example.com/x",
		"WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	uses := p.Uses()
	var got []string
	for _, u := range uses {
		got = append(got, fmt.Sprint(u.Name, " ", u.Answers, " ", u.Posts, " ", u.Address == v.URL, " ", u.Secret, " ", u.Verify != nil))
	}
	want := []string{
		"dingtalk true true true false false", "feishu true true true false true", "wecom true false true false false",
		"slack false true true false false", "webhook false true false true false",
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	if err := uses[1].Verify(t.Context()); err != nil {
		t.Error(err)
	}
	const tokens = "/open-apis/auth/v3/tenant_access_token/internal"
	v.says(tokens, 200, `{"code":10014,"msg":"app secret invalid"}`)
	if err := uses[1].Verify(t.Context()); err == nil || err.Error() != "code 10014: FEISHU_APP_ID and FEISHU_APP_SECRET do not belong together" {
		t.Errorf("got %v", err)
	}
	if all := len(v.posts); all != 2 || len(v.posted(tokens)) != 2 {
		t.Errorf("%d requests", all)
	}
	none, _, _ := Configure(func(string) string { return "" }, new(http.Transport), 1)
	broken, _, err := Configure(func(name string) string {
		return map[string]string{"WEBHOOK_URL": "hunter2", "FEISHU_APP_ID": "cli_1"}[name]
	}, new(http.Transport), 1)
	if len(none.Uses()) != 0 || err == nil || len(broken.Uses()) != 0 {
		t.Errorf("with nothing, or nothing right, set: %v, %v", none.Uses(), broken.Uses())
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
		{"a secret of just enough", "DINGTALK_APP_SECRET", "0123456789abcdef", "", ""},
		{"a webhook's secret alone", "FEISHU_WEBHOOK_URL", "", "", "FEISHU_WEBHOOK_SECRET is set and FEISHU_WEBHOOK_URL is not"},
		{"a webhook with a user", "SLACK_WEBHOOK_URL", "https://user@vendor.example/hunter2", "SLACK_WEBHOOK_URL: ", ""},
		{"a platform at a port that is none", "SLACK_API_URL", "https://vendor.example:99999", "SLACK_API_URL: ", ""},
		{"a platform at no port", "SLACK_API_URL", "https://vendor.example:0", "SLACK_API_URL: ", ""},
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
			_, warnings, err := Configure(func(name string) string { return env[name] }, new(http.Transport), 1)
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
