package trigger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"taskstatus/function/budget"
)

func TestBudget(t *testing.T)     { budget.Test(t, costs(t)) }
func BenchmarkCosts(b *testing.B) { budget.Benchmark(b, costs(b)) }

// costs are an event in, some answers out, and both together, with what is FC's own:
// FromContext's loggers, and that the SDK encodes the answer. None can fail unnoticed.
func costs(tb testing.TB) []budget.Item {
	event := mustRead(tb, "testdata/http-browser.json")
	all := []budget.Item{{Name: "read an event", Allocations: 58, Do: func() {
		r, err := parseHTTP(event).request(tb.Context(), "1-bench")
		if err != nil || r.URL.Path != "/tasks/t-shfqw1u1edszvxw5abcd" || len(r.Header) != 12 {
			tb.Fatalf("got %+v, %v", r, err)
		}
	}}}
	ctx := fccontext.NewContext(tb.Context(), &fccontext.FcContext{RequestID: "1-bench"})
	page := mustRead(tb, "../site/testdata/failed.en.html")
	for _, answer := range []struct {
		name            string
		write, inAndOut float64
		status          int
		contentType     string
		body            []byte
		sent            string // of the response object
	}{
		{"a document", 58, 125, http.StatusOK, "application/json", []byte(`{"done":true}`), `"isBase64Encoded":false,"body":"{\"done\":true}"}`},
		{"a page", 60, 125, http.StatusOK, "text/html", page, `"isBase64Encoded":true,"body":"` + base64.StdEncoding.EncodeToString(page) + `"}`},
		{"no change", 52, 118, http.StatusNotModified, "", nil, `"isBase64Encoded":false,"body":""}`},
	} {
		header := siteHeader()
		if answer.contentType != "" {
			header.Set("Content-Type", answer.contentType)
		}
		handler := func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), header)
			w.WriteHeader(answer.status)
			_, _ = w.Write(answer.body)
		}
		begin, end := fmt.Appendf(nil, `{"statusCode":%d,"headers":{`, answer.status), []byte(answer.sent)
		check := func(result any, err error) {
			encoded, failed := json.Marshal(result)
			if err != nil || failed != nil || !bytes.HasPrefix(encoded, begin) || !bytes.HasSuffix(encoded, end) {
				tb.Fatalf("got %s, %v, %v", encoded, err, failed)
			}
		}
		f := &Function{HTTP: http.HandlerFunc(handler), Log: slog.New(slog.DiscardHandler)}
		all = append(all, budget.Item{Name: "write " + answer.name, Allocations: answer.write, Do: func() {
			w := &responseWriter{header: http.Header{}}
			handler(w, nil)
			check(w.finish(http.MethodGet), nil)
		}}, budget.Item{Name: "an event in, " + answer.name + " out", Allocations: answer.inAndOut, Do: func() {
			check(f.Invoke(ctx, event))
		}})
	}
	return all
}

// siteHeader has as many fields as an answer of the site, and values as long.
func siteHeader() http.Header {
	header := make(http.Header)
	for i := range 14 {
		header.Set(fmt.Sprint("X-Field-", i), strings.Repeat("value ", 8))
	}
	return header
}

func mustRead(tb testing.TB, file string) []byte {
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
