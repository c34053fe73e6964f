package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// eventReceiver counts how often each path arrived.
type eventReceiver struct {
	URL string

	mu    sync.Mutex
	times map[string]int
	order []string // of what arrived for the first time
}

func newEventReceiver(t *testing.T) *eventReceiver {
	e := &eventReceiver{times: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Data struct{ Path, User string } }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Data.User != "ann" || r.Header.Get("webhook-id") == "" {
			t.Errorf("%v, %+v, %v", err, body, r.Header)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.times[body.Data.Path]++; e.times[body.Data.Path] == 1 {
			e.order = append(e.order, body.Data.Path)
		}
	}))
	t.Cleanup(server.Close)
	e.URL = server.URL
	return e
}

func (e *eventReceiver) env() []string {
	return []string{"SATCHEL_EVENTS_WEBHOOK=" + e.URL, "SATCHEL_EVENTS_WEBHOOK_SECRET=0123456789abcdef"}
}

// wait waits until so many different events arrived.
func (e *eventReceiver) wait(t *testing.T, n int) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		e.mu.Lock()
		got := len(e.order)
		e.mu.Unlock()
		if got == n {
			return
		}
		if got > n || time.Since(begin) > 60*time.Second {
			t.Fatalf("%d events arrived, want %d", got, n)
		}
	}
}

// once fails if any arrived more often.
func (e *eventReceiver) once(t *testing.T) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for path, n := range e.times {
		if n != 1 {
			t.Errorf("%s arrived %d times", path, n)
		}
	}
}

// Two nodes on one Postgres: while both live each event is delivered once, and none is lost when the one that delivers is killed.
func TestEventsOfTwoNodes(t *testing.T) {
	t.Parallel()
	to := newEventReceiver(t)
	here := startOn(t, sqldbtest.PostgresURL(t), to.env()...) // it has the turn, being first
	there := startOn(t, here.Database, to.env()...)
	ann := here.Register(t, "ann")
	folders := func(from, until int) {
		for i := from; i < until; i++ {
			base := here.URL
			if i%2 == 1 {
				base = there.URL
			}
			if answer := send(t, ann.Bearer, "MKCOL", fmt.Sprintf("%s/dav/%d", base, i), nil, nil); answer.StatusCode != http.StatusCreated {
				t.Fatalf("%d: %s %s", i, answer.Status, answer.text)
			}
		}
	}
	folders(0, 40)
	to.wait(t, 40)
	to.once(t)
	for i, path := range to.order {
		if path != fmt.Sprint("/", i) {
			t.Fatalf("%s is the %d. that arrived", path, i)
		}
	}
	folders(40, 60)
	here.Kill()
	if answer := send(t, ann.Bearer, "MKCOL", there.URL+"/dav/60", nil, nil); answer.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", answer.Status, answer.text)
	}
	to.wait(t, 61)
}

// A receiver that is away loses nothing through a kill, and the command line shows what waits.
func TestEventsOutliveAKill(t *testing.T) {
	t.Parallel()
	to := newEventReceiver(t)
	away := "SATCHEL_EVENTS_WEBHOOK=http://" + freeAddress(t)
	s := start(t, away, to.env()[1])
	ann := s.Register(t, "ann")
	for i := range 5 {
		ann.Put(t, fmt.Sprint(i), "content")
	}
	s.Kill()
	out, err := s.Command("events", "list", "--state", "waiting").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "5 wait, 0 were given up.") || strings.Count(string(out), "file.created") != 5 {
		t.Errorf("%v\n%s", err, out)
	}
	s.Env = to.env()
	if out, err := s.Command("events", "retry", strings.Fields(string(out[strings.LastIndex(strings.TrimSpace(string(out)), "\n")+1:]))[0]).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	s.Start()
	to.wait(t, 5)
	if fmt.Sprint(to.order) != "[/0 /1 /2 /3 /4]" {
		t.Error(to.order)
	}
	s.Stop()
	if out, err := s.Command("events", "list").CombinedOutput(); err != nil || !strings.Contains(string(out), "0 wait, 0 were given up.") {
		t.Errorf("%v\n%s", err, out)
	}
}
