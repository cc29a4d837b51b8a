package chat

import (
	"strings"
	"unicode"

	"taskstatus/function/task"
)

// A verb is what a command wants.
type verb uint8

const (
	verbHelp verb = iota
	verbTask
	verbWait
	verbRecent
	verbFailed
)

// String names the verb for the log.
func (v verb) String() string {
	return [...]string{verbHelp: "help", verbTask: "task", verbWait: "wait", verbRecent: "recent", verbFailed: "failed"}[v]
}

// verbs are the words that commands begin with.
var verbs = [...]struct {
	word string
	verb verb
}{
	{"tasks", verbTask}, {"task", verbTask}, {"status", verbTask}, {"任务", verbTask}, {"查询", verbTask},
	{"wait", verbWait}, {"watch", verbWait}, {"等待", verbWait},
	{"recent", verbRecent}, {"list", verbRecent}, {"最近", verbRecent},
	{"failed", verbFailed}, {"失败", verbFailed},
	{"help", verbHelp}, {"帮助", verbHelp},
}

// A command is what somebody typed, understood.
type command struct {
	verb     verb
	language task.Language
	// text is what follows the verb: whatever holds the ids.
	text string
	// named says that the verb stood there, and is no guess.
	named bool
}

// parseCommand understands what somebody typed. Without a verb it is about the
// ids in it, and without those it is a call for help. It is answered in Chinese
// where anything is written in it, else in the usual language; en or zh, as a
// word of its own at its end, has its way.
func parseCommand(text string, usual task.Language) command {
	text = strings.TrimSpace(text)
	c := command{language: usual}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		c.language = task.Chinese
	}
	if rest, ok := cutLastWord(text, "en"); ok {
		c.language, text = task.English, rest
	} else if rest, ok := cutLastWord(text, "zh"); ok {
		c.language, text = task.Chinese, rest
	}
	mentioned := strings.HasPrefix(text, "@")
	for strings.HasPrefix(text, "@") { // the bot itself, by name
		text = afterWord(text)
	}
	c.text = text
	// The name in a mention can be of several words.
	for rest := text; rest != ""; rest = afterWord(rest) {
		if v, after, ok := verbOf(rest); ok {
			c.verb, c.text, c.named = v, after, true
			return c
		}
		if !mentioned || len(task.FindIDs(rest[:len(rest)-len(afterWord(rest))])) > 0 {
			break
		}
	}
	if len(task.FindIDs(text)) > 0 {
		c.verb = verbTask
	}
	return c
}

// verbOf returns the verb that the text begins with, and what follows it.
func verbOf(text string) (v verb, rest string, ok bool) {
	text = strings.TrimPrefix(text, "/")
	for _, known := range verbs {
		if rest, ok := cutWord(text, known.word); ok {
			return known.verb, rest, true
		}
	}
	return verbHelp, "", false
}

// afterWord is the text without its first word.
func afterWord(text string) string {
	i := strings.IndexFunc(text, unicode.IsSpace)
	if i < 0 {
		return ""
	}
	return strings.TrimSpace(text[i:])
}

// cutLastWord returns what stands before the word that the text ends in, in any case.
func cutLastWord(text, word string) (before string, ok bool) {
	i := strings.LastIndexFunc(text, unicode.IsSpace)
	if !strings.EqualFold(strings.TrimSpace(text[i+1:]), word) {
		return text, false
	}
	return strings.TrimSpace(text[:i+1]), true
}

// cutWord returns what follows the word that the text begins with, in any case.
// Chinese does not set a space after a word.
func cutWord(text, word string) (rest string, ok bool) {
	if len(text) < len(word) || !strings.EqualFold(text[:len(word)], word) {
		return "", false
	}
	rest = text[len(word):]
	trimmed := strings.TrimLeftFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || r == ':' || r == '：' })
	if word[0] < 0x80 && rest != "" && trimmed == rest {
		return "", false
	}
	return trimmed, true
}

// directoryIn takes the directory that the text names out of it, the first of
// those that are shown where it names none. One that is not shown is an error: it
// was not meant to be looked for elsewhere.
func directoryIn(text string, shown []task.DirectoryID) (task.DirectoryID, string, error) {
	notInID := func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }
	for word := range strings.FieldsFuncSeq(text, notInID) {
		directory, err := task.ParseDirectoryID(word)
		if err != nil {
			continue
		}
		if err := task.Shown(directory, shown); err != nil {
			return "", "", err
		}
		return directory, strings.ReplaceAll(text, word, " "), nil
	}
	return shown[0], text, nil
}
