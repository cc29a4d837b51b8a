package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// These tests send the function, as it is deployed, what anybody can send over
// HTTP that Function Compute itself takes notice of.

// TestBuiltAsyncRequest: a request that its caller made an asynchronous
// invocation is made once, whatever comes of it. Were the function to fail one,
// anybody could have it tried nine times.
func TestBuiltAsyncRequest(t *testing.T) {
	t.Parallel()
	s := start(t, options{env: map[string]string{"RECENT_TASKS": "on"}})
	async := []string{"X-Fc-Invocation-Type", "Async"}
	id := s.createTask(t, "seconds=0")
	for _, test := range []struct {
		name, method, path, body, fault string
		status                          int // in what nobody gets to see
	}{
		{"200", http.MethodGet, "/tasks/" + id, "", "", 200},
		{"404", http.MethodGet, "/nowhere", "", "", 404},
		{"400", http.MethodGet, "/tasks/x", "", "", 400},
		{"405", http.MethodPost, "/healthz", "", "", 405},
		{"413", http.MethodPost, "/tasks", "id=" + strings.Repeat("x", 70<<10), "", 413},
		{"nobody's chat message", http.MethodPost, "/chat/slack", "payload", "", 403},
		{"nobody's event", http.MethodPost, "/events", "{}", "", 401},
		{"refused by CloudSSO", http.MethodGet, "/tasks?status=Failed", "", "nopermission", 502},
		{"CloudSSO out of order", http.MethodGet, "/tasks?status=Failed", "", "error500", 502},
		{"CloudSSO throttles", http.MethodGet, "/tasks?status=Failed", "", "throttle429", 503},
		{"CloudSSO says nothing", http.MethodGet, "/tasks?status=Failed", "", "stall", 504},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.order(t, http.MethodDelete, "/destinations", "")
			if test.fault != "" {
				s.setFault(t, "kind="+test.fault)
				defer s.clearFaults(t)
			}
			if r := s.send(t, test.method, test.path, test.body, async...); r.status != http.StatusAccepted || r.body != "" || r.header.Get("X-Fc-Request-Id") == "" {
				t.Fatalf("got %+v", r)
			}
			sent := s.ended(t)
			if len(sent.OnFailure) != 0 || len(sent.OnSuccess) != 1 || sent.OnSuccess[0].RequestContext.InvokeCount != 1 {
				t.Fatalf("got %+v", sent)
			}
			if answer := sent.OnSuccess[0].ResponsePayload; !strings.Contains(answer, fmt.Sprintf(`"statusCode":%d,`, test.status)) {
				t.Errorf("answered %s, want %d", answer, test.status)
			}
		})
	}
}

// TestBuiltAsyncRequestAgain: the machine fails under such a request, which is
// then tried again, and not served.
func TestBuiltAsyncRequestAgain(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	id := s.createTask(t, "seconds=60")
	s.get(t, "/tasks/"+id+"?wait=10", "X-Fc-Invocation-Type", "Async")
	eventually(t, "it waits", func() bool { return s.counts(t).Tasks[id] > 0 })
	s.order(t, http.MethodPost, "/instances/kill", "")
	asked := s.counts(t).Tasks[id]
	sent := s.ended(t)
	if len(sent.OnFailure) != 0 || len(sent.OnSuccess) != 1 || sent.OnSuccess[0].RequestContext.InvokeCount != 2 ||
		!strings.Contains(sent.OnSuccess[0].ResponsePayload, "a request is not served a second time") {
		t.Errorf("got %+v", sent)
	}
	if again := s.counts(t).Tasks[id]; again != asked {
		t.Errorf("CloudSSO was asked %d times, and then %d", asked, again)
	}
}

// TestBuiltLogTail: whoever calls can have the end of the log. There is nothing
// in it, nor before it, that is a secret of the function or of a caller.
func TestBuiltLogTail(t *testing.T) {
	t.Parallel()
	const bearer, cookie, key, signing = "bearer-0123456789abcdef", "cookie-0123456789abcdef", "key-0123456789abcdef0123456789abcdef", "signing-0123456789abcdef0123456789abcdef"
	s := start(t, options{instances: 4, env: map[string]string{
		"LOG_LEVEL": "debug", "RECENT_TASKS": "on", "TASK_DETAILS": "on",
		"ACCESS": "token", "ACCESS_TOKENS": "ci:" + tokenHash(bearer),
		"EVENTS_SECRET": "whsec_" + base64.StdEncoding.EncodeToString([]byte(key)), "SIGNING_KEY": signing,
	}})
	tail := []string{"X-Fc-Log-Type", "Tail"}
	caller := append([]string{"Authorization", "Bearer " + bearer, "Cookie", "session=" + cookie, "Referer", "https://example.com/?token=" + cookie}, tail...)
	wrong := append([]string{"Authorization", "Bearer wrong-" + bearer, "Cookie", "session=" + cookie}, tail...)

	var tails []string
	note := func(r reply) {
		t.Helper()
		last, err := base64.StdEncoding.DecodeString(r.header.Get("X-Fc-Log-Result"))
		if err != nil || len(last) > 4<<10 || !strings.Contains(string(last), "End RequestId: "+r.header.Get("X-Fc-Request-Id")) {
			t.Errorf("got the log %q, %v", last, err)
		}
		tails = append(tails, string(last))
	}
	for _, fault := range []string{"", "badsignature", "nopermission", "reset", "cut"} {
		id := s.createTask(t, "seconds=0&status=Failed&reason=No+Permission.")
		if fault != "" {
			s.setFault(t, "kind="+fault)
		}
		for _, headers := range [][]string{caller, wrong} {
			note(s.get(t, "/tasks/"+id+"?token="+cookie, headers...))
			note(s.get(t, "/tasks?id="+id, append(headers, "Accept", "text/html")...))
			note(s.get(t, "/tasks", headers...))
			note(s.get(t, "/"+cookie, headers...))
			note(s.send(t, http.MethodPost, "/events", `{"taskId":"`+id+`"}`, append(headers, "Content-Type", "application/json")...))
			note(s.send(t, http.MethodPost, "/chat/slack", "token="+cookie, headers...))
			note(s.send(t, http.MethodPost, "/sign-in", "to=/tasks/"+id+"&token="+cookie, append(tail, "Content-Type", "application/x-www-form-urlencoded")...))
			note(s.get(t, "/tasks/"+id+"?expires=9999999999&signature="+cookie, append(tail, "Cookie", "__Host-session=9999999999."+cookie)...))
		}
		note(s.invoke(t, `{"taskId":"`+id+`"}`, tail...))
		note(s.invoke(t, `{"x":"`+cookie+`"}`, tail...))
		s.clearFaults(t)
	}
	note(s.invoke(t, `{"taskId":"`+s.createTask(t, "seconds=0&status=Failed")+`","notify":true}`, tail...))
	// All that goes wrong with the chats, and a wait.
	for _, kind := range []string{"", "down", "redirect"} {
		for _, name := range receiverNames {
			if kind != "" {
				s.setChatFault(t, "platform="+name+"&kind="+kind)
			}
		}
		for _, platform := range chatNames {
			s.say(t, platform, "wait "+s.createTask(t, "seconds=60"))
			s.say(t, platform, "help", "forge", "signature")
		}
		note(s.invoke(t, `{"notifyTest":true}`, tail...))
		s.clearChatFaults(t)
	}
	s.rotate(t, true)

	secrets := append(s.keySecrets(), bearer, cookie, key, signing, base64.StdEncoding.EncodeToString([]byte(key)),
		"session=", "response_code=", "/commands/", "sign=", "access_token=", "Signature=", "string to sign")
	for name, value := range s.function.variables {
		kinds := []string{"SECRET", "TOKEN", "KEY", "WEBHOOK"}
		if slices.ContainsFunc(kinds, func(kind string) bool { return strings.Contains(name, kind) }) {
			secrets = append(secrets, strings.Split(value, ",")...)
		}
	}
	logged := strings.Join(append(tails, s.log.String()), "\n")
	for _, secret := range secrets {
		if len(secret) > 5 && strings.Contains(logged, secret) {
			t.Errorf("%q is logged", secret)
		}
	}
	for _, want := range []string{`"level":"DEBUG"`, `"msg":"cloudsso"`, `"msg":"invoke"`, `"caller":"ci"`, `"postError"`} {
		if !strings.Contains(logged, want) {
			t.Errorf("%s is not logged, so that this proves nothing", want)
		}
	}
	if r := s.get(t, "/healthz"); r.header.Get("X-Fc-Log-Result") != "" {
		t.Error("who did not ask has the log")
	}
}
