package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"taskstatus/function/task"
)

const (
	// tellTimeout bounds how long a message is tried to be posted that a platform does not
	// take: the invocation is better tried again than held. What it takes later, because
	// there are too many, has all the time there is.
	tellTimeout = 2 * time.Minute
	// A platform that does not take a message is left alone for firstPause, then
	// each time for twice as long up to longestPause.
	firstPause   = 2 * time.Second
	longestPause = 30 * time.Second
	// maxUnsure is how often a message is tried that may have got through: a platform that
	// takes all and answers nothing must not be flooded.
	maxUnsure = 2

	// maxLinked is how many tasks a page shows that is asked for by their ids.
	maxLinked = 20
)

// An Untold is an error about those who could not be told, in plain words that
// anybody may read.
type Untold struct {
	text  string
	final bool
}

func (e *Untold) Error() string { return e.text }

// Final reports whether trying again brings nothing: each of them has said no.
func (e *Untold) Final() bool { return e.final }

// Tell posts a notice to every webhook, and returns the platforms that took it,
// now or when this instance told them before. It tries again for a while, but not
// longer than ctx lasts. The error, if any, is an *Untold.
func (b *Bot) Tell(ctx context.Context, n task.Notice) (told []string, err error) {
	b.telling.Lock()
	pressed := b.Now().Sub(b.toldAt) < pressing
	b.telling.Unlock()
	defer func() {
		b.telling.Lock()
		defer b.telling.Unlock()
		b.toldAt = b.Now()
	}()
	platforms := b.Platforms.posting()
	failed := make([]error, len(platforms))
	var posts sync.WaitGroup
	for i, p := range platforms {
		posts.Go(func() {
			defer func() {
				// Unrecovered, a panic here would end the process and every other invocation with it.
				if r := recover(); r != nil {
					failed[i] = errors.New("the message could not be made")
				}
			}()
			failed[i] = b.tell(ctx, p, n, pressed)
		})
	}
	posts.Wait()
	untold := &Untold{final: true}
	for i, p := range platforms {
		name := p.about().name
		if failed[i] == nil {
			told = append(told, name)
			continue
		}
		if untold.text != "" {
			untold.text += "; "
		}
		untold.text += name + ": " + failed[i].Error()
		untold.final = untold.final && isHopeless(failed[i])
	}
	if untold.text == "" {
		return told, nil
	}
	return told, untold
}

// tell tells one platform, unless it has been.
func (b *Bot) tell(ctx context.Context, p platform, n task.Notice, pressed bool) error {
	name := p.about().name + " " + n.ID
	if b.told.Has(name) {
		return nil
	}
	m := b.notice(ctx, n, p.about().language)
	c, share := p.about().client, p.about().share
	var began time.Time // after the first wait for this instance's turn
	unsure := 0
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		for wait := share.take(c.now(), pressed); wait > 0; wait = share.take(c.now(), pressed) {
			if c.sleep(ctx, wait) != nil {
				return &failure{problem: tooFast, retry: true}
			}
		}
		if began.IsZero() {
			began = c.now()
		}
		err := p.post(ctx, m)
		if err == nil {
			b.told.Add(name)
			return nil
		}
		failed, ok := errors.AsType[*failure](err)
		if !ok {
			return err
		}
		if failed.unsure {
			unsure++
		}
		wait := max(pause, failed.retryAfter)
		switch {
		case failed.problem == tooFast:
			share.refused(c.now())
		case isHopeless(err), unsure == maxUnsure, c.now().Sub(began)+wait > tellTimeout:
			return err
		}
		// Where the platform takes nothing for longer than there is time, the time is
		// spent all the same: the next attempt would only come too early.
		if c.sleep(ctx, wait) != nil {
			return err
		}
	}
}

// isHopeless reports whether a webhook has said that it never takes the message, as
// opposed to not now.
func isHopeless(err error) bool {
	failed, ok := errors.AsType[*failure](err)
	return ok && failed.retryAfter == 0 && (failed.final() || failed.problem == redirected)
}

// notice is what people are told.
func (b *Bot) notice(ctx context.Context, n task.Notice, language task.Language) message {
	var m message
	if n.Kind == task.NoticeDigest {
		m = b.table(n.Results, n.Succeeded, n.Directory, language)
		m.title = wordDigest.In(language) + m.title
	} else {
		m = b.aboutTasks(ctx, n.Results, n.Directory, language)
	}
	if len(n.Results) > maxListed {
		m.rows = b.grouped(n, language)
	}
	switch {
	case n.Kind == task.NoticeOpen:
		m.notes = append(m.notes, b.givenUp(n.Results, language))
	case n.Kind == task.NoticeSweep && slices.ContainsFunc(n.Results, task.Result.CanChange):
		m.notes = append(m.notes, fmt.Sprintf(wordLongOpen.In(language), int(task.LongOpen/time.Minute)))
	}
	if n.Kind == task.NoticeDigest || len(n.Results) > maxLinked {
		m.link = b.listPage(n)
	}
	if !n.To.IsZero() {
		m.addField(wordPeriod, n.From.In(b.Zone).Format(timeLayout)+" – "+n.To.In(b.Zone).Format(timeLayout))
	}
	m.id, m.document = n.ID, func() any { return b.Document(n) }
	return m
}

// grouped is a row for all tasks that stand alike, with the first of them, the
// failed first: of very many alike nobody reads each, and no platform shows all.
func (b *Bot) grouped(n task.Notice, language task.Language) []row {
	var rows []row
	alike := make(map[row]int)
	for _, r := range n.Results {
		r.Task.Details = nil
		shown := b.row(r, n.Directory, language)
		kind := row{state: shown.state, status: shown.status, about: shown.about}
		if alike[kind]++; alike[kind] == 1 {
			rows = append(rows, shown)
		}
	}
	for i, shown := range rows {
		if more := alike[row{state: shown.state, status: shown.status, about: shown.about}] - 1; more > 0 {
			rows[i].about += " · " + fmt.Sprintf(wordAlike.In(language), more)
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.state, a.state) })
	return rows
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
		query := "status=Failed"
		if slices.ContainsFunc(n.Results, func(r task.Result) bool { return r.Task.Status != task.Failed }) || len(n.Results) == 0 {
			query = ""
		}
		return b.page(n.Directory, "/tasks", query)
	}
	if len(n.Results) == 0 {
		return b.page(n.Directory, "/", "")
	}
	return b.tasksPage(n.Directory, n.Results[:min(len(n.Results), maxLinked)])
}
