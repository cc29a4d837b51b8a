package acs

import (
	"strings"
	"testing"

	"taskstatus/function/budget"
)

func TestBudget(t *testing.T)    { budget.Test(t, signings()) }
func BenchmarkSign(b *testing.B) { budget.Benchmark(b, signings()) }

// signings are of requests with a token as long as those of a role.
func signings() []budget.Item {
	keys := &Keys{accessKeyID, secret, strings.Repeat("CAIS", 200)}
	getTaskStatus := Request{
		Method: "GET", Host: "cloudsso.cn-shanghai.aliyuncs.com", Path: "/", Time: now,
		Query: "DirectoryId=d-00fc2p61abcd&TaskId=t-shfqw1u1edszvxw5abcd", Action: "GetTaskStatus", Version: "2021-05-15",
	}
	invokeFunction := Request{
		Method: "POST", Host: "1234567890123456.cn-shanghai.fc.aliyuncs.com", Path: "/2023-03-30/functions/check/invocations", Time: now,
		Action: "InvokeFunction", Version: "2023-03-30", ContentType: "application/json", Body: []byte(strings.Repeat("{}", 200)),
	}
	return []budget.Item{
		{Name: "no body", Allocations: 20, Do: func() { getTaskStatus.Sign(keys) }},
		{Name: "body", Allocations: 23, Do: func() { invokeFunction.Sign(keys) }},
	}
}
