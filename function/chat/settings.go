package chat

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"taskstatus/function/secret"
)

// settings read the environment for the platforms and gather what is wrong with it.
type settings struct {
	getenv   func(string) string
	wrong    []error
	warnings []string
}

func (s *settings) value(variable string) string { return strings.TrimSpace(s.getenv(variable)) }

func (s *settings) fail(variable, format string, args ...any) {
	s.wrong = append(s.wrong, fmt.Errorf(variable+": "+format, args...))
}

func (s *settings) warn(format string, args ...any) {
	s.warnings = append(s.warnings, fmt.Sprintf(format, args...))
}

// secret reads one secret.
func (s *settings) secret(variable string) secret.Value { return secret.New(s.value(variable)) }

// minSecret is how long a secret must be that calls are verified with. All
// that the platforms make by themselves are longer.
const minSecret = 16

// secrets reads one secret, or two by comma while one takes the other's place.
// One that is too short counts as none at all, with a warning: what it protects
// stays closed.
func (s *settings) secrets(variable string) []secret.Value {
	var found []secret.Value
	for _, value := range s.list(variable) {
		if len(value) < minSecret {
			s.warn("%s: shorter than %d characters, so nothing is verified with it and nothing let in", variable, minSecret)
			return nil
		}
		found = append(found, secret.New(value))
	}
	if len(found) > 2 {
		s.fail(variable, "more than two secrets: while one takes the other's place there are two, by comma")
	}
	return found
}

// anyOf reports whether a value is one of those that are listed; where none are, any is.
func anyOf(list []string, value string) bool {
	return len(list) == 0 || slices.Contains(list, value)
}

// list reads values by comma.
func (s *settings) list(variable string) []string {
	var items []string
	for item := range strings.SplitSeq(s.getenv(variable), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// origin reads where a platform is, the usual place where nothing is set: scheme and host, for
// requests to go nowhere else. Plain http is for loopback only.
func (s *settings) origin(variable, usual string) string {
	value := strings.TrimSuffix(s.value(variable), "/")
	if value == "" {
		return usual
	}
	u, err := url.Parse(value)
	if err != nil || originOf(u) != value {
		s.fail(variable, "it takes an https address without a path, such as %s", usual)
		return usual
	}
	return value
}

// webhook reads an address to post to, which must be where the platform is. Whoever
// has the address can post: no error repeats it.
func (s *settings) webhook(b *base, prefix string) {
	b.webhook = s.secret(prefix + "_WEBHOOK_URL")
	if b.webhook.IsSet() && !isAt(b.webhook.Reveal(), b.origin) {
		s.fail(prefix+"_WEBHOOK_URL", "not an address of %s; a platform elsewhere is named by %s_API_URL", b.origin, prefix)
	}
}

// signedWebhook is webhook where the platform has messages signed, and reads with what.
func (s *settings) signedWebhook(b *base, prefix string) {
	s.webhook(b, prefix)
	b.webhookKey = s.secret(prefix + "_WEBHOOK_SECRET")
	if b.webhookKey.IsSet() && !b.webhook.IsSet() {
		s.warn("%s_WEBHOOK_SECRET is set and %s_WEBHOOK_URL is not: nothing is posted", prefix, prefix)
	}
}

// originOf returns scheme and host of an address that requests may be sent to:
// https, or http on loopback, and without a user; "" of any other.
func originOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return ""
		}
	}
	if u.User != nil || u.Hostname() == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || strings.EqualFold(host, "localhost")
}
