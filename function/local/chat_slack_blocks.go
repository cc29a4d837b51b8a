package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Slack's limits for Block Kit, in characters where they are of a text.
const (
	maxBlocks          = 50
	maxBlockSection    = 3000
	maxBlockHeader     = 150
	maxBlockFields     = 10
	maxBlockField      = 2000
	maxBlockContext    = 10
	maxBlockActions    = 25
	maxBlockButtonURL  = 3000
	maxBlockButtonText = 75
	maxBlockID         = 255
)

// A slackBlocks reads Block Kit, and finds the first thing wrong.
type slackBlocks struct {
	view  view
	ids   []string
	wrong error
}

func (b *slackBlocks) check(holds bool, format string, args ...any) {
	if !holds && b.wrong == nil {
		b.wrong = fmt.Errorf(format, args...)
	}
}

// readSlackMessage returns a message as it is shown, or why it is not.
func readSlackMessage(message object) (*view, error) {
	var b slackBlocks
	blocks := message.objects("blocks")
	b.check(!message.has("blocks") || blocks != nil, "blocks is no list of objects")
	attachments := message.objects("attachments")
	b.check(!message.has("attachments") || attachments != nil, "attachments is no list of objects")
	// Beside blocks the text is only what a notification says; beside
	// attachments it is shown above them.
	if len(blocks) == 0 {
		b.view.Blocks = mrkdwnBlocks(message.text("text"))
	} else {
		b.view.Notice = spanText(mrkdwn(message.text("text"), span{}))
	}
	b.blocks("blocks", blocks)
	for i, attachment := range attachments {
		at := fmt.Sprintf("attachments[%d]", i)
		color := attachment.text("color")
		b.check(color == "" || slackColor.MatchString(color), "%s.color %q is unknown", at, color)
		if b.view.Color == "" {
			b.view.Color = color
		}
		inner := attachment.objects("blocks")
		b.check(!attachment.has("blocks") || inner != nil, "%s.blocks is no list of objects", at)
		b.check(len(inner) > 0 || attachment.text("text") != "" || attachment.text("fallback") != "", "%s is empty", at)
		if len(inner) == 0 {
			b.view.Blocks = append(b.view.Blocks, mrkdwnBlocks(attachment.text("text"))...)
		}
		b.blocks(at+".blocks", inner)
	}
	if b.wrong != nil {
		return nil, b.wrong
	}
	return &b.view, nil
}

var slackColor = regexp.MustCompile(`^(?:#[0-9a-fA-F]{6}|good|warning|danger)$`)

func (b *slackBlocks) blocks(at string, blocks []object) {
	b.check(len(blocks) <= maxBlocks, "%s: more than %d", at, maxBlocks)
	for i, block := range blocks {
		b.block(fmt.Sprintf("%s[%d]", at, i), block)
	}
}

// id checks an id that must not come twice.
func (b *slackBlocks) id(at, id string) {
	if id == "" {
		return
	}
	b.check(utf16Length(id) <= maxBlockID, "%s is longer than %d characters", at, maxBlockID)
	b.check(!slices.Contains(b.ids, id), "%s %q comes twice", at, id)
	b.ids = append(b.ids, id)
}

func (b *slackBlocks) block(at string, block object) {
	b.id(at+".block_id", block.text("block_id"))
	switch kind := block.text("type"); kind {
	case "header":
		text := block.object("text")
		b.check(text.text("type") == "plain_text", "%s.text is no plain_text", at)
		spans := b.text(at+".text", text, maxBlockHeader)
		if b.view.Title == "" {
			b.view.Title = spanText(spans)
			break
		}
		b.view.add(heading, spans...)
	case "section":
		fields := block.objects("fields")
		b.check(block.has("text") || len(fields) > 0, "%s: a section needs text or fields", at)
		b.check(len(fields) <= maxBlockFields, "%s: more than %d fields", at, maxBlockFields)
		if block.has("text") {
			text := block.object("text")
			b.text(at+".text", text, maxBlockSection)
			b.view.Blocks = append(b.view.Blocks, slackTextBlocks(text)...)
		}
		for i, f := range fields {
			b.view.addField(splitField(b.text(fmt.Sprintf("%s.fields[%d]", at, i), f, maxBlockField)))
		}
		if block.has("accessory") {
			b.button(at+".accessory", block.object("accessory"))
		}
	case "divider":
		b.view.add(rule)
	case "context":
		elements := block.objects("elements")
		b.check(len(elements) > 0 && len(elements) <= maxBlockContext, "%s: a context has 1 to %d elements", at, maxBlockContext)
		for i, element := range elements {
			b.view.add(smallText, b.text(fmt.Sprintf("%s.elements[%d]", at, i), element, maxBlockSection)...)
		}
	case "actions":
		elements := block.objects("elements")
		b.check(len(elements) > 0 && len(elements) <= maxBlockActions, "%s: an actions block has 1 to %d elements", at, maxBlockActions)
		for i, element := range elements {
			b.button(fmt.Sprintf("%s.elements[%d]", at, i), element)
		}
	default:
		b.check(false, "%s: type %q is unknown", at, kind)
	}
}

// text reads a text object.
func (b *slackBlocks) text(at string, text object, limit int) []span {
	content := text.text("text")
	b.check(content != "", "%s.text is empty", at)
	b.check(utf16Length(content) <= limit, "%s.text is longer than %d characters", at, limit)
	switch kind := text.text("type"); kind {
	case "plain_text":
		b.check(!text.has("verbatim"), "%s: a plain_text has no verbatim", at)
		return plain(content)
	case "mrkdwn":
		b.check(!text.has("emoji"), "%s: a mrkdwn has no emoji", at)
		return mrkdwn(content, span{})
	default:
		b.check(false, "%s: type %q is neither plain_text nor mrkdwn", at, kind)
		return nil
	}
}

func (b *slackBlocks) button(at string, button object) {
	b.check(button.text("type") == "button", "%s: type %q is unknown", at, button.text("type"))
	b.check(button.object("text").text("type") == "plain_text", "%s.text is no plain_text", at)
	text := spanText(b.text(at+".text", button.object("text"), maxBlockButtonText))
	url := button.text("url")
	b.check(isWebURL(url) && utf16Length(url) <= maxBlockButtonURL, "%s.url %.60q is no address of at most %d characters", at, url, maxBlockButtonURL)
	style := button.text("style")
	b.check(!button.has("style") || style == "primary" || style == "danger", "%s.style %q is unknown", at, style)
	b.id(at+".action_id", button.text("action_id"))
	b.view.Buttons = append(b.view.Buttons, viewButton{text, url})
}

// slackTextBlocks is a section's text.
func slackTextBlocks(text object) []viewBlock {
	if text.text("type") == "plain_text" {
		return []viewBlock{{Kind: paragraph, Spans: plain(text.text("text"))}}
	}
	return mrkdwnBlocks(text.text("text"))
}

// mrkdwnBlocks reads Slack's own kind of Markdown, line by line.
func mrkdwnBlocks(text string) []viewBlock {
	var blocks []viewBlock
	for i, part := range strings.Split(text, "```") {
		if i%2 == 1 {
			blocks = append(blocks, viewBlock{Kind: codeBlock, Spans: []span{{Text: unescapeSlack(strings.Trim(part, "\n")), Code: true}}})
			continue
		}
		for line := range strings.SplitSeq(part, "\n") {
			kind := paragraph
			if quoted, ok := strings.CutPrefix(line, "&gt;"); ok {
				kind, line = quote, strings.TrimSpace(quoted)
			} else if quoted, ok := strings.CutPrefix(line, ">"); ok {
				kind, line = quote, strings.TrimSpace(quoted)
			}
			if strings.TrimSpace(line) != "" {
				blocks = append(blocks, viewBlock{Kind: kind, Spans: mrkdwn(line, span{})})
			}
		}
	}
	return blocks
}

// unescapeSlack reads the three characters that Slack wants written in another way.
func unescapeSlack(text string) string { return slackEscapes.Replace(text) }

var slackEscapes = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// mrkdwn reads a line whose surroundings have a style.
func mrkdwn(text string, style span) []span {
	var spans []span
	var open strings.Builder
	flush := func() {
		if open.Len() > 0 {
			s := style
			s.Text = unescapeSlack(open.String())
			spans = append(spans, s)
			open.Reset()
		}
	}
	for i := 0; i < len(text); {
		rest := text[i:]
		if inner, _, ok := strings.Cut(rest[1:], ">"); ok && rest[0] == '<' && inner != "" {
			flush()
			spans = append(spans, slackReference(inner, style))
			i += len(inner) + 2
			continue
		}
		if inner, _, ok := strings.Cut(rest[1:], "`"); ok && rest[0] == '`' && inner != "" {
			flush()
			s := style
			s.Text, s.Code = unescapeSlack(inner), true
			spans = append(spans, s)
			i += len(inner) + 2
			continue
		}
		if inner, change := slackStyle(text, i); change != nil {
			flush()
			s := style
			change(&s)
			spans = append(spans, mrkdwn(inner, s)...)
			i += len(inner) + 2
			continue
		}
		if url := bareURL(text, i); url != "" {
			flush()
			s := style
			s.URL = unescapeSlack(url)
			s.Text = s.URL
			spans = append(spans, s)
			i += len(url)
			continue
		}
		_, size := utf8.DecodeRuneInString(rest)
		open.WriteString(rest[:size])
		i += size
	}
	flush()
	return spans
}

// slackStyle reads a piece between two marks, which must not be within a word.
func slackStyle(text string, at int) (inner string, change func(*span)) {
	switch text[at] {
	case '*':
		change = func(s *span) { s.Bold = true }
	case '_':
		change = func(s *span) { s.Italic = true }
	case '~':
		change = func(s *span) { s.Strike = true }
	default:
		return "", nil
	}
	inner, after, ok := strings.Cut(text[at+1:], text[at:at+1])
	if !ok || inner == "" || strings.TrimSpace(inner) != inner || wordEnds(text[:at]) || wordBegins(after) {
		return "", nil
	}
	return inner, change
}

// slackReference reads what stands in angle brackets: a link, or somebody called.
func slackReference(inner string, style span) span {
	target, label, labelled := strings.Cut(inner, "|")
	switch inner[0] {
	case '!', '@', '#':
		return span{Text: "@" + strings.TrimLeft(target, "!@#"), Mention: true}
	}
	if !labelled {
		label = target
	}
	style.URL, style.Text = unescapeSlack(target), unescapeSlack(label)
	return style
}
