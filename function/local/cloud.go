package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	// ownVariables and those that begin with one of ownPrefixes are the
	// function's configuration.
	ownVariables = []string{
		"ACCESS", "ACCESS_TOKENS", "CHECK_ENDPOINT", "CHECK_FUNCTION", "CHECK_INSTANCES", "CHECK_RETRIES", "EVENTS_SECRET", "LOG_LEVEL", "NOTIFY_ON", "PUBLIC_URL",
		"RECENT_TASKS", "SIGNING_KEY", "TASK_DETAILS", "TIME_ZONE", "WEBHOOK_SECRET", "WEBHOOK_URL",
	}
	ownPrefixes = []string{"CLOUDSSO_", "DINGTALK_", "FEISHU_", "SLACK_", "WECOM_"}
	// machineVariables are handed on because FC has its own of them, or to
	// measure the function.
	machineVariables = []string{"GOCOVERDIR", "GODEBUG", "GOMAXPROCS", "GOMEMLIMIT", "HOME", "PATH", "SSL_CERT_FILE"}
)

// A config is what the flags say.
type config struct {
	function     string // the built binary
	frontAddr    string
	consoleAddr  string
	cloudSSOAddr string
	chatAddr     string
	instances    int
	freeze       bool
	timeout      time.Duration
	async        queueConfig // what flags say of it
	timers       []timerSpec
	events       string        // empty: off
	scenario     string        // empty: none
	soak         time.Duration // how long; 0: none
	rotate       time.Duration
	seed         uint64
	quiet        bool
	live         bool
	record       string // the file; empty: none

	environ []string        // the caller's
	heard   func(chatEntry) // is told what comes to the chats; nil: nobody is
	log     io.Writer
	now     func() time.Time
	after   func(time.Duration) <-chan time.Time // for what comes later; nil: time.After
}

// localToken is what the function is told to know where the caller says nothing.
const localToken = "local"

// A cloud is all that stands in for Alibaba Cloud on this machine.
type cloud struct {
	frontURL    string
	consoleURL  string
	cloudSSOURL string // empty with -live
	chatURL     string // empty with -live
	function    *function
	queue       *queue
	timers      *timers
	events      *eventBus // nil with -live
	chat        *chat     // nil with -live
	cloudSSO    *cloudSSO // nil with -live
	keys        *keyring  // nil with -live
	recorder    *recorder // nil: nothing is recorded
	listeners   []net.Listener
	servers     []*http.Server
}

// openCloud starts everything. The function's processes start with the first invocations.
func openCloud(c config) (*cloud, error) {
	opened := new(cloud)
	if err := opened.open(c); err != nil {
		opened.Close()
		return nil, err
	}
	return opened, nil
}

func (o *cloud) open(c config) error {
	if c.after == nil {
		c.after = time.After
	}
	own, inherited := splitEnviron(c.environ)
	logTo := c.log
	if c.quiet {
		logTo = io.Discard
	}
	if c.record != "" {
		var err error
		if o.recorder, err = newRecorder(c.record); err != nil {
			return err
		}
	}
	caller := new(callerCredentials)
	issue := caller.issue
	var known keyFinder = caller
	gateway := &skewedClock{now: c.now}
	var cloudSSOListener net.Listener
	if c.live {
		if err := checkLive(own); err != nil {
			return err
		}
	} else {
		o.keys = newKeyring(c.rotate, max(c.timeout, c.async.timeout)+time.Minute, c.now)
		issue, known = o.keys.issue, o.keys
		directories := strings.FieldsFunc(own["CLOUDSSO_DIRECTORY_ID"], func(r rune) bool { return r == ',' || r == ' ' })
		if len(directories) == 0 {
			directories = []string{defaultDirectory}
		}
		tasks := newTaskStore(c.seed, c.now)
		tasks.addInitial(directories[0])
		o.cloudSSO = newCloudSSO(directories, o.keys, tasks, c.now, logTo)
		o.cloudSSO.verifier.now = gateway.Now
		var err error
		if cloudSSOListener, err = o.listen("cloudsso", c.cloudSSOAddr); err != nil {
			return err
		}
		o.cloudSSOURL = urlOf(cloudSSOListener)
		setDefault(own, "CLOUDSSO_DIRECTORY_ID", directories[0])
		setDefault(own, "CLOUDSSO_ENDPOINT", o.cloudSSOURL)
	}

	// The addresses of those who call the function are known before the
	// function, which is told them, and the function before they answer.
	frontListener, err := o.listen("addr", c.frontAddr)
	if err != nil {
		return err
	}
	consoleListener, err := o.listen("console", c.consoleAddr)
	if err != nil {
		return err
	}
	o.frontURL, o.consoleURL = urlOf(frontListener), urlOf(consoleListener)
	setDefault(own, "PUBLIC_URL", o.frontURL)
	if own["ACCESS_TOKENS"] == "" {
		setDefault(own, "ACCESS", "open") // to post to /events takes a token all the same
	}
	setDefault(own, "ACCESS_TOKENS", "local:"+tokenHash(localToken))
	setDefault(own, "SIGNING_KEY", rand.Text()+rand.Text())
	setDefault(own, "CHECK_ENDPOINT", o.consoleURL)
	c.async.instances = cmp.Or(c.async.instances, c.instances)
	setDefault(own, "CHECK_INSTANCES", strconv.Itoa(c.async.instances))
	setDefault(own, "CHECK_RETRIES", strconv.Itoa(c.async.retries))
	if !c.live {
		chatListener, err := o.listen("chat", c.chatAddr)
		if err != nil {
			return err
		}
		o.chatURL = urlOf(chatListener)
		o.chat = newChat(o.frontURL, o.chatURL, own, c.now, logTo)
		o.chat.heard = c.heard
		for _, t := range o.cloudSSO.tasks.list(o.cloudSSO.directories[0]) {
			o.chat.examples = append(o.chat.examples, "task "+t.id)
		}
		o.start(chatListener, &http.Server{Handler: o.chat.handler()})
	}
	o.function, err = newFunction(functionConfig{
		instanceSpec: instanceSpec{binary: c.function, log: c.log},
		instances:    c.instances,
		timeout:      c.timeout,
		freeze:       c.freeze,
		variables:    own,
		inherited:    inherited,
		credentials:  issue,
	})
	if err != nil {
		return err
	}
	c.async.log, c.async.now, c.async.after = c.log, c.now, c.after
	o.queue = newQueue(c.async, o.function.run)
	invokeLater := func(payload []byte) error { return o.queue.add(invocationID(c.now()), payload, 0) }
	o.timers = newTimers(c.now, c.after, invokeLater)
	for _, spec := range c.timers {
		if err := o.timers.add(spec); err != nil {
			return fmt.Errorf("-timer: %w", err)
		}
	}
	if !c.live {
		o.events = newEventBus(cmp.Or(c.events, eventsOff), c.now, invokeLater, logTo)
		o.cloudSSO.events = o.events
		o.start(cloudSSOListener, &http.Server{Handler: o.cloudSSO, ConnState: o.cloudSSO.countConnection})
	}
	o.start(frontListener, &http.Server{Handler: &front{o.function, o.queue, c.now, o.recorder}})
	orders := &console{
		function: o.function,
		queue:    o.queue,
		timers:   o.timers,
		now:      c.now,
		verifier: &verifier{keys: known, now: gateway.Now},
		cloudSSO: o.cloudSSO,
		events:   o.events,
		keys:     o.keys,
		gateway:  gateway,
	}
	o.start(consoleListener, &http.Server{Handler: orders.handler()})
	return nil
}

// listen opens a listener that is closed with the rest, served or not.
func (o *cloud) listen(flag, address string) (net.Listener, error) {
	listener, err := listen(flag, address)
	if err != nil {
		return nil, err
	}
	o.listeners = append(o.listeners, listener)
	return listener, nil
}

func urlOf(listener net.Listener) string { return "http://" + listener.Addr().String() }

func (o *cloud) start(listener net.Listener, server *http.Server) {
	o.servers = append(o.servers, server)
	go server.Serve(listener)
}

// Close ends everything: what invokes the function, then its processes, while
// they still have somebody to speak to.
func (o *cloud) Close() {
	if o.timers != nil {
		o.timers.Close()
	}
	if o.function != nil {
		o.function.Close()
	}
	if o.queue != nil {
		o.queue.Close()
	}
	if o.cloudSSO != nil {
		o.cloudSSO.Close()
	}
	if o.chat != nil {
		o.chat.Close()
	}
	for _, listener := range o.listeners {
		listener.Close()
	}
	for _, server := range o.servers {
		server.Close()
	}
	if o.recorder != nil {
		o.recorder.Close()
	}
}

// listen opens a loopback address. Nothing here is fit to be reached from elsewhere.
func listen(flag, address string) (net.Listener, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("-%s %s: %w", flag, address, err)
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("-%s %s: not a loopback address, such as 127.0.0.1:9000", flag, address)
	}
	listener, err := net.ListenTCP("tcp", resolved)
	if err != nil {
		return nil, fmt.Errorf("-%s %s: %w", flag, address, err)
	}
	return listener, nil
}

// splitEnviron picks the function's own variables and the machine's out of an
// environment.
func splitEnviron(environ []string) (own, machine map[string]string) {
	own, machine = make(map[string]string), make(map[string]string)
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		hasPrefix := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
		switch {
		case slices.Contains(ownVariables, name) || slices.ContainsFunc(ownPrefixes, hasPrefix):
			own[name] = value
		case slices.Contains(machineVariables, name):
			machine[name] = value
		}
	}
	return own, machine
}

func setDefault(variables map[string]string, name, value string) {
	if _, ok := variables[name]; !ok {
		variables[name] = value
	}
}
