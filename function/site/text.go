package site

import (
	"fmt"
	"time"
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
	s = task.OneLine(s)
	if room = max(room, 1); utf8.RuneCountInString(s) > room {
		s, _ = cut(s, room-1)
	}
	return s
}

// cut is s, at most so many characters of it, and how many that leaves out.
func cut(s string, most int) (start string, left int) {
	if len(s) <= most { // in bytes, of which a character has at least one
		return s, 0
	}
	runes := []rune(s)
	if left = len(runes) - most; left <= 0 {
		return s, 0
	}
	return string(runes[:most]) + "…", left
}
