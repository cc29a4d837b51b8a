package chat

import (
	"bytes"
	"net/http"
	"net/url"
	"testing"
	"time"
)

func TestUnpad(t *testing.T) {
	for _, test := range []struct {
		name string
		in   []byte
		size int
		want string
		ok   bool
	}{
		{"one byte", []byte("abc\x01"), 4, "abc", true},
		{"a whole block", []byte("abcd\x04\x04\x04\x04"), 4, "abcd", true},
		{"nothing but a block", []byte("\x04\x04\x04\x04"), 4, "", true},
		{"nothing", nil, 4, "", false},
		{"none", []byte("abc\x00"), 4, "", false},
		{"more than a block", []byte("abc\x05\x05\x05\x05\x05"), 4, "", false},
		{"more than there is", []byte("\x04\x04"), 4, "", false},
		{"not all the same", []byte("ab\x01\x02"), 4, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := unpad(bytes.Clone(test.in), test.size)
			if (err == nil) != test.ok || string(got) != test.want {
				t.Errorf("got %q (%v)", got, err)
			}
		})
	}
}

func TestIsRecent(t *testing.T) {
	for seconds, want := range map[string]bool{
		"1795492800": true, "1795492740": true, "1795492739": false, "1795492860": true, "1795492861": false,
		"": false, "x": false, "1795492800.5": false, "9223372036854775807": false, "-1": false, "99999999999999999999": false,
	} {
		if got := isRecent(seconds, noon, time.Minute); got != want {
			t.Errorf("%s: got %v", seconds, got)
		}
	}
}

// FuzzReceive: no body of a call, signed or not, is too strange for a platform: it
// is refused or read, and one that is not signed is never read.
func FuzzReceive(f *testing.F) {
	f.Add([]byte(`{"msgId":"1","text":{"content":"x"},"chatbotCorpId":"dingcorp","robotCode":"dingrobot"}`))
	f.Add([]byte(`team_id=T1&text=help`))
	f.Add([]byte(`{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}`))
	f.Add([]byte(`{"schema":"2.0","header":{"token":"feishu-verification-0123456789","app_id":"cli_app","tenant_key":"tenant","event_type":"im.message.receive_v1"},"event":{"message":{"message_id":"1","content":"{}","mentions":[{"key":""}]}}}`))
	f.Add([]byte(`{"msgid":"1","msgtype":"text","text":{"content":"@Bot"}}`))
	f.Add([]byte{})
	platforms, _ := configured(f, "http://127.0.0.1:1")
	f.Fuzz(func(t *testing.T, body []byte) {
		dingTalk := dingTalkCall("", "", noon, nil).Header
		sealed := wecomSeal(wecomAESKey, body, "")
		signed := map[string]call{
			"dingtalk": {method: http.MethodPost, header: dingTalk, body: body, now: noon},
			"slack":    {method: http.MethodPost, header: slackSigned(string(body), slackSecret, noon).Header, body: body, now: noon},
			"feishu":   {method: http.MethodPost, body: feishuEncrypt(feishuKey, body), now: noon},
			"wecom":    {method: http.MethodPost, query: wecomQuery(sealed, noon), body: jsonOf(map[string]string{"encrypt": sealed}), now: noon},
		}
		feishu := signed["feishu"]
		feishu.header = feishuSigned(feishu.body, feishuKey, noon).Header
		signed["feishu"] = feishu
		for name, c := range signed {
			q, err := platforms.find(name).receive(c)
			if err != nil && (q.text != "" || q.response != nil) {
				t.Errorf("%s: refused, and read: %+v", name, q)
			}
			_, _ = platforms.find(name).receive(call{method: http.MethodPost, header: c.header, query: c.query, body: body, now: noon})
			for _, unsigned := range [][]byte{body, c.body} {
				q, err := platforms.find(name).receive(call{method: http.MethodPost, header: http.Header{}, query: url.Values{}, body: unsigned, now: noon})
				if err == nil && (name != "feishu" || q.response == nil) {
					t.Errorf("%s: read without a signature: %+v", name, q)
				}
			}
		}
	})
}

// FuzzDecrypt: what is not of the platform's making is an error, never a panic.
func FuzzDecrypt(f *testing.F) {
	f.Add("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=", "test key")
	f.Add("P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==", wecomAESKey)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, encrypted, key string) {
		_, _ = feishuDecrypt(key, encrypted)
		for _, encoded := range []string{key, wecomAESKey} {
			if key, err := wecomKey(encoded); err == nil {
				_, _, _ = wecomUnseal(key, encrypted)
			}
		}
	})
}
