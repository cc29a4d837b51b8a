package main

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"
)

const (
	// lastingKey is how long a key lives that is never rotated: what FC gives
	// the keys of a function's role.
	lastingKey = 36 * time.Hour
	// maxKeys bounds the keys remembered, so that an expired one is still
	// told from one that never was.
	maxKeys = 100
)

// A key is what STS gives for a role: a key pair that is good only together
// with its token, and only for a time.
type key struct {
	ID      string
	Secret  string
	Token   string
	Expires time.Time // zero: never
}

// A keyring issues the keys of the function's role and knows those it issued.
type keyring struct {
	now    func() time.Time
	rotate time.Duration // zero: one key for good
	grace  time.Duration

	mu      sync.Mutex
	known   map[string]key
	order   []string // ids, oldest first
	current key
	renewal time.Time
	none    bool // the function has no role
}

// newKeyring returns a keyring that issues a new key every rotate; the one
// before stays good for grace, so that an invocation can end with the key it
// began with.
func newKeyring(rotate, grace time.Duration, now func() time.Time) *keyring {
	return &keyring{now: now, rotate: rotate, grace: grace, known: make(map[string]key)}
}

// issue returns the key for an invocation that starts now: none where the
// function has no role.
func (k *keyring) issue() (key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.none {
		return key{}, nil
	}
	if k.current.ID == "" || !k.now().Before(k.renewal) {
		k.renew()
	}
	return k.current, nil
}

// replace issues a new key before its time. With expire, all earlier ones end at once.
func (k *keyring) replace(expire bool) key {
	k.mu.Lock()
	defer k.mu.Unlock()
	if expire {
		for id, old := range k.known {
			old.Expires = k.now()
			k.known[id] = old
		}
	}
	k.none = false
	k.renew()
	return k.current
}

// withdraw leaves the function without a role, and ends the keys that it had.
func (k *keyring) withdraw() {
	k.replace(true)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.none = true
}

// find returns the key with the id, be it expired or not.
func (k *keyring) find(id string) (key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, ok := k.known[id]
	return found, ok
}

func (k *keyring) renew() {
	interval := k.rotate
	if interval <= 0 {
		interval = lastingKey
	}
	// Real tokens are long and hold every character of base64, which is what
	// makes encoding them an easy thing to get wrong.
	token := make([]byte, 384)
	rand.Read(token)
	k.renewal = k.now().Add(interval)
	k.current = key{
		ID:      "STS.N" + rand.Text()[:20],
		Secret:  rand.Text() + rand.Text()[:18],
		Token:   "CAIS" + base64.StdEncoding.EncodeToString(token),
		Expires: k.renewal.Add(k.grace),
	}
	k.known[k.current.ID] = k.current
	k.order = append(k.order, k.current.ID)
	for len(k.order) > maxKeys {
		delete(k.known, k.order[0])
		k.order = k.order[1:]
	}
}
