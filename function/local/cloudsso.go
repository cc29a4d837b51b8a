package main

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	apiVersion   = "2021-05-15"
	maxCallBody  = 1 << 20
	pageSize     = 10
	maxPageSize  = 20
	listWindow   = 24 * time.Hour     // of a list without a filter
	maxListReach = 7 * 24 * time.Hour // of a list with one
)

// A document is an answer of the API before it is JSON.
type document map[string]any

// An apiError is a refusal in the API's words.
type apiError struct {
	Status  int
	Code    string
	Message string
	Header  http.Header
	Denied  map[string]string // AccessDeniedDetail
}

// Error returns the code.
func (e *apiError) Error() string { return e.Code }

func missing(parameter string) *apiError {
	return &apiError{Status: http.StatusBadRequest, Code: "Missing" + parameter, Message: parameter + " is mandatory for this action."}
}

func invalid(parameter, reason string) *apiError {
	return &apiError{Status: http.StatusBadRequest, Code: "Invalid" + parameter, Message: "The parameter " + parameter + " is not valid: " + reason + "."}
}

func notFound(entity string) *apiError {
	return &apiError{Status: http.StatusNotFound, Code: "EntityNotExists." + entity, Message: "The " + strings.ToLower(entity) + " does not exist."}
}

// A cloudSSO stands in for the CloudSSO API, version 2021-05-15. It checks
// every signature.
type cloudSSO struct {
	directories []string
	verifier    verifier
	tasks       *taskStore
	faults      faultList[fault, *fault]
	now         func() time.Time
	log         *log.Logger
	events      *eventBus // is told of what is created
	closing     chan struct{}
	closeOnce   sync.Once

	mu    sync.Mutex
	stats callStats
}

// A callStats counts what the stand-in was asked.
type callStats struct {
	Calls       map[string]int `json:"calls"`    // by action
	Statuses    map[int]int    `json:"statuses"` // 0: no answer at all
	Connections int            `json:"connections"`
	LastCall    time.Time      `json:"lastCall,omitzero"`
	Tasks       map[string]int `json:"tasks"`       // GetTaskStatus by task
	Invocations int            `json:"invocations"` // of the function, asynchronous
}

func newCloudSSO(directories []string, keys *keyring, tasks *taskStore, now func() time.Time, logTo io.Writer) *cloudSSO {
	return &cloudSSO{
		directories: directories,
		verifier:    verifier{keys: keys, now: now},
		tasks:       tasks,
		now:         now,
		log:         log.New(logTo, "cloudsso ", log.Ltime|log.Lmsgprefix),
		closing:     make(chan struct{}),
		stats:       callStats{Calls: make(map[string]int), Statuses: make(map[int]int)},
	}
}

// Close lets go of the calls that a fault holds.
func (c *cloudSSO) Close() { c.closeOnce.Do(func() { close(c.closing) }) }

// countConnection is a server's ConnState hook.
func (c *cloudSSO) countConnection(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stats.Connections++
	}
}

// snapshot returns a copy of the counts.
func (c *cloudSSO) snapshot() callStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.stats
	stats.Calls = maps.Clone(stats.Calls)
	stats.Statuses = maps.Clone(stats.Statuses)
	stats.Tasks = c.tasks.calls()
	return stats
}

// An apiReply is an answer ready to be written, or already sent.
type apiReply struct {
	status int // 0: none, the connection ends
	header http.Header
	body   []byte
	sent   bool
}

func (r apiReply) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	w.WriteHeader(r.status)
	w.Write(r.body)
}

// ServeHTTP verifies a call, answers it, and spoils the answer when a fault is on.
func (c *cloudSSO) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := c.now()
	w.Header().Set("Date", c.verifier.now().UTC().Format(http.TimeFormat))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCallBody))
	if err != nil {
		http.Error(w, "read the body", http.StatusBadRequest)
		return
	}
	call, err := c.verifier.verify(r, body)
	action := call.Action
	if _, ok := c.actions()[action]; !ok {
		action = "other" // so that what strangers send cannot fill the counts
	}
	c.count(func(s *callStats) { s.Calls[action]++; s.LastCall = began })

	var answer document
	var active fault
	if err == nil {
		active = c.faults.take(func(f fault) bool { return f.Action == "" || f.Action == call.Action })
		answer, err = c.answer(r, call)
	}
	reply := c.reply(r, answer, err)
	if err == nil && slices.Contains(taskTypes, call.Action) {
		c.events.created(call.Action, parametersOf(call), answer) // whatever a fault does to the answer
	}
	if active.Kind != "" {
		reply = faultKinds[active.Kind](&faultyCall{
			fault: active, cloudSSO: c, writer: w, request: r, call: call, answer: answer, reply: reply,
		})
	}
	c.count(func(s *callStats) { s.Statuses[reply.status]++ })
	c.logCall(call, active, answer, reply, err)
	switch {
	case reply.status == 0:
		panic(http.ErrAbortHandler)
	case reply.sent:
		return
	}
	reply.write(w)
}

func (c *cloudSSO) count(change func(*callStats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.stats)
}

func (c *cloudSSO) logCall(call signedCall, active fault, answer document, reply apiReply, err error) {
	line := fmt.Sprintf("%s %s %d", call.Action, call.Params.Get("TaskId"), reply.status)
	if status, ok := answer["TaskStatus"].(map[string]any); ok {
		line += fmt.Sprint(" ", status["Status"])
	}
	if err != nil {
		line += " " + err.Error()
	}
	if active.Kind != "" {
		line += " (fault " + active.Kind + ")"
	}
	c.log.Print(line)
}

// reply turns an answer, or the refusal that err is, into a response.
func (c *cloudSSO) reply(r *http.Request, answer document, err error) apiReply {
	requestID := newRequestID()
	reply := apiReply{status: http.StatusOK, header: make(http.Header)}
	if refusal, ok := errors.AsType[*apiError](err); ok {
		reply.status = refusal.Status
		maps.Copy(reply.header, refusal.Header)
		answer = document{
			"HostId":    r.Host,
			"Code":      refusal.Code,
			"Message":   refusal.Message,
			"Recommend": "https://api.aliyun.com/troubleshoot?q=" + refusal.Code + "&product=cloudsso&requestId=" + requestID,
		}
		if refusal.Denied != nil {
			answer["AccessDeniedDetail"] = refusal.Denied
		}
	}
	answer["RequestId"] = requestID
	body, err := json.Marshal(answer)
	if err != nil {
		log.Panicf("marshal an answer: %v", err) // it holds plain values only
	}
	reply.body = body
	reply.header.Set("Content-Type", "application/json;charset=utf-8")
	reply.header.Set("X-Acs-Request-Id", requestID)
	return reply
}

// actions are what the API can do, each for a known directory.
func (c *cloudSSO) actions() map[string]func(signedCall) (document, error) {
	return map[string]func(signedCall) (document, error){
		"GetTaskStatus":          c.getTaskStatus,
		"GetTask":                c.getTask,
		"ListTasks":              c.listTasks,
		createAssignment:         c.create,
		deleteAssignment:         c.create,
		provisionConfiguration:   c.create,
		deprovisionConfiguration: c.create,
	}
}

func (c *cloudSSO) answer(r *http.Request, call signedCall) (document, error) {
	action, ok := c.actions()[call.Action]
	if !ok || call.Version != apiVersion || r.URL.Path != "/" {
		return nil, &apiError{Status: http.StatusNotFound, Code: "InvalidApi.NotFound", Message: "Specified api is not found, please check your url and method."}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return nil, &apiError{Status: http.StatusMethodNotAllowed, Code: "UnsupportedHTTPMethod", Message: "This http method is not supported."}
	}
	if err := require(call, "DirectoryId"); err != nil {
		return nil, err
	}
	if !slices.Contains(c.directories, call.Params.Get("DirectoryId")) {
		return nil, notFound("Directory")
	}
	return action(call)
}

// require refuses a call without one of the parameters.
func require(call signedCall, parameters ...string) error {
	for _, name := range parameters {
		if call.Params.Get(name) == "" {
			return missing(name)
		}
	}
	return nil
}

// oneOf refuses a parameter with a value that is none of those allowed.
func oneOf(call signedCall, parameter string, allowed ...string) error {
	if value := call.Params.Get(parameter); value != "" && !slices.Contains(allowed, value) {
		return invalid(parameter, "it must be one of "+strings.Join(allowed, ", "))
	}
	return nil
}

func (c *cloudSSO) findTask(call signedCall, asked bool) (simulatedTask, error) {
	if err := require(call, "TaskId"); err != nil {
		return simulatedTask{}, err
	}
	found, ok := c.tasks.find(call.Params.Get("DirectoryId"), call.Params.Get("TaskId"), asked)
	if !ok {
		return simulatedTask{}, notFound("Task")
	}
	return found, nil
}

func (c *cloudSSO) getTaskStatus(call signedCall) (document, error) {
	found, err := c.findTask(call, true)
	if err != nil {
		return nil, err
	}
	return document{"TaskStatus": found.progress(c.now())}, nil
}

func (c *cloudSSO) getTask(call signedCall) (document, error) {
	found, err := c.findTask(call, false)
	if err != nil {
		return nil, err
	}
	return document{"Task": found.details(c.now())}, nil
}

// details returns all that GetTask and ListTasks tell.
func (t *simulatedTask) details(now time.Time) map[string]any {
	members := t.progress(now)
	maps.Copy(members, t.subject())
	return members
}

var startTimeFilter = regexp.MustCompile(`(?i)^StartTime ge (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$`)

func (c *cloudSSO) listTasks(call signedCall) (document, error) {
	now := c.now()
	params := call.Params
	if err := cmp.Or(
		oneOf(call, "Status", statusInProgress, statusSuccess, statusFailed),
		oneOf(call, "TaskType", taskTypes...),
		oneOf(call, "PrincipalType", "User", "Group"),
		oneOf(call, "TargetType", "RD-Account"),
	); err != nil {
		return nil, err
	}
	from := now.Add(-listWindow)
	if filter := params.Get("Filter"); filter != "" {
		match := startTimeFilter.FindStringSubmatch(filter)
		if match == nil {
			return nil, invalid("Filter", "it must be StartTime ge YYYY-MM-DDTHH:mm:SSZ")
		}
		start, err := time.Parse(timeLayout, strings.ToUpper(match[1]))
		if err != nil {
			return nil, invalid("Filter", "it holds no time")
		}
		if now.Sub(start) > maxListReach {
			return nil, invalid("Filter", "it reaches back more than 7 days")
		}
		from = start
	}
	size := pageSize
	if text := params.Get("MaxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPageSize {
			return nil, invalid("MaxResults", "it must be 1 to 20")
		}
		size = n
	}

	matching := slices.DeleteFunc(c.tasks.list(params.Get("DirectoryId")), func(t simulatedTask) bool {
		return t.start.Truncate(time.Second).Before(from) || !selected(&t, call, now)
	})
	position := 0
	if token := params.Get("NextToken"); token != "" {
		last, ok := decodeNextToken(token, call)
		if !ok {
			return nil, invalid("NextToken", "it is not from a list with these parameters")
		}
		// Tasks may have come and left since, so the place is looked up anew.
		position = slices.IndexFunc(matching, func(t simulatedTask) bool { return newestFirst(t, last) > 0 })
		if position < 0 {
			position = len(matching)
		}
	}
	page := matching[position:min(position+size, len(matching))]
	tasks := make([]map[string]any, 0, len(page))
	for _, t := range page {
		tasks = append(tasks, t.details(now))
	}
	answer := document{
		"IsTruncated": position+len(page) < len(matching),
		"MaxResults":  size,
		"TotalCounts": len(matching),
		"Tasks":       tasks,
	}
	if position+len(page) < len(matching) {
		answer["NextToken"] = encodeNextToken(page[len(page)-1], call)
	}
	return answer, nil
}

// selected reports whether a list with the call's parameters holds the task.
func selected(t *simulatedTask, call signedCall, now time.Time) bool {
	is := func(parameter, value string) bool {
		wanted := call.Params.Get(parameter)
		return wanted == "" || wanted == value
	}
	// These two count only together with their types.
	pair := func(kind, id, kindValue, idValue string) bool {
		if call.Params.Get(kind) == "" || call.Params.Get(id) == "" {
			return true
		}
		return is(kind, kindValue) && is(id, idValue)
	}
	principal := ""
	if t.assignment() {
		principal = t.principal.id
	}
	return is("Status", t.status(now)) && is("TaskType", t.taskType) &&
		is("AccessConfigurationId", t.configuration.id) &&
		pair("PrincipalType", "PrincipalId", t.principalType(), principal) &&
		pair("TargetType", "TargetId", "RD-Account", t.account.id)
}

// encodeNextToken returns a token for what follows a task in a list. It is
// good only with the same parameters.
func encodeNextToken(last simulatedTask, call signedCall) string {
	text := fmt.Sprintf("%d %d %s", last.start.UnixNano(), last.sequence, listDigest(call))
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// decodeNextToken returns the place of the task that a token was made for.
func decodeNextToken(token string, call signedCall) (last simulatedTask, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return simulatedTask{}, false
	}
	var start int64
	var digest string
	if _, err := fmt.Sscanf(string(text), "%d %d %s", &start, &last.sequence, &digest); err != nil {
		return simulatedTask{}, false
	}
	last.start = time.Unix(0, start)
	return last, digest == listDigest(call)
}

func listDigest(call signedCall) string {
	var parameters strings.Builder
	for _, name := range []string{"DirectoryId", "Status", "TaskType", "AccessConfigurationId", "PrincipalType", "PrincipalId", "TargetType", "TargetId", "Filter", "MaxResults"} {
		fmt.Fprintf(&parameters, "%q", call.Params.Get(name))
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(parameters.String())))[:16]
}

// create is all four creators: they differ in what they need and in the form
// of their answer.
func (c *cloudSSO) create(call signedCall) (document, error) {
	needed := []string{"AccessConfigurationId"}
	switch call.Action {
	case createAssignment, deleteAssignment:
		needed = append(needed, "PrincipalType", "PrincipalId", "TargetType", "TargetId")
	case deprovisionConfiguration:
		needed = append(needed, "TargetType", "TargetId")
	}
	if err := require(call, needed...); err != nil {
		return nil, err
	}
	if err := cmp.Or(
		oneOf(call, "PrincipalType", "User", "Group"),
		oneOf(call, "TargetType", "RD-Account"),
		oneOf(call, "DeprovisionStrategy", "DeprovisionForLastAccessAssignmentOnAccount", "None"),
	); err != nil {
		return nil, err
	}
	// Provisioning without a target is for every account that has the configuration.
	targets := accounts
	if id := call.Params.Get("TargetId"); id != "" {
		targets = []party{named(accounts, id)}
	}
	var created []simulatedTask
	for _, target := range targets {
		created = append(created, c.tasks.add(taskSpec{
			directory:     call.Params.Get("DirectoryId"),
			taskType:      call.Action,
			configuration: named(configurations, call.Params.Get("AccessConfigurationId")),
			principal:     named(principals, call.Params.Get("PrincipalId")),
			account:       target,
		}))
	}
	return createdDocument(call.Action, created), nil
}

// order makes tasks without a call, and returns them with what their creator
// would have answered.
func (c *cloudSSO) order(spec taskSpec, count int) ([]simulatedTask, document) {
	var created []simulatedTask
	for range count {
		created = append(created, c.tasks.add(spec))
	}
	answer := createdDocument(spec.taskType, created)
	answer["RequestId"] = newRequestID()
	c.events.ordered(spec.taskType, created, answer)
	return created, answer
}

// named returns the known party with the id, or a new one without much of a name.
func named(known []party, id string) party {
	for _, p := range known {
		if p.id == id {
			return p
		}
	}
	if id == "" {
		return party{}
	}
	return party{id, "name of " + id}
}

// createdDocument is what a creator answers: an object from those that make
// one task, an array from those that can make several. It tells no times.
func createdDocument(action string, created []simulatedTask) document {
	var tasks []map[string]any
	for _, t := range created {
		members := t.subject()
		members["TaskId"] = t.id
		members["TaskType"] = t.taskType
		members["Status"] = statusInProgress
		tasks = append(tasks, members)
	}
	if len(tasks) == 1 && (action == createAssignment || action == deleteAssignment) {
		return document{"Task": tasks[0]}
	}
	return document{"Tasks": tasks}
}

// newRequestID returns an id in the form of the API's: an upper-case UUID.
func newRequestID() string {
	var random [16]byte
	rand.Read(random[:])
	return fmt.Sprintf("%X-%X-%X-%X-%X", random[:4], random[4:6], random[6:8], random[8:10], random[10:])
}
