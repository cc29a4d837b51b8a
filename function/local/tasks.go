package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// The types and states of a task, in the API's words.
const (
	provisionConfiguration   = "ProvisionAccessConfiguration"
	deprovisionConfiguration = "DeprovisionAccessConfiguration"
	createAssignment         = "CreateAccessAssignment"
	deleteAssignment         = "DeleteAccessAssignment"

	statusInProgress = "InProgress"
	statusSuccess    = "Success"
	statusFailed     = "Failed"
)

var taskTypes = []string{createAssignment, deleteAssignment, provisionConfiguration, deprovisionConfiguration}

// defaultDirectory is served when the function's configuration names none.
const defaultDirectory = "d-00fc2p61abcd"

// failureReasons are what simulated tasks fail with. Only the first is a text
// of Alibaba's own; there is no published list.
var failureReasons = []string{
	"No Permission.",
	"The number of RAM roles in the account exceeds the limit.",
	"The RAM role AliyunReservedSSO-ECS-Admin already exists in the account.",
	"The policy AliyunOTSFullAccess does not exist.",
	"Another task on the same account is in progress: conflict <t-sh0655wnq8pdlrlc0000>.",
	"成员账号 114240524784 已被停用。",
}

// A party is anything that a task names with an id and a name.
type party struct{ id, name string }

var (
	principals = []party{
		{"u-00q8wbq42wiltcrk0001", "Alice"},
		{"u-00q8wbq42wiltcrk0002", "bob@example.com"},
		{"g-00jqzghi2n3o5hkh0003", "Platform engineers"},
		{"u-00q8wbq42wiltcrk0004", "王小明"},
	}
	accounts = []party{
		{"1142405247840001", "dev-test"},
		{"1142405247840002", "staging"},
		{"1142405247840003", "production"},
	}
	configurations = []party{
		{"ac-00ccule7tadaijxc0001", "ECS-Admin"},
		{"ac-00ccule7tadaijxc0002", "ReadOnly"},
		{"ac-00ccule7tadaijxc0003", "Billing"},
	}
)

// A simulatedTask runs from start until end and then has its outcome: its
// state is a matter of the time at which somebody asks.
type simulatedTask struct {
	id            string
	directory     string
	taskType      string
	start, end    time.Time
	outcome       string
	reason        string // of a failure
	configuration party
	principal     party // not of the provisionings
	account       party
	sequence      int
	calls         int // how often GetTaskStatus asked for it
}

// status returns the task's state at a time.
func (t *simulatedTask) status(now time.Time) string {
	if now.Before(t.end) {
		return statusInProgress
	}
	return t.outcome
}

// assignment reports whether the task is about a person's or group's assignment.
func (t *simulatedTask) assignment() bool {
	return t.taskType == createAssignment || t.taskType == deleteAssignment
}

// principalType returns the type that CloudSSO gives the principal, which its id shows.
func (t *simulatedTask) principalType() string {
	if strings.HasPrefix(t.principal.id, "g-") {
		return "Group"
	}
	return "User"
}

// progress returns the six members that every reading action has.
//
// The real service is not of one mind on what it leaves out: an end time and
// a reason that are not there yet are seen absent and empty, and Alibaba's own
// sample has a reason beside Success. So all of them happen here, by turns.
func (t *simulatedTask) progress(now time.Time) map[string]any {
	turn := t.sequence + t.calls
	status := t.status(now)
	members := map[string]any{
		"TaskId":    t.id,
		"TaskType":  t.taskType,
		"Status":    status,
		"StartTime": t.start.UTC().Format(timeLayout),
	}
	switch status {
	case statusInProgress:
		if turn%2 == 0 {
			members["EndTime"] = ""
			members["FailureReason"] = ""
		}
		return members
	case statusFailed:
		members["FailureReason"] = t.reason
	default:
		switch turn % 3 {
		case 0:
			members["FailureReason"] = ""
		case 1:
			members["FailureReason"] = failureReasons[0]
		}
	}
	members["EndTime"] = t.end.UTC().Format(timeLayout)
	return members
}

// subject returns the members that say what the task is about.
func (t *simulatedTask) subject() map[string]any {
	members := map[string]any{
		"AccessConfigurationId":   t.configuration.id,
		"AccessConfigurationName": t.configuration.name,
		"TargetId":                t.account.id,
		"TargetName":              t.account.name,
		"TargetPath":              "rd-3G0001/r-Wm0001/" + t.account.id,
		"TargetPathName":          "rd-3G0001/root/" + t.account.name,
		"TargetType":              "RD-Account",
	}
	if t.assignment() {
		members["PrincipalId"] = t.principal.id
		members["PrincipalName"] = t.principal.name
		members["PrincipalType"] = t.principalType()
	}
	return members
}

// A taskStore holds the simulated tasks. What it makes up follows from its seed.
type taskStore struct {
	now func() time.Time

	mu     sync.Mutex
	random *rand.Rand
	byID   map[string]*simulatedTask
}

func newTaskStore(seed uint64, now func() time.Time) *taskStore {
	return &taskStore{
		now:    now,
		random: rand.New(rand.NewPCG(seed, seed)),
		byID:   make(map[string]*simulatedTask),
	}
}

// A taskSpec says what a new task shall be. Zero members are made up.
type taskSpec struct {
	id            string
	directory     string
	taskType      string
	age           time.Duration // since its start
	length        time.Duration
	instant       bool // a length of zero is meant
	outcome       string
	reason        string
	configuration party
	principal     party
	account       party
}

// add creates a task and returns a copy of it.
func (s *taskStore) add(spec taskSpec) simulatedTask {
	s.mu.Lock()
	defer s.mu.Unlock()
	if spec.length == 0 && !spec.instant {
		spec.length = 3*time.Second + time.Duration(s.random.IntN(15))*time.Second
	}
	if spec.outcome == "" {
		spec.outcome = statusSuccess
		if s.random.IntN(4) == 0 {
			spec.outcome = statusFailed
		}
	}
	if spec.outcome == statusFailed {
		spec.reason = cmp.Or(spec.reason, failureReasons[s.random.IntN(len(failureReasons))])
	}
	start := s.now().Add(-spec.age)
	created := &simulatedTask{
		id:            cmp.Or(spec.id, "t-sh"+s.text(18)),
		directory:     cmp.Or(spec.directory, defaultDirectory),
		taskType:      cmp.Or(spec.taskType, createAssignment),
		start:         start,
		end:           start.Add(spec.length),
		outcome:       spec.outcome,
		reason:        spec.reason,
		configuration: cmp.Or(spec.configuration, configurations[s.random.IntN(len(configurations))]),
		principal:     cmp.Or(spec.principal, principals[s.random.IntN(len(principals))]),
		account:       cmp.Or(spec.account, accounts[s.random.IntN(len(accounts))]),
		sequence:      len(s.byID),
	}
	s.byID[created.id] = created
	return *created
}

// text returns letters and digits as ids have them.
func (s *taskStore) text(n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[s.random.IntN(len(alphabet))]
	}
	return string(text)
}

// find returns a copy of a directory's task; with asked, the call is counted.
func (s *taskStore) find(directory, id string, asked bool) (simulatedTask, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.byID[id]
	if !ok || found.directory != directory {
		return simulatedTask{}, false
	}
	if asked {
		found.calls++
	}
	return *found, true
}

// list returns copies of a directory's tasks, the newest first.
func (s *taskStore) list(directory string) []simulatedTask {
	s.mu.Lock()
	defer s.mu.Unlock()
	var tasks []simulatedTask
	for _, t := range s.byID {
		if t.directory == directory {
			tasks = append(tasks, *t)
		}
	}
	slices.SortFunc(tasks, newestFirst)
	return tasks
}

// newestFirst is the order of lists. The real one is not documented.
func newestFirst(a, b simulatedTask) int {
	return cmp.Or(b.start.Compare(a.start), cmp.Compare(b.sequence, a.sequence))
}

// calls returns how often GetTaskStatus asked for each task.
func (s *taskStore) calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make(map[string]int)
	for id, t := range s.byID {
		if t.calls > 0 {
			calls[id] = t.calls
		}
	}
	return calls
}

// addInitial creates the tasks that are there from the start: some have ended,
// some run for seconds, one for hours. Those that the README asks for have the
// same ids each time.
func (s *taskStore) addInitial(directory string) {
	for _, spec := range []taskSpec{
		{id: "t-sh6tceylhvgejpipabcd", taskType: createAssignment, age: 10 * time.Minute, length: 2 * time.Second, outcome: statusSuccess},
		{id: "t-shfqw1u1edszvxw5abcd", taskType: createAssignment, age: 5 * time.Minute, length: time.Second, outcome: statusFailed, reason: failureReasons[0]},
		{id: "t-sh5k4gesm6twlrqbabcd", taskType: provisionConfiguration, age: 20 * time.Minute, length: 2 * time.Hour, outcome: statusSuccess},
		{taskType: createAssignment, length: 15 * time.Second, outcome: statusSuccess},
		{taskType: createAssignment, length: 30 * time.Second, outcome: statusFailed, reason: failureReasons[1]},
		{taskType: provisionConfiguration, length: 90 * time.Second, outcome: statusSuccess},
		// Nobody documents the length of an id.
		{id: fmt.Sprintf("t-%s", s.text(12)), taskType: deprovisionConfiguration, length: time.Minute, outcome: statusSuccess},
	} {
		spec.directory = directory
		s.add(spec)
	}
}
