package acs

import (
	"strings"
	"testing"
)

var benchKeys = &Keys{accessKeyID, secret, strings.Repeat("CAIS", 200)}

// signed are requests to sign, and how many allocations each may take: a few more than
// it does, for Go's next release.
var signed = []struct {
	name        string
	allocations float64
	r           Request
}{
	{"no body", 20, Request{
		Method: "GET", Host: "cloudsso.cn-shanghai.aliyuncs.com", Path: "/", Time: now,
		Query: "DirectoryId=d-00fc2p61abcd&TaskId=t-shfqw1u1edszvxw5abcd", Action: "GetTaskStatus", Version: "2021-05-15",
	}},
	{"body", 23, Request{
		Method: "POST", Host: "1234567890123456.cn-shanghai.fc.aliyuncs.com", Path: "/2023-03-30/functions/check/invocations", Time: now,
		Action: "InvokeFunction", Version: "2023-03-30", ContentType: "application/json", Body: []byte(strings.Repeat("{}", 200)),
	}},
}

func TestBudget(t *testing.T) {
	for _, test := range signed {
		if got := testing.AllocsPerRun(100, func() { test.r.Sign(benchKeys) }); got > test.allocations {
			t.Errorf("%s: %v allocations, want at most %v", test.name, got, test.allocations)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	for _, test := range signed {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				test.r.Sign(benchKeys)
			}
		})
	}
}
