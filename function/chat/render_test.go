package chat

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"taskstatus/function/task"
)

var update = flag.Bool("update", false, "write the golden messages anew")

// renderers are all the ways in which a message is rendered.
var renderers = map[string]func(*Platforms, message) []byte{
	"dingtalk":      func(p *Platforms, m message) []byte { return p.find("dingtalk").(*dingTalk).render(m) },
	"feishu":        func(p *Platforms, m message) []byte { return p.find("feishu").(*feishu).render(m, feishuMaxCard) },
	"feishu-post":   func(p *Platforms, m message) []byte { return p.find("feishu").(*feishu).render(m, feishuMaxPost) },
	"wecom":         func(p *Platforms, m message) []byte { return p.find("wecom").(*wecom).render(m, wecomMarkdownOf) },
	"slack":         func(p *Platforms, m message) []byte { return p.find("slack").(*slack).render(m, "ephemeral") },
	"slack-webhook": func(p *Platforms, m message) []byte { return p.find("slack").(*slack).render(m, "") },
}

// TestGolden compares every kind of message on every platform with what was looked
// at when it was accepted. go test -update accepts what there is.
func TestGolden(t *testing.T) {
	b, known := newBot(t, "http://127.0.0.1:1")
	known.known = map[task.ID]task.Task{
		"t-removed000000000000a": {
			ID: "t-removed000000000000a", Directory: directory, Type: task.DeleteAccessAssignment, Status: task.Success, Start: noon.Add(-time.Minute), End: noon.Add(-50 * time.Second),
		},
		"t-hostile000000000000a": {
			ID: "t-hostile000000000000a", Directory: directory, Type: task.CreateAccessAssignment, Status: task.Failed, Start: noon.Add(-time.Minute), End: noon,
			FailureReason: "<!channel> @all <at id=all></at> <@all> [click](https://evil.example) *bold* `code` _x_ a_b\n# heading\n> quote\u202e\x00 ![i](https://evil.example/i.png) | & <https://evil.example|here>",
		},
		"t-strange000000000000a": {ID: "t-strange000000000000a", Directory: directory, Type: "RenameDirectory", Status: "Paused"},
	}
	look := func(ids ...task.ID) []task.Result { return b.look(t.Context(), directory, ids, 0) }
	named := func(ids ...task.ID) []task.Result { return known.Look(t.Context(), directory, ids, 0) }
	many := make([]task.Result, 300)
	for i := range many {
		id := task.ID(fmt.Sprintf("t-many%016d", i))
		many[i] = task.Result{ID: id, Task: task.Task{ID: id, Directory: directory, Type: task.CreateAccessAssignment, Status: task.Failed, Start: noon.Add(-time.Minute), End: noon, FailureReason: "No Permission."}}
	}
	from, to := noon.Add(-24*time.Hour), noon
	for _, language := range []task.Language{task.English, task.Chinese} {
		messages := map[string]message{
			"failed":   b.aboutTasks(t.Context(), look(failedID), directory, language),
			"success":  b.aboutTasks(t.Context(), look(doneID), directory, language),
			"open":     b.aboutTasks(t.Context(), look(openID), directory, language),
			"slow":     b.aboutTasks(t.Context(), look(slowID), directory, language),
			"unknown":  b.aboutTasks(t.Context(), look(lostID), directory, language),
			"removed":  b.aboutTasks(t.Context(), look("t-removed000000000000a"), directory, language),
			"hostile":  b.aboutTasks(t.Context(), look("t-hostile000000000000a"), directory, language),
			"strange":  b.aboutTasks(t.Context(), look("t-strange000000000000a"), directory, language),
			"several":  b.aboutTasks(t.Context(), look(doneID, openID, "t-hostile000000000000a", slowID, lostID), directory, language),
			"help":     helpful(language),
			"not-here": notHere("C1", language),
			"sample":   b.sample(language),

			"notice-failed": b.notice(t.Context(), task.Notice{Kind: task.NoticeEnded, Directory: directory, Results: named(failedID)}, language),
			"notice-given-up": b.notice(t.Context(), task.Notice{Kind: task.NoticeOpen, Directory: directory, Results: []task.Result{{ID: openID, Task: task.Task{
				ID: openID, Directory: directory, Type: task.CreateAccessAssignment, Status: task.InProgress, Start: noon.Add(-95 * time.Minute)}}}}, language),
			"notice-lost":   b.notice(t.Context(), task.Notice{Kind: task.NoticeOpen, Directory: directory, Results: look(lostID)}, language),
			"notice-sweep":  b.notice(t.Context(), task.Notice{Kind: task.NoticeSweep, Directory: directory, Results: named(failedID, openID), From: to.Add(-5 * time.Minute), To: to}, language),
			"notice-storm":  b.notice(t.Context(), task.Notice{Kind: task.NoticeSweep, Directory: directory, Results: many, From: to.Add(-5 * time.Minute), To: to}, language),
			"notice-digest": b.notice(t.Context(), task.Notice{Kind: task.NoticeDigest, Directory: directory, Results: look(failedID, openID), Succeeded: 12, From: from, To: to}, language),
			"notice-well":   b.notice(t.Context(), task.Notice{Kind: task.NoticeDigest, Directory: directory, Succeeded: 12, From: from, To: to}, language),
			"notice-none":   b.notice(t.Context(), task.Notice{Kind: task.NoticeDigest, Directory: directory, From: from, To: to}, language),
		}
		for _, platform := range []string{"dingtalk", "feishu", "wecom", "slack"} {
			t.Run(platform+" "+language.Tag(), func(t *testing.T) {
				rendered := make(map[string]json.RawMessage)
				for name, m := range messages {
					rendered[name] = renderers[platform](b.Platforms, m)
					check(t, platform, rendered[name])
				}
				var got bytes.Buffer
				encoder := json.NewEncoder(&got)
				encoder.SetEscapeHTML(false)
				encoder.SetIndent("", "  ")
				if err := encoder.Encode(rendered); err != nil {
					t.Fatal(err)
				}
				golden := filepath.Join("testdata", platform+"."+language.Tag()+".json")
				if *update {
					if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				lines := strings.Split(got.String(), "\n")
				for i, line := range strings.Split(string(want), "\n") {
					if i >= len(lines) || lines[i] != line {
						t.Fatalf("differs from line %d of %s on (go test -update accepts it), where that has\n%s", i+1, golden, line)
					}
				}
				if len(lines) != strings.Count(string(want), "\n")+1 {
					t.Errorf("it goes on after the end of %s", golden)
				}
			})
		}
	}
}

// check fails the test on a message that the platform would not take, by what
// its documents say.
func check(t *testing.T, platform string, rendered []byte) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(rendered, &m); err != nil || !utf8.Valid(rendered) {
		t.Fatalf("not JSON in UTF-8: %v in %s", err, rendered)
	}
	at := func(path ...string) string {
		value := any(m)
		for _, name := range path {
			object, _ := value.(map[string]any)
			value = object[name]
		}
		text, _ := value.(string)
		return text
	}
	within := func(what, text string, most int) {
		t.Helper()
		if text == "" || len(text) > most {
			t.Errorf("%s has %d bytes, want 1 to %d", what, len(text), most)
		}
	}
	switch platform {
	case "dingtalk":
		within("the message", string(rendered), 20_000)
		switch kind := at("msgtype"); kind {
		case "actionCard":
			within("the URL", at(kind, "singleURL"), 2000)
			within("the button", at(kind, "singleTitle"), 40)
			within("the title", at(kind, "title"), 1000)
			within("the text", at(kind, "text"), 3500)
		case "markdown":
			within("the title", at(kind, "title"), 1000)
			within("the text", at(kind, "text"), 3500)
		default:
			t.Errorf("msgtype %q", kind)
		}
	case "feishu", "feishu-post":
		within("the card", string(rendered), map[string]int{"feishu": 30 << 10, "feishu-post": 20 << 10}[platform])
		var check func(any)
		check = func(value any) {
			switch value := value.(type) {
			case []any:
				for _, v := range value {
					check(v)
				}
			case map[string]any:
				content, _ := value["content"].(string)
				if value["tag"] == "lark_md" && (strings.ContainsAny(content, "<[`~@") || strings.Count(content, "*") != 4) {
					t.Errorf("what others wrote may be taken for markup: %v", value)
				}
				if _, has := value["content"]; has && content == "" {
					t.Error("a text without content")
				}
				for _, v := range value {
					check(v)
				}
			}
		}
		check(m)
	case "wecom":
		within("the message", string(rendered), 20_000)
		switch kind := at("msgtype"); kind {
		case "markdown":
			within("the content", at(kind, "content"), 4096)
			if strings.Contains(at(kind, "content"), "<@") {
				t.Errorf("it calls somebody: %s", at(kind, "content"))
			}
		case "template_card":
			within("the title", at(kind, "main_title", "title"), 1000)
			within("the address", at(kind, "card_action", "url"), 2048)
			if fields, _ := m[kind].(map[string]any)["horizontal_content_list"].([]any); len(fields) > 6 {
				t.Errorf("%d fields", len(fields))
			}
		default:
			t.Errorf("msgtype %q", kind)
		}
	default:
		within("the message", string(rendered), 13_200)
		checkSlack(t, rendered)
	}
}

func checkSlack(t *testing.T, rendered []byte) {
	t.Helper()
	var m struct {
		Text        string
		Attachments []struct {
			Color  string
			Blocks []struct {
				Type     string
				Text     *struct{ Type, Text string }
				Fields   []struct{ Type, Text string }
				Elements []struct {
					Type, URL string
					Text      any
				}
			}
		}
	}
	if err := json.Unmarshal(rendered, &m); err != nil {
		t.Fatal(err)
	}
	text := func(kind, text string, most int) {
		t.Helper()
		if text == "" || len(text) > most {
			t.Errorf("a text of %d bytes, want 1 to %d", len(text), most)
		}
		if kind == "plain_text" {
			return
		}
		for rest := text; ; {
			i := strings.IndexByte(rest, '<')
			if i < 0 {
				break
			}
			if rest = rest[i+1:]; !strings.HasPrefix(rest, "https://status.example.com/") && !strings.HasPrefix(rest, "https://"+strings.Repeat("x", 20)) {
				t.Errorf("a link of somebody else's: %s", text)
			}
		}
	}
	text("mrkdwn", m.Text, 8000)
	if len(m.Attachments) != 1 || len(m.Attachments[0].Blocks) > 50 || len(m.Attachments[0].Color) != 7 {
		t.Fatalf("the attachment is %+v", m.Attachments)
	}
	for _, block := range m.Attachments[0].Blocks {
		switch block.Type {
		case "section":
			if block.Text != nil {
				text(block.Text.Type, block.Text.Text, 3000)
			}
			if len(block.Fields) > 10 || block.Text == nil && len(block.Fields) == 0 {
				t.Errorf("a section with %d fields", len(block.Fields))
			}
			for _, f := range block.Fields {
				text(f.Type, f.Text, 2000)
			}
		case "actions":
			if e := block.Elements[0]; e.Type != "button" || len(e.URL) > 3000 {
				t.Errorf("the button is %+v", e)
			}
		case "context":
			if e := block.Elements[0]; e.Text == "" {
				t.Errorf("the context is %+v", e)
			}
		default:
			t.Errorf("a block of type %q", block.Type)
		}
	}
}

// FuzzRender: whatever is said, and however much of it, every platform takes it.
func FuzzRender(f *testing.F) {
	f.Add("Failed", "No Permission.", "t-abcdef", "https://status.example.com/tasks/t-abcdef", 1, 1, uint8(3))
	f.Add("*_`~[x](y)<!channel>", strings.Repeat("权限不足&<>\"\n", 999), "@all", "", 60, 20, uint8(0))
	f.Add(strings.Repeat("标", 5000), "\x00\u202e\xff", "", "https://status.example.com/?"+strings.Repeat("a", 4000), 0, 300, uint8(2))
	f.Add("", "", "", "", 0, 0, uint8(1))
	platforms, _ := configured(f, "http://127.0.0.1:1")
	f.Fuzz(func(t *testing.T, title, text, value, link string, fields, rows int, kind uint8) {
		text, title, value = task.Visible(text), task.OneLine(title), task.OneLine(value)
		if link != "" {
			link = "https://status.example.com/" + strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' || r == '-' || r == '/' {
					return r
				}
				return -1
			}, link)
			link = link[:min(len(link), 1800)]
		}
		m := message{
			language: task.Language(kind / 4 % 2), state: state(kind % 5), title: "x" + title, about: value, reason: cut(text, maxReason), hint: value,
			notes: []string{"x" + title, "x" + value}, link: link, footer: brand + value,
		}
		for range min(max(fields, 0), 15) {
			m.fields = append(m.fields, field{"x" + title, "x" + value})
		}
		for range min(max(rows, 0), 60) {
			m.rows = append(m.rows, row{state: m.state, status: "x" + title, id: "x" + value, about: cut(task.OneLine(text), 3*maxRowReason), link: link})
		}
		for platform, render := range renderers {
			check(t, platform, render(platforms, m))
		}
	})
}

// TestRenderLongPart: whichever part is too long, all that comes of it is valid.
func TestRenderLongPart(t *testing.T) {
	platforms, _ := configured(t, "http://127.0.0.1:1")
	const page = "https://status.example.com/"
	for part, set := range map[string]func(m *message, long string){
		"title":       func(m *message, long string) { m.title = long },
		"about":       func(m *message, long string) { m.about = long },
		"reason":      func(m *message, long string) { m.reason = long },
		"hint":        func(m *message, long string) { m.hint = long },
		"note":        func(m *message, long string) { m.notes = []string{long} },
		"field name":  func(m *message, long string) { m.fields = []field{{long, "value"}} },
		"field value": func(m *message, long string) { m.fields = []field{{"name", long}} },
		"row status":  func(m *message, long string) { m.rows = []row{{status: long, id: "t-abcdef"}} },
		"row id":      func(m *message, long string) { m.rows = []row{{status: "Failed", id: long}} },
		"row about":   func(m *message, long string) { m.rows = []row{{status: "Failed", id: "t-abcdef", about: long}} },
		"row link": func(m *message, long string) {
			m.rows = []row{{status: "Failed", id: "t-abcdef", link: page + strings.Repeat("a", len(long))}}
		},
		"footer": func(m *message, long string) { m.footer = brand + long },
	} {
		t.Run(part, func(t *testing.T) {
			for _, letter := range []string{"a", "&", "标"} {
				for _, n := range []int{500, 1200, 3000, 6000, 11_000} {
					m := message{title: "Failed", link: page + "tasks", footer: brand}
					set(&m, strings.Repeat(letter, n/len(letter)))
					for platform, render := range renderers {
						check(t, platform, render(platforms, m))
					}
				}
			}
		})
	}
}

// TestIsWord: the letters and digits, to the first and the last.
func TestIsWord(t *testing.T) {
	for _, c := range []byte("09azAZ\x80") {
		if !isWord(c) {
			t.Errorf("%q is none", c)
		}
	}
	for _, c := range []byte("/:`{@[_ ") {
		if isWord(c) {
			t.Errorf("%q is one", c)
		}
	}
}

func TestFullWidth(t *testing.T) {
	for in, want := range map[string]string{
		"No Permission.":             "No Permission.",
		"AliyunReservedSSO_x_y":      "AliyunReservedSSO_x_y",
		"用_户":                        "用_户",
		"_x_ _":                      "＿x＿ ＿",
		"**b** `c` ~d~":              "＊＊b＊＊ ｀c｀ ～d～",
		"[a](https://b)":             "［a］(https：//b)",
		"![a](https://b)!":           "！［a］(https：//b)!",
		"<at id=all></at>":           "＜at id=all>＜/at>",
		"mail @all":                  "mail ＠all",
		"# h\n  # h #":               "＃ h\n  ＃ h #",
		"> q\na > b":                 "＞ q\na > b",
		`a\*b|c`:                     `a＼＊b｜c`,
		"EntityNotExists.Role: (x)!": "EntityNotExists.Role: (x)!",
	} {
		if got := fullWidth(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestShrink: taking out ends, and what everybody must read goes last.
func TestShrink(t *testing.T) {
	m := message{title: strings.Repeat("t", 100), about: "a", reason: strings.Repeat("r", 500), hint: "h", fields: make([]field, 4), notes: []string{"a", "b"}, rows: make([]row, 9), link: "l", footer: strings.Repeat("s", 99)}
	var order []string
	note := func(what string) {
		if len(order) == 0 || order[len(order)-1] != what {
			order = append(order, what)
		}
	}
	for steps := 0; ; steps++ {
		before := m
		if !m.shrink() {
			break
		}
		switch {
		case len(m.rows) != len(before.rows):
			note("rows")
			if m.more+len(m.rows) != 9 {
				t.Errorf("%d rows and %d more", len(m.rows), m.more)
			}
		case m.reason != before.reason:
			note("reason")
		case m.hint != before.hint:
			note("hint")
		case len(m.fields) != len(before.fields):
			note("fields")
		case len(m.notes) != len(before.notes):
			note("notes")
		case m.link != before.link:
			note("link")
		case m.about != before.about:
			note("about")
		case m.footer != before.footer:
			note("footer")
		case m.title != before.title:
			note("title")
		default:
			t.Fatal("nothing was taken out")
		}
		if steps > 100 {
			t.Fatal("it does not end")
		}
	}
	if got, want := fmt.Sprint(order), "[rows reason hint fields notes rows notes reason fields link about footer title]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
