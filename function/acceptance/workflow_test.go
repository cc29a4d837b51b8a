package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// A workflow is one of GitHub Actions', with no field but those that are meant to be there.
type workflow struct {
	Name string `yaml:"name"`
	On   struct {
		Push struct {
			Branches []string `yaml:"branches"`
		} `yaml:"push"`
		PullRequest yaml.Node `yaml:"pull_request"`
	} `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency struct {
		Group            string `yaml:"group"`
		CancelInProgress bool   `yaml:"cancel-in-progress"`
	} `yaml:"concurrency"`
	Jobs map[string]struct {
		RunsOn         string `yaml:"runs-on"`
		TimeoutMinutes int    `yaml:"timeout-minutes"`
		Steps          []struct {
			Name string            `yaml:"name"`
			Uses string            `yaml:"uses"`
			With map[string]string `yaml:"with"`
			Run  string            `yaml:"run"`
		} `yaml:"steps"`
	} `yaml:"jobs"`
}

// TestWorkflow: the users' forge runs make check, with no more rights than that takes, and
// with actions that do not change by themselves.
func TestWorkflow(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", ".github", "workflows", "check.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	strictly(t, text, &w)
	if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
		t.Errorf("it may %v", w.Permissions)
	}
	if !slices.Equal(w.On.Push.Branches, []string{"main"}) || w.On.PullRequest.IsZero() {
		t.Errorf("it runs on %+v", w.On)
	}
	job, ok := w.Jobs["check"]
	if !ok || len(w.Jobs) != 1 || job.TimeoutMinutes < 30 || job.TimeoutMinutes > 120 || strings.HasSuffix(job.RunsOn, "latest") {
		t.Errorf("its jobs are %+v", w.Jobs)
	}
	used := make(map[string]map[string]string)
	var runs []string
	for _, step := range job.Steps {
		if (step.Uses == "") == (step.Run == "") {
			t.Errorf("%+v neither uses nor runs, or both", step)
		}
		if step.Run != "" {
			runs = append(runs, step.Run)
			continue
		}
		name, version, _ := strings.Cut(step.Uses, "@")
		if used[name] = step.With; !strings.HasPrefix(name, "actions/") || !regexp.MustCompile(`^v\d+\.\d+\.\d+$`).MatchString(version) {
			t.Errorf("it uses %s", step.Uses)
		}
	}
	if len(runs) == 0 || runs[len(runs)-1] != "make check" {
		t.Errorf("it runs %q", runs)
	}
	for name, with := range map[string][2]string{
		"actions/checkout":   {"persist-credentials", "false"},
		"actions/setup-go":   {"go-version-file", "go.mod"},
		"actions/setup-node": {"node-version", "20"},
		"actions/setup-java": {"distribution", "temurin"},
	} {
		if got := used[name][with[0]]; got != with[1] {
			t.Errorf("%s has %s %q, want %q", name, with[0], got, with[1])
		}
	}
	for _, file := range []string{used["actions/setup-go"]["go-version-file"], used["actions/setup-node"]["cache-dependency-path"]} {
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(file))); err != nil {
			t.Error(err)
		}
	}
}
