package site

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"taskstatus/function/task"
	"taskstatus/templates"
)

const day = 24 * time.Hour

// maxDays is how far back the list of recent tasks goes, and listMargin by how
// much less than CloudSSO allows: so long after the first page the last one
// can still be turned to.
const (
	maxDays    = int(task.ListWindow / day)
	listMargin = 30 * time.Minute
)

// errRecentOff is what who asks for the list learns where it is off.
var errRecentOff = &refusal{status: http.StatusNotFound, name: "recent-off",
	title: task.Text{En: "Recent tasks are not listed here", Zh: "此处不列出最近的任务"},
	hint: task.Text{
		En: "Ask for tasks by their ids: /tasks?id=a,b. For the operator: RECENT_TASKS=on turns the list on.",
		Zh: "请按任务 ID 查询：/tasks?id=a,b。管理员可通过 RECENT_TASKS=on 开启列表。",
	}}

// The values that a list can be narrowed down to.
var (
	statuses = []task.Status{task.Failed, task.InProgress, task.Success}
	types    = []task.Type{
		task.CreateAccessAssignment, task.DeleteAccessAssignment,
		task.ProvisionAccessConfiguration, task.DeprovisionAccessConfiguration,
	}
)

// A recent is what is asked for of the recent tasks: ?days=N, ?status=… and
// ?type=… of the reader's choice, and the ?since=… and ?after=… that a link to
// a further page has.
type recent struct {
	directory task.DirectoryID
	days      int
	since     time.Time
	// status and taskType are empty for all.
	status   task.Status
	taskType task.Type
	after    string
}

func (s *Site) recent(e *exchange) (recent, error) {
	directory, err := s.directory(e)
	if err != nil {
		return recent{}, err
	}
	r := recent{directory: directory, days: 1, status: task.Status(e.query.Get("status")), taskType: task.Type(e.query.Get("type")), after: e.query.Get("after")}
	if r.status != "" && !slices.Contains(statuses, r.status) {
		return r, notOneOf("status", string(r.status), statuses)
	}
	if r.taskType != "" && !slices.Contains(types, r.taskType) {
		return r, notOneOf("type", string(r.taskType), types)
	}
	if value := e.query.Get("days"); value != "" {
		if r.days, err = strconv.Atoi(value); err != nil || r.days < 1 || r.days > maxDays {
			return r, task.Errorf(task.Invalid, task.Text{
				En: "days is %.40q: it takes a whole number from 1 to %d",
				Zh: "参数 days 的值 %.40q 无效：应为 1 到 %d 的整数",
			}, value, maxDays)
		}
	}
	r.since = e.now.UTC().Truncate(time.Second).Add(-min(time.Duration(r.days)*day, task.ListWindow-listMargin))
	if value := e.query.Get("since"); value != "" {
		since, err := time.Parse(time.RFC3339, value)
		if err != nil || since.After(e.now) {
			return r, task.Errorf(task.Invalid, task.Text{
				En: "since is %.40q: it takes a time in the past like 2026-01-02T15:04:05Z",
				Zh: "参数 since 的值 %.40q 无效：应为过去的时间，例如 2026-01-02T15:04:05Z",
			}, value)
		}
		if e.now.Sub(since) > task.ListWindow {
			return r, task.Errorf(task.Invalid, task.Text{
				En: "since is more than %d days back, which is as far as CloudSSO lists tasks: begin again with the first page",
				Zh: "参数 since 早于 %d 天前，超出了云 SSO 的列表范围：请从首页重新开始",
			}, maxDays)
		}
		r.since = since
		if !e.query.Has("days") {
			r.days = max(1, int((e.now.Sub(since)+day-1)/day))
		}
	}
	return r, nil
}

func notOneOf[T ~string](name, value string, known []T) error {
	all := make([]string, len(known))
	for i, k := range known {
		all[i] = string(k)
	}
	return task.Errorf(task.Invalid, task.Text{
		En: "%s is %.40q: it takes one of %s",
		Zh: "参数 %s 的值 %.40q 无效：应为 %s 之一",
	}, name, value, strings.Join(all, ", "))
}

// RecentDocument is a page of the directory's recent tasks as JSON, the latest
// first. Done and Counts are those of this page.
type RecentDocument struct {
	Documents
	// Total is the number of tasks on all pages.
	Total int `json:"total"`
	// Next is where the next page is; empty on the last.
	Next string `json:"next,omitempty"`
}

// recentTasks answers GET /tasks. Nobody keeps the answer: it names people, and
// may be another a moment later.
func (s *Site) recentTasks(e *exchange) (*answer, error) {
	if s.Lister == nil {
		return nil, errRecentOff
	}
	asked, err := s.recent(e)
	if err != nil {
		return nil, err
	}
	listed, err := s.Lister.ListTasks(e.request.Context(), task.ListRequest{
		Directory: asked.directory, Status: asked.status, Type: asked.taskType,
		StartedSince: asked.since, MaxResults: task.MaxPage, NextToken: asked.after,
	})
	if err != nil {
		return nil, err
	}
	e.now = s.Now()
	e.log(slog.Int("listed", len(listed.Tasks)))
	// CloudSSO documents no order.
	slices.SortStableFunc(listed.Tasks, func(a, b task.Task) int { return b.Start.Compare(a.Start) })
	results := make([]task.Result, len(listed.Tasks))
	for i, t := range listed.Tasks {
		results[i] = task.Result{ID: t.ID, Task: t}
	}
	told := RecentDocument{Documents: s.documents(e, results), Total: listed.Total}
	if listed.NextToken != "" {
		told.Next = e.with("since", asked.since.Format(time.RFC3339), "after", listed.NextToken)
	}

	a := &answer{status: http.StatusOK, contentType: e.form.contentType(), localized: true, cache: noStore}
	switch e.form {
	case asJSON:
		if told.Next != "" {
			told.Next = s.url(e, told.Next)
			a.set("Link", "<"+told.Next+`>; rel="next"`)
		}
		a.body = encode(told)
	case asText:
		for i, r := range results {
			a.body = append(a.body, line(r, e.now, e.language, told.Tasks[i].URL)...)
		}
	default:
		a.body, err = s.recentPage(e, asked, results, told)
	}
	return a, err
}

func (s *Site) recentPage(e *exchange, asked recent, results []task.Result, told RecentDocument) ([]byte, error) {
	w := e.words()
	period := e.period(asked.days)
	heading := fmt.Sprintf(w.RecentNone, period)
	switch {
	case told.Total == 1:
		heading = fmt.Sprintf(w.RecentOne, period)
	case told.Total > 1:
		heading = fmt.Sprintf(w.RecentCount, told.Total, period)
	}
	// first is the first page of the list with one parameter changed.
	first := func(name, value string) templ.SafeURL {
		return templ.SafeURL(e.at("/tasks", "since", "", "after", "", name, value))
	}
	v := templates.Recent{
		Page:    s.page(e, stateUnknown, heading),
		Heading: heading,
		Checked: e.checked(e.now, false),
		NextURL: templ.SafeURL(told.Next),
		JSONURL: templ.SafeURL(e.at("/tasks.json")),
		TextURL: templ.SafeURL(e.at("/tasks.txt")),
		Filters: s.filters(e, asked, first),
	}
	if asked.after != "" {
		v.FirstURL = first("after", "")
	}
	var open []string
	for _, r := range results {
		row := e.row(r, s.rowURL(e, r.ID))
		row.Started = instant(r.Task.Start)
		v.Rows = append(v.Rows, row)
		if !r.Task.Done() {
			open = append(open, string(r.ID))
		}
	}
	if len(open) > 0 {
		v.WatchURL = templ.SafeURL(e.to("/tasks", "id", strings.Join(open, ",")))
	}
	return render(templates.RecentPage(v))
}

// filters are the ways to narrow the list down. first makes their links.
func (s *Site) filters(e *exchange, asked recent, first func(name, value string) templ.SafeURL) []templates.Filter {
	w := e.words()
	periods := templates.Filter{Name: w.Period}
	for _, days := range []int{1, 3, maxDays} {
		periods.Choices = append(periods.Choices, templates.Choice{
			Text: e.period(days), URL: first("days", strconv.Itoa(days)), Current: days == asked.days,
		})
	}
	byStatus := templates.Filter{Name: w.Status, Choices: []templates.Choice{{Text: w.All, URL: first("status", ""), Current: asked.status == ""}}}
	for _, status := range statuses {
		byStatus.Choices = append(byStatus.Choices, templates.Choice{
			Text: status.Text().In(e.language), URL: first("status", string(status)), Current: status == asked.status,
		})
	}
	byType := templates.Filter{Name: w.Type, Choices: []templates.Choice{{Text: w.All, URL: first("type", ""), Current: asked.taskType == ""}}}
	for _, t := range types {
		byType.Choices = append(byType.Choices, templates.Choice{
			Text: t.Text().In(e.language), URL: first("type", string(t)), Current: t == asked.taskType,
		})
	}
	filters := []templates.Filter{periods, byStatus, byType}
	if len(s.Directories) > 1 {
		byDirectory := templates.Filter{Name: w.Directory}
		for _, directory := range s.Directories {
			byDirectory.Choices = append(byDirectory.Choices, templates.Choice{
				Text: string(directory), URL: first("directory", string(directory)), Current: directory == asked.directory,
			})
		}
		filters = append(filters, byDirectory)
	}
	return filters
}

// period names a number of days.
func (e *exchange) period(days int) string {
	if days == 1 {
		return e.words().Day
	}
	return fmt.Sprintf(e.words().Days, days)
}
