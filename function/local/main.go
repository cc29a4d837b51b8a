// Command local runs the function on one machine, without a cloud account.
//
// It stands in for Function Compute, whose runtime it offers to the real built
// binary and whose triggers it offers to browsers and curl, for CloudSSO, where
// it simulates tasks and checks every signature, and for four chat platforms,
// where people ask the function and hear from it, with a receiver of webhooks. It shares no code with the
// function, so that the two can only agree by both being right.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// run does what the arguments say until the context ends.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	c, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	c.environ = environ
	if !c.live {
		// The names here are nobody's: show all there is. What the caller sets comes later, and wins.
		c.environ = append([]string{"RECENT_TASKS=on", "TASK_DETAILS=on"}, environ...)
	}
	if _, err := os.Stat(c.function); err != nil {
		return fmt.Errorf("-function: %w (build it first)", err)
	}
	if c.soak > 0 {
		s, err := newSoak(c, stdout)
		if err != nil {
			return err
		}
		defer s.Close()
		return s.play(ctx)
	}
	opened, err := openCloud(c)
	if err != nil {
		return err
	}
	defer opened.Close()
	printBanner(stdout, opened)
	if begin := scenarios[c.scenario]; begin != nil {
		return newScenario(opened, c, stdout).play(ctx, begin)
	}
	<-ctx.Done()
	return nil
}

func parseFlags(args []string, stderr io.Writer) (config, error) {
	c := config{log: stderr, now: time.Now}
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.function, "function", "build/main", "the built `binary` to run")
	flags.StringVar(&c.frontAddr, "addr", "127.0.0.1:9000", "where the function's pages are")
	flags.StringVar(&c.consoleAddr, "console", "127.0.0.1:9001", "where invocations and orders are taken")
	flags.StringVar(&c.cloudSSOAddr, "cloudsso", "127.0.0.1:9002", "where the simulated CloudSSO is")
	flags.StringVar(&c.chatAddr, "chat", "127.0.0.1:9003", "where the chats are: DingTalk, Feishu, WeCom and Slack, and a webhook")
	flags.IntVar(&c.instances, "instances", 4, "how many instances may run at once")
	flags.BoolVar(&c.freeze, "freeze", true, "stop an instance between invocations, as FC does")
	flags.DurationVar(&c.timeout, "timeout", 30*time.Second, "the time limit of an invocation that is waited for")
	flags.IntVar(&c.async.instances, "async-instances", 0, "how many more may run asynchronous invocations at once; 0: as many as -instances")
	flags.DurationVar(&c.async.timeout, "async-timeout", 600*time.Second, "the time limit of an asynchronous invocation")
	flags.IntVar(&c.async.retries, "retries", maxRetries, "how often an asynchronous invocation that fails is tried again: 0 to 8")
	flags.DurationVar(&c.async.eventAge, "event-age", defaultEventAge, "how old an asynchronous invocation gets before it is given up: 1s to 168h")
	flags.Func("timer", "a timer trigger that ticks each period, such as 1m='{\"sweep\":\"1m\"}' (repeatable)", func(text string) error {
		spec, err := parseTimer(text)
		c.timers = append(c.timers, spec)
		return err
	})
	flags.StringVar(&c.events, "events", eventsOff, "events of the tasks that are created: off, on or no-task-id")
	flags.StringVar(&c.scenario, "scenario", "", "play a `scenario` and say what happens: events or sweep")
	flags.DurationVar(&c.soak, "soak", 0, "have the function work for so `long` under load and faults, and fail when something grows, breaks or is lost; 0: do not")
	flags.DurationVar(&c.rotate, "rotate", 3*time.Minute, "how often the role's credentials change; 0: never")
	flags.Uint64Var(&c.seed, "seed", 1, "what the simulated tasks follow from")
	flags.BoolVar(&c.quiet, "quiet", false, "no line for each CloudSSO call and chat message")
	flags.StringVar(&c.record, "record", "", "write each exchange that the function answers into a `file`, as lines of JSON, with all secrets in it")
	flags.BoolVar(&c.live, "live", false, "ask the real CloudSSO, with your own credentials")
	if err := flags.Parse(args); err != nil {
		return config{}, fmt.Errorf("read flags: %w", err)
	}
	switch {
	case flags.NArg() > 0:
		return config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case c.instances < 1:
		return config{}, fmt.Errorf("-instances %d: at least 1 is needed", c.instances)
	case c.timeout <= 0:
		return config{}, fmt.Errorf("-timeout %v: it must be more than 0", c.timeout)
	case c.async.instances < 0:
		return config{}, fmt.Errorf("-async-instances %d: at least 1 is needed", c.async.instances)
	case c.async.timeout <= 0:
		return config{}, fmt.Errorf("-async-timeout %v: it must be more than 0", c.async.timeout)
	case c.async.retries < 0 || c.async.retries > maxRetries:
		return config{}, fmt.Errorf("-retries %d: it must be 0 to %d", c.async.retries, maxRetries)
	case c.async.eventAge < time.Second || c.async.eventAge > maxEventAge:
		return config{}, fmt.Errorf("-event-age %v: it must be 1s to %v", c.async.eventAge, maxEventAge)
	case !slices.Contains(eventModes, c.events):
		return config{}, fmt.Errorf("-events %s: it must be one of %v", c.events, eventModes)
	case c.scenario != "" && scenarios[c.scenario] == nil:
		return config{}, fmt.Errorf("-scenario %s: it must be one of %v", c.scenario, slices.Sorted(maps.Keys(scenarios)))
	case c.soak != 0 && (c.soak < minSoak || c.live || c.scenario != "" || c.events != eventsOff || len(c.timers) > 0):
		return config{}, fmt.Errorf("-soak %v: it must be at least %v, and goes neither with -live nor with events, timers or a scenario", c.soak, minSoak)
	case c.live && (c.scenario != "" || c.events != eventsOff):
		return config{}, errors.New("-live: there are neither events nor scenarios of tasks that are real")
	}
	return c, nil
}

// printBanner says where everything is, one address a line, and what to try.
func printBanner(w io.Writer, c *cloud) {
	fmt.Fprintf(w, "front %s\nconsole %s\n", c.frontURL, c.consoleURL)
	if c.cloudSSO == nil {
		fmt.Fprintf(w, `
The function asks the real CloudSSO, with your credentials.

  %s/

  curl -s -d '{"taskId":"t-..."}' %s/invoke

Ctrl-C ends it.
`, c.frontURL, c.consoleURL)
		return
	}
	fmt.Fprintf(w, "cloudsso %s\nchat %s\n", c.cloudSSOURL, c.chatURL)

	var running []string
	var open, succeeded, failed string
	for _, t := range c.cloudSSO.tasks.list(c.cloudSSO.directories[0]) {
		switch t.status(c.cloudSSO.now()) {
		case statusInProgress:
			running = append(running, t.id)
			open = t.id
		case statusSuccess:
			succeeded = t.id
		case statusFailed:
			failed = t.id
		}
	}
	var signIn, bearer string
	if c.function.variables["ACCESS"] != "open" {
		signIn = "\n  sign in             " + c.frontURL + "/sign-in with the token " + localToken
		bearer = " -H 'Authorization: Bearer " + localToken + "'"
	}
	fmt.Fprint(w, strings.NewReplacer(
		"SIGN-IN", signIn, "BEARER", bearer, "FRONT", c.frontURL, "CONSOLE", c.consoleURL, "CHAT", c.chatURL,
		"RUNNING", strings.Join(running, ","), "OPEN", open, "SUCCEEDED", succeeded, "FAILED", failed,
	).Replace(banner))
}

const banner = `
Open in a browserSIGN-IN
  paste an id         FRONT/
  one that failed     FRONT/tasks/FAILED
  one that succeeded  FRONT/tasks/SUCCEEDED
  those that run      FRONT/tasks?id=RUNNING
  the recent ones     FRONT/tasks
  the four chats      CHAT/

Ask
  curl -sBEARER FRONT/tasks/FAILED
  curl -sBEARER FRONT/tasks/FAILED.txt
  curl -sBEARER 'FRONT/tasks/OPEN?wait=10'

Ask in a chat
  curl -s -d 'platform=dingtalk' -d 'text=task FAILED' CHAT/say
  curl -s -d 'platform=slack' -d 'text=wait OPEN' CHAT/say

Make something happen
  curl -s -X POST 'CONSOLE/tasks?type=CreateAccessAssignment&seconds=8&status=Failed&reason=No+Permission.'
  curl -s -X POST 'CONSOLE/faults?kind=throttle400&count=3'
  curl -s -X DELETE CONSOLE/faults
  curl -s CONSOLE/stats

Let the function hear of tasks by itself
  curl -s -X POST 'CONSOLE/events?mode=on'
  curl -s -X POST 'CONSOLE/timers?every=1m&payload=%7B%22sweep%22:%221m%22%7D'
  curl -s CONSOLE/destinations

Ask as a program may, and have the team told
  curl -s -H 'Authorization: Bearer local' -H 'Content-Type: application/json' -d '{"taskId":"FAILED","notify":true}' FRONT/events

Invoke the function
  curl -s -d '{"taskId":"FAILED"}' CONSOLE/invoke
  curl -s -d '{"taskId":"OPEN","wait":10}' CONSOLE/invoke
  curl -s -d '{"doctor":true}' CONSOLE/invoke

Ctrl-C ends it.
`
