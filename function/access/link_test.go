package access

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestLink(t *testing.T) {
	const subject = "d-00fc2p61abcd t-sh0000000000000001ab"
	p := parse(t, "", "bot:"+hash("alpha"), key)
	until := now.Add(7 * 24 * time.Hour)
	good := p.Link(subject, until)
	if len(good) != 2 || good.Get("expires") != "1796126400" || len(good.Get("signature")) != 22 {
		t.Fatalf("the link has %v", good)
	}
	with := func(name, value string) url.Values {
		changed := url.Values{"expires": good["expires"], "signature": good["signature"]}
		changed[name] = []string{value}
		return changed
	}
	session := signIn(t, p).Value
	for _, test := range []struct {
		name, keys, subject string
		parameters          url.Values
		at                  time.Time
		ok                  bool
	}{
		{"as it was made", key, subject, good, now, true},
		{"to the last second", key, subject, good, until.Add(-1), true},
		{"after its time", key, subject, good, until, false},
		{"with a new key before the old", otherKey + "," + key, subject, good, now, true},
		{"with a new key alone", otherKey, subject, good, now, false},
		{"without a key", "", subject, good, now, false},
		{"with other parameters besides", key, subject, with("lang", "zh"), now, true},
		{"for another task", key, "d-00fc2p61abcd t-sh0000000000000002ab", good, now, false},
		{"for one task more", key, subject + " t-sh0000000000000002ab", good, now, false},
		{"for another directory", key, strings.Replace(subject, "d-00", "d-01", 1), good, now, false},
		{"for longer", key, subject, with("expires", "1796126401"), now, false},
		{"until no time", key, subject, with("expires", "never"), now, false},
		{"until nothing", key, subject, with("expires", ""), now, false},
		{"another way to write the time", key, subject, with("expires", "01796126400"), now, false},
		{"no signature", key, subject, with("signature", ""), now, false},
		{"a signature with more", key, subject, with("signature", good.Get("signature")+"="), now, false},
		{"the signature of a session", key, subject, with("signature", session[strings.Index(session, ".")+1:]), now, false},
		{"nothing", key, subject, nil, now, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(t, "", "bot:"+hash("alpha"), test.keys).Opens(test.subject, test.parameters, test.at)
			if (err == nil) != test.ok || test.ok && !got.Equal(until) || !test.ok && !got.IsZero() {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	signature := good.Get("signature")
	for i := range len(signature) {
		changed := signature[:i] + string(signature[i]^1) + signature[i+1:]
		if _, err := p.Opens(subject, with("signature", changed), now); err == nil {
			t.Errorf("%s opens it, and the signature is %s", changed, signature)
		}
	}
}

// FuzzOpens looks for a link that opens what it was not made for.
func FuzzOpens(f *testing.F) {
	p := parse(f, "", "bot:"+hash("alpha"), key)
	const subject = "d-00fc2p61abcd t-sh0000000000000001ab"
	good := p.Link(subject, now.Add(time.Hour))
	f.Add(subject, good.Get("expires"), good.Get("signature"))
	f.Add(subject+"\n"+good.Get("expires"), "", good.Get("signature"))
	f.Add("d-00fc2p61abcd", "t-sh0000000000000001ab", good.Get("signature"))
	f.Fuzz(func(t *testing.T, s, expires, signature string) {
		_, err := p.Opens(s, url.Values{"expires": {expires}, "signature": {signature}}, now)
		if made := s == subject && expires == good.Get("expires") && signature == good.Get("signature"); made != (err == nil) {
			t.Errorf("%q, %q, %q: %v", s, expires, signature, err)
		}
	})
}

// FuzzSession looks for a cookie that lets in and was not given.
func FuzzSession(f *testing.F) {
	p := parse(f, "", "bot:"+hash("alpha"), key)
	good := signIn(f, p)
	f.Add(good.Name + "=" + good.Value)
	f.Add("a=b; " + good.Name + `="` + good.Value + `"`)
	f.Fuzz(func(t *testing.T, cookies string) {
		name, _, err := p.Caller(from("192.0.2.1:1", "Cookie: "+cookies), now)
		if err == nil && (name != "bot" || !strings.Contains(cookies, good.Name+"="+good.Value)) {
			t.Errorf("%q lets in %q", cookies, name)
		}
	})
}
