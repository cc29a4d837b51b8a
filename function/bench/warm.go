package main

import (
	"fmt"
	"time"
)

// A lane is a kind of request that a warm instance answers over and over.
type lane struct {
	kind     kind
	instance *instance
	// event is the nth request.
	event func(n int) []byte

	n int
	// What was measured: microseconds a request, once a round, and milliseconds for each.
	cpu, latency []float64
	// What one request allocates, and how many bytes its answer has for Function Compute.
	objects, size, bytes float64
}

// answer answers so many requests.
func (l *lane) answer(requests int) error {
	before := l.instance.cpu()
	for range requests {
		took, err := l.instance.ask(l.kind, l.event(l.n))
		if err != nil {
			return err
		}
		l.n++
		l.latency = append(l.latency, ms(took))
	}
	used := l.instance.cpu() - before
	l.cpu = append(l.cpu, float64(used)/float64(time.Microsecond)/float64(requests))
	return nil
}

// lanes are every kind of request of instances of the programs.
type lanes struct {
	floor, json, page, part, unmodified, board, uncached, peer lane
}

func (l *lanes) all() []*lane {
	return []*lane{&l.floor, &l.json, &l.page, &l.part, &l.unmodified, &l.board, &l.uncached, &l.peer}
}

func always(event []byte) func(int) []byte { return func(int) []byte { return event } }

// newLanes starts the programs, of which path is the executable. The caller has to end them.
func (b *bench) newLanes(path func(*program) string) (*lanes, func(), error) {
	var started []*instance
	end := func() {
		for _, i := range started {
			i.kill()
		}
	}
	for _, p := range []*program{b.floor, b.peer, b.ours} {
		i, err := start(path(p), environment(b.cloud.plain.URL, b.cloud.roots), nil)
		if err != nil {
			end()
			return nil, nil, err
		}
		started = append(started, i)
	}
	floor, peer, ours := started[0], started[1], started[2]
	tag, err := ours.tag(taskEvent(taskID, forJSON))
	if err != nil {
		end()
		return nil, nil, err
	}
	unseen := func(n int) []byte { return taskEvent(someID(1000+n), forJSON) }
	return &lanes{
		floor:      lane{kind: constant, instance: floor, event: always(taskEvent(taskID, forJSON))},
		json:       lane{kind: asJSON, instance: ours, event: always(taskEvent(taskID, forJSON))},
		page:       lane{kind: asPage, instance: ours, event: always(taskEvent(taskID, forPage))},
		part:       lane{kind: asPart, instance: ours, event: always(event("/tasks/"+taskID, fragment, forPage))},
		unmodified: lane{kind: as304, instance: ours, event: always(taskEvent(taskID, map[string]string{"Accept": "application/json", "If-None-Match": tag}))},
		board:      lane{kind: asBoard, instance: ours, event: always(boardEvent(board(0), forPage))},
		uncached:   lane{kind: uncached, instance: ours, event: unseen},
		peer:       lane{kind: uncached, instance: peer, event: unseen},
	}, end, nil
}

// tag is the validator that the answer to an event has.
func (i *instance) tag(event []byte) (string, error) {
	payload, _, err := i.invoke(event)
	if err != nil {
		return "", err
	}
	r, err := read(payload)
	if err == nil && r.Headers["Etag"] == "" {
		err = fmt.Errorf("the answer has no ETag: %s", payload)
	}
	return r.Headers["Etag"], err
}

// How many requests it takes for a program to be warm, and how many make a round.
const (
	warmUp   = 300
	perRound = 200
)

// measureWarm measures what a request costs a warm instance.
func (b *bench) measureWarm() error {
	l, end, err := b.newLanes(func(p *program) string { return p.path })
	if err != nil {
		return err
	}
	defer end()
	for _, lane := range l.all() {
		if err := lane.answer(warmUp); err != nil {
			return err
		}
		lane.cpu, lane.latency = nil, nil
	}
	for n := range b.rounds {
		all := l.all()
		for i := range all {
			lane := all[(n+i)%len(all)] // what runs before the other may matter
			if err := lane.answer(perRound); err != nil {
				return err
			}
		}
		b.progress("rounds", n+1, b.rounds)
	}
	if err := b.countAllocations(l); err != nil {
		return err
	}

	goals := map[*lane]float64{&l.json: 1.3, &l.page: 1.7, &l.unmodified: 1.15}
	mine := []*lane{&l.json, &l.page, &l.part, &l.unmodified, &l.board}
	for _, lane := range mine {
		b.add(row{what: "CPU of a " + lane.kind.name, unit: "µs", floor: l.floor.cpu, ours: lane.cpu, toFloor: goals[lane]})
	}
	b.add(row{what: "CPU of " + uncached.name, unit: "µs", floor: l.floor.cpu, peer: l.peer.cpu, ours: l.uncached.cpu, toPeer: 0.7})
	for _, lane := range mine {
		b.add(row{what: "allocations of a " + lane.kind.name, unit: "objects", floor: once(l.floor.objects), ours: once(lane.objects)})
	}
	b.add(row{what: "allocations of " + uncached.name + " beyond the floor's", unit: "objects", peer: once(l.peer.objects - l.floor.objects), ours: once(l.uncached.objects - l.floor.objects), toPeer: 0.4})
	b.add(row{what: "the same", unit: "KB", peer: once((l.peer.size - l.floor.size) / 1e3), ours: once((l.uncached.size - l.floor.size) / 1e3)})
	for _, lane := range append(mine, &l.uncached) {
		r := row{what: "p50 of a " + lane.kind.name, unit: "ms", floor: once(median(l.floor.latency)), ours: once(median(lane.latency))}
		r99 := row{what: "p99 of a " + lane.kind.name, unit: "ms", floor: once(quantile(l.floor.latency, 0.99)), ours: once(quantile(lane.latency, 0.99))}
		if lane == &l.uncached {
			r.peer, r99.peer = once(median(l.peer.latency)), once(quantile(l.peer.latency, 0.99))
		}
		b.add(r)
		b.add(r99)
	}
	for _, lane := range mine {
		b.add(row{what: "response object of a " + lane.kind.name, unit: "bytes", ours: once(lane.bytes)})
	}
	return nil
}

// countAllocations counts what one request of each lane allocates, in programs of its own.
func (b *bench) countAllocations(measured *lanes) error {
	l, end, err := b.newLanes(func(p *program) string { return p.counted })
	if err != nil {
		return err
	}
	defer end()
	for n, lane := range l.all() {
		if err := lane.answer(perRound); err != nil {
			return err
		}
		objects, size, err := lane.instance.allocations()
		if err != nil {
			return err
		}
		if err := lane.answer(perRound); err != nil {
			return err
		}
		objectsAfter, sizeAfter, err := lane.instance.allocations()
		if err != nil {
			return err
		}
		payload, _, err := lane.instance.invoke(lane.event(lane.n))
		if err != nil {
			return err
		}
		into := measured.all()[n]
		into.objects, into.size = (objectsAfter-objects)/perRound, (sizeAfter-size)/perRound
		into.bytes = float64(len(payload))
	}
	return nil
}
