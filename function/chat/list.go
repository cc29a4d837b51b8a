package chat

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"taskstatus/function/entry"
	"taskstatus/function/task"
)

// maxListed is how many tasks a list shows; the page has the rest.
const maxListed = 10

// list answers with the directory's recent tasks, or those that failed.
func (b *Bot) list(ctx context.Context, c command, directory task.DirectoryID) message {
	m := message{language: c.language}
	m.sign("")
	if b.Lister == nil {
		m.title = task.Text{En: "Recent tasks are not listed here", Zh: "未开启最近任务列表"}.In(c.language)
		m.notes = []string{task.Text{
			En: "Ask for a task by its id: task t-…. For the operator: RECENT_TASKS=on turns the list on.",
			Zh: "请按任务 ID 查询，例如“任务 t-…”。管理员可设置 RECENT_TASKS=on 开启列表。",
		}.In(c.language)}
		return m
	}
	request := task.ListRequest{Directory: directory, MaxResults: task.MaxPage}
	query := ""
	none := task.Text{En: "No tasks in the last 24 hours", Zh: "最近 24 小时没有任务"}
	some := task.Text{En: "Tasks of the last 24 hours: %d", Zh: "最近 24 小时共 %d 个任务"}
	empty, full := stateInfo, stateInfo
	if c.verb == verbFailed {
		request.Status = task.Failed
		query = "status=Failed"
		none = task.Text{En: "No task failed in the last 24 hours", Zh: "最近 24 小时没有失败的任务"}
		some = task.Text{En: "Failed in the last 24 hours: %d", Zh: "最近 24 小时有 %d 个任务失败"}
		empty, full = stateSuccess, stateFailed
	}
	m.link = b.page(directory, "/tasks", query)
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	page, err := b.Lister.ListTasks(ctx, request)
	if err != nil {
		entry.Fail(ctx, err)
		b.tellError(ctx, &m, err)
		return m
	}
	entry.Add(ctx, slog.Int("listed", len(page.Tasks)))
	m.sign(page.RequestID)
	m.fields = b.named(directory, c.language)
	if page.Total == 0 {
		m.state, m.title = empty, none.In(c.language)
		return m
	}
	m.state, m.title = full, fmt.Sprintf(some.In(c.language), page.Total)
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
	return m
}
