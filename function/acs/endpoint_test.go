package acs

import (
	"strings"
	"testing"
)

func TestParseEndpoint(t *testing.T) {
	tests := []struct {
		name, value string
		want        string
		err         string // a part of it
	}{
		{name: "host", value: "a-vpc.cn-shanghai.aliyuncs.com", want: "https://a-vpc.cn-shanghai.aliyuncs.com"},
		{name: "slash at the end", value: "https://a.example/", want: "https://a.example"},
		{name: "port", value: "a.example:8443", want: "https://a.example:8443"},
		{name: "default port", value: "https://a.example:443", want: "https://a.example"},
		{name: "capitals", value: "HTTPS://A.Example", want: "https://a.example"},
		{name: "http to 127.0.0.1", value: "http://127.0.0.1:9001", want: "http://127.0.0.1:9001"},
		{name: "http to 127.1.2.3", value: "http://127.1.2.3:80", want: "http://127.1.2.3"},
		{name: "http to ::1", value: "http://[::1]:9001", want: "http://[::1]:9001"},
		{name: "http to localhost", value: "http://localhost:9001", want: "http://localhost:9001"},
		{name: "http elsewhere", value: "http://a.example", err: "NAME: plain http"},
		{name: "http to a name that begins like loopback", value: "http://127.0.0.1.evil.example", err: "NAME: plain http"},
		{name: "http to a name like localhost", value: "http://localhost.evil.example", err: "NAME: plain http"},
		{name: "another scheme", value: "ftp://a.example", err: "NAME must be"},
		{name: "path", value: "https://a.example/api", err: "NAME must be"},
		{name: "query", value: "https://a.example?x", err: "NAME must be"},
		{name: "question mark", value: "https://a.example?", err: "NAME must be"},
		{name: "fragment", value: "https://a.example#x", err: "NAME must be"},
		{name: "password", value: "https://user:s3cret@a.example", err: "NAME must be"},
		{name: "no host", value: "https://", err: "NAME must be"},
		{name: "port only", value: ":8443", err: "NAME must be"},
		{name: "empty port", value: "a.example:", err: "NAME must be"},
		{name: "port 0", value: "a.example:0", err: "NAME must be"},
		{name: "port too high", value: "a.example:65536", err: "NAME must be"},
		{name: "underscore", value: "https://a_b.example", err: "NAME must be"},
		{name: "space", value: " a.example", err: "NAME must be"},
		{name: "zone", value: "http://[::1%25lo]:80", err: "NAME must be"},
		{name: "line break", value: "a.example\r\nx: y", err: "NAME must be"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseEndpoint("NAME", test.value, "https://like.example")
			if got != test.want || (err != nil) != (test.err != "") {
				t.Fatalf("got %q, %v, want %q, %q", got, err, test.want, test.err)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), test.err) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("error %q, want it to begin with %q and to repeat no password", err, test.err)
			}
		})
	}
	if _, err := ParseEndpoint("NAME", "", "https://like.example"); err == nil || !strings.HasSuffix(err.Error(), "such as https://like.example") {
		t.Errorf("error %v, want the example", err)
	}
}

func TestIsRegion(t *testing.T) {
	for _, region := range []string{"cn-shanghai", "ap-northeast-2", "cn-shanghai-finance-1", "cn-x", "cn-" + strings.Repeat("a", 37)} {
		if !IsRegion(region) {
			t.Errorf("%q is not taken for a region", region)
		}
	}
	for _, other := range []string{"", "shanghai", "cn-", "cn-shanghai-", "CN-shanghai", "cn-Shanghai", "c1-shanghai", "cn_shanghai", "cn-a.b", "cn-a/", "cn-a:b", "cn-a@b", "cn-" + strings.Repeat("a", 38)} {
		if IsRegion(other) {
			t.Errorf("%q is taken for a region", other)
		}
	}
}
