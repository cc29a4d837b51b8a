package cloudsso

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
)

func TestAuthorization(t *testing.T) {
	const plainHeaders = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
	cloudSSO := message{
		method: "POST", host: "cloudsso.cn-shanghai.aliyuncs.com", action: "GetTaskStatus", version: "2021-05-15",
		query: "DirectoryId=d-00fc2p61%2A%2A%2A%2A&TaskId=t-shfqw1u1edszvxw5%2A%2A%2A%2A",
		date:  "2023-10-26T10:22:32Z", nonce: "3156853299f313e23d1673dc12e1703d",
	}
	withToken := cloudSSO
	withToken.token = "YourSecurityToken"
	tests := []struct {
		name                         string
		message                      message
		hash, signature, signHeaders string
	}{
		{
			"the published vector of RunInstances",
			message{
				method: "POST", host: "ecs.cn-shanghai.aliyuncs.com", action: "RunInstances", version: "2014-05-26",
				query: "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
				date:  "2023-10-26T10:22:32Z", nonce: "3156853299f313e23d1673dc12e1703d",
			},
			"7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259",
			"06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
			plainHeaders,
		},
		{
			"GetTaskStatus", cloudSSO,
			"1ef0dd9a45c4080664d4e9d6bd3bfc6756b203f35b43bbfd334448ddf5827136",
			"1a542373b69fc8f0f9b2dcb6ee3ceef2e4f1631f3057a2dc3ba58552137ba5b5",
			plainHeaders,
		},
		{
			"GetTaskStatus with a token", withToken,
			"3fc821f7529e56a7bfa209e408bd642a92257e8ab36e4ae14600408e5669351f",
			"69af48045f0981c4782f022e44a14c567044c7b680c6d3e7f45f915954a32ee0",
			"host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request, _ := test.message.canonical()
			hash := sha256.Sum256(request)
			if got := hex.EncodeToString(hash[:]); got != test.hash {
				t.Errorf("hash of the canonical request = %s, want %s\n%s", got, test.hash, request)
			}
			want := "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=" + test.signHeaders + ",Signature=" + test.signature
			if got := test.message.authorization("YourAccessKeyId", "YourAccessKeySecret"); got != want {
				t.Errorf("authorization =\n%s, want\n%s", got, want)
			}
		})
	}
}

func TestAppendParameter(t *testing.T) {
	tests := []struct{ name, query, value, want string }{
		{"first", "", "a", "N=a"},
		{"second", "M=1", "a", "M=1&N=a"},
		{"empty is left out", "M=1", "", "M=1"},
		{"unreserved stays", "", "AZaz09-_.~", "N=AZaz09-_.~"},
		{"space is not plus", "", "StartTime ge 2021-11-05T02:58:07Z", "N=StartTime%20ge%202021-11-05T02%3A58%3A07Z"},
		{"asterisk and plus", "", "*+", "N=%2A%2B"},
		{"delimiters", "", "&=/%", "N=%26%3D%2F%25"},
		{"bytes of UTF-8", "", "中", "N=%E4%B8%AD"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := string(appendParameter([]byte(test.query), "N", test.value)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func FuzzEncode(f *testing.F) {
	for _, seed := range []string{"", "d-00fc2p61****", "t-a b+c", "~%2A", "中\x00\xff", "a=b&c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded := string(appendEncoded(nil, s))
		if decoded, err := url.QueryUnescape(encoded); err != nil || decoded != s {
			t.Errorf("%q is encoded as %q, which means %q (%v)", s, encoded, decoded, err)
		}
		if want := strings.ReplaceAll(url.QueryEscape(s), "+", "%20"); encoded != want {
			t.Errorf("%q is encoded as %q, want %q", s, encoded, want)
		}
		if u := (&url.URL{Scheme: "https", Host: "h", Path: "/", RawQuery: encoded}); u.RequestURI() != "/?"+encoded && encoded != "" {
			t.Errorf("%q goes out as %q", encoded, u.RequestURI())
		}
	})
}

func TestNonce(t *testing.T) {
	a, b := nonce(), nonce()
	if len(a) != 32 || a == b {
		t.Errorf("nonces %s and %s: want 32 digits each, and different ones", a, b)
	}
}
