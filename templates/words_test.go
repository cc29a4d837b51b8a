package templates

import (
	"reflect"
	"strings"
	"testing"
)

// TestWords fails on a word that is missing in a language, or that is filled in
// with more or less than in the other.
func TestWords(t *testing.T) {
	for name, words := range map[string]Words{"English": English, "Chinese": Chinese} {
		v := reflect.ValueOf(words)
		for i := range v.NumField() {
			if v.Field(i).String() == "" {
				t.Errorf("%s lacks %s", name, v.Type().Field(i).Name)
			}
		}
	}
	en, zh := reflect.ValueOf(English), reflect.ValueOf(Chinese)
	for i := range en.NumField() {
		if strings.Count(en.Field(i).String(), "%") != strings.Count(zh.Field(i).String(), "%") {
			t.Errorf("%s: %q and %q are not filled in alike", en.Type().Field(i).Name, en.Field(i), zh.Field(i))
		}
	}
	if English.Lang != Chinese.OtherLang || Chinese.Lang != English.OtherLang {
		t.Error("the languages do not name each other")
	}
}
