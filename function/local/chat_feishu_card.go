package main

import (
	"fmt"
	"slices"
	"strings"
)

// larkColors are the colours that a card's header can have.
var larkColors = []string{
	"blue", "wathet", "turquoise", "green", "yellow", "orange", "red", "carmine", "violet", "purple", "indigo", "grey", "default",
}

// A larkCard reads Feishu's message card, version 1, and finds the first thing wrong.
type larkCard struct {
	view  view
	wrong error
}

// readLarkCard returns a card as it is shown, or why it is not.
func readLarkCard(card object) (*view, error) {
	var c larkCard
	if header := card.object("header"); card.has("header") {
		title := header.object("title")
		c.check(title.text("tag") == "plain_text", "header.title is no plain_text")
		c.check(title.text("content") != "", "header.title has no content")
		c.view.Title = title.text("content")
		c.view.Color = header.text("template")
		c.check(c.view.Color == "" || slices.Contains(larkColors, c.view.Color), "header.template %q is unknown", c.view.Color)
	}
	c.check(!card.has("schema"), "schema: this is no card of version 1")
	elements := card.objects("elements")
	c.check(len(elements) > 0, "elements are missing")
	for i, element := range elements {
		c.element(fmt.Sprintf("elements[%d]", i), element)
	}
	if c.wrong != nil {
		return nil, c.wrong
	}
	return &c.view, nil
}

// check notes what is wrong where a condition does not hold.
func (c *larkCard) check(holds bool, format string, args ...any) {
	if !holds && c.wrong == nil {
		c.wrong = fmt.Errorf(format, args...)
	}
}

func (c *larkCard) element(at string, element object) {
	switch tag := element.text("tag"); tag {
	case "div":
		fields := element.objects("fields")
		c.check(element.has("text") || len(fields) > 0, "%s: a div needs text or fields", at)
		if element.has("text") {
			c.view.Blocks = append(c.view.Blocks, c.text(at+".text", element.object("text"))...)
		}
		for i, f := range fields {
			c.field(fmt.Sprintf("%s.fields[%d]", at, i), f)
		}
		if element.has("extra") {
			c.button(at+".extra", element.object("extra"))
		}
	case "markdown":
		c.check(strings.TrimSpace(element.text("content")) != "", "%s has no content", at)
		c.view.Blocks = append(c.view.Blocks, larkMarkdown.parse(element.text("content"))...)
	case "hr":
		c.view.add(rule)
	case "note":
		notes := element.objects("elements")
		c.check(len(notes) > 0, "%s: a note needs elements", at)
		for i, note := range notes {
			for _, block := range c.text(fmt.Sprintf("%s.elements[%d]", at, i), note) {
				c.view.add(smallText, block.Spans...)
			}
		}
	case "action":
		actions := element.objects("actions")
		c.check(len(actions) > 0, "%s: an action needs actions", at)
		for i, action := range actions {
			c.button(fmt.Sprintf("%s.actions[%d]", at, i), action)
		}
	default:
		c.check(false, "%s: tag %q is unknown", at, tag)
	}
}

// text reads a text object.
func (c *larkCard) text(at string, text object) []viewBlock {
	content := text.text("content")
	c.check(strings.TrimSpace(content) != "", "%s has no content", at)
	switch tag := text.text("tag"); tag {
	case "plain_text":
		return []viewBlock{{Kind: paragraph, Spans: plain(content)}}
	case "lark_md":
		return larkMarkdown.parse(content)
	default:
		c.check(false, "%s: tag %q is neither plain_text nor lark_md", at, tag)
		return nil
	}
}

// field reads one of a div's columns: its first line names it where it is
// bold or has further lines.
func (c *larkCard) field(at string, f object) {
	c.check(f.has("is_short"), "%s has no is_short", at)
	for _, block := range c.text(at+".text", f.object("text")) {
		c.view.addField(splitField(block.Spans))
	}
}

// splitField cuts a field's text after its bold beginning.
func splitField(spans []span) (label, value []span) {
	n := 0
	for n < len(spans) && spans[n].Bold {
		n++
	}
	if n == 0 || n == len(spans) {
		return nil, spans
	}
	value = slices.Clone(spans[n:])
	value[0].Text = strings.TrimLeft(value[0].Text, "\n:： ")
	label = slices.Clone(spans[:n])
	label[n-1].Text = strings.TrimRight(label[n-1].Text, ":： ")
	return label, value
}

func (c *larkCard) button(at string, button object) {
	c.check(button.text("tag") == "button", "%s: tag %q is no button", at, button.text("tag"))
	text := spanText(flatten(c.text(at+".text", button.object("text"))))
	c.check(isWebURL(button.text("url")), "%s: url %q is no address", at, button.text("url"))
	kind := button.text("type")
	c.check(slices.Contains([]string{"", "default", "primary", "danger"}, kind), "%s: type %q is unknown", at, kind)
	c.view.Buttons = append(c.view.Buttons, viewButton{text, button.text("url")})
}

func flatten(blocks []viewBlock) []span {
	var spans []span
	for _, b := range blocks {
		spans = append(spans, b.Spans...)
	}
	return spans
}
