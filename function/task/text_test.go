package task

import (
	"testing"
	"time"
)

func TestLanguage(t *testing.T) {
	if English.Tag() != "en" || Chinese.Tag() != "zh-CN" {
		t.Errorf("got %q and %q", English.Tag(), Chinese.Tag())
	}
	if text := (Text{En: "task", Zh: "任务"}); text.In(English) != "task" || text.In(Chinese) != "任务" {
		t.Errorf("got %q and %q", text.In(English), text.In(Chinese))
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                            "less than 1 s",
		999 * time.Millisecond:       "less than 1 s",
		time.Second:                  "1 s",
		59*time.Second + 999_999_999: "59 s",
		65 * time.Second:             "1 min 5 s",
		time.Hour - 1:                "59 min 59 s",
		time.Hour:                    "1 h 0 min",
		50*time.Hour + time.Minute:   "50 h 1 min",
	} {
		if got := DurationText(d).En; got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

// TestVisible has what people write, which stays, and what hides or misleads,
// which is marked.
func TestVisible(t *testing.T) {
	for _, test := range []struct{ name, in, want, line string }{
		{"words", "No Permission.", "No Permission.", "No Permission."},
		{"Chinese", "权限不足。", "权限不足。", "权限不足。"},
		{"a combined letter", "re\u0301sume\u0301", "re\u0301sume\u0301", "re\u0301sume\u0301"},
		{"lines and columns", "a\n\tb", "a\n\tb", "a b"},
		{"space around", "  a  b \n", "  a  b \n", "a b"},
		{"a colour for terminals", "\x1b[31mred\x07", "�[31mred�", "�[31mred�"},
		{"a return that overwrites", "denied\rgranted", "denied�granted", "denied�granted"},
		{"text turned around", "a\u202egnp.exe", "a�gnp.exe", "a�gnp.exe"},
		{"nothing to see between letters", "ad\u200bmin", "ad�min", "ad�min"},
		{"a letter that is not to be seen", "ad\u3164min", "ad�min", "ad�min"},
		{"a symbol without a dot", "ad\u2800min", "ad�min", "ad�min"},
		{"not UTF-8", "a\xffb", "a�b", "a�b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Visible(test.in); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := OneLine(test.in); got != test.line {
				t.Errorf("on one line got %q, want %q", got, test.line)
			}
		})
	}
}

// TestUnknownWords: CloudSSO's words that are not known here are shown as they are,
// and what does not show in them is.
func TestUnknownWords(t *testing.T) {
	const word, shown = "Pau\u202esed \x1b[31m\n!", "Pau\ufffdsed \ufffd[31m !"
	for name, got := range map[string]Text{
		"status":         Status(word).Text(),
		"type":           Type(word).Text(),
		"principal type": PrincipalType(word).Text(),
	} {
		if want := (Text{shown, shown}); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := (Task{Status: word}).Sentence(time.Time{}); got.En != "CloudSSO gives a state that is not known here: "+shown || got.Zh != "云 SSO 返回了未知的状态："+shown {
		t.Errorf("the sentence is %q", got)
	}
}
