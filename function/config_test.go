package main

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"taskstatus/function/access"
	"taskstatus/function/site"
	"taskstatus/function/task"
	"taskstatus/templates"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestReadConfig(t *testing.T) {
	c, err := readConfig(environment(
		"CLOUDSSO_DIRECTORY_ID= d-00fc2p61abcd, d-003qew84abcd,d-00fc2p61abcd",
		"CLOUDSSO_REGION=cn-shanghai",
		"CLOUDSSO_ROLE_ARN=acs:ram::123456789012:role/reader",
		"PUBLIC_URL=https://status.example.com/",
		"ACCESS=open",
		"RECENT_TASKS=on",
		"TASK_DETAILS= On ",
		"LOG_LEVEL=debug",
		"TIME_ZONE=Asia/Shanghai",
		"CHECK_FUNCTION=check",
		"CHECK_ENDPOINT=https://1234567890123456.cn-hangzhou-internal.fc.aliyuncs.com",
		"SLACK_SIGNING_SECRET=8f742231b10e8888abcd99yyyzzz85a5",
		"NOTIFY_ON= Finished",
		"CHECK_INSTANCES=4",
		"CHECK_RETRIES=0",
		"EVENTS_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	))
	if err != nil {
		t.Fatal(err)
	}
	if want := []task.DirectoryID{"d-00fc2p61abcd", "d-003qew84abcd"}; !slices.Equal(c.directories, want) {
		t.Errorf("directories %v, want %v", c.directories, want)
	}
	if !c.notifyFinished || c.checkInstances != 4 || c.checkRetries != 0 || len(c.eventKeys) != 1 {
		t.Errorf("got %v, %d, %v", c.notifyFinished, c.checkInstances, c.eventKeys)
	}
	if c.zone.String() != "Asia/Shanghai" || c.checkFunction != "check" || c.checkEndpoint == "" || !c.chat.Answer() || c.chat.Post() {
		t.Errorf("got %v, %q, %q, %v, %v", c.zone, c.checkFunction, c.checkEndpoint, c.chat.Answer(), c.chat.Post())
	}
	if c.endpoint != "https://cloudsso.cn-shanghai.aliyuncs.com" || c.publicURL != "https://status.example.com" ||
		c.roleARN == "" || !c.access.Configured() || !c.recentTasks || !c.taskDetails || c.logLevel.String() != "DEBUG" || len(c.warnings) != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestReadConfigWarns(t *testing.T) {
	c, err := readConfig(environment("CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=ap-southeast-5", "TASK_DETAILS=OFF"))
	if err != nil || len(c.warnings) != 2 || !strings.Contains(c.warnings[0], "CLOUDSSO_REGION") || !strings.Contains(c.warnings[1], "nobody is let in") {
		t.Errorf("got %q (%v), want two warnings", c.warnings, err)
	}
	if c.zone != time.UTC || c.chat.Answer() || c.chat.Post() {
		t.Errorf("with nothing configured: %v, %v, %v", c.zone, c.chat.Answer(), c.chat.Post())
	}
	if c.access.Configured() {
		t.Error("somebody is let in with nothing configured")
	}
	if c.recentTasks || c.taskDetails {
		t.Error("names are shown with nothing configured")
	}
	if c.notifyFinished || c.checkInstances != defaultInstances || c.checkRetries != defaultRetries || len(c.eventKeys) != 0 {
		t.Errorf("with nothing configured: %v, %d, %v", c.notifyFinished, c.checkInstances, c.eventKeys)
	}
}

// TestReadConfigWarnsOfChats: what keeps a chat closed, or its messages without a link.
func TestReadConfigWarnsOfChats(t *testing.T) {
	c, err := readConfig(environment("CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=cn-shanghai", "ACCESS=open",
		"DINGTALK_APP_SECRET=hunter2", "SLACK_WEBHOOK_URL=https://hooks.slack.com/services/hunter2"))
	if said := strings.Join(c.warnings, " "); err != nil || len(c.warnings) != 2 || !strings.Contains(said, "DINGTALK_APP_SECRET: shorter") || !strings.Contains(said, "PUBLIC_URL is not set") || strings.Contains(said, "hunter2") {
		t.Errorf("got %q (%v)", c.warnings, err)
	}
}

func TestReadConfigErrors(t *testing.T) {
	good := []string{"CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=cn-shanghai"}
	for _, test := range []struct {
		name, pair string
		want       string // how the error begins
	}{
		{"no directory", "CLOUDSSO_DIRECTORY_ID=", "CLOUDSSO_DIRECTORY_ID: is not set"},
		{"a directory that is none", "CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd,x", `CLOUDSSO_DIRECTORY_ID: invalid: "x" is not a directory id`},
		{"no region and no endpoint", "CLOUDSSO_REGION=", "CLOUDSSO_REGION"},
		{"a region that is none", "CLOUDSSO_REGION=Shanghai", "CLOUDSSO_REGION"},
		{"an endpoint that leads elsewhere", "CLOUDSSO_ENDPOINT=http://example.com", "CLOUDSSO_ENDPOINT"},
		{"a role that is none", "CLOUDSSO_ROLE_ARN=reader", "CLOUDSSO_ROLE_ARN: \"reader\" is not"},
		{"a site that is none", "PUBLIC_URL=status", "PUBLIC_URL: \"status\" is not"},
		{"a site in the clear", "PUBLIC_URL=http://status.example.com", "PUBLIC_URL: "},
		{"a site with a query", "PUBLIC_URL=https://status.example.com?", "PUBLIC_URL: "},
		{"a site with a port that is none", "PUBLIC_URL=https://status.example.com:99999", "PUBLIC_URL: "},
		{"a site that is a port", "PUBLIC_URL=https://:443", "PUBLIC_URL: "},
		{"a role without its prefix", "CLOUDSSO_ROLE_ARN=123456789012:role/reader", "CLOUDSSO_ROLE_ARN: "},
		{"a site without its port", "PUBLIC_URL=https://status.example.com:", "PUBLIC_URL: "},
		{"a role of no account", "CLOUDSSO_ROLE_ARN=acs:ram:::role/reader", "CLOUDSSO_ROLE_ARN: "},
		{"no role of an account", "CLOUDSSO_ROLE_ARN=acs:ram::123456789012", "CLOUDSSO_ROLE_ARN: "},
		{"a site that would end a link in Markdown", "PUBLIC_URL=https://status.example.com)", "PUBLIC_URL: "},
		{"a site with a path", "PUBLIC_URL=https://example.com/status", "PUBLIC_URL: "},
		{"an access that is none", "ACCESS=all", `ACCESS is "all"`},
		{"a token in the clear", "ACCESS_TOKENS=bot:hunter2", "ACCESS_TOKENS: entry 1"},
		{"a key that is short", "SIGNING_KEY=hunter2", "SIGNING_KEY: key 1 has less than 32"},
		{"a switch that is neither", "RECENT_TASKS=true", `RECENT_TASKS: "true" is neither`},
		{"another", "TASK_DETAILS=1", `TASK_DETAILS: "1" is neither`},
		{"a time zone that is none", "TIME_ZONE=Shanghai", `TIME_ZONE: "Shanghai" is not the name of a time zone`},
		{"a function that cannot be", "CHECK_FUNCTION=a b", `CHECK_FUNCTION: "a b" is not the name`},
		{"an address in the clear", "CHECK_ENDPOINT=http://example.com", "CHECK_ENDPOINT: "},
		{"a webhook elsewhere", "SLACK_WEBHOOK_URL=https://example.com/hunter2", "SLACK_WEBHOOK_URL: not an address of"},
		{"a program in the clear", "WEBHOOK_URL=http://example.com/hunter2", "WEBHOOK_URL: it takes an https address"},
		{"a secret that is none", "EVENTS_SECRET=hunter2", "EVENTS_SECRET: "},
		{"instances that are none", "CHECK_INSTANCES=0", `CHECK_INSTANCES: "0" is not a number`},
		{"retries that are none", "CHECK_RETRIES=many", `CHECK_RETRIES: "many" is not a number`},
		{"what is neither failed nor finished", "NOTIFY_ON=always", `NOTIFY_ON: "always" is neither`},
		{"a level that is none", "LOG_LEVEL=loud", "LOG_LEVEL: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := readConfig(environment(append([]string{test.pair}, good...)...))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want it to begin with %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	_, err := readConfig(environment("ACCESS=x", "LOG_LEVEL=loud"))
	if n := strings.Count(err.Error(), "\n") + 1; n != 4 {
		t.Errorf("%d errors at once, want 4: %v", n, err)
	}
}

func TestRunErrors(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		env  []string
		want string
	}{
		{"elsewhere than in Function Compute", nil, nil, "start it with -listen"},
		{"a flag that there is not", []string{"-port", "1"}, nil, "flag provided but not defined"},
		{"an argument too many", []string{"-listen", "127.0.0.1:0", "now"}, nil, `unexpected argument "now"`},
		{"a wrong configuration", []string{"-listen", "127.0.0.1:0"}, nil, "CLOUDSSO_DIRECTORY_ID"},
		{"no webhook to test", []string{"notify-test"}, []string{"CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=cn-shanghai"}, "no webhook is configured"},
		{"an address that cannot be had", []string{"-listen", "127.0.0.1:-1"},
			[]string{"CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=cn-shanghai"}, "-listen"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := run(test.args, environment(test.env...), io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

// TestReadConfigWarnsOfAccess: what lets nobody in, or not by a browser.
func TestReadConfigWarnsOfAccess(t *testing.T) {
	token := "ACCESS_TOKENS=bot:" + strings.Repeat("5e", 32)
	key := "SIGNING_KEY=" + strings.Repeat("k", 32)
	for _, test := range []struct {
		name string
		env  []string
		want string // empty for no warning
	}{
		{"nothing", nil, "neither ACCESS_TOKENS nor ACCESS=open is set: nobody is let in"},
		{"a key alone", []string{key}, "neither ACCESS_TOKENS nor ACCESS=open is set: nobody is let in"},
		{"a token alone", []string{token}, "SIGNING_KEY is not set: browsers cannot sign in, and links in messages open nothing"},
		{"both", []string{token, key}, ""},
		{"open", []string{"ACCESS=open"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := readConfig(environment(append(test.env, "CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=cn-shanghai")...))
			if got := strings.Join(c.warnings, "; "); err != nil || got != test.want {
				t.Errorf("got %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

// TestTimesInWords: what the page to sign in says of times is so.
func TestTimesInWords(t *testing.T) {
	for _, words := range []templates.Words{templates.English, templates.Chinese} {
		for _, want := range []string{
			strconv.Itoa(int(access.SessionLife/time.Hour)) + " " + map[string]string{"en": "hours", "zh-CN": "小时"}[words.Lang],
			strconv.Itoa(int(site.LinkLife/(24*time.Hour))) + " " + map[string]string{"en": "days", "zh-CN": "天"}[words.Lang],
		} {
			if !strings.Contains(words.SignInNote, want) {
				t.Errorf("%q is not in %q", want, words.SignInNote)
			}
		}
	}
}
