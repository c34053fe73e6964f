package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// failing is a store whose contents cannot be read, or that is not there.
type failing struct {
	blob.Store
	read, ready error
}

func (f failing) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	c, err := f.Store.Open(ctx, key)
	if f.read == nil || err != nil {
		return c, err
	}
	return failingContent{c, f.read}, nil
}

func (f failing) Ready(ctx context.Context) error { return errors.Join(f.ready, f.Store.Ready(ctx)) }

type failingContent struct {
	blob.Content
	err error
}

func (f failingContent) Read([]byte) (int, error) { return 0, f.err }

// plant puts content into a store, over what is there.
func plant(t *testing.T, store blob.Store, key, content string) {
	t.Helper()
	err := store.Remove(t.Context(), blob.Key(key))
	var stage blob.Stage
	if err == nil {
		stage, err = store.Stage(t.Context(), blob.Key(key))
	}
	if err == nil {
		_, err = stage.Write([]byte(content))
	}
	if err == nil {
		err = stage.Seal(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A backup has everything but what is damaged or gone, and says what that is. What the place has under another key becomes its own, so that it stays; a store that is away makes no backup.
func TestWhatABackupLacks(t *testing.T) {
	bucket := s3.Options{Bucket: s3test.Bucket, Prefix: "backups", Endpoint: s3test.Start(t).Endpoint, Region: s3test.Region, PathStyle: true, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey}
	folder := filepath.Join(t.TempDir(), "backup")
	for name, open := range map[string]func() (Place, error){
		"a folder": func() (Place, error) { return OpenFolder(folder) },
		"a bucket": func() (Place, error) { return OpenBucket(t.Context(), bucket) },
	} {
		t.Run(name, func(t *testing.T) {
			p, err := open()
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}()
			testWhatABackupLacks(t, p)
		})
	}
}

func testWhatABackupLacks(t *testing.T, p Place) {
	db, blobs := sqldbtest.OpenSQLite(t), mem.New()
	drives := drive.New(db, blobs, drive.Options{InlineMax: 1, ScrubPause: time.Millisecond})
	err := db.Update(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO users (id, username, username_key, password_hash, created_at) VALUES ('ann', 'ann', 'ann', '', 0)`)
		return errors.Join(err, drives.Create(t.Context(), tx, "ann"))
	})
	if err != nil {
		t.Fatal(err)
	}
	store, _ := p.Content()
	put := func(path drive.Path) (key, content string) {
		t.Helper()
		content = strings.Repeat(string(path)+" ", 20)
		if _, _, err := drives.Put(t.Context(), "ann", path, strings.NewReader(content), drive.PutOptions{Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(content))
		if err := db.Row(t.Context(), `SELECT id FROM blobs WHERE sha256 = $1`, []any{sum[:]}, &key); err != nil {
			t.Fatal(err)
		}
		return key, content
	}
	backUp := func(from blob.Store) (Made, error) {
		return Make(t.Context(), p, Making{DB: db, Blobs: from, AtOnce: 2, Version: "test", Pause: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	}
	want := func(says string, from blob.Store, whole, regained int, lacking ...Lack) {
		t.Helper()
		made, err := backUp(from)
		if err != nil {
			t.Fatalf("%s: %v", says, err)
		}
		m, err := ReadManifest(t.Context(), p, made.Name)
		if err != nil || m.Blobs != whole || made.Regained != regained || m.Lacks != len(lacking) || !slices.Equal(m.Lacking, lacking) {
			t.Errorf("%s: %+v, %+v, %v", says, made, m, err)
		}
	}
	refused := func(says string, from blob.Store, by error) {
		t.Helper()
		before, err := Names(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if made, err := backUp(from); !errors.Is(err, by) {
			t.Errorf("%s: %+v, %v", says, made, err)
		}
		if after, err := Names(t.Context(), p); err != nil || !slices.Equal(before, after) {
			t.Errorf("%s: there are %v, %v", says, after, err)
		}
	}
	has := func(key, content string) {
		t.Helper()
		c, err := store.Open(t.Context(), blob.Key(key))
		if err != nil {
			t.Errorf("%s: %v", key, err)
			return
		}
		defer c.Close()
		if text, err := io.ReadAll(c); err != nil || string(text) != content {
			t.Errorf("%s has %q, want %q: %v", key, text, content, err)
		}
	}
	lack := func(key, content, found string) Lack {
		sum := sha256.Sum256([]byte(content))
		return Lack{Key: key, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content)), Found: found}
	}

	a, ofA := put("/a")
	want("all is right", blobs, 1, 0)
	b, ofB := put("/b")
	refused("a store that is away", failing{blobs, blob.ErrAway, nil}, blob.ErrAway)
	if err := blobs.Remove(t.Context(), blob.Key(b)); err != nil {
		t.Fatal(err)
	}
	unmounted := errors.New("not mounted")
	refused("a folder that is not mounted", failing{blobs, nil, unmounted}, unmounted)
	want("gone", blobs, 1, 0, lack(b, ofB, "missing"))
	plant(t, blobs, b, strings.Repeat("?", len(ofB)))
	want("rotten", blobs, 1, 0, lack(b, ofB, "changed"))
	plant(t, blobs, b, ofB)
	want("a bad disk", failing{blobs, syscall.EIO, nil}, 1, 0, lack(b, ofB, "unreadable"))
	want("right again", blobs, 2, 0)
	has(b, ofB)

	// It is on record as damaged still, so what the place has is looked at: a copy that rots there is made anew, and stays if there is no better one.
	rotten := ofB[:len(ofB)-1] + "?"
	plant(t, store, b, rotten)
	want("rotten at the place", blobs, 2, 0)
	has(b, ofB)
	plant(t, store, b, rotten)
	plant(t, blobs, b, strings.Repeat("?", len(ofB)))
	want("rotten at both", blobs, 1, 0, lack(b, ofB, "changed"))
	has(b, rotten)

	// What is damaged and sent again has another key, and the place has it under the one before.
	plant(t, blobs, a, strings.Repeat("?", len(ofA)))
	if _, err := drives.ScrubAll(t.Context(), drive.Scrubbing{}); err != nil {
		t.Fatal(err)
	}
	fresh, _ := put("/a")
	if fresh == a {
		t.Fatal("it was not mended")
	}
	if err := blobs.Remove(t.Context(), blob.Key(fresh)); err != nil {
		t.Fatal(err)
	}
	want("found by its hash", blobs, 1, 1, lack(b, ofB, "changed"))
	if _, err := Forget(t.Context(), p, 1); err != nil {
		t.Fatal(err)
	}
	has(fresh, ofA)
	if _, err := store.Open(t.Context(), blob.Key(a)); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("no row names %s any more: %v", a, err)
	}
	want("known by its key", blobs, 1, 0, lack(b, ofB, "changed"))
}

// A manifest that names as many contents as it may can be read.
func TestAManifestThatLacksMuch(t *testing.T) {
	p, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	l := Lack{Key: sqldb.NewID(), SHA256: strings.Repeat("f", 64), Size: 1 << 50, Found: "unreadable"}
	m := Manifest{Format: format, Lacks: 1 << 20, Lacking: slices.Repeat([]Lack{l}, maxLacking)}
	const name = "20260131T023000.123Z"
	if err := m.put(t.Context(), p, name); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadManifest(t.Context(), p, name); err != nil || len(got.Lacking) != maxLacking || !got.Names("another") {
		t.Errorf("%d of %d: %v", len(got.Lacking), maxLacking, err)
	}
}
