// Command echo is a function that does what its payload says. It is for
// testing the FC stand-in.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

// An order is the payload; an HTTP event carries it in its body.
type order struct {
	Do      string          `json:"do"`
	Millis  int             `json:"ms"`
	Times   int             `json:"times"` // attempts that do not succeed
	Answer  json.RawMessage `json:"answer"`
	Version string          `json:"version"`
	Body    string          `json:"body"`
}

func main() {
	// Progress of a goroutine that never rests shows whether the process is frozen.
	var ticks atomic.Int64
	go func() {
		for {
			time.Sleep(time.Millisecond)
			ticks.Add(1)
		}
	}()
	fc.Start(func(ctx context.Context, payload []byte) (json.RawMessage, error) {
		var o order
		if err := json.Unmarshal(payload, &o); err != nil {
			return nil, err
		}
		if o.Version == "v1" {
			o.Do = "answer"
			if o.Body == "" {
				o.Do = "event"
			} else if err := json.Unmarshal([]byte(o.Body), &o); err != nil {
				o.Do = "event"
			}
		}
		time.Sleep(time.Duration(o.Millis) * time.Millisecond)
		switch o.Do {
		case "answer":
			return o.Answer, nil
		case "event": // the HTTP event itself, as a response's body
			return json.Marshal(map[string]any{
				"statusCode": 200, "headers": map[string]string{"Content-Type": "application/json"},
				"isBase64Encoded": false, "body": string(payload),
			})
		case "error":
			return nil, errors.New("as ordered")
		case "fail", "hang", "die": // until there were so many attempts
			about, _ := fccontext.FromContext(ctx)
			switch {
			case about.RetryCount >= o.Times:
				return json.Marshal(about.RetryCount)
			case o.Do == "hang":
				time.Sleep(time.Minute)
			case o.Do == "die":
				os.Exit(3)
			}
			return nil, errors.New("as ordered")
		case "exit":
			os.Exit(3)
		case "ticks":
			return json.Marshal(ticks.Load())
		case "pid":
			return json.Marshal(os.Getpid())
		case "environ":
			return json.Marshal(os.Environ())
		case "context":
			about, _ := fccontext.FromContext(ctx)
			deadline, _ := ctx.Deadline()
			return json.Marshal(map[string]any{"context": about, "left": time.Until(deadline).Seconds()})
		}
		return payload, nil
	})
}
