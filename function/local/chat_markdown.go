package main

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A dialect is what a platform makes of Markdown. No two make the same of it.
type dialect struct {
	marks       bool // there is Markdown at all; else only addresses are more than text
	backslash   bool // takes the meaning from the character after it
	entities    bool // &lt; and the like are characters
	blocks      bool // headings, quotes, lists
	italics     bool
	underscores bool // mean italics too
	strikes     bool
	code        bool
	images      bool
	lineEnds    bool // a single line end is one; else it is a space
	mention     *regexp.Regexp
}

var (
	dingTalkMarkdown = dialect{marks: true, backslash: true, entities: true, blocks: true, italics: true, underscores: true, code: true, images: true}
	larkMarkdown     = dialect{marks: true, entities: true, italics: true, strikes: true, lineEnds: true, mention: regexp.MustCompile(`^<at (?:user_)?id="?([^">]{0,64})"?>[^<]{0,64}</at>`)}
	plainText        = dialect{lineEnds: true}
	weComMarkdown    = dialect{marks: true, blocks: true, italics: true, code: true, lineEnds: true, mention: regexp.MustCompile(`^<@([^>\s]{1,64})>`)}
)

var (
	entity      = regexp.MustCompile(`^&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]*);`)
	fontTag     = regexp.MustCompile(`^<font color=["']?([#a-zA-Z0-9-]+)["']?>`)
	headingMark = regexp.MustCompile(`^#{1,6} +`)
	itemMark    = regexp.MustCompile(`^(?:[-*+]|\d{1,3}\.) +`)
	ruleLine    = regexp.MustCompile(`^(?:-{3,}|\*{3,})$`)
)

// parse reads a text into blocks.
func (d dialect) parse(text string) []viewBlock {
	var blocks []viewBlock
	var open strings.Builder // the paragraph so far
	end := func() {
		if text := strings.TrimSpace(open.String()); text != "" {
			blocks = append(blocks, viewBlock{Kind: paragraph, Spans: d.spans(text)})
		}
		open.Reset()
	}
	var fence *strings.Builder
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		bare := strings.TrimSpace(line)
		switch {
		case d.code && d.blocks && strings.HasPrefix(bare, "```"):
			if fence == nil {
				end()
				fence = new(strings.Builder)
				break
			}
			blocks = append(blocks, viewBlock{Kind: codeBlock, Spans: []span{{Text: strings.TrimSuffix(fence.String(), "\n"), Code: true}}})
			fence = nil
		case fence != nil:
			fence.WriteString(line + "\n")
		case bare == "":
			end()
		case d.blocks && ruleLine.MatchString(bare):
			end()
			blocks = append(blocks, viewBlock{Kind: rule})
		case d.blocks && headingMark.MatchString(bare):
			end()
			mark := headingMark.FindString(bare)
			kind := heading
			if strings.TrimSpace(mark) == "######" {
				kind = smallText // both platforms show it so, and their samples end in one
			}
			blocks = append(blocks, viewBlock{Kind: kind, Spans: d.spans(strings.TrimPrefix(bare, mark))})
		case d.blocks && strings.HasPrefix(bare, ">"):
			end()
			blocks = append(blocks, viewBlock{Kind: quote, Spans: d.spans(strings.TrimSpace(bare[1:]))})
		case d.blocks && itemMark.MatchString(bare):
			end()
			blocks = append(blocks, viewBlock{Kind: listItem, Spans: d.spans(itemMark.ReplaceAllString(bare, ""))})
		default:
			open.WriteString(bare)
			if d.lineEnds || strings.HasSuffix(line, "  ") {
				open.WriteString("\n")
			} else {
				open.WriteString(" ")
			}
		}
	}
	if fence != nil {
		blocks = append(blocks, viewBlock{Kind: codeBlock, Spans: []span{{Text: fence.String(), Code: true}}})
	}
	end()
	return blocks
}

// spans reads a text within one block.
func (d dialect) spans(text string) []span { return d.inline(text, span{}) }

// inline reads a text whose surroundings have a style.
func (d dialect) inline(text string, style span) []span {
	var spans []span
	var open strings.Builder
	flush := func() {
		if open.Len() > 0 {
			s := style
			s.Text = open.String()
			spans = append(spans, s)
			open.Reset()
		}
	}
	for i := 0; i < len(text); {
		if d.marks {
			if literal, length := d.escape(text[i:]); length > 0 {
				open.WriteString(literal)
				i += length
				continue
			}
			if inner, length := d.styled(text, i, style); length > 0 {
				flush()
				spans = append(spans, inner...)
				i += length
				continue
			}
		}
		if url := bareURL(text, i); url != "" && style.URL == "" {
			flush()
			s := style
			s.Text, s.URL = url, url
			spans = append(spans, s)
			i += len(url)
			continue
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		open.WriteString(text[i : i+size])
		i += size
	}
	flush()
	return spans
}

// escape reads a character that is written in another way, and returns the
// length of that; 0 if there is none at the beginning of the text.
func (d dialect) escape(text string) (literal string, length int) {
	if d.backslash && len(text) > 1 && text[0] == '\\' && isPunctuation(text[1]) {
		return text[1:2], 2
	}
	if found := entity.FindString(text); found != "" && d.entities {
		return html.UnescapeString(found), len(found)
	}
	return "", 0
}

// styled reads a piece in a style of its own, and returns its length; 0 if
// there is none at that place of the text.
func (d dialect) styled(text string, at int, style span) (inner []span, length int) {
	rest := text[at:]
	if content, _, ok := strings.Cut(strings.TrimPrefix(rest, "`"), "`"); ok && d.code && rest[0] == '`' && content != "" {
		style.Text, style.Code = content, true
		return []span{style}, len(content) + 2
	}
	if content, ok := d.delimited(rest, "**"); ok {
		style.Bold = true
		return d.inline(content, style), len(content) + 4
	}
	if content, ok := d.delimited(rest, "~~"); ok && d.strikes {
		style.Strike = true
		return d.inline(content, style), len(content) + 4
	}
	if content, ok := d.delimited(rest, "*"); ok && d.italics && !strings.HasPrefix(rest, "**") {
		style.Italic = true
		return d.inline(content, style), len(content) + 2
	}
	if content, ok := d.delimited(rest, "_"); ok && d.underscores && !wordEnds(text[:at]) && !wordBegins(rest[len(content)+2:]) {
		style.Italic = true
		return d.inline(content, style), len(content) + 2
	}
	if label, url, length, ok := d.link(rest); ok {
		style.URL = url
		return d.inline(label, style), length
	}
	if label, url, length, ok := d.link(strings.TrimPrefix(rest, "!")); ok && d.images {
		style.URL = url
		return d.inline("image: "+label, style), length + 1
	}
	if tag := fontTag.FindStringSubmatch(rest); tag != nil {
		if content, _, ok := strings.Cut(rest[len(tag[0]):], "</font>"); ok {
			style.Color = tag[1]
			return d.inline(content, style), len(tag[0]) + len(content) + len("</font>")
		}
	}
	if d.mention != nil {
		if found := d.mention.FindStringSubmatch(rest); found != nil {
			return []span{{Text: "@" + found[1], Mention: true}}, len(found[0])
		}
	}
	return nil, 0
}

// delimited returns what stands between two of a mark at the beginning of the
// text. As in Markdown, what is next to a mark within is no space.
func (d dialect) delimited(text, mark string) (string, bool) {
	rest, ok := strings.CutPrefix(text, mark)
	if !ok || rest == "" || rest[0] == ' ' || rest[0] == '\n' {
		return "", false
	}
	for i := 0; i < len(rest); i++ {
		if d.backslash && rest[i] == '\\' {
			i++
			continue
		}
		if strings.HasPrefix(rest[i:], mark) {
			inner := rest[:i]
			if inner == "" || strings.HasSuffix(inner, " ") || strings.HasSuffix(inner, "\n") {
				return "", false
			}
			return inner, true
		}
	}
	return "", false
}

// link reads [label](url) at the beginning of the text.
func (d dialect) link(text string) (label, url string, length int, ok bool) {
	if !strings.HasPrefix(text, "[") {
		return "", "", 0, false
	}
	for i := 1; i < len(text); i++ {
		switch {
		case d.backslash && text[i] == '\\':
			i++
		case text[i] == '[':
			return "", "", 0, false
		case text[i] == ']':
			if !strings.HasPrefix(text[i:], "](") {
				return "", "", 0, false
			}
			url, _, found := strings.Cut(text[i+2:], ")")
			if !found || url == "" || strings.ContainsAny(url, " \n<>") {
				return "", "", 0, false
			}
			return text[1:i], url, i + 2 + len(url) + 1, true
		}
	}
	return "", "", 0, false
}

// bareURL returns the address that stands as it is at a place of a text: every
// platform makes a link of it.
func bareURL(text string, at int) string {
	rest := text[at:]
	if !strings.HasPrefix(rest, "http://") && !strings.HasPrefix(rest, "https://") || wordEnds(text[:at]) {
		return ""
	}
	end := strings.IndexFunc(rest, func(r rune) bool {
		return unicode.IsSpace(r) || r > unicode.MaxASCII || strings.ContainsRune("<>\"`|()[]*\\", r)
	})
	if end < 0 {
		end = len(rest)
	}
	url := strings.TrimRight(rest[:end], ".,;:!?'")
	if url == "http://" || url == "https://" {
		return ""
	}
	return url
}

func isPunctuation(c byte) bool {
	return c > ' ' && c < 0x7f && !('0' <= c && c <= '9') && !('a' <= c|0x20 && c|0x20 <= 'z')
}

// wordEnds reports whether the text ends within a word.
func wordEnds(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return text != "" && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// wordBegins reports whether the text begins with a word.
func wordBegins(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return text != "" && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
