package drive

import (
	"context"
	"crypto/sha256"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// kept is alice's drive, as one sees it who is kept to its folder /in.
type kept struct {
	*fixture
	in      Node
	out     Node // the file /out/secret
	ctx     context.Context
	read    context.Context // besides, for reading only
	whole   context.Context // the whole drive, for reading only
	upload  Upload          // begun by alice herself, into /in
	part    Upload          // a full part of hers
	lock    Lock            // on /locked
	trash   string          // id of what she removed from /in
	point   Point           // of /out
	version string          // id of what /out/secret held before
	removed time.Time       // when she removed trash
	moment  Moment          // the drive's
	chunked string          // name of an upload in chunks of hers
}

func (f *fixture) kept() *kept {
	f.t.Helper()
	ctx := f.t.Context()
	k := &kept{fixture: f, chunked: "hers"}
	f.run(`mkdir /in
		mkdir /in/sub
		mkdir /out
		mkdir /locked`)
	f.put("/in/file", "in the folder")
	f.put("/out/secret", "what was outside before")
	k.out = f.put("/out/secret", "outside of it")
	f.put("/in/removed", "in the trash")
	must := func(err error) {
		f.t.Helper()
		if err != nil {
			f.t.Fatal(err)
		}
	}
	must(f.Trash(ctx, f.alice, "/in/removed", Guard{}))
	all, _, err := f.TrashList(ctx, f.alice, "", 1)
	must(err)
	k.trash, k.removed = all[0].Node.ID, all[0].Removed
	versions, err := f.Versions(ctx, f.alice, "/out/secret")
	must(err)
	k.version = versions[0].ID
	k.in, err = f.Stat(ctx, f.alice, "/in")
	must(err)
	k.upload = f.begin(NewUpload{Folder: "/in", Name: "hers", Length: 5})
	k.part = f.part("part")
	must(f.BeginChunked(ctx, f.alice, k.chunked))
	must(f.chunk(k.chunked, "1", "chunk"))
	k.lock, _, err = f.LockNode(ctx, f.alice, Lock{Path: "/locked", UserID: f.alice}, Guard{})
	must(err)
	folder, err := f.Stat(ctx, f.alice, "/out")
	must(err)
	k.point, err = f.Head(ctx, f.alice)
	must(err)
	k.point.Folder = folder.ID
	k.moment, err = f.Present(ctx, f.alice)
	must(err)
	for _, way := range []struct {
		ctx *context.Context
		Limit
	}{{&k.ctx, Limit{Folder: k.in.ID}}, {&k.read, Limit{Folder: k.in.ID, ReadOnly: true}}, {&k.whole, Limit{ReadOnly: true}}} {
		*way.ctx, err = f.WithLimit(ctx, f.alice, way.Limit)
		must(err)
	}
	return k
}

// limited is what every rule answers to one who is kept to /in or to reading, asked about what is outside of it.
type limited struct {
	outside string // kind of the error that one gets who is kept to /in; "nothing" if the answer holds nothing of the drive
	reading string // of the error that one gets who may only read the whole drive; "" if it is a rule for readers
	call    func(ctx context.Context, k *kept) (any, error)
}

// limitedCalls are all exported methods of Drives that a door could call: a new one has to be added here.
func limitedCalls() map[string]limited {
	const notFound, readOnly = "not_found", "read_only"
	body := func() *strings.Reader { return strings.NewReader("new") }
	sum := sha256.Sum256([]byte("outside of it"))
	wanted := Wanted{SHA256: sum[:], Size: 13, Folder: "/in", Name: "found"}
	return map[string]limited{
		"Stat": {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.Stat(ctx, k.alice, "/out/secret") }},
		"OpenNode": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			_, c, err := k.OpenNode(ctx, k.alice, k.out.ID)
			if err == nil {
				c.Close()
			}
			return nil, err
		}},
		"StatID": {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.StatID(ctx, k.alice, k.out.ID) }},
		"List": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			l, err := k.List(ctx, k.alice, "/out", Order{}, "", 10)
			return l.Children, err
		}},
		"Search": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			hits, err := k.Search(ctx, k.alice, Search{Text: "secret", In: Root, Limit: 10})
			return hits.Nodes, err
		}},
		"Present": {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.Present(ctx, k.alice) }},
		"Since":   {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.Since(ctx, k.alice, Moment{}, 10) }},
		"Reach":   {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.Reach(ctx, k.alice) }},
		"PreviewRewind": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			r, err := k.PreviewRewind(ctx, k.alice, "/in", Instant{Moment: k.moment})
			return r.Restored.Some, err
		}},
		"Rewind": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.Rewind(ctx, k.alice, "/in", Instant{Moment: k.moment}, nil)
		}},
		"RemovedAt": {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.RemovedAt(ctx, k.alice, k.removed) }},
		"DownloadLink": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			_, _, _, err := k.DownloadLink(ctx, k.alice, "/in/file", 0)
			return nil, err
		}},
		"MakeShare": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.MakeShare(ctx, k.alice, "/in/file", NewShare{})
		}},
		"Shares":      {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.Shares(ctx, k.alice) }},
		"RemoveShare": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) { return nil, k.RemoveShare(ctx, k.alice, k.trash) }},
		"ExportPaths": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			return nil, k.ExportPaths(ctx, k.alice, []Path{"/out"}, func(Exported, blob.Content) error { return nil })
		}},
		"Undo":      {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) { return k.Undo(ctx, k.alice, k.removed) }},
		"RestoreAs": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) { return k.RestoreAs(ctx, k.alice, k.trash, "x") }},
		"TrashAll": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.TrashAll(ctx, k.alice, []Path{"/in/file", "/out/secret"}, Guard{})
		}},
		"MoveInto": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.MoveInto(ctx, k.alice, "/in/file", "/out", Guard{})
		}},
		"CopyInto": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.CopyInto(ctx, k.alice, "/out/secret", "/in", Guard{})
		}},
		"RestoreVersion": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.RestoreVersion(ctx, k.alice, k.version, Guard{})
		}},
		"RemoveVersion": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return nil, k.RemoveVersion(ctx, k.alice, k.version, Guard{})
		}},
		"Walk": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			return nil, k.Walk(ctx, k.alice, "/out", 10, func(Node) error { return nil })
		}},
		"ListParts": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			return nil, k.ListParts(ctx, k.alice, "/out", AllFields, func(Node, []Node) error { return nil })
		}},
		"Open": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			_, c, err := k.Open(ctx, k.alice, "/out/secret")
			if err == nil {
				c.Close()
			}
			return nil, err
		}},
		"Versions": {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.Versions(ctx, k.alice, "/out/secret") }},
		"OpenVersion": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			_, _, c, err := k.OpenVersion(ctx, k.alice, k.version)
			if err == nil {
				c.Close()
			}
			return nil, err
		}},
		"FileChecksums": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			_, _, err := k.FileChecksums(ctx, k.alice, "/out/secret")
			return nil, err
		}},
		"Sync": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			return k.Sync(ctx, k.alice, "/out", k.point, true, 10)
		}},
		"Unchanged": {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.Unchanged(ctx, k.alice, "/out", k.point) }},
		"Changes":   {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.Changes(ctx, k.alice, 0, 10) }},
		"TrashList": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			all, _, err := k.TrashList(ctx, k.alice, "", 10)
			return all, err
		}},
		"Export": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			return nil, k.Export(ctx, k.alice, true, func(Exported, blob.Content) error { return nil })
		}},
		"Locks":    {"nothing", "", func(ctx context.Context, k *kept) (any, error) { return k.Locks(ctx, k.alice) }},
		"Covering": {"nothing", "", func(ctx context.Context, k *kept) (any, error) { return k.Covering(ctx, k.alice, "/locked/file") }},
		"Usage": {"nothing", "", func(ctx context.Context, k *kept) (any, error) {
			u, err := k.Usage(ctx, k.alice)
			return u.Used + u.Reserved + u.Uploads, err
		}},
		"OpenUploads":    {"nothing", "", func(ctx context.Context, k *kept) (any, error) { return k.OpenUploads(ctx, k.alice, 10) }},
		"ChunkedUploads": {"nothing", "", func(ctx context.Context, k *kept) (any, error) { return k.ChunkedUploads(ctx, k.alice) }},
		"Chunks": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			_, all, err := k.Chunks(ctx, k.alice, k.chunked)
			return all, err
		}},
		"Upload":      {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.Upload(ctx, k.alice, k.upload.ID) }},
		"OwnedUpload": {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.OwnedUpload(ctx, k.alice, k.upload.ID) }},
		"SeeUpload":   {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.SeeUpload(ctx, k.alice, k.upload.ID) }},
		"SeenUpload": {notFound, "", func(ctx context.Context, k *kept) (any, error) {
			return k.SeenUpload(ctx, Seen{Upload: k.upload, released: 1 << 60})
		}},
		"PeekUpload": {notFound, "", func(ctx context.Context, k *kept) (any, error) { return k.PeekUpload(ctx, k.alice, k.upload.ID) }},

		"Put": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			_, _, err := k.Put(ctx, k.alice, "/out/new", body(), PutOptions{Size: 3})
			return nil, err
		}},
		"Patch": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.Patch(ctx, k.alice, "/out/secret", body(), PatchOptions{Size: 3})
		}},
		"MakeFolder": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.MakeFolder(ctx, k.alice, "/out/new", Guard{})
		}},
		"MakeFolderWith": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.MakeFolderWith(ctx, k.alice, "/new", nil, time.Time{}, Guard{})
		}},
		"Move": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			_, _, err := k.Move(ctx, k.alice, "/in/file", "/out/file", true, Guard{})
			return nil, err
		}},
		"Copy": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			_, _, err := k.Copy(ctx, k.alice, "/out/secret", "/in/file", true, true, Guard{})
			return nil, err
		}},
		"Trash": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return nil, k.Trash(ctx, k.alice, "/out/secret", Guard{})
		}},
		"Restore": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) { return k.Restore(ctx, k.alice, k.trash) }},
		"Purge":   {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) { return nil, k.Purge(ctx, k.alice, "") }},
		"PatchProperties": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return nil, k.PatchProperties(ctx, k.alice, "/out/secret", []Property{{"urn:x", "x", "", "1"}}, nil, time.Time{}, Guard{})
		}},
		"LockNode": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			_, _, err := k.LockNode(ctx, k.alice, Lock{Path: "/out/secret", UserID: k.alice}, Guard{})
			return nil, err
		}},
		"RefreshLock": {"lock_token_mismatch", readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.RefreshLock(ctx, k.alice, k.alice, "/locked", k.lock.Token, time.Minute)
		}},
		"Unlock": {"lock_token_mismatch", readOnly, func(ctx context.Context, k *kept) (any, error) {
			return nil, k.Unlock(ctx, k.alice, k.alice, "/locked", k.lock.Token)
		}},
		"BeginUpload": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.BeginUpload(ctx, k.alice, NewUpload{Folder: "/out", Name: "new", Length: 3})
		}},
		"Append": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.Append(ctx, k.alice, k.upload.ID, 0, body(), AppendOptions{})
		}},
		"AppendTo": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			return k.AppendTo(ctx, k.upload, 0, body(), AppendOptions{})
		}},
		"SetLength":  {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) { return k.SetLength(ctx, k.alice, k.upload.ID, 9) }},
		"DropUpload": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) { return nil, k.DropUpload(ctx, k.alice, k.upload.ID) }},
		"BeginChunked": {"", readOnly, func(ctx context.Context, k *kept) (any, error) {
			return nil, k.BeginChunked(ctx, k.alice, k.chunked) // another one of the same name
		}},
		"PutChunk": {"upload_not_found", "upload_not_found", func(ctx context.Context, k *kept) (any, error) {
			return k.PutChunk(ctx, k.alice, "not begun", "1", body(), PutOptions{Size: 3})
		}},
		"DropChunk":   {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) { return nil, k.DropChunk(ctx, k.alice, k.chunked, "1") }},
		"DropChunked": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) { return nil, k.DropChunked(ctx, k.alice, k.chunked) }},
		"FinishChunked": {notFound, readOnly, func(ctx context.Context, k *kept) (any, error) {
			_, _, err := k.FinishChunked(ctx, k.alice, k.chunked, "/in/made", PutOptions{Size: -1})
			return nil, err
		}},
		"Lookup": {"nothing", readOnly, func(ctx context.Context, k *kept) (any, error) { return k.Lookup(ctx, k.alice, wanted) }},
		"Prove":  {"proof_not_found", readOnly, func(ctx context.Context, k *kept) (any, error) { return k.Prove(ctx, k.alice, sqldb.NewID(), nil) }},
	}
}

// notLimited are the methods that ask nobody's leave, and why that tells and changes nothing.
var notLimited = map[string]string{
	"Create":         "makes a drive with its user",
	"Check":          "of who runs the server",
	"GC":             "of who runs the server",
	"MoveBlobs":      "of who runs the server",
	"CopyBlobs":      "of who runs the server",
	"EachContent":    "of who runs the server",
	"Confirm":        "of who runs the server",
	"Regain":         "of who runs the server",
	"Holders":        "of who runs the server",
	"SettleRestored": "of who runs the server",
	"Recover":        "of who runs the server",
	"Sweep":          "of who runs the server",
	"Counts":         "numbers for metrics",
	"LocksHeld":      "a number for metrics",
	"MaxFile":        "a setting",
	"Adjust":         "of who runs the server",
	"Elsewhere":      "takes a node that was found before",
	"Head":           "the number of the last change",
	"HoldUpload":     "holds an id, and answers nothing about it",
	"Asked":          "notes an id, and answers nothing about it",
	"Neighbours":     "of a file that another call answered: what is in the same folder",
	"Properties":     "of nodes that another call answered",
	"Checksums":      "of nodes that another call answered",
	"WithLimit":      "makes the limit",
	"Watch":          "says that something happened, and not what",
	"Told":           "says whether Watch tells of others",
	"LinkedDrive":    "for who has a code and no credentials",
	"OpenShare":      "for who has a link and no credentials",
	"ProveShare":     "of a share that OpenShare answered",
	"SignShare":      "of a share that OpenShare answered",
	"ShareSigned":    "of a share that OpenShare answered",
	"DropAddress":    "of a share that OpenShare answered",
	"DropID":         "of a share that OpenShare answered",
	"DropSender":     "of a share that OpenShare answered",
	"TakeShare":      "of a share that OpenShare answered",
	"ReturnShare":    "of a share that OpenShare answered",
	"Remove":         "of who runs the server, and of an owner who closes the account",
	"SetQuota":       "of who runs the server",
	"Usages":         "of who runs the server",
	"Totals":         "of who runs the server",
	"Space":          "of who runs the server",
	"Transfers":      "of who runs the server",
	"Transfer":       "of who runs the server",
	"EndTransfer":    "of who runs the server",

	"UploadStates":     "numbers for metrics",
	"ChecksumsWanted":  "wakes a job",
	"ComputeChecksums": "a job",
	"Scrub":            "a job",
	"ScrubAll":         "of who runs the server",
	"ScrubStanding":    "numbers for metrics",
	"EachDamaged":      "of who runs the server",
	"Damages":          "of who runs the server",
	"NoteDamage":       "of who runs the server",
	"Repair":           "of who runs the server",
}

func TestEveryMethodKeepsToTheLimit(t *testing.T) {
	calls := limitedCalls()
	for m := range reflect.TypeFor[*Drives]().Methods() {
		_, limited := calls[m.Name]
		_, free := notLimited[m.Name]
		if limited == free {
			t.Errorf("%s: say in this test what it answers to one who is kept to a folder or to reading", m.Name)
		}
	}
	each(t, Options{}, func(t *testing.T, f *fixture) {
		for name, c := range calls {
			f.alice = f.user(name)
			k := f.kept()
			before := f.everything()
			same := func(who string) {
				t.Helper()
				if now := f.everything(); now != before {
					t.Errorf("%s: %s changed something: %s\nwas %s", name, who, now, before)
				}
				before = f.everything()
			}
			hold(t, name+", kept to a folder", c.outside, k.ctx, k, c)
			if c.outside == "" {
				before = f.everything()
			}
			same("one who is kept to a folder")
			hold(t, name+", reading", c.reading, k.whole, k, c)
			same("a reader")
			bob, err := f.WithLimit(t.Context(), f.bob, Limit{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.call(bob, k); err == nil && !empty(got) {
				t.Errorf("%s: one who is kept to another drive is told %+v", name, got)
			}
			same("one who is kept to another drive")
		}
	})
}

// hold compares what a call answers with the code of an error, "" for none, or "nothing" for an answer that holds nothing.
func hold(t *testing.T, who, want string, ctx context.Context, k *kept, c limited) {
	t.Helper()
	got, err := c.call(ctx, k)
	code, _, _ := fault.Public(err)
	switch {
	case want == "nothing" && (err != nil || !empty(got)):
		t.Errorf("%s: %+v, %v; want an answer that tells nothing", who, got, err)
	case want == "" && err != nil:
		t.Errorf("%s: %v", who, err)
	case want == "not_found" && !fault.Is(err, fault.NotFound):
		t.Errorf("%s: %v, want NotFound", who, err)
	case want != "" && want != "nothing" && want != "not_found" && code != want:
		t.Errorf("%s: %v, want %s", who, err, want)
	}
}

func empty(answer any) bool {
	v := reflect.ValueOf(answer)
	return !v.IsValid() || v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

// everything is all rows of alice's drive that a user could have changed.
func (f *fixture) everything() string {
	f.t.Helper()
	var all []string
	for _, query := range []string{
		`SELECT 'node ' || id || ' ' || name || ' ' || COALESCE(parent_id, '') || ' ' || revision || ' ' || COALESCE(blob_id, '') FROM nodes ORDER BY id`,
		`SELECT 'upload ' || id || ' ' || length || ' ' || received || ' ' || within FROM uploads ORDER BY id`,
		`SELECT 'lock ' || token || ' ' || expires_at FROM locks ORDER BY token`,
		`SELECT 'property ' || node_id || name FROM properties ORDER BY node_id`,
		`SELECT 'trash ' || node_id FROM trash ORDER BY node_id`,
		`SELECT 'usage ' || used || ' ' || reserved || ' ' || uploads FROM drives ORDER BY id`,
		`SELECT 'proof ' || id FROM proofs ORDER BY id`,
	} {
		rows, err := sqldb.All(f.t.Context(), f.db, query, nil, func(scan sqldb.Scan) (s string, err error) { return s, scan(&s) })
		if err != nil {
			f.t.Fatal(err)
		}
		all = append(all, rows...)
	}
	return strings.Join(all, "\n")
}

// Inside of the folder, all is as in a drive.
func TestKeptToAFolder(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		k := f.kept()
		put := func(path, body string) error {
			_, _, err := f.Put(k.ctx, f.alice, Path(path), strings.NewReader(body), PutOptions{Size: int64(len(body))})
			return err
		}
		wantKind(t, "put", put("/in/new", "new content"), "")
		wantKind(t, "put below", put("/in/sub/new", "new content"), "")
		wantKind(t, "mkdir", errOf(f.MakeFolder(k.ctx, f.alice, "/in/sub/deeper", Guard{})), "")
		_, _, err := f.Move(k.ctx, f.alice, "/in/new", "/in/sub/moved", false, Guard{})
		wantKind(t, "move", err, "")
		_, _, err = f.Copy(k.ctx, f.alice, "/in/sub", "/in/copy", false, true, Guard{})
		wantKind(t, "copy", err, "")
		wantKind(t, "trash", f.Trash(k.ctx, f.alice, "/in/copy", Guard{}), "")
		wantKind(t, "the folder itself is the top: trash", f.Trash(k.ctx, f.alice, "/in", Guard{}), "forbidden")
		_, _, err = f.Move(k.ctx, f.alice, "/in", "/in2", false, Guard{})
		wantKind(t, "the folder itself is the top: move", err, "forbidden")
		synced, err := f.Sync(k.ctx, f.alice, "/in", Point{}, true, 100)
		wantKind(t, "sync", err, "")
		for _, n := range synced.Changed {
			if !n.Path.Within("/in") {
				t.Errorf("told of %s", n.Path)
			}
		}
		for _, read := range []context.Context{k.read, k.whole} {
			_, _, err := f.Put(read, f.alice, "/in/file", strings.NewReader("x"), PutOptions{Size: 1})
			wantKind(t, "put by a reader", err, "forbidden")
			if _, err := f.Stat(read, f.alice, "/in/file"); err != nil {
				t.Error(err)
			}
		}
	})
}

func errOf[T any](_ T, err error) error { return err }

// The limit is the folder and not its path: it goes along when the folder is renamed, and what takes its place is not opened.
func TestAnotherFolderInItsPlaceIsNotOpened(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		k := f.kept() // the request has begun
		f.run(`mv /in /elsewhere
			mv /out /in`)
		_, err := f.Stat(k.ctx, f.alice, "/in/secret")
		wantKind(t, "what took its place", err, "not_found")
		_, _, err = f.Put(k.ctx, f.alice, "/in/new", strings.NewReader("x"), PutOptions{Size: 1})
		wantKind(t, "writing to it", err, "not_found")
		next, err := f.WithLimit(t.Context(), f.alice, Limit{Folder: k.in.ID})
		wantKind(t, "the next request", err, "")
		if top := Top(next); top != "/elsewhere" {
			t.Errorf("the folder is at %s", top)
		}
		wantKind(t, "and what it asks", errOf(f.Stat(next, f.alice, "/elsewhere/file")), "")

		wantKind(t, "trash", f.Trash(t.Context(), f.alice, "/elsewhere", Guard{}), "")
		_, err = f.WithLimit(t.Context(), f.alice, Limit{Folder: k.in.ID})
		wantKind(t, "in the trash", err, "forbidden")
		wantKind(t, "a request that had begun", errOf(f.Stat(next, f.alice, "/elsewhere/file")), "not_found")
		wantKind(t, "restore", errOf(f.Restore(t.Context(), f.alice, k.in.ID)), "")
		wantKind(t, "again", errOf(f.WithLimit(t.Context(), f.alice, Limit{Folder: k.in.ID})), "")
		_, err = f.WithLimit(t.Context(), f.bob, Limit{Folder: k.in.ID})
		wantKind(t, "of another drive", err, "forbidden")
	})
}

// Whoever ends an upload, it ends in the folder that its beginner was kept to.
func TestAnUploadStaysInItsFolder(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		k := f.kept()
		begin := func(folder Path, name string) Upload {
			u, err := f.BeginUpload(k.ctx, f.alice, NewUpload{Folder: folder, Name: name, Length: 5})
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		moved, gone := begin("/in/sub", "moved"), begin("/in/sub/deep", "gone")
		hers, err := f.OpenUploads(k.ctx, f.alice, 10)
		if err != nil || len(hers) != 2 {
			t.Errorf("%d uploads are listed, %v", len(hers), err)
		}
		f.run(`mv /in/sub /out/sub
			mv /in /kept
			mkdir /in`)
		for _, u := range []Upload{moved, gone} { // alice goes on with them herself
			if _, err := f.send(u, 0, strings.NewReader("bytes")); err != nil {
				t.Errorf("%s: %v", u.Name, err)
			}
		}
		tree := f.tree()
		if !strings.Contains(tree, "/kept/moved") || !strings.Contains(tree, "/kept/gone") {
			t.Errorf("an upload left the folder: %s", tree)
		}
	})
}

func TestPartsOfOthersAreNotJoined(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		k := f.kept()
		_, err := f.BeginUpload(k.ctx, f.alice, NewUpload{Folder: "/in", Name: "joined", Kind: Joined, Parts: []string{k.part.ID}})
		wantKind(t, "alice's own part", err, "not_found")
		other, err := f.WithLimit(t.Context(), f.alice, Limit{Folder: k.out.ParentID})
		wantKind(t, "another limit", err, "")
		theirs, err := f.BeginUpload(other, f.alice, NewUpload{Kind: Partial, Length: 0})
		wantKind(t, "a part of who is kept to /out", err, "")
		_, err = f.BeginUpload(k.ctx, f.alice, NewUpload{Folder: "/in", Name: "joined", Kind: Joined, Parts: []string{theirs.ID}})
		wantKind(t, "is not seen from /in", err, "not_found")
		mine, err := f.BeginUpload(k.ctx, f.alice, NewUpload{Kind: Partial, Length: 0})
		wantKind(t, "a part of one's own", err, "")
		_, err = f.BeginUpload(k.ctx, f.alice, NewUpload{Folder: "/in", Name: "joined", Kind: Joined, Parts: []string{mine.ID}})
		wantKind(t, "is joined", err, "")
	})
}

// A sync token is the client's to write: one that names another folder, or a folder outside as what is being told, tells nothing.
func TestAForgedSyncTokenTellsNothingOutside(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		k := f.kept()
		now, err := f.Head(k.ctx, f.alice)
		wantKind(t, "head", err, "")
		for what, p := range map[string]Point{
			"of another folder":          {Folder: k.point.Folder, Sequence: now.Sequence, At: now.At},
			"that is telling another":    {Folder: k.in.ID, Sequence: now.Sequence, At: now.At, Below: k.point.Folder},
			"that is telling a file":     {Folder: k.in.ID, Sequence: now.Sequence, At: now.At, Below: k.out.ID},
			"from the beginning of time": {Folder: k.in.ID, Sequence: 0, Below: k.point.Folder},
		} {
			synced, err := f.Sync(k.ctx, f.alice, "/in", p, true, 100)
			told := slices.ContainsFunc(synced.Changed, func(n Node) bool { return !n.Path.Within("/in") || n.Name == "secret" })
			if err == nil && told {
				t.Errorf("a token %s tells %+v", what, synced.Changed)
			}
			for _, r := range synced.Removed {
				if !r.Path.Within("/in") {
					t.Errorf("a token %s tells of %s", what, r.Path)
				}
			}
		}
	})
}

func TestPathsOfWhoIsKeptToAFolder(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		k := f.kept()
		for in, out := range map[Path]Path{Root: "/in", "/a": "/in/a", "/out/a": "/in/out/a"} {
			inside, err := Inside(k.ctx, in)
			if err != nil || inside != out || Shown(k.ctx, inside) != in {
				t.Errorf("%s is %s, shown as %s, %v", in, inside, Shown(k.ctx, inside), err)
			}
		}
		for _, outside := range []Path{Root, "/out", "/out/secret", "/inside", "/in2/a"} {
			if shown := Shown(k.ctx, outside); shown != Root {
				t.Errorf("%s is shown as %s", outside, shown)
			}
		}
		long := Path(strings.Repeat("/"+strings.Repeat("a", 200), 20))
		if _, err := Inside(k.ctx, long+"/"+Path(strings.Repeat("b", 74))); !fault.Is(err, fault.TooLarge) {
			t.Errorf("a path that is too long inside: %v", err)
		}
	})
}

// A full drive says to one who is kept to a folder that it is full, and not what is in it.
func TestTheQuotaTellsNothingOfTheRest(t *testing.T) {
	each(t, Options{Quota: 100}, func(t *testing.T, f *fixture) {
		k := f.kept()
		u, err := f.Usage(k.ctx, f.alice)
		whole, _ := f.Usage(t.Context(), f.alice)
		if free, _ := whole.Free(); err != nil || u != (Usage{Quota: free}) {
			t.Errorf("%+v of %+v, %v", u, whole, err)
		}
		for what, try := range map[string]func() error{
			"put": func() error {
				_, _, err := f.Put(k.ctx, f.alice, "/in/new", strings.NewReader(strings.Repeat("x", 90)), PutOptions{Size: 90})
				return err
			},
			"upload": func() error {
				return errOf(f.BeginUpload(k.ctx, f.alice, NewUpload{Folder: "/in", Name: "new", Length: 90}))
			},
		} {
			if code, sentence, _ := fault.Public(try()); code != "quota_exceeded" || strings.ContainsAny(sentence, "0123456789") {
				t.Errorf("%s: %s: %s", what, code, sentence)
			}
		}
	})
}
