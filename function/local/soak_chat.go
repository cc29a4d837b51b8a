package main

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

const (
	kindChat   = "chat "
	kindForged = "chat, forged"
)

// askChats asks one after the other in every chat, once so that it is genuine, and
// once so that it is not.
func (s *soak) askChats(r *rand.Rand) {
	for _, name := range chatNames {
		t := s.finished(r)
		s.sayTo(s.pages, name, "task "+t.id, t.id)
		forged := &utterance{platform: name, text: "task " + t.id, from: "Mallory", forge: forgeries[r.IntN(len(forgeries))]}
		call, err := s.chat.platforms[name].call(forged)
		if errors.Is(err, errForgery) {
			forged.forge = "signature" // which is that of every platform
			call, err = s.chat.platforms[name].call(forged)
		}
		if err == nil {
			s.ask(s.pages, soakCall{kind: kindForged, request: s.called(call), judge: hasStatus(http.StatusForbidden)})
		}
	}
}

// sayTo says something in a chat, and wants an answer that holds a text, in the
// time that the platform allows.
func (s *soak) sayTo(on *measured, platform, text, want string) bool {
	u := &utterance{platform: platform, text: text, from: "Alice"}
	call, err := s.chat.platforms[platform].call(u)
	if err != nil {
		return false
	}
	began := s.now()
	s.answers.Store(u, chatEntry{})
	defer s.answers.Delete(u)
	return s.ask(on, soakCall{kind: kindChat + platform, request: s.called(call), judge: func(a soakAnswer) problem {
		if p := hasStatus(http.StatusOK)(a); p.what != "" {
			return p
		}
		p, ok := s.chat.platforms[platform].answer(u, chatResponse{a.status, a.header, a.body})
		if ok {
			p.said = u
			s.chat.record(platform, viaAnswer, "", p, a.body)
		}
		shown, _ := s.answers.Load(u)
		return judgeSaid(shown.(chatEntry), want, a.at.Sub(began), s.chat.platforms[platform].limit())
	}})
}

// called is a platform's call as a request.
func (s *soak) called(call chatCall) *http.Request {
	address, err := url.Parse(call.url)
	if err != nil {
		panic(err) // it begins with our own
	}
	r := s.request(call.method, address.RequestURI(), call.body)
	r.Header = call.header
	return r
}

// heard hears what comes to the chats: it may be what a ledger waits for, or an answer.
func (s *soak) heard(entry chatEntry) {
	s.ledger.heard(entry)
	if _, asked := s.answers.Load(entry.said); asked {
		s.answers.Store(entry.said, entry)
	}
}

// judgeSaid says what is wrong with the last that a chat shows for an answer.
func judgeSaid(shown chatEntry, want string, took, limit time.Duration) problem {
	switch {
	case shown.Status == "":
		return problem{what: "no answer in the chat"}
	case shown.Error != "":
		return problem{"the platform refuses the answer: " + shown.Error, string(shown.Raw)}
	case !bytes.Contains(shown.Raw, []byte(want)):
		return problem{"an answer about something else", string(shown.Raw)}
	case took > limit:
		return problem{"an answer that comes too late", took.String()}
	}
	return problem{}
}
