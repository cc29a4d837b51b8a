package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"taskstatus/function/acs"
	"taskstatus/function/cloudsso"
	"taskstatus/function/doctor"
	"taskstatus/function/entry"
	"taskstatus/function/invoke"
)

// doctorCommand, as the only argument, examines the function instead of serving.
const doctorCommand = "doctor"

// examine prints what there is to say of the function as it would be with this
// configuration, of which wrong is what is wrong with it, and with the caller's own
// credentials. Its error says how much is wrong in all.
func examine(ctx context.Context, c *config, wrong error, out io.Writer) error {
	d := newDoctor(c, false)
	d.Wrong = wrong
	findings := d.Examine(ctx)
	bad := 0
	for _, f := range findings {
		state := "ok"
		switch {
		case !f.OK:
			state = "wrong"
			bad++
		case f.Warning:
			state = "warning"
		}
		fmt.Fprintf(out, "%-8s%s: %s\n", state, f.Check, f.Detail)
		if f.Hint != "" {
			fmt.Fprintf(out, "        -> %s\n", f.Hint)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks found something wrong", bad, len(findings))
	}
	return nil
}

// ping is a direct invocation that comes to nothing.
const ping = `{"ping":true}`

// examineDeployed looks at the function from inside, as what it is in Function Compute.
func examineDeployed(ctx context.Context, c *config) []doctor.Finding {
	d := newDoctor(c, true)
	invoker := invoke.New(c.checkEndpoint, acs.NewCredentials(true, "", ""))
	invoker.Transport, invoker.Observe = d.Transport, observeForDoctor
	checker := target(ctx, c.checkFunction)
	d.Checker = checker.Function
	d.Ping = func(ctx context.Context) error { return invoker.InvokeAsync(ctx, checker, []byte(ping), 0) }
	d.Hands = c.chat.Answer() || len(c.eventKeys) > 0
	return d.Examine(ctx)
}

// newDoctor returns who examines the function. Nothing in it has been used before: it
// finds everything as a new instance does, and keeps no connection.
func newDoctor(c *config, onFC bool) *doctor.Doctor {
	credentials := acs.NewCredentials(onFC, c.roleARN, c.region)
	transport := acs.NewTransport()
	transport.DisableKeepAlives = true
	d := &doctor.Doctor{
		Warnings:    c.warnings,
		Access:      c.access,
		Source:      credentials.Source,
		Address:     c.endpoint,
		Directories: c.directories,
		ListTasks:   c.recentTasks,
		GetTask:     c.taskDetails,
		Transport:   transport,
		Now:         time.Now,
	}
	if c.endpoint != "" {
		client := cloudsso.New(c.endpoint, credentials)
		client.Transport, client.Attempts, client.Observe = transport, 1, observeForDoctor
		d.CloudSSO = client
	}
	if c.roleARN != "" {
		d.Assume = func(ctx context.Context) error {
			_, err := credentials.Keys(ctx)
			return err
		}
	}
	for _, use := range c.chat.Uses() {
		d.Chats = append(d.Chats, doctor.Chat(use))
	}
	return d
}

// observeForDoctor has a call that the doctor makes judged by him, and counted as its
// invocation's like any other.
func observeForDoctor(ctx context.Context, call acs.Call) {
	doctor.Observe(ctx, call)
	entry.Called(ctx, call.RequestID, call.Code)
}
