package drive

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
)

// claim is what a truthful client says of a text.
func claim(a Algorithm, text string) Claim {
	h := a.New()
	h.Write([]byte(text))
	return Claim{a, h.Sum(nil)}
}

func sumsOf(text string) string {
	one, five := sha1.Sum([]byte(text)), md5.Sum([]byte(text))
	return hex.EncodeToString(one[:]) + " " + hex.EncodeToString(five[:])
}

// checksums are the known digests of the files in alice's folder at path, by path.
func (f *fixture) checksums(path Path) map[string]string {
	f.t.Helper()
	children := f.children(path)
	known, err := f.Checksums(f.t.Context(), f.alice, children)
	if err != nil {
		f.t.Fatal(err)
	}
	named := map[string]string{}
	for _, n := range children {
		if sums, ok := known[n.ID]; ok {
			named[string(n.Path)] = hex.EncodeToString(sums.SHA1) + " " + hex.EncodeToString(sums.MD5)
		}
	}
	return named
}

func TestPutClaims(t *testing.T) {
	long := "this text is longer than what is kept in a row"
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.put("/f", "the old content is longer than a row, too")
		before := f.stored()
		want := map[string]string{}
		for _, text := range []string{"", "short", long} {
			for _, a := range []Algorithm{SHA1, MD5, Adler32, SHA256, SHA3256} {
				path := Path(fmt.Sprintf("/%s-%d", a, len(text)))
				right, wrong := claim(a, text), claim(a, text+"?")
				put := func(path Path, claims ...Claim) error {
					_, _, err := f.Put(t.Context(), f.alice, path, strings.NewReader(text), PutOptions{Size: -1, Claims: claims})
					return err
				}
				wantKind(t, string(path)+" wrong", put("/f", wrong), "checksum_mismatch")
				wantKind(t, string(path)+" wrong and new", put(path, wrong), "checksum_mismatch")
				wantKind(t, string(path)+" one wrong of two", put(path, claim(MD5, text), wrong), "checksum_mismatch")
				wantKind(t, string(path)+" right", put(path, right), "")
				want[string(path)] = sumsOf(text)
			}
		}
		if got := f.checksums(Root); !maps.Equal(got, want) {
			t.Errorf("known are\n%v, want\n%v", got, want)
		}
		if got, _ := f.read(f.alice, "/f"); got != "the old content is longer than a row, too" {
			t.Errorf("a refused PUT left %q", got)
		}
		if n := f.stored(); n != before+1 {
			t.Errorf("%d blobs in the store, want the old one and one for the long text", n)
		}

		// They are the content's: whatever else holds it has them.
		f.run(`
			mkdir /d
			cp /sha1-46 /d/copy
			mv /md5-46 /d/moved
			put /d/same ` + long)
		if got := f.checksums("/d"); len(got) != 3 || got["/d/same"] != sumsOf(long) {
			t.Errorf("of the same content, known are %v", got)
		}
	})
}

// What nobody sent a digest with is computed in the background, once somebody asks.
func TestChecksumsInTheBackground(t *testing.T) {
	long := strings.Repeat("a text of many words ", 50_000)
	each(t, Options{ChecksumRate: 1 << 40, TrashExpiry: -1}, func(t *testing.T, f *fixture) {
		f.put("/short", "short")
		f.put("/empty", "")
		f.put("/long", long)
		f.put("/gone", "this text is removed before anyone looks at it")
		f.put("/also-gone", "removed")
		f.run("mkdir /d")
		f.put("/d/other", "nobody asked for this one")
		compute := func() {
			t.Helper()
			select {
			case <-f.ChecksumsWanted():
			default:
				t.Error("nobody is told that there is something to do")
			}
			if err := f.ComputeChecksums(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.checksums(Root); len(got) > 0 {
			t.Errorf("before anything was computed, known are %v", got)
		}
		f.run("rm /gone\nrm /also-gone")
		if err := f.Purge(t.Context(), f.alice, ""); err != nil {
			t.Fatal(err)
		}
		f.forward(2 * time.Hour)
		if _, err := f.GC(t.Context()); err != nil {
			t.Fatal(err)
		}
		compute()
		want := map[string]string{"/short": sumsOf("short"), "/empty": sumsOf(""), "/long": sumsOf(long)}
		if got := f.checksums(Root); !maps.Equal(got, want) {
			t.Errorf("known are %v, want those of %v", got, slices.Sorted(maps.Keys(want)))
		}
		if n := f.rows(`SELECT COUNT(*) FROM checksum_wishes`); n > 0 {
			t.Errorf("%d are still wished for", n)
		}

		other, err := f.Stat(t.Context(), f.alice, "/d/other")
		if err != nil {
			t.Fatal(err)
		}
		// The content may also go between being read and being written down.
		if err := f.recordChecksums(t.Context(), []described{
			{wish{drive: f.alice, blob: "gone"}, Checksums{SHA1: []byte("1"), MD5: []byte("5")}},
			{wish{drive: "gone", blob: other.blob}, Checksums{SHA1: []byte("1"), MD5: []byte("5")}},
		}); err != nil {
			t.Error(err)
		}
		for range 2 { // asked for alone; the second time it is known
			sums, err := f.Checksums(t.Context(), f.alice, []Node{other})
			if err != nil {
				t.Fatal(err)
			}
			if _, known := sums[other.ID]; known {
				break
			}
			compute()
		}
		if got := f.checksums("/d"); got["/d/other"] != sumsOf("nobody asked for this one") {
			t.Errorf("known are %v", got)
		}
		if sums, err := f.Checksums(t.Context(), f.bob, []Node{other}); err != nil || len(sums) > 0 {
			t.Errorf("another drive's file: %v, %v", sums, err)
		}
		_, _, err = f.FileChecksums(t.Context(), f.bob, "/d/other")
		wantKind(t, "another drive's file, computed at once", err, "not_found")
	})
}

func TestFileChecksums(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /d\nput /f some text that is long enough for the store\nput /g short")
		for _, path := range []Path{"/f", "/g", "/f"} {
			text, _ := f.read(f.alice, path)
			node, sums, err := f.FileChecksums(t.Context(), f.alice, path)
			if err != nil || node.Path != path || hex.EncodeToString(sums.SHA1)+" "+hex.EncodeToString(sums.MD5) != sumsOf(text) {
				t.Errorf("%s: %+v %v", path, sums, err)
			}
		}
		if got := f.checksums(Root); len(got) != 2 {
			t.Errorf("what was computed is not kept: %v", got)
		}
		_, _, err := f.FileChecksums(t.Context(), f.alice, "/d")
		wantCode(t, "a folder", err, "is_folder")
	})
}

// What another drive knows of the same content is no help: else whoever guesses what somebody holds could see it confirmed.
func TestChecksumsOfOthers(t *testing.T) {
	const text = "the PIN is 4711, and this is a letter like all others"
	each(t, Options{ChecksumRate: 1 << 40}, func(t *testing.T, f *fixture) {
		put := func(driveID string, claims ...Claim) Node {
			t.Helper()
			node, _, err := f.Put(t.Context(), driveID, "/f", strings.NewReader(text), PutOptions{Size: -1, Claims: claims})
			if err != nil {
				t.Fatal(err)
			}
			return node
		}
		known := func(driveID string, node Node) bool {
			t.Helper()
			sums, err := f.Checksums(t.Context(), driveID, []Node{node})
			if err != nil {
				t.Fatal(err)
			}
			_, ok := sums[node.ID]
			return ok
		}
		alices, bobs := put(f.alice, claim(SHA1, text)), put(f.bob)
		if !known(f.alice, alices) || known(f.bob, bobs) {
			t.Error("alice sent a checksum and bob none, but that is not what is known")
		}
		if err := f.ComputeChecksums(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !known(f.bob, bobs) {
			t.Error("bob asked, and his is not computed")
		}
	})
}

// Each drive has its turn, and nobody can fill the table with wishes.
func TestWishes(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		names := map[blob.Key]string{}
		put := func(drive, name, text string) string {
			t.Helper()
			node, _, err := f.Put(t.Context(), drive, Root.Join(name), strings.NewReader(text), PutOptions{Size: int64(len(text))})
			if err != nil {
				t.Fatal(err)
			}
			names[node.blob] = text
			return node.ID
		}
		ask := func(drive string, ids ...string) {
			t.Helper()
			nodes := make([]Node, len(ids))
			for i := range ids {
				nodes[i].ID = ids[i]
			}
			if _, err := f.Checksums(t.Context(), drive, nodes); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			ask(f.alice, put(f.alice, fmt.Sprint("a", i), fmt.Sprint("a", i)))
		}
		b := []string{put(f.bob, "b0", "b0"), put(f.bob, "a0", "a0"), put(f.bob, "again", "a0")}
		for range 2 {
			ask(f.bob, b[0])
			ask(f.bob, b...)
		}
		ask(f.alice, b...) // which are not hers
		next, err := f.Drives.wishes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, w := range next {
			order = append(order, names[w.blob])
		}
		want := "a0 b0 a1 a0 a2"
		if f.bob < f.alice {
			want = "b0 a0 a0 a1 a2"
		}
		if got := strings.Join(order, " "); got != want {
			t.Errorf("in the order %s, want %s", got, want)
		}
		// Another process fulfils them.
		if err := New(f.db, f.blobs, f.o).ComputeChecksums(t.Context()); err != nil {
			t.Fatal(err)
		}
		if wishes, known := f.rows(`SELECT COUNT(*) FROM checksum_wishes`), f.rows(`SELECT COUNT(*) FROM checksums`); wishes != 0 || known != 5 {
			t.Errorf("%d wishes are left and %d checksums are known, want 0 and 5", wishes, known)
		}

		more := put(f.alice, "more", "more")
		if _, err := f.db.Exec(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
			INSERT INTO blobs (id, sha256, size, content, created_at) SELECT 'blob' || i, $1, i, $1, 0 FROM n`, []byte{0}, maxDriveWishes); err != nil {
			t.Fatal(err)
		}
		if _, err := f.db.Exec(t.Context(), `INSERT INTO loose_blobs (id, blob_id) SELECT id, id FROM blobs WHERE id LIKE 'blob%'`); err != nil { // as no file names them
			t.Fatal(err)
		}
		if _, err := f.db.Exec(t.Context(), `INSERT INTO checksum_wishes (drive_id, blob_id, asked_at) SELECT $1, id, 0 FROM blobs WHERE id LIKE 'blob%'`, f.alice); err != nil {
			t.Fatal(err)
		}
		ask(f.alice, more)
		if n := f.rows(`SELECT COUNT(*) FROM checksum_wishes`); n != maxDriveWishes {
			t.Errorf("%d wishes, want %d", n, maxDriveWishes)
		}
	})
}
