package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"taskstatus/function/chat"
)

// notifyTestCommand, as the only argument, posts samples instead of serving.
const notifyTestCommand = "notify-test"

// tryPost posts a sample to every webhook and prints what came of each. Its
// error says how many did not get through.
func tryPost(ctx context.Context, bot *chat.Bot, out io.Writer) error {
	trials := bot.TryPost(ctx)
	if len(trials) == 0 {
		return errors.New("no webhook is configured: set a variable …_WEBHOOK_URL, see README.md")
	}
	failed := 0
	for _, t := range trials {
		said := "ok"
		if !t.OK {
			said = t.Problem
			failed++
		}
		fmt.Fprintf(out, "%s: %s\n", t.Platform, said)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d messages did not get through", failed, len(trials))
	}
	return nil
}
