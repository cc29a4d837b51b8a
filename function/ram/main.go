// Command ram makes the RAM role that Function Compute gives the function, or brings it up
// to date, with the aliyun CLI: as many rights as the configuration in the environment
// needs, and no more. It prints each command before it runs it; with anything in DRY_RUN
// it prints only, as for an account that has nothing yet.
package main

import (
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"taskstatus/function/task"
)

// roleName is also what the policies' names begin with. The component for Function
// Compute makes a role's name small.
const roleName = "cloudsso-task-status"

//go:embed *.json
var documents embed.FS

func main() {
	deployed, err := os.ReadFile("s.yaml")
	if err == nil {
		err = run(os.Getenv, string(deployed), os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ram:", err)
		os.Exit(1)
	}
}

// run makes the role for what is deployed by that s.yaml.
func run(getenv func(string) string, deployed string, out io.Writer) error {
	wanted, elsewhere, err := policies(getenv, deployed)
	if err != nil {
		return err
	}
	c := &cli{out: out, dry: getenv("DRY_RUN") != ""}
	arn, err := c.role()
	if err != nil {
		return err
	}
	for _, p := range wanted {
		if err := c.policy(p); err != nil {
			return err
		}
	}
	if err := c.attach(wanted); err != nil {
		return err
	}
	for _, p := range elsewhere {
		fmt.Fprintf(out, "# The role %s needs, in its own account: %s\n", getenv("CLOUDSSO_ROLE_ARN"), p.document)
	}
	if len(elsewhere) > 0 {
		fmt.Fprintf(out, `# It also has to trust this one: {"Version":"1","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],"Principal":{"RAM":[%q]}}]}`+"\n", arn)
	}
	fmt.Fprintln(out, "ROLE_ARN="+arn)
	return nil
}

// A policy is a named document of rights.
type policy struct{ name, document string }

// ours are the names of all files of policies. What else the role has, somebody gave it
// for what is theirs, such as to write into a queue.
var ours = []string{"status", "recent", "details", "invoke", "assume"}

// policyName is what the policy in a file is called.
func policyName(file string) string { return roleName + "-" + file }

// ticks finds a timer among the triggers of s.yaml, in whichever way it is written.
var ticks = regexp.MustCompile(`(?m)^[^#\n]*\btriggerType: *["']?timer\b`)

// policies are those that the role needs, and those that another account's role does
// which it assumes.
func policies(getenv func(string) string, deployed string) (wanted, elsewhere []policy, err error) {
	var directories []string
	for directory := range strings.SplitSeq(getenv("CLOUDSSO_DIRECTORY_ID"), ",") {
		if directory = strings.TrimSpace(directory); directory != "" {
			directories = append(directories, directory)
		}
	}
	if len(directories) == 0 {
		return nil, nil, errors.New("CLOUDSSO_DIRECTORY_ID is not set: it names the CloudSSO directory that the role may look into, like d-00fc2p61abcd")
	}
	for _, directory := range directories {
		// An asterisk would be any directory.
		if _, err := task.ParseDirectoryID(directory); err != nil {
			return nil, nil, fmt.Errorf("CLOUDSSO_DIRECTORY_ID: %q is not a directory id: one is like d-00fc2p61abcd", directory)
		}
	}
	names := []string{"status"}
	if isOn(getenv("RECENT_TASKS")) || ticks.MatchString(deployed) {
		names = append(names, "recent")
	}
	if isOn(getenv("TASK_DETAILS")) {
		names = append(names, "details")
	}
	var cloudsso []policy
	for _, name := range names {
		cloudsso = append(cloudsso, filled(name, "DIRECTORY", directories))
	}
	invoke := filled("invoke", "", nil)
	role := strings.TrimSpace(getenv("CLOUDSSO_ROLE_ARN"))
	if role == "" {
		return append(cloudsso, invoke), nil, nil
	}
	if !regexp.MustCompile(`^acs:ram::[0-9]+:role/[^*"]+$`).MatchString(role) {
		return nil, nil, fmt.Errorf("CLOUDSSO_ROLE_ARN: %q is not a role's ARN: one is like acs:ram::123456789012:role/name", role)
	}
	return []policy{filled("assume", "ROLE", []string{role}), invoke}, cloudsso, nil
}

func isOn(value string) bool { return strings.EqualFold(strings.TrimSpace(value), "on") }

// filled is the policy in a file, on one line, with each resource that names the blank
// once for each of the values.
func filled(name, blank string, values []string) policy {
	var document struct {
		Version   string
		Statement []struct {
			Effect           string
			Action, Resource []string
		}
	}
	read(name, &document)
	for i := range document.Statement {
		var resources []string
		for _, resource := range document.Statement[i].Resource {
			if blank == "" || !strings.Contains(resource, blank) {
				resources = append(resources, resource)
				continue
			}
			for _, value := range values {
				resources = append(resources, strings.ReplaceAll(resource, blank, value))
			}
		}
		document.Statement[i].Resource = resources
	}
	return policy{policyName(name), encoded(document)}
}

// read decodes one of the documents, which the tests read too.
func read(name string, into any) {
	text, err := documents.ReadFile(name + ".json")
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		panic(err)
	}
}

func encoded(document any) string {
	text, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// same reports whether two documents say the same.
func same(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// A cli runs aliyun ram.
type cli struct {
	out io.Writer
	dry bool
}

// notThere begins the code of an error that says that a role or policy does not exist.
const notThere = "EntityNotExist"

// A failure is a command that RAM, or the CLI itself, did not do.
type failure struct{ action, code, said string }

func (f *failure) Error() string {
	text := "aliyun ram " + f.action + " failed"
	if f.code != "" {
		text += " (" + f.code + ")"
	}
	if f.said != "" {
		text += ":\n" + f.said
	}
	return text
}

// errorCode finds RAM's code in what the CLI says of an error.
var errorCode = regexp.MustCompile(`(?m)^\s*(?:ErrorCode|"Code"):\s*"?([A-Za-z0-9.]+)`)

// do runs an action with its parameters, and decodes its answer.
func (c *cli) do(into any, action string, parameters ...string) error {
	args := append([]string{"ram", action}, parameters...)
	fmt.Fprintln(c.out, "aliyun "+quoted(args))
	if c.dry {
		return nil
	}
	answer, err := exec.Command("aliyun", args...).Output() // #nosec G204 -- what it runs is printed
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("there is no aliyun command: install Alibaba Cloud CLI and sign in with aliyun configure")
	}
	if err != nil {
		said := string(answer)
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			said += string(exit.Stderr)
		}
		f := &failure{action: action, said: strings.TrimSpace(said)}
		if code := errorCode.FindStringSubmatch(said); code != nil {
			f.code = code[1]
		}
		return f
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return &failure{action: action, said: "its answer is not JSON: " + err.Error()}
	}
	return nil
}

// look is do for what changes nothing. found is false where it does not exist; in a dry
// run nothing does.
func (c *cli) look(into any, action string, parameters ...string) (found bool, err error) {
	if c.dry {
		return false, nil
	}
	err = c.do(into, action, parameters...)
	if f, ok := errors.AsType[*failure](err); ok && strings.HasPrefix(f.code, notThere) {
		return false, nil
	}
	return err == nil, err
}

// role makes the role, or has it trust whom it should, and returns its ARN.
func (c *cli) role() (string, error) {
	var trust any
	read("trust", &trust)
	document := encoded(trust)
	var answer struct {
		Role struct{ Arn, AssumeRolePolicyDocument string }
	}
	found, err := c.look(&answer, "GetRole", "--RoleName", roleName)
	if err != nil {
		return "", err
	}
	switch {
	case !found:
		err = c.do(&answer, "CreateRole", "--RoleName", roleName, "--Description", "Looks up CloudSSO tasks", "--AssumeRolePolicyDocument", document)
	case !same(answer.Role.AssumeRolePolicyDocument, document):
		err = c.do(nil, "UpdateRole", "--RoleName", roleName, "--NewAssumeRolePolicyDocument", document)
	}
	return cmp.Or(answer.Role.Arn, "acs:ram::<account id>:role/"+roleName), err
}

// policy makes a policy, or a new version of it that takes the place of the oldest where
// there are five already.
func (c *cli) policy(p policy) error {
	var answer struct {
		DefaultPolicyVersion struct{ PolicyDocument string }
	}
	found, err := c.look(&answer, "GetPolicy", "--PolicyType", "Custom", "--PolicyName", p.name)
	switch {
	case err != nil:
		return err
	case !found:
		return c.do(nil, "CreatePolicy", "--PolicyName", p.name, "--PolicyDocument", p.document)
	case !same(answer.DefaultPolicyVersion.PolicyDocument, p.document):
		return c.do(nil, "CreatePolicyVersion", "--PolicyName", p.name, "--PolicyDocument", p.document,
			"--SetAsDefault", "true", "--RotateStrategy", "DeleteOldestNonDefaultVersionWhenLimitExceeded")
	}
	return nil
}

// attach attaches the policies that are wanted, and detaches those of ours that no longer
// are. What somebody else attached stays.
func (c *cli) attach(wanted []policy) error {
	var answer struct {
		Policies struct {
			Policy []struct{ PolicyName, PolicyType string }
		}
	}
	if _, err := c.look(&answer, "ListPoliciesForRole", "--RoleName", roleName); err != nil {
		return err
	}
	attached := make(map[string]bool)
	for _, p := range answer.Policies.Policy {
		attached[p.PolicyName] = p.PolicyType == "Custom"
	}
	to := func(action, name string) error {
		return c.do(nil, action, "--PolicyType", "Custom", "--PolicyName", name, "--RoleName", roleName)
	}
	for _, p := range wanted {
		if !attached[p.name] {
			if err := to("AttachPolicyToRole", p.name); err != nil {
				return err
			}
		}
	}
	for _, p := range answer.Policies.Policy {
		isOurs := slices.ContainsFunc(ours, func(name string) bool { return p.PolicyName == policyName(name) })
		isWanted := slices.ContainsFunc(wanted, func(w policy) bool { return w.name == p.PolicyName })
		if attached[p.PolicyName] && isOurs && !isWanted {
			if err := to("DetachPolicyFromRole", p.PolicyName); err != nil {
				return err
			}
		}
	}
	return nil
}

// bare is a word that a shell takes as it is.
var bare = regexp.MustCompile(`^[A-Za-z0-9_./:=-]+$`)

// quoted is a command line that a shell reads as these arguments.
func quoted(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		if words[i] = arg; !bare.MatchString(arg) {
			words[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
