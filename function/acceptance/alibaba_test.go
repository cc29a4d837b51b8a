package acceptance

import (
	"strings"
	"testing"

	cloudsso "github.com/alibabacloud-go/cloudsso-20210515/client"
	openapiv1 "github.com/alibabacloud-go/darabonba-openapi/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
)

const (
	accessConfiguration = "ac-00ccule7tadaijxc0001"
	account             = "1142405247840001"
	user                = "u-00q8wbq42wiltcrk0001"
)

// TestGenericClient has Alibaba's generic client, as the CLI and the newest
// generated clients use it, sign in each of its ways, start every kind of task
// and ask for it. One call at a time: the client has data races of its own. No
// other test that calls like this is parallel to it, but those of the pages are.
func TestGenericClient(t *testing.T) {
	t.Parallel()
	assignment := map[string]string{
		"DirectoryId": directory, "AccessConfigurationId": accessConfiguration,
		"TargetType": "RD-Account", "TargetId": account, "PrincipalType": "User", "PrincipalId": user,
	}
	provisioning := map[string]string{
		"DirectoryId": directory, "AccessConfigurationId": accessConfiguration,
		"TargetType": "RD-Account", "TargetId": account,
	}
	type started struct {
		way, id, action string
		client          *openapi.Client
		method          string
	}
	var tasks []started
	for _, way := range []struct{ name, algorithm, method string }{
		{"ACS3 POST", "", "POST"},
		{"ACS3 GET", "", "GET"},
		{"RPC 1.0", "v2", "POST"},
	} {
		client := newGenericClient(t, way.algorithm)
		for action, parameters := range map[string]map[string]string{
			"CreateAccessAssignment":         assignment,
			"DeleteAccessAssignment":         assignment,
			"ProvisionAccessConfiguration":   provisioning,
			"DeprovisionAccessConfiguration": provisioning,
		} {
			created := call(t, client, way.method, action, parameters)
			first, one := created["Task"].(map[string]any)
			if !one {
				first = created["Tasks"].([]any)[0].(map[string]any)
			}
			tasks = append(tasks, started{way.name, first["TaskId"].(string), action, client, way.method})
		}
	}
	// All run by now: waiting for one is waiting for the others.
	for _, task := range tasks {
		t.Run(task.way+" "+task.action, func(t *testing.T) {
			s := reported(t, task.id)
			if s.TaskID != task.id || s.TaskType != task.action {
				t.Errorf("the function reports %+v, want %s of %s", s, task.action, task.id)
			}
			asked := call(t, task.client, task.method, "GetTaskStatus", map[string]string{"DirectoryId": directory, "TaskId": task.id})
			if got := asked["TaskStatus"].(map[string]any)["Status"]; got != s.Status {
				t.Errorf("CloudSSO says %v, the function %s", got, s.Status)
			}
		})
	}
}

// call has a generic client call an operation of CloudSSO.
func call(t *testing.T, client *openapi.Client, method, action string, parameters map[string]string) map[string]any {
	t.Helper()
	query := make(map[string]*string)
	for name, value := range parameters {
		query[name] = dara.String(value)
	}
	answer, err := client.CallApi(&openapi.Params{
		Action: dara.String(action), Version: dara.String("2021-05-15"), Protocol: dara.String("HTTPS"),
		Pathname: dara.String("/"), Method: dara.String(method), AuthType: dara.String("AK"),
		Style: dara.String("RPC"), ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
	}, &utils.OpenApiRequest{Query: query}, &dara.RuntimeOptions{})
	if err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	return answer["body"].(map[string]any)
}

func newGenericClient(t *testing.T, algorithm string) *openapi.Client {
	t.Helper()
	config := &openapi.Config{
		Credential: newCredential(t),
		Endpoint:   dara.String(strings.TrimPrefix(here.cloudsso, "http://")),
		Protocol:   dara.String("HTTP"),
		RegionId:   dara.String("cn-shanghai"),
	}
	if algorithm != "" {
		config.SignatureAlgorithm = dara.String(algorithm)
	}
	client, err := openapi.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func newCredential(t *testing.T) credentials.Credential {
	t.Helper()
	c := issueKey(t)
	credential, err := credentials.NewCredential(&credentials.Config{
		Type: dara.String("sts"), AccessKeyId: dara.String(c.AccessKeyID),
		AccessKeySecret: dara.String(c.AccessKeySecret), SecurityToken: dara.String(c.SecurityToken),
	})
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

// TestGeneratedClient does the same with the client generated for CloudSSO,
// which sends the parameters twice, in the query and as JSON.
func TestGeneratedClient(t *testing.T) {
	client, err := cloudsso.NewClient(&openapiv1.Config{
		Credential: newCredential(t),
		Endpoint:   dara.String(strings.TrimPrefix(here.cloudsso, "http://")),
		Protocol:   dara.String("HTTP"),
	})
	if err != nil {
		t.Fatal(err)
	}
	created, err := client.CreateAccessAssignment(&cloudsso.CreateAccessAssignmentRequest{
		DirectoryId: dara.String(directory), AccessConfigurationId: dara.String(accessConfiguration),
		TargetType: dara.String("RD-Account"), TargetId: dara.String(account),
		PrincipalType: dara.String("User"), PrincipalId: dara.String(user),
	})
	if err != nil {
		t.Fatal(err)
	}
	id := dara.StringValue(created.Body.Task.TaskId)
	s := reported(t, id)
	if s.TaskID != id || s.TaskType != "CreateAccessAssignment" {
		t.Errorf("the function reports %+v, want %s", s, id)
	}
	asked, err := client.GetTaskStatus(&cloudsso.GetTaskStatusRequest{DirectoryId: dara.String(directory), TaskId: dara.String(id)})
	if err != nil {
		t.Fatal(err)
	}
	if got := dara.StringValue(asked.Body.TaskStatus.Status); got != s.Status {
		t.Errorf("CloudSSO says %s, the function %s", got, s.Status)
	}
	listed, err := client.ListTasks(&cloudsso.ListTasksRequest{DirectoryId: dara.String(directory), MaxResults: dara.Int32(20)})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(listed.Body.Tasks); n == 0 || n > 20 {
		t.Errorf("%d tasks listed", n)
	}
	detailed, err := client.GetTask(&cloudsso.GetTaskRequest{DirectoryId: dara.String(directory), TaskId: dara.String(id)})
	if err != nil {
		t.Fatal(err)
	}
	if got := dara.StringValue(detailed.Body.Task.PrincipalId); got != user {
		t.Errorf("GetTask says the principal is %s, want %s", got, user)
	}
}

// TestClientsAreRefused proves that the stand-in does check: a client with a
// wrong secret gets nowhere.
func TestClientsAreRefused(t *testing.T) {
	c := issueKey(t)
	wrong, err := credentials.NewCredential(&credentials.Config{
		Type: dara.String("sts"), AccessKeyId: dara.String(c.AccessKeyID),
		AccessKeySecret: dara.String(c.AccessKeySecret + "x"), SecurityToken: dara.String(c.SecurityToken),
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := cloudsso.NewClient(&openapiv1.Config{
		Credential: wrong,
		Endpoint:   dara.String(strings.TrimPrefix(here.cloudsso, "http://")),
		Protocol:   dara.String("HTTP"),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.ListTasks(&cloudsso.ListTasksRequest{DirectoryId: dara.String(directory)})
	if err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Errorf("got %v, want SignatureDoesNotMatch", err)
	}
}
