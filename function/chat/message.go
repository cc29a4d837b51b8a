package chat

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"taskstatus/function/task"
)

// A mood is how things stand, which a platform shows as a colour.
type mood uint8

const (
	info    mood = iota // nothing that could be well or not
	unknown             // a task, of which nobody knows
	open
	good
	bad
)

// mark is the shape that goes with the mood: it shows, in its own colour,
// where the platform has none, and in the notice on a locked screen.
func (m mood) mark() string {
	switch m {
	case open:
		return "⏳"
	case good:
		return "✅"
	case bad:
		return "❌"
	case unknown:
		return "❔"
	}
	return "ℹ️"
}

// A Message is what is said in a chat, alike on every platform, which gives it
// its own dress. All texts are in one language, ready and not escaped.
type message struct {
	language task.Language
	mood     mood
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
	// small is for who has to find the task again, such as a request id.
	small string
}

type field struct{ name, value string }

// A row is one task of several.
type row struct {
	mood mood
	// state is the status in words, about the type and the reason or what else there is.
	state, id, about string
	link             string
}

const (
	// maxReason is how much of a failure reason is repeated, in bytes: the page
	// has it all, and every platform has room for this.
	maxReason = 1500
	// maxRowReason is the same in a row.
	maxRowReason = 120
	// timeLayout is a time with its offset: readers sit anywhere.
	timeLayout = "2006-01-02 15:04:05 -07:00"
)

// words of messages.
var (
	wordTask       = task.Text{En: "Task", Zh: "任务"}
	wordDirectory  = task.Text{En: "Directory", Zh: "目录"}
	wordStarted    = task.Text{En: "Started", Zh: "开始时间"}
	wordEnded      = task.Text{En: "Ended", Zh: "结束时间"}
	wordTook       = task.Text{En: "Took", Zh: "用时"}
	wordRunning    = task.Text{En: "Running for", Zh: "已用时"}
	wordFor        = task.Text{En: "For", Zh: "授权对象"}
	wordAccount    = task.Text{En: "Account", Zh: "账号"}
	wordConfig     = task.Text{En: "Access configuration", Zh: "访问配置"}
	wordReason     = task.Text{En: "Failure reason", Zh: "失败原因"}
	wordHint       = task.Text{En: "What may have caused it", Zh: "可能的原因"}
	wordOpenPage   = task.Text{En: "Open the page", Zh: "打开页面"}
	wordRequest    = task.Text{En: "request id %s", Zh: "请求 ID %s"}
	wordMore       = task.Text{En: "and %d more", Zh: "另有 %d 个"}
	wordChecking   = task.Text{En: "Still checking", Zh: "仍在查询"}
	wordColon      = task.Text{En: ": ", Zh: "："}
	wordNoAnswer   = task.Text{En: "CloudSSO has not answered yet. Ask again in a few seconds, or open the page, which goes on asking.", Zh: "云 SSO 尚未返回结果。请稍后再问，或打开页面，页面会继续查询。"}
	wordTold       = task.Text{En: "You will be told here when it has ended, within %s.", Zh: "结束后会在这里通知您（%s内有效）。"}
	wordNotTold    = task.Text{En: "You cannot be told here when it has ended: %s.", Zh: "无法在结束后通知您：%s。"}
	wordStillOpen  = task.Text{En: "It has not ended yet, and this is the last message about it here. Ask again, or open the page.", Zh: "任务尚未结束，这是此处最后一次通知。请再次查询，或打开页面。"}
	wordCannotWait = task.Text{En: "this function runs where it cannot invoke itself", Zh: "本函数的运行环境不支持调用自身"}
)

// brand stands in every message: robots of DingTalk and Feishu can be told to let only
// messages pass that hold a certain word.
const brand = "CloudSSO"

// moodOf is how a task stands.
func moodOf(status task.Status) mood {
	switch status {
	case task.InProgress:
		return open
	case task.Success:
		return good
	case task.Failed:
		return bad
	}
	return unknown
}

// aboutTask says how one task stands.
func (b *Bot) aboutTask(r task.Result, directory task.DirectoryID, language task.Language) message {
	m := message{language: language, link: b.page(directory, r.ID)}
	if r.Err != nil {
		m.fields = b.named(directory, language, field{wordTask.In(language), string(r.ID)})
		b.tellError(&m, r.Err)
		return m
	}
	t, now := r.Task, b.Now()
	m.mood = moodOf(t.Status)
	m.title, m.about = t.Status.Text().In(language), t.Type.Text().In(language)
	m.fields = b.named(directory, language, field{wordTask.In(language), string(r.ID)})
	if of := t.Details; of != nil {
		m.addField(wordFor, strings.TrimSpace(of.PrincipalType.Text().In(language)+" "+of.PrincipalName))
		m.addField(wordAccount, of.TargetName)
		m.addField(wordConfig, of.AccessConfigurationName)
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
	heading := m.mood.mark() + " " + m.title
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
	if value = oneLine(value); value != "" {
		m.fields = append(m.fields, field{name.In(m.language), value})
	}
}

// sign puts the request id of CloudSSO's, where there is one, at the foot.
func (m *message) sign(requestID string) {
	m.small = brand
	if requestID != "" {
		m.small += " · " + fmt.Sprintf(wordRequest.In(m.language), requestID)
	}
}

// tellError says why a task could not be looked up. Of an error that nobody
// foresaw only our own request id is told, by who has it.
func (b *Bot) tellError(m *message, err error) {
	kind := task.KindOf(err)
	m.sign("")
	if e, ok := errors.AsType[*task.Error](err); ok {
		m.sign(e.RequestID)
		if detail := e.Detail.In(m.language); detail != "" {
			m.notes = append(m.notes, detail)
		}
	}
	if kind == task.Timeout {
		m.mood, m.title = open, wordChecking.In(m.language)
		m.notes = []string{wordNoAnswer.In(m.language)}
		return
	}
	m.mood, m.title = unknown, kind.Title().In(m.language)
	m.notes = append(m.notes, kind.Hint().In(m.language))
}

// aboutTasks says how several tasks stand, the failed first.
func (b *Bot) aboutTasks(results []task.Result, directory task.DirectoryID, language task.Language) message {
	if len(results) == 1 {
		return b.aboutTask(results[0], directory, language)
	}
	m := message{language: language, fields: b.named(directory, language)}
	m.sign("")
	var count [bad + 1]int
	ids := make([]task.ID, len(results))
	for i, r := range results {
		row := b.row(r, directory, language)
		count[row.mood]++
		m.rows = append(m.rows, row)
		ids[i] = r.ID
	}
	slices.SortStableFunc(m.rows, func(a, b row) int { return rank(a.mood) - rank(b.mood) })
	m.mood = m.rows[0].mood
	m.title = counted(len(results), count, language)
	m.link = b.page(directory, ids...)
	return m
}

// rank is where rows in a mood stand: first what somebody has to do something about.
func rank(m mood) int { return slices.Index([]mood{bad, unknown, open, good}, m) }

// counted says how many tasks stand how.
func counted(all int, count [bad + 1]int, language task.Language) string {
	parts := []string{}
	for _, part := range []struct {
		mood mood
		text task.Text
	}{
		{bad, task.Text{En: "%d failed", Zh: "%d 个失败"}},
		{unknown, task.Text{En: "%d unknown", Zh: "%d 个未知"}},
		{open, task.Text{En: "%d in progress", Zh: "%d 个执行中"}},
		{good, task.Text{En: "%d succeeded", Zh: "%d 个成功"}},
	} {
		if n := count[part.mood]; n > 0 {
			parts = append(parts, fmt.Sprintf(part.text.In(language), n))
		}
	}
	return fmt.Sprintf(task.Text{En: "%d tasks: ", Zh: "%d 个任务："}.In(language), all) +
		strings.Join(parts, task.Text{En: ", ", Zh: "，"}.In(language))
}

func (b *Bot) row(r task.Result, directory task.DirectoryID, language task.Language) row {
	shown := row{mood: unknown, id: string(r.ID), link: b.page(directory, r.ID)}
	if r.Err != nil {
		kind := task.KindOf(r.Err)
		shown.state = kind.Title().In(language)
		if kind == task.Timeout {
			shown.mood, shown.state = open, wordChecking.In(language)
		}
		return shown
	}
	t := r.Task
	shown.mood, shown.state = moodOf(t.Status), t.Status.Text().In(language)
	about := []string{oneLine(t.Type.Text().In(language))}
	if of := t.Details; of != nil {
		about = append(about, oneLine(of.PrincipalName), oneLine(of.TargetName), oneLine(of.AccessConfigurationName))
	}
	about = append(about, cut(oneLine(t.FailureReason), maxRowReason))
	shown.about = strings.Join(slices.DeleteFunc(about, func(s string) bool { return s == "" }), " · ")
	return shown
}

// page is the address of a page about the tasks; empty where the site's is not known.
func (b *Bot) page(directory task.DirectoryID, ids ...task.ID) string {
	if b.PublicURL == "" || len(ids) == 0 {
		return ""
	}
	var address strings.Builder
	address.WriteString(b.PublicURL + "/tasks")
	separator := "?"
	if len(ids) == 1 {
		address.WriteString("/" + string(ids[0]))
	} else {
		for i, id := range ids {
			address.WriteString([]string{"?id=", ","}[min(i, 1)] + string(id))
		}
		separator = "&"
	}
	if directory != b.Directories[0] {
		address.WriteString(separator + "directory=" + string(directory))
	}
	return address.String()
}

// within says how long something goes on, in words that round down.
func within(d time.Duration, language task.Language) string {
	return fmt.Sprintf(task.Text{En: "%s min", Zh: "%s 分钟"}.In(language), strconv.Itoa(int(max(d, time.Minute)/time.Minute)))
}

// oneLine is s on one line, with what does not show made to show.
func oneLine(s string) string { return strings.Join(strings.Fields(task.Visible(s)), " ") }

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
