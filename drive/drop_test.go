package drive

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// visitor is somebody with the link of a drop box.
type visitor struct {
	f     *fixture
	share Share
}

// box is a drop box of alice's, and who has its link.
func (f *fixture) box(path Path, n NewShare) *visitor {
	f.t.Helper()
	n.Kind = ShareDrop
	return &visitor{f, f.shared(path, n)}
}

// ctx is what the link opens now.
func (v *visitor) ctx() (context.Context, error) {
	ctx, _, _, err := v.f.OpenShare(v.f.t.Context(), v.share.Token)
	return ctx, err
}

// begin begins an upload; sender is anybody.
func (v *visitor) begin(name string, length int64, sender string) (Upload, error) {
	ctx, err := v.ctx()
	if err != nil {
		return Upload{}, err
	}
	return v.f.BeginUpload(ctx, v.f.alice, NewUpload{Name: name, Length: length, Sender: sender})
}

func (v *visitor) must(name string, length int64) Upload {
	v.f.t.Helper()
	u, err := v.begin(name, length, "somebody")
	if err != nil {
		v.f.t.Fatalf("begin %s: %v", name, err)
	}
	return u
}

// send is one request with bytes.
func (v *visitor) send(u Upload, offset int64, body string) (Upload, error) {
	ctx, err := v.ctx()
	if err != nil {
		return Upload{}, err
	}
	hold, err := v.f.HoldUpload(ctx, u.ID, func() {})
	if err != nil {
		return Upload{}, err
	}
	defer hold.Release()
	return v.f.Append(ctx, v.f.alice, u.ID, offset, strings.NewReader(body), AppendOptions{})
}

func (v *visitor) drop(u Upload) error {
	ctx, err := v.ctx()
	if err != nil {
		return err
	}
	return v.f.DropUpload(ctx, v.f.alice, u.ID)
}

// uses is how many of the share's are taken.
func (v *visitor) uses() int64 {
	v.f.t.Helper()
	all, err := v.f.Shares(v.f.t.Context(), v.f.alice)
	if err != nil {
		v.f.t.Fatal(err)
	}
	for _, s := range all {
		if s.ID == v.share.ID {
			return s.Uses
		}
	}
	v.f.t.Fatal("the share is gone")
	return 0
}

func (f *fixture) reserved() int64 {
	f.t.Helper()
	u, err := f.Usage(f.t.Context(), f.alice)
	if err != nil {
		f.t.Fatal(err)
	}
	return u.Reserved
}

const long = "more than is kept in a row" // 26 bytes, and the fixture keeps 16

func TestAFileComesIntoADropBoxInPieces(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /in\nmkdir /in/sub\nput /in/a own\nput /elsewhere own")
		v := f.box("/in", NewShare{})
		ctx, err := v.ctx()
		if err != nil {
			t.Fatal(err)
		}
		// What a stranger says of place, conflict and hash counts for nothing.
		u, err := f.BeginUpload(ctx, f.alice, NewUpload{Folder: "/elsewhere", Name: "a", Length: int64(len(long)), Conflict: Replace, SHA256: make([]byte, 32)})
		if err != nil || u.Folder != "/in" || u.Conflict != Rename || u.SHA256 != nil {
			t.Fatalf("%+v, %v", u, err)
		}
		if u, err = v.send(u, 0, long[:20]); err != nil || u.Offset != 20 || !u.Ended.IsZero() {
			t.Fatalf("%+v, %v", u, err)
		}
		f.run("mv /in /moved")
		if u, err = v.send(u, 20, long[20:]); err != nil || u.Ended.IsZero() {
			t.Fatalf("%+v, %v", u, err)
		}
		if _, err := v.begin("empty", 0, ""); err != nil {
			t.Error(err)
		}
		f.run("tree /elsewhere=own /moved/ /moved/a (1)=" + long + " /moved/a=own /moved/empty= /moved/sub/")
		if n := v.uses(); n != 2 {
			t.Errorf("%d uses", n)
		}
		for what, n := range map[string]NewUpload{
			"of no length":     {Name: "x", Length: -1},
			"of an announced":  {Name: "x", Length: AnnouncedLength(5)},
			"a part":           {Kind: Partial, Length: 5},
			"a joined one":     {Name: "x", Kind: Joined, Parts: []string{u.ID}},
			"a name like ..":   {Name: "..", Length: 5},
			"a name with a /":  {Name: "sub/x", Length: 5},
			"a name too long":  {Name: strings.Repeat("x", 1000), Length: 5},
			"without any name": {Length: 5},
		} {
			_, err := f.BeginUpload(ctx, f.alice, n)
			wantKind(t, what, err, "invalid")
		}
		_, err = f.BeginUpload(ctx, f.bob, NewUpload{Name: "x", Length: 5})
		wantKind(t, "into another drive", err, "not_found")
		if n := v.uses(); n != 2 {
			t.Errorf("%d uses after what was refused", n)
		}
	})
}

// Nobody meets the uploads of a drop box but who came by its link: not the owner, no app password for the same folder, and no other link.
func TestUploadsOfADropBoxAreItsOwn(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /in")
		node, err := f.Stat(t.Context(), f.alice, "/in")
		if err != nil {
			t.Fatal(err)
		}
		v, other := f.box("/in", NewShare{}), f.box("/in", NewShare{})
		stranger := v.must("theirs", 40)
		own, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Folder: "/in", Name: "own", Length: 40})
		if err != nil {
			t.Fatal(err)
		}
		kept, err := f.WithLimit(t.Context(), f.alice, Limit{Folder: node.ID})
		if err != nil {
			t.Fatal(err)
		}
		byLink, err := v.ctx()
		if err != nil {
			t.Fatal(err)
		}
		byOther, err := other.ctx()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			who string
			ctx context.Context
			id  string
		}{
			{"the owner", t.Context(), stranger.ID}, {"an app password", kept, stranger.ID}, {"another link", byOther, stranger.ID},
			{"the link, of the owner's", byLink, own.ID}, {"another link, of the owner's", byOther, own.ID},
		} {
			for what, ask := range map[string]func() error{
				"SeeUpload":   func() error { _, err := f.SeeUpload(c.ctx, f.alice, c.id); return err },
				"OwnedUpload": func() error { _, err := f.OwnedUpload(c.ctx, f.alice, c.id); return err },
				"Upload":      func() error { _, err := f.Upload(c.ctx, f.alice, c.id); return err },
				"PeekUpload":  func() error { _, err := f.PeekUpload(c.ctx, f.alice, c.id); return err },
				"SetLength":   func() error { _, err := f.SetLength(c.ctx, f.alice, c.id, 50); return err },
				"DropUpload":  func() error { return f.DropUpload(c.ctx, f.alice, c.id) },
				"Append": func() error {
					_, err := f.Append(c.ctx, f.alice, c.id, 0, strings.NewReader("x"), AppendOptions{})
					return err
				},
				"a part of a joined one": func() error {
					_, err := f.BeginUpload(c.ctx, f.alice, NewUpload{Name: "x", Kind: Joined, Parts: []string{c.id}})
					if sharedBy(c.ctx) != "" && fault.Is(err, fault.Invalid) { // nothing is joined by a link
						return fault.New(fault.NotFound, "", "")
					}
					return err
				},
			} {
				wantKind(t, c.who+": "+what, ask(), "not_found")
			}
			all, err := f.OpenUploads(c.ctx, f.alice, 10)
			for _, u := range all {
				if u.ID == c.id {
					t.Errorf("%s lists it", c.who)
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
		if _, err := f.SeeUpload(byLink, f.alice, stranger.ID); err != nil {
			t.Errorf("its own link: %v", err)
		}
	})
}

func TestAddressesOfDroppedUploads(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("mkdir /in")
		one, two := f.box("/in", NewShare{}).share, f.box("/in", NewShare{Password: "open sesame"}).share
		id := f.box("/in", NewShare{}).must("x", 5).ID
		address, err := f.DropAddress(ctx, one, id)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.DropID(ctx, one, address); err != nil || got != id {
			t.Errorf("%s, %v", got, err)
		}
		of, err := f.DropAddress(ctx, two, id)
		if err != nil || of == address {
			t.Errorf("%s, %v", of, err)
		}
		anew := two
		anew.password = "another"
		for what, c := range map[string]struct {
			share   Share
			address string
		}{
			"another share's": {two, address}, "the id alone": {one, id}, "no MAC": {one, id + "."}, "cut": {one, address[:len(address)-1]},
			"longer": {one, address + "A"}, "nothing": {one, ""}, "of another password": {anew, of}, "the share's own token": {one, one.Token},
		} {
			_, err := f.DropID(ctx, c.share, c.address)
			wantKind(t, what, err, "not_found")
		}
	})
}

// Who sends at the same time gets no more files in than there are uses, and what comes to nothing gives its use back.
func TestUsesOfADropBox(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /in")
		v := f.box("/in", NewShare{Most: 3})
		ctx, err := v.ctx()
		if err != nil {
			t.Fatal(err)
		}
		var begun, formed atomic.Int64
		var wait sync.WaitGroup
		for i := range 12 {
			wait.Go(func() {
				if i%3 == 0 { // a form
					if f.TakeShare(ctx, v.share.ID) == nil {
						formed.Add(1)
					}
					return
				}
				if _, err := f.BeginUpload(ctx, f.alice, NewUpload{Name: fmt.Sprint("f", i), Length: 20}); err == nil {
					begun.Add(1)
				} else {
					wantKind(t, "one too many", err, "not_found")
				}
			})
		}
		wait.Wait()
		if n := begun.Load() + formed.Load(); n != 3 || v.uses() != 3 {
			t.Fatalf("%d got in, %d uses", n, v.uses())
		}
		for range formed.Load() {
			if err := f.ReturnShare(ctx, v.share.ID); err != nil {
				t.Fatal(err)
			}
		}
		f.forward(dropBegun + time.Minute)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := v.uses(); n != 0 || f.reserved() != 0 {
			t.Errorf("%d uses and %d bytes are left of what expired", n, f.reserved())
		}
		byOperator := v.must("ended by who runs the server", 20)
		wantKind(t, "EndTransfer", f.EndTransfer(t.Context(), byOperator.ID), "")
		a, b := v.must("a", 20), v.must("b", 26)
		wantKind(t, "ended by its sender", v.drop(a), "")
		wantKind(t, "and again", v.drop(a), "not_found")
		if _, err := v.send(b, 0, long); err != nil {
			t.Error(err)
		}
		wantKind(t, "what is a file, forgotten", v.drop(b), "")
		if n := v.uses(); n != 1 {
			t.Errorf("%d uses, want that of the file", n)
		}
		v.must("c", 20)
		last := v.must("d", 26)
		_, err = v.begin("e", 20, "")
		wantKind(t, "there is none left", err, "not_found")
		if _, err := v.send(last, 0, long); err != nil { // what has its use goes on
			t.Errorf("full, but begun: %v", err)
		}
	})
}

func TestADropBoxIsBounded(t *testing.T) {
	each(t, Options{Quota: 1000, MaxFile: 500}, func(t *testing.T, f *fixture) {
		f.run("mkdir /in\nmkdir /other")
		v := f.box("/in", NewShare{MaxSize: 100})
		_, err := v.begin("large", 101, "")
		wantKind(t, "larger than the share takes", err, "too_large")
		wide := f.box("/other", NewShare{})
		_, err = wide.begin("large", 501, "")
		wantKind(t, "larger than the server takes", err, "too_large")
		wide.must("half", 500)
		wide.must("nearly half", 450)
		_, err = v.begin("over", 51, "")
		wantKind(t, "over the owner's quota", err, "full")
		if _, told, _ := fault.Public(err); strings.Contains(told, "1000") {
			t.Errorf("a stranger is told of the quota: %s", told)
		}
		for i := range maxSenderUploads {
			if _, err := v.begin(fmt.Sprint(i), 1, "one address"); err != nil {
				t.Fatal(err)
			}
		}
		_, err = v.begin("another", 1, "one address")
		wantKind(t, "too many of one address", err, "too_many_requests")
		_, err = v.begin("another", 1, "another address")
		wantKind(t, "another address", err, "")
	})
}

func TestStrangersLeaveRoomForTheOwnersUploads(t *testing.T) {
	each(t, Options{MaxOpenUploads: 6}, func(t *testing.T, f *fixture) {
		f.run("mkdir /in\nmkdir /other")
		for i, v := range []*visitor{f.box("/in", NewShare{}), f.box("/other", NewShare{}), f.box("/in", NewShare{}), f.box("/in", NewShare{})} {
			_, err := v.begin("x", 5, "")
			if want := map[bool]string{true: "", false: "too_many_requests"}[i < 3]; true {
				wantKind(t, fmt.Sprint("stranger ", i), err, want)
			}
		}
		for i := range 3 {
			_, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Name: "own", Length: 5})
			wantKind(t, fmt.Sprint("the owner's ", i), err, "")
		}
	})
}

func TestUploadsOfStrangersExpireSoon(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /in")
		v := f.box("/in", NewShare{})
		untouched, moving := v.must("a", 40), v.must("b", 400)
		moving, err := v.send(moving, 0, "x")
		if err != nil || moving.Expires.Sub(f.now) < dropIdle-time.Minute {
			t.Fatalf("%+v, %v", moving, err)
		}
		f.forward(dropBegun + time.Minute)
		_, err = v.send(untouched, 0, "x")
		wantKind(t, "nothing sent for a quarter of an hour", err, "gone")
		for sent := int64(1); ; sent++ { // a byte now and then does not keep the owner's space for ever
			if moving, err = v.send(moving, sent, "x"); err != nil {
				break
			}
			f.forward(dropIdle - time.Minute)
		}
		wantKind(t, "kept alive", err, "gone")
		if age := f.now.Sub(moving.Created); age > dropAge+dropIdle {
			t.Errorf("it lived for %v", age)
		}
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f.reserved() != 0 || f.stored() != 0 || v.uses() != 0 {
			t.Errorf("%d bytes set aside, %d stored, %d uses", f.reserved(), f.stored(), v.uses())
		}
	})
}

// However a share ends, what is on its way into it does not become a file.
func TestWhatIsOnItsWayIntoADropBoxThatEnds(t *testing.T) {
	ends := map[string]struct {
		end  func(f *fixture, v *visitor)
		back func(f *fixture, v *visitor) // if it can be taken back
	}{
		"removed": {end: func(f *fixture, v *visitor) {
			wantKind(f.t, "remove", f.RemoveShare(f.t.Context(), f.alice, v.share.ID), "")
		}},
		"expired":  {end: func(f *fixture, v *visitor) { f.forward(2 * time.Hour) }},
		"in trash": {func(f *fixture, v *visitor) { f.run("rm /in") }, func(f *fixture, v *visitor) { f.run("restore /in") }},
		"above":    {end: func(f *fixture, v *visitor) { f.run("mkdir /up\nmv /in /up/in\nrm /up\nempty-trash /") }},
	}
	for name, c := range ends {
		t.Run(name, func(t *testing.T) {
			each(t, Options{}, func(t *testing.T, f *fixture) {
				f.t = t
				f.run("mkdir /in")
				v := f.box("/in", NewShare{Expires: f.now.Add(time.Hour)})
				u := v.must("x", int64(len(long)))
				u, err := v.send(u, 0, long[:20])
				if err != nil {
					t.Fatal(err)
				}
				open, err := v.ctx() // of a request that began before the end
				if err != nil {
					t.Fatal(err)
				}
				c.end(f, v)
				_, err = v.send(u, 20, long[20:])
				wantKind(t, "a request after the end", err, "not_found")
				hold, err := f.HoldUpload(open, u.ID, func() {})
				if err != nil {
					t.Fatal(err)
				}
				_, err = f.Append(open, f.alice, u.ID, 20, strings.NewReader(long[20:]), AppendOptions{})
				hold.Release()
				wantKind(t, "its last bytes, under way at the end", err, "not_found")
				if c.back != nil {
					c.back(f, v)
					ctx, err := v.ctx()
					if err != nil {
						t.Fatal(err)
					}
					if hold, err = f.HoldUpload(ctx, u.ID, func() {}); err != nil {
						t.Fatal(err)
					}
					_, err = f.Upload(ctx, f.alice, u.ID)
					hold.Release()
					wantKind(t, "back again", err, "")
					f.run("tree /in/ /in/x=" + long)
					return
				}
				if err := f.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				if f.reserved() != 0 || f.stored() != 0 || strings.Contains(f.tree(), long) {
					t.Errorf("%d bytes set aside, %d stored, %s", f.reserved(), f.stored(), f.tree())
				}
			})
		})
	}
}

// A server that was killed between the last byte and the file makes the file when it starts.
func TestAFullDroppedUploadIsRecovered(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /in")
		v := f.box("/in", NewShare{})
		u := v.must("x", int64(len(long)))
		if _, err := v.send(u, 0, long[:25]); err != nil {
			t.Fatal(err)
		}
		f.run("rm /in")
		open := context.WithValue(t.Context(), limitKey{}, &limit{Limit: Limit{Folder: v.share.NodeID}, driveID: f.alice, share: v.share.ID, top: "/in"})
		hold, err := f.HoldUpload(open, u.ID, func() {})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Append(open, f.alice, u.ID, 25, strings.NewReader(long[25:]), AppendOptions{})
		hold.Release()
		wantKind(t, "the folder was in the trash", err, "not_found")
		f.run("restore /in")
		if err := f.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.run("tree /in/ /in/x=" + long)
		if n := v.uses(); n != 1 {
			t.Errorf("%d uses", n)
		}
	})
}

func TestSendersAreKnownForEachShare(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /in")
		one, two := f.box("/in", NewShare{}).share, f.box("/in", NewShare{}).share
		sender := func(s Share, network string) string {
			text, err := f.DropSender(t.Context(), s, network)
			if err != nil || strings.Contains(text, network) {
				t.Errorf("%s, %v", text, err)
			}
			return text
		}
		a := sender(one, "192.0.2.1")
		if sender(one, "192.0.2.1") != a || sender(one, "192.0.2.2") == a || sender(two, "192.0.2.1") == a {
			t.Error("a sender is not one network of one share")
		}
	})
}
