package main

import (
	"context"
	"time"
)

const (
	// faultEvery is how often the next fault is switched on, and faultLong for how long.
	faultEvery = 20 * time.Second
	faultLong  = 5 * time.Second
)

// A soakFault is what is switched on for a while.
type soakFault struct {
	name string
	on   func(*cloud)
}

func cloudFault(f fault) soakFault {
	return soakFault{"CloudSSO: " + f.Kind, func(c *cloud) { c.cloudSSO.faults.add(f) }}
}

func platformFault(platform, kind string) soakFault {
	return soakFault{platform + ": " + kind, func(c *cloud) { c.chat.faults.add(chatFault{Platform: platform, Kind: kind}) }}
}

// soakFaults are switched on in turn.
var soakFaults = []soakFault{
	cloudFault(fault{Kind: "throttle400", Millis: defaultThrottle}),
	platformFault("slack", "down"),
	cloudFault(fault{Kind: "error500"}),
	platformFault("webhook", "down"),
	cloudFault(fault{Kind: "reset"}),
	platformFault("dingtalk", "down"),
	cloudFault(fault{Kind: "stall"}),
	platformFault("feishu", "down"),
	cloudFault(fault{Kind: "slow", Millis: 800}),
	platformFault("wecom", "down"),
	cloudFault(fault{Kind: "unavailable"}),
	platformFault("webhook", "reset"),
	{"the credentials expire", func(c *cloud) { c.keys.replace(true) }},
	platformFault("slack", "stall"),
	cloudFault(fault{Kind: "throttle429"}),
	cloudFault(fault{Kind: "html"}),
	cloudFault(fault{Kind: "cut"}),
}

// playFaults switches the faults on and off until ctx ends.
func (s *soak) playFaults(ctx context.Context) {
	for {
		if !s.sleep(ctx, faultEvery-faultLong) {
			return
		}
		s.faultsOn.begin(s.now())
		soakFaults[s.played%len(soakFaults)].on(s.cloud)
		s.played++
		goOn := s.sleep(ctx, faultLong)
		s.cloudSSO.faults.clear()
		s.chat.faults.clear()
		s.faultsOn.end(s.now())
		if !goOn {
			return
		}
	}
}

// kill has all instances of a function fail that are in the middle of something.
func (s *soak) kill(f *function) {
	s.killing.Lock()
	defer s.killing.Unlock()
	s.kills.begin(s.now())
	f.killBusy()
	s.kills.end(s.now())
}

// closeConnections closes those that the function keeps but does not use.
func (s *soak) closeConnections() {
	for _, server := range s.servers {
		server.SetKeepAlivesEnabled(false)
		server.SetKeepAlivesEnabled(true)
	}
}
