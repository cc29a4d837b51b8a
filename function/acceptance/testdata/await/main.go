// Waits for a task to end, and fails with the reason where it has failed:
// TOKEN=… go run main.go https://status.example.com/tasks/t-…
package main

import (
	"cmp"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	for {
		request, err := http.NewRequest(http.MethodGet, os.Args[1]+"?wait=20", nil)
		if err != nil {
			log.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			log.Fatal(err)
		}
		var answer map[string]any
		err = json.NewDecoder(response.Body).Decode(&answer)
		response.Body.Close()
		retryAfter, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		switch {
		case err != nil:
			log.Fatal(err)
		case answer["status"] == "Success":
			return
		case retryAfter == 0: // nothing will change
			log.Fatal(answer["status"], " ", cmp.Or(answer["failureReason"], answer["detail"], answer["title"]))
		}
		time.Sleep(time.Duration(retryAfter) * time.Second)
	}
}
