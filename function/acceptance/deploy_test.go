package acceptance

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// A deployment is s.yaml, with no field but those that are meant to be there: what
// Serverless Devs does not know it passes over, and so does the component.
type deployment struct {
	Edition   string            `yaml:"edition"`
	Name      string            `yaml:"name"`
	Access    string            `yaml:"access"`
	Vars      map[string]string `yaml:"vars"`
	Resources struct {
		Status deployed[functionProps] `yaml:"status"`
		Domain deployed[domainProps]   `yaml:"domain"`
		Check  deployed[functionProps] `yaml:"check"`
		Events deployed[functionProps] `yaml:"events"`
	} `yaml:"resources"`
}

// A deployed is a resource of a component, which says what its properties are.
type deployed[P any] struct {
	Component string `yaml:"component"`
	Props     P      `yaml:"props"`
}

type functionProps struct {
	Region               string            `yaml:"region"`
	FunctionName         string            `yaml:"functionName"`
	Description          string            `yaml:"description"`
	Runtime              string            `yaml:"runtime"`
	Handler              string            `yaml:"handler"`
	Code                 string            `yaml:"code"`
	CPU                  float64           `yaml:"cpu"`
	MemorySize           int               `yaml:"memorySize"`
	DiskSize             int               `yaml:"diskSize"`
	Timeout              int               `yaml:"timeout"`
	Role                 string            `yaml:"role"`
	EnvironmentVariables map[string]string `yaml:"environmentVariables"`
	LogConfig            logConfig         `yaml:"logConfig"`
	ConcurrencyConfig    *struct {
		ReservedConcurrency int `yaml:"reservedConcurrency"`
	} `yaml:"concurrencyConfig"`
	AsyncInvokeConfig *asyncInvokeConfig `yaml:"asyncInvokeConfig"`
	Triggers          []triggerProps     `yaml:"triggers"`
}

type logConfig struct {
	Project               string `yaml:"project"`
	Logstore              string `yaml:"logstore"`
	EnableRequestMetrics  bool   `yaml:"enableRequestMetrics"`
	EnableInstanceMetrics bool   `yaml:"enableInstanceMetrics"`
	LogBeginRule          string `yaml:"logBeginRule"`
}

type asyncInvokeConfig struct {
	MaxAsyncRetryAttempts     int `yaml:"maxAsyncRetryAttempts"`
	MaxAsyncEventAgeInSeconds int `yaml:"maxAsyncEventAgeInSeconds"`
	DestinationConfig         struct {
		OnSuccess, OnFailure struct {
			Destination string `yaml:"destination"`
		}
	} `yaml:"destinationConfig"`
}

type triggerProps struct {
	TriggerName   string    `yaml:"triggerName"`
	TriggerType   string    `yaml:"triggerType"`
	TriggerConfig yaml.Node `yaml:"triggerConfig"`
}

type httpTrigger struct {
	AuthType           string   `yaml:"authType"`
	DisableURLInternet *bool    `yaml:"disableURLInternet"`
	Methods            []string `yaml:"methods"`
}

type timerTrigger struct {
	CronExpression string `yaml:"cronExpression"`
	Enable         bool   `yaml:"enable"`
	Payload        string `yaml:"payload"`
}

type eventTrigger struct {
	TriggerEnable       bool  `yaml:"triggerEnable"`
	AsyncInvocationType *bool `yaml:"asyncInvocationType"`
	EventSourceConfig   struct {
		EventSourceType string `yaml:"eventSourceType"`
	} `yaml:"eventSourceConfig"`
	EventRuleFilterPattern string `yaml:"eventRuleFilterPattern"`
}

type domainProps struct {
	Region     string `yaml:"region"`
	DomainName string `yaml:"domainName"`
	Protocol   string `yaml:"protocol"`
	CertConfig struct {
		CertName    string `yaml:"certName"`
		Certificate string `yaml:"certificate"`
		PrivateKey  string `yaml:"privateKey"`
	} `yaml:"certConfig"`
	TLSConfig struct {
		MinVersion   string   `yaml:"minVersion"`
		MaxVersion   string   `yaml:"maxVersion"`
		CipherSuites []string `yaml:"cipherSuites"`
	} `yaml:"tlsConfig"`
	RouteConfig struct {
		Routes []struct {
			Path         string   `yaml:"path"`
			FunctionName string   `yaml:"functionName"`
			Qualifier    string   `yaml:"qualifier"`
			Methods      []string `yaml:"methods"`
		} `yaml:"routes"`
	} `yaml:"routeConfig"`
}

// strictly decodes YAML into what has all of its fields.
func strictly(t *testing.T, text []byte, into any) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// decodeNode decodes a part of YAML, strictly too.
func decodeNode(t *testing.T, part yaml.Node, into any) {
	t.Helper()
	text, err := yaml.Marshal(&part)
	if err != nil {
		t.Fatal(err)
	}
	strictly(t, text, into)
}

// resources are those of the file: the functions by name, and the domain.
func resources(t *testing.T, file []byte) (functions map[string]functionProps, domain domainProps) {
	t.Helper()
	var d deployment
	strictly(t, file, &d)
	r := d.Resources
	if d.Edition != "3.0.0" || d.Name == "" || d.Access == "" || r.Domain.Component != "fc3-domain" {
		t.Errorf("edition %q, name %q, access %q, the domain's component %q", d.Edition, d.Name, d.Access, r.Domain.Component)
	}
	functions = make(map[string]functionProps)
	for name, f := range map[string]deployed[functionProps]{"status": r.Status, "check": r.Check, "events": r.Events} {
		if name == "events" && f.Component == "" {
			continue // whoever cannot have them may delete it
		}
		if f.Component != "fc3" {
			t.Errorf("%s: component %q", name, f.Component)
		}
		functions[name] = f.Props
	}
	return functions, r.Domain.Props
}

var methods = []string{"GET", "HEAD", "POST", "OPTIONS"}

// TestDeployment holds s.yaml against what Function Compute takes and what the component
// makes of it, neither of which says anything before it is too late.
func TestDeployment(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "s.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	functions, domain := resources(t, file)
	for name, f := range functions {
		t.Run(name, func(t *testing.T) { f.test(t) })
	}
	status, check := functions["status"], functions["check"]
	if status.FunctionName == check.FunctionName || status.Timeout != 30 || check.Timeout != 600 {
		t.Errorf("%q has %d s, %q %d s", status.FunctionName, status.Timeout, check.FunctionName, check.Timeout)
	}
	if !maps.Equal(status.EnvironmentVariables, check.EnvironmentVariables) || status.LogConfig != check.LogConfig || status.Role != check.Role || status.Code != check.Code {
		t.Error("the two functions differ in more than what they are there for")
	}
	if called := status.EnvironmentVariables["CHECK_FUNCTION"]; called != check.FunctionName {
		t.Errorf("CHECK_FUNCTION is %q, the function %q", called, check.FunctionName)
	}
	if check.ConcurrencyConfig == nil || check.AsyncInvokeConfig == nil {
		t.Fatal("check has neither reserved concurrency nor retries")
	}
	if async := check.AsyncInvokeConfig; async.MaxAsyncRetryAttempts > 8 || async.MaxAsyncEventAgeInSeconds > 604800 || async.MaxAsyncEventAgeInSeconds < 1 {
		t.Errorf("it takes 8 retries and 7 days at most: %+v", *async)
	}

	if events, ok := functions["events"]; ok {
		// What comes after an EventBridge trigger that has not changed is not deployed.
		if types := triggerTypes(events.Triggers); !slices.Equal(types, []string{"eventbridge"}) {
			t.Errorf("events has triggers %q", types)
		}
		// All else would be deployed over check.
		events.Triggers = check.Triggers
		if a, b := shown(t, events), shown(t, check); a != b {
			t.Errorf("events would change check:\n%s\n%s", a, b)
		}
	}
	if types := triggerTypes(status.Triggers); !slices.Equal(types, []string{"http"}) {
		t.Errorf("status has triggers %q", types)
	}
	if types := triggerTypes(check.Triggers); slices.ContainsFunc(types, func(name string) bool { return name != "timer" }) {
		t.Errorf("check has triggers %q", types)
	}

	if domain.Region != status.Region || domain.Protocol != "HTTPS" || !strings.HasPrefix(domain.DomainName, "${env('PUBLIC_URL'") {
		t.Errorf("the domain is %q, %s in %s", domain.DomainName, domain.Protocol, domain.Region)
	}
	if c := domain.CertConfig; c.CertName == "" || c.Certificate != "${env('CERTIFICATE', '')}" || c.PrivateKey != "${env('PRIVATE_KEY', '')}" {
		t.Errorf("its certificate is %+v", c)
	}
	if tls := domain.TLSConfig; tls.MinVersion != "TLSv1.2" || tls.MaxVersion != "TLSv1.3" || len(tls.CipherSuites) == 0 {
		t.Errorf("it takes %s to %s", tls.MinVersion, tls.MaxVersion)
	}
	for _, suite := range domain.TLSConfig.CipherSuites {
		if !regexp.MustCompile(`^TLS_ECDHE_(ECDSA|RSA)_WITH_(AES_(128|256)_GCM_SHA(256|384)|CHACHA20_POLY1305)$`).MatchString(suite) {
			t.Errorf("%s is weak", suite)
		}
	}
	if routes := domain.RouteConfig.Routes; len(routes) != 1 || routes[0].Path != "/*" || routes[0].FunctionName != status.FunctionName || routes[0].Qualifier != "LATEST" || !slices.Equal(routes[0].Methods, methods) {
		t.Errorf("its routes are %+v", routes)
	}
}

func shown(t *testing.T, value any) string {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func triggerTypes(triggers []triggerProps) []string {
	var types []string
	for _, one := range triggers {
		types = append(types, one.TriggerType)
	}
	return types
}

// test holds one function against the limits of Function Compute.
func (f functionProps) test(t *testing.T) {
	if f.Runtime != "go1" || f.Handler != "main" || f.Code != "./build/function.zip" || f.DiskSize != 512 && f.DiskSize != 10240 {
		t.Errorf("runtime %q, handler %q, code %q, disk %d", f.Runtime, f.Handler, f.Code, f.DiskSize)
	}
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`).MatchString(f.FunctionName) {
		t.Errorf("name %q", f.FunctionName)
	}
	if steps := f.CPU * 20; steps != float64(int(steps)) || f.CPU < 0.05 || f.CPU > 16 {
		t.Errorf("%v processors: it takes multiples of 0.05", f.CPU)
	}
	gigabytes := float64(f.MemorySize) / 1024
	if f.MemorySize%64 != 0 || f.MemorySize < 128 || f.CPU > gigabytes || f.CPU < gigabytes/4 {
		t.Errorf("%d MB for %v processors: it takes multiples of 64, and from 1:1 to 1:4", f.MemorySize, f.CPU)
	}
	if f.Timeout < 1 || f.Timeout > 86400 {
		t.Errorf("timeout %d", f.Timeout)
	}
	// The component makes a role named auto of it; one that is missing takes the role away.
	if f.Role != "${env('ROLE_ARN')}" {
		t.Errorf("role %q", f.Role)
	}
	if l := f.LogConfig; l.LogBeginRule != "None" || l.Project == "" || l.Logstore == "" {
		t.Errorf("logs: %+v", l)
	}
	for name := range f.EnvironmentVariables {
		if !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`).MatchString(name) || strings.HasPrefix(name, "FC_") {
			t.Errorf("a variable %q is not taken", name)
		}
	}
	names := make(map[string]bool)
	for _, one := range f.Triggers {
		if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`).MatchString(one.TriggerName) || names[one.TriggerName] {
			t.Errorf("a trigger %q", one.TriggerName)
		}
		names[one.TriggerName] = true
		t.Run(one.TriggerName, func(t *testing.T) { one.test(t) })
	}
}

func (one triggerProps) test(t *testing.T) {
	switch one.TriggerType {
	case "http":
		var c httpTrigger
		decodeNode(t, one.TriggerConfig, &c)
		if c.AuthType != "anonymous" || c.DisableURLInternet == nil || *c.DisableURLInternet || !slices.Equal(c.Methods, methods) {
			t.Errorf("%+v", c)
		}
	case "timer":
		var c timerTrigger
		decodeNode(t, one.TriggerConfig, &c)
		checkCron(t, c.CronExpression)
		if !c.Enable {
			t.Error("it does not tick")
		}
		checkPayload(t, c)
	case "eventbridge":
		var c eventTrigger
		decodeNode(t, one.TriggerConfig, &c)
		if !c.TriggerEnable || c.AsyncInvocationType == nil || c.EventSourceConfig.EventSourceType != "Default" {
			t.Errorf("%+v", c)
		}
		checkFilter(t, c.EventRuleFilterPattern)
	default:
		t.Errorf("type %q", one.TriggerType)
	}
}

// checkCron takes six fields: seconds, minutes, hours, days, months and days of the week.
func checkCron(t *testing.T, expression string) {
	t.Helper()
	fields := strings.Fields(expression)
	if len(fields) != 6 {
		t.Errorf("%q has %d fields", expression, len(fields))
		return
	}
	for i, most := range []int{59, 59, 23, 31, 12, 7} {
		for part := range strings.SplitSeq(fields[i], ",") {
			value, step, stepped := strings.Cut(part, "/")
			for _, number := range []string{value, step} {
				if n, err := strconv.Atoi(number); number != "*" && (err != nil || n > most) && (number != step || stepped) {
					t.Errorf("%q: %q is none of 0 to %d", expression, part, most)
				}
			}
		}
	}
}

// checkPayload has the built function take a tick of the timer.
func checkPayload(t *testing.T, c timerTrigger) {
	t.Helper()
	event, err := json.Marshal(map[string]string{"triggerTime": "2026-11-24T01:00:00Z", "triggerName": "deployed", "payload": c.Payload})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(here.console+"/invoke", "application/json", bytes.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var outcome struct {
		Tasks    []any
		From, To string
	}
	if err := json.NewDecoder(response.Body).Decode(&outcome); err != nil || response.Header.Get("X-Fc-Error-Type") != "" || outcome.From == "" || outcome.To == "" || outcome.Tasks == nil {
		t.Errorf("%s comes to %d %v %+v", c.Payload, response.StatusCode, err, outcome)
	}
}

// checkFilter has the filter choose among events as EventBridge would: recorded ones,
// in the envelope that the documentation shows.
func checkFilter(t *testing.T, pattern string) {
	t.Helper()
	var filter map[string]any
	if err := json.Unmarshal([]byte(pattern), &filter); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{
		"response-elements.json": true, "own-event.json": false, "console-operation.json": true, "another-operation.json": false, "another-service-documented.json": false,
	} {
		text, err := os.ReadFile(filepath.Join("..", "check", "testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		var event map[string]any
		if err := json.Unmarshal(text, &event); err != nil {
			t.Fatal(err)
		}
		if got := matches(filter, event); got != want {
			t.Errorf("%s: chosen %v, want %v", file, got, want)
		}
	}
	for _, name := range []string{"CreateAccessAssignment", "DeleteAccessAssignment", "ProvisionAccessConfiguration", "DeprovisionAccessConfiguration"} {
		for _, kind := range []string{"ApiCall", "ConsoleOperation"} {
			if !matches(filter, map[string]any{"source": "acs.cloudsso", "type": "cloudsso:ActionTrail:" + kind, "data": map[string]any{"eventName": name}}) {
				t.Errorf("%s by %s is not chosen", name, kind)
			}
		}
	}
}

// matches reports whether an event has of each field one of the values that the filter
// names: a text, or one with a suffix (EventBridge, "Event patterns").
func matches(filter, event map[string]any) bool {
	for field, wanted := range filter {
		switch wanted := wanted.(type) {
		case map[string]any:
			inner, _ := event[field].(map[string]any)
			if !matches(wanted, inner) {
				return false
			}
		case []any:
			has, ok := event[field].(string)
			if !ok || !slices.ContainsFunc(wanted, func(one any) bool {
				if by, ok := one.(map[string]any); ok {
					suffix, ok := by["suffix"].(string)
					return ok && len(by) == 1 && strings.HasSuffix(has, suffix)
				}
				return one == has
			}) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// TestDeploymentResolves has Serverless Devs itself read s.yaml.
func TestDeploymentResolves(t *testing.T) {
	t.Parallel()
	cli := npmFile(t, "@serverless-devs/s/bin/s")
	nodejs := node(t)
	least := []string{
		"ROLE_ARN=acs:ram::1234567890123456:role/cloudsso-task-status", "LOG_PROJECT=project", "LOG_STORE=store",
		"CLOUDSSO_DIRECTORY_ID=d-00fc2p61abcd", "CLOUDSSO_REGION=cn-shanghai",
	}
	for _, test := range []struct {
		name    string
		environ []string
		domain  string
		region  string
		failure string // in what it says; empty where it is to work
	}{
		{"all of it", append(least, "PUBLIC_URL=https://status.example.com", "CERTIFICATE=cert.pem", "PRIVATE_KEY=key.pem", "FC_DEPLOY_REGION=cn-hongkong", "SIGNING_KEY=0123hunter2"), "status.example.com", "cn-hongkong", ""},
		{"a slash at the end", append(least, "PUBLIC_URL=https://status.example.com/"), "status.example.com", "cn-shanghai", ""},
		{"the least", least, "", "cn-shanghai", ""},
		{"no role", least[1:], "", "", "ROLE_ARN"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), nodejs, cli, "preview", "-o", "json", "--silent", "-t", "s.yaml")
			command.Dir = filepath.Join("..", "..")
			// It writes into the home directory.
			command.Env = append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}, test.environ...)
			var said bytes.Buffer
			command.Stderr = &said
			out, err := command.Output()
			if test.failure != "" {
				if all := string(out) + said.String(); err == nil || !strings.Contains(all, test.failure) {
					t.Errorf("got %v: %s", err, all)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v: %s%s", err, out, &said)
			}
			functions, domain := resources(t, out) // JSON is YAML
			if strings.Contains(string(out), "${") {
				t.Errorf("something is left over: %s", out)
			}
			if domain.DomainName != test.domain || domain.Region != test.region {
				t.Errorf("domain %q in %q", domain.DomainName, domain.Region)
			}
			for name, f := range functions {
				if f.Region != test.region || f.Role == "" || f.LogConfig.Project != "project" || f.EnvironmentVariables["CLOUDSSO_DIRECTORY_ID"] != "d-00fc2p61abcd" || f.EnvironmentVariables["ACCESS"] != "token" {
					t.Errorf("%s: %+v", name, f)
				}
			}
		})
	}
}

// TestMakeDeploy: what make deploy has done, in which order, and where it ends.
func TestMakeDeploy(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	const (
		configured = "test -count=1 -run ^(TestDeployed|TestEnvironment|TestVariables) ./function"
		smoked     = "run ./function/smoke"
	)
	status, check, events, domain := "status deploy -y", "check deploy -y", "events deploy -y --trigger", "domain deploy -y"
	site, certificate := "PUBLIC_URL=https://status.example.com", "CERTIFICATE=cert.pem"
	for _, test := range []struct {
		name    string
		s       string // of s.yaml
		environ []string
		fails   string // the command that does
		want    []string
		says    string
		failed  bool
		alone   bool // without Serverless Devs
	}{
		{"all of it", "  events:\n", []string{site, certificate}, "", []string{configured, status, check, events, domain, smoked}, "", false, false},
		{"no events", "  # events:\n", []string{site, certificate}, "", []string{configured, status, check, domain, smoked}, "", false, false},
		{"events that are not possible", "  events:\n", []string{site, certificate}, events, []string{configured, status, check, events, domain, smoked}, "No events, for the reason above.", false, false},
		{"no certificate", "", []string{site}, "", []string{configured, status, check, smoked}, "No domain is deployed", false, false},
		{"no domain", "", nil, "", []string{configured, status, check}, "To see whether it works: PUBLIC_URL=", false, false},
		{"a wrong configuration", "  events:\n", []string{site, certificate}, configured, []string{configured}, "", true, false},
		{"a function that fails", "  events:\n", []string{site, certificate}, check, []string{configured, status, check}, "", true, false},
		{"a domain that fails", "", []string{site, certificate}, domain, []string{configured, status, check, domain}, "", true, false},
		{"something that does not work", "", []string{site, certificate}, smoked, []string{configured, status, check, domain, smoked}, "", true, false},
		{"no Serverless Devs", "", nil, "", nil, "There is no s command: npm install -g @serverless-devs/s", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			project, did := filepath.Join(dir, "task status"), filepath.Join(dir, "did")
			const program = "#!/bin/sh\necho \"$*\" >> \"$DID\"\ntest \"$*\" != \"$FAILS\"\n"
			err := errors.Join(
				os.Mkdir(project, 0o755),
				os.WriteFile(filepath.Join(project, "Makefile"), makefile, 0o600),
				os.WriteFile(filepath.Join(project, "s.yaml"), []byte(test.s), 0o600),
				os.WriteFile(filepath.Join(dir, "go"), []byte(program), 0o755),
				os.WriteFile(filepath.Join(dir, "s"), []byte(program), 0o755),
			)
			path := dir + ":" + os.Getenv("PATH")
			if test.alone {
				err, path = errors.Join(err, os.Remove(filepath.Join(dir, "s"))), dir
			}
			if err != nil {
				t.Fatal(err)
			}
			command := exec.Command("make", "deploy")
			command.Dir = project
			command.Env = append([]string{"PATH=" + path, "DID=" + did, "FAILS=" + test.fails}, test.environ...)
			output, err := command.CombinedOutput()
			text, _ := os.ReadFile(did)
			var got []string
			for line := range strings.Lines(string(text)) {
				line = strings.TrimSuffix(line, "\n")
				if strings.Contains(line, "deploy") || line == configured || line == smoked {
					got = append(got, line)
				}
			}
			if !slices.Equal(got, test.want) || (err != nil) != test.failed || !strings.Contains(string(output), test.says) {
				t.Errorf("%v: did %q, want %q, and to say %q:\n%s", err, got, test.want, test.says, output)
			}
		})
	}
}
