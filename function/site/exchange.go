package site

import (
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"taskstatus/function/entry"
	"taskstatus/function/task"
	"taskstatus/templates"
)

// A form is how an answer is written.
type form string

const (
	asJSON form = "json"
	asText form = "txt"
	asPage form = "html"
)

func (f form) contentType() string {
	switch f {
	case asPage:
		return page
	case asText:
		return plainText
	}
	return jsonType
}

// An exchange is one request, with what was made out of it before it is answered.
type exchange struct {
	request   *http.Request
	requestID string
	// now is the time that the answer speaks of.
	now      time.Time
	form     form
	language task.Language
	query    url.Values
	// fragment asks for the part of a page that changes, alone: what
	// web/status.js puts in the place of the one before.
	fragment bool
	// path is the request's path without the suffix that names a form.
	path string
	// caller is the name of who asks, where it is known, and session whether it is a
	// browser that has signed in.
	caller  string
	session bool
	// linked is until when the signed link opens that the request came by; zero where it did not.
	linked time.Time
	// returnTo is where signing in leads; empty for where the request went.
	returnTo string
}

func newExchange(r *http.Request, now time.Time) *exchange {
	e := &exchange{
		request:   r,
		requestID: r.Header.Get(RequestIDHeader),
		now:       now,
		query:     r.URL.Query(),
	}
	e.fragment = e.query.Get("fragment") == "1"
	e.query.Del("fragment") // no link leads to it
	e.path, e.form = negotiate(r)
	e.language = language(e.query.Get("lang"), r.Header.Get("Accept-Language"))
	return e
}

// log adds to what the log says of the request.
func (e *exchange) log(fields ...slog.Attr) { entry.Add(e.request.Context(), fields...) }

func (e *exchange) words() *templates.Words {
	if e.language == task.Chinese {
		return &templates.Chinese
	}
	return &templates.English
}

// negotiate returns the form that is asked for, and the path without the
// suffix that asked for it. A suffix wins; else whoever takes HTML gets the
// page (RFC 9110, section 12.5.1) and everybody else JSON.
func negotiate(r *http.Request) (path string, f form) {
	for _, f := range []form{asJSON, asText} {
		if path, ok := strings.CutSuffix(r.URL.Path, "."+string(f)); ok {
			return path, f
		}
	}
	if quality(r.Header.Get("Accept"), "text/html") > 0 {
		return r.URL.Path, asPage
	}
	return r.URL.Path, asJSON
}

// language returns the wanted language if it is one of ours, else the one of
// Accept-Language that is preferred (RFC 9110, section 12.5.4), else English.
func language(wanted, accepted string) task.Language {
	switch primary, _, _ := strings.Cut(strings.ToLower(wanted), "-"); primary {
	case "zh":
		return task.Chinese
	case "en":
		return task.English
	}
	if quality(accepted, "zh") > quality(accepted, "en") {
		return task.Chinese
	}
	return task.English
}

// quality returns the weight, 0 to 1, that a list of weighted values
// (RFC 9110, section 12.4.2) gives to the value, or to one that it begins with
// followed by "-"; of two that weigh the same the one named first counts
// slightly more. It is 0 for one that is not listed: wildcards do not count.
func quality(list, value string) float64 {
	best, position := 0.0, 0.0
	for item := range strings.SplitSeq(list, ",") {
		name, parameters, _ := strings.Cut(item, ";")
		if rest, ok := cutPrefixFold(strings.TrimSpace(name), value); ok && (rest == "" || rest[0] == '-') {
			if q := weight(parameters); q > 0 {
				best = max(best, q-position*1e-6)
			}
		}
		position++
	}
	return best
}

// weight is the parameter q: 1 where there is none, and 0 for one that cannot be read.
func weight(parameters string) float64 {
	q := 1.0
	for parameter := range strings.SplitSeq(parameters, ";") {
		if number, ok := cutPrefixFold(strings.TrimSpace(parameter), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(number, 64); err != nil {
				q = 0
			}
		}
	}
	return q
}

// cutPrefixFold is strings.CutPrefix for a prefix in whatever letter case.
func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// directory returns the one that is asked for, which must be one of those shown.
func (s *Site) directory(e *exchange) (task.DirectoryID, error) {
	if !e.query.Has("directory") {
		return s.Directories[0], nil
	}
	directory, err := task.ParseDirectoryID(e.query.Get("directory"))
	if err != nil {
		return "", err
	}
	return directory, task.Shown(directory, s.Directories)
}

// MaxWait is how long a request is held at the most: long enough for nearly
// every task, short enough for the proxies on the way.
const MaxWait = 20 * time.Second

// wait returns how long the caller would have the answer held until the task is
// done: ?wait=N, else "Prefer: wait=N" (RFC 7240, section 4.3), in seconds.
// asked is false where it is in neither; a preference that cannot be read is ignored, as
// RFC 7240 has it.
func (e *exchange) wait() (wait time.Duration, asked bool, err error) {
	if e.query.Has("wait") {
		value := e.query.Get("wait")
		seconds, ok := wholeSeconds(value)
		if !ok {
			return 0, false, task.Errorf(task.Invalid, task.Text{
				En: "wait is %.40q: it takes a whole number of seconds",
				Zh: "参数 wait 的值 %.40q 无效：应为整数秒",
			}, value)
		}
		return min(seconds, MaxWait), true, nil
	}
	for _, header := range e.request.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(header, ",") {
			preference, _, _ = strings.Cut(preference, ";") // parameters, of which wait has none
			name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			if seconds, ok := wholeSeconds(strings.Trim(strings.TrimSpace(value), `"`)); ok {
				return min(seconds, MaxWait), true, nil
			}
		}
	}
	return 0, false, nil
}

// The bounds of ?refresh=N: often enough to be of use, seldom enough to be free.
const (
	minRefresh     = 5 * time.Second
	maxRefresh     = 5 * time.Minute
	defaultRefresh = 10 * time.Second
)

// refresh returns how often the page is to load itself again, for who has no
// JavaScript; zero where that is not asked for.
func (e *exchange) refresh() (time.Duration, error) {
	if !e.query.Has("refresh") {
		return 0, nil
	}
	value := e.query.Get("refresh")
	every, ok := wholeSeconds(value)
	if !ok {
		return 0, task.Errorf(task.Invalid, task.Text{
			En: "refresh is %.40q: it takes a whole number of seconds",
			Zh: "参数 refresh 的值 %.40q 无效：应为整数秒",
		}, value)
	}
	return min(max(every, minRefresh), maxRefresh), nil
}

func wholeSeconds(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return time.Duration(n) * time.Second, err == nil
}

// maxForm is how large a form may be that is posted.
const maxForm = 64 << 10

// posted returns the fields of a form that is posted.
func (e *exchange) posted() (url.Values, error) {
	body, err := io.ReadAll(io.LimitReader(e.request.Body, maxForm+1))
	if len(body) > maxForm {
		return nil, errTooLarge
	}
	var form url.Values
	if err == nil {
		form, err = url.ParseQuery(string(body))
	}
	if err != nil {
		unreadable := task.Errorf(task.Invalid, task.Text{En: "the form cannot be read", Zh: "无法读取表单"})
		unreadable.Cause = err
		return nil, unreadable
	}
	return form, nil
}

// url returns the address of this site that path is at, absolute where the host
// that was asked can be one.
func (s *Site) url(e *exchange, path string) string {
	host := e.request.Host
	switch {
	case s.PublicURL != "":
		return s.PublicURL + path
	case host == "" || strings.Trim(host, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-:[]") != "":
		return path
	}
	return scheme(e.request) + "://" + host + path
}

// scheme is https but on a machine's own addresses: Function Compute does not
// say how it was called, and serves https on every domain.
func scheme(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	address, err := netip.ParseAddr(host)
	if r.TLS == nil && (strings.EqualFold(host, "localhost") || err == nil && address.IsLoopback()) {
		return "http"
	}
	return "https"
}

// with returns this request's own address with parameters changed: pairs of a
// name and its value, which is removed where it is empty.
func (e *exchange) with(changes ...string) string {
	return e.at(e.request.URL.Path, changes...)
}

// at is the same at another path.
func (e *exchange) at(path string, changes ...string) string {
	return pathQuery(path, e.query, changes)
}

// to is the address of another page of this site, in the same language and of
// the same directory, with parameters.
func (e *exchange) to(path string, parameters ...string) string {
	return e.keeping(path, []string{"lang", "directory"}, parameters)
}

// same is the address of the same tasks in another form, with parameters: a link
// that opens one opens the other.
func (e *exchange) same(path string, parameters ...string) string {
	return e.keeping(path, append([]string{"lang", "directory"}, linkParameters...), parameters)
}

// bare is this request's own address without what opens it as a link, and with
// parameters changed.
func (e *exchange) bare(changes ...string) string {
	for _, name := range linkParameters {
		changes = append(changes, name, "")
	}
	return e.with(changes...)
}

func (e *exchange) keeping(path string, names, parameters []string) string {
	kept := make(url.Values)
	for _, name := range names {
		if values, ok := e.query[name]; ok {
			kept[name] = values
		}
	}
	return pathQuery(path, kept, parameters)
}

// pathQuery is an address with these parameters, changed.
func pathQuery(path string, parameters url.Values, changes []string) string {
	query := make(url.Values, len(parameters))
	maps.Copy(query, parameters)
	for i := 0; i < len(changes); i += 2 {
		query.Del(changes[i])
		if changes[i+1] != "" {
			query.Set(changes[i], changes[i+1])
		}
	}
	// One slash: two would begin the name of another host.
	u := url.URL{Path: "/" + strings.TrimLeft(path, "/"), RawQuery: query.Encode()}
	return u.String()
}
