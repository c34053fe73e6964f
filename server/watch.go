package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
)

const (
	// watchBeat is how often it is asked whether who sends a running request still may. What is revoked is cut within this and the
	// time of two queries.
	watchBeat = 200 * time.Millisecond
	// watchQuery bounds how long the database may take to say so.
	watchQuery = 5 * time.Second
	// cutPatience is how long a request that was cut has to answer.
	cutPatience = 3 * time.Second
)

// watch cuts the requests that are still running when the session that they came with is ended, on whatever node, the account is disabled or the password
// is changed: an upload, a download, a listing. The gate asks once, before they begin; the watch asks once a beat for all of them together, and
// not at all while there are none.
//
// It does not look at the expiry of access tokens, which says for how long a new request may begin: an upload of a day goes on.
type watch struct {
	accounts *authn.Accounts
	warn     func(err error)

	mu      sync.Mutex
	running map[*exchange]authn.Principal
	beating bool
}

func newWatch(accounts *authn.Accounts, warn func(err error)) *watch {
	return &watch{accounts: accounts, warn: warn, running: map[*exchange]authn.Principal{}}
}

// guard watches over a request until done is called.
func (w *watch) guard(ctx context.Context, x *exchange, who authn.Principal) (watched context.Context, done func()) {
	watched, cancel := context.WithCancelCause(ctx)
	x.cancel = cancel
	w.mu.Lock()
	w.running[x] = who
	if !w.beating {
		w.beating = true
		go w.beat()
	}
	w.mu.Unlock()
	return watched, func() {
		w.mu.Lock()
		delete(w.running, x)
		w.mu.Unlock()
		cancel(nil)
	}
}

// beat asks until nothing is running any more.
func (w *watch) beat() {
	tick := time.NewTicker(watchBeat)
	defer tick.Stop()
	for range tick.C {
		w.mu.Lock()
		if len(w.running) == 0 {
			w.beating = false
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		w.ask(w.all())
	}
}

// all is every request that runs, and who sends it.
func (w *watch) all() ([]*exchange, []authn.Principal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	exchanges, principals := make([]*exchange, 0, len(w.running)), make([]authn.Principal, 0, len(w.running))
	for x, who := range w.running {
		exchanges, principals = append(exchanges, x), append(principals, who)
	}
	return exchanges, principals
}

func (w *watch) ask(exchanges []*exchange, principals []authn.Principal) {
	ctx, cancel := context.WithTimeout(context.Background(), watchQuery)
	defer cancel()
	stands, err := w.accounts.Stand(ctx, principals)
	if err != nil { // nobody is cut because the database does not answer
		w.warn(err)
		return
	}
	for i, x := range exchanges {
		if !stands[i] {
			w.cut(x)
		}
	}
}

// cut makes a request end, in steps from beat to beat, so that it can answer where it has not begun to: its body ends with Unauthenticated, then its
// context, and what is being sent is broken off. It holds the lock so that the request does not end meanwhile and leave its connection to the next one.
func (w *watch) cut(x *exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, running := w.running[x]; !running {
		return
	}
	first := x.cutAt.IsZero()
	if first {
		x.cutAt = time.Now()
	}
	if x.body != nil && x.body.cut() && first {
		return // the door answers to that
	}
	x.cancel(revoked())
	if x.begun.Load() || time.Since(x.cutAt) > cutPatience {
		_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Now())
	}
}

// revoked is what a request meets that was cut.
func revoked() error {
	return fault.New(fault.Unauthenticated, "server.watch", "The session has ended. Sign in again.").WithCode("session_ended")
}
