package acs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/aliyun/credentials-go/credentials/providers"

	"taskstatus/function/task"
)

const (
	// roleSessionName is what ActionTrail shows for an assumed role.
	roleSessionName = "cloudsso-task-status"
	// assumeTimeout bounds connecting to STS, and again its answer, so that
	// both together leave a reader who waits no longer than one call may take.
	assumeTimeout = 2 * time.Second
)

// Keys are an AccessKey pair and, for a role, its token. They are handled by
// pointer only: fmt cannot reach a method of an unexported field's value, but
// of a nested pointer it shows no more than the address.
type Keys struct{ accessKeyID, secret, token string }

// Format prints asterisks, whatever the verb.
func (*Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// MarshalText gives asterisks, to encoding/json and log/slog too.
func (*Keys) MarshalText() ([]byte, error) { return []byte("***"), nil }

type keysContext struct{}

// WithCredentials returns a context that carries the credentials of the
// function's role which came with an invocation. They go before every other
// source of Credentials. Unless all three are there, the context stays as it is.
func WithCredentials(ctx context.Context, accessKeyID, secret, token string) context.Context {
	if accessKeyID == "" || secret == "" || token == "" {
		return ctx
	}
	return context.WithValue(ctx, keysContext{}, &Keys{accessKeyID, secret, token})
}

// Credentials find what a call is signed with: the context's (see
// WithCredentials); else in Function Compute the environment's, and elsewhere
// those of credentials-go's default chain (environment, OIDC, the CLI's
// profile, credentials file, instance role). Make them with NewCredentials.
// They are safe for use by several goroutines at once.
type Credentials struct {
	onFC            bool
	roleARN, region string
	stsEndpoint     string        // of a test; empty for credentials-go to choose
	turn            chan struct{} // held while chain or role is used: neither is goroutine-safe
	chain           providers.CredentialsProvider
	role            *role
}

// A role is an assumed role and the credentials that it was assumed with.
type role struct {
	base     *Keys
	timeouts *providers.HttpOptions
	providers.CredentialsProvider
}

// NewCredentials returns Credentials for a process that runs in Function
// Compute (onFC) or elsewhere. A role ARN that is not empty names a role to
// assume first with whichever credentials are found (CLOUDSSO_ROLE_ARN); STS
// is asked in the region then, or where that is empty at its central endpoint.
func NewCredentials(onFC bool, roleARN, region string) *Credentials {
	return &Credentials{onFC: onFC, roleARN: roleARN, region: region, turn: make(chan struct{}, 1)}
}

// Keys returns what to sign a call with now. Its error is a *task.Error,
// unless the context ended.
func (c *Credentials) Keys(ctx context.Context) (*Keys, error) {
	invocation, _ := ctx.Value(keysContext{}).(*Keys)
	if invocation == nil || c.roleARN != "" {
		if err := c.take(ctx); err != nil {
			return nil, err
		}
		defer c.pass()
	}
	found, _, err := c.find(invocation)
	if err != nil || c.roleARN == "" {
		return found, err
	}
	return c.assume(ctx, found)
}

// take waits for the turn, and pass gives it to the next.
func (c *Credentials) take(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Credentials) pass() { <-c.turn }

// Source says in plain words, in English, of which kind the credentials are and where
// they come from, before any role is assumed. Its error is like that of Keys.
func (c *Credentials) Source(ctx context.Context) (string, error) {
	if err := c.take(ctx); err != nil {
		return "", err
	}
	defer c.pass()
	invocation, _ := ctx.Value(keysContext{}).(*Keys)
	found, provider, err := c.find(invocation)
	if err != nil {
		return "", err
	}
	if found.token != "" {
		return "temporary ones, with a security token" + sourceOf(provider), nil
	}
	return "an AccessKey pair" + sourceOf(provider), nil
}

// sourceOf says where what calls itself so in credentials-go finds credentials.
func sourceOf(provider string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(provider, "default/"), "/")
	switch name {
	case "static_sts":
		return ", of the function's role, which came with the invocation"
	case "env":
		return ", in the variables ALIBABA_CLOUD_ACCESS_KEY_ID and so on"
	case "oidc_role_arn":
		return ", of the role that ALIBABA_CLOUD_ROLE_ARN names, by OIDC"
	case "cli_profile":
		return ", of aliyun configure"
	case "profile":
		return ", in ~/.alibabacloud/credentials"
	case "ecs_ram_role":
		return ", of this machine's role"
	case "credential_uri":
		return ", at ALIBABA_CLOUD_CREDENTIALS_URI"
	}
	return ""
}

// find returns the credentials found, before any role is assumed, and what
// credentials-go calls where it found them.
func (c *Credentials) find(invocation *Keys) (found *Keys, source string, err error) {
	var provider providers.CredentialsProvider
	missing := task.Text{
		En: "this function has no credentials: give it a RAM role",
		Zh: "本函数没有访问凭证，请为它配置 RAM 角色",
	}
	switch {
	case invocation != nil:
		// The builder would take an empty value from the environment; none is empty here.
		provider, err = providers.NewStaticSTSCredentialsProviderBuilder().
			WithAccessKeyId(invocation.accessKeyID).
			WithAccessKeySecret(invocation.secret).
			WithSecurityToken(invocation.token).
			Build()
	case c.onFC:
		// It reads the environment at every call: nothing is kept.
		provider, err = providers.NewEnvironmentVariableCredentialsProviderBuilder().Build()
	default:
		if c.chain == nil {
			c.chain = providers.NewDefaultCredentialsProvider()
		}
		provider = c.chain
		missing = task.Text{
			En: "no credentials were found: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run aliyun configure",
			Zh: "未找到访问凭证，请设置 ALIBABA_CLOUD_ACCESS_KEY_ID 和 ALIBABA_CLOUD_ACCESS_KEY_SECRET，或运行 aliyun configure",
		}
	}
	if err == nil {
		found, source, err = get(provider)
	}
	if err != nil {
		if invocation == nil {
			// Once it has failed, a chain only ever asks its last member again.
			c.chain = nil
		}
		// The text of err may hold what some server sent: it goes no further.
		return nil, "", &task.Error{Kind: task.Refused, Detail: missing}
	}
	return found, source, nil
}

// assume returns the credentials of the role, which credentials-go keeps until
// shortly before they expire. A role is never kept longer than the credentials
// it was assumed with: other ones assume it anew.
func (c *Credentials) assume(ctx context.Context, base *Keys) (*Keys, error) {
	if c.role == nil || *c.role.base != *base {
		timeouts := new(providers.HttpOptions)
		provider, err := providers.NewRAMRoleARNCredentialsProviderBuilder().
			WithAccessKeyId(base.accessKeyID).
			WithAccessKeySecret(base.secret).
			WithSecurityToken(base.token).
			WithRoleArn(c.roleARN).
			WithRoleSessionName(roleSessionName).
			WithStsRegionId(c.region).
			WithStsEndpoint(c.stsEndpoint).
			WithHttpOptions(timeouts).
			Build()
		if err != nil {
			return nil, assumeError(err)
		}
		c.role = &role{base, timeouts, provider}
	}
	// credentials-go knows no context. Its two limits add up, and are looked
	// at anew for every request.
	limit := assumeTimeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/2)
	}
	c.role.timeouts.ConnectTimeout = int(max(limit, time.Millisecond) / time.Millisecond)
	c.role.timeouts.ReadTimeout = c.role.timeouts.ConnectTimeout
	assumed, _, err := get(c.role)
	if err != nil {
		// credentials-go would keep even empty credentials until they expire.
		c.role = nil
		return nil, assumeError(err)
	}
	return assumed, nil
}

// get asks a provider of credentials-go, and returns its name for where they are from
// too. One of them dereferences a part of STS's answer that may be missing: that is an
// error here, not a panic.
func get(provider providers.CredentialsProvider) (found *Keys, source string, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("malformed credentials")
		}
	}()
	cc, err := provider.GetCredentials()
	if err != nil {
		return nil, "", err
	}
	// White space around a value would be signed, and then trimmed on the wire.
	found = &Keys{strings.TrimSpace(cc.AccessKeyId), strings.TrimSpace(cc.AccessKeySecret), strings.TrimSpace(cc.SecurityToken)}
	if found.accessKeyID == "" || found.secret == "" {
		return nil, "", errors.New("empty credentials")
	}
	return found, cc.ProviderName, nil
}

// assumeError says why STS gave no credentials. The text of err holds STS's
// whole answer, or the URL with the signature and the token: of it only the
// error code is taken over.
func assumeError(err error) *task.Error {
	var answer struct{ Code string }
	if i := strings.IndexByte(err.Error(), '{'); i >= 0 {
		_ = json.Unmarshal([]byte(err.Error()[i:]), &answer) // no JSON, no code
	}
	code := Plain(answer.Code, ".")
	kind, retryable := Classify(code, 0)
	failure, _ := errors.AsType[net.Error](err)
	switch {
	case failure != nil && failure.Timeout():
		return &task.Error{Kind: task.Timeout, Cause: errors.New("AssumeRole: no answer in time")}
	case code == "":
		return &task.Error{Kind: task.Upstream, Cause: errors.New("AssumeRole: no usable answer")}
	case retryable:
		return &task.Error{Kind: kind, Cause: errors.New("AssumeRole: " + code)}
	}
	detail := task.Text{
		En: "the role of CLOUDSSO_ROLE_ARN cannot be assumed",
		Zh: "无法扮演 CLOUDSSO_ROLE_ARN 指定的角色",
	}
	hint := task.Text{
		En: "For the operator: there must be such a role, its trust policy must name who assumes it, and this function's own role needs sts:AssumeRole on it. The log has STS's error code.",
		Zh: "请联系管理员：该角色必须存在，其信任策略须允许本函数扮演，且本函数自身的 RAM 角色需要对它具有 sts:AssumeRole 权限。日志中记录了 STS 的错误码。",
	}
	if Misdated(code) {
		detail = task.Text{
			En: "the clock of this function is off: STS refuses the date of the signature, not the role or its credentials",
			Zh: "本函数的系统时间不准确：STS 拒绝的是签名时间，与 RAM 角色和访问凭证无关",
		}
		hint = task.Text{
			En: "For the operator: set this machine's clock.",
			Zh: "请联系管理员：请校准本机时间。",
		}
	}
	return &task.Error{Kind: task.Refused, Cause: errors.New("AssumeRole: " + code), Detail: detail, Hint: hint}
}
