package main

import (
	"context"
	random "math/rand/v2"
	"sync"
	"time"
)

const (
	// soakWorkers ask the instance that takes several invocations at once.
	soakWorkers = 6
	// soakFrozen is how long an instance is frozen.
	soakFrozen = 300 * time.Millisecond
	// What is made at a pace of its own. Two of the chats take 20 messages a minute.
	openEvery    = 200 * time.Millisecond
	waitEvery    = 500 * time.Millisecond
	chatsEvery   = 100 * time.Millisecond
	programEvery = 500 * time.Millisecond
	teamEvery    = 6 * time.Second
	inChatEvery  = 10 * time.Second
	killEvery    = 17 * time.Second
	// Who is killed while it tells the chats tells them again, and they take only so much.
	killTeamEvery = 67 * time.Second
	freezeEvery   = 13 * time.Second
	// soakLine is how often a line says how far it is.
	soakLine = 30 * time.Second
)

// warm has an instance look at every task once and answer some of all, alone.
func (s *soak) warm(m *measured) {
	r := random.New(random.NewPCG(1, 2))
	for i := 0; i < len(s.done); i += boardSize {
		tasks := s.done[i : i+boardSize]
		s.ask(m, soakCall{kind: "board as JSON", request: s.get("/tasks?id=" + idsOf(tasks)), judge: tellsAll(tasks)})
	}
	for range 500 {
		s.ask(m, s.pick(r, m))
	}
	for _, name := range chatNames {
		t := s.finished(r)
		s.sayTo(m, name, "task "+t.id, t.id)
	}
}

// load has the function work for a time, and returns when all is answered for which somebody waits.
func (s *soak) load(ctx context.Context, lasts time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	var group sync.WaitGroup
	work := func(m *measured, seed uint64) {
		r := random.New(random.NewPCG(seed, uint64(s.numbered.Load())))
		for ctx.Err() == nil {
			s.ask(m, s.pick(r, m))
		}
	}
	for i := range soakWorkers {
		group.Go(func() { work(s.pages, uint64(i)) })
	}
	group.Go(func() { work(s.single, soakWorkers) })
	group.Go(func() { s.playFaults(ctx) })
	group.Go(func() { s.watchMachine(ctx) })
	for _, paced := range []struct {
		every time.Duration
		do    func(n int, r *random.Rand)
	}{
		{openEvery, func(_ int, r *random.Rand) { s.askOpen(r) }},
		{waitEvery, func(_ int, r *random.Rand) { s.askWait(r) }},
		{waitEvery, func(_ int, r *random.Rand) { s.askWait(r) }},
		{chatsEvery, func(_ int, r *random.Rand) { s.askChats(r) }},
		{programEvery, func(n int, _ *random.Rand) { s.failForProgram(n) }},
		{teamEvery, func(n int, _ *random.Rand) { s.failForTeam(n) }},
		{inChatEvery, func(n int, _ *random.Rand) { s.waitInChat(n) }},
		{killEvery, func(int, *random.Rand) { s.kill(s.program) }},
		{killTeamEvery, func(int, *random.Rand) { s.kill(s.function) }},
		{freezeEvery, func(int, *random.Rand) { s.pages.freeze(s.closeConnections, soakFrozen) }},
		{freezeEvery, func(int, *random.Rand) { s.single.freeze(s.closeConnections, soakFrozen) }},
		{soakLine, func(int, *random.Rand) { s.line() }},
	} {
		group.Go(func() {
			r := random.New(random.NewPCG(uint64(paced.every), 3))
			for n := 0; s.sleep(ctx, paced.every); n++ {
				paced.do(n, r)
			}
		})
	}
	group.Wait()
}
