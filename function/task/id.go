package task

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode"
)

// An ID names a task: "t-" and 6 to 40 lower-case letters or digits. CloudSSO
// does not document the form; every id seen has 20 after the dash, but other
// lengths are let through so that a new one needs no release of this.
type ID string

// A DirectoryID names a CloudSSO directory: "d-" and 6 to 40 lower-case
// letters or digits.
type DirectoryID string

const (
	minIDLength = 6
	maxIDLength = 40
	// maxShownLength bounds how much of a bad value its error repeats.
	maxShownLength = 60
)

// ParseID returns s, trimmed of white space, as a task id, or an Invalid error
// that names what is wrong with it.
func ParseID(s string) (ID, error) {
	id, err := parse(s, "t-", Text{"task id", "任务 ID"})
	return ID(id), err
}

// ParseDirectoryID returns s, trimmed of white space, as a directory id, or an
// Invalid error that names what is wrong with it.
func ParseDirectoryID(s string) (DirectoryID, error) {
	id, err := parse(s, "d-", Text{"directory id", "目录 ID"})
	return DirectoryID(id), err
}

func parse(s, prefix string, what Text) (string, error) {
	s = strings.TrimSpace(s)
	rest, ok := strings.CutPrefix(s, prefix)
	if ok && len(rest) >= minIDLength && len(rest) <= maxIDLength && idLength(rest) == len(rest) {
		return s, nil
	}
	switch {
	case s == "":
		return "", Errorf(Invalid, Text{"the " + what.En + " is empty", what.Zh + "为空"})
	case strings.Contains(s, "*"):
		return "", Errorf(Invalid, Text{
			"%s is masked with asterisks: copy the whole " + what.En,
			"%s 含有星号，请复制完整的" + what.Zh,
		}, shown(s))
	}
	return "", Errorf(Invalid, Text{
		"%s is not a " + what.En + ": one is %q and %d to %d lower-case letters and digits",
		"%s 不是有效的" + what.Zh + "：应为 %q 加 %d 到 %d 位小写字母或数字",
	}, shown(s), prefix, minIDLength, maxIDLength)
}

// shown quotes a value that somebody sent, so that an error can name it
// whatever it holds.
func shown(s string) string {
	if len(s) > maxShownLength {
		s = strings.ToValidUTF8(s[:maxShownLength], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// ParseIDs returns the task ids in text, each once, in order. Where the text is
// a list (by comma or white space) every item of it must be an id, so that a wrong one is
// named and not lost; else the ids are picked out of it as FindIDs does. Text
// with no id in it, or with one that is masked, gives an Invalid error.
func ParseIDs(text string) ([]ID, error) {
	items := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;，；、", r) || unicode.IsSpace(r) })
	for i, item := range items {
		items[i] = unemphasized(strings.TrimRight(item, "."))
	}
	var ids []ID
	if isList(text, items) {
		for _, item := range items {
			id, err := ParseID(item)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	} else {
		for c := range candidates(text) {
			if c.masked {
				_, err := ParseID(c.text + "****")
				return nil, err
			}
		}
		ids = FindIDs(text)
	}
	if len(ids) == 0 {
		return nil, Errorf(Invalid, Text{
			`no task id is in what was sent: one is "t-" and at least 6 lower-case letters and digits`,
			`提交的内容中没有任务 ID：任务 ID 由 "t-" 加至少 6 位小写字母或数字组成`,
		})
	}
	return ids, nil
}

// isList reports whether the items are meant to be ids and nothing else: words
// that all look like one, or that stand between commas without a space.
func isList(text string, items []string) bool {
	spaced := strings.ContainsFunc(strings.TrimSpace(text), unicode.IsSpace)
	for _, item := range items {
		notWord := func(r rune) bool { return r >= 0x80 || !isWordByte(byte(r)) && !strings.ContainsRune("_*.@", r) } // #nosec G115 -- of what is less than 0x80
		if strings.ContainsFunc(item, notWord) || spaced && !strings.HasPrefix(item, "t-") {
			return false
		}
	}
	return true
}

// unemphasized is s without the asterisks or underscores that Markdown puts on
// both its sides.
func unemphasized(s string) string {
	for len(s) > 2 && s[0] == s[len(s)-1] && (s[0] == '*' || s[0] == '_') {
		s = s[1 : len(s)-1]
	}
	return s
}

// FindIDs returns the task ids in text, each once, in order. The text may be
// anything a person pastes: a URL, the CLI's JSON, a list, prose, an
// escaped or percent-encoded form of these.
func FindIDs(text string) []ID {
	var found []ID
	for c := range candidates(text) {
		if id := ID(c.text); !c.masked && !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	return found
}

// A candidate is what stands in a text like an id: one, or the start of one
// whose rest is masked with asterisks.
type candidate struct {
	text   string
	masked bool
}

func candidates(text string) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for from := 0; ; {
			i := strings.Index(text[from:], "t-")
			if i < 0 {
				return
			}
			start := from + i
			from = start + len("t-")
			n := idLength(text[from:])
			before, after := text[:start], text[from+n:]
			// Asterisks on both sides are Markdown's.
			masked := n > 0 && strings.HasPrefix(after, "*") && !strings.HasSuffix(before, "*")
			if continuesWord(before) || !masked && (n < minIDLength || n > maxIDLength || goesOn(after)) {
				continue
			}
			from += n
			if !yield(candidate{text[start:from], masked}) {
				return
			}
		}
	}
}

// continuesWord reports whether what stands before "t-" makes it the middle
// of a longer word, as in "event-subscription". What ends an encoded character
// ("%2Ft-…", "\nt-…", "\u0022t-…") is not part of a word.
func continuesWord(before string) bool {
	n := len(before)
	switch {
	case n > 1 && before[n-1] == '_':
		return isAlphanumeric(before[n-2])
	case n == 0 || !isWordByte(before[n-1]):
		return false
	case n >= 2 && before[n-2] == '\\':
		return false
	case n >= 3 && before[n-3] == '%' && isHex(before[n-2:]):
		return false
	case n >= 6 && before[n-6:n-4] == `\u` && isHex(before[n-4:]):
		return false
	}
	return true
}

// goesOn reports whether what follows a would-be id makes it the beginning of
// a longer word. An underscore does only within a word: at the end of one it is Markdown's.
func goesOn(after string) bool {
	if len(after) > 1 && after[0] == '_' {
		return isAlphanumeric(after[1])
	}
	return after != "" && isWordByte(after[0])
}

func idLength(s string) int {
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] >= 'a' && s[n] <= 'z') {
		n++
	}
	return n
}

func isWordByte(c byte) bool { return isAlphanumeric(c) || c == '-' }

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
