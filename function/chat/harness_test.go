package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"taskstatus/function/entry"
	"taskstatus/function/task"
)

var (
	// noon is when the tests take place.
	noon     = time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)
	shanghai = time.FixedZone("CST", 8*60*60)
)

const (
	directory = task.DirectoryID("d-00fc2p61abcd")
	failedID  = task.ID("t-failed0000000000000a")
	openID    = task.ID("t-open00000000000000ab")
	doneID    = task.ID("t-done00000000000000ab")
	lostID    = task.ID("t-lost00000000000000ab")
	slowID    = task.ID("t-slow00000000000000ab")
)

// tasks is a Looker and a Lister of a few tasks. It says how it was asked.
type tasks struct {
	mu    sync.Mutex
	waits []time.Duration
	asked []task.DirectoryID
	// times are how much each was given.
	times    []time.Duration
	requests []task.ListRequest
	// stall has it answer when its time is up.
	stall bool
	// known replaces what stands below.
	known map[task.ID]task.Task
	list  task.Page
	err   error
}

func (s *tasks) note(ctx context.Context) {
	if deadline, ok := ctx.Deadline(); ok {
		s.times = append(s.times, time.Until(deadline))
	}
	if s.stall {
		<-ctx.Done()
	}
}

func (s *tasks) Look(ctx context.Context, d task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(ctx)
	s.waits = append(s.waits, wait)
	s.asked = append(s.asked, d)
	results := make([]task.Result, len(ids))
	for i, id := range ids {
		results[i] = s.look(d, id)
	}
	return results
}

func (s *tasks) look(d task.DirectoryID, id task.ID) task.Result {
	if s.stall {
		return task.Result{ID: id, Err: &task.Error{Kind: task.Timeout}}
	}
	t := task.Task{ID: id, Directory: d, Type: task.CreateAccessAssignment, Start: noon.Add(-10 * time.Second), RequestID: "REQ-1",
		Details: &task.Details{PrincipalName: "Mallory", TargetName: "production"}}
	if known, ok := s.known[id]; ok {
		return task.Result{ID: id, Task: known}
	}
	switch id {
	case failedID:
		t.Status, t.End, t.FailureReason = task.Failed, noon.Add(-8*time.Second), "No Permission."
	case doneID:
		t.Status, t.End = task.Success, noon.Add(-9*time.Second)
	case openID:
		t.Status = task.InProgress
	case slowID:
		return task.Result{ID: id, Err: &task.Error{Kind: task.Timeout}}
	default:
		return task.Result{ID: id, Err: &task.Error{Kind: task.NotFound, RequestID: "REQ-2", Detail: task.Text{En: "CloudSSO knows no task " + string(id), Zh: "云 SSO 中没有任务 " + string(id)}}}
	}
	return task.Result{ID: id, Task: t}
}

func (s *tasks) ListTasks(ctx context.Context, r task.ListRequest) (task.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(ctx)
	s.requests = append(s.requests, r)
	page := s.list
	if r.Status != "" {
		page.Tasks = nil
		for _, t := range s.list.Tasks {
			if t.Status == r.Status {
				page.Tasks = append(page.Tasks, t)
			}
		}
		page.Total = len(page.Tasks)
	}
	return page, s.err
}

// A vendor is all four platforms on one loopback address: what was posted is
// kept, and answers are given by path, a good one where none is set.
type vendor struct {
	*httptest.Server
	mu      sync.Mutex
	posts   []post
	answers map[string][]func(http.ResponseWriter, *http.Request)
}

type post struct {
	path   string
	query  url.Values
	header http.Header
	body   string
}

func newVendor(t testing.TB) *vendor {
	t.Helper()
	v := &vendor{answers: make(map[string][]func(http.ResponseWriter, *http.Request))}
	v.Server = httptest.NewServer(http.HandlerFunc(v.serve))
	t.Cleanup(v.Close)
	return v
}

func (v *vendor) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	v.posts = append(v.posts, post{r.URL.Path, r.URL.Query(), r.Header, string(body)})
	var answer func(http.ResponseWriter, *http.Request)
	if set := v.answers[r.URL.Path]; len(set) > 0 {
		answer, v.answers[r.URL.Path] = set[0], set[1:]
	}
	v.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/services/"), strings.HasPrefix(r.URL.Path, "/commands/"):
		io.WriteString(w, "ok")
	case strings.HasSuffix(r.URL.Path, "/internal"):
		io.WriteString(w, `{"code":0,"msg":"ok","tenant_access_token":"t-g1","expire":7200}`)
	case strings.HasPrefix(r.URL.Path, "/open-apis/"):
		io.WriteString(w, `{"code":0,"msg":"success"}`)
	default:
		io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	}
}

// RoundTrip takes a request without a network, as time stands still while one is waited for.
func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	v.serve(w, r)
	return w.Result(), nil
}

// says sets the next answers at a path.
func (v *vendor) says(path string, status int, bodies ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, body := range bodies {
		v.answers[path] = append(v.answers[path], func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		})
	}
}

// posted returns what was posted to a path so far.
func (v *vendor) posted(path string) []post {
	v.mu.Lock()
	defer v.mu.Unlock()
	var found []post
	for _, p := range v.posts {
		if p.path == path {
			found = append(found, p)
		}
	}
	return found
}

// The secrets of the tests.
const (
	dingTalkSecret = "dingtalk-app-secret-0123456789"
	feishuKey      = "feishu-encrypt-key-0123456789"
	feishuToken    = "feishu-verification-0123456789"
	wecomToken     = "wecom-token-0123456789"
	wecomAESKey    = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	slackSecret    = "8f742231b10e8888abcd99yyyzzz85a5"
)

// variables are a complete configuration, at the vendor's address.
func variables(at string) map[string]string {
	return map[string]string{
		"DINGTALK_API_URL": at, "DINGTALK_APP_SECRET": dingTalkSecret, "DINGTALK_ROBOT_CODE": "dingrobot", "DINGTALK_CORP_ID": "dingcorp",
		"DINGTALK_WEBHOOK_URL": at + "/robot/send?access_token=HOOKTOKEN", "DINGTALK_WEBHOOK_SECRET": "SECwebhook",
		"FEISHU_API_URL": at, "FEISHU_ENCRYPT_KEY": feishuKey, "FEISHU_VERIFICATION_TOKEN": feishuToken, "FEISHU_APP_ID": "cli_app", "FEISHU_APP_SECRET": "feishu-app-secret",
		"FEISHU_TENANT_KEY": "tenant", "FEISHU_WEBHOOK_URL": at + "/open-apis/bot/v2/hook/HOOKTOKEN", "FEISHU_WEBHOOK_SECRET": "webhook-secret",
		"WECOM_API_URL": at, "WECOM_TOKEN": wecomToken, "WECOM_AES_KEY": wecomAESKey, "WECOM_WEBHOOK_URL": at + "/cgi-bin/webhook/send?key=HOOKTOKEN",
		"SLACK_API_URL": at, "SLACK_SIGNING_SECRET": slackSecret, "SLACK_TEAM_ID": "T1", "SLACK_WEBHOOK_URL": at + "/services/T1/B1/HOOKTOKEN",
	}
}

// configured returns the platforms of a configuration, and their client; pairs
// of a name and a value change it.
func configured(t testing.TB, at string, changes ...string) (*Platforms, *client) {
	t.Helper()
	env := variables(at)
	for i := 0; i < len(changes); i += 2 {
		env[changes[i]] = changes[i+1]
	}
	s := &settings{getenv: func(name string) string { return env[name] }}
	c := newClient(new(http.Transport))
	c.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	p := configure(s, c, 1)
	if len(s.wrong) > 0 {
		t.Fatal(s.wrong)
	}
	return p, c
}

// find returns the platform of a name, whether it is open or not.
func (p *Platforms) find(name string) platform {
	for _, found := range p.all {
		if found.about().name == name {
			return found
		}
	}
	return nil
}

// newBot returns a bot of a fixed time.
func newBot(t testing.TB, at string, changes ...string) (*Bot, *tasks) {
	t.Helper()
	known := new(tasks)
	p, _ := configured(t, at, changes...)
	return &Bot{
		Platforms: p, Looker: known, Lister: known, Directories: []task.DirectoryID{directory},
		PublicURL: "https://status.example.com", Zone: shanghai, Now: func() time.Time { return noon },
		Link:     link,
		Document: func(n task.Notice) any { return map[string]any{"type": n.Kind, "tasks": len(n.Results)} },
	}, known
}

// link is as long as one that the site has signed.
func link(d task.DirectoryID, ids []task.ID) string {
	list := strings.ReplaceAll(strings.Trim(fmt.Sprint(ids), "[]"), " ", ",")
	query := "expires=1796097600&signature=3qpzT8-6vVYw1JX0rUo5Ag"
	if d != directory {
		query = "directory=" + string(d) + "&" + query
	}
	if len(ids) == 1 {
		return "https://status.example.com/tasks/" + list + "?" + query
	}
	return "https://status.example.com/tasks?" + strings.Replace(query, "&signature", "&id="+list+"&signature", 1)
}

// asked sends a call to a bot and returns the answer.
func asked(b *Bot, platform string, r *http.Request) (string, error) {
	_, body, err := b.Answer(r, platform)
	return string(body), err
}

// logged does something in an invocation that has an entry, and returns that.
func logged(ctx context.Context, do func(context.Context)) string {
	ctx, line := entry.New(ctx)
	line.RequestID = "OURS-1"
	do(ctx)
	var log strings.Builder
	line.Write(slog.New(slog.NewJSONHandler(&log, nil)))
	return log.String()
}

// A caller makes genuine calls of a platform, as the platform does.
type caller func(at, text string) *http.Request

// callers are written from the platforms' documents, not from the code under test.
var callers = map[string]caller{
	"dingtalk": func(at, text string) *http.Request { return dingTalkCall(at, text, noon, nil) },
	"feishu":   func(at, text string) *http.Request { return feishuCall(text, noon, nil) },
	"wecom":    func(at, text string) *http.Request { return wecomCall(at, text, noon, nil) },
	"slack":    func(at, text string) *http.Request { return slackCall(at, text, noon, nil) },
}

var number atomic.Int64

// unique makes an id that no other call has.
func unique(prefix string) string { return fmt.Sprint(prefix, number.Add(1)) }

func jsonOf(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return body
}
