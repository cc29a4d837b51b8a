package main

import (
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
	size := 0
	c, err := readConfig(func(name string) string {
		size += len(name) + len(os.Getenv(name))
		return os.Getenv(name)
	})
	if err != nil {
		t.Fatalf("the function would not start:\n%v", err)
	}
	if size > environmentLimit {
		t.Errorf("the variables have %d bytes, %d more than Function Compute takes", size, size-environmentLimit)
	}
	if !c.access.Configured() {
		t.Error("nobody would be let in: set ACCESS_TOKENS")
	}
	if arn := os.Getenv("ROLE_ARN"); !isRoleARN(arn) || arn != strings.ToLower(arn) {
		t.Errorf("ROLE_ARN: %q is not a role's ARN in small letters: make role prints one", arn)
	}
}
