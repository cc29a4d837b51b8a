// Package chat answers people who ask after a task from a chat, and posts to
// chats. A platform is one file: it knows whether a call is genuine, what it
// asks, how a message is dressed and how one is posted; what is said is the same
// everywhere. No page, no route and nothing of Function Compute may enter.
package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"taskstatus/function/task"
)

const (
	// answerTimeout bounds everything that is done before a call is answered.
	// Slack and Feishu wait for 3 s, a cold start included.
	answerTimeout = 2200 * time.Millisecond
	// lookTimeout is how much of it CloudSSO may take. Later than that the answer
	// is "still checking".
	lookTimeout = 1500 * time.Millisecond

	// maxBody bounds a call. The longest message of any of the platforms has less than 64 KB.
	maxBody = 64 << 10
	// maxTasks is how many tasks one command may ask after.
	maxTasks = 20
	// maxListed is how many tasks a list shows; the page has the rest.
	maxListed = 10

	// lastWords is kept of the time in which a later answer is possible, to say
	// that the task has not ended.
	lastWords = 30 * time.Second
	// maxWait bounds how long a later answer is worked for.
	maxWait = time.Hour
)

// A Looker looks tasks up, in the order given, and where some are open goes on
// for as long as wait.
type Looker interface {
	Look(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result
}

// A Lister lists a directory's recent tasks.
type Lister interface {
	ListTasks(context.Context, task.ListRequest) (task.Page, error)
}

// A Bot answers what is asked on the platforms. Its fields are set before the
// first call and not changed after.
type Bot struct {
	Platforms *Platforms
	Looker    Looker
	// Lister is nil where recent tasks are not to be listed.
	Lister Lister
	// Later invokes this function again with a payload, after a delay, which then
	// reaches Resume. It is nil where that is not possible.
	Later func(ctx context.Context, payload []byte, delay time.Duration) error
	// Directories are those that are shown; the first is the default.
	Directories []task.DirectoryID
	// PublicURL is where links lead, without a slash at its end; without it
	// there are none.
	PublicURL string
	// Zone is the time zone of messages.
	Zone *time.Location
	Now  func() time.Time

	seen memory
}

// A platform is one chat platform, as it is configured.
type platform interface {
	// name is how the platform is called in addresses and in the log.
	name() string
	// hears reports whether calls can be verified and answered, and posts whether
	// there is a webhook to post to.
	hears() bool
	posts() bool
	// language is that of messages where nobody's words tell another.
	language() task.Language
	// allows reports whether questions in the conversation are answered.
	allows(conversation string) bool

	// open says what a genuine call asks. Its error says, for the log, why the
	// call is none.
	open(call) (question, error)
	// answer gives the response to the call, after posting the message where
	// the platform takes none in the response. Beside an error the response is what is
	// left to try.
	answer(context.Context, question, message) (response, error)
	// tell posts a message later, where the question came from. Its id is the same
	// for the same message.
	tell(ctx context.Context, to address, id string, m message) error
	// post posts a message to the webhook.
	post(context.Context, message) error
}

// A call is what a platform sent, as it came.
type call struct {
	method string
	header http.Header
	query  url.Values
	body   []byte
	now    time.Time
}

// A question is what a genuine call asks.
type question struct {
	// id is the platform's own of the message: one that comes twice is answered once.
	id string
	// text is what somebody typed.
	text string
	// conversation is where, in the platform's own terms.
	conversation string
	// to is where a later answer goes.
	to address
	// response, unless nil, is all that the call gets: it asks nothing.
	response *response
	// seal makes a message the response, where that has to be encrypted with what
	// the call was.
	seal func(message []byte) response
}

// A response is the body of an HTTP response of status 200. Its zero value says nothing.
type response struct {
	contentType string
	body        []byte
}

// An address is where a later answer goes. It lets everybody post who has it.
type address struct {
	to      string
	expires time.Time
}

// refused is why, for the log, a call is refused that does not prove who sent it.
func refused(reason string) error { return fmt.Errorf("%s: %w", reason, fs.ErrPermission) }

// Answer answers a call to /chat/{name}; log adds to its line in the log. The
// error wraps fs.ErrNotExist where the platform is not configured, and
// fs.ErrPermission where the call is not genuine; the caller of neither may
// learn more than that. Any other error means that the answer did not get through.
func (b *Bot) Answer(r *http.Request, name string, log func(...slog.Attr)) (contentType string, body []byte, err error) {
	p := b.Platforms.find(name)
	if p == nil || !p.hears() {
		return "", nil, fmt.Errorf("platform %.20q: %w", name, fs.ErrNotExist)
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(raw) > maxBody {
		return "", nil, refused("the body cannot be read or is too large")
	}
	q, err := p.open(call{method: r.Method, header: r.Header, query: r.URL.Query(), body: raw, now: b.Now()})
	if err != nil {
		return "", nil, err
	}
	if q.response != nil {
		return q.response.contentType, q.response.body, nil
	}
	key := name + " " + q.id
	if !b.seen.add(key) {
		log(slog.Bool("again", true))
		return "", nil, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
	defer cancel()
	answer, err := p.answer(ctx, q, b.reply(ctx, p, q, log))
	switch {
	case err == nil:
	case answer.body != nil:
		log(slog.String("postError", err.Error()))
	default:
		b.seen.forget(key) // the platform asks once more, and may fare better
		return "", nil, fmt.Errorf("answer on %s: %w", name, err)
	}
	return answer.contentType, answer.body, nil
}

// reply makes the message that answers a question.
func (b *Bot) reply(ctx context.Context, p platform, q question, log func(...slog.Attr)) message {
	c := parseCommand(q.text, p.language())
	if !p.allows(q.conversation) {
		log(slog.String("conversation", q.conversation))
		return notHere(p, q.conversation, c.language)
	}
	log(slog.String("command", c.verb.String()))
	directory, text := directoryIn(c.text, b.Directories)
	switch c.verb {
	case verbTask, verbWait:
		ids, err := task.ParseIDs(text)
		if err == nil && len(ids) > maxTasks {
			err = task.Errorf(task.Invalid, task.Text{En: "%d tasks are too many for one message: it takes %d", Zh: "一次查询了 %d 个任务，最多 %d 个"}, len(ids), maxTasks)
		}
		if err != nil {
			m := helpful(c.language)
			if e, ok := errors.AsType[*task.Error](err); ok {
				m.notes = []string{e.Detail.In(c.language)}
			}
			return m
		}
		results := b.look(ctx, directory, ids)
		log(logged(results))
		m := b.aboutTasks(results, directory, c.language)
		if c.verb == verbWait && slices.ContainsFunc(results, isOpen) {
			m.notes = append(m.notes, b.promise(ctx, p, q.to, directory, ids, c.language, log))
		}
		return m
	case verbRecent, verbFailed:
		return b.list(ctx, c, directory)
	}
	return helpful(c.language)
}

// look looks the tasks up within the time that CloudSSO has.
func (b *Bot) look(ctx context.Context, directory task.DirectoryID, ids []task.ID) []task.Result {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return b.Looker.Look(ctx, directory, ids, 0)
}

// isOpen reports whether another look may bring something new.
func isOpen(r task.Result) bool {
	if r.Err != nil {
		return task.KindOf(r.Err).Retryable()
	}
	return !r.Task.Done()
}

// logged is what the log says of a look: each task and how it stands.
func logged(results []task.Result) slog.Attr {
	tasks := make([]string, len(results))
	for i, r := range results {
		state := string(r.Task.Status)
		if r.Err != nil {
			state = r.Err.Error()
		}
		tasks[i] = string(r.ID) + " " + state
	}
	return slog.String("tasks", strings.Join(tasks, ", "))
}

// list answers with the directory's recent tasks, or those that failed.
func (b *Bot) list(ctx context.Context, c command, directory task.DirectoryID) message {
	m := message{language: c.language}
	m.sign("")
	if b.Lister == nil {
		m.title = task.Text{En: "Recent tasks are not listed here", Zh: "此处不列出最近的任务"}.In(c.language)
		m.notes = []string{task.Text{
			En: "Ask for a task by its id: task t-…. For the operator: RECENT_TASKS=on turns the list on.",
			Zh: "请按任务 ID 查询：任务 t-…。管理员可通过 RECENT_TASKS=on 开启列表。",
		}.In(c.language)}
		return m
	}
	request := task.ListRequest{Directory: directory, MaxResults: task.MaxPage}
	path := "/tasks"
	none := task.Text{En: "No tasks in the last 24 hours", Zh: "最近 24 小时没有任务"}
	some := task.Text{En: "Tasks of the last 24 hours: %d", Zh: "最近 24 小时的任务：%d 个"}
	if c.verb == verbFailed {
		request.Status = task.Failed
		path += "?status=Failed"
		none = task.Text{En: "No task failed in the last 24 hours", Zh: "最近 24 小时没有失败的任务"}
		some = task.Text{En: "Failed in the last 24 hours: %d", Zh: "最近 24 小时失败的任务：%d 个"}
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	page, err := b.Lister.ListTasks(ctx, request)
	if b.PublicURL != "" {
		m.link = b.PublicURL + path
	}
	if err != nil {
		b.tellError(&m, err)
		return m
	}
	m.sign(page.RequestID)
	m.fields = b.named(directory, c.language)
	if page.Total == 0 {
		m.title = none.In(c.language)
		if c.verb == verbFailed {
			m.mood = good
		}
		return m
	}
	m.title = fmt.Sprintf(some.In(c.language), page.Total)
	// CloudSSO documents no order.
	slices.SortStableFunc(page.Tasks, func(a, b task.Task) int { return b.Start.Compare(a.Start) })
	for _, t := range page.Tasks[:min(len(page.Tasks), maxListed)] {
		r := b.row(task.Result{ID: t.ID, Task: t}, directory, c.language)
		if !t.Start.IsZero() {
			r.about += " · " + t.Start.In(b.Zone).Format(timeLayout)
		}
		m.rows = append(m.rows, r)
	}
	m.more = page.Total - len(m.rows)
	if c.verb == verbFailed {
		m.mood = bad
	}
	return m
}

// A reply says where a later answer goes, from one invocation to the next.
type reply struct {
	Platform string    `json:"platform"`
	To       string    `json:"to"`
	Expires  time.Time `json:"expires"`
	Language string    `json:"language"`
}

// promise has the function invoked again, and says whether there will be a
// later answer or why not.
func (b *Bot) promise(ctx context.Context, p platform, to address, directory task.DirectoryID, ids []task.ID, language task.Language, log func(...slog.Attr)) string {
	notTold := func(why string) string { return fmt.Sprintf(wordNotTold.In(language), why) }
	if b.Later == nil {
		return notTold(wordCannotWait.In(language))
	}
	now := b.Now()
	expires := to.expires
	if latest := now.Add(maxWait); expires.IsZero() || latest.Before(expires) {
		expires = latest
	}
	err := b.later(ctx, directory, ids, reply{Platform: p.name(), To: to.to, Expires: expires, Language: language.Tag()}, 0)
	if err != nil {
		log(slog.String("laterError", err.Error()))
		why := task.KindOf(err).Title()
		if e, ok := errors.AsType[*task.Error](err); ok && e.Detail.En != "" {
			why = e.Detail
		}
		return notTold(why.In(language))
	}
	return fmt.Sprintf(wordTold.In(language), within(expires.Sub(now)-lastWords, language))
}

func (b *Bot) later(ctx context.Context, directory task.DirectoryID, ids []task.ID, to reply, delay time.Duration) error {
	payload, err := json.Marshal(struct {
		DirectoryID task.DirectoryID `json:"directoryId"`
		TaskIDs     []task.ID        `json:"taskIds"`
		Reply       reply            `json:"reply"`
	}{directory, ids, to})
	if err != nil {
		return fmt.Errorf("encode the invocation: %w", err)
	}
	return b.Later(ctx, payload, delay)
}

// Resume goes on with what "wait" began, in the invocation that it asked for:
// it waits for the tasks to end and tells. Where they have not when the
// invocation has to, it asks for another, until nothing can be told any more:
// told is false then. log adds to the line in the log.
func (b *Bot) Resume(ctx context.Context, directory task.DirectoryID, ids []task.ID, raw json.RawMessage, log func(...slog.Attr)) (told bool, err error) {
	var to reply
	if err := json.Unmarshal(raw, &to); err != nil {
		return false, task.Errorf(task.Invalid, task.Text{En: "reply cannot be read", Zh: "无法读取 reply"})
	}
	p := b.Platforms.find(to.Platform)
	if p == nil || !p.hears() {
		return false, task.Errorf(task.Invalid, task.Text{En: "reply names a platform that is not configured", Zh: "reply 指定的平台未配置"})
	}
	if directory == "" {
		directory = b.Directories[0]
	}
	if !slices.Contains(b.Directories, directory) {
		return false, task.Errorf(task.Forbidden, task.Text{En: "the directory %s is not one that is shown here", Zh: "本函数未开放目录 %s"}, directory)
	}
	language := task.English
	if to.Language == task.Chinese.Tag() {
		language = task.Chinese
	}
	end := to.Expires.Add(-lastWords)
	results := b.Looker.Look(ctx, directory, ids, max(0, end.Sub(b.Now())))
	log(slog.String("platform", to.Platform), logged(results))
	isLast := !b.Now().Before(end)
	if slices.ContainsFunc(results, isOpen) && !isLast && b.Later != nil {
		return false, b.later(ctx, directory, ids, to, b.pause(results))
	}
	m := b.aboutTasks(results, directory, language)
	if slices.ContainsFunc(results, isOpen) {
		m.notes = append(m.notes, wordStillOpen.In(language))
	}
	if err := p.tell(ctx, address{to: to.To, expires: to.Expires}, "end", m); err != nil {
		return false, fmt.Errorf("tell %s: %w", p.name(), err)
	}
	return true, nil
}

// pause is how long to leave CloudSSO alone, by the most impatient of the tasks.
func (b *Bot) pause(results []task.Result) time.Duration {
	var shortest time.Duration
	for _, r := range results {
		if !isOpen(r) {
			continue
		}
		pause := r.Task.RetryAfter(b.Now())
		if r.Err != nil {
			pause = task.RetryAfter(r.Err)
		}
		if shortest == 0 || pause < shortest {
			shortest = pause
		}
	}
	return shortest
}

// helpful says what can be asked.
func helpful(language task.Language) message {
	m := message{language: language, title: task.Text{En: "What you can ask", Zh: "可以这样问"}.In(language)}
	m.sign("")
	for _, line := range []struct{ command, what task.Text }{
		{task.Text{En: "task t-…", Zh: "任务 t-…"}, task.Text{En: "how a task stands, or several; paste anything that holds their ids", Zh: "查询任务，可以有多个；粘贴任何含有任务 ID 的内容均可"}},
		{task.Text{En: "wait t-…", Zh: "等待 t-…"}, task.Text{En: "the same, and once more when it has ended", Zh: "同上，结束后再通知一次"}},
		{task.Text{En: "failed", Zh: "失败"}, task.Text{En: "the tasks that failed in the last 24 hours", Zh: "最近 24 小时失败的任务"}},
		{task.Text{En: "recent", Zh: "最近"}, task.Text{En: "all tasks of the last 24 hours", Zh: "最近 24 小时的全部任务"}},
		{task.Text{En: "task t-… zh", Zh: "任务 t-… en"}, task.Text{En: "the answer in Chinese", Zh: "用英文回答"}},
	} {
		m.fields = append(m.fields, field{line.command.In(language), line.what.In(language)})
	}
	return m
}

// notHere says that nothing is answered in a conversation, and its name to whoever may change that.
func notHere(p platform, conversation string, language task.Language) message {
	m := message{language: language, title: task.Text{En: "This bot does not answer in this conversation", Zh: "机器人不在此会话中应答"}.In(language)}
	m.sign("")
	m.notes = []string{fmt.Sprintf(task.Text{
		En: "For the operator: its id is %s.", Zh: "管理员可将此会话加入允许列表，其 ID 为 %s。",
	}.In(language), cut(oneLine(conversation), maxRowReason))}
	return m
}

// A memory keeps the latest ids that were seen. It lasts as long as the
// instance: an id that comes again to another one is answered again.
type memory struct {
	mu    sync.Mutex
	known map[string]bool
	order []string
}

// remembered is how many ids a memory keeps: more than come within any
// platform's time for sending one again.
const remembered = 4096

// add reports whether the id is new.
func (m *memory) add(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[id] {
		return false
	}
	if m.known == nil {
		m.known = make(map[string]bool)
	}
	if len(m.order) == remembered {
		delete(m.known, m.order[0])
		m.order = m.order[1:]
	}
	m.known[id] = true
	m.order = append(m.order, id)
	return true
}

// forget takes back that an id was seen.
func (m *memory) forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, id)
	m.order = slices.DeleteFunc(m.order, func(o string) bool { return o == id })
}
