// Command floor is the least that a function in Go can be that answers an HTTP
// trigger: the SDK, and one constant.
package main

import (
	"context"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
)

type response struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// constant is as large as what the others say of a task.
const constant = `{"taskId":"t-shfqw1u1edszvxw5abcd","directoryId":"d-00fc2p61abcd","taskType":"CreateAccessAssignment",` +
	`"status":"Success","done":true,"startTime":"2021-11-05T02:58:07Z","endTime":"2021-11-05T02:58:08Z","durationSeconds":1,` +
	`"requestId":"005F4623-AE53-504D-830F-44825F7DC211","url":"https://status.example.com/tasks/t-shfqw1u1edszvxw5abcd"}`

func main() {
	fc.Start(func(context.Context, []byte) (response, error) {
		return response{StatusCode: 200, Headers: map[string]string{"Content-Type": "application/json"}, Body: constant}, nil
	})
}
