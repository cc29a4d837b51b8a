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
			headers := []string{"Content-Type", "application/x-www-form-urlencoded"} // as curl sends -d
			for strings.HasPrefix(url, "-") {
				option, rest, _ := strings.Cut(url, " '")
				var value string
				value, url, _ = strings.Cut(rest, "' ")
				switch name, content, _ := strings.Cut(value, ": "); {
				case option == "-d":
					method, body = http.MethodPost, value
				case name == "Content-Type":
					headers[1] = content
				default:
					headers = append(headers, name, content)
				}
			}
			r := do(t, method, here.Replace(strings.Trim(url, "'")), body, headers...)
			told := strings.Contains(r.body, "t-sh") || strings.Contains(r.body, `"ok":true`) || strings.Contains(r.body, `"told":["`)
			if r.status != http.StatusOK || r.header.Get("X-Fc-Error-Type") != "" || !told || strings.Contains(r.body, `"error":`) || strings.Contains(r.body, `"ok":false`) {
				t.Errorf("got %d %s", r.status, r.body)
			}
		})
	}
	if sent < 6 {
		t.Errorf("the README shows %d requests, want at least 6", sent)
	}
}
