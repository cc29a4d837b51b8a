package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// What the platforms have in common in rendering a message.

// fit renders a message as it is, else with less in it until it fits, from what
// is said again on the page to what everybody must read. What goes last is the
// title, which has room on every platform.
func fit(m message, render func(message) (rendered []byte, fits bool)) []byte {
	for {
		rendered, fits := render(m)
		if fits || !m.shrink() {
			return rendered
		}
	}
}

// shrink takes something out of the message, and reports false where there is
// nothing left to take.
func (m *message) shrink() bool {
	const least = 40 // of a text worth keeping the beginning of
	switch {
	case len(m.rows) > 1:
		kept := len(m.rows) * 3 / 4
		m.more += len(m.rows) - kept
		m.rows = m.rows[:kept]
	case len(m.reason) > 2*least:
		m.reason = cut(m.reason, len(m.reason)/2)
	case m.hint != "":
		m.hint = ""
	case len(m.fields) > 1:
		m.fields = m.fields[:len(m.fields)-1]
	case len(m.notes) > 1:
		m.notes = m.notes[:len(m.notes)-1]
	case len(m.rows) > 0:
		m.more += len(m.rows)
		m.rows = nil
	case len(m.notes) > 0:
		m.notes = nil
	case m.reason != "":
		m.reason = ""
	case len(m.fields) > 0:
		m.fields = nil
	case m.link != "":
		m.link = ""
	case m.about != "":
		m.about = ""
	case len(m.footer) > least:
		m.footer = cut(m.footer, least)
	case len(m.title) > least:
		m.title = cut(m.title, len(m.title)/2)
	default:
		return false
	}
	return true
}

// moreText says how many rows are left out.
func (m *message) moreText() string { return fmt.Sprintf(wordMore.In(m.language), m.more) }

// fullWidth shows what a reader of Markdown would take for markup, for a link or for a
// call to everybody, by its full-width twin. Which escapes a platform knows is
// not documented; this reads nearly the same and means nothing to any of them.
// An underscore within a word is no markup, and common in names.
func fullWidth(s string) string {
	if !strings.ContainsAny(s, "*_`~[]<@\\#!>|:") {
		return s
	}
	var b strings.Builder
	line := true // at the beginning of one
	for i, r := range s {
		twin := r
		switch r {
		case '*', '`', '~', '[', ']', '<', '@', '\\', '|':
			twin = r + ('！' - '!')
		case '_':
			if i == 0 || i+1 == len(s) || !isWord(s[i-1]) || !isWord(s[i+1]) {
				twin = '＿'
			}
		case '#', '>':
			if line {
				twin = r + ('！' - '!')
			}
		case ':':
			if strings.HasPrefix(s[i:], "://") {
				twin = '：'
			}
		case '!':
			if i+1 < len(s) && s[i+1] == '[' {
				twin = '！'
			}
		}
		line = r == '\n' || line && (r == ' ' || r == '\t')
		b.WriteRune(twin)
	}
	return b.String()
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// markdown renders a message, all but its link, in the Markdown that DingTalk and
// WeCom both know: headings, bold, quotes and links.
func (m *message) markdown() string {
	paragraphs := []string{"### " + fullWidth(m.heading())}
	colon := wordColon.In(m.language)
	if m.reason != "" {
		lines := strings.Split(strings.TrimSpace(m.reason), "\n")
		for i, line := range lines {
			lines[i] = "> " + fullWidth(strings.TrimSpace(line))
		}
		paragraphs = append(paragraphs, "**"+wordReason.In(m.language)+"**", strings.Join(lines, "  \n"))
	}
	if m.hint != "" {
		paragraphs = append(paragraphs, "**"+wordHint.In(m.language)+"**"+colon+fullWidth(m.hint))
	}
	for _, note := range m.notes {
		paragraphs = append(paragraphs, fullWidth(note))
	}
	for _, f := range m.fields {
		paragraphs = append(paragraphs, "**"+fullWidth(f.name)+"**"+colon+fullWidth(f.value))
	}
	for _, r := range m.rows {
		id := fullWidth(r.id)
		if r.link != "" {
			id = "[" + id + "](" + r.link + ")"
		}
		text := r.state.mark() + " " + fullWidth(r.status) + " · " + id
		if r.about != "" {
			text += "  \n" + fullWidth(r.about)
		}
		paragraphs = append(paragraphs, text)
	}
	if m.more > 0 {
		paragraphs = append(paragraphs, m.moreText())
	}
	return strings.Join(append(paragraphs, "###### "+fullWidth(m.footer)), "\n\n")
}

// encode writes a value of this package's own types, which always encode, with "<" as "<".
func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
