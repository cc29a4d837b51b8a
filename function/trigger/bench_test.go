package trigger_test

import (
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"taskstatus/function/trigger"
)

// BenchmarkInvokeHTTP is one HTTP trigger event in and one JSON answer out,
// beside what the handler itself does. FromContext's loggers are part of it.
func BenchmarkInvokeHTTP(b *testing.B) {
	answer := []byte(`{"taskId":"t-shfqw1u1edszvxw5abcd","status":"InProgress","done":false}`)
	f := &trigger.Function{
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "private, no-cache")
			_, _ = w.Write(answer)
		}),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	ctx := fccontext.NewContext(b.Context(), &fccontext.FcContext{RequestID: "1-64f6cd87-bench"})
	event := read(b, "http-browser.json")
	b.ReportAllocs()
	b.SetBytes(int64(len(event)))
	for b.Loop() {
		if _, err := f.Invoke(ctx, event); err != nil {
			b.Fatal(err)
		}
	}
}
