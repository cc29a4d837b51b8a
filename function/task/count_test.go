package task

import (
	"errors"
	"testing"
)

func TestCount(t *testing.T) {
	stands := func(s Status) Result { return Result{Task: Task{Status: s}} }
	lost := Result{Task: Task{Status: Success}, Err: errors.New("lost")} // what it was before counts for nothing
	for _, test := range []struct {
		name    string
		results []Result
		want    Counts
	}{
		{"none", nil, Counts{}},
		{"one of each", []Result{stands(Failed), stands(InProgress), stands(Success), stands("Paused"), lost}, Counts{1, 1, 1, 2}},
		{"several", []Result{stands(Success), stands(Failed), stands(Success)}, Counts{Failed: 1, Success: 2}},
	} {
		if got := Count(test.results); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
}
