package drive

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/mem"
	"github.com/satchelhq/satchel/fault"
)

// What files and versions hold is copied once. What is not there, or not what it should be, is named.
func TestContentIsCopied(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		text := func(what string) string { return strings.Repeat(what+" ", 10) }
		f.put("/a", text("an old version"))
		f.put("/a", text("a"))
		f.put("/small", "in its row")
		lost := f.put("/lost", text("lost"))
		wrong := f.put("/wrong", text("wrong"))
		unheld := f.put("/unheld", text("unheld"))
		err := f.Trash(t.Context(), f.alice, "/unheld", Guard{})
		if err == nil {
			err = f.Purge(t.Context(), f.alice, unheld.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		b := &between{f, mem.New()}
		right := map[blob.Key]string{lost.blob: text("lost"), wrong.blob: text("wrong")}
		b.plant(f.blobs, wrong.blob, text("other"))
		for _, key := range []blob.Key{lost.blob, unheld.blob} {
			if err := f.blobs.Remove(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		c := Copying{From: f.blobs, To: b.to, AtOnce: 2}
		copied, err := f.CopyBlobs(t.Context(), c)
		if err != nil || copied.Blobs != 2 || copied.Kept != 0 || copied.Bytes != int64(len(text("an old version")+text("a"))) ||
			!slices.Equal(copied.Missing, []string{string(lost.blob)}) || !slices.Equal(copied.Damaged, []string{string(wrong.blob)}) {
			t.Errorf("%+v, %v", copied, err)
		}
		for key, content := range right {
			b.plant(f.blobs, key, content)
		}
		told := 0
		c.Tell = func(Copied) { told++ }
		if copied, err = f.CopyBlobs(t.Context(), c); err != nil || copied.Blobs != 2 || copied.Kept != 2 || copied.Holds <= copied.Bytes || len(copied.Missing)+len(copied.Damaged) != 0 {
			t.Errorf("afterwards: %+v, %v", copied, err)
		}
		if told != 5 {
			t.Errorf("told %d times of 5 blobs", told)
		}
		b.plant(b.to, wrong.blob, text("other"))
		if copied, err = f.CopyBlobs(t.Context(), c); err != nil || copied.Blobs != 0 || copied.Kept != 4 {
			t.Errorf("by their size: %+v, %v", copied, err)
		}
		c.Verify = true
		if copied, err = f.CopyBlobs(t.Context(), c); err != nil || copied.Blobs != 1 || copied.Kept != 3 {
			t.Errorf("by their content: %+v, %v", copied, err)
		}
		var named []blob.Key
		err = f.EachContent(t.Context(), func(key blob.Key) error {
			named = append(named, key)
			return nil
		})
		if err != nil || len(named) != 5 || !slices.IsSorted(named) || !slices.Contains(named, lost.blob) {
			t.Errorf("content is named: %v, %v", named, err)
		}
		f.Drives = New(f.db, b.to, f.o)
		b.wantFiles(map[string]string{"/a": text("a"), "/lost": text("lost"), "/wrong": text("wrong")})
		if err := f.SettleRestored(t.Context()); err != nil { // of what nothing holds
			t.Error(err)
		}
	})
}

// vanishing is a store whose blobs are removed after they were opened and before they are read, as those in a bucket can be.
type vanishing struct{ blob.Store }

func (s vanishing) Open(ctx context.Context, key blob.Key) (blob.Content, error) {
	c, err := s.Store.Open(ctx, key)
	return vanished{c}, err
}

type vanished struct{ blob.Content }

func (vanished) Read([]byte) (int, error) { return 0, blob.ErrNotFound }

// Content that goes while it is copied is missing if something holds it, and no failure of the store: whoever copies may begin anew.
func TestContentGoesWhileItIsCopied(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		node := f.put("/a", strings.Repeat("a ", 20))
		f.put("/b", strings.Repeat("b ", 20))
		f.run(`rm /b
			empty-trash /`)
		copied, err := f.CopyBlobs(t.Context(), Copying{From: vanishing{f.blobs}, To: mem.New()})
		if err != nil || !slices.Equal(copied.Missing, []string{string(node.blob)}) || copied.Blobs != 0 {
			t.Errorf("%+v, %v", copied, err)
		}
	})
}

// Content that cannot even be opened is damaged for who copies what is right, as good as gone for who copies all that there is, and keeps nobody from
// the rest. A store that is away ends both.
func TestContentIsCopiedPastWhatCannotBeRead(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		node := f.put("/a", strings.Repeat("a ", 20))
		f.put("/b", strings.Repeat("b ", 20))
		c := Copying{From: unreadableStore{f.blobs, []blob.Key{node.blob}}, To: mem.New()}
		if copied, err := f.CopyBlobs(t.Context(), c); err != nil || copied.Blobs != 1 || !slices.Equal(copied.Damaged, []string{string(node.blob)}) {
			t.Errorf("%+v, %v", copied, err)
		}
		c.Rotten = true
		if copied, err := f.CopyBlobs(t.Context(), c); err != nil || copied.Blobs+copied.Kept != 1 || !slices.Equal(copied.Missing, []string{string(node.blob)}) {
			t.Errorf("%+v, %v", copied, err)
		}
		c.From = watched{f.blobs, func(string) error { return blob.ErrAway }}
		for _, c.Rotten = range []bool{true, false} {
			if copied, err := f.CopyBlobs(t.Context(), c); !errors.Is(err, blob.ErrAway) {
				t.Errorf("rotten %v: %+v, %v", c.Rotten, copied, err)
			}
		}
	})
}

// held appends to an upload of a drive, as a door does.
func held(t *testing.T, s *Drives, driveID, id, body string) (Upload, error) {
	t.Helper()
	hold, err := s.HoldUpload(t.Context(), id, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Release()
	return s.Append(t.Context(), driveID, id, 0, strings.NewReader(body), AppendOptions{})
}

// Rows that come back without what was under way agree with the store once they are settled: uploads in the store end, those in rows go on.
func TestRestoredRowsAreSettled(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		large := strings.Repeat("large ", 10)
		f.put("/file", large)
		send := func(n NewUpload, body string) Upload {
			u, err := f.send(f.begin(n), 0, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
		staged := send(NewUpload{Folder: Root, Name: "staged", Length: 90}, large)
		small := send(NewUpload{Folder: Root, Name: "small", Length: 90}, "in a row")
		parts := []Upload{f.part(large), f.part("part")}
		if err := f.BeginChunked(t.Context(), f.alice, "chunked"); err != nil {
			t.Fatal(err)
		}
		for name, body := range map[string]string{"1": large, "2": "chunk"} {
			if err := f.chunk("chunked", name, body); err != nil {
				t.Fatal(err)
			}
		}
		carol := f.user("carol") // whose account was about to be removed
		closed, err := f.BeginUpload(t.Context(), carol, NewUpload{Folder: Root, Name: "closed", Length: 90})
		if err == nil {
			_, err = held(t, f.Drives, carol, closed.ID, large)
		}
		if err == nil {
			_, err = f.db.Exec(t.Context(), `UPDATE drives SET closed_at = 1 WHERE id = $1`, carol)
		}
		if err != nil {
			t.Fatal(err)
		}
		b := &between{f, mem.New()}
		if _, err := f.CopyBlobs(t.Context(), Copying{From: f.blobs, To: b.to}); err != nil {
			t.Fatal(err)
		}
		f.Drives = New(f.db, b.to, f.o)
		for range 2 { // a second time it has nothing to do
			if err := f.SettleRestored(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.wantFiles(map[string]string{"/file": large})
		for name, u := range map[string]Upload{"staged": staged, "part": parts[0]} {
			if _, err := f.look(u); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s is not there: %v", name, err)
			}
		}
		if u, err := f.send(small, 8, strings.NewReader(strings.Repeat("x", 82))); err != nil || u.Ended.IsZero() {
			t.Errorf("what was in a row goes on: %v", err)
		}
		if _, err := f.look(parts[1]); err != nil {
			t.Errorf("the part in a row: %v", err)
		}
		if _, chunks, err := f.Chunks(t.Context(), f.alice, "chunked"); err != nil || len(chunks) != 1 || chunks[0].Name != "2" {
			t.Errorf("chunks: %+v, %v", chunks, err)
		}
	})
}
