package task

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// A Language is one that people are answered in. The zero value is English.
type Language uint8

// The languages.
const (
	English Language = iota
	Chinese
)

// Tag is the BCP 47 language tag: "en" or "zh-CN".
func (l Language) Tag() string {
	if l == Chinese {
		return "zh-CN"
	}
	return "en"
}

// Text is one text for people, in every Language.
type Text struct{ En, Zh string }

// In returns the text in l.
func (t Text) In(l Language) string {
	if l == Chinese {
		return t.Zh
	}
	return t.En
}

// Text names the status in words; one that is not known is named by itself, as
// far as it shows. The Chinese words are those of Alibaba's own API page.
func (s Status) Text() Text {
	switch s {
	case InProgress:
		return Text{"In progress", "执行中"}
	case Success:
		return Text{"Success", "执行成功"}
	case Failed:
		return Text{"Failed", "执行失败"}
	}
	return named(string(s))
}

// Symbol is the shape that goes with the status, so that colour is never all
// that tells states apart.
func (s Status) Symbol() string {
	switch s {
	case InProgress:
		return "…"
	case Success:
		return "✓"
	case Failed:
		return "✕"
	}
	return "?"
}

// Text names the type in words; one that is not known is named by itself.
// The Chinese words are those of Alibaba's own API page.
func (t Type) Text() Text {
	switch t {
	case ProvisionAccessConfiguration:
		return Text{"Provision access configuration", "部署访问配置"}
	case DeprovisionAccessConfiguration:
		return Text{"De-provision access configuration", "解除访问配置部署"}
	case CreateAccessAssignment:
		return Text{"Assign access to an account", "在 RD 账号上授权"}
	case DeleteAccessAssignment:
		return Text{"Remove access from an account", "移除 RD 账号上的授权"}
	}
	return named(string(t))
}

// Text names the type in words; one that is not known is named by itself.
func (p PrincipalType) Text() Text {
	switch p {
	case User:
		return Text{"User", "用户"}
	case Group:
		return Text{"Group", "用户组"}
	}
	return named(string(p))
}

// named is a word of CloudSSO's that is not known here, in every language.
func named(word string) Text {
	word = OneLine(word)
	return Text{word, word}
}

// Sentence says in one sentence how the task stands at now.
func (t Task) Sentence(now time.Time) Text {
	verb := t.Type.verb()
	switch t.Status {
	case Success:
		took := t.took(now, Text{" in ", "，用时"})
		return Text{verb.done.En + took.En, verb.done.Zh + took.Zh}
	case Failed:
		took := t.took(now, Text{": failed after ", "，用时"})
		return Text{verb.failed.En + took.En, verb.failed.Zh + took.Zh}
	case InProgress:
		took := t.took(now, Text{", for ", "，已用时"})
		return Text{verb.doing.En + took.En, verb.doing.Zh + took.Zh}
	}
	status := t.Status.Text()
	return Text{"CloudSSO gives a state that is not known here: " + status.En, "云 SSO 返回了未知的状态：" + status.Zh}
}

// ElapsedText says how long the task took, or has been running at now. It is
// empty where that is not known.
func (t Task) ElapsedText(now time.Time) Text {
	if t.Start.IsZero() || t.Done() && t.End.IsZero() {
		return Text{}
	}
	return DurationText(t.Elapsed(now))
}

// took is ElapsedText after the words that lead to it.
func (t Task) took(now time.Time, lead Text) Text {
	d := t.ElapsedText(now)
	if d == (Text{}) {
		return d
	}
	if d.Zh[0] <= '9' {
		// Chinese sets a space before a digit, and none before a word.
		lead.Zh += " "
	}
	return Text{lead.En + d.En, lead.Zh + d.Zh}
}

type verb struct{ doing, done, failed Text }

func (t Type) verb() verb {
	switch t {
	case ProvisionAccessConfiguration:
		return verb{
			Text{"The access configuration is being provisioned", "正在部署访问配置"},
			Text{"The access configuration was provisioned", "访问配置部署成功"},
			Text{"The access configuration was not provisioned", "访问配置部署失败"},
		}
	case DeprovisionAccessConfiguration:
		return verb{
			Text{"The access configuration is being de-provisioned", "正在解除访问配置部署"},
			Text{"The access configuration was de-provisioned", "解除访问配置部署成功"},
			Text{"The access configuration was not de-provisioned", "解除访问配置部署失败"},
		}
	case CreateAccessAssignment:
		return verb{
			Text{"Access is being assigned", "正在授权"},
			Text{"Access was assigned", "授权成功"},
			Text{"Access was not assigned", "授权失败"},
		}
	case DeleteAccessAssignment:
		return verb{
			Text{"Access is being removed", "正在移除授权"},
			Text{"Access was removed", "移除授权成功"},
			Text{"Access was not removed", "移除授权失败"},
		}
	}
	return verb{
		Text{"The task is running", "任务正在执行"},
		Text{"The task succeeded", "任务执行成功"},
		Text{"The task did not succeed", "任务执行失败"},
	}
}

// DurationFormats are what DurationText fills in, from the shortest on, for a
// page that counts on by itself: nothing, seconds, minutes and seconds, hours
// and minutes.
var DurationFormats = [4]Text{
	{"less than 1 s", "不到 1 秒"},
	{"%d s", "%d 秒"},
	{"%d min %d s", "%d 分 %d 秒"},
	{"%d h %d min", "%d 小时 %d 分"},
}

// DurationText says how long d is: whole seconds, then minutes and seconds,
// then hours and minutes.
func DurationText(d time.Duration) Text {
	seconds := int64(d / time.Second)
	minutes, hours := seconds/60, seconds/3600
	switch {
	case seconds < 1:
		return DurationFormats[0]
	case minutes < 1:
		return DurationFormats[1].with(seconds)
	case hours < 1:
		return DurationFormats[2].with(minutes, seconds%60)
	}
	return DurationFormats[3].with(hours, minutes%60)
}

// with is the text with its verbs filled in.
func (t Text) with(args ...any) Text {
	return Text{fmt.Sprintf(t.En, args...), fmt.Sprintf(t.Zh, args...)}
}

// Visible is s with what does not show replaced by a mark that does: control
// characters, which steer terminals and break pages, those that turn the
// direction of the text around them, and those that are not there to be seen
// though they count as letters or symbols. Line breaks stay.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsGraphic(r) && r != brailleBlank && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// OneLine is s as Visible gives it, on one line and without space around it.
func OneLine(s string) string { return strings.Join(strings.Fields(Visible(s)), " ") }

// brailleBlank is a symbol without a dot.
const brailleBlank = '\u2800'
