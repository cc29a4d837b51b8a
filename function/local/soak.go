package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// soakWarm is the part of a soak, and at most so long, after which nothing may grow any more.
	soakWarm    = 5
	soakWarmMax = time.Minute
	// soakDrain is how long what is under way may take after the load has ended.
	// Where there is much to tell, instances take turns, and two chats take little.
	soakDrain = 5 * time.Minute
	// soakRest is how long an instance rests before it is measured.
	soakRest = 4 * time.Second
	// soakRotate is how often the credentials change.
	soakRotate = 10 * time.Second
	// soakChecks is how many checks there may be at once that tell a program, and
	// soakTeamChecks that tell the chats: what waits for a chat must not keep those back.
	soakChecks     = 8
	soakTeamChecks = 2
	// minSoak is the shortest in which everything happens that has to.
	minSoak = time.Minute
)

// A soak has the function work for long, with faults switched on and off, and
// fails when something is lost, goes wrong by itself or grows.
type soak struct {
	*cloud
	out      io.Writer
	now      func() time.Time
	lasts    time.Duration
	drain    time.Duration
	rest     time.Duration
	front    *front
	host     string
	tally    *tally
	ledger   *ledger
	faultsOn disturbances
	still    standstill
	kills    disturbances
	killing  sync.Mutex // one kill at a time
	played   int        // faults
	weights  int        // of all kinds

	logs     *soakLog  // of the instances that come and go
	program  *function // checks, and tells a program alone
	team     *queue    // of the checks of the cloud's own function, which tells everybody
	pages    *measured // takes several invocations at once
	single   *measured // takes one at a time
	checks   *measured // checks, and tells a program alone
	baseline *measured // is only warmed, to be compared with

	done      []simulatedTask // that ended long before
	oversized string
	eventsKey []byte
	numbered  atomic.Int64
	tags      sync.Map // validators, by tagKey
	answers   sync.Map // in chats, by what was said
}

// newSoak opens a cloud for a soak alone: what the caller's environment says
// of the function does not count.
func newSoak(c config, out io.Writer) (*soak, error) {
	key := make([]byte, 32)
	rand.Read(key)
	s := &soak{
		out: out, now: c.now, lasts: c.soak, drain: soakDrain, rest: soakRest,
		tally: newTally(soakKindNames()), ledger: newLedger(), faultsOn: disturbances{grace: faultGrace},
		still: standstill{times: disturbances{grace: faultGrace}},
		logs:  new(soakLog), oversized: "id=" + strings.Repeat("x", tooLarge), eventsKey: key,
	}
	for _, k := range soakKinds {
		s.weights += k.weight
	}
	_, machine := splitEnviron(c.environ)
	c.environ = []string{
		"RECENT_TASKS=on", "TASK_DETAILS=on",
		"ACCESS_TOKENS=local:" + tokenHash(localToken),
		"EVENTS_SECRET=" + webhookSecret + base64.StdEncoding.EncodeToString(key),
		"CHECK_INSTANCES=" + strconv.Itoa(soakTeamChecks),
	}
	for name, value := range machine {
		c.environ = append(c.environ, name+"="+value)
	}
	c.quiet, c.log, c.heard = true, s.logs, s.heard
	c.rotate = soakRotate
	c.async.instances = soakChecks
	var err error
	if s.cloud, err = openCloud(c); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// open starts what a soak needs beside the cloud.
func (s *soak) open() error {
	address, err := url.Parse(s.frontURL)
	if err != nil {
		return fmt.Errorf("where the function is: %w", err)
	}
	s.host = address.Host
	s.front = &front{function: s.function, queue: s.queue, now: s.now}
	s.queue.run = s.runLater
	teamChecks := s.queue.queueConfig
	teamChecks.instances = soakTeamChecks
	s.team = newQueue(teamChecks, s.runLater)
	for i := range finishedTasks {
		spec := taskSpec{
			id: fmt.Sprintf("%s%012d", soakDone, i), directory: s.cloudSSO.directories[0], taskType: taskTypes[i%len(taskTypes)],
			age: maxListReach + time.Hour + time.Duration(i)*time.Second, length: 2 * time.Second, outcome: statusSuccess,
		}
		if i%2 == 0 {
			spec.outcome = statusFailed
		}
		s.done = append(s.done, s.cloudSSO.tasks.add(spec))
	}
	config := s.function.functionConfig
	config.variables = maps.Clone(config.variables)
	for _, name := range chatNames {
		config.variables[strings.ToUpper(name)+"_WEBHOOK_URL"] = ""
		delete(config.variables, strings.ToUpper(name)+"_WEBHOOK_SECRET")
	}
	config.variables["CHECK_INSTANCES"] = strconv.Itoa(soakChecks)
	if s.program, err = newFunction(config); err != nil {
		return err
	}
	for _, one := range []struct {
		name string
		into **measured
		of   *function
	}{
		{"several at once", &s.pages, s.function},
		{"one at a time", &s.single, s.function},
		{"checks", &s.checks, s.program},
		{"baseline", &s.baseline, s.function},
	} {
		if *one.into, err = startMeasured(one.of, one.name); err != nil {
			return err
		}
	}
	return nil
}

// Close ends all instances, and the cloud.
func (s *soak) Close() {
	for _, m := range []*measured{s.pages, s.single, s.checks, s.baseline} {
		if m != nil {
			m.instance.stop()
		}
	}
	if s.program != nil {
		s.program.Close()
	}
	s.cloud.Close()
	if s.team != nil {
		s.team.Close()
	}
}

// play soaks. Its error says all that went wrong.
func (s *soak) play(ctx context.Context) error {
	s.say("soak of %v, with %d tasks that have ended", s.lasts, len(s.done))
	s.warm(s.baseline)
	s.warm(s.pages)
	s.warm(s.single)
	s.closeConnections()
	s.sleep(ctx, s.rest)
	goroutines := s.baseline.goroutines()
	s.say("warm: an instance at rest has %d goroutines", goroutines)

	if err := s.timers.add(timerSpec{Name: soakSweep, Every: sweepPeriod, Payload: `{"sweep":"` + shortPeriod(sweepPeriod) + `"}`}); err != nil {
		return err
	}
	warm := min(s.lasts/soakWarm, soakWarmMax)
	s.load(ctx, warm)
	lasting := []*measured{s.pages, s.single, s.checks}
	s.comeToRest(ctx)
	for _, m := range lasting {
		m.size.goroutinesBefore = goroutines
		m.size.before, _ = m.memory()
	}
	s.say("at rest after the warm-up: %s", s.sizes(lasting))
	s.load(ctx, s.lasts-warm)
	s.timers.clear()
	s.comeToRest(ctx)
	if ctx.Err() != nil {
		s.line()
		s.tally.print(s.out)
		return fmt.Errorf("the soak is broken off: %w", ctx.Err())
	}
	for _, m := range lasting {
		m.size.now, m.size.peak = m.memory()
	}
	panics := s.logs.failures()
	for _, m := range lasting {
		panics = append(panics, m.log.failures()...)
		m.size.goroutinesNow = m.goroutines()
	}
	return s.report(lasting, panics)
}

// comeToRest waits for the end of what is under way, and a while more.
func (s *soak) comeToRest(ctx context.Context) {
	s.line()
	for end := s.now().Add(s.drain); s.now().Before(end); {
		expected, told := s.ledger.counts()
		if expected == told && s.underWay() == (queueState{}) || !s.sleep(ctx, 200*time.Millisecond) {
			break
		}
	}
	s.closeConnections()
	s.sleep(ctx, s.rest)
}

// underWay counts the asynchronous invocations that are not at an end.
func (s *soak) underWay() queueState {
	all, team := s.queue.state(), s.team.state()
	return queueState{all.Waiting + team.Waiting, all.Running + team.Running, all.Retrying + team.Retrying}
}

// sleep reports whether the time passed before ctx ended.
func (s *soak) sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
