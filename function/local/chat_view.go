package main

import (
	"cmp"
	"strings"
)

// A view is a message as its platform shows it, whichever form it was sent in.
type view struct {
	Title   string
	Notice  string // what a notification says, where the message itself does not show it
	Color   string // in the platform's own word, or "#rrggbb"
	Blocks  []viewBlock
	Buttons []viewButton
}

// A viewBlock is one piece of a message, from top to bottom.
type viewBlock struct {
	Kind  blockKind
	Label []span // of a field
	Spans []span
}

// A blockKind says what a piece of a message is.
type blockKind string

const (
	paragraph blockKind = "paragraph"
	heading   blockKind = "heading"
	quote     blockKind = "quote"
	listItem  blockKind = "item"
	codeBlock blockKind = "code"
	field     blockKind = "field"
	smallText blockKind = "small"
	rule      blockKind = "rule"
)

// A span is a piece of text in one style.
type span struct {
	Text    string
	Bold    bool
	Italic  bool
	Strike  bool
	Code    bool
	Mention bool
	Color   string
	URL     string
}

// A viewButton is what a person can press.
type viewButton struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

func (v *view) add(kind blockKind, spans ...span) {
	v.Blocks = append(v.Blocks, viewBlock{Kind: kind, Spans: spans})
}

func (v *view) addField(label, value []span) {
	v.Blocks = append(v.Blocks, viewBlock{Kind: field, Label: label, Spans: value})
}

// text is all that can be read, as plain text.
func (v *view) text() string {
	var lines []string
	add := func(line string) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	add(v.Title)
	for _, b := range v.Blocks {
		label := spanText(b.Label)
		if label != "" && !strings.HasSuffix(label, "\n") {
			label += ": "
		}
		add(label + spanText(b.Spans))
	}
	for _, button := range v.Buttons {
		add(button.Text)
	}
	return strings.Join(lines, "\n")
}

// heading is what the message is called: its title, what a notification says
// of it, or its first line.
func (v *view) heading() string {
	first, _, _ := strings.Cut(v.text(), "\n")
	return cmp.Or(v.Title, v.Notice, first)
}

// spans are those of the whole message, in order.
func (v *view) spans() []span {
	var all []span
	for _, b := range v.Blocks {
		all = append(append(all, b.Label...), b.Spans...)
	}
	return all
}

// mentions are those who are called by the message.
func (v *view) mentions() []string {
	var called []string
	for _, s := range v.spans() {
		if s.Mention {
			called = append(called, s.Text)
		}
	}
	return called
}

// links are the addresses that the text leads to, the buttons' apart.
func (v *view) links() []string {
	var urls []string
	for _, s := range v.spans() {
		if s.URL != "" {
			urls = append(urls, s.URL)
		}
	}
	return urls
}

// firstColor is the colour of the first coloured text: where a platform has no
// colour for a message as a whole, it is what catches the eye.
func (v *view) firstColor() string {
	for _, s := range v.spans() {
		if s.Color != "" {
			return s.Color
		}
	}
	return ""
}

func spanText(spans []span) string {
	var text strings.Builder
	for _, s := range spans {
		text.WriteString(s.Text)
	}
	return text.String()
}

// plain is text in no style.
func plain(text string) []span { return []span{{Text: text}} }
