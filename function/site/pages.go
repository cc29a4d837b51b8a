package site

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"taskstatus/function/task"
	"taskstatus/templates"
)

// render renders a whole page, or none.
func render(c templ.Component) ([]byte, error) {
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		return nil, fmt.Errorf("render the page: %w", err)
	}
	return b.Bytes(), nil
}

func (e *exchange) page(title string) templates.Page {
	words := e.words()
	return templates.Page{
		Words:     words,
		Title:     title,
		SwitchURL: templ.SafeURL(e.with("lang", words.OtherLang)),
	}
}

func (e *exchange) taskPage(l look) ([]byte, error) {
	t := l.results[0].Task
	words := e.words()
	status := t.Status.Text().In(e.language)
	v := templates.Task{
		Page:          e.page(fmt.Sprintf("%s %s – %s – %s", t.Status.Symbol(), status, t.ID, words.Site)),
		Heading:       t.Sentence(e.now).In(e.language),
		State:         state(t.Status),
		Symbol:        t.Status.Symbol(),
		Status:        status,
		StatusValue:   string(t.Status),
		Type:          t.Type.Text().In(e.language),
		TypeValue:     string(t.Type),
		ID:            string(t.ID),
		Directory:     string(t.Directory),
		Started:       instant(t.Start),
		Ended:         instant(t.End),
		Duration:      t.ElapsedText(e.now).In(e.language),
		Checked:       instant(t.CheckedAt),
		FailureReason: visible(t.FailureReason),
		Hint:          hint(t, e.language),
		RequestID:     t.RequestID,
		JSONURL:       templ.SafeURL(e.at("/tasks/"+string(t.ID)+".json", "refresh", "")),
		TextURL:       templ.SafeURL(e.at("/tasks/"+string(t.ID)+".txt", "refresh", "")),
		Curl:          `curl -H "Authorization: Bearer $TOKEN" '` + l.url(t.ID) + "'",
	}
	if !t.Done() {
		v.Reload = e.reload(l.refresh)
	}
	return render(templates.TaskPage(v))
}

func (e *exchange) boardPage(l look) ([]byte, error) {
	counts := l.told.Counts
	v := templates.Board{
		Page:    e.page(summary(counts, e.language) + " – " + e.words().Site),
		Heading: summary(counts, e.language),
		Done:    strconv.Itoa(counts.Failed + counts.Success),
		Total:   strconv.Itoa(len(l.results)),
		Checked: instant(checkedAt(l.results)),
		JSONURL: templ.SafeURL(e.at("/tasks.json", "refresh", "")),
		TextURL: templ.SafeURL(e.at("/tasks.txt", "refresh", "")),
	}
	worstFirst := slices.Clone(l.results)
	slices.SortStableFunc(worstFirst, func(a, b task.Result) int { return urgency(a) - urgency(b) })
	for _, r := range worstFirst {
		v.Rows = append(v.Rows, e.row(r))
	}
	if !settled(l.results) {
		v.Reload = e.reload(l.refresh)
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

func (e *exchange) row(r task.Result) templates.Row {
	row := templates.Row{ID: string(r.ID), URL: templ.SafeURL(e.at("/tasks/"+string(r.ID), "id", "", "wait", "", "refresh", ""))}
	if r.Err != nil {
		p := problem(r.Err, e.language, "")
		row.State, row.Symbol, row.Status, row.Sentence = "unknown", "?", e.words().NotLookedUp, p.Title
		return row
	}
	t := r.Task
	row.State, row.Symbol, row.Status = state(t.Status), t.Status.Symbol(), t.Status.Text().In(e.language)
	row.Sentence = t.Sentence(e.now).In(e.language)
	row.FailureReason, row.Hint = visible(t.FailureReason), hint(t, e.language)
	return row
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
func summary(c Counts, language task.Language) string {
	var parts []string
	for _, part := range []struct {
		n    int
		text task.Text
	}{
		{c.Failed, task.Text{En: "%d failed", Zh: "%d 个失败"}},
		{c.InProgress, task.Text{En: "%d in progress", Zh: "%d 个执行中"}},
		{c.Unknown, task.Text{En: "%d unknown", Zh: "%d 个未知"}},
		{c.Success, task.Text{En: "%d succeeded", Zh: "%d 个成功"}},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf(part.text.In(language), part.n))
		}
	}
	total := c.Failed + c.InProgress + c.Unknown + c.Success
	return fmt.Sprintf(task.Text{En: "%d tasks: ", Zh: "共 %d 个任务："}.In(language), total) +
		strings.Join(parts, task.Text{En: ", ", Zh: "，"}.In(language))
}

// state is the class of a status, for colours.
func state(s task.Status) string {
	switch s {
	case task.Failed:
		return "failed"
	case task.Success:
		return "success"
	case task.InProgress:
		return "open"
	}
	return "unknown"
}

// instant is t for people, in UTC, and for machines; empty where t is zero.
func instant(t time.Time) templates.Time {
	if t.IsZero() {
		return templates.Time{}
	}
	t = t.UTC()
	return templates.Time{Text: t.Format("2006-01-02 15:04:05 UTC"), RFC3339: t.Format(time.RFC3339)}
}

// reload is what a page that is not settled offers to those without JavaScript:
// to look again, and to begin or stop doing so by itself every so often.
func (e *exchange) reload(every time.Duration) templates.Reload {
	r := templates.Reload{CheckURL: templ.SafeURL(e.with())}
	if every > 0 {
		r.StopURL = templ.SafeURL(e.with("refresh", ""))
	} else {
		every = defaultRefresh
		r.BeginURL = templ.SafeURL(e.with("refresh", strconv.Itoa(seconds(every))))
	}
	r.Every = task.DurationText(every).In(e.language)
	return r
}
