package drive

import (
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/fault"
)

// A client whose answer was lost asks again, and maybe for its parts before. It gets the upload that there is, and no second file. What asks
// for another file is another upload, for which used parts are of no use.
func TestJoinAskedForAgain(t *testing.T) {
	each(t, Options{UploadExpiry: time.Hour}, func(t *testing.T, f *fixture) {
		sum := sha256.Sum256([]byte(longOne + longTwo))
		asks := func(name string, parts []Upload, change func(n *NewUpload)) (Upload, error) {
			n := NewUpload{Folder: "/a", Name: name, MediaType: "text/plain", Modified: time.UnixMicro(5), Kind: Joined, SHA256: sum[:], Metadata: "filename Zg==", Concat: "final;as it came"}
			for _, part := range parts {
				n.Parts = append(n.Parts, part.ID)
			}
			change(&n)
			return f.BeginUpload(t.Context(), f.alice, n)
		}
		same := []struct {
			what   string
			change func(n *NewUpload)
		}{
			{"in the same words", func(*NewUpload) {}},
			{"with the pairs in another order, and one that means nothing here", func(n *NewUpload) { n.Metadata = "uppy eA==,filename Zg==" }},
			{"with relative addresses", func(n *NewUpload) { n.Concat = "final;as it came now" }},
			{"with the default said", func(n *NewUpload) { n.Conflict = Rename }},
		}
		elsewhere := []struct {
			what   string
			change func(n *NewUpload)
		}{
			{"another name", func(n *NewUpload) { n.Name += "2" }},
			{"another folder", func(n *NewUpload) { n.Folder = Root }},
			{"another type", func(n *NewUpload) { n.MediaType = "text/html" }},
			{"another time", func(n *NewUpload) { n.Modified = time.UnixMicro(6) }},
			{"another way out of a conflict", func(n *NewUpload) { n.Conflict = Replace }},
			{"another hash", func(n *NewUpload) { n.SHA256 = nil }},
		}
		otherwise := []struct {
			what   string
			change func(n *NewUpload)
		}{
			{"another order", func(n *NewUpload) { slices.Reverse(n.Parts) }},
			{"fewer parts", func(n *NewUpload) { n.Parts = n.Parts[:2] }},
			{"more parts", func(n *NewUpload) { n.Parts = append(n.Parts, n.Parts[0]) }},
			{"other parts in the middle", func(n *NewUpload) { n.Parts[1] = n.Parts[0] }},
		}

		// While it waits for a part.
		last := f.begin(NewUpload{Kind: Partial, Length: int64(len(longThree))})
		waiting := []Upload{last, f.part(longOne), f.part(longTwo)}
		first, err := asks("waits", waiting, func(*NewUpload) {})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range same {
			if again, err := asks("waits", waiting, c.change); err != nil || again.ID != first.ID || again.Length != first.Length {
				t.Errorf("waiting, %s: %+v, %v", c.what, again, err)
			}
		}
		begun := f.Counts().UploadsBegun
		for _, c := range slices.Concat(elsewhere, otherwise) {
			again, err := asks("waits", waiting, c.change)
			if err != nil || again.ID == first.ID {
				t.Fatalf("waiting, %s: %+v, %v", c.what, again, err)
			}
			if err := f.drop(again); err != nil {
				t.Fatal(err)
			}
		}
		if n := f.Counts().UploadsBegun - begun; n != int64(len(elsewhere)+len(otherwise)) {
			t.Errorf("%d uploads were counted as begun, want %d", n, len(elsewhere)+len(otherwise))
		}
		if _, err := f.send(last, 0, strings.NewReader(longThree)); err != nil {
			t.Fatal(err)
		}

		// Once it is a file, wherever that is by now.
		f.run("mv /a/waits /b")
		for _, c := range same {
			if again, err := asks("waits", waiting, c.change); err != nil || again.ID != first.ID || again.Ended.IsZero() || !again.Full() {
				t.Errorf("done, %s: %+v, %v", c.what, again, err)
			}
		}
		for _, c := range otherwise {
			_, err := asks("waits", waiting, c.change)
			wantKind(t, "done, "+c.what, err, "gone")
		}
		f.run("tree /a/ /b=" + longThree + longOne + longTwo)
		before := f.keys()
		for _, c := range elsewhere {
			again, err := asks("waits", waiting, c.change)
			if err != nil || again.ID == first.ID || again.Ended.IsZero() || !again.Full() {
				t.Errorf("done, %s: %+v, %v", c.what, again, err)
			}
			if twice, err := asks("waits", waiting, c.change); err != nil || twice.ID != again.ID {
				t.Errorf("done, %s, twice: %+v, %v", c.what, twice, err)
			}
			file, err := f.StatID(t.Context(), f.alice, again.NodeID)
			if err != nil {
				t.Fatal(err)
			}
			f.run("rm " + string(file.Path))
		}
		if f.keys() != before {
			t.Errorf("the store holds %s; before %s", f.keys(), before)
		}
		f.run("empty-trash /\ntree /a/ /b=" + longThree + longOne + longTwo)
		for _, part := range waiting { // nothing is sent again by a client that looks at its parts before
			if now, err := f.look(part); err != nil || !now.Full() {
				t.Errorf("a used part: %+v, %v", now, err)
			}
			_, err := f.send(part, 0, strings.NewReader("again"))
			wantKind(t, "bytes for a used part", err, "offset_mismatch")
		}
		if usage, err := f.Usage(t.Context(), f.alice); err != nil || usage.Uploads != 0 || usage.Reserved != 0 {
			t.Errorf("usage %+v, %v", usage, err)
		}

		// For a while.
		f.forward(59 * time.Minute)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again, err := asks("waits", waiting, func(*NewUpload) {}); err != nil || again.ID != first.ID {
			t.Errorf("an hour later: %+v, %v", again, err)
		}
		f.forward(2 * time.Minute)
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err = asks("waits", waiting, func(*NewUpload) {})
		wantKind(t, "later still", err, "not_found")
		for _, part := range waiting {
			_, err := f.look(part)
			wantKind(t, "a part, later still", err, "not_found")
		}
		f.run("tree /a/ /b=" + longThree + longOne + longTwo)
	})
}

// Many of the same request at once make one file, though the first of them is refused when it has put the parts together.
func TestJoinAskedForAtOnce(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		var refuse atomic.Bool
		f.o.Admit = func(Proposal) error {
			if refuse.Load() {
				return fault.New(fault.Forbidden, "test", "")
			}
			return nil
		}
		for _, first := range []string{longOne, "small"} {
			parts := []Upload{f.part(first), f.part(longTwo)}
			refuseOnce := sync.OnceFunc(func() { refuse.Store(true) })
			f.Drives.blobs = &faultyStore{Store: f.blobs, appends: 1000, seals: true, sealed: func(blob.Key) { refuseOnce() }}
			const clients = 8
			var mu sync.Mutex
			ids := map[string]bool{}
			refused := 0
			ask := func() {
				u, err := f.join("f", parts...)
				refuse.Store(false)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case fault.Is(err, fault.Forbidden):
					refused++
				case err != nil:
					t.Error(err)
				default:
					ids[u.ID] = true
				}
			}
			var running sync.WaitGroup
			for range clients {
				running.Go(ask)
			}
			running.Wait()
			ask()
			if len(ids) != 1 || refused == 0 {
				t.Errorf("uploads %v were answered, %d requests were refused", ids, refused)
			}
			f.Drives.blobs = f.blobs
			f.run("tree /f=" + first + longTwo + "\nrm /f\nempty-trash /")
		}
	})
}
