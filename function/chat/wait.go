package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"taskstatus/function/entry"
	"taskstatus/function/task"
)

const (
	// lastWords is kept of the time in which a later answer is possible, to say
	// that the task has not ended.
	lastWords = 30 * time.Second
	// maxWait bounds how long a later answer is worked for.
	maxWait = time.Hour
	// minWait is the least that is worth promising.
	minWait = time.Minute

	// resumeWait is how long one invocation waits: longer would only keep an
	// instance from others. The next one comes after a delay.
	resumeWait = 5 * time.Second
	// resumeMargin is kept of an invocation's time to ask for the next one, or to tell.
	resumeMargin = 1500 * time.Millisecond
	// maxResumes bounds how many invocations follow each other, should Function
	// Compute not delay them.
	maxResumes = int(maxWait / resumeWait)
)

// A replyTo says where a later answer goes, from one invocation to the next.
type replyTo struct {
	Platform string    `json:"platform"`
	To       string    `json:"to"`
	Expires  time.Time `json:"expires"`
	Language string    `json:"language"`
	// Resumes is how many invocations there were before.
	Resumes int `json:"resumes"`
}

// promise has the function invoked again, and says whether there will be a
// later answer or why not.
func (b *Bot) promise(ctx context.Context, p *base, q question, directory task.DirectoryID, ids []task.ID, language task.Language) string {
	notTold := func(why task.Text) string { return fmt.Sprintf(wordNotTold.In(language), why.In(language)) }
	if b.Invoke == nil {
		return notTold(wordCannotWait)
	}
	now := b.Now()
	expires := now.Add(maxWait)
	if !q.expires.IsZero() && q.expires.Before(expires) {
		expires = q.expires
	}
	lasts := expires.Sub(now) - lastWords
	if q.to == "" || lasts < minWait {
		return notTold(wordNoWayBack)
	}
	if !b.promised.Add(q.id) {
		return fmt.Sprintf(wordTold.In(language), int(lasts/time.Minute))
	}
	err := b.invoke(ctx, directory, ids, replyTo{Platform: p.name, To: q.to, Expires: expires, Language: language.Tag()}, 0)
	if err != nil {
		b.promised.Forget(q.id)
		logUnsent(ctx, "invokeError", err)
		why := task.KindOf(err).Title()
		if e, ok := errors.AsType[*task.Error](err); ok && e.Detail.En != "" {
			why = e.Detail
		}
		return notTold(why)
	}
	return fmt.Sprintf(wordTold.In(language), int(lasts/time.Minute))
}

func (b *Bot) invoke(ctx context.Context, directory task.DirectoryID, ids []task.ID, to replyTo, delay time.Duration) error {
	return b.Invoke(ctx, encode(struct {
		DirectoryID task.DirectoryID `json:"directoryId"`
		TaskIDs     []task.ID        `json:"taskIds"`
		Reply       replyTo          `json:"reply"`
	}{directory, ids, to}), delay)
}

// Resume goes on with what "wait" began, in the invocation that it asked for:
// it waits for the tasks to end and tells. Where they have not when the
// invocation has to, it asks for another, until nothing can be told any more.
// told is false where nothing was, be it that there is another invocation or that
// the platform will never take the message, which the log says. An error means that
// the same invocation may fare better.
func (b *Bot) Resume(ctx context.Context, directory task.DirectoryID, ids []task.ID, reply json.RawMessage) (told bool, err error) {
	var to replyTo
	if err := json.Unmarshal(reply, &to); err != nil {
		return false, task.Errorf(task.Invalid, task.Text{En: "reply cannot be read", Zh: "无法读取 reply"})
	}
	p := b.Platforms.hearing(to.Platform)
	if p == nil {
		return false, task.Errorf(task.Invalid, task.Text{En: "reply names a platform that is not configured", Zh: "reply 指定的平台未配置"})
	}
	entry.Add(ctx, slog.String("platform", to.Platform))
	if directory == "" {
		directory = b.Directories[0]
	}
	if err := task.Shown(directory, b.Directories); err != nil {
		return false, err
	}
	language := task.English
	if to.Language == task.Chinese.Tag() {
		language = task.Chinese
	}
	end := to.Expires.Add(-lastWords)
	results := b.await(ctx, directory, ids, end)
	entry.Tasks(ctx, results)
	open := slices.ContainsFunc(results, task.Result.CanChange)
	if left := end.Sub(b.Now()); open && left > 0 && to.Resumes < maxResumes && b.Invoke != nil {
		to.Resumes++
		err := b.invoke(ctx, directory, ids, to, min(task.NextLook(results, b.Now()), left))
		if err == nil || task.KindOf(err).Retryable() {
			return false, err
		}
		logUnsent(ctx, "invokeError", err)
	}
	m := b.aboutTasks(ctx, results, directory, language)
	if open {
		m.notes = append(m.notes, wordStillOpen.In(language))
	}
	err = p.followUp(ctx, to.To, "end", m)
	if isFinal(err) {
		logUnsent(ctx, "postError", err)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("follow up on %s: %w", to.Platform, err)
	}
	entry.Add(ctx, slog.Any("told", []string{to.Platform}))
	return true, nil
}

// await looks at the tasks until they have ended, for a while.
func (b *Bot) await(ctx context.Context, directory task.DirectoryID, ids []task.ID, end time.Time) []task.Result {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-resumeMargin))
		defer cancel()
	}
	return b.look(ctx, directory, ids, min(max(0, end.Sub(b.Now())), resumeWait))
}
