package check

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"taskstatus/function/task"
)

const (
	here      = task.DirectoryID("d-00fc2p61abcd")
	elsewhere = task.DirectoryID("d-00xz91nf0000")
)

// recorded reads an event of testdata. Each is named for what it proves. Those
// named "documented" are of Alibaba's own pages; the others are made by hand, as what
// CloudSSO's hold is documented nowhere.
func recorded(t testing.TB, name string) Event {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var event Event
	if err := json.Unmarshal(data, &event); err != nil {
		t.Fatal(err)
	}
	return event
}

func TestReadEvent(t *testing.T) {
	const first, second, third = task.ID("t-shfqw1u1edszvxw5abcd"), task.ID("t-sh6tceylhvgejpipabcd"), task.ID("t-sh5k4gesm6twlrqbabcd")
	at := time.Date(2026, 11, 24, 4, 0, 2, 0, time.UTC)
	for name, want := range map[string]started{
		"response-elements":           {operation: task.CreateAccessAssignment, directory: here, ids: []task.ID{first}},
		"response-elements-tasks":     {operation: task.ProvisionAccessConfiguration, directory: here, ids: []task.ID{second, third}},
		"response-elements-as-text":   {operation: task.DeleteAccessAssignment, directory: here, ids: []task.ID{first}},
		"task-as-text":                {operation: task.CreateAccessAssignment, directory: here, ids: []task.ID{first}},
		"service-response":            {operation: task.DeprovisionAccessConfiguration, directory: here, ids: []task.ID{first}},
		"upper-case":                  {operation: task.CreateAccessAssignment, directory: here, ids: []task.ID{first}},
		"console-operation":           {operation: task.CreateAccessAssignment, directory: here, ids: []task.ID{first}},
		"only-the-response":           {operation: task.CreateAccessAssignment, ids: []task.ID{first}, at: time.Date(2026, 11, 24, 4, 0, 3, 0, time.UTC)},
		"no-task-id":                  {operation: task.CreateAccessAssignment, directory: here},
		"no-task-id-half-a-pair":      {operation: task.DeleteAccessAssignment, directory: here},
		"no-task-id-and-nothing-else": {operation: task.CreateAccessAssignment},
		"masked-task-id":              {operation: task.CreateAccessAssignment, directory: here},
		"another-directory":           {operation: task.CreateAccessAssignment, directory: elsewhere, ids: []task.ID{first}},
		"error-code-empty":            {operation: task.CreateAccessAssignment, directory: here, ids: []task.ID{first}},
		"task-id-in-the-request":      {operation: task.CreateAccessAssignment, directory: here, ids: []task.ID{first}},
		"disks-are-no-directories":    {operation: task.CreateAccessAssignment, ids: []task.ID{first}},
		"own-event":                   {directory: here, ids: []task.ID{first, second}, at: time.Date(2026, 11, 24, 4, 0, 3, 0, time.UTC)},
		"own-event-creators-response": {ids: []task.ID{first}, at: time.Date(2026, 11, 24, 4, 0, 3, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := readEvent(recorded(t, name))
			if want.at.IsZero() {
				want.at = at
			}
			if !ok || got.operation != want.operation || got.directory != want.directory || !slices.Equal(got.ids, want.ids) || !got.at.Equal(want.at) {
				t.Errorf("got %+v, %v, want %+v", got, ok, want)
			}
		})
	}
	for _, name := range []string{
		"refused-call", "another-operation", "another-service-documented", "another-service-with-a-task", "data-is-no-object",
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := readEvent(recorded(t, name)); ok {
				t.Errorf("got %+v, want nothing", got)
			}
		})
	}
}

// TestReadEventWithoutEnvelope: RawData leaves the envelope out.
func TestReadEventWithoutEnvelope(t *testing.T) {
	event := recorded(t, "response-elements")
	got, ok := readEvent(Event{ID: event.ID, Data: event.Data})
	if !ok || len(got.ids) != 1 || got.directory != here {
		t.Errorf("got %+v, %v", got, ok)
	}
}

func TestStartedRequest(t *testing.T) {
	for name, want := range map[string]task.ListRequest{
		"no-task-id": {
			Type: task.CreateAccessAssignment, AccessConfigurationID: "ac-00ccule7tadaijxc0001", PrincipalType: task.User, PrincipalID: "u-00q8wbq42wiltcrk0001",
			TargetType: "RD-Account", TargetID: "1142405247840001",
		},
		"no-task-id-half-a-pair": {Type: task.DeleteAccessAssignment, TargetType: "RD-Account", TargetID: "1142405247840001"},
	} {
		s, _ := readEvent(recorded(t, name))
		if got, ok := s.request(); got != want || !ok {
			t.Errorf("%s: got %+v, %v", name, got, ok)
		}
		s.at = time.Time{}
		if _, ok := s.request(); ok {
			t.Errorf("%s: a request for tasks of any time", name)
		}
	}
	s, _ := readEvent(recorded(t, "no-task-id-and-nothing-else"))
	if got, ok := s.request(); ok {
		t.Errorf("everybody's tasks are asked for: %+v", got)
	}
}

// FuzzReadEvent: whatever an event holds, only ids come out of it, and only of
// an event that is not Alibaba Cloud's or of the four operations.
func FuzzReadEvent(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no events", err)
	}
	for _, file := range files {
		event := recorded(f, file[len("testdata/"):len(file)-len(".json")])
		f.Add(event.Source, []byte(event.Data))
	}
	f.Fuzz(func(t *testing.T, source string, data []byte) {
		s, ok := readEvent(Event{Source: source, Data: data})
		for _, id := range s.ids {
			if again, err := task.ParseID(string(id)); err != nil || again != id {
				t.Errorf("%q is no id", id)
			}
		}
		if s.directory != "" {
			if again, err := task.ParseDirectoryID(string(s.directory)); err != nil || again != s.directory {
				t.Errorf("%q is no directory", s.directory)
			}
		}
		if r, named := s.request(); named && ((r.PrincipalID == "") != (r.PrincipalType == "") || (r.TargetID == "") != (r.TargetType == "")) {
			t.Errorf("half a pair: %+v", r)
		}
		if ok && s.operation == "" && len(s.ids) == 0 {
			t.Error("an event about nothing")
		}
	})
}

// TestFinderDepth: what lies within so many others is found, what lies deeper is not
// looked for.
func TestFinderDepth(t *testing.T) {
	for _, test := range []struct {
		name  string
		wrap  func(string) string
		found int // within so many
	}{
		{"objects", func(s string) string { return `{"task":` + s + `}` }, 7},
		{"lists", func(s string) string { return `[` + s + `]` }, 7},
		{"texts that hold objects", func(s string) string { text, _ := json.Marshal(`{"task":` + s + `}`); return string(text) }, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := `{"taskId":"t-shfqw1u1edszvxw5abcd"}`
			for within := range 12 {
				var f finder
				f.search(parseObject([]byte(`{"task":`+text+`}`)), 0)
				if found := len(f.ids) == 1; found != (within < test.found) {
					t.Errorf("within %d: found is %v", within, found)
				}
				text = test.wrap(text)
			}
		})
	}
}
