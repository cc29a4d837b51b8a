package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"taskstatus/function/entry"
	"taskstatus/function/task"
)

// A state is how things stand, which a platform shows as a colour.
type state uint8

// The states, in the order of who has to do something about them.
const (
	stateInfo    state = iota // nothing that could be well or not
	stateSuccess              // all is well
	stateOpen                 // in progress, or not known yet
	stateUnknown              // a task of which nobody knows
	stateFailed
)

// mark is the shape that goes with the state: it shows, in its own colour,
// where the platform has none, and in the notice on a locked screen.
func (s state) mark() string {
	switch s {
	case stateOpen:
		return "⏳"
	case stateSuccess:
		return "✅"
	case stateFailed:
		return "❌"
	case stateUnknown:
		return "❔"
	}
	return "ℹ️"
}

// stateOf is how a task stands.
func stateOf(status task.Status) state {
	switch status {
	case task.InProgress:
		return stateOpen
	case task.Success:
		return stateSuccess
	case task.Failed:
		return stateFailed
	}
	return stateUnknown
}

// A message is what is said in a chat, alike on every platform, which renders it
// in its own way. All texts are in one language, ready and not escaped.
type message struct {
	language task.Language
	state    state
	// title says how things stand, in a few words, and about what they do.
	title, about string
	fields       []field
	// reason is CloudSSO's own words, and hint our guess at what is behind them.
	reason, hint string
	// rows are several tasks, one a line.
	rows []row
	// more is how many rows are left out.
	more int
	// notes are further sentences, each a paragraph.
	notes []string
	// link leads to the page; empty where the site's address is not known.
	link string
	// footer is for who has to find the task again, such as a request id.
	footer string
	// document makes what a program is told in its place, by an id that is the same for
	// the same news. Answers have none.
	id       string
	document func() any
}

type field struct{ name, value string }

// A row is one task of several.
type row struct {
	state state
	// status is the state in words, about the type and the reason or what else there is.
	status, id, about string
	link              string
}

const (
	// maxReason is how much of a failure reason is repeated, in bytes: the page
	// has it all, and every platform has room for this.
	maxReason = 1500
	// maxRowReason is the same in a row.
	maxRowReason = 120
	// maxValue is how much of a value or a name is repeated, in bytes.
	maxValue = 200
	// timeLayout is a time with its offset: readers sit anywhere.
	timeLayout = "2006-01-02 15:04:05 -07:00"
)

// The words of messages.
var (
	wordTask       = task.Text{En: "Task", Zh: "任务"}
	wordDirectory  = task.Text{En: "Directory", Zh: "目录"}
	wordWho        = task.Text{En: "Who", Zh: "授权对象"}
	wordAccount    = task.Text{En: "Account", Zh: "账号"}
	wordAccess     = task.Text{En: "Access configuration", Zh: "访问配置"}
	wordDigest     = task.Text{En: "Digest: ", Zh: "任务汇总："}
	wordPeriod     = task.Text{En: "Period", Zh: "时间范围"}
	wordStarted    = task.Text{En: "Started", Zh: "开始时间"}
	wordEnded      = task.Text{En: "Ended", Zh: "结束时间"}
	wordTook       = task.Text{En: "Took", Zh: "用时"}
	wordRunning    = task.Text{En: "Running for", Zh: "已用时"}
	wordReason     = task.Text{En: "Failure reason", Zh: "失败原因"}
	wordHint       = task.Text{En: "What may have caused it", Zh: "可能的原因"}
	wordOpenPage   = task.Text{En: "Open the page", Zh: "查看详情"}
	wordRequest    = task.Text{En: "request id %s", Zh: "请求 ID %s"}
	wordMore       = task.Text{En: "and %d more", Zh: "还有 %d 个未列出"}
	wordChecking   = task.Text{En: "Still checking", Zh: "仍在查询"}
	wordColon      = task.Text{En: ": ", Zh: "："}
	wordNoAnswer   = task.Text{En: "CloudSSO has not answered yet. Ask again in a few seconds, or open the page, which goes on asking.", Zh: "云 SSO 尚未返回结果。请稍后再查，或打开页面查看，页面会自动刷新结果。"}
	wordTold       = task.Text{En: "You will be told here when it has ended, within %d min.", Zh: "任务结束后将在此通知您（%d 分钟内有效）。"}
	wordNotTold    = task.Text{En: "You cannot be told here when it has ended: %s.", Zh: "任务结束后无法通知您：%s。"}
	wordStillOpen  = task.Text{En: "It has not ended yet, and this is the last message about it here. Ask again, or open the page.", Zh: "任务尚未结束，此处不再另行通知。请稍后再次查询，或打开页面查看。"}
	wordStillAfter = task.Text{En: "Still in progress after %d min. ", Zh: "已执行 %d 分钟，仍未结束。"}
	wordAlike      = task.Text{En: "%d more like it", Zh: "另有 %d 个相同"}
	wordLongOpen   = task.Text{En: "In progress means here: for more than %d min.", Zh: "此处“执行中”指已超过 %d 分钟仍未结束的任务。"}
	wordGivenUp    = task.Text{En: "It is not watched any longer: ask again later, or open the page.", Zh: "不再继续监测，请稍后再次查询，或打开页面查看。"}
	wordCannotWait = task.Text{En: "this function runs where it cannot invoke itself", Zh: "本函数的运行环境不支持调用自身"}
	wordNotPosted  = task.Text{En: "The answer could not be posted here", Zh: "无法在此发布查询结果"}
	wordNoWayBack  = task.Text{En: "the platform gives no way to post here later", Zh: "平台未提供后续回复的途径"}
)

// brand stands in every message: robots of DingTalk and Feishu can be told to let only
// messages pass that hold a certain word.
const brand = "CloudSSO"

// aboutTask says how one task stands.
func (b *Bot) aboutTask(ctx context.Context, r task.Result, directory task.DirectoryID, language task.Language) message {
	m := message{language: language, link: b.taskPage(directory, r.ID)}
	m.fields = b.named(directory, language, field{wordTask.In(language), string(r.ID)})
	if r.Err != nil {
		b.tellError(ctx, &m, r.Err)
		return m
	}
	t, now := r.Task, b.Now()
	m.state = stateOf(t.Status)
	m.title, m.about = t.Status.Text().In(language), t.Type.Text().In(language)
	if of := t.Details; of != nil {
		m.addField(wordWho, of.PrincipalName)
		m.addField(wordAccount, strings.TrimSpace(of.TargetName+" "+of.TargetID))
		m.addField(wordAccess, of.AccessConfigurationName)
	}
	if !t.Start.IsZero() {
		m.addField(wordStarted, t.Start.In(b.Zone).Format(timeLayout))
	}
	took := wordRunning
	if t.Done() {
		took = wordTook
		if !t.End.IsZero() {
			m.addField(wordEnded, t.End.In(b.Zone).Format(timeLayout))
		}
	}
	m.addField(took, t.ElapsedText(now).In(language))
	if t.FailureReason != "" {
		m.reason = cut(task.Visible(t.FailureReason), maxReason)
		hint, _ := task.Hint(t.FailureReason)
		m.hint = hint.In(language)
	}
	m.sign(t.RequestID)
	return m
}

// heading is mark, title and what it is about, in a line.
func (m *message) heading() string {
	heading := m.state.mark() + " " + m.title
	if m.about != "" {
		heading += wordColon.In(m.language) + m.about
	}
	return heading
}

// named begins the fields of a message, with the directory where there are several.
func (b *Bot) named(directory task.DirectoryID, language task.Language, fields ...field) []field {
	if len(b.Directories) > 1 {
		fields = append(fields, field{wordDirectory.In(language), string(directory)})
	}
	return fields
}

// addField adds a field that has a value.
func (m *message) addField(name task.Text, value string) {
	if value = cut(task.OneLine(value), maxValue); value != "" {
		m.fields = append(m.fields, field{name.In(m.language), value})
	}
}

// sign puts a request id, where there is one, at the foot.
func (m *message) sign(requestID string) {
	m.footer = brand
	if requestID != "" {
		m.footer += " · " + fmt.Sprintf(wordRequest.In(m.language), requestID)
	}
}

// tellError says why a task could not be looked up. Of an error that nobody
// foresaw only our own request id is told.
func (b *Bot) tellError(ctx context.Context, m *message, err error) {
	kind := task.KindOf(err)
	m.sign("")
	if e, ok := errors.AsType[*task.Error](err); ok {
		m.sign(e.RequestID)
		if detail := e.Detail.In(m.language); detail != "" {
			m.notes = append(m.notes, detail)
		}
	}
	switch kind {
	case task.Timeout:
		m.state, m.title = stateOpen, wordChecking.In(m.language)
		m.notes = []string{wordNoAnswer.In(m.language)}
		return
	case task.Internal:
		m.sign(entry.RequestID(ctx))
	}
	m.state, m.title = stateUnknown, kind.Title().In(m.language)
	m.notes = append(m.notes, task.HintOf(err).In(m.language))
}

// aboutTasks says how tasks stand.
func (b *Bot) aboutTasks(ctx context.Context, results []task.Result, directory task.DirectoryID, language task.Language) message {
	if len(results) == 1 {
		return b.aboutTask(ctx, results[0], directory, language)
	}
	m := b.table(results, 0, directory, language)
	m.link = b.tasksPage(directory, results)
	return m
}

// table says how several tasks stand, the failed first, beside some that did well.
func (b *Bot) table(results []task.Result, succeeded int, directory task.DirectoryID, language task.Language) message {
	m := message{language: language, fields: b.named(directory, language)}
	m.sign("")
	var count [stateFailed + 1]int
	count[stateSuccess] = succeeded
	for _, r := range results {
		row := b.row(r, directory, language)
		count[row.state]++
		m.rows = append(m.rows, row)
	}
	slices.SortStableFunc(m.rows, func(a, b row) int { return cmp.Compare(b.state, a.state) })
	for i, n := range count {
		if n > 0 {
			m.state = state(i)
		}
	}
	m.title = counted(len(results)+succeeded, count, language)
	return m
}

// counted says how many tasks stand how.
func counted(all int, count [stateFailed + 1]int, language task.Language) string {
	var parts []string
	for _, of := range []struct {
		state      state
		part, sole task.Text
	}{
		{stateFailed, task.Text{En: "%d failed", Zh: "%d 个失败"}, task.Text{En: "%d tasks failed", Zh: "%d 个任务失败"}},
		{stateUnknown, task.Text{En: "%d unknown", Zh: "%d 个状态未知"}, task.Text{En: "%d tasks unknown", Zh: "%d 个任务状态未知"}},
		{stateOpen, task.Text{En: "%d in progress", Zh: "%d 个执行中"}, task.Text{En: "%d tasks in progress", Zh: "%d 个任务执行中"}},
		{stateSuccess, task.Text{En: "%d succeeded", Zh: "%d 个成功"}, task.Text{En: "%d tasks succeeded", Zh: "%d 个任务成功"}},
	} {
		switch n := count[of.state]; n {
		case 0:
		case all:
			return fmt.Sprintf(of.sole.In(language), n)
		default:
			parts = append(parts, fmt.Sprintf(of.part.In(language), n))
		}
	}
	if all == 0 {
		return task.Text{En: "no task ran", Zh: "没有任务"}.In(language)
	}
	return fmt.Sprintf(task.Text{En: "%d tasks: ", Zh: "%d 个任务："}.In(language), all) +
		strings.Join(parts, task.Text{En: ", ", Zh: "，"}.In(language))
}

func (b *Bot) row(r task.Result, directory task.DirectoryID, language task.Language) row {
	shown := row{state: stateUnknown, id: string(r.ID), link: b.taskPage(directory, r.ID)}
	if r.Err != nil {
		kind := task.KindOf(r.Err)
		shown.status = kind.Title().In(language)
		if kind == task.Timeout {
			shown.state, shown.status = stateOpen, wordChecking.In(language)
		}
		return shown
	}
	t := r.Task
	shown.state, shown.status = stateOf(t.Status), t.Status.Text().In(language)
	about := []string{t.Type.Text().In(language)}
	if of := t.Details; of != nil {
		about = append(about, cut(task.OneLine(of.PrincipalName), maxValue), cut(task.OneLine(of.TargetName), maxValue), cut(task.OneLine(of.AccessConfigurationName), maxValue))
	}
	about = append(about, cut(task.OneLine(t.FailureReason), maxRowReason))
	shown.about = strings.Join(slices.DeleteFunc(about, func(s string) bool { return s == "" }), " · ")
	return shown
}

// tasksPage is the address of a page about several tasks.
func (b *Bot) tasksPage(directory task.DirectoryID, results []task.Result) string {
	ids := make([]task.ID, len(results))
	for i, r := range results {
		ids[i] = r.ID
	}
	return b.Link(directory, ids)
}

// taskPage is the address of a task's page.
func (b *Bot) taskPage(directory task.DirectoryID, id task.ID) string {
	return b.Link(directory, []task.ID{id})
}

// page is the address of a page about the directory; empty where the site's is
// not known.
func (b *Bot) page(directory task.DirectoryID, path, query string) string {
	if b.PublicURL == "" {
		return ""
	}
	if directory != b.Directories[0] {
		if query != "" {
			query += "&"
		}
		query += "directory=" + string(directory)
	}
	if query != "" {
		query = "?" + query
	}
	return b.PublicURL + path + query
}

// helpful says what can be asked.
func helpful(language task.Language) message {
	m := message{language: language, title: task.Text{En: "What you can ask", Zh: "您可以这样问"}.In(language)}
	m.sign("")
	for _, line := range []struct{ command, what task.Text }{
		{task.Text{En: "task t-…", Zh: "任务 t-…"}, task.Text{En: "how a task stands, or several; paste anything that holds their ids", Zh: "查询任务状态，可一次查多个；粘贴任何含任务 ID 的内容即可"}},
		{task.Text{En: "wait t-…", Zh: "等待 t-…"}, task.Text{En: "the same, and once more when it has ended", Zh: "同上，结束后再通知一次"}},
		{task.Text{En: "failed", Zh: "失败"}, task.Text{En: "the tasks that failed in the last 24 hours", Zh: "最近 24 小时失败的任务"}},
		{task.Text{En: "recent", Zh: "最近"}, task.Text{En: "all tasks of the last 24 hours", Zh: "最近 24 小时的全部任务"}},
		{task.Text{En: "task t-… zh", Zh: "任务 t-… en"}, task.Text{En: "the answer in Chinese", Zh: "用英文回答"}},
	} {
		m.fields = append(m.fields, field{line.command.In(language), line.what.In(language)})
	}
	return m
}

// notHere says that nothing is answered in a conversation, and its id to
// whoever may change that.
func notHere(conversation string, language task.Language) message {
	m := message{language: language, title: task.Text{En: "This bot does not answer in this conversation", Zh: "机器人未在此会话中启用"}.In(language)}
	m.sign("")
	m.notes = []string{fmt.Sprintf(task.Text{
		En: "For the operator: its id is %s.", Zh: "管理员可将此会话加入允许列表，其 ID 为 %s。",
	}.In(language), cut(task.OneLine(conversation), maxRowReason))}
	return m
}

// cut is s in at most so many bytes, cut between characters where it is longer.
func cut(s string, most int) string {
	const ellipsis = "…"
	if len(s) <= most {
		return s
	}
	if most < len(ellipsis) {
		return ""
	}
	end := most - len(ellipsis)
	for end > 0 && s[end]&0xC0 == 0x80 {
		end--
	}
	return s[:end] + ellipsis
}
