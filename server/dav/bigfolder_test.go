package dav_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// fill makes rows of files f1, f2, … of a folder at once, which is as long as a hundred requests take.
func (s *server) fill(db *sqldb.DB, path drive.Path, files int) {
	s.t.Helper()
	ctx := context.Background()
	template, _, err := s.drives.Put(ctx, s.userID, path.Join("template"), strings.NewReader("x"), drive.PutOptions{Size: 1})
	if err != nil {
		s.t.Fatal(err)
	}
	err = db.Update(ctx, func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO nodes (id, drive_id, parent_id, name, name_key, folder, blob_id, sha256, size, media_type, created_at, modified_at, revision)
			WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < $2)
			SELECT substr(n.id, 14) || substr(CAST(CAST(10000000000000 AS BIGINT) + i AS TEXT), 2), n.drive_id, n.parent_id, 'f' || CAST(i AS TEXT), 'f' || CAST(i AS TEXT), n.folder,
				n.blob_id, n.sha256, n.size, n.media_type, n.created_at, n.modified_at, 1
			FROM nodes n, number WHERE n.id = $1`, template.ID, files); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE nodes SET children = children + $2 WHERE id = $1`, template.ParentID, files); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE drives SET used = used + $2 WHERE id = $1`, s.userID, files)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// liveHeap is how many bytes are in use.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestBigFolder lists 100,000 files to a client that takes its time: what the server holds is no more than of 1,000, everyone else goes on
// meanwhile, and what they do to the folder is told at the end.
func TestBigFolder(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newServer(t, db, setup{})
		held := map[int]int64{}
		for _, files := range []int{1_000, 100_000} {
			folder := drive.Path("/small")
			if files > 1_000 {
				folder = "/big"
			}
			s.want(http.StatusCreated, "MKCOL", "/dav"+string(folder), "")
			s.fill(db, folder, files)
			before := liveHeap()
			r, err := http.NewRequestWithContext(t.Context(), "PROPFIND", s.URL+"/dav"+string(folder), http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Depth", "1")
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body := bufio.NewReader(response.Body)
			responses, read := 0, func(until int) string { // one member's response at a time
				var last string
				for range until {
					part, err := readTo(body, "</D:response>")
					if err != nil {
						return part
					}
					last = part
				}
				return last
			}
			half := (files + 2) / 2
			read(half)
			responses = half
			held[files] = liveHeap() - before

			s.want(http.StatusCreated, "PUT", "/dav"+string(folder)+"/a%20first", "", "new")
			s.want(http.StatusCreated, "MOVE", "/dav"+string(folder)+"/f1", "Destination: /dav"+string(folder)+"/a%20second")
			var added []string
			var rest string
			for {
				part, err := readTo(body, "</D:response>")
				if err == io.EOF {
					rest = part
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				responses++
				if strings.Contains(part, "/a%20") {
					added = append(added, part)
				}
			}
			if !strings.HasSuffix(strings.TrimSpace(rest), "</D:multistatus>") {
				t.Errorf("the answer ends with %q", rest)
			}
			if files == 1_000 {
				continue // it was written before the changes
			}
			if responses != files+2+2 || len(added) != 2 || !strings.Contains(added[0], "first") || !strings.Contains(added[1], "second") {
				t.Errorf("%d files, the template, the folder and 2 that came: %d responses, and %d of what came", files, responses, len(added))
			}
		}
		if more := held[100_000] - held[1_000]; more > 4<<20 {
			t.Errorf("a listing of 100,000 holds %d bytes, and one of 1,000 holds %d", held[100_000], held[1_000])
		}
		t.Logf("held: %v", held)

		// And one change among them is a small answer.
		a := s.want(207, "PROPFIND", "/dav/big", "Depth: 0", `<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`)
		_, token, _ := strings.Cut(a.body, "<D:sync-token>")
		token, _, _ = strings.Cut(token, "<")
		s.want(http.StatusNoContent, "PUT", "/dav/big/f50000", "", "changed")
		began := time.Now()
		a = s.want(207, "REPORT", "/dav/big", "", syncBody(token, "infinite", ""))
		t.Logf("one change of 100,000 files: %d bytes, %v", len(a.body), time.Since(began))
		if strings.Count(a.body, "<D:response>") != 1 || !strings.Contains(a.body, "/dav/big/f50000<") || len(a.body) > 1000 {
			t.Errorf("%d bytes tell of one change:\n%.1000s", len(a.body), a.body)
		}
	})
}

// readTo reads up to and with an end, or to the end of the text with io.EOF.
func readTo(r *bufio.Reader, end string) (string, error) {
	var b strings.Builder
	for {
		part, err := r.ReadString(end[len(end)-1])
		b.WriteString(part)
		if err != nil || strings.HasSuffix(b.String(), end) {
			return b.String(), err
		}
	}
}
