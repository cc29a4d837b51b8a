package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"taskstatus/function/task"
)

const (
	// A platform that does not take a message is left alone for firstPause, then
	// each time for twice as long up to longestPause, while there is time.
	firstPause   = 2 * time.Second
	longestPause = 30 * time.Second

	// maxLinked is how many tasks a page shows that is asked for by their ids.
	maxLinked = 20
)

// Tell posts a notice to every webhook, and returns the platforms that took it,
// now or when this instance told them before. It goes on trying for as long as ctx
// has time. The error says in plain words who did not take it and why.
func (b *Bot) Tell(ctx context.Context, n task.Notice) (told []string, err error) {
	platforms := b.Platforms.posting()
	failed := make([]error, len(platforms))
	var posts sync.WaitGroup
	for i, p := range platforms {
		posts.Go(func() { failed[i] = b.tell(ctx, p, n) })
	}
	posts.Wait()
	for i, p := range platforms {
		if failed[i] == nil {
			told = append(told, p.about().name)
		} else {
			failed[i] = fmt.Errorf("%s: %w", p.about().name, failed[i])
		}
	}
	return told, errors.Join(failed...)
}

// tell tells one platform, unless it has been.
func (b *Bot) tell(ctx context.Context, p platform, n task.Notice) error {
	name := p.about().name + " " + n.ID
	if !b.told.add(name) {
		return nil
	}
	m := b.notice(ctx, n, p.about().language)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := p.post(ctx, m)
		if err == nil {
			return nil
		}
		var again time.Duration
		if failed, ok := errors.AsType[*failure](err); ok {
			again = failed.retryAfter
		}
		// Where the platform takes nothing for longer than there is time, the time is
		// spent all the same: the next attempt would only come too early.
		if isFinal(err) && again == 0 || p.about().client.sleep(ctx, max(pause, again)) != nil {
			b.told.forget(name)
			return err
		}
	}
}

// notice is what people are told.
func (b *Bot) notice(ctx context.Context, n task.Notice, language task.Language) message {
	var m message
	if n.Kind == task.NoticeDigest {
		m = b.table(n.Results, n.Succeeded, n.Directory, language)
	} else {
		m = b.aboutTasks(ctx, n.Results, n.Directory, language)
	}
	switch {
	case n.Kind == task.NoticeOpen:
		m.notes = append(m.notes, b.givenUp(n.Results, language))
	case n.Kind == task.NoticeSweep && slices.ContainsFunc(n.Results, isOpen):
		m.notes = append(m.notes, fmt.Sprintf(wordLongOpen.In(language), int(task.LongOpen/time.Minute)))
	}
	if n.Kind == task.NoticeDigest || len(n.Results) > maxLinked {
		m.link = b.listPage(n)
	}
	if !n.To.IsZero() {
		m.addField(wordPeriod, n.From.In(b.Zone).Format(timeLayout)+" – "+n.To.In(b.Zone).Format(timeLayout))
	}
	m.id, m.document = n.ID, b.Document(n)
	return m
}

// givenUp says that nothing more will be told, and for how long the tasks that
// are open have been.
func (b *Bot) givenUp(results []task.Result, language task.Language) string {
	var longest time.Duration
	for _, r := range results {
		longest = max(longest, r.Task.Elapsed(b.Now()))
	}
	if longest < time.Minute {
		return wordGivenUp.In(language)
	}
	return fmt.Sprintf(wordStillAfter.In(language), int(longest/time.Minute)) + wordGivenUp.In(language)
}

// listPage is the page with the tasks of a notice that are too many for a page of
// their own, as far as there is one.
func (b *Bot) listPage(n task.Notice) string {
	if b.Lister != nil {
		query := ""
		if n.Kind != task.NoticeDigest {
			query = "status=Failed"
		}
		return b.page(n.Directory, "/tasks", query)
	}
	if len(n.Results) == 0 {
		return b.page(n.Directory, "/", "")
	}
	return b.tasksPage(n.Directory, n.Results[:min(len(n.Results), maxLinked)])
}
