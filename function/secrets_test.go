package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
)

// secrets are of every variable that must not be shown what gives it away, and a
// value to configure it with.
var secrets = []struct{ variable, value, hidden string }{
	{"ACCESS_TOKENS", "bot:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", "5e884898da28"},
	{"SIGNING_KEY", "signing-hunter2-signing-hunter2-signing-hunter2", "signing-hunter2"},
	{"EVENTS_SECRET", "whsec_" + base64.StdEncoding.EncodeToString([]byte("events-hunter2-events-hunter2!")), "events-hunter2"},
	{"WEBHOOK_URL", "https://hooks.example.com/webhook-hunter2", "webhook-hunter2"},
	{"WEBHOOK_SECRET", "whsec_" + base64.StdEncoding.EncodeToString([]byte("sender-hunter2-sender-hunter2!")), "sender-hunter2"},
	{"DINGTALK_APP_SECRET", "dingtalk-hunter2-dingtalk", "dingtalk-hunter2"},
	{"DINGTALK_WEBHOOK_URL", "https://oapi.dingtalk.com/robot/send?access_token=dinghook-hunter2", "dinghook-hunter2"},
	{"DINGTALK_WEBHOOK_SECRET", "SECdingsign-hunter2-dingsign", "dingsign-hunter2"},
	{"FEISHU_ENCRYPT_KEY", "feishukey-hunter2-feishukey", "feishukey-hunter2"},
	{"FEISHU_VERIFICATION_TOKEN", "feishutoken-hunter2-feishutoken", "feishutoken-hunter2"},
	{"FEISHU_APP_SECRET", "feishuapp-hunter2-feishuapp", "feishuapp-hunter2"},
	{"FEISHU_WEBHOOK_URL", "https://open.feishu.cn/open-apis/bot/v2/hook/feishuhook-hunter2", "feishuhook-hunter2"},
	{"FEISHU_WEBHOOK_SECRET", "feishusign-hunter2", "feishusign-hunter2"},
	{"WECOM_TOKEN", "wecomtokenhunter2wecomtoken", "wecomtokenhunter2"},
	{"WECOM_AES_KEY", "wecomaeshunter2wecomaeshunter2wecomaeshunt2", "wecomaeshunter2"},
	{"WECOM_WEBHOOK_URL", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=wecomhook-hunter2", "wecomhook-hunter2"},
	{"SLACK_SIGNING_SECRET", "slack-hunter2-slack-hunter2", "slack-hunter2"},
	{"SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/slackhook-hunter2", "slackhook-hunter2"},
}

// plainVariables are those without which some of the secrets are not read.
var plainVariables = []string{
	"CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=cn-shanghai", "PUBLIC_URL=https://status.example.com",
	"DINGTALK_ROBOT_CODE=dingabcd", "DINGTALK_CORP_ID=ding0123", "FEISHU_APP_ID=cli_0123", "FEISHU_TENANT_KEY=tenant", "SLACK_TEAM_ID=T0123",
}

// shown is a value in every way in which there is to print, log or encode it.
func shown(value any) string {
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", value)
	}
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("shown", "value", value)
	}
	encoded, _ := json.Marshal(value) // what cannot be encoded is not shown
	out.Write(encoded)
	return out.String()
}

// forms are the ways in which bytes come out of a printer.
func forms(secret string) []string {
	return []string{
		secret, hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
		strings.Trim(fmt.Sprint([]byte(secret)), "[]"), base64.StdEncoding.EncodeToString([]byte(secret))[:12],
		strings.Trim(fmt.Sprintf("%#v", []byte(secret)), "[]byte{}"),
	}
}

// TestSecretsAreNotShown prints the configuration, everything made of it, and every
// error that a wrong value leads to.
func TestSecretsAreNotShown(t *testing.T) {
	pairs := plainVariables
	for _, s := range secrets {
		pairs = append(pairs, s.variable+"="+s.value)
	}
	c, err := readConfig(environment(pairs...))
	if err != nil || len(c.warnings) != 0 {
		t.Fatalf("%v, %q", err, c.warnings)
	}
	out := shown(c) + shown(&c) + shown(c.access) + shown(c.chat) + shown(c.eventKeys)

	// Each of them alone, cut short, doubled, with what does not belong there.
	for _, s := range secrets {
		for _, wrong := range []string{s.value[:len(s.value)/2], s.value + "," + s.value + "," + s.value, "\x00" + s.value, s.value + " " + s.value, "http://" + s.value, "bot:" + s.value} {
			c, err := readConfig(environment(append(plainVariables, s.variable+"="+wrong)...))
			out += shown(c) + shown(c.warnings) + shown(err)
			if err != nil {
				out += err.Error()
			}
		}
		err := run([]string{"-listen", "127.0.0.1:-1"}, environment(append(plainVariables, s.variable+"="+s.value)...), io.Discard)
		out += shown(err) + err.Error()
	}
	for _, s := range secrets {
		for _, form := range forms(s.hidden) {
			if i := strings.Index(out, form); i >= 0 {
				t.Errorf("%s is shown: …%q…", s.variable, out[max(0, i-80):min(len(out), i+80)])
			}
		}
	}
}

// TestSecretsAreAll: whatever variable has the name of a secret is among those that
// are looked for.
func TestSecretsAreAll(t *testing.T) {
	deployed, err := os.ReadFile("../s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range regexp.MustCompile(`(?m)^ +([A-Z_]+): `).FindAllStringSubmatch(string(deployed), -1) {
		name := variable[1]
		known := false
		for _, s := range secrets {
			known = known || s.variable == name
		}
		if secret := regexp.MustCompile(`SECRET|TOKEN|KEY|WEBHOOK_URL`).MatchString(name); secret && !known && name != "FEISHU_TENANT_KEY" {
			t.Errorf("%s: is it a secret?", name)
		}
	}
}

// environmentLimit is what Function Compute takes of variables, names and values.
const environmentLimit = 4 << 10

// TestEnvironmentFits: with everything configured there is room for it.
func TestEnvironmentFits(t *testing.T) {
	deployed, err := os.ReadFile("../s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	of := func(n int) string { return strings.Repeat("x", n) }
	values := map[string]string{ // as long as they are on the platforms, or longer
		"CLOUDSSO_DIRECTORY_ID": "d-00fc2p61abcd,d-003qew84abcd", "CLOUDSSO_REGION": "ap-southeast-1",
		"CLOUDSSO_ROLE_ARN": "acs:ram::1234567890123456:role/cloudsso-task-status-reader", "ACCESS": "token",
		"ACCESS_TOKENS": strings.Repeat("name-of-one:"+of(64)+",", 8), "SIGNING_KEY": of(44 + 1 + 44), "PUBLIC_URL": "https://cloudsso-tasks.example.com",
		"RECENT_TASKS": "on", "TASK_DETAILS": "on", "LOG_LEVEL": "debug", "TIME_ZONE": "Asia/Shanghai", "CHECK_FUNCTION": "cloudsso-task-check",
		"CHECK_INSTANCES": "20", "CHECK_RETRIES": "8", "NOTIFY_ON": "finished",
		"WEBHOOK_URL": "https://hooks.example.com/" + of(80), "WEBHOOK_SECRET": of(50), "EVENTS_SECRET": of(50 + 1 + 50),
		"DINGTALK_APP_SECRET": of(64), "DINGTALK_ROBOT_CODE": of(20), "DINGTALK_CORP_ID": of(36),
		"DINGTALK_WEBHOOK_URL": "https://oapi.dingtalk.com/robot/send?access_token=" + of(64), "DINGTALK_WEBHOOK_SECRET": of(67),
		"FEISHU_ENCRYPT_KEY": of(32), "FEISHU_VERIFICATION_TOKEN": of(32), "FEISHU_APP_ID": of(20), "FEISHU_APP_SECRET": of(32), "FEISHU_TENANT_KEY": of(16),
		"FEISHU_WEBHOOK_URL": "https://open.feishu.cn/open-apis/bot/v2/hook/" + of(36), "FEISHU_WEBHOOK_SECRET": of(22),
		"WECOM_TOKEN": of(32), "WECOM_AES_KEY": of(43), "WECOM_WEBHOOK_URL": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" + of(36),
		"SLACK_SIGNING_SECRET": of(32), "SLACK_TEAM_ID": of(11), "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/" + of(46),
	}
	size := 0
	declared := make(map[string]bool)
	for _, variable := range regexp.MustCompile(`(?m)^ +([A-Z_]+): `).FindAllStringSubmatch(string(deployed), -1) {
		declared[variable[1]] = true
		size += len(variable[1]) + len(values[variable[1]])
	}
	for variable := range values {
		if !declared[variable] {
			t.Errorf("%s is not in s.yaml", variable)
		}
	}
	if size > environmentLimit {
		t.Errorf("the variables have %d bytes, %d more than there is room for", size, size-environmentLimit)
	}
	t.Logf("%d of %d bytes", size, environmentLimit)
}
