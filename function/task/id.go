package task

import (
	"fmt"
	"slices"
	"strings"
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

// FindIDs returns the task ids in text, each once, in order. The text may be
// anything a person pastes: a URL, the CLI's JSON, a list, prose, an
// escaped or percent-encoded form of these.
func FindIDs(text string) []ID {
	var found []ID
	for from := 0; ; {
		i := strings.Index(text[from:], "t-")
		if i < 0 {
			return found
		}
		start := from + i
		from = start + len("t-")
		n := idLength(text[from:])
		if n < minIDLength || n > maxIDLength || continuesWord(text[:start]) || cutShort(text[from+n:]) {
			continue
		}
		id := ID(text[start : from+n])
		from += n
		if !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
}

// continuesWord reports whether what stands before "t-" makes it the middle
// of a longer word, as in "event-subscription". What ends an encoded character
// ("%2Ft-…", "\nt-…", "\u0022t-…") is not part of a word.
func continuesWord(before string) bool {
	n := len(before)
	switch {
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

// cutShort reports whether what follows a would-be id shows that it is not one:
// a mask of asterisks (one or two are Markdown's), an upper-case letter, or the
// rest of a longer word.
func cutShort(after string) bool {
	return strings.HasPrefix(after, "***") || after != "" && isWordByte(after[0])
}

func idLength(s string) int {
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] >= 'a' && s[n] <= 'z') {
		n++
	}
	return n
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-'
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
