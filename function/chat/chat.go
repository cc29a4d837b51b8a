// Package chat answers people who ask after a task from a chat, and posts to
// chats. A platform is one file: it knows whether a call is genuine, what it
// asks, how a message is rendered and how one is posted; what is said is the same
// everywhere. No page, no route and nothing of Function Compute may enter.
package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"taskstatus/function/entry"
	"taskstatus/function/once"
	"taskstatus/function/task"
)

const (
	// answerTimeout bounds everything that is done before a call is answered.
	// Slack and Feishu wait for 3 s, a cold start included.
	answerTimeout = 2200 * time.Millisecond
	// postTimeout is kept of it for posting, where an answer is a post of its own.
	postTimeout = 600 * time.Millisecond
	// lookTimeout is how much of it CloudSSO may take. Later than that the answer
	// is "still checking".
	lookTimeout = 1500 * time.Millisecond
	// lookToWaitTimeout is the same where the function has yet to be invoked again.
	lookToWaitTimeout = time.Second

	// maxBody bounds a call. The longest message of any of the platforms has less than 64 KB.
	maxBody = 64 << 10
	// maxIDLength is beyond the longest id that a platform gives a message.
	maxIDLength = 256
	// maxTasks is how many tasks one command may ask after.
	maxTasks = 20
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
	// Platforms are those that are asked from and posted to.
	Platforms *Platforms
	// Looker answers how tasks stand.
	Looker Looker
	// Lister is nil where recent tasks are not to be listed.
	Lister Lister
	// Invoke invokes this function again with a payload, without waiting for it
	// and not before the delay, which then reaches Resume. It is nil where that is not possible.
	Invoke func(ctx context.Context, payload []byte, delay time.Duration) error
	// Directories are those that are shown; the first is the default.
	Directories []task.DirectoryID
	// PublicURL is where links lead, without a slash at its end; without it
	// there are none.
	PublicURL string
	// Link is the address of the page about tasks of a directory, which a message
	// leads to; empty where there is none.
	Link func(task.DirectoryID, []task.ID) string
	// Document is what programs are told by the generic webhook.
	Document func(task.Notice) any
	// Zone is the time zone of messages.
	Zone *time.Location
	// Now is the clock.
	Now func() time.Time

	answered, promised, told once.Set

	telling sync.Mutex
	toldAt  time.Time // when the last notice was told
}

// Answer answers a call to /chat/{name}. The error wraps fs.ErrNotExist where the
// platform is not configured, and fs.ErrPermission where the call is not genuine; the
// caller of neither may learn more than that. Any other error means that the answer
// did not get through.
func (b *Bot) Answer(r *http.Request, name string) (contentType string, body []byte, err error) {
	p := b.Platforms.hearing(name)
	if p == nil {
		return "", nil, fmt.Errorf("platform %.20q: %w", name, fs.ErrNotExist)
	}
	entry.Add(r.Context(), slog.String("platform", name))
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return "", nil, refused(fmt.Sprintf("%s: %v", name, err))
	}
	q, err := p.receive(call{method: r.Method, header: r.Header, query: r.URL.Query(), body: raw, now: b.Now()})
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", name, err)
	}
	if q.response != nil {
		return q.response.contentType, q.response.body, nil
	}
	if len(q.id) > maxIDLength {
		return "", nil, refused(name + ": the message's id is too long")
	}
	q.id = name + " " + q.id
	if !b.answered.Add(q.id) && !q.repeatable {
		entry.Add(r.Context(), slog.Bool("again", true))
		return "", nil, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
	defer cancel()
	var preparing sync.WaitGroup
	if q.prepare != nil {
		preparing.Go(func() { q.prepare(ctx) })
	}
	thinking, stop := context.WithTimeout(ctx, answerTimeout-postTimeout)
	m := b.reply(thinking, p.about(), q)
	stop()
	answer, err := q.respond(ctx, m)
	preparing.Wait()
	if err == nil {
		return answer.contentType, answer.body, nil
	}
	logUnsent(ctx, "postError", err)
	if answer.body == nil && !isFinal(err) {
		b.answered.Forget(q.id) // the platform asks once more, and may fare better
		return "", nil, fmt.Errorf("answer on %s: %w", name, err)
	}
	return answer.contentType, answer.body, nil
}

// logUnsent says in the log what did not get through though it had to, and why.
func logUnsent(ctx context.Context, name string, err error) {
	entry.Add(ctx, slog.String(name, err.Error()))
	entry.Raise(ctx, slog.LevelWarn)
}

// isFinal reports whether a message will not get through however often it is posted.
func isFinal(err error) bool {
	failed, ok := errors.AsType[*failure](err)
	return ok && failed.final()
}

// reply makes the message that answers a question.
func (b *Bot) reply(ctx context.Context, p *base, q question) message {
	c := parseCommand(q.text, p.language)
	if !p.allows(q.conversation) {
		entry.Add(ctx, slog.String("conversation", q.conversation))
		return notHere(q.conversation, c.language)
	}
	entry.Add(ctx, slog.String("command", c.verb.String()))
	directory, text, err := directoryIn(c.text, b.Directories)
	if err != nil {
		entry.Fail(ctx, err)
		m := message{language: c.language}
		b.tellError(ctx, &m, err)
		return m
	}
	switch c.verb {
	case verbTask, verbWait:
		ids, err := parseIDs(text)
		if err != nil {
			m := helpful(c.language)
			m.notes = []string{err.Detail.In(c.language)}
			return m
		}
		timeout := lookTimeout
		if c.verb == verbWait {
			timeout = lookToWaitTimeout
		}
		looking, cancel := context.WithTimeout(ctx, timeout)
		results := b.look(looking, directory, ids, 0)
		cancel()
		entry.Tasks(ctx, results)
		m := b.aboutTasks(ctx, results, directory, c.language)
		if c.verb == verbWait && slices.ContainsFunc(results, task.Result.CanChange) {
			m.notes = append(m.notes, b.promise(ctx, p, q, directory, ids, c.language))
		}
		return m
	case verbRecent, verbFailed:
		return b.list(ctx, c, directory)
	}
	return helpful(c.language)
}

// look looks the tasks up, without whom and what they are about: most answers
// are read by a whole conversation, and the page has it.
func (b *Bot) look(ctx context.Context, directory task.DirectoryID, ids []task.ID, wait time.Duration) []task.Result {
	results := b.Looker.Look(ctx, directory, ids, wait)
	for i := range results {
		results[i].Task.Details = nil
	}
	return results
}

// parseIDs reads the ids out of a command, a bounded number of them.
func parseIDs(text string) ([]task.ID, *task.Error) {
	ids, err := task.ParseIDs(text)
	if e, ok := errors.AsType[*task.Error](err); ok {
		return nil, e
	}
	if len(ids) > maxTasks {
		return nil, task.Errorf(task.Invalid, task.Text{
			En: "%d tasks are too many for one message: it takes %d",
			Zh: "本次查询了 %d 个任务，单次最多 %d 个",
		}, len(ids), maxTasks)
	}
	return ids, nil
}
