package acs

import (
	"strings"
	"testing"
)

func BenchmarkSign(b *testing.B) {
	keys := &Keys{accessKeyID, secret, strings.Repeat("CAIS", 200)}
	for _, test := range []struct {
		name string
		r    Request
	}{
		{"no body", Request{
			Method: "GET", Host: "cloudsso.cn-shanghai.aliyuncs.com", Path: "/", Time: now,
			Query: "DirectoryId=d-00fc2p61abcd&TaskId=t-shfqw1u1edszvxw5abcd", Action: "GetTaskStatus", Version: "2021-05-15",
		}},
		{"body", Request{
			Method: "POST", Host: "1234567890123456.cn-shanghai.fc.aliyuncs.com", Path: "/2023-03-30/functions/check/invocations", Time: now,
			Action: "InvokeFunction", Version: "2023-03-30", ContentType: "application/json", Body: []byte(strings.Repeat("{}", 200)),
		}},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				test.r.Sign(keys)
			}
		})
	}
}
