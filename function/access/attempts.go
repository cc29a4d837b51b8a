package access

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// maxGuesses is how many different wrong tokens an address may try in a
	// period: more than anybody mistypes, no more than 100 an hour (OWASP ASVS 4.0.3,
	// 2.2.1), and nothing against a token that is random. The same one again, from a
	// program that has not heard of a new one, is no guess.
	maxGuesses = 10
	period     = 6 * time.Minute
	// maxAddresses bounds what is remembered. Right tokens are bounded by their number.
	maxAddresses = 1024
	// networkBits is the part of an IPv6 address that one customer has for all their own.
	networkBits = 64
)

// attempts are what each address has tried in this instance.
type attempts struct {
	mu        sync.Mutex
	addresses map[netip.Addr]*visitor
}

// A visitor is an address: the wrong tokens that it has tried, since when, and the
// right ones that it had before. Behind one address may sit a whole company, of
// which one who guesses must not lock out the others.
type visitor struct {
	last  time.Time // that it came
	since time.Time // that it guesses
	wrong []string  // by their hashes
	right []string
}

// TooMany is the error of an address that has made too many guesses. Until they
// are forgotten, a right token that is new there is refused too.
type TooMany struct {
	address netip.Addr
	wait    time.Duration
}

func (e TooMany) Error() string {
	return fmt.Sprintf("%d different wrong tokens from %v", maxGuesses, e.address)
}

// RetryAfter is how long it is until another attempt is looked at.
func (e TooMany) RetryAfter() time.Duration { return e.wait }

// take counts an attempt, and fails where there have been too many.
func (a *attempts) take(address netip.Addr, sum string, right bool, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.visitor(address)
	v.last = now
	if now.Sub(v.since) >= period {
		v.wrong = nil
	}
	switch {
	case right && slices.Contains(v.right, sum):
	case len(v.wrong) == maxGuesses:
		return TooMany{address, v.since.Add(period).Sub(now)}
	case right:
		v.right = append(v.right, sum)
	case !slices.Contains(v.wrong, sum):
		if len(v.wrong) == 0 {
			v.since = now
		}
		v.wrong = append(v.wrong, sum)
	}
	return nil
}

// visitor is what is known of an address. A new one takes the place of the one that
// has not come for longest.
func (a *attempts) visitor(address netip.Addr) *visitor {
	if v, ok := a.addresses[address]; ok {
		return v
	}
	if a.addresses == nil {
		a.addresses = make(map[netip.Addr]*visitor)
	}
	if len(a.addresses) == maxAddresses {
		var longest netip.Addr
		for other, v := range a.addresses {
			if known, ok := a.addresses[longest]; !ok || v.last.Before(known.last) {
				longest = other
			}
		}
		delete(a.addresses, longest)
	}
	v := new(visitor)
	a.addresses[address] = v
	return v
}

// addressOf is where the request comes from: what Function Compute says, never
// what the request does. All that one has in IPv6 is one.
func addressOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	address, _ := netip.ParseAddr(host) // what is none shares one place
	address = address.Unmap().WithZone("")
	if address.Is6() {
		network, _ := address.Prefix(networkBits) // an address of that kind has as many
		return network.Addr()
	}
	return address
}
