package acs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

const (
	accessKeyID = "STS.NUexampleAccessKeyId"
	secret      = "exampleAccessKeySecret"
	token       = "CAISexampleSecurityToken"

	// poison is the Message of a refused request: it repeats what was signed.
	poison = `server string to sign is:GET\n/\nx-acs-security-token:` + token + `\nAccessKeySecret:` + secret + `\n&AccessKeyId%3D` + accessKeyID
)

var now = time.Date(2021, 11, 5, 2, 58, 30, 0, time.UTC)

func invocation() context.Context {
	return WithCredentials(context.Background(), accessKeyID, secret, token)
}

func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// failed is an error body as Alibaba Cloud's gateways write it, with a poisoned message.
func failed(code string) string {
	return `{"RequestId":"R-2","Code":"` + code + `","Message":"` + poison + `"}`
}

// checkNoSecrets fails the test if any way of printing the error shows what only the signed request had.
func checkNoSecrets(t *testing.T, err error) {
	t.Helper()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "err", err)
	text := fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String())
	if e, ok := errors.AsType[*task.Error](err); ok {
		text += fmt.Sprintf("%+v %#v %v %+v", *e, *e, e.Cause, e.Detail)
	}
	for _, bad := range []string{token, secret, accessKeyID, "string to sign", "Signature="} {
		if strings.Contains(text, bad) {
			t.Errorf("the error shows %q: %s", bad, text)
		}
	}
}

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
			got, err := NewCredentials(test.onFC, "", "").Keys(ctx)
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

// TestSource: it is said where credentials come from and of which kind they are, but not
// what they are, nor of the role that is assumed with them.
func TestSource(t *testing.T) {
	const pair, temporary = "an AccessKey pair", "temporary ones, with a security token"
	for _, test := range []struct {
		name    string
		onFC    bool
		context bool
		key     string
		token   string
		want    string
	}{
		{"the invocation's", true, true, "", "", temporary + ", of the function's role, which came with the invocation"},
		{"the environment's in FC", true, false, "hunter2", "hunter2", temporary + ", in the variables ALIBABA_CLOUD_ACCESS_KEY_ID and so on"},
		{"the environment's elsewhere", false, false, "hunter2", "", pair + ", in the variables ALIBABA_CLOUD_ACCESS_KEY_ID and so on"},
		{"none", true, false, "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			setenv(t, test.key, test.key, test.token)
			ctx := t.Context()
			if test.context {
				ctx = invocation()
			}
			got, err := NewCredentials(test.onFC, "acs:ram::1:role/r", "cn-shanghai").Source(ctx)
			if got != test.want || (err != nil) != (test.want == "") {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
	for provider, want := range map[string]string{
		"default/oidc_role_arn": "OIDC", "default/cli_profile/static_ak": "aliyun configure", "default/profile/ram_role_arn": "~/.alibabacloud/credentials",
		"default/ecs_ram_role": "this machine's role", "default/credential_uri": "ALIBABA_CLOUD_CREDENTIALS_URI", "another": "",
	} {
		if got := sourceOf(provider); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: got %q, want %q", provider, got, want)
		}
	}
	c := NewCredentials(true, "", "")
	c.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Source(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("while another looks: %v", err)
	}
}

func TestCredentialsFollowTheirSource(t *testing.T) {
	for _, onFC := range []bool{true, false} {
		t.Run(fmt.Sprintf("in FC %t", onFC), func(t *testing.T) {
			setenv(t, "", "", "")
			credentials := NewCredentials(onFC, "", "")
			if _, err := credentials.Keys(t.Context()); err == nil {
				t.Fatal("credentials out of nothing")
			}
			for _, id := range []string{"first", "second"} {
				t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", id)
				t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")
				if got, err := credentials.Keys(t.Context()); err != nil || got.accessKeyID != id {
					t.Errorf("got %v, %v, want those of %s", got, err, id)
				}
			}
		})
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	held := &Keys{accessKeyID, secret, token}
	ctx := WithCredentials(context.Background(), accessKeyID, secret, token)
	credentials := NewCredentials(true, "acs:ram::1:role/r", "cn-shanghai")
	credentials.role = &role{base: held}

	var text strings.Builder
	for _, v := range []any{held, ctx, credentials, *credentials, struct{ K *Keys }{held}, []any{held}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&text, verb+"\n", v)
		}
	}
	var log bytes.Buffer
	for _, logger := range []*slog.Logger{slog.New(slog.NewJSONHandler(&log, nil)), slog.New(slog.NewTextHandler(&log, nil))} {
		logger.Info("x", "held", held, "in", struct{ K *Keys }{held}, "credentials", credentials)
	}
	asJSON, err := json.Marshal(map[string]any{"held": held, "in": struct{ K *Keys }{held}, "credentials": credentials})
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
		got, err := credentials.Keys(ctx)
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
			if _, err := credentials.Keys(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestOwnRole: the function calls itself as its own role, not as the one that
// it assumes for CloudSSO in the same invocation.
func TestOwnRole(t *testing.T) {
	sts, address := newSTS(t)
	own, other := NewCredentials(true, "", ""), NewCredentials(true, "acs:ram::1:role/r", "")
	other.stsEndpoint = address
	for range 2 {
		for _, test := range []struct {
			name               string
			credentials        *Credentials
			accessKeyID, token string
		}{
			{"with a role to assume", other, "role1", "t"},
			{"without", own, accessKeyID, token},
		} {
			keys, err := test.credentials.Keys(invocation())
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			header := (&Request{Method: "GET", Host: "h", Path: "/", Time: now}).Sign(keys)
			if header.Get("X-Acs-Security-Token") != test.token || !strings.Contains(header.Get("Authorization"), "Credential="+test.accessKeyID+",") {
				t.Errorf("%s: signed as %s", test.name, header.Get("Authorization"))
			}
		}
	}
	if len(sts.bases) != 1 {
		t.Errorf("%d roles assumed, want 1", len(sts.bases))
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
		{"clock", reply(400, failed("InvalidTimeStamp.Expired")), task.Refused, "the clock of this function is off: STS refuses the date of the signature"},
		{"throttled", reply(400, failed("Throttling.User")), task.Throttled, ""},
		{"out of order", reply(500, failed("InternalError")), task.Upstream, ""},
		{"HTML", reply(502, "<html>"+poison), task.Upstream, "no usable answer"},
		{"a text for a code", reply(400, failed("for "+token)), task.Upstream, "no usable answer"},
		{"no credentials", reply(200, `{"RequestId":"`+token+`"}`), task.Upstream, ""},
		{"empty credentials", reply(200, `{"Credentials":{"AccessKeyId":"","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2099-01-01T00:00:00Z"}}`), task.Upstream, ""},
		{"no expiration", reply(200, `{"Credentials":{"AccessKeyId":"i","AccessKeySecret":"s","SecurityToken":"t"}}`), task.Upstream, ""},
		{"expiration is no time", reply(200, `{"Credentials":{"AccessKeyId":"i","AccessKeySecret":"s","SecurityToken":"t","Expiration":"soon"}}`), task.Upstream, ""},
		{"closed", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, task.Upstream, ""},
	}
	credentials := NewCredentials(true, "acs:ram::1:role/r", "cn-shanghai")
	credentials.stsEndpoint = address
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sts.mu.Lock()
			sts.answer = test.answer
			sts.mu.Unlock()
			_, err := credentials.Keys(invocation())
			e, ok := errors.AsType[*task.Error](err)
			if !ok || e.Kind != test.kind || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want %v with %q", err, test.kind, test.says)
			}
			if ok && test.kind == task.Refused && (e.Hint.En == "" || e.Hint.Zh == "" || strings.Contains(e.Hint.En, "trust policy") == Misdated(strings.TrimPrefix(e.Cause.Error(), "AssumeRole: "))) {
				t.Errorf("hint %q for %v", e.Hint.En, e.Cause)
			}
			checkNoSecrets(t, err)
		})
	}
	t.Run("recovers", func(t *testing.T) {
		sts.answer = nil
		if _, err := credentials.Keys(invocation()); err != nil {
			t.Error(err)
		}
	})
}

func TestAssumeRoleStalls(t *testing.T) {
	sts, address := newSTS(t)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	sts.answer = func(http.ResponseWriter, *http.Request) { <-over }
	credentials := NewCredentials(true, "acs:ram::1:role/r", "")
	credentials.stsEndpoint = address
	ctx, cancel := context.WithTimeout(invocation(), 200*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, err := credentials.Keys(ctx)
	if task.KindOf(err) != task.Timeout {
		t.Errorf("error %v, want timeout", err)
	}
	// Well below the 4 seconds that STS has when nothing else presses.
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	checkNoSecrets(t, err)
}

// TestAssumeRoleTurn has another call at work on the role all the while.
func TestAssumeRoleTurn(t *testing.T) {
	credentials := NewCredentials(true, "acs:ram::1:role/r", "")
	credentials.turn <- struct{}{}
	ctx, cancel := context.WithTimeout(invocation(), 20*time.Millisecond)
	defer cancel()
	if _, err := credentials.Keys(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the deadline", err)
	}
	if _, err := NewCredentials(true, "", "").Keys(ctx); err != nil {
		t.Errorf("error %v, want none: the invocation's are at hand", err)
	}
}
