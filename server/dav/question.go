package dav

import (
	"net/http"
	"sync"
)

// questions remembers what PROPFIND bodies ask: a client sends the same few again and again.
type questions struct {
	mu     sync.Mutex
	byBody map[string]propfind
}

const (
	maxQuestions = 128     // how many bodies are remembered
	longQuestion = 2 << 10 // bytes of the longest that is
)

func newQuestions() *questions { return &questions{byBody: map[string]propfind{}} }

// read answers what a request's body asks for. It refuses what readBody and parsePropfind do.
func (k *questions) read(r *http.Request) (propfind, error) {
	body, err := readBytes(r)
	if err != nil {
		return propfind{}, err
	}
	k.mu.Lock()
	find, ok := k.byBody[string(body)]
	k.mu.Unlock()
	if ok {
		return find, nil
	}
	root, err := parseXML(body)
	if err != nil {
		return propfind{}, err
	}
	if find, err = parsePropfind(root); err != nil || len(body) > longQuestion {
		return find, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for other := range k.byBody { // any will do: it costs one reading to come back
		if len(k.byBody) < maxQuestions {
			break
		}
		delete(k.byBody, other)
	}
	k.byBody[string(body)] = find
	return find, nil
}
