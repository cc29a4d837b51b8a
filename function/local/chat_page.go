package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed chat_page.html
var chatPageText string

var chatPage = template.Must(template.New("chats").Parse(chatPageText))

// chatTitles are the platforms' names.
var chatTitles = map[string]string{"dingtalk": "DingTalk 钉钉", "feishu": "Feishu 飞书", "wecom": "WeCom 企业微信", "slack": "Slack", "webhook": "Webhook"}

// chatColors are the platforms' words for colours: all that is readable on
// both a light and a dark page.
var chatColors = map[string]string{
	"green": "#2e8b57", "info": "#2e8b57", "good": "#2e8b57",
	"red": "#d64541", "carmine": "#d64541", "danger": "#d64541",
	"orange": "#cc7000", "yellow": "#cc7000", "warning": "#cc7000",
	"blue": "#3b7dd8", "wathet": "#3b7dd8", "turquoise": "#1f9aa6",
	"violet": "#8e5bd0", "purple": "#8e5bd0", "indigo": "#5b63d0",
	"grey": "#7d858e", "gray": "#7d858e", "comment": "#7d858e",
}

var hexColor = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// ink returns a colour for the page, or nothing for what is none.
func ink(color string) template.CSS {
	if hexColor.MatchString(color) {
		return template.CSS(color)
	}
	return template.CSS(chatColors[strings.ToLower(color)])
}

// Ink is the colour of a piece of text on the page.
func (s span) Ink() template.CSS { return ink(s.Color) }

// A chatColumn is a platform's conversation on the page.
type chatColumn struct {
	Name, Title, Example string
	Speaks               bool // people can say something there
	Lines                []chatLine
}

// A chatLine is a line of a conversation on the page.
type chatLine struct {
	At         time.Time
	How        string
	Said, Note bool
	Text       string
	Error      string
	Title      string
	Notice     string
	Bar        template.CSS
	Blocks     []viewBlock
	Buttons    []viewButton
	ID         string
	Raw        string
}

// ways say how a message came.
var ways = map[string]string{
	viaAnswer: "answer to the call", viaSession: "answer by the session's webhook", viaReply: "answer by the reply API",
	viaResponse: "answer by its response_url", viaWebhook: "posted to the group's webhook", viaNote: "no answer",
}

func newChatLine(entry chatEntry) chatLine {
	line := chatLine{
		At: entry.At, Said: entry.Via == viaPerson, Note: entry.Via == viaNote,
		Text: entry.Text, Error: entry.Error, ID: entry.ID, Raw: indented(entry.Raw),
	}
	switch {
	case line.Said:
		line.How = entry.Title
	case entry.Platform == "webhook":
		line.How = "posted" // there is no group
	case entry.Later:
		line.How = "later, " + ways[entry.Via]
	default:
		line.How = ways[entry.Via]
	}
	if entry.Private {
		line.How += ", private"
	}
	if v := entry.view; v != nil {
		line.Title, line.Notice, line.Bar, line.Blocks, line.Buttons = v.Title, v.Notice, ink(v.Color), v.Blocks, v.Buttons
	}
	return line
}

// indented lays JSON out for reading; what is none stays as it is.
func indented(raw json.RawMessage) string {
	var laid bytes.Buffer
	if len(raw) == 0 || json.Indent(&laid, raw, "", "  ") != nil {
		return string(raw)
	}
	return laid.String()
}

// servePage shows the four conversations and lets people speak in them, and what the webhook heard.
func (c *chat) servePage(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	entries := slices.Clone(c.entries)
	c.mu.Unlock()
	page := struct {
		Refresh  string
		Faults   []chatFault
		Chats    []chatColumn
		Examples []string
	}{
		Faults:   c.faults.active(),
		Examples: append([]string{"help", "recent", "failed"}, c.examples...),
	}
	if seconds := r.URL.Query().Get("refresh"); refreshes.MatchString(seconds) {
		page.Refresh = seconds
	}
	for _, name := range receiverNames {
		column := chatColumn{Name: name, Title: chatTitles[name], Example: "task t-…", Speaks: c.platforms[name] != nil}
		for _, entry := range entries {
			if entry.Platform == name {
				column.Lines = append(column.Lines, newChatLine(entry))
			}
		}
		page.Chats = append(page.Chats, column)
	}
	var rendered bytes.Buffer
	if err := chatPage.Execute(&rendered, page); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(rendered.Bytes())
}

var refreshes = regexp.MustCompile(`^[1-9][0-9]{0,2}$`)
