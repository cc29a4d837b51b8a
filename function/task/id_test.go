package task

import (
	"slices"
	"strings"
	"testing"
)

func TestParseID(t *testing.T) {
	for _, test := range []struct {
		name, in string
		want     ID
		detail   string // a part of the caller's text, in English
	}{
		{"as documented", "t-shfqw1u1edszvxw5abcd", "t-shfqw1u1edszvxw5abcd", ""},
		{"another region's letters", "t-hkfqw1u1edszvxw5abcd", "t-hkfqw1u1edszvxw5abcd", ""},
		{"shortest", "t-abc123", "t-abc123", ""},
		{"longest", "t-" + strings.Repeat("a", 40), ID("t-" + strings.Repeat("a", 40)), ""},
		{"all that an id can have", "t-0123456789abcdefghijklmnopqrstuvwxyz", "t-0123456789abcdefghijklmnopqrstuvwxyz", ""},
		{"white space around", " t-abc123\n", "t-abc123", ""},
		{"empty", "", "", "the task id is empty"},
		{"blank", "  ", "", "the task id is empty"},
		{"too short", "t-abc12", "", `"t-abc12" is not a task id`},
		{"too long", "t-" + strings.Repeat("a", 41), "", "is not a task id"},
		{"upper case", "t-SHFQW1U1", "", "lower-case"},
		{"a directory", "d-00fc2p61abcd", "", `"d-00fc2p61abcd" is not a task id: one is "t-"`},
		{"masked", "t-shfqw1u1edszvxw5****", "", "masked with asterisks: copy the whole task id"},
		{"path tricks", "t-abc123/../x", "", "is not a task id"},
		{"control characters are named, not sent", "t-abc\x00123", "", `"t-abc\x00123"`},
		{"as long as is shown", "t-" + strings.Repeat("A", 58), "", `"t-` + strings.Repeat("A", 58) + `" is not a task id`},
		{"longer is cut", "t-" + strings.Repeat("A", 59), "", `"t-` + strings.Repeat("A", 58) + `…" is not a task id`},
		{"very long is cut", "t-" + strings.Repeat("界", 5000), "", "…"},
		{"not UTF-8", "t-\xff\xfe\xfd12345", "", `\xff`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseID(test.in)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			checkInvalid(t, err, test.detail)
		})
	}
}

func TestParseDirectoryID(t *testing.T) {
	for _, test := range []struct {
		name, in string
		want     DirectoryID
		detail   string
	}{
		{"twelve", "d-00fc2p61abcd", "d-00fc2p61abcd", ""},
		{"twenty", "d-004whl0kvfwcypbiabcd", "d-004whl0kvfwcypbiabcd", ""},
		{"a task", "t-abc123", "", `is not a directory id: one is "d-"`},
		{"masked", "d-00fc2p61****", "", "copy the whole directory id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseDirectoryID(test.in)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			checkInvalid(t, err, test.detail)
		})
	}
}

// checkInvalid wants no error where detail is empty, else an Invalid one that
// says detail in English and something in Chinese, in few words.
func checkInvalid(t *testing.T, err error, detail string) {
	t.Helper()
	if detail == "" {
		if err != nil {
			t.Errorf("error %v, want none", err)
		}
		return
	}
	e, ok := err.(*Error)
	if !ok || e.Kind != Invalid {
		t.Fatalf("error %v, want an Invalid one", err)
	}
	if !strings.Contains(e.Detail.En, detail) {
		t.Errorf("detail %q, want %q in it", e.Detail.En, detail)
	}
	if e.Detail.Zh == "" || len(e.Detail.En) > 600 {
		t.Errorf("detail %+v: missing in Chinese, or too long", e.Detail)
	}
}

func TestParseIDs(t *testing.T) {
	const a, b = "t-shfqw1u1edszvxw5aaaa", "t-sh6tceylhvgejpipbbbb"
	for _, test := range []struct {
		name, in string
		want     []ID
		detail   string // of the error, in part
	}{
		{"one", a, []ID{a}, ""},
		{"several", a + "," + b, []ID{a, b}, ""},
		{"white space around commas", a + ", " + b + ",\n", []ID{a, b}, ""},
		{"lines", a + "\r\n" + b + "\r\n", []ID{a, b}, ""},
		{"Chinese commas", a + "，" + b + "、" + a, []ID{a, b}, ""},
		{"a full stop", a + ".", []ID{a}, ""},
		{"Markdown's bold", "**" + a + "**", []ID{a}, ""},
		{"Markdown's bold and italics", "**_" + a + "_**", []ID{a}, ""},
		{"one that ends as it begins", "t-shfqw1u1edszvxw5aaat", []ID{"t-shfqw1u1edszvxw5aaat"}, ""},
		{"pasted JSON", `{"Task": {"TaskId": "` + a + `"}, "RequestId": "0F"}`, []ID{a}, ""},
		{"pasted JSON without spaces", `{"Tasks":[{"TaskId":"` + a + `"},{"TaskId":"` + b + `"}]}`, []ID{a, b}, ""},
		{"a pasted link", "https://status.example.com/tasks/" + a, []ID{a}, ""},
		{"a pasted query", a + "&lang=zh", []ID{a}, ""},
		{"Chinese around it", "任务" + a + "执行失败", []ID{a}, ""},
		{"Chinese after it", a + "执行失败", []ID{a}, ""},
		{"prose", "please check " + a + " and " + b + ", thanks", []ID{a, b}, ""},
		{"prose with Markdown", "it is **" + a + "** or _" + b + "_", []ID{a, b}, ""},
		{"prose with a pattern", "of all t-* it is " + a, []ID{a}, ""},

		{"a wrong item between commas", a + ",bogus", nil, `"bogus" is not a task id`},
		{"a wrong item with a sign", a + ",foo@bar", nil, `"foo@bar" is not a task id`},
		{"a wrong item with an underscore", a + ",t-sh6tceylhvge_pipabcd", nil, `"t-sh6tceylhvge_pipabcd" is not`},
		{"a wrong item among lines", a + "\nt-SHOUT", nil, `"t-SHOUT" is not`},
		{"a masked item", a + ",t-sh6tceylhvgejpip****", nil, "masked"},
		{"a masked item among lines", a + "\nt-sh***", nil, "masked"},
		{"a masked end", "t-sh6tceylhvge**", nil, "masked"},
		{"an item that is all mask", a + ",**", nil, `"**" is masked`},
		{"a masked middle", "t-shfqw1u1****abcd", nil, "masked"},
		{"masked in JSON", `{"TaskId":"t-shfqw1u1edszvxw5****"}`, nil, "masked"},
		{"one word", "hello", nil, `"hello" is not a task id`},
		{"words", "hello world", nil, "no task id is in what was sent"},
		{"nothing", "", nil, "no task id is in what was sent"},
		{"only separators", " ,\n, ", nil, "no task id is in what was sent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseIDs(test.in)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			checkInvalid(t, err, test.detail)
		})
	}
}

func TestFindIDs(t *testing.T) {
	const a, b = "t-shfqw1u1edszvxw5aaaa", "t-sh6tceylhvgejpipbbbb"
	for _, test := range []struct {
		name, in string
		want     []ID
	}{
		{"nothing", "", nil},
		{"alone", a, []ID{a}},
		{"a list", a + "," + b, []ID{a, b}},
		{"lines, twice the same", a + "\n" + b + "\n" + a + "\n", []ID{a, b}},
		{"a URL", "https://status.example.com/tasks/" + a + "?lang=zh#x", []ID{a}},
		{"a URL with a suffix", "https://status.example.com/tasks/" + a + ".json", []ID{a}},
		{"the CLI's JSON", `{"RequestId":"0F","Task":{"TaskId":"` + a + `","TaskType":"CreateAccessAssignment"}}`, []ID{a}},
		{"JSON in a string of JSON", `"{\"TaskId\":\"` + a + `\"}"`, []ID{a}},
		{"after an escaped line break", `Task:\n` + a + `\n` + b, []ID{a, b}},
		{"after an escape that begins the text", `\n` + a, []ID{a}},
		{"after an encoded character that begins the text", "%2F" + a, []ID{a}},
		{"percent-encoded", "id=" + a + "%2C" + b, []ID{a, b}},
		{"prose in Chinese", "任务" + a + "失败了，还有" + b + "。", []ID{a, b}},
		{"in brackets", "(" + a + ") [" + b + "]", []ID{a, b}},
		{"masked is no id", "t-shfqw1u1edszvxw5****", nil},
		{"upper case is no id", "T-SHFQW1U1EDSZVXW5AAAA t-shfqw1u1EDSZ", nil},
		{"too short", "a t-shirt", nil},
		{"longest", "(t-" + strings.Repeat("a", 40) + ")", []ID{ID("t-" + strings.Repeat("a", 40))}},
		{"too long", "t-" + strings.Repeat("a", 41), nil},
		{"the end of a longer word", "client-configuration test-abcdefg", nil},
		{"the end of a word of any letter or digit", "0t-abcdefg 9t-abcdefg at-abcdefg zt-abcdefg At-abcdefg Zt-abcdefg", nil},
		{"the start of a longer word", "t-abcdefg-hijk t-abcdefgH t-abcdefg_h", nil},
		{"the end of a longer word with an underscore", "my_t-abcdefg", nil},
		{"masked, then one that is not", "t-sh6tceylhvge** " + a, []ID{a}},
		{"in Markdown's italics and bold", "_" + a + "_ and **" + b + "**", []ID{a, b}},
		{"between JSON's escapes", `\u0022` + a + `\u0022, \"` + b + `\"`, []ID{a, b}},
		{"followed by more of a query", "id=" + a + "&x=" + b, []ID{a, b}},
		{"a directory", "d-00fc2p61abcd", nil},
		{"one after a near miss", "t-t-abcdefg " + a, []ID{a}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := FindIDs(test.in); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func FuzzFindIDs(f *testing.F) {
	for _, seed := range []string{
		"", "t-", "t-abc123", "x t-abc123,t-abc123", `{"TaskId":"t-shfqw1u1edszvxw5aaaa"}`,
		"%2Ft-abc123%2", `\nt-abc123`, "t-t-t-abc123", "t-abc123\xff", "任务t-abc123。",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids := FindIDs(text)
		for i, id := range ids {
			if parsed, err := ParseID(string(id)); err != nil || parsed != id {
				t.Errorf("found %q, which does not parse: %v", id, err)
			}
			if !strings.Contains(text, string(id)) {
				t.Errorf("found %q, which is not there", id)
			}
			if slices.Contains(ids[:i], id) {
				t.Errorf("found %q twice", id)
			}
		}
		parsed, err := ParseIDs(text)
		if (err == nil) != (len(parsed) > 0) {
			t.Errorf("%d ids and error %v", len(parsed), err)
		}
		for _, id := range parsed {
			if !slices.Contains(ids, id) {
				t.Errorf("parsed %q, which is not found", id)
			}
		}
		if id, err := ParseID(text); err == nil && !slices.Equal(ids, []ID{id}) {
			t.Errorf("%q is an id, found %q in it", id, ids)
		}
	})
}
