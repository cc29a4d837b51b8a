package main

import (
	"context"
	"log/slog"

	"taskstatus/function/chat"
	"taskstatus/function/site"
	"taskstatus/function/trigger"
)

// direct answers a direct invocation.
func direct(ctx context.Context, s *site.Site, bot *chat.Bot, c *checks, d trigger.Direct, log *slog.Logger) (any, error) {
	switch {
	case d.NotifyTest:
		return map[string]any{"notifyTest": bot.TryPost(ctx)}, nil
	case d.Reply != nil:
		attrs := []slog.Attr{slog.String("requestId", requestID(ctx))}
		told, err := bot.Resume(ctx, d.Directory, d.IDs, d.Reply, func(more ...slog.Attr) { attrs = append(attrs, more...) })
		log.LogAttrs(ctx, slog.LevelInfo, "later", append(attrs, slog.Bool("told", told))...)
		return map[string]any{"told": told}, err
	case d.Notify:
		return c.direct(ctx, d)
	}
	return s.Answer(ctx, requestID(ctx), d.Directory, d.IDs, d.Wait)
}
