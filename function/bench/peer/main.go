// Command peer is the same function as most would write it: the official client,
// with the credentials of the invocation, behind one route that answers JSON. It
// has no pages, checks nobody's access, and remembers nothing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

type request struct {
	RawPath string `json:"rawPath"`
}

type response struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type document struct {
	TaskID        string `json:"taskId"`
	DirectoryID   string `json:"directoryId"`
	TaskType      string `json:"taskType"`
	Status        string `json:"status"`
	StartTime     string `json:"startTime,omitempty"`
	EndTime       string `json:"endTime,omitempty"`
	FailureReason string `json:"failureReason,omitempty"`
	RequestID     string `json:"requestId"`
}

func main() {
	fc.Start(handle)
}

func handle(ctx context.Context, r request) (*response, error) {
	id, ok := strings.CutPrefix(r.RawPath, "/tasks/")
	if !ok {
		return &response{StatusCode: 404, Headers: map[string]string{}}, nil
	}
	found, err := get(ctx, id)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(found)
	if err != nil {
		return nil, err
	}
	return &response{StatusCode: 200, Headers: map[string]string{"Content-Type": "application/json"}, Body: string(body)}, nil
}

func get(ctx context.Context, id string) (*document, error) {
	fc, ok := fccontext.FromContext(ctx)
	if !ok {
		return nil, errors.New("no context of Function Compute")
	}
	credential, err := credentials.NewCredential(&credentials.Config{
		Type:            dara.String("sts"),
		AccessKeyId:     dara.String(fc.Credentials.AccessKeyId),
		AccessKeySecret: dara.String(fc.Credentials.AccessKeySecret),
		SecurityToken:   dara.String(fc.Credentials.SecurityToken),
	})
	if err != nil {
		return nil, err
	}
	protocol, host, _ := strings.Cut(os.Getenv("CLOUDSSO_ENDPOINT"), "://")
	client, err := openapi.NewClient(&utils.Config{
		Credential: credential,
		Endpoint:   dara.String(host),
		Protocol:   dara.String(protocol),
		RegionId:   dara.String(os.Getenv("CLOUDSSO_REGION")),
	})
	if err != nil {
		return nil, err
	}
	directory := os.Getenv("CLOUDSSO_DIRECTORY_ID")
	answer, err := client.CallApi(&utils.Params{
		Action: dara.String("GetTaskStatus"), Version: dara.String("2021-05-15"), Protocol: dara.String("HTTPS"),
		Pathname: dara.String("/"), Method: dara.String("POST"), AuthType: dara.String("AK"),
		Style: dara.String("RPC"), ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
	}, &utils.OpenApiRequest{Query: map[string]*string{
		"DirectoryId": dara.String(directory), "TaskId": dara.String(id),
	}}, &dara.RuntimeOptions{})
	if err != nil {
		return nil, err
	}
	body, _ := answer["body"].(map[string]any)
	status, ok := body["TaskStatus"].(map[string]any)
	if !ok {
		return nil, errors.New("the answer holds no task")
	}
	text := func(of map[string]any, name string) string {
		value, _ := of[name].(string)
		return value
	}
	return &document{
		TaskID: text(status, "TaskId"), DirectoryID: directory, TaskType: text(status, "TaskType"), Status: text(status, "Status"),
		StartTime: text(status, "StartTime"), EndTime: text(status, "EndTime"),
		FailureReason: text(status, "FailureReason"), RequestID: text(body, "RequestId"),
	}, nil
}
