package hooks

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
	"github.com/satchelhq/satchel/turn"
)

const testSecret = "0123456789abcdef0123456789abcdef"

// got is a request of the receiver.
type got struct {
	id     string
	status int // that it was answered with
	payload
}

func (g got) String() string { return g.Type + " " + g.Data.Path }

// outside is a receiver that answers as the test says, the drives of two users, and the clock of their events.
type outside struct {
	*Events
	t        *testing.T
	db       *sqldb.DB
	drives   *drive.Drives
	ann, mia string

	mu     sync.Mutex
	ahead  time.Duration // of the clock
	all    []got
	answer func(got) int // default 204
}

func newOutside(t *testing.T, db *sqldb.DB) *outside {
	t.Helper()
	o := &outside{t: t, db: db, answer: func(got) int { return http.StatusNoContent }}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	o.Events = o.another(server.URL)
	o.drives = drive.New(db, mem.New(), drive.Options{Events: true})
	o.ann, o.mia = o.user("ann"), o.user("mia")
	return o
}

// another is a process that delivers the same events.
func (o *outside) another(address string) *Events {
	o.t.Helper()
	e, err := NewEvents(o.db, EventOptions{Address: address, Secret: testSecret, Pause: time.Millisecond, Max: 1000, Log: slog.New(slog.DiscardHandler),
		Names: func(_ context.Context, ids []string) (map[string]string, error) {
			return map[string]string{o.ann: "ann", o.mia: "mia"}, nil
		},
		Now: func() time.Time {
			o.mu.Lock()
			defer o.mu.Unlock()
			return time.Now().Add(o.ahead)
		}})
	if err != nil {
		o.t.Fatal(err)
	}
	e.poll = 5 * time.Millisecond
	return e
}

func (o *outside) user(name string) (id string) {
	o.t.Helper()
	id = sqldb.NewID()
	if err := o.db.Update(o.t.Context(), func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(o.t.Context(), `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ($1, $2, $2, '', 0)`, id, name); err != nil {
			return err
		}
		return o.drives.Create(o.t.Context(), tx, id)
	}); err != nil {
		o.t.Fatal(err)
	}
	return id
}

// signed reports whether a request is signed as Standard Webhooks has it.
func signed(r *http.Request, body []byte) bool {
	m := hmac.New(sha256.New, []byte(testSecret))
	fmt.Fprintf(m, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
	return r.Header.Get("webhook-signature") == "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// ServeHTTP is the receiver. It verifies as the specification tells receivers to.
func (o *outside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	g := got{id: r.Header.Get("webhook-id")}
	if err != nil || json.Unmarshal(body, &g.payload) != nil || !signed(r, body) {
		o.t.Errorf("%v, %s, %v", err, body, r.Header)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	g.status = o.answer(g)
	o.all = append(o.all, g)
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(g.status)
}

// received is what the receiver got; taken only of that what it answered with 2xx.
func (o *outside) received(taken bool) (all []got) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, g := range o.all {
		if !taken || g.status < 300 {
			all = append(all, g)
		}
	}
	return all
}

func (o *outside) say(answer func(got) int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

// run delivers until the condition holds.
func (o *outside) run(what string, until func(EventsStanding) bool) {
	o.t.Helper()
	ctx, stop := context.WithTimeout(o.t.Context(), 10*time.Second)
	var running sync.WaitGroup
	running.Go(func() { _ = o.Run(ctx) })
	defer running.Wait()
	defer stop()
	for {
		s, err := o.Standing(ctx)
		if err != nil {
			o.t.Fatalf("%s: %v; %+v", what, err, s)
		}
		if until(s) {
			return
		}
		o.mu.Lock()
		o.ahead += time.Minute // what is to be tried again will be due
		o.mu.Unlock()
		rest(ctx, time.Millisecond)
	}
}

func (o *outside) put(driveID, path, body string) {
	o.t.Helper()
	if _, _, err := o.drives.Put(o.t.Context(), driveID, drive.Path(path), strings.NewReader(body), drive.PutOptions{Size: int64(len(body))}); err != nil {
		o.t.Fatal(err)
	}
}

func delivered(s EventsStanding) bool { return s.Waiting == 0 }

func TestTheReceiverIsToldEveryKindOfChange(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOutside(t, db)
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		_, err := o.drives.MakeFolder(ctx, o.ann, "/b", drive.Guard{})
		must(err)
		o.put(o.ann, "/a", "one")
		o.put(o.ann, "/a", "second")
		node, _, err := o.drives.Move(ctx, o.ann, "/a", "/b/c", false, drive.Guard{})
		must(err)
		must(o.drives.Trash(ctx, o.ann, "/b/c", drive.Guard{}))
		_, err = o.drives.Restore(ctx, o.ann, node.ID)
		must(err)
		must(o.drives.Trash(ctx, o.ann, "/b/c", drive.Guard{}))
		must(o.drives.Purge(ctx, o.ann, node.ID))
		o.run("all", delivered)

		all := o.received(false)
		want := "[folder.created /b file.created /a file.written /a file.moved /b/c file.trashed /b/c file.restored /b/c file.trashed /b/c file.purged /b/c]"
		if fmt.Sprint(all) != want {
			t.Fatalf("got  %v\nwant %s", all, want)
		}
		for i, g := range all {
			if g.Data.Sequence != int64(i+1) || g.Data.Drive != o.ann || g.Data.User != "ann" || g.Timestamp.IsZero() || g.id == "" {
				t.Errorf("%+v", g)
			}
		}
		sum := sha256.Sum256([]byte("second"))
		for _, g := range all[2:] {
			if g.Data.Node != node.ID || g.Data.Kind != "file" || g.Data.Size == nil || *g.Data.Size != 6 || g.Data.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("%s: %+v", g, g.Data)
			}
		}
		if moved := all[3].Data; moved.From == nil || moved.From.Name != "a" || moved.Parent != all[0].Data.Node || moved.From.Parent == moved.Parent {
			t.Errorf("moved %+v from %+v", moved, moved.From)
		}
		if all[0].Data.Kind != "folder" || all[0].Data.Size != nil || all[0].Data.SHA256 != "" {
			t.Errorf("%+v", all[0].Data)
		}
		if o.Counts() != (EventCounts{Delivered: int64(len(all))}) {
			t.Errorf("%+v", o.Counts())
		}
	})
}

// Without a receiver no rows are written, and what was refused is not told.
func TestOnlyWhatHappenedIsTold(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOutside(t, db)
		if err := o.drives.Trash(t.Context(), o.ann, "/none", drive.Guard{}); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		quiet := drive.New(db, mem.New(), drive.Options{})
		if _, err := quiet.MakeFolder(t.Context(), o.ann, "/quiet", drive.Guard{}); err != nil {
			t.Error(err)
		}
		if all, err := o.Letters(t.Context(), LetterFilter{Limit: 10}); err != nil || len(all) > 0 {
			t.Errorf("%v, %v", all, err)
		}
	})
}

// What is not taken is sent again, under the same id, and holds up what its drive has behind it, but no other drive.
func TestAFailingEventIsTriedAgainBeforeTheNext(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOutside(t, db)
		o.put(o.ann, "/1", "")
		o.put(o.ann, "/2", "")
		o.put(o.mia, "/other", "")
		failures := []int{500, 503, 302, 404, 429}
		o.say(func(g got) int {
			if g.Data.Path == "/1" && len(failures) > 0 {
				status := failures[0]
				failures = failures[1:]
				return status
			}
			return http.StatusOK
		})
		o.run("all", delivered)
		var ids, anns []string
		for _, g := range o.received(false) {
			if g.Data.Drive == o.ann {
				anns = append(anns, g.Data.Path)
				ids = append(ids, g.id)
			}
		}
		if fmt.Sprint(anns) != "[/1 /1 /1 /1 /1 /1 /2]" || len(slices.Compact(ids)) != 2 || len(o.received(true)) != 3 {
			t.Errorf("%v, %v", anns, o.received(true))
		}
	})
}

func TestWhatIsRefusedForGoodOrTooLongIsADeadLetter(t *testing.T) {
	for what, c := range map[string]struct{ status, tries int }{"refused": {404, finalTries}, "a redirect": {301, finalTries}, "too long": {500, finalTries + 1}} {
		t.Run(what, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				o := newOutside(t, db)
				o.put(o.ann, "/1", "")
				o.put(o.ann, "/2", "")
				o.say(func(g got) int {
					if g.Data.Path == "/1" {
						return c.status
					}
					return http.StatusOK
				})
				o.run("one dies", func(s EventsStanding) bool { return s.Waiting == 0 && s.Dead == 1 })
				letters, err := o.Letters(t.Context(), LetterFilter{State: "dead", Limit: 10})
				if err != nil || len(letters) != 1 || letters[0].Failure != fmt.Sprint("status ", c.status) || letters[0].Tries < c.tries || c.status < 500 && letters[0].Tries != c.tries || letters[0].DriveID != o.ann {
					t.Fatalf("%+v, %v", letters, err)
				}
				o.say(func(got) int { return http.StatusOK })
				if n, err := o.RetryAll(t.Context()); n != 1 || err != nil {
					t.Errorf("%d, %v", n, err)
				}
				o.run("it is taken", func(s EventsStanding) bool { return s.Waiting+s.Dead == 0 })
				if taken := o.received(true); fmt.Sprint(taken) != "[file.created /2 file.created /1]" || taken[1].id != letters[0].ID {
					t.Errorf("%v", taken)
				}
				if err := o.Retry(t.Context(), letters[0].ID); !fault.Is(err, fault.NotFound) {
					t.Errorf("an event that was taken: %v", err)
				}
			})
		})
	}
}

func TestGonePausesUntilResumed(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOutside(t, db)
		o.say(func(got) int { return http.StatusGone })
		o.put(o.ann, "/1", "")
		o.put(o.ann, "/2", "")
		o.run("paused", func(s EventsStanding) bool { return !s.Paused.IsZero() })
		asked := len(o.received(false))
		o.say(func(got) int { return http.StatusOK })
		if due, err := o.due(t.Context(), 10); err != nil || len(due) > 0 || asked != 1 {
			t.Errorf("%v are due, %v, after %d requests", due, err, asked)
		}
		elsewhere := o.another("http://127.0.0.1:1/") // what one receiver said holds for no other
		if due, err := elsewhere.due(t.Context(), 10); err != nil || len(due) != 1 {
			t.Errorf("%v are due elsewhere, %v", due, err)
		}
		if paused, err := o.Resume(t.Context()); !paused || err != nil {
			t.Errorf("%v, %v", paused, err)
		}
		o.run("all", delivered)
		if taken := o.received(true); fmt.Sprint(taken) != "[file.created /1 file.created /2]" {
			t.Errorf("%v", taken)
		}
	})
}

// The oldest are dropped when too many are kept, dead letters first.
func TestHowManyEventsAreKeptIsBounded(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOutside(t, db)
		o.o.Max = 3
		for i := range 6 {
			o.put(o.ann, fmt.Sprint("/", i), "")
		}
		for _, path := range []string{"/3", "/4"} {
			if _, err := db.Exec(t.Context(), `UPDATE events SET dead_at = $1 WHERE path = $2`, sqldb.Micros(o.o.Now()), path); err != nil {
				t.Fatal(err)
			}
		}
		sweep := func(dropped int64) {
			t.Helper()
			if err := o.Sweep(t.Context()); err != nil || o.Counts().Dropped != dropped {
				t.Fatalf("%v, %+v, want %d dropped", err, o.Counts(), dropped)
			}
		}
		sweep(3)
		sweep(3)
		o.put(o.ann, "/6", "")
		sweep(4)
		// What came with an id of a clock that is behind is counted within an hour.
		o.put(o.ann, "/7", "")
		if _, err := db.Exec(t.Context(), `UPDATE events SET id = $1 WHERE path = '/7'`, sqldb.FirstID(time.Now().Add(-time.Hour))); err != nil {
			t.Fatal(err)
		}
		o.ahead += time.Hour
		sweep(5)
		o.run("the rest", func(s EventsStanding) bool { return s.Waiting+s.Dead == 0 })
		if taken := o.received(true); fmt.Sprint(taken) != "[file.created /2 file.created /5 file.created /6]" {
			t.Errorf("%v", taken)
		}
	})
}

// A process that stood still while another took over writes nothing, and sends nothing more once it knows.
func TestAProcessThatLostItsTurnWritesNothing(t *testing.T) {
	o := newOutside(t, sqldbtest.OpenPostgres(t))
	ctx := t.Context()
	o.put(o.ann, "/1", "")
	stale, err := o.o.Turns.Take(ctx, deliveryJob)
	if err != nil || stale == nil {
		t.Fatalf("%v, %v", stale, err)
	}
	defer stale.Leave()
	other := o.another("http://127.0.0.1:1/")
	if second, err := other.o.Turns.Take(ctx, deliveryJob); second != nil || err != nil {
		t.Fatalf("two have a turn: %v, %v", second, err)
	}
	var second *turn.Turn
	for begin := time.Now(); second == nil; { // the first one says that it is there now and then
		if _, err := o.db.Exec(ctx, `UPDATE jobs SET seen_at = 1`); err != nil {
			t.Fatal(err)
		}
		if second, err = other.o.Turns.Take(ctx, deliveryJob); err != nil || time.Since(begin) > 30*time.Second {
			t.Fatalf("nobody took over: %v", err)
		}
	}
	defer second.Leave()
	for _, statement := range []string{`DELETE FROM events WHERE id <> ''`, `UPDATE event_queues SET next_at = 0 WHERE drive_id <> ''`} {
		if n, err := o.write(stale.Context(), statement); n != 0 || err == nil {
			t.Errorf("%s: %d, %v", statement, n, err)
		}
	}
	due, err := o.due(ctx, 1)
	if err != nil || len(due) != 1 {
		t.Fatalf("%v, %v", due, err)
	}
	<-stale.Context().Done()
	if err := o.deliverQueue(stale.Context(), stale, due[0]); err == nil || len(o.received(false)) > 0 {
		t.Errorf("%v, sent %v", err, o.received(false))
	}
}

// A process that stops while the receiver has an event waits for its answer: it is not sent again, and nothing more is sent.
func TestAStopWaitsForWhatTheReceiverHas(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOutside(t, db)
		for i := range 3 {
			o.put(o.ann, fmt.Sprint("/", i), "")
		}
		for i := range 3 {
			ctx, stop := context.WithCancel(t.Context())
			o.say(func(got) int {
				stop()
				return http.StatusNoContent
			})
			if err := o.Run(ctx); err != nil {
				t.Fatal(err)
			}
			if s, err := o.Standing(t.Context()); err != nil || s.Waiting != int64(2-i) || len(o.received(false)) != i+1 {
				t.Errorf("%+v, %v, received %v", s, err, o.received(false))
			}
		}
	})
}

// A receiver that fails at random, and a delivery that is ended at random moments: each event arrives, and in each drive none before the one
// ahead of it was taken. SATCHEL_TEST_EVENTS is how many; the seed is fixed.
func TestEventStorm(t *testing.T) {
	events := 200
	if text := os.Getenv("SATCHEL_TEST_EVENTS"); text != "" {
		var err error
		if events, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOutside(t, db)
		o.o.Max = events
		chance := rand.New(rand.NewPCG(7, 11))
		o.say(func(got) int { // called with the lock held
			return []int{200, 200, 200, 200, 500, 503, 429, 408}[chance.IntN(8)]
		})
		o.o.Expiry = 1 << 62 // only refusals end an event, and so many in a row do not come
		ids := []string{o.ann, o.mia, o.user("eva"), o.user("bob"), o.user("kim")}
		var writers sync.WaitGroup
		for _, id := range ids {
			writers.Go(func() {
				for i := range events / len(ids) {
					if _, err := o.drives.MakeFolder(t.Context(), id, drive.Path(fmt.Sprint("/", i)), drive.Guard{}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		all := make(chan struct{})
		go func() { writers.Wait(); close(all) }()
		for written := false; !written || len(o.received(true)) < events; {
			n := len(o.received(false)) + 1 + rand.N(events/4)
			o.run("a while", func(s EventsStanding) bool {
				select {
				case <-all:
					written = true
				default:
				}
				return len(o.received(false)) >= n || written && s.Waiting == 0
			})
		}
		o.run("the rest", delivered)
		// A request that was cut may be handled late, so what came before may come again at any time.
		came, taken := map[string]int64{}, map[string]int64{}
		for _, g := range o.received(false) {
			of, n := g.Data.Drive, g.Data.Sequence
			if n > came[of]+1 || n > taken[of]+1 {
				t.Fatalf("%v with %d came, where %d had come and %d was taken", g, n, came[of], taken[of])
			}
			came[of] = max(came[of], n)
			if g.status == http.StatusOK {
				taken[of] = max(taken[of], n)
			}
		}
		for _, id := range ids {
			if taken[id] != int64(events/len(ids)) {
				t.Errorf("%d events of a drive were taken", taken[id])
			}
		}
		if s, err := o.Standing(t.Context()); err != nil || s != (EventsStanding{}) {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
