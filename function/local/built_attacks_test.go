package main

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What the function under attack is guarded with. The signatures are made here as
// whoever attacks would make them: see access.go.
const (
	rightToken   = "right-token-0123456789"
	droppedToken = "dropped-token-0123456789"
	signingKey   = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwSW8mGJQHqTo="
	foreignKey   = "C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="
	eventsKey    = "0123456789abcdef0123456789abcdef"
	home         = "d-00fc2p61abcd"
	abroad       = "d-003qew84abcd"
)

// webhookSigned is the header of a posting to /events whose body a key has signed.
func webhookSigned(key, id, body string, at time.Time) []string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	return []string{"Webhook-Id", id, "Webhook-Timestamp", seconds, "Webhook-Signature", webhookSign([]byte(key), id, seconds, []byte(body))}
}

// flip changes one byte of what comes after a mark.
func flip(s, after string, at int) string {
	i := strings.Index(s, after) + len(after) + at
	return s[:i] + string(s[i]^1) + s[i+1:]
}

// An attack is a request that must not get in.
type attack struct {
	name, method, path, body string
	headers                  []string // names and values by turns
	status                   []int    // one of which is the answer
}

// TestBuiltAttacks tries the ways in that there are not. Whatever the answer says, it
// tells nothing of a task, signs nobody in, asks CloudSSO nothing and tells no chat.
func TestBuiltAttacks(t *testing.T) {
	t.Parallel()
	s := start(t, options{env: map[string]string{
		"ACCESS": "token", "ACCESS_TOKENS": "right:" + tokenHash(rightToken), "SIGNING_KEY": signingKey,
		"EVENTS_SECRET": "whsec_" + base64.StdEncoding.EncodeToString([]byte(eventsKey)),
		"RECENT_TASKS":  "on", "TASK_DETAILS": "on", "CLOUDSSO_DIRECTORY_ID": home + "," + abroad, "LOG_LEVEL": "debug",
	}})
	id := s.createTask(t, "seconds=0&status=Failed&reason=Crown+jewels")
	other := s.createTask(t, "seconds=0&status=Failed&reason=Crown+jewels")
	page, now := "/tasks/"+id, time.Now()
	week := now.Add(7 * 24 * time.Hour)
	good := linkQuery(signingKey, home, week, id)
	session := sessionCookie(signingKey, rightToken, now.Add(time.Hour))
	bearer := []string{"Authorization", "Bearer " + rightToken}
	event := `{"specversion":"1.0","id":"1","source":"/ci","type":"com.example.assigned","data":{"taskId":"` + id + `"}}`
	structured := []string{"Content-Type", "application/cloudevents+json"}
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	authorized := func(value string) []string { return []string{"Authorization", value} }
	with := func(name, value string) []string { return []string{name, value} }
	unauthorized, hidden, refused := []int{401}, []int{404}, []int{403}

	attacks := []attack{
		{"no token", "GET", page, "", nil, unauthorized},
		{"no token, the list", "GET", "/tasks", "", nil, unauthorized},
		{"no token, several", "GET", "/tasks?id=" + id + "," + other, "", nil, unauthorized},
		{"no token, the first page", "GET", "/", "", nil, unauthorized},
		{"no token, a task that is not there", "GET", "/tasks/t-nobodyknowsthis", "", nil, unauthorized},
		{"an empty token", "GET", page, "", authorized("Bearer "), unauthorized},
		{"a wrong token", "GET", page, "", authorized("Bearer wrong"), unauthorized},
		{"a token with one byte changed", "GET", page, "", authorized("Bearer " + flip(rightToken, "right", 3)), unauthorized},
		{"a token with more at its end", "GET", page, "", authorized("Bearer " + rightToken + "0"), unauthorized},
		{"a token in capitals", "GET", page, "", authorized("Bearer " + strings.ToUpper(rightToken)), unauthorized},
		{"a token that was taken back", "GET", page, "", authorized("Bearer " + droppedToken), unauthorized},
		{"the hash for the token", "GET", page, "", authorized("Bearer " + tokenHash(rightToken)), unauthorized},
		{"the name for the token", "GET", page, "", authorized("Bearer right"), unauthorized},
		{"the name and the hash", "GET", page, "", authorized("Bearer right:" + tokenHash(rightToken)), unauthorized},
		{"another scheme", "GET", page, "", authorized("Basic " + base64.StdEncoding.EncodeToString([]byte("right:"+rightToken))), unauthorized},
		{"a token without a scheme", "GET", page, "", authorized(rightToken), unauthorized},
		{"two tokens, one of them right", "GET", page, "", authorized("Bearer wrong, Bearer " + rightToken), unauthorized},
		{"two headers, one of them right", "GET", page, "", append(authorized("Bearer wrong"), bearer...), unauthorized},
		{"a token in the address", "GET", page + "?access_token=" + rightToken + "&token=" + rightToken, "", nil, unauthorized},
		{"a token in another header", "GET", page, "", with("X-Authorization", "Bearer "+rightToken), unauthorized},
		{"a token in a cookie", "GET", page, "", with("Cookie", "token="+rightToken+"; __Host-session="+rightToken), unauthorized},
		{"the signing key for a token", "GET", page, "", authorized("Bearer " + signingKey), unauthorized},

		{"a session that nobody signed", "GET", page, "", with("Cookie", "__Host-session=9999999999."), unauthorized},
		{"a session signed with another key", "GET", page, "", with("Cookie", sessionCookie(foreignKey, rightToken, now.Add(time.Hour))), unauthorized},
		{"a session signed with an empty key", "GET", page, "", with("Cookie", sessionCookie("", rightToken, now.Add(time.Hour))), unauthorized},
		{"a session with one byte of its signature changed", "GET", page, "", with("Cookie", flip(session, ".", 5)), unauthorized},
		{"a session that was made longer", "GET", page, "", with("Cookie", flip(session, "=", 9)), unauthorized},
		{"a session that has ended", "GET", page, "", with("Cookie", sessionCookie(signingKey, rightToken, now.Add(-time.Second))), unauthorized},
		{"a session of a token that was taken back", "GET", page, "", with("Cookie", sessionCookie(signingKey, droppedToken, now.Add(time.Hour))), unauthorized},
		{"a session without its prefix", "GET", page, "", with("Cookie", strings.TrimPrefix(session, "__Host-")), unauthorized},
		{"a session in the address", "GET", page + "?" + session, "", nil, unauthorized},
		{"a link's signature as a session", "GET", page, "", with("Cookie", "__Host-session="+strings.NewReplacer("expires=", "", "&signature=", ".").Replace(good)), unauthorized},
		{"a session beside a wrong token", "GET", page, "", append(with("Cookie", session), authorized("Bearer wrong")...), unauthorized},
		{"a session to post an event", "POST", "/events", event, append(with("Cookie", session), structured...), unauthorized},

		{"a link with one byte of its signature changed", "GET", page + "?" + flip(good, "signature=", 7), "", nil, unauthorized},
		{"a link cut short", "GET", page + "?" + good[:len(good)-1], "", nil, unauthorized},
		{"a link without its signature", "GET", page + "?" + strings.Split(good, "&")[0], "", nil, unauthorized},
		{"a link with an empty signature", "GET", page + "?" + strings.Split(good, "signature=")[0] + "signature=", "", nil, unauthorized},
		{"a link that was made longer", "GET", page + "?" + flip(good, "expires=", 9), "", nil, unauthorized},
		{"a link that has expired", "GET", page + "?" + linkQuery(signingKey, home, now.Add(-time.Second), id), "", nil, unauthorized},
		{"a link signed with another key", "GET", page + "?" + linkQuery(foreignKey, home, week, id), "", nil, unauthorized},
		{"a link signed with an empty key", "GET", page + "?" + linkQuery("", home, week, id), "", nil, unauthorized},
		{"a session's signature as a link", "GET", page + "?" + strings.NewReplacer("__Host-session=", "expires=", ".", "&signature=").Replace(session), "", nil, unauthorized},
		{"the link of another task", "GET", "/tasks/" + other + "?" + good, "", nil, unauthorized},
		{"the link of another task, in another form", "GET", "/tasks/" + other + ".json?" + good, "", nil, unauthorized},
		{"the link of one task to several", "GET", "/tasks?id=" + id + "," + other + "&" + good, "", nil, unauthorized},
		{"the link of several to one", "GET", page + "?" + linkQuery(signingKey, home, week, id, other), "", nil, unauthorized},
		{"the link of several to those in another order", "GET", "/tasks?id=" + other + "," + id + "&" + linkQuery(signingKey, home, week, id, other), "", nil, unauthorized},
		{"the link of another directory", "GET", page + "?directory=" + abroad + "&" + good, "", nil, unauthorized},
		{"the link of a directory that is not shown", "GET", page + "?directory=d-00xz91nf0000&" + linkQuery(signingKey, "d-00xz91nf0000", week, id), "", nil, unauthorized},
		{"two directories at once", "GET", page + "?directory=" + home + "&directory=" + abroad + "&" + good, "", nil, unauthorized},
		{"a link to the list", "GET", "/tasks?" + good, "", nil, unauthorized},
		{"a link to the list, by an empty id", "GET", "/tasks?id=&" + linkQuery(signingKey, home, week), "", nil, unauthorized},
		{"a link to the first page", "GET", "/?" + good, "", nil, unauthorized},
		{"a link to post by", "POST", "/events?" + good, event, structured, unauthorized},
		{"a link to change something", "DELETE", page + "?" + good, "", nil, []int{403, 405}},

		{"an address of this machine's", "GET", page, "", []string{"X-Forwarded-For", "127.0.0.1", "X-Real-Ip", "127.0.0.1", "Forwarded", "for=127.0.0.1"}, unauthorized},
		{"another address by header", "GET", "/healthz", "", []string{"X-Original-Url", page, "X-Rewrite-Url", page, "X-Forwarded-Prefix", page}, []int{200}},
		{"another method by header", "POST", page, "", []string{"X-Http-Method-Override", "GET", "X-Method-Override", "GET"}, []int{405}},
		{"another host", "GET", page, "", with("Host", "localhost"), unauthorized},
		{"Function Compute's own headers", "GET", page, "", []string{"X-Fc-Access-Key-Id", "x", "X-Fc-Security-Token", "x", "X-Fc-Account-Id", "1", "X-Fc-Function-Type", "1", "X-Fc-Control-Path", "/init"}, unauthorized},
		{"the caller's name by header", "GET", page, "", []string{"X-Caller", "right", "X-Forwarded-User", "right", "Remote-User", "right"}, unauthorized},
		{"a header that is too large", "GET", page, "", with("X-Long", strings.Repeat("x", 9<<10)), []int{400, 431}},

		{"an escaped letter", "GET", "/%74asks/" + id, "", nil, unauthorized},
		{"an escaped slash", "GET", "/tasks%2F" + id, "", nil, unauthorized},
		{"a path that climbs out of the files", "GET", "/assets/../tasks/" + id, "", nil, hidden},
		{"the same, escaped", "GET", "/assets/%2e%2e/tasks/" + id, "", nil, hidden},
		{"the same, escaped twice", "GET", "/assets/%252e%252e%252ftasks/" + id, "", nil, hidden},
		{"a path that climbs out of what is public", "GET", "/healthz/../tasks/" + id, "", nil, hidden},
		{"a path into this machine", "GET", "/assets/../../../../etc/passwd", "", nil, hidden},
		{"two slashes", "GET", "//tasks/" + id, "", nil, hidden},
		{"a path in capitals", "GET", "/TASKS/" + id, "", nil, hidden},
		{"a parameter of the path", "GET", "/tasks;/" + id, "", nil, hidden},
		{"a dot in the path", "GET", "/./tasks/" + id, "", nil, hidden},
		{"a slash at the end", "GET", page + "/", "", nil, hidden},
		{"a NUL in the path", "GET", page + "%00.css", "", nil, unauthorized},
		{"a suffix of what is public", "GET", page + "/assets/style.css", "", nil, hidden},
		{"the fragment alone", "GET", page + "?fragment=1", "", with("Accept", "text/html"), unauthorized},

		{"HEAD", "HEAD", page, "", nil, unauthorized},
		{"OPTIONS", "OPTIONS", page, "", nil, []int{204}},
		{"POST", "POST", page, "", nil, []int{405}},
		{"PUT", "PUT", page, "x", nil, []int{403, 405}},
		{"PATCH", "PATCH", page, "x", nil, []int{403, 405}},
		{"TRACE", "TRACE", page, "", nil, []int{403, 405}},
		{"a method that is none", "FOO", page, "", nil, []int{403, 405}},
		{"a method in small letters", "get", page, "", nil, []int{401, 403, 405}},

		{"an event as a form", "POST", "/tasks", event, structured, []int{303, 400}},
		{"a direct invocation in a body", "POST", "/", `{"taskId":"` + id + `","wait":5}`, with("Content-Type", "application/json"), []int{405}},
		{"a timer's event in a body", "POST", "/", `{"triggerTime":"2026-11-24T00:00:00Z","triggerName":"x","payload":"{\"sweep\":\"24h\"}"}`, with("Content-Type", "application/json"), []int{405}},
		{"an HTTP trigger's event in a body", "POST", "/events", `{"version":"v1","rawPath":"` + page + `","requestContext":{"http":{"method":"GET","path":"` + page + `"}}}`, with("Content-Type", "application/json"), unauthorized},
		{"an event that nobody signed", "POST", "/events", event, structured, unauthorized},
		{"an event signed with another key", "POST", "/events", event, append(webhookSigned(foreignKey, "m1", event, now), structured...), refused},
		{"an event signed with an empty key", "POST", "/events", event, append(webhookSigned("", "m2", event, now), structured...), refused},
		{"an event signed long ago", "POST", "/events", event, append(webhookSigned(eventsKey, "m3", event, now.Add(-10*time.Minute)), structured...), refused},
		{"an event signed for later", "POST", "/events", event, append(webhookSigned(eventsKey, "m4", event, now.Add(10*time.Minute)), structured...), refused},
		{"another event's signature", "POST", "/events", event, append(webhookSigned(eventsKey, "m5", strings.Replace(event, id, other, 1), now), structured...), refused},
		{"a signed body with an event in headers", "POST", "/events", "{}", append(webhookSigned(eventsKey, "m6", "{}", now), "Content-Type", "application/json", "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "x", "Ce-Type", "x", "Ce-Taskid", id), []int{400}},
		{"a signature of another version", "POST", "/events", event, append(webhookSigned(eventsKey, "m7", event, now)[:4], "Webhook-Signature", "v2,x", "Content-Type", "application/cloudevents+json"), refused},
		{"asynchronous by header", "GET", page, "", with("X-Fc-Invocation-Type", "Async"), []int{202, 401}},

		{"a chat that is not configured", "POST", "/chat/teams", "x", nil, hidden},
		{"DingTalk, unsigned", "POST", "/chat/dingtalk", `{"msgtype":"text","text":{"content":"task ` + id + `"}}`, with("Content-Type", "application/json"), refused},
		{"Feishu, unsigned", "POST", "/chat/feishu", `{"challenge":"x","type":"url_verification","token":"x"}`, with("Content-Type", "application/json"), refused},
		{"WeCom, unsigned", "GET", "/chat/wecom?msg_signature=x&timestamp=1&nonce=1&echostr=x", "", nil, refused},
		{"Slack, unsigned", "POST", "/chat/slack", "command=/task&text=task+" + id, form, refused},
		{"Slack, signed with an empty secret", "POST", "/chat/slack", "text=task+" + id, append([]string{"X-Slack-Request-Timestamp", strconv.FormatInt(now.Unix(), 10), "X-Slack-Signature", "v0=" + strings.Repeat("0", 64)}, form...), refused},
		{"a chat by a token", "POST", "/chat/slack", "text=task+" + id, append(bearer, form...), refused},

		{"signing in without a token", "POST", "/sign-in", "", form, unauthorized},
		{"signing in with a wrong token", "POST", "/sign-in", "token=wrong", form, unauthorized},
		{"signing in with the hash", "POST", "/sign-in", "token=" + tokenHash(rightToken), form, unauthorized},
		{"signing in by the address", "GET", "/sign-in?token=" + rightToken, "", nil, []int{200}},
		{"signing in from another site", "POST", "/sign-in", "token=" + rightToken, append([]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, form...), refused},
		{"signing out from another site", "POST", "/sign-out", "", append([]string{"Origin", "https://evil.example", "Cookie", session}, form...), refused},
		{"signing in, too large", "POST", "/sign-in", "token=" + strings.Repeat("x", 70<<10), form, []int{413}},
	}
	before := s.counts(t)
	for i, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			// Each comes from an address of its own: guesses are limited.
			r := s.strike(t, a, fmt.Sprintf("127.0.%d.%d", 1+i/250, 1+i%250))
			if !slices.Contains(a.status, r.status) {
				t.Errorf("got %d %s, want one of %v", r.status, r.body, a.status)
			}
			for _, told := range []string{"Crown jewels", "CreateAccessAssignment", `"status":"Failed"`, "root:"} {
				if strings.Contains(r.body, told) {
					t.Errorf("it tells %s: %s", told, r.body)
				}
			}
			if set := r.header.Get("Set-Cookie"); set != "" {
				t.Errorf("it sets %s", set)
			}
			if location := r.header.Get("Location"); location != "" && (!strings.HasPrefix(location, "/tasks") || strings.HasPrefix(location, "//")) {
				t.Errorf("it leads to %s", location)
			}
			if r.header.Get("Strict-Transport-Security") == "" && r.status != 202 && r.header.Get("X-Fc-Error-Type") == "" && !frontRefused(r) {
				t.Errorf("it has no security headers: %v", r.header)
			}
		})
	}
	if after := s.counts(t); !maps.Equal(before.Calls, after.Calls) {
		t.Errorf("CloudSSO was asked %v, and before %v", after.Calls, before.Calls)
	}
	for _, platform := range chatNames {
		if posts := s.messages(t, platform); len(posts) > 0 {
			t.Errorf("%s was told %+v", platform, posts)
		}
	}
	for _, secret := range []string{rightToken, droppedToken, signingKey, eventsKey, strings.Split(session, ".")[1], strings.Split(good, "signature=")[1], tokenHash(rightToken)} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}

	// The same ways, as they are meant, lead in: what was tried above was no accident.
	for name, a := range map[string]attack{
		"a token":   {path: page, headers: bearer},
		"a session": {path: page, headers: with("Cookie", session)},
		"a link":    {path: page + "?" + good},
		"several":   {path: "/tasks?id=" + id + "," + other + "&" + linkQuery(signingKey, home, week, id, other)},
		"elsewhere": {path: "/tasks/t-sh0000000000000000?directory=" + abroad + "&" + linkQuery(signingKey, abroad, week, "t-sh0000000000000000"), status: []int{404}},
	} {
		a.method = http.MethodGet
		if r := s.strike(t, a, "127.0.0.1"); r.status != 200 && !slices.Contains(a.status, r.status) {
			t.Errorf("%s: got %d %s", name, r.status, r.body)
		}
	}
	if r := s.strike(t, attack{method: "POST", path: "/sign-in", body: "token=" + rightToken, headers: append([]string{"Sec-Fetch-Site", "same-origin", "Origin", "null"}, form...)}, "127.0.0.1"); r.status != 303 || !strings.HasPrefix(r.header.Get("Set-Cookie"), "__Host-session=") {
		t.Errorf("signing in: got %d %v", r.status, r.header)
	}
	if r := s.strike(t, attack{method: "POST", path: "/events", body: event, headers: append(webhookSigned(eventsKey, "m8", event, now), structured...)}, "127.0.0.1"); r.status != 202 {
		t.Errorf("a signed event: got %d %s", r.status, r.body)
	}
	s.told(t, id)
}

// frontRefused reports whether Function Compute itself gave the answer, which has
// no say in its headers.
func frontRefused(r reply) bool {
	return r.status == 400 && strings.Contains(r.body, "InvalidArgument") || r.status == 403 && strings.Contains(r.body, "AccessDenied") || r.status == 405 && strings.Contains(r.body, "MethodNotAllowed")
}

// strike sends a request as it is, from an address of this machine's, and follows nowhere.
func (s *stage) strike(t *testing.T, a attack, from string) reply {
	t.Helper()
	front, err := url.Parse(s.frontURL)
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(a.path, "?")
	request, err := http.NewRequestWithContext(t.Context(), a.method, s.frontURL, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	// As it stands: no client may clean it.
	request.URL = &url.URL{Scheme: front.Scheme, Host: front.Host, Opaque: "//" + front.Host + path, RawQuery: query}
	for i := 0; i < len(a.headers); i += 2 {
		request.Header.Add(a.headers[i], a.headers[i+1])
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	return sendFrom(t, request, net.ParseIP(from))
}

// TestBuiltGuessing: after ten wrong tokens an address is not listened to.
func TestBuiltGuessing(t *testing.T) {
	t.Parallel()
	s := start(t, options{env: map[string]string{"ACCESS": "token", "ACCESS_TOKENS": "right:" + tokenHash(rightToken), "SIGNING_KEY": signingKey}})
	try := func(token, from string) reply {
		return s.strike(t, attack{method: "GET", path: "/tasks/t-shfqw1u1edszvxw5abcd", headers: []string{"Authorization", "Bearer " + token}}, from)
	}
	for i := range 10 {
		if r := try(fmt.Sprintf("guess-%d", i), "127.0.0.2"); r.status != 401 {
			t.Fatalf("guess %d: got %d", i+1, r.status)
		}
	}
	wrong, right := try("one more", "127.0.0.2"), try(rightToken, "127.0.0.2")
	for name, r := range map[string]reply{"a wrong one": wrong, "a right one": right} {
		if r.status != 429 || !strings.Contains(r.body, "/problems/too-many-attempts") || r.header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d %v %s", name, r.status, r.header, r.body)
		}
	}
	if r := s.strike(t, attack{method: "POST", path: "/sign-in", body: "token=" + rightToken}, "127.0.0.2"); r.status != 429 || r.header.Get("Set-Cookie") != "" {
		t.Errorf("signing in: got %d %v", r.status, r.header)
	}
	if r := try(rightToken, "127.0.0.3"); r.status != 200 {
		t.Errorf("from another address: got %d", r.status)
	}
}

// TestBuiltReplays: what was signed once and comes again does nothing again.
func TestBuiltReplays(t *testing.T) {
	t.Parallel()
	s := start(t, options{env: map[string]string{"ACCESS": "token", "ACCESS_TOKENS": "right:" + tokenHash(rightToken), "EVENTS_SECRET": "whsec_" + base64.StdEncoding.EncodeToString([]byte(eventsKey))}})
	id := s.createTask(t, "seconds=0&status=Failed&reason=Once")
	event := `{"taskId":"` + id + `","notify":true}`
	signed := append(webhookSigned(eventsKey, "msg-1", event, time.Now()), "Content-Type", "application/json")
	for i := range 3 {
		if r := s.send(t, http.MethodPost, "/events", event, signed...); r.status != http.StatusAccepted {
			t.Fatalf("time %d: got %d %s", i+1, r.status, r.body)
		}
	}
	s.told(t, id)
	eventually(t, "nothing is left to do", func() bool { return s.queued(t) == queueState{} })
	for _, platform := range chatNames {
		if posts := s.messages(t, platform); len(posts) != 1 {
			t.Errorf("%s was told %d times, want once", platform, len(posts))
		}
	}
	s.clearMessages(t)
	for _, platform := range []string{"dingtalk", "feishu", "slack"} { // WeCom is answered again, to itself alone
		first, again := s.say(t, platform, "task "+id), s.say(t, platform, "", "again", "true")
		if len(first.Messages) != 1 || len(again.Messages) != 0 {
			t.Errorf("%s: answered %d times, and again %d times", platform, len(first.Messages), len(again.Messages))
		}
	}
}
