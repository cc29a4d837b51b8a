package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// accountFile names, to the test binary as the aliyun command, where its account is kept.
const accountFile = "TEST_RAM_ACCOUNT"

func TestMain(m *testing.M) {
	if file := os.Getenv(accountFile); file != "" && filepath.Base(os.Args[0]) == "aliyun" {
		os.Exit(aliyun(file, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// An account is what RAM keeps of it: the role's trust, policies with their versions, the
// last of which is the default, and which are attached.
type account struct {
	Trust    string
	Policies map[string][]string
	Attached []string
	// Fails has the CLI fail before anything: with this.
	Fails string
	// Refuses are actions that are not permitted.
	Refuses []string
	// Calls are the actions that were done.
	Calls []string
}

// aliyun is the CLI with RAM behind it, as far as they are used.
func aliyun(file string, args []string) int {
	var a account
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if a.Fails != "" {
		fmt.Fprintln(os.Stderr, "ERROR: "+a.Fails)
		return 1
	}
	if len(args) < 2 || args[0] != "ram" || len(args)%2 != 0 {
		fmt.Fprintf(os.Stderr, "ERROR: not a command: %q\n", args)
		return 1
	}
	action, parameters := args[1], make(map[string]string)
	for i := 2; i < len(args); i += 2 {
		parameters[strings.TrimPrefix(args[i], "--")] = args[i+1]
	}
	a.Calls = append(a.Calls, action)
	answer, code := a.do(action, parameters)
	if code != "" {
		fmt.Fprintf(os.Stderr, "ERROR: SDK.ServerError\nErrorCode: %s\nRecommend: \nRequestId: 7B8A4E7D\nMessage: it says\n", code)
		return 1
	}
	kept, _ := json.Marshal(a)
	if err := os.WriteFile(file, kept, 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	json.NewEncoder(os.Stdout).Encode(answer)
	return 0
}

type object = map[string]any

func (a *account) do(action string, p map[string]string) (answer any, code string) {
	if slices.Contains(a.Refuses, action) {
		return nil, "NoPermission"
	}
	if role := p["RoleName"]; role != "" && role != "cloudsso-task-status" {
		return nil, "InvalidParameter.RoleName"
	}
	role := object{"Role": object{"Arn": "acs:ram::1234567890123456:role/" + p["RoleName"], "AssumeRolePolicyDocument": a.Trust}}
	for _, document := range []string{"AssumeRolePolicyDocument", "NewAssumeRolePolicyDocument", "PolicyDocument"} {
		if text, ok := p[document]; ok && (!json.Valid([]byte(text)) || len(text) > 6144) {
			return nil, "MalformedPolicyDocument"
		}
	}
	policy, name := a.Policies[p["PolicyName"]], p["PolicyName"]
	if strings.Contains(action, "Policy") && action != "ListPoliciesForRole" && !strings.HasPrefix(action, "Create") {
		if p["PolicyType"] != "Custom" {
			return nil, "MissingParameter.PolicyType"
		}
		if policy == nil {
			return nil, "EntityNotExist.Policy"
		}
	}
	switch action {
	case "GetRole", "UpdateRole", "ListPoliciesForRole":
		if a.Trust == "" {
			return nil, "EntityNotExist.Role"
		}
	}
	switch action {
	case "GetRole":
		return role, ""
	case "CreateRole":
		if a.Trust != "" {
			return nil, "EntityAlreadyExists.Role"
		}
		a.Trust = p["AssumeRolePolicyDocument"]
		return role, ""
	case "UpdateRole":
		a.Trust = p["NewAssumeRolePolicyDocument"]
		return role, ""
	case "GetPolicy":
		return object{"DefaultPolicyVersion": object{"PolicyDocument": policy[len(policy)-1]}}, ""
	case "CreatePolicy":
		if policy != nil {
			return nil, "EntityAlreadyExists.Policy"
		}
		a.Policies[name] = []string{p["PolicyDocument"]}
		return object{}, ""
	case "CreatePolicyVersion":
		if policy == nil {
			return nil, "EntityNotExist.Policy"
		}
		if len(policy) == 5 {
			if p["RotateStrategy"] != "DeleteOldestNonDefaultVersionWhenLimitExceeded" {
				return nil, "LimitExceeded.Policy.Version"
			}
			policy = policy[1:]
		}
		if p["SetAsDefault"] != "true" {
			return nil, "InvalidParameter.SetAsDefault" // else it would come to nothing
		}
		a.Policies[name] = append(policy, p["PolicyDocument"])
		return object{}, ""
	case "ListPoliciesForRole":
		list := []object{{"PolicyName": "AliyunLogFullAccess", "PolicyType": "System"}}
		for _, name := range []string{"somebody-elses", "cloudsso-task-status-queue", "details"} {
			list = append(list, object{"PolicyName": name, "PolicyType": "Custom"})
		}
		for _, name := range a.Attached {
			list = append(list, object{"PolicyName": name, "PolicyType": "Custom"})
		}
		return object{"Policies": object{"Policy": list}}, ""
	case "AttachPolicyToRole":
		if slices.Contains(a.Attached, name) {
			return nil, "EntityAlreadyExists.Role.Policy"
		}
		a.Attached = append(a.Attached, name)
		return object{}, ""
	case "DetachPolicyFromRole":
		i := slices.Index(a.Attached, name)
		if i < 0 {
			return nil, "EntityNotExist.Role.Policy"
		}
		a.Attached = slices.Delete(a.Attached, i, i+1)
		return object{}, ""
	}
	return nil, "InvalidAction.NotFound"
}

// In these tests s.yaml has timers, or has not.
const (
	timers   = "triggers:\n  - triggerName: sweep\n    triggerType: timer\n"
	noTimers = "triggers:\n  # - triggerName: sweep\n  #   triggerType: timer\n"
)

// start has the account behind the aliyun command of this test, and returns what is in it
// later.
func start(t *testing.T, a account) (now func() account) {
	t.Helper()
	if a.Policies == nil {
		a.Policies = make(map[string][]string)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "account.json")
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	this, err := os.Executable()
	if err = errors.Join(err, os.WriteFile(file, text, 0o600), os.Symlink(this, filepath.Join(dir, "aliyun"))); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv(accountFile, file)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // else each command sleeps a second at its end
	return func() account {
		var a account
		text, err := os.ReadFile(file)
		if err = errors.Join(err, json.Unmarshal(text, &a)); err != nil {
			t.Fatal(err)
		}
		return a
	}
}

// made runs it with the variables, and returns what it says.
func made(t *testing.T, deployed string, pairs ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(func(name string) string {
		for _, pair := range pairs {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value
			}
		}
		return ""
	}, deployed, &out)
	return out.String(), err
}

// policyOf is one that allows an action on the resources.
func policyOf(action string, resources ...string) string {
	return encoded(object{"Version": "1", "Statement": []object{{"Effect": "Allow", "Action": []string{action}, "Resource": resources}}})
}

const (
	one = "CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd"
	two = "CLOUDSSO_DIRECTORY_ID= d-00fc2p61abcd, d-003qew84abcd"
)

func TestRights(t *testing.T) {
	for _, test := range []struct {
		name     string
		deployed string
		environ  []string
		want     []string // the policies that are attached
	}{
		{"the least", noTimers, []string{one}, []string{"status", "invoke"}},
		{"timers", timers, []string{one}, []string{"status", "recent", "invoke"}},
		{"timers, in other words", "triggers: [{triggerName: sweep, triggerType: 'timer'}]\n", []string{one}, []string{"status", "recent", "invoke"}},
		{"timers, in another order", "triggers:\n  - triggerType: timer\n", []string{one}, []string{"status", "recent", "invoke"}},
		{"a list", noTimers, []string{one, "RECENT_TASKS= On"}, []string{"status", "recent", "invoke"}},
		{"names", noTimers, []string{one, "TASK_DETAILS=on"}, []string{"status", "details", "invoke"}},
		{"all", timers, []string{one, "TASK_DETAILS=on", "RECENT_TASKS=on"}, []string{"status", "recent", "details", "invoke"}},
		{"another account's role", timers, []string{one, "CLOUDSSO_ROLE_ARN=acs:ram::2345678901234567:role/reader"}, []string{"assume", "invoke"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := start(t, account{})
			said, err := made(t, test.deployed, test.environ...)
			if err != nil || !strings.HasSuffix(said, "\nROLE_ARN=acs:ram::1234567890123456:role/cloudsso-task-status\n") {
				t.Errorf("got %v: %s", err, said)
			}
			a := now()
			var want []string
			for _, name := range test.want {
				want = append(want, "cloudsso-task-status-"+name)
			}
			if !slices.Equal(a.Attached, want) || len(a.Policies) != len(want) {
				t.Errorf("attached are %q of %d, want %q", a.Attached, len(a.Policies), want)
			}
			if !strings.Contains(a.Trust, `"fc.aliyuncs.com"`) || !strings.Contains(a.Trust, "sts:AssumeRole") {
				t.Errorf("it trusts %s", a.Trust)
			}
			if other := strings.Contains(said, "# The role acs:ram::2345678901234567:role/reader needs, in its own account: {"); other != (test.want[0] == "assume") {
				t.Errorf("of the other role it says %v", other)
			}
			if other := strings.Contains(said, `"Principal":{"RAM":["acs:ram::1234567890123456:role/cloudsso-task-status"]}}]}`+"\n"); other != (test.want[0] == "assume") {
				t.Errorf("of whom the other role has to trust it says %v", other)
			}
		})
	}
}

// TestOurs: every policy that it can attach it can also detach.
func TestOurs(t *testing.T) {
	files, err := documents.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(file.Name(), ".json"); slices.Contains(ours, name) == (name == "trust") {
			t.Errorf("%s is one: %v", name, name == "trust")
		}
	}
}

// TestDocuments: what each policy allows, of which directories.
func TestDocuments(t *testing.T) {
	now := start(t, account{})
	if _, err := made(t, timers, two, "TASK_DETAILS=on"); err != nil {
		t.Fatal(err)
	}
	directories := []string{"acs:cloudsso:*:*:directory/d-00fc2p61abcd", "acs:cloudsso:*:*:directory/d-003qew84abcd"}
	for name, want := range map[string]string{
		"status":  policyOf("cloudsso:GetTaskStatus", directories...),
		"details": policyOf("cloudsso:GetTask", directories...),
		"recent":  policyOf("cloudsso:ListTasks", directories...),
		"invoke":  policyOf("fc:InvokeFunction", "acs:fc:*:*:functions/cloudsso-task-check"),
	} {
		if got := now().Policies["cloudsso-task-status-"+name]; len(got) != 1 || !same(got[0], want) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if got := filled("assume", "ROLE", []string{"acs:ram::1:role/reader"}).document; !same(got, policyOf("sts:AssumeRole", "acs:ram::1:role/reader")) {
		t.Errorf("got %s", got)
	}
}

// TestAgain runs it on what was made before.
func TestAgain(t *testing.T) {
	status := policyOf("cloudsso:GetTaskStatus", "acs:cloudsso:*:*:directory/d-00fc2p61abcd")
	invoke := policyOf("fc:InvokeFunction", "acs:fc:*:*:functions/cloudsso-task-check")
	var trust any
	read("trust", &trust)
	is := func(change func(*account)) account {
		a := account{
			Trust:    encoded(trust),
			Policies: map[string][]string{"cloudsso-task-status-status": {status}, "cloudsso-task-status-invoke": {invoke}},
			Attached: []string{"cloudsso-task-status-status", "cloudsso-task-status-invoke"},
		}
		change(&a)
		return a
	}
	old := policyOf("cloudsso:*", "*")
	looks := []string{"GetRole", "GetPolicy", "GetPolicy", "ListPoliciesForRole"}
	for _, test := range []struct {
		name  string
		a     account
		calls []string
	}{
		{"all is well", is(func(*account) {}), looks},
		{"in other words", is(func(a *account) {
			a.Policies["cloudsso-task-status-status"] = []string{strings.ReplaceAll(status, ",", ",\n ")}
		}), looks},
		{"a changed policy", is(func(a *account) { a.Policies["cloudsso-task-status-status"] = []string{old} }), []string{"GetRole", "GetPolicy", "CreatePolicyVersion", "GetPolicy", "ListPoliciesForRole"}},
		{"five versions", is(func(a *account) { a.Policies["cloudsso-task-status-status"] = []string{old, old, old, old, old} }), []string{"GetRole", "GetPolicy", "CreatePolicyVersion", "GetPolicy", "ListPoliciesForRole"}},
		{"trusts somebody else", is(func(a *account) { a.Trust = `{"Version":"1"}` }), []string{"GetRole", "UpdateRole", "GetPolicy", "GetPolicy", "ListPoliciesForRole"}},
		{"interrupted before it was attached", is(func(a *account) { a.Attached = a.Attached[:1] }), append(slices.Clone(looks), "AttachPolicyToRole")},
		{"a right that is no longer needed", is(func(a *account) {
			a.Policies["cloudsso-task-status-details"] = []string{old}
			a.Attached = append(a.Attached, "cloudsso-task-status-details")
		}), append(slices.Clone(looks), "DetachPolicyFromRole")},
		{"all is new", account{}, []string{"CreateRole", "CreatePolicy", "CreatePolicy", "ListPoliciesForRole", "AttachPolicyToRole", "AttachPolicyToRole"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := start(t, test.a)
			said, err := made(t, noTimers, one)
			if err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			a := now()
			if !slices.Equal(a.Calls, test.calls) {
				t.Errorf("called %q, want %q", a.Calls, test.calls)
			}
			for _, action := range test.calls {
				if !strings.Contains(said, "aliyun ram "+action+" ") {
					t.Errorf("%s is not told: %s", action, said)
				}
			}
			if list := a.Policies["cloudsso-task-status-status"]; !same(list[len(list)-1], status) || len(list) > 5 {
				t.Errorf("the policy is %s", list)
			}
			if !same(a.Trust, encoded(trust)) || !slices.Equal(a.Attached, []string{"cloudsso-task-status-status", "cloudsso-task-status-invoke"}) {
				t.Errorf("it trusts %s, attached are %q", a.Trust, a.Attached)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name    string
		a       account
		environ []string
		want    string
	}{
		{"not signed in", account{Fails: "default is not configured, run `aliyun configure` first"}, []string{one}, "aliyun ram GetRole failed:\nERROR: default is not configured"},
		{"may not look", account{Refuses: []string{"GetRole"}}, []string{one}, "aliyun ram GetRole failed (NoPermission)"},
		{"may not make a role", account{Refuses: []string{"CreateRole"}}, []string{one}, "aliyun ram CreateRole failed (NoPermission)"},
		{"may not make a policy", account{Refuses: []string{"CreatePolicy"}}, []string{one}, "aliyun ram CreatePolicy failed (NoPermission)"},
		{"may not attach", account{Refuses: []string{"AttachPolicyToRole"}}, []string{one}, "aliyun ram AttachPolicyToRole failed (NoPermission)"},
		{"no directory", account{}, nil, "CLOUDSSO_DIRECTORY_ID is not set"},
		{"any directory", account{}, []string{"CLOUDSSO_DIRECTORY_ID=d-*"}, `CLOUDSSO_DIRECTORY_ID: "d-*" is not`},
		{"any role", account{}, []string{one, "CLOUDSSO_ROLE_ARN=acs:ram::1:role/*"}, `CLOUDSSO_ROLE_ARN: "acs:ram::1:role/*" is not`},
	} {
		t.Run(test.name, func(t *testing.T) {
			start(t, test.a)
			said, err := made(t, timers, test.environ...)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(said, "ROLE_ARN=") {
				t.Errorf("got %v, want %s: %s", err, test.want, said)
			}
		})
	}
	t.Run("no CLI", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if _, err := made(t, timers, one); err == nil || !strings.HasPrefix(err.Error(), "there is no aliyun command") {
			t.Errorf("got %v", err)
		}
	})
}

// TestDryRun: it says what a shell could do, and does nothing.
func TestDryRun(t *testing.T) {
	now := start(t, account{Fails: "it was called"})
	said, err := made(t, timers, one, "DRY_RUN=1")
	if err != nil || len(now().Calls) != 0 {
		t.Errorf("got %v, %q", err, now().Calls)
	}
	// Whoever sets it to something else does not mean the opposite.
	if again, err := made(t, timers, one, "DRY_RUN=true"); err != nil || again != said {
		t.Errorf("got %v: %s", err, again)
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if len(lines) != 8 || lines[7] != "ROLE_ARN=acs:ram::<account id>:role/cloudsso-task-status" {
		t.Errorf("it says %s", said)
	}
	for _, line := range lines[:7] {
		if !strings.HasPrefix(line, "aliyun ram ") {
			t.Errorf("what is %s", line)
		}
	}
}

func TestQuoted(t *testing.T) {
	if got, want := quoted([]string{"ram", "--a", `{"x":1}`, "it's", ""}), `ram --a '{"x":1}' 'it'\''s' ''`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
