package backup

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// The files of a backup have keys, and no content's key is taken for one.
func TestKeysOfFiles(t *testing.T) {
	for _, file := range []string{"20260131T023000.123Z.db", "20260131T023000.123Z.contents", "20260131T023000.123Z.json"} {
		key, err := keyOf(file)
		if err != nil || !key.Valid() || fileOf(key) != file {
			t.Errorf("%s has the key %q, %v, which is that of %q", file, key, err, fileOf(key))
		}
	}
	for _, file := range []string{"", "20260131T023000.123Z", "20260131T023000.123Z.wal", "20261331T023000.123Z.db", "x.db"} {
		if key, err := keyOf(file); err == nil {
			t.Errorf("%q has the key %q", file, key)
		}
	}
	for _, key := range []blob.Key{blob.Key(sqldb.NewID()), "20260131t023000123z", "20260131t023000123zwal", "20269931t023000123zdb"} {
		if file := fileOf(key); file != "" {
			t.Errorf("%s is taken for %s", key, file)
		}
	}
}

// A bucket that refuses one of four requests, and whose answer to another is lost, has the backup all the same; one that breaks within leaves no backup, and the next goes on with what
// is there. Everything that is sent has a sum.
func TestABucketThatFails(t *testing.T) {
	server := s3test.Start(t)
	proxy := s3test.NewProxy(t, server)
	o := s3.Options{Bucket: s3test.Bucket, Prefix: "backups", Endpoint: proxy.Endpoint, Region: s3test.Region, PathStyle: true, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey, PartSize: 5 << 20}
	open := func() Place {
		t.Helper()
		p, err := OpenBucket(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
		return p
	}
	db, blobs := sqldbtest.OpenSQLite(t), mem.New()
	contents := map[blob.Key]string{"small": strings.Repeat("s", 70_000), "inparts": strings.Repeat("p", 12<<20)}
	for key, content := range contents {
		stage, err := blobs.Stage(t.Context(), key)
		if err == nil {
			_, err = stage.Write([]byte(content))
		}
		if err == nil {
			err = stage.Seal(t.Context())
		}
		sum := sha256.Sum256([]byte(content))
		if err == nil {
			_, err = db.Exec(t.Context(), `INSERT INTO blobs (id, size, sha256, created_at) VALUES ($1, $2, $3, 1)`, string(key), len(content), sum[:])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	backUp := func(p Place) (Made, error) {
		return Make(t.Context(), p, Making{DB: db, Blobs: blobs, AtOnce: 2, Version: "test"})
	}
	names := func() []string {
		t.Helper()
		all, err := Names(t.Context(), open())
		if err != nil {
			t.Fatal(err)
		}
		return all
	}

	sent := 0
	proxy.Decide(func(r *http.Request) s3test.Fate {
		if (s3test.Operation(r) == "PutObject" || s3test.Operation(r) == "UploadPart") && r.Header.Get("Content-Md5") == "" {
			t.Errorf("%s %s has no sum", r.Method, r.URL.Path)
		}
		sent++
		return []s3test.Fate{s3test.Pass, s3test.Refuse, s3test.Pass, s3test.Lose}[sent%4]
	})
	first, err := backUp(open())
	if err != nil {
		t.Fatal(err)
	}
	proxy.Decide(func(*http.Request) s3test.Fate { return s3test.Pass })
	if got := names(); !slices.Equal(got, []string{first.Name}) || first.Copied.Blobs != 2 {
		t.Errorf("%v, %+v", got, first)
	}

	o.Attempts = 1
	for _, missing := range []string{"zcontents", "zdb", "zjson"} { // in the order in which they are sent
		proxy.Decide(func(r *http.Request) s3test.Fate {
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, missing) {
				return s3test.Refuse
			}
			return s3test.Pass
		})
		if half, err := backUp(open()); !errors.Is(err, blob.ErrAway) || half.Copied.Kept != 2 {
			t.Errorf("without %s: %+v, %v", missing, half, err)
		}
		if got := names(); !slices.Equal(got, []string{first.Name}) {
			t.Errorf("without %s there are %v", missing, got)
		}
	}
	proxy.Decide(func(*http.Request) s3test.Fate { return s3test.Pass })
	p := open()
	second, err := backUp(p)
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := Forget(t.Context(), p, 1); err != nil || !slices.Equal(removed, []string{first.Name}) {
		t.Errorf("%v, %v", removed, err)
	}
	p = open()
	files, err := p.Files(t.Context())
	if err != nil || len(files) != 3 {
		t.Errorf("there are %v, %v", files, err)
	}
	rows := filepath.Join(t.TempDir(), "rows.db")
	if m, err := FetchRows(t.Context(), p, second.Name, rows); err != nil || m.Blobs != 2 || m.BlobBytes != 70_000+12<<20 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := ReadManifest(t.Context(), p, first.Name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was removed: %v", err)
	}
	if err := p.Get(t.Context(), second.Name+rowsEnd, rows); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	store, _ := p.Content()
	for key, content := range contents {
		c, err := store.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		buffer := []byte(strings.Repeat(" ", len(content)))
		if n, err := c.ReadAt(buffer, 0); n != len(content) || string(buffer) != content {
			t.Errorf("%s has %d bytes: %v", key, n, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
