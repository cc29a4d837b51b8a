package main

import (
	"context"

	"taskstatus/function/chat"
	"taskstatus/function/site"
	"taskstatus/function/trigger"
)

// direct answers a direct invocation.
func direct(ctx context.Context, s *site.Site, bot *chat.Bot, c *checks, d trigger.Direct) (any, error) {
	switch {
	case d.NotifyTest:
		return map[string]any{"notifyTest": bot.TryPost(ctx)}, nil
	case d.Reply != nil:
		told, err := bot.Resume(ctx, d.Directory, d.IDs, d.Reply)
		return map[string]any{"told": told}, err
	case d.Notify:
		return c.direct(ctx, d)
	}
	return s.Answer(ctx, d.Directory, d.IDs, d.Wait)
}
