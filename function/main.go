// Command main says, to whoever may know, whether a CloudSSO task is done,
// whether it worked and, if not, why. In Function Compute it answers
// invocations; with -listen it is a plain HTTP server.
//
// This package only wires the others together.
package main

import (
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
	"taskstatus/function/cloudsso"
	"taskstatus/function/site"
	"taskstatus/function/task"
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

// run returns what keeps the function from starting, every reason on a line of its own.
func run(args []string, getenv func(string) string, logs io.Writer) error {
	flags := flag.NewFlagSet("main", flag.ContinueOnError)
	listen := flags.String("listen", "", "serve plain HTTP on `address`, such as 127.0.0.1:9000, instead of Function Compute")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	onFC := *listen == ""
	if onFC && getenv("FC_RUNTIME_API") == "" {
		return errors.New("this is a Function Compute function: elsewhere, start it with -listen 127.0.0.1:9000")
	}
	c, err := readConfig(getenv)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: c.logLevel}))
	for _, warning := range c.warnings {
		log.Warn(warning)
	}

	client := cloudsso.New(c.endpoint, acs.NewCredentials(onFC, c.roleARN, c.region))
	client.Observe = func(ctx context.Context, call acs.Call) { observe(ctx, log, call) }
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
		Log:         log,
		Now:         time.Now,
	}
	if c.recentTasks {
		s.Lister = client
	}
	if onFC {
		f := &trigger.Function{
			HTTP: s,
			Direct: func(ctx context.Context, d trigger.Direct) (any, error) {
				if d.Notify {
					return nil, task.Errorf(task.Invalid, task.Text{
						En: "notify is not possible: this function tells only who asks",
						Zh: "不支持 notify：本函数只回答查询者",
					})
				}
				return s.Answer(ctx, requestID(ctx), d.Directory, d.IDs, d.Wait)
			},
			Context: invocation,
			Log:     log,
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
	return serve(ctx, listener, s)
}

type requestIDKey struct{}

// invocation puts the credentials of the function's role, which are this
// invocation's own, and its request id into its context.
func invocation(ctx context.Context, fc *fccontext.FcContext) context.Context {
	ctx = context.WithValue(ctx, requestIDKey{}, fc.RequestID)
	return acs.WithCredentials(ctx, fc.Credentials.AccessKeyId, fc.Credentials.AccessKeySecret, fc.Credentials.SecurityToken)
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// observe logs an exchange with CloudSSO: one that went wrong as a warning.
func observe(ctx context.Context, log *slog.Logger, call acs.Call) {
	level := slog.LevelDebug
	if call.Status != 200 {
		level = slog.LevelWarn
	}
	log.LogAttrs(ctx, level, "cloudsso",
		slog.String("requestId", requestID(ctx)),
		slog.String("action", call.Action),
		slog.Int("attempt", call.Attempt),
		slog.Int("status", call.Status),
		slog.String("code", call.Code),
		slog.String("upstreamRequestId", call.RequestID),
		slog.Int64("ms", call.Duration.Milliseconds()),
	)
}
