package main

import (
	"fmt"
	"time"
)

// A starting is a program that starts and answers its first request.
type starting struct {
	program  *program
	kind     kind
	event    []byte
	endpoint string

	// What was measured, once a run: milliseconds, and megabytes.
	ready, readyCPU, first, firstCPU, peak []float64
}

// starts starts each in turn, so many times, under a quota.
func (b *bench) starts(all []*starting, runs int, within *quota) error {
	for n := range runs {
		for _, s := range all {
			within.renew()
			if err := s.run(b, within); err != nil {
				return fmt.Errorf("start %s: %w", s.program.name, err)
			}
		}
		b.progress("starts", n+1, runs)
	}
	return nil
}

func (s *starting) run(b *bench, within *quota) error {
	i, err := start(s.program.path, environment(s.endpoint, b.cloud.roots), within)
	if err != nil {
		return err
	}
	defer i.kill()
	if _, err := i.ask(s.kind, s.event); err != nil {
		return err
	}
	s.first = append(s.first, ms(i.answered.Sub(i.started)))
	s.firstCPU = append(s.firstCPU, ms(i.answeredCPU))
	s.ready, s.readyCPU = append(s.ready, ms(i.ready)), append(s.readyCPU, ms(i.readyCPU))
	s.peak = append(s.peak, i.peak()/1e6)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// startings are a fresh set to measure: floor, and peer and ours, whose JSON is
// CloudSSO's, over plain HTTP and over TLS, and ours with a page.
type startings struct {
	floor, peer, ours, peerTLS, oursTLS, page *starting
}

func (b *bench) newStartings() startings {
	plain, secure := b.cloud.plain.URL, b.cloud.secure.URL
	inJSON, inHTML := taskEvent(taskID, forJSON), taskEvent(taskID, forPage)
	return startings{
		floor:   &starting{program: b.floor, kind: constant, event: inJSON, endpoint: plain},
		peer:    &starting{program: b.peer, kind: asJSON, event: inJSON, endpoint: plain},
		ours:    &starting{program: b.ours, kind: asJSON, event: inJSON, endpoint: plain},
		peerTLS: &starting{program: b.peer, kind: asJSON, event: inJSON, endpoint: secure},
		oursTLS: &starting{program: b.ours, kind: asJSON, event: inJSON, endpoint: secure},
		page:    &starting{program: b.ours, kind: asPage, event: inHTML, endpoint: secure},
	}
}

func (s *startings) all() []*starting {
	return []*starting{s.floor, s.peer, s.ours, s.peerTLS, s.oursTLS, s.page}
}

// measureStarts measures starts with all of the processor.
func (b *bench) measureStarts() error {
	s := b.newStartings()
	if err := b.starts(s.all(), b.runs, nil); err != nil {
		return err
	}
	b.add(row{what: "exec to ready", unit: "ms", floor: s.floor.ready, peer: s.peer.ready, ours: s.ours.ready, toFloor: 1.2, toPeer: 0.8})
	b.add(row{what: "CPU to ready", unit: "ms", floor: s.floor.readyCPU, peer: s.peer.readyCPU, ours: s.ours.readyCPU, toFloor: 1.25, toPeer: 0.8})
	b.add(row{what: "exec to first JSON over HTTP", unit: "ms", floor: s.floor.first, peer: s.peer.first, ours: s.ours.first, toPeer: 0.8})
	b.add(row{what: "CPU of that", unit: "ms", floor: s.floor.firstCPU, peer: s.peer.firstCPU, ours: s.ours.firstCPU})
	b.add(row{what: "exec to first JSON over TLS", unit: "ms", peer: s.peerTLS.first, ours: s.oursTLS.first, toPeer: 0.8})
	b.add(row{what: "CPU of that", unit: "ms", peer: s.peerTLS.firstCPU, ours: s.oursTLS.firstCPU})
	b.add(row{what: "exec to first page over TLS", unit: "ms", ours: s.page.first})
	b.add(row{what: "CPU of that", unit: "ms", ours: s.page.firstCPU})
	b.add(row{what: "peak memory after one answer", unit: "MB", floor: s.floor.peak, peer: s.peer.peak, ours: s.ours.peak, toFloor: 1.6})
	return nil
}

// measureThrottled measures starts with shares of the processor.
func (b *bench) measureThrottled() error {
	for _, share := range []float64{0.1, 0.05} {
		if err := b.measureShare(share); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) measureShare(share float64) error {
	within := newQuota(share)
	defer within.Close()
	b.note("At %v of a processor: %s.", share, within.how())
	s := b.newStartings()
	if err := b.starts(s.all(), b.throttledRuns, within); err != nil {
		return err
	}
	at := fmt.Sprintf(" at %v of a processor", share)
	b.add(row{what: "exec to ready" + at, unit: "ms", floor: s.floor.ready, peer: s.peer.ready, ours: s.ours.ready})
	b.add(row{what: "exec to first JSON over HTTP" + at, unit: "ms", floor: s.floor.first, peer: s.peer.first, ours: s.ours.first})
	b.add(row{what: "exec to first JSON over TLS" + at, unit: "ms", peer: s.peerTLS.first, ours: s.oursTLS.first})
	b.add(row{what: "exec to first page over TLS" + at, unit: "ms", ours: s.page.first})
	return nil
}
