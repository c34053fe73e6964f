package drive

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// aliceFills gives alice a drive with one of everything, and bob a file that shares its content with hers.
func (f *fixture) aliceFills() {
	f.t.Helper()
	ctx := f.t.Context()
	f.run(`
		mkdir /docs
		mkdir /docs/deep
		mkdir /empty
		put /docs/deep/a one
		put /docs/deep/a two two
		put /docs/deep/a three, which goes to the store
		put /shared what both of them hold, in the store
		put /small both
		put /thrown this goes to the trash as well
		rm /thrown
		mkdir /bin
		put /bin/in-the-trash more of it
		rm /bin`)
	for path, body := range map[Path]string{"/mine": "what both of them hold, in the store", "/little": "both"} {
		if _, _, err := f.Put(ctx, f.bob, path, strings.NewReader(body), PutOptions{Size: int64(len(body))}); err != nil {
			f.t.Fatal(err)
		}
	}
	property := Property{Namespace: "urn:x", Name: "note", Value: "kept with the folder"}
	if err := f.PatchProperties(ctx, f.alice, "/docs", []Property{property}, nil, time.Time{}, Guard{}); err != nil {
		f.t.Fatal(err)
	}
	if _, _, err := f.LockNode(ctx, f.alice, Lock{UserID: f.alice, Path: "/docs", Deep: true, Timeout: time.Hour}, Guard{}); err != nil {
		f.t.Fatal(err)
	}
	half := f.begin(NewUpload{Name: "half", Length: 100})
	if u, err := f.send(half, 0, strings.NewReader("more than fits in a row")); err != nil || u.Full() {
		f.t.Fatalf("%+v, %v", u, err)
	}
	f.begin(NewUpload{Kind: Partial, Length: 5})
	whole := f.begin(NewUpload{Name: "whole", Length: 5})
	if _, err := f.send(whole, 0, strings.NewReader("whole")); err != nil {
		f.t.Fatal(err)
	}
	if err := f.BeginChunked(ctx, f.alice, "chunks"); err != nil {
		f.t.Fatal(err)
	}
	for i := range 3 {
		if _, err := f.PutChunk(ctx, f.alice, "chunks", fmt.Sprint(i+1), strings.NewReader("a chunk, for the store"), PutOptions{Size: 22}); err != nil {
			f.t.Fatal(err)
		}
	}
}

// A drive goes with its uploads, locks, trash and versions, and gc frees what nobody else holds. What another one holds too stays.
func TestRemoveADriveWithAllThatItHolds(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.aliceFills()
		before := f.tree()
		if !strings.Contains(before, "/docs/deep/a=three") {
			t.Fatalf("alice has %s", before)
		}
		for range 2 { // the second time there is nothing to do
			if err := f.Remove(t.Context(), f.alice); err != nil {
				t.Fatal(err)
			}
		}
		for _, table := range []string{"nodes", "versions", "trash", "locks", "uploads", "changes", "checksums"} {
			if n := f.rows(`SELECT COUNT(*) FROM `+table+` WHERE drive_id = $1`, f.alice); n != 0 {
				t.Errorf("%d rows are left in %s", n, table)
			}
		}
		if n := f.rows(`SELECT COUNT(*) FROM drives WHERE id = $1`, f.alice) + f.rows(`SELECT COUNT(*) FROM properties`) + f.rows(`SELECT COUNT(*) FROM upload_parts`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		f.clean()
		f.forward(2 * time.Hour)
		if _, err := f.GC(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := f.rows(`SELECT COUNT(*) FROM blobs`); n != 2 {
			t.Errorf("%d contents are left, want bob's 2", n)
		}
		if n := f.stored(); n != 1 {
			t.Errorf("%d of them in the store, want 1", n)
		}
		for path, want := range map[Path]string{"/mine": "what both of them hold, in the store", "/little": "both"} {
			if got, err := f.read(f.bob, path); got != want || err != nil {
				t.Errorf("bob's %s: %q, %v", path, got, err)
			}
		}
	})
}

func (f *fixture) rows(query string, args ...any) (n int) {
	f.t.Helper()
	if err := f.db.Row(f.t.Context(), query, args, &n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// A drive that is being removed takes no change, by whatever way.
func TestAClosedDriveTakesNoChange(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.aliceFills()
		u := f.begin(NewUpload{Name: "late", Length: 5})
		if _, err := f.db.Exec(t.Context(), `UPDATE drives SET closed_at = 1 WHERE id = $1`, f.alice); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "mkdir", f.step([]string{"mkdir", "/late"}), "not_found")
		wantKind(t, "put", f.step([]string{"put", "/late", "short"}), "not_found")
		wantKind(t, "put to the store", f.step([]string{"put", "/late", "longer than what fits in a row"}), "not_found")
		wantKind(t, "mv", f.step([]string{"mv", "/small", "/late"}), "not_found")
		wantKind(t, "rm", f.step([]string{"rm", "/small"}), "not_found")
		_, err := f.BeginUpload(t.Context(), f.alice, NewUpload{Name: "later", Length: 5})
		wantKind(t, "an upload begins", err, "not_found")
		_, err = f.send(u, 0, strings.NewReader("whole"))
		wantKind(t, "an upload ends", err, "not_found")
		err = f.db.Update(t.Context(), func(tx *sqldb.Tx) error { return f.SetQuota(t.Context(), tx, f.alice, 5) })
		wantKind(t, "its quota", err, "not_found")
		if err := f.Remove(t.Context(), f.alice); err != nil {
			t.Fatal(err)
		}
	})
}

// Each transaction removes a bounded number of rows, so that others have their turn. Rows and usage agree after each: wherever it breaks off, the
// next call goes on.
func TestADriveIsRemovedInPieces(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.aliceFills()
		const files = 2*removeBatch + 1
		if err := f.db.Update(t.Context(), func(tx *sqldb.Tx) error { return manyFiles(t.Context(), tx, f.alice, files) }); err != nil {
			t.Fatal(err)
		}
		f.clean()
		nodes := func() int { return f.rows(`SELECT COUNT(*) FROM nodes WHERE drive_id = $1`, f.alice) }
		if _, err := f.db.Exec(t.Context(), `UPDATE drives SET closed_at = 1 WHERE id = $1`, f.alice); err != nil {
			t.Fatal(err)
		}
		if err := f.removeOpenUploads(t.Context(), f.alice); err != nil {
			t.Fatal(err)
		}
		f.clean()
		pieces := 0
		for _, rows := range removals() {
			for n := 1; n > 0; pieces++ {
				before := nodes()
				var err error
				if n, err = f.removePiece(t.Context(), f.alice, rows); err != nil {
					t.Fatal(err)
				}
				if n > removeBatch || before-nodes() > removeBatch {
					t.Errorf("piece %d: %d rows, %d nodes", pieces, n, before-nodes())
				}
				f.clean()
			}
		}
		if pieces < 10 || nodes() != 1 {
			t.Errorf("%d pieces, and %d nodes are left", pieces, nodes())
		}
		if err := f.Remove(t.Context(), f.alice); err != nil || nodes() != 0 {
			t.Errorf("%v, and %d nodes are left", err, nodes())
		}
	})
}

// manyFiles makes files in the root of a drive, with one content.
func manyFiles(ctx context.Context, tx *sqldb.Tx, driveID string, n int) error {
	var root, blobID string
	var sum []byte
	var size int64
	if err := tx.Row(ctx, `SELECT d.root_id, b.id, b.sha256, b.size FROM drives d JOIN nodes n ON n.drive_id = d.id AND n.name = 'small' JOIN blobs b ON b.id = n.blob_id WHERE d.id = $1`,
		[]any{driveID}, &root, &blobID, &sum, &size); err != nil {
		return err
	}
	for i := range n {
		if _, err := tx.Exec(ctx, `INSERT INTO nodes (id, drive_id, parent_id, name, name_key, folder, blob_id, sha256, size, created_at, modified_at, revision)
			VALUES ($1, $2, $3, $4, $4, FALSE, $5, $6, $7, 0, 0, 1)`, sqldb.NewID(), driveID, root, fmt.Sprintf("many-%06d", i), blobID, sum, size); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE nodes SET children = children + $2 WHERE id = $1`, root, n); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE drives SET used = used + $2 WHERE id = $1`, driveID, int64(n)*size)
	return err
}

// A request that writes to an upload is made to let go.
func TestRemoveMakesWritersLetGo(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		u := f.begin(NewUpload{Name: "open", Length: 100})
		asked := make(chan struct{})
		hold, err := f.HoldUpload(t.Context(), u.ID, func() { close(asked) })
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- f.Remove(t.Context(), f.alice) }()
		<-asked
		hold.Release()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := f.Stat(t.Context(), f.alice, Root); !fault.Is(err, fault.NotFound) {
			t.Errorf("the root is still there: %v", err)
		}
	})
}

func TestQuotas(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		set := func(id string, quota int64) error {
			return f.db.Update(t.Context(), func(tx *sqldb.Tx) error { return f.SetQuota(t.Context(), tx, id, quota) })
		}
		f.run(`put /a ten bytes!`)
		if err := set(f.alice, 12); err != nil {
			t.Fatal(err)
		}
		f.run(`put /b more want full`)
		if err := set(f.alice, 5); err != nil { // less than there is
			t.Fatal(err)
		}
		all, err := f.Usages(t.Context(), []string{f.alice, f.bob, sqldb.NewID()})
		if err != nil || len(all) != 2 || all[f.alice] != (Usage{Used: 10, Quota: 5}) || all[f.bob] != (Usage{Quota: -1}) {
			t.Errorf("%v, %v", all, err)
		}
		if err := set(f.alice, -7); err != nil {
			t.Fatal(err)
		}
		f.run(`put /b more`)
		wantKind(t, "no such drive", set(sqldb.NewID(), 5), "not_found")
	})
}
