package site

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"taskstatus/function/task"
	"taskstatus/templates"
	"taskstatus/web"
)

// render renders a whole page, or none.
func render(c templ.Component) ([]byte, error) {
	b := templ.GetBuffer()
	defer templ.ReleaseBuffer(b)
	if err := c.Render(context.Background(), b); err != nil {
		return nil, fmt.Errorf("render the page: %w", err)
	}
	return bytes.Clone(b.Bytes()), nil // the buffer is for the next page
}

// The states of a page, for colours and icons.
const (
	stateFailed  = "failed"
	stateSuccess = "success"
	stateOpen    = "open"
	stateUnknown = "unknown"
	stateProblem = "problem"
	stateSignIn  = "sign-in"
)

// icon is a shape, and not only a colour, for who looks at a row of tabs.
func icon(state string) string {
	switch state {
	case stateFailed:
		return web.IconFailed
	case stateSuccess:
		return web.IconSuccess
	case stateOpen:
		return web.IconOpen
	}
	return web.Icon
}

// page is what every page has. The title of one about tasks begins with how
// they stand, which is what a tab shows.
func (s *Site) page(e *exchange, state, title string) templates.Page {
	words := e.words()
	p := templates.Page{
		Words:     words,
		Title:     title + " – " + words.Site,
		State:     state,
		URL:       s.url(e, e.bare("refresh", "", "wait", "")),
		LookUp:    state != stateSignIn || e.session,
		SwitchURL: templ.SafeURL(e.with("lang", words.OtherLang, "wait", "")),
		Assets: templates.Assets{
			Style:  assetPath(web.Style),
			Script: assetPath(web.StatusScript),
			Icon:   assetPath(icon(state)),
		},
	}
	if e.request.Method == http.MethodPost { // a link cannot send it again
		p.SwitchURL = "/"
	}
	if s.Lister != nil && e.linked.IsZero() && (e.session || state != stateSignIn && e.path != "/sign-in") {
		p.RecentURL = templ.SafeURL(e.to("/tasks"))
	}
	switch {
	case e.session:
		p.SignedIn = fmt.Sprintf(words.SignedInAs, label(e.caller))
		p.SignURL = templ.SafeURL(e.to("/sign-out"))
	case !e.linked.IsZero() && s.Sessions != nil:
		p.Linked = fmt.Sprintf(words.LinkedUntil, e.linked.UTC().Format(time.DateOnly))
		p.SignURL = templ.SafeURL(e.to("/sign-in", "to", e.bare()))
	}
	for i, text := range task.DurationFormats {
		p.Durations[i] = text.In(e.language)
	}
	return p
}

// looked is the page of a look at tasks.
func (s *Site) looked(e *exchange, l look, state, title string) templates.Page {
	p := s.page(e, state, title)
	if next := task.NextLook(l.results, e.now); next > 0 {
		p.RetryAfter = strconv.Itoa(seconds(next))
	}
	p.IDs = idList(l.ids)
	return p
}

func (s *Site) taskPage(e *exchange, l look) ([]byte, error) {
	t, url := l.results[0].Task, l.told.Tasks[0].URL
	status := t.Status.Text().In(e.language)
	v := templates.Task{
		Page:        s.looked(e, l, state(t.Status), fmt.Sprintf("%s %s – %s", t.Status.Symbol(), status, t.ID)),
		Symbol:      t.Status.Symbol(),
		Status:      status,
		StatusValue: label(string(t.Status)),
		Type:        t.Type.Text().In(e.language),
		TypeValue:   label(string(t.Type)),
		ID:          string(t.ID),
		Directory:   string(t.Directory),
		Started:     instant(t.Start),
		Ended:       instant(t.End),
		Duration:    e.elapsed(t),
		Checked:     e.checked(t.CheckedAt, t.Done()),
		Failure:     e.failure(t, maxReason),
		RequestID:   t.RequestID,
		JSONURL:     templ.SafeURL(e.same("/tasks/" + string(t.ID) + ".json")),
		TextURL:     templ.SafeURL(e.same("/tasks/" + string(t.ID) + ".txt")),
		Curl:        `curl -H "Authorization: Bearer $TOKEN" '` + url + "'",
	}
	v.URL = url
	v.Heading, v.Elapsed = e.sentence(t)
	if d := t.Details; d != nil {
		v.Principal = named(d.PrincipalName, d.PrincipalID, d.PrincipalType.Text().In(e.language))
		v.Target = named(d.TargetName, d.TargetID, d.TargetPathName)
		v.AccessConfiguration = named(d.AccessConfigurationName, d.AccessConfigurationID, "")
	}
	if !t.Done() {
		v.Reload = e.reload(l.refresh)
	}
	if e.fragment {
		return render(templates.TaskContent(v))
	}
	return render(templates.TaskPage(v))
}

func (s *Site) boardPage(e *exchange, l look) ([]byte, error) {
	counts := l.told.Counts
	ended, total := counts.Failed+counts.Success, len(l.results)
	state, symbol := boardState(counts, l.results)
	heading := summary(counts, e.words())
	ids := idList(l.ids)
	v := templates.Board{
		Page:     s.looked(e, l, state, symbol+" "+heading),
		Heading:  heading,
		Ended:    strconv.Itoa(ended),
		Total:    strconv.Itoa(total),
		Progress: fmt.Sprintf(e.words().Progress, ended, total),
		Checked:  e.checked(checkedAt(l.results), settled(l.results)),
		JSONURL:  templ.SafeURL(e.same("/tasks.json", "id", ids)),
		TextURL:  templ.SafeURL(e.same("/tasks.txt", "id", ids)),
	}
	worstFirst := slices.Clone(l.results)
	slices.SortStableFunc(worstFirst, func(a, b task.Result) int { return urgency(a) - urgency(b) })
	for _, r := range worstFirst {
		v.Rows = append(v.Rows, e.row(r, s.rowURL(e, r.ID)))
	}
	if !settled(l.results) {
		v.Reload = e.reload(l.refresh)
	}
	if e.fragment {
		return render(templates.BoardContent(v))
	}
	return render(templates.BoardPage(v))
}

// checkedAt is when the oldest of the answers was given; zero where there is none.
func checkedAt(results []task.Result) time.Time {
	var oldest time.Time
	for _, r := range results {
		if r.Err == nil && (oldest.IsZero() || r.Task.CheckedAt.Before(oldest)) {
			oldest = r.Task.CheckedAt
		}
	}
	return oldest
}

// rowURL leads to a task's own page. A link that opens the page of several opens
// that too, and for as long.
func (s *Site) rowURL(e *exchange, id task.ID) templ.SafeURL {
	var opening []string
	if !e.linked.IsZero() {
		directory, _ := s.directory(e) // which opened has read
		parameters := s.Links.Link(linkSubject(directory, []task.ID{id}), e.linked)
		for name := range parameters {
			opening = append(opening, name, parameters.Get(name))
		}
	}
	return templ.SafeURL(e.to("/tasks/"+string(id), opening...))
}

func (e *exchange) row(r task.Result, url templ.SafeURL) templates.Row {
	row := templates.Row{ID: string(r.ID), URL: url}
	if r.Err != nil {
		p := problem(r.Err, e.language, "")
		row.State, row.Symbol, row.Status, row.Sentence = stateUnknown, "?", e.words().NotLookedUp, p.Title
		return row
	}
	t := r.Task
	row.State, row.Symbol, row.Status = state(t.Status), t.Status.Symbol(), t.Status.Text().In(e.language)
	row.Sentence, row.Elapsed = e.sentence(t)
	row.Subject = subject(t.Details)
	row.Failure = e.failure(t, maxRowReason)
	return row
}

// subject is whom and what a task is about, in one line.
func subject(d *task.Details) string {
	if d == nil {
		return ""
	}
	var text string
	if who := cmp.Or(d.PrincipalName, d.PrincipalID); who != "" {
		text = who + " → "
	}
	text += cmp.Or(d.TargetName, d.TargetID)
	if what := cmp.Or(d.AccessConfigurationName, d.AccessConfigurationID); what != "" {
		text += " · " + what
	}
	return label(text)
}

func named(name, id, note string) templates.Named {
	return templates.Named{Name: label(name), ID: label(id), Note: label(note)}
}

// maxName is how much of a name is shown, in characters: people give them.
const maxName = 200

// label is a name as a page shows it.
func label(name string) string {
	name, _ = cut(task.Visible(name), maxName)
	return name
}

// urgency orders a board: what a person must act on comes first.
func urgency(r task.Result) int {
	switch {
	case r.Err != nil:
		return 1
	case r.Task.Status == task.Failed:
		return 0
	case r.Task.Status == task.Success:
		return 3
	}
	return 2
}

// summary is the board in one sentence.
func summary(c Counts, w *templates.Words) string {
	var parts []string
	for _, part := range []struct {
		n    int
		text string
	}{
		{c.Failed, w.CountFailed},
		{c.InProgress, w.CountInProgress},
		{c.Unknown, w.CountUnknown},
		{c.Success, w.CountSuccess},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf(part.text, part.n))
		}
	}
	total := c.Failed + c.InProgress + c.Unknown + c.Success
	return fmt.Sprintf(w.Tasks, total) + w.Colon + strings.Join(parts, w.Comma)
}

// boardState is that of the worst of the tasks.
func boardState(c Counts, results []task.Result) (state, symbol string) {
	switch {
	case c.Failed > 0:
		return stateFailed, task.Failed.Symbol()
	case settled(results):
		return stateSuccess, task.Success.Symbol()
	case c.InProgress > 0:
		return stateOpen, task.InProgress.Symbol()
	}
	return stateUnknown, "?"
}

// state is the state of a page about a task.
func state(s task.Status) string {
	switch s {
	case task.Failed:
		return stateFailed
	case task.Success:
		return stateSuccess
	case task.InProgress:
		return stateOpen
	}
	return stateUnknown
}

// sentence says how the task stands. While it runs, the time that it has taken,
// with which the sentence ends, is apart: the page counts on from it.
func (e *exchange) sentence(t task.Task) (string, templates.Elapsed) {
	sentence := t.Sentence(e.now).In(e.language)
	if t.Done() {
		return sentence, templates.Elapsed{}
	}
	elapsed := e.elapsed(t)
	if start, ok := strings.CutSuffix(sentence, elapsed.Text); ok && elapsed.Seconds != "" {
		return start, elapsed
	}
	return sentence, templates.Elapsed{}
}

// elapsed is how long the task took, or has been running.
func (e *exchange) elapsed(t task.Task) templates.Elapsed {
	elapsed := templates.Elapsed{Text: t.ElapsedText(e.now).In(e.language)}
	if elapsed.Text != "" && !t.Done() {
		elapsed.Seconds = strconv.FormatInt(int64(t.Elapsed(e.now)/time.Second), 10)
	}
	return elapsed
}

// How much of a failure reason is shown, in characters: on the task's own page,
// and in a row among others. No reason that was ever seen is as long; one that
// is would push all else away.
const (
	maxReason    = 2000
	maxRowReason = 300
)

// failure is why the task failed, at most so many characters of it.
func (e *exchange) failure(t task.Task, most int) templates.Failure {
	f := templates.Failure{Reason: task.Visible(t.FailureReason), Hint: hint(t, e.language)}
	var left int
	if f.Reason, left = cut(f.Reason, most); left > 0 {
		f.More = fmt.Sprintf(e.words().ReasonCut, left)
	}
	return f
}

// instant is t for people, in UTC, and for machines; empty where t is zero.
func instant(t time.Time) templates.Time {
	if t.IsZero() {
		return templates.Time{}
	}
	t = t.UTC()
	return templates.Time{Text: t.Format("2006-01-02 15:04:05 UTC"), RFC3339: t.Format(time.RFC3339)}
}

// checked is when CloudSSO was asked. While that matters the page counts on
// from there; one that is settled may come out of a cache, where it would count wrong.
func (e *exchange) checked(t time.Time, settled bool) templates.Time {
	at := instant(t)
	if at.Text != "" && !settled {
		at.Age = strconv.FormatInt(int64(max(0, e.now.Sub(t))/time.Second), 10)
	}
	return at
}

// reload is what a page that is not settled offers: to look again and, for who
// has no JavaScript, to begin or stop doing so by itself every so often.
func (e *exchange) reload(every time.Duration) templates.Reload {
	r := templates.Reload{CheckURL: templ.SafeURL(e.with("wait", ""))}
	text := e.words().Refreshing
	if every > 0 {
		r.StopURL = templ.SafeURL(e.with("refresh", "", "wait", ""))
	} else {
		every, text = defaultRefresh, e.words().RefreshEvery
		r.BeginURL = templ.SafeURL(e.with("refresh", strconv.Itoa(seconds(every)), "wait", ""))
	}
	r.Every = fmt.Sprintf(text, task.DurationText(every).In(e.language))
	return r
}
