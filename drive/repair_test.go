package drive

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/sqldb"
)

// repair mends what there is to mend, and answers what became of each, with the files that it is about: "done: DONE, /path" or "left: WHY, /path".
func (f *fixture) repair(backups ...*Drives) (told []string) {
	f.t.Helper()
	problems, err := f.Check(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	var backup func(n int) (*Drives, error)
	if len(backups) > 0 {
		backup = func(n int) (*Drives, error) { return append(backups, nil)[n], nil }
	}
	damaged, err := f.Damages(f.t.Context(), problems)
	if err == nil {
		err = f.Repair(f.t.Context(), append(problems, damaged...), Repairing{Backup: backup, Tell: func(r Repaired) error {
			line := "done: " + r.Done
			if r.Done == "" {
				line = "left: " + r.Why
			}
			for _, h := range r.Holders {
				line += ", " + string(h.Path)
			}
			told = append(told, line)
			return nil
		}})
	}
	if err != nil {
		f.t.Fatal(err)
	}
	slices.Sort(told)
	return told
}

// backedUp is a copy of the drives as they are now.
func (f *fixture) backedUp() *Drives {
	f.t.Helper()
	store := mem.New()
	copied, err := f.CopyBlobs(f.t.Context(), Copying{From: f.blobs, To: store})
	if err != nil || len(copied.Damaged)+len(copied.Missing) > 0 {
		f.t.Fatal(copied, err)
	}
	db, err := sqldb.Open(f.t.Context(), "sqlite:"+filepath.Join(f.t.TempDir(), "rows.db"), sqldb.Options{Relaxed: true})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { db.Close() })
	if _, err = db.Migrate(f.t.Context()); err == nil {
		err = db.Update(f.t.Context(), func(tx *sqldb.Tx) error {
			return f.db.Each(f.t.Context(), `SELECT id, sha256, size, content FROM blobs`, nil, func(scan sqldb.Scan) error {
				var key blob.Key
				var c content
				if err := scan((*string)(&key), &c.sha256, &c.size, &c.small); err != nil {
					return err
				}
				_, err := tx.Exec(f.t.Context(), insertBlob, blobArgs(key, c, time.Unix(0, 0))...)
				return err
			})
		})
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return New(db, store, f.o)
}

// A bit flipped in each of 50 contents, one more that is gone and one that is cut off: all come back from a backup, and each file reads right. What was changed in the backup as well
// is left and named, until an upload of the same bytes mends it.
func TestRepairFromABackup(t *testing.T) {
	each(t, quiet, func(t *testing.T, f *fixture) {
		texts := map[Path]string{}
		var damaged []Node
		for i := range 60 {
			path := fmt.Sprintf("/file %d", i)
			texts[Path(path)] = strings.Repeat("content ", i%5) + path
			if n := f.put(path, texts[Path(path)]); i < 53 {
				damaged = append(damaged, n)
			}
		}
		backup := f.backedUp()
		for i, n := range damaged[:50] {
			f.flip(n, i*37)
		}
		if err := errors.Join(f.blobs.Remove(t.Context(), damaged[52].blob), f.blobs.Remove(t.Context(), damaged[9].blob), f.store(damaged[7].blob, "cut off")); err != nil {
			t.Fatal(err)
		}
		f.scrub()
		if got := len(f.rot()); got != 51 {
			t.Errorf("%d are damaged", got)
		}
		if told := f.repair(); len(told) != 51 || slices.ContainsFunc(told, func(s string) bool { return !strings.HasPrefix(s, "left: no backup was given") }) {
			t.Errorf("%d\n%s", len(told), strings.Join(told, "\n"))
		}
		lost := damaged[8]
		if err := backup.blobs.Remove(t.Context(), lost.blob); err != nil {
			t.Fatal(err)
		}
		told := f.repair(backup)
		if len(told) != 51 || told[50] != "left: no backup has it whole, /file 8" || slices.ContainsFunc(told[:50], func(s string) bool { return !strings.HasPrefix(s, "done: it is back from a backup, /file ") }) {
			t.Errorf("%d\n%s", len(told), strings.Join(told, "\n"))
		}
		f.wantRot("one is left", "changed /file 8")
		f.put("/file 8 again", texts["/file 8"])
		f.wantRot("it came once more")
		f.forward(2 * time.Hour)
		if _, err := f.GC(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := f.scrub(); got.Damaged != 0 || got.Blobs != 60 {
			t.Errorf("%+v", got)
		}
		for path, text := range texts {
			f.wantText(f.alice, path, text)
		}
		if told := f.repair(backup); len(told) != 0 {
			t.Error(told)
		}
	})
}

// What is wrong with rows is put right where it is known what was right, and told with those whose it is. No file goes.
func TestRepairOfRows(t *testing.T) {
	each(t, quiet, func(t *testing.T, f *fixture) {
		f.run(`mkdir /folder
			put /folder/file content of a file, which is long
			put /folder/other content of another, which is long too
			put /trashed content of what was removed, which is long
			rm /trashed
			put /lost content of a lost one, which is long`)
		node := func(path Path) Node {
			t.Helper()
			n, err := f.Stat(t.Context(), f.alice, path)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		folder, file, lost := node("/folder"), node("/folder/file"), node("/lost")
		u := f.begin(NewUpload{Name: "upload", Length: 100})
		if _, err := f.send(u, 0, strings.NewReader(strings.Repeat("x", 50))); err != nil {
			t.Fatal(err)
		}
		if err := f.chunk("chunked", "1", "a chunk that is not short"); err == nil {
			t.Fatal("a chunk of nothing")
		}
		if err := errors.Join(f.BeginChunked(t.Context(), f.alice, "chunked"), f.chunk("chunked", "1", "a chunk that is not short")); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			breaks string
			args   []any
			want   []string
		}{
			{breaks: `UPDATE drives SET used = used + 5, uploads = 7 WHERE id = $1`, args: []any{f.alice},
				want: []string{"done: 152 bytes were on record, and 125 for 7 open uploads; now 147, and 125 for 3, /", "done: 147 bytes were on record, and 125 for 3 open uploads; now 147, and 125 for 3, /"}},
			{breaks: `UPDATE drives SET reserved = 0 WHERE id = $1`, args: []any{f.alice}, want: []string{"done: 147 bytes were on record, and 0 for 3 open uploads; now 147, and 125 for 3, /"}},
			{breaks: `UPDATE uploads SET received = 3 WHERE kind = 'chunked'`, want: []string{"done: counted anew, /chunked"}},
			{breaks: `UPDATE uploads SET waits_for = 'nobody' WHERE id = $1`, args: []any{u.ID}, want: []string{"done: the next sweep looks at it, /upload"}},
			{breaks: `DELETE FROM changes WHERE drive_id = $1 AND sequence = 3`, args: []any{f.alice}, want: []string{"done: what happened up to change 3 is forgotten: clients that sync begin anew, /"}},
			{breaks: `DELETE FROM changes WHERE drive_id = $1 AND sequence = (SELECT sequence FROM drives WHERE id = $1)`, args: []any{f.alice},
				want: []string{"done: what happened up to change 6 is forgotten: clients that sync begin anew, /"}},
			{breaks: `UPDATE nodes SET children = 9 WHERE id = $1`, args: []any{folder.ID}, want: []string{"done: counted anew, /folder"}},
			{breaks: `INSERT INTO trash (node_id, drive_id, parent_id, path, trashed_at) VALUES ($1, $2, $3, '/was', 0)`, args: []any{file.ID, f.alice, folder.ID},
				want: []string{"done: it stays in its folder, /was"}},
			{breaks: `DELETE FROM trash WHERE drive_id = $1`, args: []any{f.alice}, want: []string{`done: it is "/trashed" now, /`}},
			{breaks: `INSERT INTO blobs (id, sha256, size, content, created_at) VALUES ('nobodys', $1, 1, $1, 0)`, args: []any{[]byte("x")}, want: []string{"done: gc looks at it"}},
			{breaks: `UPDATE nodes SET size = 5 WHERE id = $1`, args: []any{lost.ID},
				want: []string{"done: 147 bytes were on record, and 125 for 3 open uploads; now 116, and 125 for 3, /", "left: it cannot be told what was right, /lost"}},
			{breaks: `UPDATE nodes SET size = $2 WHERE id = $1`, args: []any{lost.ID, lost.Size}, want: []string{"done: 116 bytes were on record, and 125 for 3 open uploads; now 147, and 125 for 3, /"}},
		} {
			if _, err := f.db.Exec(t.Context(), c.breaks, c.args...); err != nil {
				t.Fatal(c.breaks, err)
			}
			slices.Sort(c.want)
			if got := f.repair(); !slices.Equal(got, c.want) {
				t.Errorf("%s\n got %q\nwant %q", c.breaks, got, c.want)
			}
		}
		f.clean()
		f.run("tree /folder/ /folder/file=content of a file, which is long /folder/other=content of another, which is long too /lost=content of a lost one, which is long /trashed=content of what was removed, which is long")

		if err := f.blobs.Remove(t.Context(), u.key()); err != nil {
			t.Fatal(err)
		}
		if got, want := f.repair(), []string{"done: the upload is ended, and has to be begun anew, /upload"}; !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		_, err := f.look(u)
		wantKind(t, "an upload whose bytes are lost", err, "not_found")
	})
}

// What is gone by the time that it is looked at again, or is right, is left alone.
func TestRepairLooksAgain(t *testing.T) {
	each(t, quiet, func(t *testing.T, f *fixture) {
		n := f.put("/file", "content of a file, which is long")
		gone := f.put("/gone", "content of what goes meanwhile")
		back, backGone := f.flip(n, 3), f.flip(gone, 3)
		f.scrub()
		damaged, err := f.Damages(t.Context(), nil)
		if err != nil || len(damaged) != 2 {
			t.Fatal(damaged, err)
		}
		if _, err := f.db.Exec(t.Context(), `UPDATE drives SET used = used + 5 WHERE id = $1`, f.alice); err != nil {
			t.Fatal(err)
		}
		problems, err := f.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		back()
		backGone()
		f.run("rm /gone\nempty-trash /")
		var told []string
		err = f.Repair(t.Context(), append(damaged, problems...), Repairing{Tell: func(r Repaired) error {
			told = append(told, r.Done)
			return nil
		}})
		slices.Sort(told)
		if want := []string{"", "it is right again", "nothing holds it any more"}; err != nil || len(told) != 3 || told[1] != want[1] {
			t.Errorf("%q, %v", told, err)
		}
	})
}

// as are the drives on a store that asks first.
func (f *fixture) as(ask func(op string) error) *Drives {
	return New(f.db, watched{f.blobs, ask}, f.o)
}

// A store that is away, for a moment or for longer, has nobody's upload ended and no content called damaged.
func TestRepairIsNotMisled(t *testing.T) {
	each(t, quiet, func(t *testing.T, f *fixture) {
		f.put("/file", "content of a file, which is long")
		u := f.begin(NewUpload{Name: "upload", Length: 100})
		if _, err := f.send(u, 0, strings.NewReader(strings.Repeat("x", 50))); err != nil {
			t.Fatal(err)
		}
		if problems, err := New(f.db, unready{mem.New()}, f.o).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "unplugged") {
			t.Errorf("the disk is unplugged: %v, %v", problems, err)
		}
		gone, err := New(f.db, mem.New(), f.o).Check(t.Context())
		if err != nil || len(gone) != 2 {
			t.Fatal(gone, err)
		}
		tell := func(r Repaired) error {
			t.Errorf("%s: %s, %s", r.Problem, r.Done, r.Why)
			return nil
		}
		away := New(f.db, unready{mem.New()}, f.o)
		for i := range gone {
			if gone[i].of == aboutUpload {
				gone[i].repair = away.endBroken
			}
			if err := away.Repair(t.Context(), gone[i:i+1], Repairing{Tell: tell}); err == nil || !strings.Contains(err.Error(), "unplugged") {
				t.Errorf("the disk is unplugged since: %v", err)
			}
		}
		if err := f.as(func(string) error { return blob.ErrAway }).Repair(t.Context(), gone[:1], Repairing{Tell: tell}); !errors.Is(err, blob.ErrAway) {
			t.Errorf("the store does not answer: %v", err)
		}
		f.wantRot("nothing is known")
		if now, err := f.look(u); err != nil || now.Offset != 50 {
			t.Errorf("%+v, %v", now, err)
		}
	})
}

// One content that cannot be read keeps nobody from the others, and is mended like them; an upload is not ended for it.
func TestRepairOfWhatCannotBeRead(t *testing.T) {
	each(t, quiet, func(t *testing.T, f *fixture) {
		n := f.put("/file", "content of a file, which is long")
		u := f.begin(NewUpload{Name: "upload", Length: 100})
		if _, err := f.send(u, 0, strings.NewReader(strings.Repeat("x", 50))); err != nil {
			t.Fatal(err)
		}
		backup := f.backedUp()
		broken := New(f.db, unreadableStore{f.blobs, []blob.Key{n.blob, u.key()}}, f.o)
		problems, err := broken.Check(t.Context())
		if err != nil || len(problems) != 2 {
			t.Fatal(problems, err)
		}
		var told []string
		err = broken.Repair(t.Context(), problems, Repairing{
			Backup: func(int) (*Drives, error) { return backup, nil },
			Tell:   func(r Repaired) error { told = append(told, r.Done+r.Why); return nil },
		})
		slices.Sort(told)
		if want := []string{"it cannot be told what was right", "it is back from a backup"}; err != nil || !slices.Equal(told, want) {
			t.Errorf("%q, %v", told, err)
		}
		f.wantText(f.alice, "/file", "content of a file, which is long")
		if now, err := f.look(u); err != nil || now.Offset != 50 {
			t.Errorf("%+v, %v", now, err)
		}
	})
}

// unreadableStore has content that a disk does not give out.
type unreadableStore struct {
	blob.Store
	keys []blob.Key
}

func (u unreadableStore) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	if slices.Contains(u.keys, key) {
		return nil, syscall.EIO
	}
	return u.Store.Open(ctx, key)
}

func (u unreadableStore) OpenStage(ctx context.Context, key blob.Key, size int64) (blob.Content, error) {
	if slices.Contains(u.keys, key) {
		return nil, syscall.EIO
	}
	return u.Store.OpenStage(ctx, key, size)
}

// A copy of a backup that took so long that gc may have removed it is not taken.
func TestRepairIsSlowerThanGC(t *testing.T) {
	each(t, quiet, func(t *testing.T, f *fixture) {
		n := f.put("/file", "content of a file, which is long")
		backup := f.backedUp()
		f.flip(n, 3)
		f.scrub()
		opened := 0
		slow := f.as(func(op string) error {
			if op == "Open" {
				opened++
			}
			if op != "Open" || opened != 2 { // the copy is read back
				return nil
			}
			f.forward(2 * time.Hour)
			return nil
		})
		damaged, err := slow.Damages(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		err = slow.Repair(t.Context(), damaged, Repairing{
			Backup: func(int) (*Drives, error) { return backup, nil },
			Tell: func(r Repaired) error {
				if r.Done != "" || r.Why == "" {
					t.Errorf("%s, %s", r.Done, r.Why)
				}
				return nil
			},
		})
		if err != nil || opened != 2 {
			t.Error(opened, err)
		}
		f.wantRot("it was not taken", "changed /file")
		if got := f.stored(); got != 1 {
			t.Errorf("%d contents", got)
		}
	})
}
