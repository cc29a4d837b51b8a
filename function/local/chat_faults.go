package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// A chatFault is a way in which a platform shall misbehave towards what is posted to it.
type chatFault struct {
	Platform string `json:"platform"`
	Kind     string `json:"kind"`
	On       string `json:"on,omitempty"`    // only this way of posting; empty: all but getting a token
	Count    int    `json:"count,omitempty"` // posts left; 0: until cleared
}

// chatFaultKinds are the faults that all platforms can have, those of the
// machines and lines between. What a platform itself can find fault with is
// in its refusals.
var chatFaultKinds = map[string]func(*chat, http.ResponseWriter, *http.Request) apiReply{
	"down": func(*chat, http.ResponseWriter, *http.Request) apiReply {
		return textReply(http.StatusServiceUnavailable, "text/plain", "upstream connect error")
	},
	"html": func(*chat, http.ResponseWriter, *http.Request) apiReply {
		return textReply(http.StatusOK, "text/html", "<html><head><title>Login</title></head><body>Welcome to the airport Wi-Fi</body></html>")
	},
	"redirect": func(*chat, http.ResponseWriter, *http.Request) apiReply {
		reply := textReply(http.StatusFound, "text/plain", "")
		reply.header.Set("Location", "/elsewhere")
		return reply
	},
	"reset": func(_ *chat, w http.ResponseWriter, _ *http.Request) apiReply {
		resetConnection(w)
		return apiReply{}
	},
	"stall": func(c *chat, _ http.ResponseWriter, r *http.Request) apiReply {
		select {
		case <-r.Context().Done():
		case <-c.closing:
		}
		return apiReply{}
	},
}

func textReply(status int, contentType, body string) apiReply {
	return apiReply{status: status, header: http.Header{"Content-Type": {contentType}}, body: []byte(body)}
}

// left is how often the fault is still met.
func (f *chatFault) left() *int { return &f.Count }

func (c *chat) serveFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"faults": c.faults.active()})
}

func (c *chat) serveAddFault(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	added := chatFault{Platform: query.Get("platform"), Kind: query.Get("kind"), On: query.Get("on")}
	platform := c.receivers[added.Platform]
	if platform == nil {
		badRequest(w, errPlatform(added.Platform, receiverNames))
		return
	}
	kinds := slices.Collect(maps.Keys(chatFaultKinds))
	var ways []string
	for _, endpoint := range platform.endpoints() {
		ways = append(ways, endpoint.via)
		if added.On == "" && endpoint.via != viaToken || added.On == endpoint.via {
			kinds = slices.AppendSeq(kinds, maps.Keys(platform.refusals(endpoint.via)))
		}
	}
	slices.Sort(ways)
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	count, err := numberParam(query, "count", 0)
	added.Count = int(count)
	if !slices.Contains(kinds, added.Kind) {
		err = cmp.Or(err, fmt.Errorf("kind %q: on %s it must be one of %v", added.Kind, added.Platform, kinds))
	}
	if added.On != "" && !slices.Contains(ways, added.On) {
		err = cmp.Or(err, fmt.Errorf("on %q: on %s it must be one of %v", added.On, added.Platform, ways))
	}
	if err != nil {
		badRequest(w, err)
		return
	}
	c.faults.add(added)
	c.serveFaults(w, r)
}

func (c *chat) serveClearFaults(w http.ResponseWriter, r *http.Request) {
	c.faults.clear()
	c.serveFaults(w, r)
}
