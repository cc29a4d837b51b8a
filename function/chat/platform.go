package chat

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"taskstatus/function/secret"
	"taskstatus/function/task"
)

// platforms are all there are: one file each, and one line here.
var platforms = [...]func(*settings, *client) platform{newDingTalk, newFeishu, newWeCom, newSlack, newWebhook}

// A platform is one chat platform, as it is configured.
type platform interface {
	// about is what all platforms have.
	about() *base
	// hears reports whether calls can be verified and answered.
	hears() bool
	// receive says what a genuine call asks. Its error says, for the log, why the
	// call is none.
	receive(call) (question, error)
	// followUp posts a message later, where a question came from. Its id is the
	// same for the same message.
	followUp(ctx context.Context, to, id string, m message) error
	// post posts a message to the webhook.
	post(context.Context, message) error
}

// A base is what all platforms have.
type base struct {
	// name is how the platform is called in addresses and in the log.
	name string
	// language is used where a question shows none itself.
	language task.Language
	client   *client
	// origin is where the platform is: nothing is posted elsewhere.
	origin string
	// hidden says that the origin is not to be shown.
	hidden bool
	// verify, unless nil, has the platform say whether it accepts what we prove ourselves
	// with, and posts nothing.
	verify func(context.Context) error
	// conversations are those in which questions are answered; none are all.
	conversations []string
	// webhook is the address to post to, and webhookKey what it wants signed with, if anything.
	webhook, webhookKey secret.Value
	// pace is what the webhook takes, and share the part of it that this instance tells by.
	pace  pace
	share *share
}

func (b *base) about() *base { return b }

// allows reports whether questions are answered in the conversation of that id.
func (b *base) allows(conversation string) bool { return anyOf(b.conversations, conversation) }

// A call is what a platform sent, as it came.
type call struct {
	method string
	header http.Header
	query  url.Values
	body   []byte
	now    time.Time
}

// A question is what a genuine call asks.
type question struct {
	// id is the platform's own of the message: one that comes twice is answered
	// once, unless it is repeatable: the first answer may have been lost.
	id         string
	repeatable bool
	// text is what somebody typed.
	text string
	// conversation is where, in the platform's own terms.
	conversation string
	// to is where a later answer goes, empty for nowhere, and expires until when.
	// Whoever has it can post there.
	to      string
	expires time.Time
	// prepare, unless nil, does meanwhile what respond will need.
	prepare func(context.Context)
	// respond gives the response to the call, after posting the message where the
	// platform takes none in the response. Beside an error the response is what is
	// left to try.
	respond func(context.Context, message) (response, error)
	// response, unless nil, is all that the call gets: it asks nothing.
	response *response
}

// A response is the body of an HTTP response of status 200. Its zero value says nothing.
type response struct {
	contentType string
	body        []byte
}

// jsonType is the media type of all that is posted, and of most responses.
const jsonType = "application/json; charset=utf-8"

// nothing is a question that asks nothing.
var nothing = question{response: &response{}}

// Platforms are the chat platforms as the environment configures them.
type Platforms struct {
	all []platform
}

// Configure reads the platforms' variables. A platform whose secrets are not
// set, or too short, is closed; that and what else looks wrong is among the warnings.
// The error joins all that is wrong, each beginning with its variable. What is
// posted goes through the transport, which must not follow redirects, as an
// http.Client would. So many instances tell at the same time at the most: each
// keeps to its part of what the webhooks take where there is much to tell.
func Configure(getenv func(string) string, transport http.RoundTripper, instances int) (configured *Platforms, warnings []string, err error) {
	s := &settings{getenv: getenv}
	return configure(s, newClient(transport), instances), s.warnings, errors.Join(s.wrong...)
}

func configure(s *settings, c *client, instances int) *Platforms {
	configured := new(Platforms)
	for _, create := range platforms {
		p := create(s, c)
		p.about().share = newShare(p.about().pace.limits, instances)
		configured.all = append(configured.all, p)
	}
	return configured
}

// Answer reports whether the calls of any platform are answered.
func (p *Platforms) Answer() bool { return slices.ContainsFunc(p.all, platform.hears) }

// Post reports whether there is any webhook to post to.
func (p *Platforms) Post() bool { return len(p.posting()) > 0 }

// A Use is what a platform is configured for.
type Use struct {
	// Name is the platform's name, as in /chat/{platform}.
	Name string
	// Answers and Posts report whether its calls are answered, and whether it has a webhook.
	Answers, Posts bool
	// Address is where the platform is.
	Address string
	// Secret says that the address is not to be shown.
	Secret bool
	// Verify, unless nil, has the platform say whether it accepts what this function proves
	// itself with, and posts nothing. Its error is in plain words and holds no secret.
	Verify func(context.Context) error
}

// Uses returns what the platforms are configured for that are for anything.
func (p *Platforms) Uses() []Use {
	var uses []Use
	for _, known := range p.all {
		b := known.about()
		u := Use{b.name, known.hears(), b.webhook.IsSet(), b.origin, b.hidden, b.verify}
		if (u.Answers || u.Posts) && u.Address != "" {
			uses = append(uses, u)
		}
	}
	return uses
}

// posting returns the platforms that have a webhook.
func (p *Platforms) posting() []platform {
	var found []platform
	for _, known := range p.all {
		if known.about().webhook.IsSet() {
			found = append(found, known)
		}
	}
	return found
}

// hearing returns the platform of that name if its calls are answered, else nil.
func (p *Platforms) hearing(name string) platform {
	for _, found := range p.all {
		if found.about().name == name && found.hears() {
			return found
		}
	}
	return nil
}
