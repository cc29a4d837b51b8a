package site

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"strings"
	"testing"

	"taskstatus/function/trigger"
	"taskstatus/web"
)

// compressed is what a browser asks for.
const compressed = "Accept-Encoding: gzip, deflate, br, zstd"

func TestAssets(t *testing.T) {
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	for _, name := range []string{web.Style, web.StatusScript, web.IndexScript, web.Icon, web.IconOpen, web.IconSuccess, web.IconFailed} {
		t.Run(name, func(t *testing.T) {
			s, l := newSite()
			s.Guard = guard("") // these need nobody's permission, and tell nothing
			got, plain := send(s, request("GET", assetPath(name), compressed)), send(s, request("GET", assetPath(name)))
			for _, w := range []http.Header{got.Header(), plain.Header()} {
				for header, want := range map[string]string{
					"Content-Type": types[path.Ext(name)], "Cache-Control": "public, max-age=31536000, immutable",
					"Vary": "Accept-Encoding", "ETag": `W/"` + name + `"`, "Content-Language": "", "X-Content-Type-Options": "nosniff",
				} {
					if w.Get(header) != want {
						t.Errorf("%s is %q, want %q", header, w.Get(header), want)
					}
				}
			}
			file, _ := web.File(name)
			if got.Code != 200 || got.Header().Get("Content-Encoding") != "gzip" || got.Body.String() != string(file) {
				t.Errorf("compressed: got %d %v, %d bytes, want %d", got.Code, got.Header(), got.Body.Len(), len(file))
			}
			want, err := gunzip(file)
			if err != nil {
				t.Fatal(err)
			}
			if plain.Code != 200 || plain.Header().Get("Content-Encoding") != "" || plain.Body.String() != string(want) {
				t.Errorf("not compressed: got %d %v, %s", plain.Code, plain.Header(), plain.Body)
			}
			if l.asked != 0 {
				t.Errorf("%d looks", l.asked)
			}
		})
	}
}

// TestIndex: the page needs permission, and is for one person only.
func TestIndex(t *testing.T) {
	s, l := newSite()
	got, plain := send(s, request("GET", "/", compressed)), send(s, request("GET", "/"))
	for _, w := range []http.Header{got.Header(), plain.Header()} {
		for header, want := range map[string]string{
			"Content-Type": page, "Cache-Control": privatePage, "Vary": "Accept-Encoding, Authorization, Cookie",
			"ETag": `W/"` + web.Index + `"`, "Content-Language": "",
		} {
			if w.Get(header) != want {
				t.Errorf("%s is %q, want %q", header, w.Get(header), want)
			}
		}
	}
	if file, _ := web.File(web.Index); got.Header().Get("Content-Encoding") != "gzip" || got.Body.String() != string(file) {
		t.Errorf("compressed: got %v, %d bytes, want %d", got.Header(), got.Body.Len(), len(file))
	}
	if plain.Header().Get("Content-Encoding") != "" || !strings.Contains(plain.Body.String(), `"`+assetPath(web.Style)+`"`) {
		t.Errorf("not compressed: got %v %s", plain.Header(), plain.Body)
	}
	s.Guard = guard("token")
	for header, want := range map[string]int{"": 401, "Authorization: Bearer token": 200} {
		if w := send(s, request("GET", "/", compressed, header)); w.Code != want || l.asked != 0 {
			t.Errorf("%q: got %d with %d looks, want %d", header, w.Code, l.asked, want)
		}
	}
}

// TestContract: what can be asked is for everybody to know.
func TestContract(t *testing.T) {
	s, l := newSite()
	s.Guard = guard("")
	got, plain := send(s, request("GET", "/openapi.yaml", compressed)), send(s, request("GET", "/openapi.yaml", asksForPage))
	for _, w := range []http.Header{got.Header(), plain.Header()} {
		for header, want := range map[string]string{
			"Content-Type": "application/yaml", "Cache-Control": "public, max-age=300", "Vary": "Accept-Encoding",
			"ETag": `W/"` + web.Contract + `"`, "Content-Language": "",
		} {
			if w.Get(header) != want {
				t.Errorf("%s is %q, want %q", header, w.Get(header), want)
			}
		}
	}
	if file, _ := web.File(web.Contract); got.Header().Get("Content-Encoding") != "gzip" || got.Body.String() != string(file) {
		t.Errorf("compressed: got %v, %d bytes, want %d", got.Header(), got.Body.Len(), len(file))
	}
	if plain.Header().Get("Content-Encoding") != "" || !strings.HasPrefix(plain.Body.String(), "openapi: 3.1.") || l.asked != 0 {
		t.Errorf("not compressed: got %v %.40s after %d looks", plain.Header(), plain.Body, l.asked)
	}
}

func TestStaticAgain(t *testing.T) {
	for _, target := range []string{"/", "/openapi.yaml", assetPath(web.Style)} {
		for _, coding := range []string{compressed, "Accept-Encoding: identity"} {
			s, _ := newSite()
			get, head := send(s, request("GET", target, coding)), send(s, request("HEAD", target, coding))
			if head.Code != 200 || head.Body.Len() != 0 || fmt.Sprint(head.Header()) != fmt.Sprint(get.Header()) {
				t.Errorf("HEAD %s: %d %v, GET: %v", target, head.Code, head.Header(), get.Header())
			}
			// One validator for all codings.
			tag := send(s, request("GET", target)).Header().Get("ETag")
			again := send(s, request("GET", target, coding, "If-None-Match: "+tag))
			h := again.Header()
			if again.Code != 304 || again.Body.Len() != 0 || h.Get("ETag") != tag || h.Get("Vary") != get.Header().Get("Vary") ||
				h.Get("Cache-Control") != get.Header().Get("Cache-Control") || h.Get("Content-Encoding") != "" || h.Get("Content-Type") != "" {
				t.Errorf("%s again: got %d %v", target, again.Code, h)
			}
			if other := send(s, request("GET", target, coding, `If-None-Match: W/"style-00000000.css"`)); other.Code != 200 || other.Body.String() != get.Body.String() {
				t.Errorf("%s of another release: got %d, want 200", target, other.Code)
			}
		}
	}
}

func TestNoSuchAsset(t *testing.T) {
	for _, target := range []string{
		"/assets", assets, assetPath("style.css"), assetPath("style-00000000.css"), assetPath(web.Style + ".gz"), assetPath("x.json"),
		assetPath("x/" + web.Style), assetPath("/" + web.Style), assetPath("../dist/" + web.Style), assetPath(web.Style + "/"),
		assetPath(web.Index), "/style.css", "/icon.svg", "/" + web.Style,
	} {
		s, _ := newSite()
		s.Guard = guard("token")
		w := send(s, request("GET", target, compressed))
		if w.Code != 404 || w.Header().Get("Cache-Control") != noStore || w.Header().Get("Content-Encoding") != "" ||
			w.Header().Get("ETag") != "" || !strings.Contains(w.Body.String(), `"/problems/no-such-page"`) {
			t.Errorf("%s: got %d %v %s", target, w.Code, w.Header(), w.Body)
		}
	}
	s, _ := newSite()
	if w := send(s, request("POST", assetPath(web.Style))); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("POST: got %d %v", w.Code, w.Header())
	}
}

func TestTakesGzip(t *testing.T) {
	for _, test := range []struct {
		name    string
		headers []string
		want    bool
	}{
		{"none", nil, false},
		{"empty", []string{""}, false},
		{"a browser", []string{"gzip, deflate, br, zstd"}, true},
		{"in capitals", []string{"GZip;Q=1"}, true},
		{"anything", []string{"*"}, true},
		{"anything, of little weight", []string{"br;q=1, *;q=0.1"}, true},
		{"others", []string{"br, zstd"}, false},
		{"refused", []string{"gzip;q=0"}, false},
		{"refused, at length", []string{"gzip; q=0.000, br"}, false},
		{"refused, anything else not", []string{"*, gzip;q=0"}, false},
		{"anything else refused", []string{"gzip;q=1.0, identity; q=0.5, *;q=0"}, true},
		{"anything refused", []string{"*;q=0"}, false},
		{"no coding preferred", []string{"identity, gzip;q=0.5"}, false},
		{"no coding refused", []string{"identity;q=0, gzip;q=0.1"}, true},
		{"no coding but this one refused", []string{"identity;q=0, gzip;q=0"}, false},
		{"no coding preferred to anything", []string{"identity;q=0.5, *;q=0.1"}, false},
		{"a weight that is none", []string{"gzip;q=x"}, false},
		{"a coding of a like name", []string{"x-gzip"}, false},
		{"two headers", []string{"br", "gzip"}, true},
		{"two headers, one refuses", []string{"*", "gzip;q=0"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			r := request("GET", assetPath(web.Style))
			for _, header := range test.headers {
				r.Header.Add("Accept-Encoding", header)
			}
			if got := send(s, r).Header().Get("Content-Encoding") == "gzip"; got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestAssetsInFunctionCompute: there a body is a string of JSON, and what is
// compressed has to be base64.
func TestAssetsInFunctionCompute(t *testing.T) {
	s, _ := newSite()
	f := &trigger.Function{HTTP: s, Log: slog.New(slog.DiscardHandler)}
	for _, test := range []struct {
		name, target, method, accepted, encoding string
	}{
		{"compressed", assetPath(web.Style), "GET", "gzip", "gzip"},
		{"not compressed", assetPath(web.Style), "GET", "", ""},
		{"HEAD", assetPath(web.Style), "HEAD", "gzip", "gzip"},
		{"the page", "/", "GET", "gzip", "gzip"},
	} {
		t.Run(test.name, func(t *testing.T) {
			event := fmt.Sprintf(`{"version":"v1","rawPath":%q,"body":"","isBase64Encoded":false,"headers":{"accept-encoding":%q},`+
				`"queryParameters":{},"requestContext":{"http":{"method":%q,"path":%[1]q}}}`, test.target, test.accepted, test.method)
			response, err := f.Invoke(t.Context(), []byte(event))
			if err != nil {
				t.Fatal(err)
			}
			result, err := json.Marshal(response) // as the SDK does
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				StatusCode      int
				Headers         map[string]string
				IsBase64Encoded bool
				Body            json.RawMessage
			}
			if err := json.Unmarshal(result, &got); err != nil {
				t.Fatal(err)
			}
			var body []byte // which JSON has in base64
			if got.IsBase64Encoded {
				err = json.Unmarshal(got.Body, &body)
			} else {
				var text string
				err = json.Unmarshal(got.Body, &text)
				body = []byte(text)
			}
			if err != nil {
				t.Fatal(err)
			}
			want := send(s, request(test.method, test.target, "Accept-Encoding: "+test.accepted))
			if got.StatusCode != 200 || string(body) != want.Body.String() || test.encoding != "" && len(body) > 0 && !got.IsBase64Encoded {
				t.Errorf("got %d with %d bytes, base64 %v; want 200 with %d", got.StatusCode, len(body), got.IsBase64Encoded, want.Body.Len())
			}
			headers := make(map[string]string)
			for name, values := range want.Header() {
				headers[name] = strings.Join(values, ", ")
			}
			if !maps.Equal(got.Headers, headers) || got.Headers["Content-Encoding"] != test.encoding {
				t.Errorf("got %v, want %v", got.Headers, headers)
			}
		})
	}
}

// TestLargeAnswers: a large answer is compressed for who takes that, and says the same.
func TestLargeAnswers(t *testing.T) {
	many := make([]string, maxTasks)
	for i := range many {
		many[i] = fmt.Sprintf("t-shfailed%013d", i)
	}
	for _, test := range []struct {
		name, target string
		want         bool
	}{
		{"one task", "/tasks/" + string(failed), false},
		{"many tasks", "/tasks?id=" + strings.Join(many, ","), true},
		{"the renewed part of them", "/tasks?fragment=1&id=" + strings.Join(many, ","), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newSite()
			plain, got := send(s, request("GET", test.target, asksForPage)), send(s, request("GET", test.target, asksForPage, compressed))
			head := send(s, request("HEAD", test.target, asksForPage, compressed))
			if zipped := got.Header().Get("Content-Encoding") == "gzip"; zipped != test.want || head.Header().Get("Content-Encoding") != got.Header().Get("Content-Encoding") {
				t.Fatalf("compressed: %v, want %v; HEAD: %v", zipped, test.want, head.Header())
			}
			body := got.Body.Bytes()
			if test.want {
				var err error
				if body, err = gunzip(body); err != nil {
					t.Fatal(err)
				}
				if 3*got.Body.Len() > plain.Body.Len() {
					t.Errorf("%d bytes of %d", got.Body.Len(), plain.Body.Len())
				}
			}
			if string(body) != plain.Body.String() || got.Header().Get("ETag") != plain.Header().Get("ETag") {
				t.Error("they differ")
			}
		})
	}
}
