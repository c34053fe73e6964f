package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/satchelhq/satchel/fault"
)

// oracle is who is asked: it writes down what about, and answers as the test says. It writes into the database each time, which would wait for ever if a
// transaction were open.
type oracle struct {
	f *fixture

	mu    sync.Mutex
	asked []string
	say   func(Question) (Amendment, error)
}

func (o *oracle) ask(ctx context.Context, q Question) (Amendment, error) {
	if _, err := o.f.db.Exec(ctx, `UPDATE users SET created_at = created_at + 1`); err != nil {
		o.f.t.Errorf("while asking: %v", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	line := fmt.Sprintf("%s %s %d", q.Kind, q.Path, q.Size)
	if len(q.Parts) > 0 {
		line += fmt.Sprint(" of ", len(q.Parts))
	}
	if q.Share != "" {
		line += " shared"
	}
	if q.Path != "" && q.Path.Name() != q.Name || q.Path == "" && q.Name != "" || q.DriveID != o.f.alice && q.DriveID != o.f.bob {
		o.f.t.Errorf("%+v", q)
	}
	o.asked = append(o.asked, line)
	if o.say != nil {
		return o.say(q)
	}
	return Amendment{}, nil
}

// heard answers what was asked since the last time.
func (o *oracle) heard() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := strings.Join(o.asked, ", ")
	o.asked = nil
	return all
}

func (o *oracle) answers(say func(Question) (Amendment, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.say = say
}

func eachAsked(t *testing.T, o Options, fn func(t *testing.T, f *fixture, o *oracle)) {
	var asked *oracle
	o.Ask = func(ctx context.Context, q Question) (Amendment, error) { return asked.ask(ctx, q) }
	each(t, o, func(t *testing.T, f *fixture) {
		asked = &oracle{f: f}
		fn(t, f, asked)
	})
}

// unread is a body that nobody may read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// way is one by which new content comes in.
type way struct {
	what, asked string // about it
	before      func() // makes what it needs
	come        func(ctx context.Context, body io.Reader) error
}

// ways are all of them.
func ways(f *fixture) []way {
	const text = "what is longer than sixteen bytes"
	big := strings.Repeat(text, 10_000)
	var parts []Upload
	var box *visitor
	var challenge *Challenge
	begin := func(n NewUpload) func(context.Context, io.Reader) error {
		return func(ctx context.Context, _ io.Reader) error {
			_, err := f.BeginUpload(ctx, f.alice, n)
			return err
		}
	}
	put := func(path Path, o PutOptions) func(context.Context, io.Reader) error {
		return func(ctx context.Context, body io.Reader) error {
			_, _, err := f.Put(ctx, f.alice, path, body, o)
			return err
		}
	}
	opened := func(come func(context.Context, io.Reader) error) func(context.Context, io.Reader) error {
		return func(_ context.Context, body io.Reader) error {
			ctx, err := box.ctx()
			return errors.Join(err, come(ctx, body))
		}
	}
	aBox := func() { f.run("mkdir /box"); box = f.box("/box", NewShare{}) }
	old := func() { f.put("/old", text) }
	return []way{
		{"an upload", "whole /d/f 33", nil, begin(NewUpload{Folder: "/d", Name: "f", Length: 33})},
		{"one without a length", "whole /f -1", nil, begin(NewUpload{Name: "f", Length: -1})},
		{"one with an announced length", "whole /f 33", nil, begin(NewUpload{Name: "f", Length: AnnouncedLength(33)})},
		{"an empty one", "whole /f 0", nil, begin(NewUpload{Name: "f"})},
		{"a part", "partial  5", nil, begin(NewUpload{Kind: Partial, Length: 5})},
		{"parts that are joined", "joined /f 66 of 2", func() { parts = []Upload{f.part(text), f.part(text)} },
			func(ctx context.Context, body io.Reader) error {
				return begin(NewUpload{Kind: Joined, Name: "f", Parts: []string{parts[0].ID, parts[1].ID}})(ctx, body)
			}},
		{"a small body", "whole /f 5", nil, put("/f", PutOptions{Size: 5})},
		{"a body of any length", "whole /f -1", nil, put("/f", PutOptions{Size: -1})},
		{"a part of a file", "whole /old 35", old, func(ctx context.Context, body io.Reader) error {
			_, err := f.Patch(ctx, f.alice, "/old", body, PatchOptions{Offset: 30, Size: 5})
			return err
		}},
		{"chunks", "partial  -1", nil, func(ctx context.Context, _ io.Reader) error { return f.BeginChunked(ctx, f.alice, "up") }},
		{"chunks that are a file", "joined /f 33 of 1", func() {
			if err := errors.Join(f.BeginChunked(f.t.Context(), f.alice, "up"), f.chunk("up", "1", text)); err != nil {
				f.t.Fatal(err)
			}
		}, func(context.Context, io.Reader) error { return f.finish("up", "/f", PutOptions{Size: -1}) }},
		{"content that is there, by its hash", "whole /f 33", old, func(ctx context.Context, _ io.Reader) error {
			_, err := f.Lookup(ctx, f.alice, Wanted{SHA256: digest(text), Size: int64(len(text)), Folder: Root, Name: "f"})
			return err
		}},
		{"content of another, by a proof", "whole /f 330000", func() {
			_, _, err := f.Put(f.t.Context(), f.bob, "/theirs", strings.NewReader(big), PutOptions{Size: -1})
			var found Found
			if err == nil {
				found, err = f.Lookup(f.t.Context(), f.alice, Wanted{SHA256: digest(big), Size: int64(len(big)), Folder: Root, Name: "f"})
			}
			if err != nil || found.Challenge == nil {
				f.t.Fatalf("%+v, %v", found, err)
			}
			challenge = found.Challenge
		}, func(ctx context.Context, _ io.Reader) error {
			_, err := f.Prove(ctx, f.alice, challenge.ID, challenge.proof(big))
			return err
		}},
		{"an upload into a drop box", "whole /box/f 33 shared", aBox, opened(begin(NewUpload{Name: "f", Length: 33}))},
		{"a body into a drop box", "whole /box/f -1 shared", aBox, opened(put("/box/f", PutOptions{Size: -1, Conflict: Rename}))},
	}
}

// Each way asks once, before the body is read, and what is refused leaves everything as it was.
func TestEveryWayInAsks(t *testing.T) {
	no := fault.New(fault.Forbidden, "oracle", "").WithCode("rejected_by_test")
	eachAsked(t, Options{Proof: true}, func(t *testing.T, f *fixture, o *oracle) {
		for i := range ways(f) {
			f := &fixture{Drives: f.Drives, t: t, db: f.db, blobs: f.blobs, alice: f.user(fmt.Sprint("alice", i)), bob: f.user(fmt.Sprint("bob", i))}
			o.f = f
			way := ways(f)[i]
			if way.before != nil {
				way.before()
			}
			o.heard()
			state := func() string {
				u, err := f.Usage(t.Context(), f.alice)
				return fmt.Sprint(f.tree(), u, f.stored(), err)
			}
			before := state()
			o.answers(func(Question) (Amendment, error) { return Amendment{}, no })
			err := way.come(t.Context(), unread{t})
			if code, _, _ := fault.Public(err); code != "rejected_by_test" {
				t.Errorf("%s: refused with %v", way.what, err)
			}
			if asked := o.heard(); asked != way.asked {
				t.Errorf("%s: asked %q, want %q", way.what, asked, way.asked)
			}
			if after := state(); after != before {
				t.Errorf("%s: refused, and it left\n%s\nof\n%s", way.what, after, before)
			}
			o.answers(nil)
			if way.what == "content of another, by a proof" { // what goes wrong ends a challenge
				way.before()
				o.heard()
			}
			if err := way.come(t.Context(), strings.NewReader("12345")); err != nil {
				t.Errorf("%s: %v", way.what, err)
			}
			if asked := o.heard(); asked != way.asked {
				t.Errorf("%s: asked %q the second time, want %q", way.what, asked, way.asked)
			}
		}
	})
}

// What the drive refuses by itself, and what brings nothing new, is not asked.
func TestWhatIsNotAsked(t *testing.T) {
	admit := func(p Proposal) error {
		if strings.HasSuffix(p.Name, ".exe") {
			return fault.New(fault.Forbidden, "rules", "")
		}
		return nil
	}
	eachAsked(t, Options{Quota: 1000, MaxFile: 500, Admit: admit}, func(t *testing.T, f *fixture, o *oracle) {
		ctx := t.Context()
		f.run("put /f what is longer than sixteen bytes\nput /f changed\nmkdir /d")
		at := f.present()
		o.heard()
		f.run(`cp /f /d/copy
			mv /d/copy /d/moved
			rm /d/moved
			restore /d/moved
			rm /f`)
		if _, err := f.Rewind(ctx, f.alice, Root, at, nil); err != nil {
			t.Error(err)
		}
		all, err := f.Versions(ctx, f.alice, "/f")
		if err == nil {
			_, err = f.RestoreVersion(ctx, f.alice, all[len(all)-1].ID, Guard{})
		}
		if err != nil {
			t.Error(err)
		}
		if asked := o.heard(); asked != "" {
			t.Errorf("what brings nothing new: asked %s", asked)
		}
		readOnly, err := f.WithLimit(ctx, f.alice, Limit{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what, want string
			ctx        context.Context
			n          NewUpload
		}{
			{"a rule", "forbidden", ctx, NewUpload{Name: "f.exe", Length: 1}},
			{"too large", "too_large", ctx, NewUpload{Name: "f", Length: 501}},
			{"a name that is taken", "exists", ctx, NewUpload{Name: "f", Length: 1, Conflict: Fail}},
			{"no parts", "not_found", ctx, NewUpload{Kind: Joined, Name: "g", Parts: []string{"00000000000000000000000000"}}},
			{"a name that is none", "invalid", ctx, NewUpload{Name: "..", Length: 1}},
			{"one who may only read", "forbidden", readOnly, NewUpload{Name: "g", Length: 1}},
		} {
			_, err := f.BeginUpload(c.ctx, f.alice, c.n)
			wantKind(t, c.what, err, c.want)
			if c.n.Kind != Joined && c.n.Name != ".." { // which no path has
				_, _, err = f.Put(c.ctx, f.alice, Root.Join(c.n.Name), unread{t}, PutOptions{Size: c.n.Length, Conflict: c.n.Conflict})
				wantKind(t, c.what+", as a body", err, c.want)
			}
		}
		if asked := o.heard(); asked != "" {
			t.Errorf("what is refused anyway: asked %s", asked)
		}
	})
}

// A name counts where the client leaves it to the server, and the rules hold for it; a type and what is repeated count everywhere.
func TestWhatAnAnswerAmends(t *testing.T) {
	admit := func(p Proposal) error {
		if strings.HasSuffix(p.Name, ".exe") {
			return fault.New(fault.Forbidden, "rules", "").WithCode("name_not_allowed")
		}
		return nil
	}
	metadata := "filename YW5vdGhlcg=="
	eachAsked(t, Options{Admit: admit}, func(t *testing.T, f *fixture, o *oracle) {
		ctx, body := t.Context(), func() io.Reader { return strings.NewReader("body") }
		o.answers(func(Question) (Amendment, error) { return Amendment{"another", "text/x-other", &metadata}, nil })
		u := f.begin(NewUpload{Folder: "/d", Name: "f", Length: 4, MediaType: "text/plain", Metadata: "filename Zg=="})
		if u.Metadata != metadata {
			t.Errorf("repeated is %q", u.Metadata)
		}
		if u, err := f.send(u, 0, body()); err != nil || u.NodeID == "" {
			t.Fatalf("%+v, %v", u, err)
		}
		if n, _, err := f.Put(ctx, f.alice, "/d/f", body(), PutOptions{Size: 4, Conflict: Rename}); err != nil || n.Path != "/d/another (1)" {
			t.Errorf("%+v, %v", n, err)
		}
		if n, _, err := f.Put(ctx, f.alice, "/d/f", body(), PutOptions{Size: 4}); err != nil || n.Path != "/d/f" || n.MediaType != "text/x-other" {
			t.Errorf("%+v, %v", n, err)
		}
		replaced := f.begin(NewUpload{Name: "g", Length: 0, Conflict: Replace})
		if replaced.Name != "g" {
			t.Errorf("a name that the client wants became %q", replaced.Name)
		}
		parts := []Upload{f.part("first"), f.part("second")}
		for range 2 { // as one asks again whose answer was lost
			if u, err := f.join("joined", parts...); err != nil || u.Name != "another" {
				t.Errorf("%+v, %v", u, err)
			}
		}
		f.run("tree /another=firstsecond /d/ /d/another (1)=body /d/another=body /d/f=body /g=")
		o.answers(func(Question) (Amendment, error) { return Amendment{Name: "virus.exe"}, nil })
		_, err := f.BeginUpload(ctx, f.alice, NewUpload{Name: "f", Length: 4})
		if code, _, _ := fault.Public(err); code != "name_not_allowed" {
			t.Errorf("a name that the rules refuse: %v", err)
		}
		if _, _, err = f.Put(ctx, f.alice, "/x", unread{t}, PutOptions{Size: 4, Conflict: Rename}); err == nil {
			t.Error("a body under such a name was taken")
		}
	})
}

// The settings' rules for names and sizes hold for each way, before the body is read and before anybody is asked. What has no name yet is held against them
// once it has one.
func TestRulesHoldForEveryWayIn(t *testing.T) {
	var denied bool
	admit := func(p Proposal) error {
		if denied && (p.Name == "f" || p.Name == "old") {
			return fault.New(fault.Forbidden, "rules", "")
		}
		return nil
	}
	eachAsked(t, Options{Proof: true, Admit: admit}, func(t *testing.T, f *fixture, o *oracle) {
		for i := range ways(f) {
			f := &fixture{Drives: f.Drives, t: t, db: f.db, blobs: f.blobs, alice: f.user(fmt.Sprint("alice", i)), bob: f.user(fmt.Sprint("bob", i))}
			o.f = f
			way := ways(f)[i]
			ready := func() {
				f.o.MaxFile, denied = 0, false
				f.Adjust(f.o)
				if way.before != nil {
					way.before()
				}
				o.heard()
			}
			ready()
			denied = true
			if !strings.HasPrefix(way.asked, "partial ") {
				wantKind(t, way.what+", by name", way.come(t.Context(), unread{t}), "forbidden")
			}
			if way.what == "content of another, by a proof" { // what goes wrong ends a challenge
				ready()
			}
			f.o.MaxFile, denied = 4, false
			f.Adjust(f.o)
			body, want := io.Reader(unread{t}), "too_large"
			switch {
			case strings.HasSuffix(way.asked, " 0"), way.what == "one without a length", way.what == "chunks":
				want = "" // it may still be small enough
			case strings.Contains(way.asked, " -1"):
				body = strings.NewReader("12345")
			}
			wantKind(t, way.what+", by size", way.come(t.Context(), body), want)
			if asked := o.heard(); asked != "" && !strings.HasSuffix(asked, " 0") && !strings.Contains(asked, " -1") {
				t.Errorf("%s: asked %s", way.what, asked)
			}
		}
		f.o.MaxFile, denied = 4, false
		f.Adjust(f.o)
		o.f = f
		u := f.begin(NewUpload{Name: "g", Length: -1})
		_, err := f.send(u, 0, strings.NewReader("12345"))
		wantKind(t, "bytes of an upload without a length", err, "too_large")
		_, err = f.setLength(u, 5)
		wantKind(t, "its length", err, "too_large")
		if err := f.BeginChunked(t.Context(), f.alice, "many"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "a chunk", f.chunk("many", "1", "123"), "")
		wantKind(t, "one too many", f.chunk("many", "2", "123"), "too_large")
	})
}
