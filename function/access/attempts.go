package access

import (
	"crypto/sha256"
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
	// period: more than anybody mistypes, and nothing against a token that is random.
	// The same one again, from a program that has not heard of a new one, is no guess.
	maxGuesses = 10
	period     = 5 * time.Minute
	// maxAddresses bounds what is remembered.
	maxAddresses = 1024
	// networkBits is the part of an IPv6 address that one customer has for all their own.
	networkBits = 64
)

// attempts are the guesses of each address in this instance, since when it made
// the first of them.
type attempts struct {
	mu        sync.Mutex
	addresses map[netip.Addr]*guesses
}

type guesses struct {
	since time.Time
	sums  [][sha256.Size]byte
}

// TooMany is the error of an address that has made too many guesses. Until they
// are forgotten, a right token is refused too.
type TooMany struct{ wait time.Duration }

func (e TooMany) Error() string {
	return fmt.Sprintf("%d different wrong tokens from this address", maxGuesses)
}

// RetryAfter is how long it is until another attempt is looked at.
func (e TooMany) RetryAfter() time.Duration { return e.wait }

// take counts an attempt, and fails where there have been too many.
func (a *attempts) take(address netip.Addr, sum [sha256.Size]byte, right bool, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.addresses[address]
	if g != nil && now.Sub(g.since) >= period {
		delete(a.addresses, address)
		g = nil
	}
	switch {
	case g != nil && len(g.sums) == maxGuesses:
		return TooMany{g.since.Add(period).Sub(now)}
	case right, g != nil && slices.Contains(g.sums, sum):
		return nil
	case g == nil:
		g = &guesses{since: now}
		a.remember(address, g)
	}
	g.sums = append(g.sums, sum)
	return nil
}

// remember makes room for one more address, at the cost of the one that has been known longest.
func (a *attempts) remember(address netip.Addr, g *guesses) {
	if a.addresses == nil {
		a.addresses = make(map[netip.Addr]*guesses)
	}
	if len(a.addresses) == maxAddresses {
		var oldest netip.Addr
		for other, o := range a.addresses {
			if since := a.addresses[oldest]; since == nil || o.since.Before(since.since) {
				oldest = other
			}
		}
		delete(a.addresses, oldest)
	}
	a.addresses[address] = g
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
