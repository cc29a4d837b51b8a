package chat

import (
	"errors"
	"net/http"
	"slices"

	"taskstatus/function/task"
)

// platforms are all there are: one file each, and one line here.
var platforms = [...]func(*settings, *client) platform{newDingTalk, newFeishu, newWeCom, newSlack}

// Platforms are the chat platforms as the environment configures them.
type Platforms struct {
	all []platform
}

// Open reads the platforms' variables. A platform whose secrets are not set, or
// too short, is closed; that and what else looks wrong is among the warnings.
// The error joins all that is wrong, each beginning with its variable. What is
// posted goes through the transport, which must not follow redirects, as an
// http.Client would.
func Open(getenv func(string) string, transport http.RoundTripper) (opened *Platforms, warnings []string, err error) {
	s := &settings{getenv: getenv}
	c := newClient(transport)
	opened = new(Platforms)
	for _, open := range platforms {
		opened.all = append(opened.all, open(s, c))
	}
	return opened, s.warnings, errors.Join(s.wrong...)
}

// Hear reports whether any platform's calls are answered.
func (p *Platforms) Hear() bool { return slices.ContainsFunc(p.all, platform.hears) }

// Post reports whether there is any webhook to post to.
func (p *Platforms) Post() bool { return slices.ContainsFunc(p.all, platform.posts) }

// find returns the platform of a name, nil for none.
func (p *Platforms) find(name string) platform {
	if p == nil {
		return nil
	}
	for _, found := range p.all {
		if found.name() == name {
			return found
		}
	}
	return nil
}

// conversations are those that questions are answered in; none are all.
type conversations []string

func (c conversations) allows(conversation string) bool {
	return len(c) == 0 || slices.Contains(c, conversation)
}

// everyday is the language of most people on a platform.
type everyday task.Language

func (e everyday) language() task.Language { return task.Language(e) }
