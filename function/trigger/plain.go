package trigger

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// readPlain reads an HTTP trigger event as Function Compute writes it, in a third
// of the time that encoding/json takes, which is most of what a request costs here.
// It reports false for any other, which is left to encoding/json: one with a field
// that is of another type, or has its name in other letters, or that is broken.
func readPlain(data []byte) (*httpEvent, bool) {
	ev := new(httpEvent)
	r := &plainReader{rest: data}
	r.object(func(name []byte) {
		switch string(name) {
		case "version":
			ev.Version = string(r.text())
		case "rawPath":
			ev.RawPath = string(r.text())
		case "body":
			ev.Body = string(r.text())
		case "isBase64Encoded":
			ev.IsBase64Encoded = r.flag()
		case "headers":
			r.texts(&ev.Headers)
		case "queryParameters":
			r.texts(&ev.QueryParameters)
		case "requestContext":
			r.context(&ev.RequestContext)
		default:
			r.other(name)
		}
	})
	return ev, r.ended()
}

func (r *plainReader) context(c *httpContext) {
	r.object(func(name []byte) {
		switch string(name) {
		case "domainName":
			c.DomainName = string(r.text())
		case "requestId":
			c.RequestID = string(r.text())
		case "http":
			r.object(func(name []byte) {
				switch string(name) {
				case "method":
					c.HTTP.Method = string(r.text())
				case "path":
					c.HTTP.Path = string(r.text())
				case "protocol":
					c.HTTP.Protocol = string(r.text())
				case "sourceIp":
					c.HTTP.SourceIP = string(r.text())
				default:
					r.other(name)
				}
			})
		default:
			r.other(name)
		}
	})
}

// plainNames are the names that readPlain knows.
var plainNames = []string{
	"version", "rawPath", "body", "isBase64Encoded", "headers", "queryParameters", "requestContext",
	"domainName", "requestId", "http", "method", "path", "protocol", "sourceIp",
}

// other skips the text of a name that nothing here needs. It fails where
// encoding/json would take the name for one that is needed, in other letters.
func (r *plainReader) other(name []byte) {
	known := func(needed string) bool { return strings.EqualFold(needed, string(name)) }
	r.failed = r.failed || slices.ContainsFunc(plainNames, known)
	r.text()
}

// A plainReader reads JSON objects of texts and flags, and nothing else of JSON.
// Once it has failed it stays so, and what it returns means nothing.
type plainReader struct {
	rest   []byte
	failed bool
}

// object reads an object, of which value reads the value of each name.
func (r *plainReader) object(value func(name []byte)) {
	r.expect('{')
	if r.next('}') {
		return
	}
	for !r.failed {
		name := r.text()
		r.expect(':')
		value(name)
		if r.next('}') {
			return
		}
		r.expect(',')
	}
}

// texts adds the texts of an object to those that there are; null takes them away.
func (r *plainReader) texts(to *map[string]string) {
	r.blanks()
	if rest, ok := bytes.CutPrefix(r.rest, []byte("null")); ok {
		r.rest, *to = rest, nil
		return
	}
	if *to == nil {
		*to = make(map[string]string)
	}
	r.object(func(name []byte) { (*to)[string(name)] = string(r.text()) })
}

// text reads a text. One that is not plain ASCII is encoding/json's to decode.
func (r *plainReader) text() []byte {
	r.blanks()
	if len(r.rest) == 0 || r.rest[0] != '"' {
		r.failed = true
		return nil
	}
	plain := true
	for i := 1; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '"':
			quoted := r.rest[:i+1]
			r.rest = r.rest[i+1:]
			if plain {
				return quoted[1:i]
			}
			var text string
			r.failed = r.failed || json.Unmarshal(quoted, &text) != nil
			return []byte(text)
		case c == '\\':
			plain = false
			i++ // what comes next is escaped
		case c < ' ' || c >= utf8.RuneSelf:
			plain = false
		}
	}
	r.failed = true
	return nil
}

// flag reads true or false.
func (r *plainReader) flag() bool {
	r.blanks()
	if rest, ok := bytes.CutPrefix(r.rest, []byte("true")); ok {
		r.rest = rest
		return true
	}
	rest, ok := bytes.CutPrefix(r.rest, []byte("false"))
	r.rest, r.failed = rest, r.failed || !ok
	return false
}

// expect reads a character that has to be there.
func (r *plainReader) expect(c byte) { r.failed = !r.next(c) || r.failed }

// next reads a character if it is the next.
func (r *plainReader) next(c byte) bool {
	r.blanks()
	if len(r.rest) == 0 || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// ended reports whether that was all, and nothing wrong with it.
func (r *plainReader) ended() bool {
	r.blanks()
	return !r.failed && len(r.rest) == 0
}

func (r *plainReader) blanks() {
	for len(r.rest) > 0 && (r.rest[0] == ' ' || r.rest[0] == '\n' || r.rest[0] == '\r' || r.rest[0] == '\t') {
		r.rest = r.rest[1:]
	}
}
