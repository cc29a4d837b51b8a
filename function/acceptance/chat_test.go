package acceptance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests of the chats hold the built function against software that others
// wrote for the same platforms: what that signs and encrypts must be let in,
// what the function sends must be read by it, and where it lets too much in, the
// function must not. No platform is reached, and no stand-in of the project's but
// CloudSSO's: what these tests say of a platform is what others say of it.

// chatEnviron is what the function needs to answer in chats. The platforms' own
// variables come from each test.
var chatEnviron = []string{
	"CLOUDSSO_DIRECTORY_ID=" + directory, "CLOUDSSO_REGION=cn-shanghai", "ACCESS=open",
	"PUBLIC_URL=https://status.example.com", "TIME_ZONE=Asia/Shanghai",
}

// A bot is the built function in a process of its own, as chat platforms reach it.
type bot struct{ address string }

// newBot starts the function with some variables. What it logs is shown where
// the test fails.
func newBot(t *testing.T, environ ...string) *bot {
	t.Helper()
	process := exec.Command(binaries.function, "-listen", "127.0.0.1:0")
	process.Env = slices.Concat(os.Environ(), chatEnviron, environ)
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	process.Stderr = process.Stdout
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	b, log, ended := new(bot), new(bytes.Buffer), make(chan struct{})
	t.Cleanup(func() {
		process.Process.Signal(syscall.SIGTERM)
		<-ended // log is whole
		process.Wait()
		if t.Failed() {
			t.Logf("the function's log:\n%s", log)
		}
	})
	lines := bufio.NewScanner(io.TeeReader(output, log))
	for b.address == "" && lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			b.address = "http://" + line.Address
		}
	}
	go func() {
		defer close(ended)
		for lines.Scan() {
		}
	}()
	if b.address == "" {
		t.Fatal("the function does not say where it is")
	}
	return b
}

// asking are variables for a bot that asks the CloudSSO of the machine that all
// tests share.
func asking(t *testing.T) []string {
	t.Helper()
	key := issueKey(t)
	return []string{
		"CLOUDSSO_REGION=", "CLOUDSSO_ENDPOINT=" + here.cloudsso, "TASK_DETAILS=on",
		"ALIBABA_CLOUD_ACCESS_KEY_ID=" + key.AccessKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + key.AccessKeySecret,
		"ALIBABA_CLOUD_SECURITY_TOKEN=" + key.SecurityToken,
	}
}

// A heard is what the function told the sender of a call.
type heard struct {
	status int
	body   []byte
}

// hear gives the bot a call.
func (b *bot) hear(t *testing.T, method, target string, header http.Header, body []byte) heard {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.address+target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header.Clone()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return heard{response.StatusCode, said}
}

// letsIn reports whether the call was taken for genuine.
func (r heard) letsIn(t *testing.T) bool {
	t.Helper()
	if r.status != http.StatusOK && r.status != http.StatusForbidden {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	return r.status == http.StatusOK
}

// checkClosed fails the test unless the function, configured like that, has no
// address for a platform, while it has for others: a check that cannot be made is
// not skipped.
func checkClosed(t *testing.T, platform string, environ ...string) {
	t.Helper()
	other := "SLACK_SIGNING_SECRET=" + slackSecret
	if platform == "slack" {
		other = "DINGTALK_APP_SECRET=" + dingTalkSecret
	}
	if r := newBot(t, append(environ, other)...).hear(t, http.MethodPost, "/chat/"+platform, nil, nil); r.status != http.StatusNotFound {
		t.Errorf("with %s: status %d, want 404", environ, r.status)
	}
}

// A platform stands where a chat platform would be, and keeps what it gets.
type platform struct {
	*httptest.Server
	mu      sync.Mutex
	letters []letter
}

type letter struct {
	path   string
	query  url.Values
	header http.Header
	body   []byte
}

// allIsWell is the answer that says so on every platform, and a token on Feishu.
const allIsWell = `{"errcode":0,"errmsg":"ok","code":0,"msg":"ok","ok":true,"tenant_access_token":"t-oracle","expire":7200}`

func newPlatform(t *testing.T) *platform {
	t.Helper()
	p := new(platform)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // whoever sends it sees that there is no answer
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.letters = append(p.letters, letter{r.URL.Path, r.URL.Query(), r.Header, body})
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, allIsWell)
	}))
	t.Cleanup(p.Close)
	return p
}

// take returns what came since it was last asked, but for the getting of tokens.
func (p *platform) take() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	letters := p.letters
	p.letters = nil
	return slices.DeleteFunc(letters, func(l letter) bool { return l.path == feishuTokenPath })
}

// one returns the only letter that came since the platform was last asked.
func (p *platform) one(t *testing.T) letter {
	t.Helper()
	letters := p.take()
	if len(letters) != 1 {
		t.Fatalf("%d letters came, want one: %q", len(letters), letters)
	}
	return letters[0]
}

// notifyTest has the function post its sample to the webhooks that the
// variables name.
func notifyTest(t *testing.T, environ ...string) {
	t.Helper()
	process := exec.CommandContext(t.Context(), binaries.function, "notify-test")
	process.Env = slices.Concat(os.Environ(), chatEnviron, environ)
	if said, err := process.CombinedOutput(); err != nil {
		t.Fatalf("notify-test: %v: %s", err, said)
	}
}

// ask has a script in testdata put questions to an npm package, and reads its
// answers: JSON both ways. The environment may have more for it.
func ask[Answer any](t *testing.T, script, npmPackage string, questions any, environ ...string) Answer {
	t.Helper()
	npmFile(t, npmPackage+"/package.json")
	node := node(t)
	input, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, node, filepath.Join("testdata", script))
	command.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	command.Env = append(command.Env, environ...)
	command.Stdin = bytes.NewReader(input)
	var complaints bytes.Buffer
	command.Stderr = &complaints
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s%s", script, err, output, &complaints)
	}
	var answer Answer
	if err := json.Unmarshal(output, &answer); err != nil {
		t.Fatalf("%s: %v: %s%s", script, err, output, &complaints)
	}
	return answer
}

// A saying is something that is typed in a chat.
type saying struct{ name, text string }

// hostile is a failure reason that would do something on one platform or
// another if it were not kept from it.
const hostile = "<!channel> <@U024BE7LH> @all <at id=all></at> *bold* _it_ `code` & [free](https://evil.example) <https://evil.example|free> ![x](https://evil.example/x.png)\n# heading"

// sayings are what is asked of a bot of each platform: they bring every kind of message.
func sayings(t *testing.T) []saying {
	t.Helper()
	create := func(parameters ...string) string {
		query := url.Values{"type": {"CreateAccessAssignment"}}
		for i := 0; i < len(parameters); i += 2 {
			query.Set(parameters[i], parameters[i+1])
		}
		return here.createTask(t, query)
	}
	evil := create("seconds", "0", "status", "Failed", "reason", hostile)
	long := create("seconds", "0", "status", "Failed", "reason", strings.Repeat(hostile+" 云 SSO ", 12))
	done := create("seconds", "0", "status", "Success")
	open := create("seconds", "3600")
	many := []string{evil, long, done, open}
	for len(many) < 20 {
		many = append(many, create("seconds", "0", "status", "Failed", "reason", strings.Repeat(hostile, 3)))
	}
	return []saying{
		{"help", "help"},
		{"help in Chinese", "帮助"},
		{"nonsense", "what is this? " + hostile},
		{"no such task", "task t-nosuchtask0000000000"},
		{"no id", "task please"},
		{"recent", "recent"},
		{"done", "task " + done},
		{"open", "wait " + open},
		{"hostile reason", "task " + evil},
		{"hostile reason in Chinese", "任务 " + evil},
		{"long reason", "task " + long},
		{"several", "task " + strings.Join(many[:3], " ")},
		{"many", "任务 " + strings.Join(many, " ")},
	}
}

// read decodes JSON into an oracle's type, which must know every field.
func read(t *testing.T, data []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%T cannot be read: %v: %s", into, err, data)
	}
}

// checkKnown fails the test for whatever of sent is not in known, which is what
// an oracle wrote again after having read it: of types that read themselves no
// decoder tells what they did not know.
func checkKnown(t *testing.T, sent []byte, known any) {
	t.Helper()
	again, err := json.Marshal(known)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal(sent, &a); err != nil {
		t.Fatalf("%v: %s", err, sent)
	}
	if err := json.Unmarshal(again, &b); err != nil {
		t.Fatalf("%v: %s", err, again)
	}
	if lost := within("", a, b); len(lost) > 0 {
		t.Errorf("the oracle does not know %s\nof %s\nit has %s", strings.Join(lost, ", "), sent, again)
	}
}

// within names everything of a that is not in b.
func within(path string, a, b any) (lost []string) {
	switch a := a.(type) {
	case map[string]any:
		b, _ := b.(map[string]any)
		for key, value := range a {
			lost = append(lost, within(path+"."+key, value, b[key])...)
		}
		return lost
	case []any:
		b, _ := b.([]any)
		if len(a) == len(b) {
			for i := range a {
				lost = append(lost, within(fmt.Sprintf("%s[%d]", path, i), a[i], b[i])...)
			}
			return lost
		}
	}
	if !reflect.DeepEqual(a, b) {
		lost = append(lost, path)
	}
	return lost
}
