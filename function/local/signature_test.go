package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// signedAt is a time at which the requests in testdata/signed are fresh.
var signedAt = time.Date(2026, 11, 23, 20, 25, 0, 0, time.UTC)

// exampleKey is the key of the requests in testdata/signed.
var exampleKey = key{ID: "STS.NUexampleAKID", Secret: "exampleSecret0123456789", Token: "CAISexampleSecurityToken=="}

func newVerifier(now time.Time, known ...key) *verifier {
	keys := newKeyring(0, 0, func() time.Time { return now })
	for _, k := range known {
		keys.known[k.ID] = k
	}
	return &verifier{keys: keys, now: keys.now}
}

// check verifies a request in its form on the wire and returns the code of the refusal.
func check(t *testing.T, v *verifier, wire string) (signedCall, string) {
	t.Helper()
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		t.Fatal(err)
	}
	call, err := v.verify(request, body)
	if err == nil {
		return call, ""
	}
	refusal, ok := errors.AsType[*apiError](err)
	if !ok {
		t.Fatalf("the refusal is a %T: %v", err, err)
	}
	return call, refusal.Code
}

func readWire(t *testing.T, name string) string {
	t.Helper()
	wire, err := os.ReadFile(filepath.Join("testdata", "signed", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(wire)
}

func TestVerifyClients(t *testing.T) {
	files, err := filepath.Glob("testdata/signed/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("no requests: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			call, code := check(t, newVerifier(signedAt, exampleKey), readWire(t, filepath.Base(file)))
			if code != "" {
				t.Fatalf("refused with %s", code)
			}
			if call.Action != "GetTaskStatus" || call.Version != "2021-05-15" {
				t.Errorf("action %q version %q", call.Action, call.Version)
			}
			wantDirectory, wantTask := "d-00fc2p61****", "t-shfqw1u4hfwk8q2mabcd"
			if strings.Contains(file, "spaces") {
				wantDirectory, wantTask = "d-00fc2p61~ +*/中", "t-a b"
			}
			if got := call.Params["DirectoryId"]; len(got) != 1 || got[0] != wantDirectory {
				t.Errorf("DirectoryId %q, want %q once", got, wantDirectory)
			}
			if got := call.Params["TaskId"]; len(got) != 1 || got[0] != wantTask {
				t.Errorf("TaskId %q, want %q once", got, wantTask)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	const (
		acs3  = "go-darabonba-2.1.13.http"
		twice = "go-cloudsso-1.0.0.http"
		bare  = "node-openapi-client-0.4.15.http"
		rpc   = "go-darabonba-2.1.13-rpc.http"
		form  = "rpc-form-body.http"
	)
	for _, test := range []struct {
		name, file, old, new string
		want                 string
	}{
		{"ACS3 signature", acs3, "Signature=448b", "Signature=548b", "SignatureDoesNotMatch"},
		{"ACS3 signature upper case", acs3, "Signature=448bf", "Signature=448BF", "SignatureDoesNotMatch"},
		{"ACS3 date", acs3, "T20:20:33Z", "T20:20:34Z", "SignatureDoesNotMatch"},
		{"ACS3 date too old", acs3, "T20:20:33Z", "T20:09:59Z", "InvalidTimeStamp.Expired"},
		{"ACS3 date too far ahead", acs3, "T20:20:33Z", "T20:40:01Z", "InvalidTimeStamp.Expired"},
		{"ACS3 date in another format", acs3, "T20:20:33Z", "T20:20:33+00:00", "InvalidTimeStamp.Format"},
		{"ACS3 token", acs3, "SecurityToken==", "SecurityToken=!", "InvalidSecurityToken.MismatchWithAccessKey"},
		{"ACS3 no token", acs3, "x-acs-security-token: CAISexampleSecurityToken==\n", "", "MissingSecurityToken"},
		{"ACS3 parameter", acs3, "TaskId=t-shf", "TaskId=t-shg", "SignatureDoesNotMatch"},
		{"ACS3 parameter added", acs3, " HTTP/1.1", "&RegionId=x HTTP/1.1", "SignatureDoesNotMatch"},
		{"ACS3 method", acs3, "POST ", "GET ", "SignatureDoesNotMatch"},
		{"ACS3 host", acs3, ":18082", ":18083", "SignatureDoesNotMatch"},
		{"ACS3 nonce", acs3, "nonce: 0cf", "nonce: 1cf", "SignatureDoesNotMatch"},
		{"ACS3 unknown key", acs3, "Credential=STS.NU", "Credential=STS.NX", "InvalidAccessKeyId.NotFound"},
		{"ACS3 header not signed", acs3, "x-acs-version: ", "x-acs-extra: 1\nx-acs-version: ", "IncompleteSignature"},
		{"ACS3 content type not signed", acs3, "x-acs-version: ", "content-type: text/plain\nx-acs-version: ", "IncompleteSignature"},
		{"ACS3 signed header not sent", acs3, "x-acs-credentials-provider: static_sts\n", "", "IncompleteSignature"},
		{"ACS3 host not signed", acs3, "SignedHeaders=host;", "SignedHeaders=", "IncompleteSignature"},
		{"ACS3 no signature", acs3, ",Signature=448b", ",Sign=448b", "IncompleteSignature"},
		{"ACS3 no nonce", acs3, "x-acs-signature-nonce: 0cf0a0f28d03675bdc444bf2a8a48e69\n", "", "MissingSignatureNonce"},
		{"ACS3 no date", acs3, "x-acs-date: 2026-11-23T20:20:33Z\n", "", "MissingTimestamp"},
		{"ACS3 body", twice, `"t-shf`, `"t-shg`, "SignatureDoesNotMatch"},
		{"ACS3 body hash", twice, "sha256: 6788", "sha256: 6789", "SignatureDoesNotMatch"},
		{"ACS3 body is not JSON", twice, `{"D`, `["D`, "InvalidBody"},
		{"ACS3 bare asterisk fewer", bare, "****&", "***&", "SignatureDoesNotMatch"},
		{"ACS3 bad query", bare, "****&", "%zz&", "InvalidQuery"},
		{"RPC signature", rpc, "Signature=suH", "Signature=tuH", "SignatureDoesNotMatch"},
		{"RPC date", rpc, "T20%3A20%3A34Z", "T20%3A20%3A35Z", "SignatureDoesNotMatch"},
		{"RPC date too old", rpc, "T20%3A20%3A34Z", "T20%3A00%3A34Z", "InvalidTimeStamp.Expired"},
		{"RPC token", rpc, "SecurityToken=CAIS", "SecurityToken=DAIS", "InvalidSecurityToken.MismatchWithAccessKey"},
		{"RPC parameter", rpc, "TaskId=t-shf", "TaskId=t-shg", "SignatureDoesNotMatch"},
		{"RPC method", rpc, "POST ", "GET ", "SignatureDoesNotMatch"},
		{"RPC unknown key", rpc, "AccessKeyId=STS.NU", "AccessKeyId=STS.NX", "InvalidAccessKeyId.NotFound"},
		{"RPC other algorithm", rpc, "HMAC-SHA1", "HMAC-SHA256", "InvalidSignatureMethod"},
		{"RPC other version", rpc, "SignatureVersion=1.0", "SignatureVersion=2.0", "InvalidSignatureVersion"},
		{"RPC form parameter", form, "TaskId=t-shf", "TaskId=t-shg", "SignatureDoesNotMatch"},
		{"not signed at all", rpc, "AccessKeyId=STS.NUexampleAKID&", "", "MissingAccessKeyId"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wire := readWire(t, test.file)
			changed := strings.Replace(wire, test.old, test.new, 1)
			if changed == wire {
				t.Fatalf("%q is not in the request", test.old)
			}
			if _, code := check(t, newVerifier(signedAt, exampleKey), changed); code != test.want {
				t.Errorf("got %q, want %q", code, test.want)
			}
		})
	}
}

// TestVerifyVectors are requests with published signatures, and two of this
// API that were computed apart from all code here.
func TestVerifyVectors(t *testing.T) {
	const acs3Headers = "x-acs-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n" +
		"x-acs-date: 2023-10-26T10:22:32Z\nx-acs-signature-nonce: 3156853299f313e23d1673dc12e1703d\n"
	const authorization = "Authorization: ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
	october := time.Date(2023, 10, 26, 10, 22, 32, 0, time.UTC)
	for _, test := range []struct {
		name string
		now  time.Time
		key  key
		wire string
	}{
		{
			"ACS3 RunInstances", october, key{ID: "YourAccessKeyId", Secret: "YourAccessKeySecret"},
			"POST /?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai HTTP/1.1\nHost: ecs.cn-shanghai.aliyuncs.com\n" +
				"x-acs-action: RunInstances\nx-acs-version: 2014-05-26\n" + acs3Headers + authorization +
				"x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0\n\n",
		},
		{
			"ACS3 GetTaskStatus", october, key{ID: "YourAccessKeyId", Secret: "YourAccessKeySecret"},
			"POST /?DirectoryId=d-00fc2p61****&TaskId=t-shfqw1u1edszvxw5**** HTTP/1.1\nHost: cloudsso.cn-shanghai.aliyuncs.com\n" +
				"x-acs-action: GetTaskStatus\nx-acs-version: 2021-05-15\n" + acs3Headers + authorization +
				"x-acs-signature-nonce;x-acs-version,Signature=1a542373b69fc8f0f9b2dcb6ee3ceef2e4f1631f3057a2dc3ba58552137ba5b5\n\n",
		},
		{
			"ACS3 GetTaskStatus with a token", october, key{ID: "YourAccessKeyId", Secret: "YourAccessKeySecret", Token: "YourSecurityToken"},
			"POST /?DirectoryId=d-00fc2p61****&TaskId=t-shfqw1u1edszvxw5**** HTTP/1.1\nHost: cloudsso.cn-shanghai.aliyuncs.com\n" +
				"x-acs-action: GetTaskStatus\nx-acs-version: 2021-05-15\nx-acs-security-token: YourSecurityToken\n" + acs3Headers + authorization +
				"x-acs-security-token;x-acs-signature-nonce;x-acs-version,Signature=69af48045f0981c4782f022e44a14c567044c7b680c6d3e7f45f915954a32ee0\n\n",
		},
		{
			"RPC DescribeDedicatedHosts", time.Date(2023, 3, 13, 8, 34, 30, 0, time.UTC), key{ID: "testid", Secret: "testsecret"},
			"GET /?AccessKeyId=testid&Action=DescribeDedicatedHosts&Format=JSON&RegionId=cn-beijing&SignatureMethod=HMAC-SHA1" +
				"&SignatureNonce=edb2b34af0af9a6d14deaf7c1a5315eb&SignatureVersion=1.0&Timestamp=2023-03-13T08:34:30Z&Version=2014-05-26" +
				"&Signature=9NaGiOspFP5UPcwX8Iwt2YJXXuk%3D HTTP/1.1\nHost: ecs.aliyuncs.com\n\n",
		},
		{
			"RPC DescribeRegions", time.Date(2016, 2, 23, 12, 46, 24, 0, time.UTC), key{ID: "testid", Secret: "testsecret"},
			"GET /?AccessKeyId=testid&Action=DescribeRegions&Format=XML&SignatureMethod=HMAC-SHA1" +
				"&SignatureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf&SignatureVersion=1.0&Timestamp=2016-02-23T12:46:24Z&Version=2014-05-26" +
				"&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D HTTP/1.1\nHost: ecs.aliyuncs.com\n\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, code := check(t, newVerifier(test.now, test.key), test.wire); code != "" {
				t.Errorf("refused with %s", code)
			}
		})
	}
}

func TestVerifyNonce(t *testing.T) {
	v := newVerifier(signedAt, exampleKey)
	wire := readWire(t, "go-darabonba-2.1.13.http")
	if _, code := check(t, v, strings.Replace(wire, "Signature=448b", "Signature=548b", 1)); code != "SignatureDoesNotMatch" {
		t.Fatalf("got %q for a bad signature", code)
	}
	for i, want := range []string{"", "SignatureNonceUsed", "SignatureNonceUsed"} {
		if _, code := check(t, v, wire); code != want {
			t.Errorf("call %d: got %q, want %q", i+1, code, want)
		}
	}
	if _, code := check(t, v, readWire(t, "rpc-get.http")); code != "" {
		t.Errorf("another nonce is refused with %s", code)
	}
}

func TestNonceMemoryIsBounded(t *testing.T) {
	var m nonceMemory
	now := signedAt
	if !m.add("a", now) || m.add("a", now.Add(2*maxClockSkew)) {
		t.Error("a nonce must be remembered while its date can be accepted")
	}
	if !m.add("a", now.Add(2*maxClockSkew+time.Second)) {
		t.Error("a nonce whose date is refused anyway must be forgotten")
	}
	for range maxNonces {
		m.add(newRequestID(), now)
	}
	if len(m.seen) > maxNonces || len(m.queue) > maxNonces {
		t.Errorf("%d nonces are remembered", len(m.seen))
	}
}

func TestMismatchEchoesWhatWasSigned(t *testing.T) {
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(
		strings.Replace(readWire(t, "go-darabonba-2.1.13.http"), "Signature=448b", "Signature=548b", 1))))
	if err != nil {
		t.Fatal(err)
	}
	_, err = newVerifier(signedAt, exampleKey).verify(request, nil)
	refusal, ok := errors.AsType[*apiError](err)
	if !ok || !strings.Contains(refusal.Message, exampleKey.Token) || !strings.Contains(refusal.Message, "ACS3-HMAC-SHA256\n") {
		t.Errorf("got %v, want a message with the string to sign and the token in it", err)
	}
}

func TestKeys(t *testing.T) {
	c := newClock(signedAt)
	keys := newKeyring(3*time.Minute, time.Minute, c.Now)
	v := verifier{keys: keys, now: c.Now}
	issue := func() key {
		issued, err := keys.issue()
		if err != nil {
			t.Fatal(err)
		}
		return issued
	}
	refusalOf := func(used key) string {
		request := sign(t, "http://127.0.0.1:9002", used, c.Now(), "Action", "GetTask")
		_, err := v.verify(request, nil)
		if err == nil {
			return ""
		}
		return err.Error()
	}

	first := issue()
	c.advance(3*time.Minute - time.Second)
	if issue() != first {
		t.Error("the key changed before its time")
	}
	c.advance(time.Second)
	second := issue()
	if second == first {
		t.Fatal("the key did not change")
	}
	if code := refusalOf(first); code != "" {
		t.Errorf("the key before is refused with %s within its grace", code)
	}
	c.advance(time.Minute)
	if code := refusalOf(first); code != "InvalidSecurityToken.Expired" {
		t.Errorf("got %q for a key past its grace", code)
	}
	mixed := second
	mixed.Token = first.Token
	if code := refusalOf(mixed); code != "InvalidSecurityToken.MismatchWithAccessKey" {
		t.Errorf("got %q for another key's token", code)
	}

	third := keys.replace(false)
	if issue() != third || refusalOf(second) != "" || refusalOf(third) != "" {
		t.Error("a replaced key must stay good")
	}
	fourth := keys.replace(true)
	if refusalOf(third) != "InvalidSecurityToken.Expired" || refusalOf(fourth) != "" {
		t.Error("an expired key must be refused, the new one not")
	}
	for range maxKeys {
		keys.replace(false)
	}
	if code := refusalOf(fourth); code != "InvalidAccessKeyId.NotFound" || len(keys.known) != maxKeys {
		t.Errorf("got %q for a key long gone, %d are known", code, len(keys.known))
	}
}
