package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

const eventsPath = "/events"

// eventRoutes is what pages listen to.
func (h *Web) eventRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + eventsPath: h.private(h.events),
	}
}

// The bounds of a stream of events.
const (
	maxStreams    = 12                     // of one user at a time
	streamPoll    = 2 * time.Second        // how often it is asked what other processes did, and whether the session lives
	streamTold    = 15 * time.Second       // the same where other processes tell what they do, and for the case that it was lost
	streamBeat    = 20 * time.Second       // after how much silence a comment is sent, so that proxies and dead peers show
	streamGather  = 100 * time.Millisecond // least time between two events
	streamWrite   = 15 * time.Second       // how long a peer may take to read an event
	streamRetry   = 3 * time.Second        // after which browsers come back
	maxEventItems = 200                    // ids and paths in one event; with more, everything may have changed
)

// streams counts the streams of each user, and ends all of them when the server stops.
type streams struct {
	mu      sync.Mutex
	byUser  map[string]int
	ended   chan struct{}
	endOnce sync.Once
}

func newStreams() *streams { return &streams{byUser: map[string]int{}, ended: make(chan struct{})} }

// enter takes a place, which leave gives back. TooMany if the user has all of them.
func (s *streams) enter(userID string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byUser[userID] >= maxStreams {
		return nil, &fault.Error{Kind: fault.TooMany, Op: "web.events", Public: "Too many pages are open."}
	}
	s.byUser[userID]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.byUser[userID]--; s.byUser[userID] == 0 {
			delete(s.byUser, userID)
		}
	}, nil
}

// EndStreams ends every stream of events, and those that begin later at once: the server stops.
func (h *Web) EndStreams() { h.streams.endOnce.Do(func() { close(h.streams.ended) }) }

// events tells a page what changes in the drive, from a moment on (HTML, section 9.2): the ids of folders in which names came or went, the
// folders of what else changed, and the ids of what changed. An event's id is the moment after it. It ends with the session.
func (h *Web) events(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	leave, err := h.streams.enter(who.UserID)
	if err != nil {
		return err
	}
	defer leave()
	changed, stop := h.drives.Watch(who.UserID)
	defer stop()
	s := &stream{h: h, r: r, who: who, w: w, control: http.NewResponseController(w), wrote: time.Now()}
	if err := s.begin(); err != nil {
		return err
	}
	poll := time.NewTicker(streamPoll)
	defer poll.Stop()
	for s.tell() == nil {
		if !s.wait(time.After(streamGather), nil, nil) || !s.wait(nil, changed, poll.C) {
			return nil
		}
	}
	return nil // the status is gone; the browser comes back
}

// stream is a stream of events that is open.
type stream struct {
	h       *Web
	r       *http.Request
	who     authn.Principal
	w       http.ResponseWriter
	control *http.ResponseController
	at      drive.Moment
	wrote   time.Time
	asked   time.Time // what changed
}

// begin finds where to begin, and answers the header.
func (s *stream) begin() (err error) {
	from := s.r.Header.Get("Last-Event-ID")
	if from == "" {
		from = s.r.URL.Query().Get("since")
	}
	if from == "" {
		s.at, err = s.h.drives.Present(s.r.Context(), s.who.UserID)
	} else {
		s.at, err = drive.ParseMoment(from)
	}
	if err != nil {
		return err
	}
	header := s.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // nginx would keep events to itself
	header.Set("X-Content-Type-Options", "nosniff")
	return s.write(fmt.Sprintf("retry: %d\n\n", streamRetry.Milliseconds()))
}

// wait answers false when the stream has to end.
func (s *stream) wait(pause <-chan time.Time, changed <-chan struct{}, poll <-chan time.Time) bool {
	for {
		select {
		case <-s.r.Context().Done():
			return false
		case <-s.h.streams.ended:
			return false
		case <-pause:
			return true
		case <-changed:
			return true
		case <-poll:
			if time.Since(s.asked) >= streamTold || !s.h.drives.Told() {
				return s.h.stillSignedIn(s.r)
			}
		}
	}
}

// stillSignedIn reports whether the credentials that a request came with are good now.
func (h *Web) stillSignedIn(r *http.Request) bool {
	var err error
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		_, err = h.accounts.Bearer(r.Context(), strings.TrimSpace(token))
	} else if c, missing := r.Cookie(h.cookie(r).Name); missing == nil {
		_, err = h.accounts.Cookie(r.Context(), c.Value)
	} else {
		return false
	}
	return !fault.Is(err, fault.Unauthenticated) // a database that is busy ends no session
}

// tell sends what happened since the last time, or a sign of life.
func (s *stream) tell() error {
	s.asked = time.Now()
	news, err := s.h.drives.Since(s.r.Context(), s.who.UserID, s.at, drive.MaxList)
	if fault.Is(err, fault.Gone) { // away for too long
		if s.at, err = s.h.drives.Present(s.r.Context(), s.who.UserID); err != nil {
			return err
		}
		return s.send(event{All: true})
	}
	if err != nil {
		return err
	}
	if len(news.Changes) == 0 {
		if time.Since(s.wrote) < streamBeat {
			return nil
		}
		return s.write(":\n\n")
	}
	s.at = news.Now
	e := eventOf(news.Changes)
	e.All = e.All || news.More
	if news.More {
		if s.at, err = s.h.drives.Present(s.r.Context(), s.who.UserID); err != nil {
			return err
		}
	}
	return s.send(e)
}

// event is what a page needs to know to say whether it shows something that changed.
type event struct {
	All     bool     `json:"all,omitempty"`     // anything may have changed
	Folders []string `json:"folders,omitempty"` // ids, where names came or went
	Paths   []string `json:"paths,omitempty"`   // folders of what changed in place
	Nodes   []string `json:"nodes,omitempty"`   // ids of what changed
}

func eventOf(changes []drive.Change) (e event) {
	for _, c := range changes {
		folders := c.Folders()
		e.Folders = append(e.Folders, folders...)
		if len(folders) == 0 {
			e.Paths = append(e.Paths, string(c.Path.Parent()))
		}
		e.Nodes = append(e.Nodes, c.NodeID)
	}
	for _, list := range [...]*[]string{&e.Folders, &e.Paths, &e.Nodes} {
		slices.Sort(*list)
		if *list = slices.Compact(*list); len(*list) > maxEventItems {
			return event{All: true}
		}
	}
	return e
}

func (s *stream) send(e event) error {
	data, err := json.Marshal(e) // in one line
	if err != nil {
		return err
	}
	return s.write(fmt.Sprintf("id: %s\nevent: change\ndata: %s\n\n", s.at, data))
}

func (s *stream) write(text string) error {
	s.wrote = time.Now()
	_ = s.control.SetWriteDeadline(s.wrote.Add(streamWrite)) // what cannot set deadlines is no network
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
