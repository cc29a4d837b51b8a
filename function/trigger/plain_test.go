package trigger

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"testing"
)

// The events that Function Compute writes are all read at once.
func TestReadPlain(t *testing.T) {
	for _, test := range []struct {
		file  string
		plain bool
	}{
		{"http-documented.json", true},
		{"http-browser.json", true},
		{"http-base64-body.json", true},
		{"http-comma-query.json", true},
		{"http-empty-request-id.json", true},
		{"http-encoded-path.json", true},
		{"http-bare.json", true},
		{"http-loose-types.json", false},
	} {
		t.Run(test.file, func(t *testing.T) {
			if _, plain := readPlain(mustRead(t, "testdata/"+test.file)); plain != test.plain {
				t.Errorf("got %v, want %v", plain, test.plain)
			}
		})
	}
}

// Whatever is read so is what encoding/json reads.
func FuzzReadPlain(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		f.Add(mustRead(f, file))
	}
	for _, seed := range []string{
		"", "{", "{}", "{} x", " {\t}\r\n", "{,}", `{"body"}`, `{"body":}`, `{"body":"a",}`, `{"body":"a"`, `{"body":"a`, `{"body":"\`, `{"body":"a\"}`,
		`{"body":"\u4efb\n\"\\ 任\u0000"}`, `{"body":"\ud800"}`, `{"body":"\x"}`, "{\"body\":\"\xff\"}", "{\"body\":\"\n\"}", "{\"body\"\u00a0:\"a\"}",
		`{"body":"a","body":"b"}`, `{"Body":"a"}`, `{"\u0062ody":"a"}`, `{"bod\u212a":"a"}`, `{"body":null}`, `{"body":7}`, `{"body":["a"]}`,
		`{"isBase64Encoded":true}`, `{"isBase64Encoded":false,"isBase64Encoded":true}`, `{"isBase64Encoded":truex}`, `{"isBase64Encoded":"true"}`,
		`{"headers":{},"queryParameters":{"a":"b"}}`, `{"headers":{"a":"b"},"headers":{"\u0061":"c","d":""}}`, `{"headers":{"a":1}}`, `{"headers":null}`, `{"headers":{"a":"b"},"headers":null}`, `{"headers":nullx}`,
		`{"requestContext":{"http":{"method":"GET"}},"requestContext":{"requestId":"1","http":{}}}`, `{"requestContext":{"http":{"port":"1"}}}`,
		`{"version":"v1","triggerId":"a","time":"b"}`, `{"ver\u017fion":"v1"}`, `{"time":{}}`, `[{}]`, `{{}}`, `{"headers":{"a":"b"}`, `{"requestContext":{"http":{"method":"GET"}}`, "\xef\xbb\xbf{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, plain := readPlain(data)
		if !plain {
			return
		}
		want := new(httpEvent)
		if err := json.Unmarshal(data, want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v; encoding/json has %+v, %v", got, want, err)
		}
	})
}
