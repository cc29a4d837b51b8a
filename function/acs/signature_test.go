package acs

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSign(t *testing.T) {
	const (
		date  = "2023-10-26T10:22:32Z"
		nonce = "3156853299f313e23d1673dc12e1703d"

		someHeaders = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
		withToken   = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version"
		bodyHash    = "e76b249005e290198ef8d27459ef39f67b0834a4a5c5b997284e1d0968478edc"
	)
	dated := time.Date(2023, 10, 26, 18, 22, 32, 5, time.FixedZone("", 8*3600))
	getTaskStatus := Request{
		Method: "POST", Host: "cloudsso.cn-shanghai.aliyuncs.com", Path: "/", Action: "GetTaskStatus", Version: "2021-05-15",
		Query: "DirectoryId=d-00fc2p61%2A%2A%2A%2A&TaskId=t-shfqw1u1edszvxw5%2A%2A%2A%2A", Time: dated,
	}
	invokeFunction := Request{
		Method: "POST", Host: "1234567890123456.cn-shanghai.fc.aliyuncs.com", Action: "InvokeFunction", Version: "2023-03-30",
		Path: "/2023-03-30/functions/cloudsso-task-status_check/invocations", Time: dated,
		ContentType: "application/json", Body: []byte(`{"taskIds":["t-shfqw1u1edszvxw5abcd"],"note":"任务"}`),
	}
	noType := invokeFunction
	noType.Path, noType.Query, noType.ContentType = "/2023-03-30/functions/check/invocations", "qualifier=LATEST", ""
	tests := []struct {
		name                           string
		request                        Request
		token                          string
		bodyHash                       string
		hash, signature, signedHeaders string
	}{
		{
			"the published vector of RunInstances",
			Request{
				Method: "POST", Host: "ecs.cn-shanghai.aliyuncs.com", Path: "/", Action: "RunInstances", Version: "2014-05-26",
				Query: "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai", Time: dated,
			}, "", emptyHash,
			"7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259",
			"06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
			someHeaders,
		},
		// The rest come from a script in another language, which reproduces the published one.
		{
			"no body", getTaskStatus, "", emptyHash,
			"1ef0dd9a45c4080664d4e9d6bd3bfc6756b203f35b43bbfd334448ddf5827136",
			"1a542373b69fc8f0f9b2dcb6ee3ceef2e4f1631f3057a2dc3ba58552137ba5b5",
			someHeaders,
		},
		{
			"no body, with a token", getTaskStatus, "YourSecurityToken", emptyHash,
			"3fc821f7529e56a7bfa209e408bd642a92257e8ab36e4ae14600408e5669351f",
			"69af48045f0981c4782f022e44a14c567044c7b680c6d3e7f45f915954a32ee0",
			withToken,
		},
		{
			"a path and a body of a type", invokeFunction, "", bodyHash,
			"a7fc3ad43fba9797936c6442459b7dcab68e64878af874497941dad91b400db5",
			"d77d65093c5ae080b4d015edf8ad2860604dac75defc4425e0322892a5b1b8d3",
			"content-type;" + someHeaders,
		},
		{
			"a path and a body of a type, with a token", invokeFunction, "YourSecurityToken", bodyHash,
			"4f3b48cac65cc6d248bc671a60659f44e37e42e77b358b6efafababafd1d6d68",
			"a1360a1e9fd0d99e3682278b25a03824655e62270f56cbd4f9f48cffd9fcbb40",
			"content-type;" + withToken,
		},
		{
			"a path, a query and a body of no type", noType, "", bodyHash,
			"298904f172ee93cdea6436f4230151a4b4beef218806517d804008c2e9bf8445",
			"8089fd89c10567b34365a2414d2ca539d967c2ecc0189cdb3a3cda211f38640a",
			someHeaders,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request, _ := test.request.canonical(test.bodyHash, date, nonce, test.token)
			hash := sha256.Sum256(request)
			if got := hex.EncodeToString(hash[:]); got != test.hash {
				t.Errorf("hash of the canonical request = %s, want %s\n%s", got, test.hash, request)
			}
			want := http.Header{}
			for name, value := range map[string]string{
				"authorization": "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=" + test.signedHeaders + ",Signature=" + test.signature,
				"content-type":  test.request.ContentType,
				"x-acs-action":  test.request.Action, "x-acs-version": test.request.Version,
				"x-acs-content-sha256": test.bodyHash, "x-acs-security-token": test.token,
				"x-acs-date": date, "x-acs-signature-nonce": nonce,
			} {
				if value != "" {
					want.Set(name, value)
				}
			}
			if got := test.request.sign(&Keys{"YourAccessKeyId", "YourAccessKeySecret", test.token}, nonce); !reflect.DeepEqual(got, want) {
				t.Errorf("header =\n%v, want\n%v", got, want)
			}
		})
	}
}

func TestSignTwice(t *testing.T) {
	r := &Request{Method: "GET", Host: "h", Path: "/", Time: now}
	keys := &Keys{accessKeyID, secret, token}
	a, b := r.Sign(keys), r.Sign(keys)
	if a.Get("X-Acs-Signature-Nonce") == b.Get("X-Acs-Signature-Nonce") || a.Get("Authorization") == b.Get("Authorization") {
		t.Errorf("signed alike: %v and %v", a, b)
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
			if got := string(AppendParameter([]byte(test.query), "N", test.value)); got != test.want {
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
