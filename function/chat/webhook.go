package chat

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"taskstatus/function/task"
	"taskstatus/function/webhook"
)

// generic is a program that wants to be told: a webhook signed as Standard
// Webhooks has it (standardwebhooks.com, specification 1.0.0). It asks nothing.
type generic struct {
	base
	key webhook.Key
}

func newWebhook(s *settings, c *client) platform {
	p := &generic{base: base{name: "webhook", language: task.English, client: c}}
	p.hidden = true // nobody else need know as much as the host
	p.webhook = s.secret("WEBHOOK_URL")
	value := s.value("WEBHOOK_SECRET")
	if !p.webhook.IsSet() {
		if value != "" {
			s.warn("WEBHOOK_SECRET is set and WEBHOOK_URL is not: nothing is posted")
		}
		return p
	}
	if u, err := url.Parse(p.webhook.Reveal()); err == nil {
		p.origin = originOf(u)
	}
	if p.origin == "" {
		s.fail("WEBHOOK_URL", "it takes an https address")
	}
	var err error
	if p.key, err = webhook.ParseKey(value); err != nil {
		s.fail("WEBHOOK_SECRET", "%w", err)
	}
	return p
}

func (*generic) hears() bool { return false }

func (*generic) receive(call) (question, error) { return question{}, refused("nothing is asked here") }

func (*generic) followUp(context.Context, string, string, message) error {
	return errors.ErrUnsupported
}

// post posts the document; what is signed is dated anew each time, and its id
// stays the same.
func (p *generic) post(ctx context.Context, m message) error {
	body := encode(m.document())
	return p.client.post(ctx, &p.pace, func(now time.Time) request {
		header := make(http.Header)
		p.key.Sign(header, m.id, now, body)
		return request{address: p.webhook.Reveal(), header: header, body: body}
	}, judgeWebhook)
}

// judgeWebhook judges an answer, of which only the status says anything.
func judgeWebhook(r result) *failure {
	f := httpFailure(r.status)
	if r.status == http.StatusUnauthorized {
		f.problem = wrongSign
	}
	return f
}
