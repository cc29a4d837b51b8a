package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestVariables: every variable that is read can be set at a deployment and looked up in
// the README, and there is none in either that nothing reads.
func TestVariables(t *testing.T) {
	read := make(map[string]bool)
	pairs := plainVariables
	for _, s := range secrets {
		pairs = append(pairs, s.variable+"="+s.value)
	}
	all := environment(pairs...)
	if _, err := readConfig(func(name string) string { read[name] = true; return all(name) }); err != nil {
		t.Fatal(err)
	}
	s, err := os.ReadFile("../s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	deployed := make(map[string]bool)
	for _, line := range regexp.MustCompile(`(?m)^        ([A-Z_]+): (.*)$`).FindAllStringSubmatch(string(s), -1) {
		name, value := line[1], line[2]
		deployed[name] = true
		if strings.Contains(value, "env(") && !strings.Contains(value, "'"+name+"'") {
			t.Errorf("s.yaml sets %s to another variable: %s", name, value)
		}
		if !read[name] {
			t.Errorf("s.yaml sets %s, which nothing reads", name)
		}
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	platforms := []string{"DINGTALK_", "FEISHU_", "WECOM_", "SLACK_"}
	told := make(map[string]bool)
	for _, name := range regexp.MustCompile(`\b[A-Z]{3,}(?:_[A-Z]+)+\b`).FindAllString(string(readme), -1) {
		told[name] = true
		isOurs := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
		if !read[name] && slices.ContainsFunc(append([]string{"CLOUDSSO_", "CHECK_", "ACCESS_", "WEBHOOK_"}, platforms...), isOurs) {
			t.Errorf("the README tells of %s, which nothing reads", name)
		}
	}
	for name := range read {
		if !deployed[name] {
			t.Errorf("%s is not in s.yaml", name)
		}
		// Where a platform is, is told once for all of them.
		if !told[name] && !strings.Contains(string(readme), "`"+name+"`") && !strings.HasSuffix(name, "_API_URL") {
			t.Errorf("%s is not in the README", name)
		}
	}
	if len(read) < 40 {
		t.Errorf("%d variables are read: has the recording failed?", len(read))
	}
}

// TestEnvironment: what is about to be deployed will start. make deploy asks for it, with
// the variables in its own environment.
func TestEnvironment(t *testing.T) {
	if os.Getenv("DEPLOY") == "" {
		t.Skip("make deploy sets DEPLOY")
	}
	if err := deployable(os.Getenv); err != nil {
		t.Fatal(err)
	}
}

// deployable says what of the environment cannot be deployed. What Serverless Devs and
// Function Compute would say, they say when half of it is there.
func deployable(getenv func(string) string) error {
	size := 0
	c, err := readConfig(func(name string) string {
		size += len(name) + len(getenv(name))
		return getenv(name)
	})
	if err != nil {
		return fmt.Errorf("the function would not start:\n%w", err)
	}
	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if size > environmentLimit {
		add("the variables have %d bytes, %d more than Function Compute takes", size, size-environmentLimit)
	}
	if !c.access.Configured() {
		add("nobody would be let in: set ACCESS_TOKENS")
	}
	if arn := getenv("ROLE_ARN"); !isRoleARN(arn) || arn != strings.ToLower(arn) {
		add("ROLE_ARN: %q is not a role's ARN in small letters: make role prints one", arn)
	}
	for _, name := range []string{"LOG_PROJECT", "LOG_STORE"} {
		if getenv(name) == "" {
			add("%s is not set: the log goes there, which has to exist", name)
		}
	}
	if (getenv("CERTIFICATE") == "") != (getenv("PRIVATE_KEY") == "") {
		add("CERTIFICATE and PRIVATE_KEY: one is set without the other")
	}
	return errors.Join(wrong...)
}

// TestDeployable: each mistake is told, and that before anything is deployed.
func TestDeployable(t *testing.T) {
	good := []string{
		"CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=cn-shanghai", "ACCESS_TOKENS=me:" + strings.Repeat("0", 64),
		"ROLE_ARN=acs:ram::1234567890123456:role/cloudsso-task-status", "LOG_PROJECT=project", "LOG_STORE=store",
	}
	tooMany := ""
	for i := range 60 {
		tooMany += fmt.Sprintf(",me:%064x", i+1)
	}
	for _, test := range []struct {
		name  string
		pairs []string // in their place
		want  string   // in what it says; empty where nothing is wrong
	}{
		{"the least", nil, ""},
		{"a domain", []string{"PUBLIC_URL=https://status.example.com", "CERTIFICATE=cert.pem", "PRIVATE_KEY=key.pem"}, ""},
		{"no directory", []string{"CLOUDSSO_DIRECTORY_ID="}, "CLOUDSSO_DIRECTORY_ID"},
		{"nobody is let in", []string{"ACCESS_TOKENS="}, "set ACCESS_TOKENS"},
		{"no role", []string{"ROLE_ARN="}, `ROLE_ARN: ""`},
		{"a role in large letters", []string{"ROLE_ARN=acs:ram::1234567890123456:role/Status"}, "small letters"},
		{"no project for the log", []string{"LOG_PROJECT="}, "LOG_PROJECT is not set"},
		{"no store for the log", []string{"LOG_STORE="}, "LOG_STORE is not set"},
		{"a certificate without its key", []string{"CERTIFICATE=cert.pem"}, "one is set without the other"},
		{"a key without its certificate", []string{"PRIVATE_KEY=key.pem"}, "one is set without the other"},
		{"too much", []string{"ACCESS_TOKENS=me:" + strings.Repeat("0", 64) + tooMany}, "more than Function Compute takes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := deployable(environment(append(test.pairs, good...)...))
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
