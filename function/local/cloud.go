package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

var (
	// ownVariables and those that begin with one of ownPrefixes are the
	// function's configuration.
	ownVariables = []string{
		"ACCESS", "ACCESS_TOKENS", "CHECK_ENDPOINT", "CHECK_FUNCTION", "EVENTS_SECRET", "LOG_LEVEL", "NOTIFY_ON", "PUBLIC_URL",
		"RECENT_TASKS", "SIGNING_KEY", "TASK_DETAILS", "TIME_ZONE", "WEBHOOK_SECRET", "WEBHOOK_URL",
	}
	ownPrefixes = []string{"CLOUDSSO_", "DINGTALK_", "FEISHU_", "SLACK_", "WECOM_"}
	// machineVariables are handed on because FC has its own of them, or to
	// measure the function.
	machineVariables = []string{"GOCOVERDIR", "GODEBUG", "GOMEMLIMIT", "HOME", "PATH", "SSL_CERT_FILE"}
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
	rotate       time.Duration
	seed         uint64
	quiet        bool
	live         bool

	environ []string // the caller's
	log     io.Writer
	now     func() time.Time
	after   func(time.Duration) <-chan time.Time // for what comes later; nil: time.After
}

// A cloud is all that stands in for Alibaba Cloud on this machine.
type cloud struct {
	frontURL    string
	consoleURL  string
	cloudSSOURL string // empty with -live
	chatURL     string // empty with -live
	function    *function
	chat        *chat     // nil with -live
	cloudSSO    *cloudSSO // nil with -live
	keys        *keyring  // nil with -live
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
	own, inherited := splitEnviron(c.environ)
	logTo := c.log
	if c.quiet {
		logTo = io.Discard
	}
	caller := new(callerCredentials)
	issue := caller.issue
	var known keyFinder = caller
	if c.live {
		if err := checkLive(own); err != nil {
			return err
		}
	} else {
		o.keys = newKeyring(c.rotate, c.timeout+time.Minute, c.now)
		issue, known = o.keys.issue, o.keys
		directories := strings.FieldsFunc(own["CLOUDSSO_DIRECTORY_ID"], func(r rune) bool { return r == ',' || r == ' ' })
		if len(directories) == 0 {
			directories = []string{defaultDirectory}
		}
		tasks := newTaskStore(c.seed, c.now)
		tasks.addInitial(directories[0])
		o.cloudSSO = newCloudSSO(directories, o.keys, tasks, c.now, logTo)
		url, err := o.serve("cloudsso", c.cloudSSOAddr, &http.Server{Handler: o.cloudSSO, ConnState: o.cloudSSO.countConnection})
		if err != nil {
			return err
		}
		o.cloudSSOURL = url
		setDefault(own, "CLOUDSSO_DIRECTORY_ID", directories[0])
		setDefault(own, "CLOUDSSO_ENDPOINT", url)
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
	setDefault(own, "ACCESS", "open")
	setDefault(own, "CHECK_ENDPOINT", o.consoleURL)
	if !c.live {
		chatListener, err := o.listen("chat", c.chatAddr)
		if err != nil {
			return err
		}
		o.chatURL = urlOf(chatListener)
		o.chat = newChat(o.frontURL, o.chatURL, own, c.now, logTo)
		for _, t := range o.cloudSSO.tasks.list(o.cloudSSO.directories[0]) {
			o.chat.examples = append(o.chat.examples, "task "+t.id)
		}
		o.start(chatListener, &http.Server{Handler: o.chat.handler()})
	}
	o.function, err = newFunction(functionConfig{
		instanceSpec: instanceSpec{binary: c.function, log: c.log, timeout: c.timeout},
		instances:    c.instances,
		freeze:       c.freeze,
		variables:    own,
		inherited:    inherited,
		credentials:  issue,
		after:        c.after,
	})
	if err != nil {
		return err
	}
	o.start(frontListener, &http.Server{Handler: &front{o.function, c.now}})
	orders := &console{
		function: o.function,
		now:      c.now,
		verifier: &verifier{keys: known, now: c.now},
		cloudSSO: o.cloudSSO,
		keys:     o.keys,
	}
	o.start(consoleListener, &http.Server{Handler: orders.handler()})
	return nil
}

// serve listens on the address that the flag gives, and returns its URL.
func (o *cloud) serve(flag, address string, server *http.Server) (string, error) {
	listener, err := o.listen(flag, address)
	if err != nil {
		return "", err
	}
	o.start(listener, server)
	return urlOf(listener), nil
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

// Close ends everything; the function's processes first, while they still
// have somebody to speak to.
func (o *cloud) Close() {
	if o.function != nil {
		o.function.Close()
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
