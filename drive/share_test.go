package drive

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
)

// shared makes a share of alice's.
func (f *fixture) shared(path Path, n NewShare) Share {
	f.t.Helper()
	s, err := f.MakeShare(f.t.Context(), f.alice, path, n)
	if err != nil {
		f.t.Fatalf("share %s: %v", path, err)
	}
	return s
}

// opens is what a token opens: a path, or the kind of an error.
func (f *fixture) opens(token string) string {
	f.t.Helper()
	_, _, node, err := f.OpenShare(f.t.Context(), token)
	if err != nil {
		return fault.KindOf(err).Code()
	}
	return string(node.Path)
}

func TestAShareFollowsItsNode(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /d\nmkdir /e\nput /d/f one")
		file, folder := f.shared("/d/f", NewShare{}), f.shared("/d", NewShare{Name: " Holiday "})
		if folder.Name != "Holiday" || file.Name != "f" || file.Token == folder.Token {
			t.Errorf("%+v, %+v", file, folder)
		}
		opens := func(when, ofFile, ofFolder string) {
			t.Helper()
			if a, b := f.opens(file.Token), f.opens(folder.Token); a != ofFile || b != ofFolder {
				t.Errorf("%s: %s and %s", when, a, b)
			}
		}
		opens("at first", "/d/f", "/d")
		f.run("mv /d /e/moved")
		opens("moved", "/e/moved/f", "/e/moved")
		f.run("mkdir /d\nput /d/f another")
		opens("another in its place", "/e/moved/f", "/e/moved")
		f.run("rm /e/moved")
		opens("in the trash", "not_found", "not_found")
		f.run("restore /e/moved")
		opens("restored", "/e/moved/f", "/e/moved")
		f.run("rm /e/moved")
		f.run("empty-trash /")
		opens("gone", "not_found", "not_found")
		all, err := f.Shares(t.Context(), f.alice)
		if err != nil || len(all) != 0 {
			t.Errorf("shares of what is gone: %v, %v", all, err)
		}
	})
}

func TestShareTokens(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("put /f one\nput /g two")
		one, two := f.shared("/f", NewShare{}), f.shared("/g", NewShare{})
		all, err := New(f.db, f.blobs, f.o).Shares(ctx, f.alice) // another node has the same key
		if err != nil || len(all) != 2 || all[0].Token != two.Token || all[1].Token != one.Token {
			t.Errorf("%+v, %v", all, err)
		}
		id, mac, _ := strings.Cut(one.Token, ".")
		for what, token := range map[string]string{
			"the id alone": id, "no MAC": id + ".", "another's MAC": two.ID + "." + mac, "none": "", "short": one.Token[:len(one.Token)-1], "long": one.Token + "A", "capitals": strings.ToUpper(one.Token),
		} {
			if got := f.opens(token); got != "not_found" {
				t.Errorf("%s: %s", what, got)
			}
		}
		others, err := f.Shares(ctx, f.bob)
		if err != nil || len(others) != 0 {
			t.Errorf("bob has %v, %v", others, err)
		}
		wantKind(t, "bob ends it", f.RemoveShare(ctx, f.bob, one.ID), "not_found")
		wantKind(t, "alice ends it", f.RemoveShare(ctx, f.alice, one.ID), "")
		wantKind(t, "again", f.RemoveShare(ctx, f.alice, one.ID), "not_found")
		if got := f.opens(one.Token); got != "not_found" {
			t.Errorf("ended: %s", got)
		}
	})
}

func TestAShareReachesNothingElse(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /d\nmkdir /d/sub\nput /d/f one\nput /d/sub/g two\nput /secret outside\nmkdir /dd\nput /dd/f outside")
		ctx, share, _, err := f.OpenShare(t.Context(), f.shared("/d", NewShare{}).Token)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Path{"/secret", "/dd", "/dd/f", Root} {
			_, err := f.Stat(ctx, f.alice, p)
			wantKind(t, string(p), err, "not_found")
			wantKind(t, "ZIP of "+string(p), f.ExportPaths(ctx, f.alice, []Path{p}, nil), "not_found")
		}
		_, err = f.Stat(ctx, f.bob, Root)
		wantKind(t, "another drive", err, "not_found")
		_, _, err = f.Put(ctx, f.alice, "/d/new", strings.NewReader("x"), PutOptions{Size: 1})
		wantKind(t, "writing", err, "forbidden")
		_, err = f.MakeShare(ctx, f.alice, "/d/f", NewShare{})
		wantKind(t, "sharing on", err, "not_found")
		_, err = f.Shares(ctx, f.alice)
		wantKind(t, "shares of the owner", err, "not_found")
		var told []string
		err = f.ExportPaths(ctx, f.alice, []Path{"/d"}, func(x Exported, content blob.Content) error {
			line := x.Path
			if content != nil {
				b, err := io.ReadAll(content)
				if err != nil {
					return err
				}
				line += "=" + string(b)
			}
			told = append(told, line)
			return nil
		})
		if want := []string{"d", "d/f=one", "d/sub", "d/sub/g=two"}; err != nil || !slices.Equal(told, want) {
			t.Errorf("%v, %v", told, err)
		}

		file, _, _, err := f.OpenShare(t.Context(), f.shared("/d/f", NewShare{}).Token)
		wantKind(t, "of a file", err, "")
		for p, want := range map[Path]string{"/d/f": "", "/d": "not_found", "/d/sub": "not_found", "/d/sub/g": "not_found", "/d/f/x": "not_found"} {
			_, err := f.Stat(file, f.alice, p)
			wantKind(t, "of a file: "+string(p), err, want)
		}
		_, _, err = f.Put(file, f.alice, "/d/f", strings.NewReader("x"), PutOptions{Size: 1})
		wantKind(t, "of a file: writing", err, "forbidden")

		// What moves out while it is being read is not reached any more.
		f.run("mv /d/sub /sub")
		_, err = f.Stat(ctx, f.alice, "/sub/g")
		wantKind(t, "moved out", err, "not_found")
		_, _, err = f.OpenNode(ctx, f.alice, share.NodeID)
		wantKind(t, "by its id", err, "invalid") // a folder
	})
}

func TestRacingDownloadsNeverExceedTheCount(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("put /f one")
		share := f.shared("/f", NewShare{Most: 5})
		var wait sync.WaitGroup
		var taken, refused atomic.Int64
		for range 40 {
			wait.Go(func() {
				switch err := f.TakeShare(context.Background(), share.ID); {
				case err == nil:
					taken.Add(1)
				case fault.Is(err, fault.NotFound):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if taken.Load() != 5 || refused.Load() != 35 {
			t.Errorf("%d were taken, %d refused", taken.Load(), refused.Load())
		}
		_, now, _, err := f.OpenShare(t.Context(), share.Token)
		if err != nil || !now.Spent() || now.Uses != 5 || now.Used.IsZero() {
			t.Errorf("%+v, %v", now, err)
		}
		wantKind(t, "given back", f.ReturnShare(t.Context(), share.ID), "")
		wantKind(t, "taken again", f.TakeShare(t.Context(), share.ID), "")
		wantKind(t, "and no more", f.TakeShare(t.Context(), share.ID), "not_found")
	})
}

func TestAnExpiredShareOpensNothing(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("put /f one")
		share := f.shared("/f", NewShare{Expires: f.now.Add(time.Hour)})
		forever := f.shared("/f", NewShare{})
		f.forward(time.Hour)
		if got := f.opens(share.Token); got != "not_found" {
			t.Errorf("an hour later: %s", got)
		}
		wantKind(t, "taking", f.TakeShare(t.Context(), share.ID), "not_found")
		wantKind(t, "sweep", f.Sweep(t.Context()), "")
		if all, _ := f.Shares(t.Context(), f.alice); len(all) != 2 {
			t.Errorf("its owner sees %d", len(all))
		}
		f.forward(shareMemory)
		wantKind(t, "sweep", f.Sweep(t.Context()), "")
		if all, _ := f.Shares(t.Context(), f.alice); len(all) != 1 || all[0].ID != forever.ID {
			t.Errorf("a month later: %+v", all)
		}
	})
}

func TestGuessingAtASharesPassword(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("put /f one")
		share := f.shared("/f", NewShare{Password: "caf\u00e9"})
		_, share, _, err := f.OpenShare(ctx, share.Token)
		if err != nil || !share.Protected() || strings.Contains(share.password, "caf") {
			t.Fatal(err)
		}
		wantKind(t, "right, decomposed", f.ProveShare(ctx, share, "cafe\u0301"), "")
		var wait sync.WaitGroup
		var judged atomic.Int64
		for range 30 { // at once
			wait.Go(func() {
				if err := f.ProveShare(context.Background(), share, "wrong"); fault.Is(err, fault.Forbidden) {
					judged.Add(1)
				} else if !fault.Is(err, fault.TooMany) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if judged.Load() != freeShareTries {
			t.Errorf("%d guesses were judged", judged.Load())
		}
		wantKind(t, "the right one has to wait too", f.ProveShare(ctx, share, "caf\u00e9"), "too_many_requests")
		f.forward(firstShareWait)
		wantKind(t, "one more", f.ProveShare(ctx, share, strings.Repeat("x", 2000)), "forbidden")
		f.forward(firstShareWait)
		err = f.ProveShare(ctx, share, "caf\u00e9")
		wantKind(t, "twice as long", err, "too_many_requests")
		if wait := fault.RetryAfter(err); wait <= 0 || wait > 2*firstShareWait {
			t.Errorf("wait %s", wait)
		}
		f.forward(firstShareWait)
		wantKind(t, "and right", f.ProveShare(ctx, share, "caf\u00e9"), "")
	})
}

func TestWhatWasSignedForAShare(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("put /f one")
		one, two := f.shared("/f", NewShare{Password: "first"}), f.shared("/f", NewShare{Password: "first"})
		text, err := f.SignShare(ctx, one, "open", time.Hour)
		wantKind(t, "sign", err, "")
		for what, c := range map[string]struct {
			share      Share
			what, text string
			want       bool
		}{
			"as it is": {one, "open", text, true}, "another share": {two, "open", text, false}, "another thing": {one, "resume", text, false},
			"a later end": {one, "open", "z" + text, false}, "none": {one, "open", "", false}, "no MAC": {one, "open", text[:strings.IndexByte(text, '.')+1], false},
		} {
			if ok, err := f.ShareSigned(ctx, c.share, c.what, c.text); ok != c.want || err != nil {
				t.Errorf("%s: %v, %v", what, ok, err)
			}
		}
		f.forward(time.Hour)
		if ok, _ := f.ShareSigned(ctx, one, "open", text); ok {
			t.Error("it holds for longer than it was said")
		}
	})
}

func TestADropBoxReachesNothingElse(t *testing.T) {
	each(t, Options{Quota: 40}, func(t *testing.T, f *fixture) {
		f.run("mkdir /in\nput /in/f mine\nput /out outside")
		ctx, _, _, err := f.OpenShare(t.Context(), f.shared("/in", NewShare{Kind: ShareDrop}).Token)
		if err != nil {
			t.Fatal(err)
		}
		put := func(p Path, body string) error {
			_, _, err := f.Put(ctx, f.alice, p, strings.NewReader(body), PutOptions{Size: -1, Conflict: Rename})
			return err
		}
		wantKind(t, "a taken name", put("/in/f", "theirs"), "")
		for p, want := range map[Path]string{"/in/f": "mine", "/in/f (1)": "theirs"} {
			if got, err := f.read(f.alice, p); got != want || err != nil {
				t.Errorf("%s: %q, %v", p, got, err)
			}
		}
		wantKind(t, "beside the folder", put("/new", "x"), "not_found")
		wantKind(t, "another drive", func() error {
			_, _, err := f.Put(ctx, f.bob, "/new", strings.NewReader("x"), PutOptions{Size: 1})
			return err
		}(), "not_found")
		err = put("/in/large", strings.Repeat("x", 60))
		if code, sentence, _ := fault.Public(err); code != "quota_exceeded" || strings.ContainsAny(sentence, "0123456789") {
			t.Errorf("over the owner's quota: %s: %s", code, sentence)
		}
	})
}

func TestSharesThatAreRefused(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /d\nput /f one")
		for what, c := range map[string]struct {
			path Path
			NewShare
			want string
		}{
			"the drive":          {Root, NewShare{}, "is_root"},
			"nothing":            {"/none", NewShare{}, "not_found"},
			"a drop into a file": {"/f", NewShare{Kind: ShareDrop}, "is_file"},
			"another kind":       {"/f", NewShare{Kind: "edit"}, "invalid_fields"},
			"a long name":        {"/f", NewShare{Name: strings.Repeat("x", MaxShareName+1)}, "invalid_fields"},
			"a NUL":              {"/f", NewShare{Name: "a\x00b"}, "invalid_fields"},
			"no UTF-8":           {"/f", NewShare{Name: "\xff"}, "invalid_fields"},
			"a short password":   {"/f", NewShare{Password: "abc"}, "invalid_fields"},
			"a long password":    {"/f", NewShare{Password: strings.Repeat("x", MaxSharePass+1)}, "invalid_fields"},
			"a negative count":   {"/f", NewShare{Most: -1}, "invalid_fields"},
			"a count too large":  {"/f", NewShare{Most: MaxShareUses + 1}, "invalid_fields"},
			"the past":           {"/f", NewShare{Expires: f.now}, "invalid_fields"},
			"a size to read":     {"/f", NewShare{MaxSize: 1}, "invalid_fields"},
		} {
			_, err := f.MakeShare(t.Context(), f.alice, c.path, c.NewShare)
			if code, _, _ := fault.Public(err); code != c.want {
				t.Errorf("%s: %v, want %s", what, err, c.want)
			}
		}
		for range MaxShares {
			f.shared("/f", NewShare{})
		}
		_, err := f.MakeShare(t.Context(), f.alice, "/f", NewShare{})
		if code, _, _ := fault.Public(err); code != "too_many_shares" {
			t.Errorf("one too many: %v", err)
		}
	})
}
