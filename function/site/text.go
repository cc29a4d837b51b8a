package site

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"taskstatus/function/task"
)

// maxLine bounds a line of text, in characters, so that a chat shows it whole.
// The id and the address are never cut; the failure reason is.
const maxLine = 200

// line is one task in one line, for a chat or a terminal.
func line(r task.Result, now time.Time, language task.Language, url string) string {
	colon := task.Text{En: ": ", Zh: "："}.In(language)
	if r.Err != nil {
		return fmt.Sprintf("? %s%s%s\n", r.ID, colon, task.KindOf(r.Err).Title().In(language))
	}
	t := r.Task
	text := fmt.Sprintf("%s %s%s%s %s", t.Status.Symbol(), t.Status.Text().In(language), colon, t.Type.Text().In(language), t.ID)
	if elapsed := t.ElapsedText(now).In(language); elapsed != "" {
		text += " (" + elapsed + ")"
	}
	if t.FailureReason != "" {
		room := maxLine - utf8.RuneCountInString(text) - utf8.RuneCountInString(url) - len(":  ")
		text += colon + oneLine(t.FailureReason, room)
	}
	return text + " " + url + "\n"
}

// oneLine is s on one line of at most room characters.
func oneLine(s string, room int) string {
	runes := []rune(strings.Join(strings.Fields(visible(s)), " "))
	if room = max(room, 1); len(runes) > room {
		return string(runes[:room-1]) + "…"
	}
	return string(runes)
}

// visible is s with what does not show replaced by a mark that does: control
// characters, which steer terminals and break pages, and those that turn the
// direction of the text around them. Line breaks stay.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) || r == '\n' || r == '\t' {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
