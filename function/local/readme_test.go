package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadme sends every request that the README shows to the stage.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, options{instances: 4, env: map[string]string{"RECENT_TASKS": "on"}}) // as make run has it
	here := strings.NewReplacer("http://127.0.0.1:9000", s.frontURL, "http://127.0.0.1:9001", s.consoleURL, "http://127.0.0.1:9003", s.chatURL)
	sent := 0
	for line := range strings.Lines(string(readme)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "curl -s ")
		if !ok {
			continue
		}
		sent++
		t.Run(command, func(t *testing.T) {
			method, body := http.MethodGet, ""
			url := command
			if data, ok := strings.CutPrefix(command, "-d '"); ok {
				method = http.MethodPost
				body, url, _ = strings.Cut(data, "' ")
			}
			r := do(t, method, here.Replace(strings.Trim(url, "'")), body, "Content-Type", "application/x-www-form-urlencoded") // as curl sends -d
			told := strings.Contains(r.body, "t-sh") || strings.Contains(r.body, `"ok":true`)
			if r.status != http.StatusOK || r.header.Get("X-Fc-Error-Type") != "" || !told || strings.Contains(r.body, `"error":`) || strings.Contains(r.body, `"ok":false`) {
				t.Errorf("got %d %s", r.status, r.body)
			}
		})
	}
	if sent < 6 {
		t.Errorf("the README shows %d requests, want at least 6", sent)
	}
}
