package main

import (
	"context"

	"taskstatus/function/chat"
	"taskstatus/function/site"
	"taskstatus/function/trigger"
)

// direct answers direct invocations.
type direct struct {
	config *config
	site   *site.Site
	bot    *chat.Bot
	checks *checks
}

func (a *direct) answer(ctx context.Context, d trigger.Direct) (any, error) {
	switch {
	case d.Ping:
		return map[string]bool{"pong": true}, nil
	case d.Doctor:
		return map[string]any{"doctor": examineDeployed(ctx, a.config)}, nil
	case d.NotifyTest:
		return map[string]any{"notifyTest": a.bot.TryPost(ctx)}, nil
	case d.Reply != nil:
		told, err := a.bot.Resume(ctx, d.Directory, d.IDs, d.Reply)
		return map[string]any{"told": told}, err
	case d.Notify:
		return a.checks.direct(ctx, d)
	}
	return a.site.Answer(ctx, d.Directory, d.IDs, d.Wait)
}
