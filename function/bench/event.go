package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

const (
	token     = "a-token-of-the-bench"
	taskID    = "t-shfqw1u1edszvxw5abcd"
	directory = "d-00fc2p61abcd"
)

// event is an HTTP trigger event as Function Compute writes one for a browser or a program.
func event(path string, query, header map[string]string) []byte {
	headers := map[string]string{
		"Accept-Encoding":   "gzip, deflate, br, zstd",
		"Accept-Language":   "en-GB,en;q=0.9,de;q=0.8",
		"Authorization":     "Bearer " + token,
		"Host":              "status.example.com",
		"User-Agent":        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		"X-Forwarded-Proto": "https",
	}
	for name, value := range header {
		headers[name] = value
	}
	if query == nil {
		query = map[string]string{}
	}
	encoded, err := json.Marshal(map[string]any{
		"version": "v1", "rawPath": path, "body": "", "isBase64Encoded": false,
		"headers": headers, "queryParameters": query,
		"requestContext": map[string]any{
			"accountId": "1234567890123456", "domainName": "status.example.com", "domainPrefix": "status",
			"http": map[string]string{
				"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": headers["User-Agent"],
			},
			"requestId": "1-67441c30-15d4-9e0b1c2d3f4a", "time": "2026-01-02T03:04:05Z", "timeEpoch": "1767323045000",
		},
	})
	if err != nil {
		panic(err) // texts always marshal
	}
	return encoded
}

var (
	forJSON = map[string]string{"Accept": "application/json"}
	forPage = map[string]string{"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
	// fragment is what the script of a page adds: the part that changes, alone.
	fragment = map[string]string{"fragment": "1"}
)

func taskEvent(id string, header map[string]string) []byte { return event("/tasks/"+id, nil, header) }

// boardEvent asks for as many tasks as one request may.
func boardEvent(ids []string, header map[string]string) []byte {
	return event("/tasks", map[string]string{"id": strings.Join(ids, ",")}, header)
}

// someID is a task that none of the others is.
func someID(n int) string { return fmt.Sprintf("t-sh%016dabcd", n) }

// board are the ids of 20 tasks from one on.
func board(from int) []string {
	ids := make([]string, 20)
	for n := range ids {
		ids[n] = someID(from + n)
	}
	return ids
}

// environment is what the functions are configured with.
func environment(endpoint, roots string) []string {
	sum := sha256.Sum256([]byte(token))
	return []string{
		"CLOUDSSO_DIRECTORY_ID=" + directory,
		"CLOUDSSO_REGION=cn-shanghai",
		"CLOUDSSO_ENDPOINT=" + endpoint,
		"ACCESS_TOKENS=bench:" + hex.EncodeToString(sum[:]),
		"SIGNING_KEY=" + strings.Repeat("0123456789abcdef", 2),
		"PUBLIC_URL=https://status.example.com",
		"FC_FUNCTION_MEMORY_SIZE=128",
		"SSL_CERT_FILE=" + roots,
	}
}
