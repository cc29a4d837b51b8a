package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"taskstatus/function/acs"
	"taskstatus/function/chat"
	"taskstatus/function/check"
	"taskstatus/function/cloudsso"
	"taskstatus/function/entry"
	"taskstatus/function/invoke"
	"taskstatus/function/site"
	"taskstatus/function/trigger"
	"taskstatus/function/watch"
)

// version is stamped in by the build.
var version = "unknown"

func main() {
	if err := run(os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// usage is for who starts the function where nothing invokes it.
const usage = `Says whether a CloudSSO task is done, whether it worked and, if not, why.
Function Compute starts it without arguments; elsewhere there are:

  main -listen 127.0.0.1:9000   to serve plain HTTP
  main doctor                   to see whether it can do its work as it is configured
  main notify-test              to post a sample message to every webhook

`

// run returns what keeps the function from starting, every reason on a line of its own.
func run(args []string, getenv func(string) string, logs io.Writer) error {
	flags := flag.NewFlagSet("main", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	printVersion := flags.Bool("version", false, "print the version")
	listen := flags.String("listen", "", "serve plain HTTP on `address`, such as 127.0.0.1:9000, instead of Function Compute")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if *printVersion {
		_, err := fmt.Fprintln(logs, version)
		return err
	}
	command := flags.Arg(0)
	if n := flags.NArg(); n > 1 || n == 1 && command != notifyTestCommand && command != doctorCommand {
		return fmt.Errorf("unexpected argument %q: the commands are %s and %s", flags.Arg(n-1), notifyTestCommand, doctorCommand)
	}
	onFC := *listen == "" && command == ""
	if onFC && getenv("FC_RUNTIME_API") == "" {
		return errors.New("this is a Function Compute function: elsewhere, start it with -listen 127.0.0.1:9000")
	}
	fitInstance(getenv)
	c, err := readConfig(getenv)
	if command == doctorCommand {
		return examine(context.Background(), &c, err, logs)
	}
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: c.logLevel}))
	for _, warning := range c.warnings {
		log.Warn(warning)
	}

	client := cloudsso.New(c.endpoint, acs.NewCredentials(onFC, c.roleARN, c.region))
	client.Observe = observer(log, "cloudsso")
	watcher := watch.New(client)
	if c.taskDetails {
		watcher.Details = client
	}
	s := &site.Site{
		Looker:      watcher,
		Guard:       c.access,
		Directories: c.directories,
		Details:     c.taskDetails,
		PublicURL:   c.publicURL,
		Version:     version,
		Now:         time.Now,
	}
	if c.access.Signs() {
		s.Sessions, s.Links = c.access, c.access
	}
	if c.recentTasks {
		s.Lister = client
	}
	bot := &chat.Bot{
		Platforms:   c.chat,
		Looker:      watcher,
		Lister:      s.Lister,
		Directories: c.directories,
		PublicURL:   c.publicURL,
		Link:        s.Link,
		Document:    s.Notice,
		Zone:        c.zone,
		Now:         time.Now,
	}
	checks := &checks{checker: newChecker(c, *client, bot), site: s}
	s.Events, s.Senders = checks, c.eventKeys
	if c.chat.Answer() {
		s.Chat = bot
	}
	if command == notifyTestCommand {
		return tryPost(context.Background(), bot, logs)
	}
	if onFC {
		// It invokes itself as itself, not as the role that CloudSSO is asked with.
		invoker := invoke.New(c.checkEndpoint, acs.NewCredentials(onFC, "", ""))
		invoker.Observe = observer(log, "invoke")
		bot.Invoke = func(ctx context.Context, payload []byte, delay time.Duration) error {
			return invoker.InvokeAsync(ctx, target(ctx, c.checkFunction), payload, delay)
		}
		checks.invoke = bot.Invoke
		f := &trigger.Function{
			HTTP:        s,
			SetHeader:   site.SetSecurityHeader,
			Direct:      (&direct{&c, s, bot, checks}).answer,
			CloudEvents: checks.cloudEvents,
			Timer:       checks.timer,
			Context:     withInvocation,
			Log:         log,
		}
		fc.Start(f.Invoke) // does not return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	log.Info("listening", "address", listener.Addr().String(), "version", version)
	return serve(ctx, listener, s, log)
}

// newChecker returns a checker with a client and a watcher of its own: as one of many
// instances it may not ask as fast as a page does, nor try again at once.
func newChecker(c config, client cloudsso.Client, teller check.Teller) *check.Checker {
	client.Attempts = 1
	watcher := watch.New(&client)
	watcher.Share(c.checkInstances)
	if c.taskDetails {
		watcher.Details = &client
	}
	return &check.Checker{
		Looker:      watcher,
		Lister:      &client,
		Teller:      teller,
		Directories: c.directories,
		Finished:    c.notifyFinished,
		Details:     c.taskDetails,
		Instances:   c.checkInstances,
		Retries:     c.checkRetries,
		Now:         time.Now,
	}
}

// An invocation is what is known of one: how often it has been tried before, and what
// the function is.
type invocation struct {
	attempt  int
	function invoke.Target
}

type invocationKey struct{}

// withInvocation puts into the context of an invocation what is its own, and the
// credentials of the function's role.
func withInvocation(ctx context.Context, fc *fccontext.FcContext) context.Context {
	ctx = context.WithValue(ctx, invocationKey{}, &invocation{
		attempt:  fc.RetryCount,
		function: invoke.Target{AccountID: fc.AccountId, Region: fc.Region, Function: fc.Function.Name},
	})
	return acs.WithCredentials(ctx, fc.Credentials.AccessKeyId, fc.Credentials.AccessKeySecret, fc.Credentials.SecurityToken)
}

// invocationOf returns the invocation that the context is of; one of which nothing is
// known where it is of none.
func invocationOf(ctx context.Context) invocation {
	if known, ok := ctx.Value(invocationKey{}).(*invocation); ok {
		return *known
	}
	return invocation{}
}

// attempt is how often the invocation has been tried before.
func attempt(ctx context.Context) int { return invocationOf(ctx).attempt }

// target is this function, or the one of that name beside it.
func target(ctx context.Context, name string) invoke.Target {
	t := invocationOf(ctx).function
	t.Function = cmp.Or(name, t.Function)
	return t
}

// observer counts each exchange with an API of Alibaba Cloud's as its invocation's, and
// logs it for who wants to see all of them.
func observer(log *slog.Logger, api string) func(context.Context, acs.Call) {
	return func(ctx context.Context, call acs.Call) {
		entry.Called(ctx, call.RequestID, call.Code)
		log.LogAttrs(ctx, slog.LevelDebug, api,
			slog.String("requestId", entry.RequestID(ctx)),
			slog.String("action", call.Action),
			slog.Int("attempt", call.Attempt),
			slog.Int("status", call.Status),
			slog.String("code", call.Code),
			slog.String("upstreamRequestId", call.RequestID),
			slog.Int64("ms", call.Duration.Milliseconds()),
		)
	}
}
