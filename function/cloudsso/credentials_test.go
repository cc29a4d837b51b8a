package cloudsso

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"taskstatus/function/task"
)

// setenv sets the three variables and shuts out everything else that
// credentials-go's default chain would find on this machine.
func setenv(t *testing.T, accessKeyID, secret, token string) {
	t.Helper()
	for name, value := range map[string]string{
		"ALIBABA_CLOUD_ACCESS_KEY_ID": accessKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret, "ALIBABA_CLOUD_SECURITY_TOKEN": token,
		"HOME": t.TempDir(), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", "ALIBABA_CLOUD_PROFILE": "",
		"ALIBABA_CLOUD_CREDENTIALS_URI": "", "ALIBABA_CLOUD_CREDENTIALS_FILE": "", "ALIBABA_CLOUD_CONFIG_FILE": "",
		"ALIBABA_CLOUD_ROLE_ARN": "", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "", "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "",
	} {
		t.Setenv(name, value)
	}
}

func TestCredentials(t *testing.T) {
	type values [3]string
	tests := []struct {
		name        string
		onFC        bool
		context     values
		environment values
		want        values // none: Refused
		says        string
	}{
		{"the invocation's", true, values{"c1", "c2", "c3"}, values{"e1", "e2", "e3"}, values{"c1", "c2", "c3"}, ""},
		{"the invocation's, not in FC", false, values{"c1", "c2", "c3"}, values{"e1", "e2", "e3"}, values{"c1", "c2", "c3"}, ""},
		{"the invocation's without a token", true, values{"c1", "c2", ""}, values{"e1", "e2", "e3"}, values{"e1", "e2", "e3"}, ""},
		{"the invocation's without a secret", true, values{"c1", "", "c3"}, values{"e1", "e2", "e3"}, values{"e1", "e2", "e3"}, ""},
		{"the invocation's without an id", true, values{"", "c2", "c3"}, values{"e1", "e2", "e3"}, values{"e1", "e2", "e3"}, ""},
		{"the environment's in FC", true, values{}, values{"e1", "e2", "e3"}, values{"e1", "e2", "e3"}, ""},
		{"white space in the environment", true, values{}, values{"e1 ", "e2\n", "\te3"}, values{"e1", "e2", "e3"}, ""},
		{"the environment's pair", true, values{}, values{"e1", "e2", ""}, values{"e1", "e2", ""}, ""},
		{"the chain's", false, values{}, values{"e1", "e2", "e3"}, values{"e1", "e2", "e3"}, ""},
		{"none in FC", true, values{}, values{}, values{}, "give it a RAM role"},
		{"an id only in FC", true, values{}, values{"e1", "", ""}, values{}, "give it a RAM role"},
		{"a token only, as the invocation's", true, values{"", "", "c3"}, values{}, values{}, "give it a RAM role"},
		{"blanks, as the invocation's", true, values{" ", " ", " "}, values{}, values{}, "give it a RAM role"},
		{"none elsewhere", false, values{}, values{}, values{}, "no credentials were found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			setenv(t, test.environment[0], test.environment[1], test.environment[2])
			ctx := WithCredentials(t.Context(), test.context[0], test.context[1], test.context[2])
			got, err := NewCredentials(test.onFC, "", "").keys(ctx)
			if test.want == (values{}) {
				e, ok := errors.AsType[*task.Error](err)
				if !ok || e.Kind != task.Refused || !strings.Contains(e.Detail.En, test.says) || e.Detail.Zh == "" {
					t.Errorf("error %v, want refused with %q", err, test.says)
				}
				return
			}
			if err != nil || (values{got.accessKeyID, got.secret, got.token}) != test.want {
				t.Errorf("got %q %q %q, %v, want %q", got.accessKeyID, got.secret, got.token, err, test.want)
			}
		})
	}
}

func TestCredentialsFollowTheirSource(t *testing.T) {
	for _, onFC := range []bool{true, false} {
		t.Run(fmt.Sprintf("in FC %t", onFC), func(t *testing.T) {
			setenv(t, "", "", "")
			credentials := NewCredentials(onFC, "", "")
			if _, err := credentials.keys(t.Context()); err == nil {
				t.Fatal("credentials out of nothing")
			}
			for _, id := range []string{"first", "second"} {
				t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", id)
				t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")
				if got, err := credentials.keys(t.Context()); err != nil || got.accessKeyID != id {
					t.Errorf("got %v, %v, want those of %s", got, err, id)
				}
			}
		})
	}
}

func TestCallWithoutCredentials(t *testing.T) {
	setenv(t, "", "", "")
	client, record := newClient(t, serve(t, reply(200, running)))
	_, err := client.GetTaskStatus(t.Context(), directory, taskID)
	if task.KindOf(err) != task.Refused || len(record.calls) != 0 {
		t.Errorf("error %v after %d calls", err, len(record.calls))
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	held := &keys{accessKeyID, secret, token}
	ctx := WithCredentials(context.Background(), accessKeyID, secret, token)
	credentials := NewCredentials(true, "acs:ram::1:role/r", "cn-shanghai")
	credentials.role = &role{base: held}
	client := New("https://cloudsso.cn-shanghai.aliyuncs.com", credentials)

	var text strings.Builder
	for _, v := range []any{held, ctx, credentials, client, *credentials, *client, struct{ K *keys }{held}, []any{held}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&text, verb+"\n", v)
		}
	}
	var log bytes.Buffer
	for _, logger := range []*slog.Logger{slog.New(slog.NewJSONHandler(&log, nil)), slog.New(slog.NewTextHandler(&log, nil))} {
		logger.Info("x", "held", held, "in", struct{ K *keys }{held}, "client", credentials)
	}
	asJSON, err := json.Marshal(map[string]any{"held": held, "in": struct{ K *keys }{held}, "credentials": credentials})
	if err != nil {
		t.Fatal(err)
	}
	all := text.String() + log.String() + string(asJSON)
	for _, bad := range []string{accessKeyID, secret, token, fmt.Sprintf("%x", token)} {
		if strings.Contains(all, bad) {
			t.Errorf("%q is printed:\n%s", bad, all)
		}
	}
	if fmt.Sprintf("%v%+v%#v%s", held, held, held, held) != "************" || !strings.Contains(string(asJSON), `"held":"***"`) {
		t.Errorf("no asterisks: %v, %s", held, asJSON)
	}
}

// An stsServer is what assumes the roles: the real exchange of credentials-go, over TLS.
type stsServer struct {
	mu     sync.Mutex
	bases  []string // the access key ids that came
	form   map[string]string
	answer http.HandlerFunc
}

func newSTS(t *testing.T) (*stsServer, string) {
	t.Helper()
	sts := new(stsServer)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sts.mu.Lock()
		sts.bases = append(sts.bases, r.FormValue("AccessKeyId")+" "+r.FormValue("SecurityToken"))
		sts.form = map[string]string{}
		for name := range r.Form {
			sts.form[name] = r.FormValue(name)
		}
		n, answer := len(sts.bases), sts.answer
		sts.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		fmt.Fprintf(w, `{"Credentials":{"AccessKeyId":"role%d","AccessKeySecret":"s","SecurityToken":"t","Expiration":%q}}`,
			n, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	t.Cleanup(server.Close)
	// credentials-go clones the default transport for every request.
	transport := http.DefaultTransport.(*http.Transport)
	previous := transport.TLSClientConfig
	t.Cleanup(func() { transport.TLSClientConfig = previous })
	transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
	transport.TLSClientConfig.RootCAs.AddCert(server.Certificate())
	return sts, strings.TrimPrefix(server.URL, "https://")
}

func TestAssumeRole(t *testing.T) {
	sts, address := newSTS(t)
	setenv(t, "e1", "e2", "e3")
	credentials := NewCredentials(true, "acs:ram::1234567890123456:role/reader", "cn-shanghai")
	credentials.stsEndpoint = address
	for _, step := range []struct{ name, token, want string }{
		{"first", "a", "role1"},
		{"same invocation", "a", "role1"},
		{"rotated", "b", "role2"},
		{"rotated back, kept no longer", "a", "role3"},
		{"the environment's", "", "role4"},
		{"the environment's again", "", "role4"},
	} {
		ctx := WithCredentials(t.Context(), accessKeyID, secret, step.token)
		got, err := credentials.keys(ctx)
		if err != nil || got.accessKeyID != step.want || got.token != "t" {
			t.Fatalf("%s: got %v, want %s; %v", step.name, got, step.want, err)
		}
	}
	if want := []string{accessKeyID + " a", accessKeyID + " b", accessKeyID + " a", "e1 e3"}; fmt.Sprint(sts.bases) != fmt.Sprint(want) {
		t.Errorf("assumed with %v, want %v", sts.bases, want)
	}
	if sts.form["RoleArn"] != "acs:ram::1234567890123456:role/reader" || sts.form["RoleSessionName"] != "cloudsso-task-status" || sts.form["Action"] != "AssumeRole" {
		t.Errorf("sent %v", sts.form)
	}

	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			ctx := WithCredentials(t.Context(), accessKeyID, secret, strconv.Itoa(i%2))
			if _, err := credentials.keys(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestAssumeRoleSignsTheCall(t *testing.T) {
	_, address := newSTS(t)
	var got http.Header
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		reply(200, running)(w, r)
	})
	client, _ := newClient(t, server)
	client.credentials = NewCredentials(true, "acs:ram::1:role/r", "")
	client.credentials.stsEndpoint = address
	if _, err := client.GetTaskStatus(invocation(), directory, taskID); err != nil {
		t.Fatal(err)
	}
	if got.Get("X-Acs-Security-Token") != "t" || !strings.Contains(got.Get("Authorization"), "Credential=role1,") {
		t.Errorf("signed as %s", got.Get("Authorization"))
	}
}

func TestAssumeRoleFails(t *testing.T) {
	sts, address := newSTS(t)
	tests := []struct {
		name   string
		answer http.HandlerFunc
		kind   task.Kind
		says   string
	}{
		{"not permitted", reply(403, failed("NoPermission")), task.Refused, "AssumeRole: NoPermission"},
		{"no such role", reply(404, failed("EntityNotExist.Role")), task.Refused, "AssumeRole: EntityNotExist.Role"},
		{"bad role", reply(400, failed("InvalidParameter.RoleArn")), task.Refused, "InvalidParameter.RoleArn"},
		{"expired token", reply(400, failed("InvalidSecurityToken.Expired")), task.Refused, ""},
		{"throttled", reply(400, failed("Throttling.User")), task.Throttled, ""},
		{"out of order", reply(500, failed("InternalError")), task.Upstream, ""},
		{"HTML", reply(502, "<html>"+poison), task.Upstream, "no usable answer"},
		{"a text for a code", reply(400, failed("for "+token)), task.Upstream, "no usable answer"},
		{"no credentials", reply(200, `{"RequestId":"`+token+`"}`), task.Upstream, ""},
		{"empty credentials", reply(200, `{"Credentials":{"AccessKeyId":"","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2099-01-01T00:00:00Z"}}`), task.Upstream, ""},
		{"no expiration", reply(200, `{"Credentials":{"AccessKeyId":"i","AccessKeySecret":"s","SecurityToken":"t"}}`), task.Upstream, ""},
		{"expiration is no time", reply(200, `{"Credentials":{"AccessKeyId":"i","AccessKeySecret":"s","SecurityToken":"t","Expiration":"soon"}}`), task.Upstream, ""},
		{"closed", drop(false), task.Upstream, ""},
	}
	credentials := NewCredentials(true, "acs:ram::1:role/r", "cn-shanghai")
	credentials.stsEndpoint = address
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sts.mu.Lock()
			sts.answer = test.answer
			sts.mu.Unlock()
			_, err := credentials.keys(invocation())
			e, ok := errors.AsType[*task.Error](err)
			if !ok || e.Kind != test.kind || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want %v with %q", err, test.kind, test.says)
			}
			checkNoSecrets(t, err)
		})
	}
	t.Run("recovers", func(t *testing.T) {
		sts.answer = nil
		if _, err := credentials.keys(invocation()); err != nil {
			t.Error(err)
		}
	})
}

func TestAssumeRoleStalls(t *testing.T) {
	sts, address := newSTS(t)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	sts.answer = func(http.ResponseWriter, *http.Request) { <-over }
	client, record := newClient(t, serve(t, reply(200, running)))
	client.credentials = NewCredentials(true, "acs:ram::1:role/r", "")
	client.credentials.stsEndpoint = address
	client.timeout = 200 * time.Millisecond
	started := time.Now()
	_, err := client.GetTaskStatus(invocation(), directory, taskID)
	if task.KindOf(err) != task.Timeout || len(record.calls) != 0 {
		t.Errorf("error %v after %d calls, want timeout", err, len(record.calls))
	}
	// Well below the 4 seconds that STS has when nothing else presses.
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	checkNoSecrets(t, err)
}

// TestAssumeRoleTurn has another call at work on the role all the while.
func TestAssumeRoleTurn(t *testing.T) {
	client, _ := newClient(t, serve(t, reply(200, running)))
	client.credentials = NewCredentials(true, "acs:ram::1:role/r", "")
	client.credentials.turn <- struct{}{}

	client.timeout = 20 * time.Millisecond
	if _, err := client.GetTaskStatus(invocation(), directory, taskID); task.KindOf(err) != task.Timeout {
		t.Errorf("error %v, want timeout", err)
	}
	ctx, cancel := context.WithCancel(invocation())
	cancel()
	if _, err := client.GetTaskStatus(ctx, directory, taskID); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}
