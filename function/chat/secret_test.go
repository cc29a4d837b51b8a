package chat

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestSecrets prints whatever holds one, in every way there is.
func TestSecrets(t *testing.T) {
	p, _ := configured(t, "https://vendor.example")
	secrets := []string{dingTalkSecret, feishuKey, feishuToken, wecomToken, wecomAESKey, slackSecret, "HOOKTOKEN", "SECwebhook", "feishu-app-secret", "webhook-secret"}
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	for _, platform := range p.all {
		logger.Info("x", "platform", platform)
		encoded, _ := json.Marshal(platform)
		log.Write(encoded)
	}
	printed := fmt.Sprintf("%v %+v %s", p, p.all, log.String())
	for _, name := range []string{"dingtalk", "feishu", "wecom", "slack"} {
		printed += fmt.Sprintf("%v %+v %#v", p.find(name), p.find(name), p.find(name))
	}
	for _, s := range secrets {
		if strings.Contains(printed, s) {
			t.Errorf("%s is printed: %s", s, printed)
		}
	}
}
