package main

import (
	"fmt"
	"strings"
	"testing"
)

// described writes spans down so that their styles can be compared.
func described(spans []span) string {
	var parts []string
	for _, s := range spans {
		text := fmt.Sprintf("%q", s.Text)
		for _, style := range []struct {
			name string
			on   bool
		}{{"b", s.Bold}, {"i", s.Italic}, {"s", s.Strike}, {"code", s.Code}, {"at", s.Mention}} {
			if style.on {
				text += " " + style.name
			}
		}
		if s.Color != "" {
			text += " " + s.Color
		}
		if s.URL != "" {
			text += " -> " + s.URL
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// TestMarkdown: the same text is not the same to all. What one platform takes
// as an escape, another shows.
func TestMarkdown(t *testing.T) {
	for _, test := range []struct{ text, dingTalk, lark, weCom string }{
		{"a **b** c", `"a "; "b" b; " c"`, `"a "; "b" b; " c"`, `"a "; "b" b; " c"`},
		{`\*\*a\*\*`, `"**a**"`, `"\\"; "\\" i; "a\\"; "\\" i`, `"\\"; "\\" i; "a\\"; "\\" i`},
		{`\[a\](https://b.example)`, `"[a]("; "https://b.example" -> https://b.example; ")"`, `"\\"; "a\\" -> https://b.example`, `"\\"; "a\\" -> https://b.example`},
		{"&lt;b&gt; &#42;c&#42;", `"<b> *c*"`, `"<b> *c*"`, `"&lt;b&gt; &#42;c&#42;"`},
		{"[a](https://b.example)", `"a" -> https://b.example`, `"a" -> https://b.example`, `"a" -> https://b.example`},
		{"![a](https://b.example)", `"image: a" -> https://b.example`, `"!"; "a" -> https://b.example`, `"!"; "a" -> https://b.example`},
		{"see https://b.example/x.", `"see "; "https://b.example/x" -> https://b.example/x; "."`, `"see "; "https://b.example/x" -> https://b.example/x; "."`, `"see "; "https://b.example/x" -> https://b.example/x; "."`},
		{"`**a**`", `"**a**" code`, "\"`\"; \"a\" b; \"`\"", `"**a**" code`},
		{`<font color="warning">a **b**</font>`, `"a " warning; "b" b warning`, `"a " warning; "b" b warning`, `"a " warning; "b" b warning`},
		{`<at id=all></at>`, `"<at id=all></at>"`, `"@all" at`, `"<at id=all></at>"`},
		{`<at user_id="ou_1">Bob</at>`, `"<at user_id=\"ou_1\">Bob</at>"`, `"@ou_1" at`, `"<at user_id=\"ou_1\">Bob</at>"`},
		{"<@all>", `"<@all>"`, `"<@all>"`, `"@all" at`},
		{"~~a~~ snake_case _b_ 2 * 3 * 4", `"~~a~~ snake_case "; "b" i; " 2 * 3 * 4"`, `"a" s; " snake_case _b_ 2 * 3 * 4"`, `"~~a~~ snake_case _b_ 2 * 3 * 4"`},
		{"**a", `"**a"`, `"**a"`, `"**a"`},
		{"\x80 [a](b c) <b> &x;", `"\x80 [a](b c) <b> &x;"`, `"\x80 [a](b c) <b> &x;"`, `"\x80 [a](b c) <b> &x;"`},
	} {
		for _, got := range []struct{ platform, got, want string }{
			{"DingTalk", described(dingTalkMarkdown.spans(test.text)), test.dingTalk},
			{"Feishu", described(larkMarkdown.spans(test.text)), test.lark},
			{"WeCom", described(weComMarkdown.spans(test.text)), test.weCom},
		} {
			if got.got != got.want {
				t.Errorf("%s: %q is %s, want %s", got.platform, test.text, got.got, got.want)
			}
		}
	}
}

func TestMarkdownBlocks(t *testing.T) {
	const text = "# a\nb\nc  \nd\n\n> e\n- f\n2. g\n---\n```\n*h*\n```\n"
	for name, test := range map[string]struct {
		dialect dialect
		want    string
	}{
		"DingTalk": {dingTalkMarkdown, `heading "a" | paragraph "b c\nd" | quote "e" | item "f" | item "g" | rule  | code "*h*" code`},
		"Feishu":   {larkMarkdown, "paragraph \"# a\\nb\\nc\\nd\" | paragraph \"> e\\n- f\\n2. g\\n---\\n```\\n\"; \"h\" i; \"\\n```\""},
		"WeCom":    {weComMarkdown, `heading "a" | paragraph "b\nc\nd" | quote "e" | item "f" | item "g" | rule  | code "*h*" code`},
	} {
		var got []string
		for _, block := range test.dialect.parse(text) {
			got = append(got, string(block.Kind)+" "+described(block.Spans))
		}
		if strings.Join(got, " | ") != test.want {
			t.Errorf("%s: got %s, want %s", name, strings.Join(got, " | "), test.want)
		}
	}
}

// FuzzMarkdown: whatever is posted, the stand-in reads it.
func FuzzMarkdown(f *testing.F) {
	for _, seed := range []string{"**a**", "[a](b)", "![", "`", "```\n", "<font color=red>", "<at id=all></at>", "<@", "<!channel|x>", "&#x;", "\\", "* a", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []dialect{dingTalkMarkdown, larkMarkdown, weComMarkdown, plainText} {
			d.parse(text)
		}
		mrkdwnBlocks(text)
	})
}
