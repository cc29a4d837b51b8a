package templates

import (
	"reflect"
	"testing"
)

// TestWords fails on a word that is missing in a language.
func TestWords(t *testing.T) {
	for name, words := range map[string]Words{"English": English, "Chinese": Chinese} {
		v := reflect.ValueOf(words)
		for i := range v.NumField() {
			if v.Field(i).String() == "" {
				t.Errorf("%s lacks %s", name, v.Type().Field(i).Name)
			}
		}
	}
	if English.Lang != Chinese.OtherLang || Chinese.Lang != English.OtherLang {
		t.Error("the languages do not name each other")
	}
}
