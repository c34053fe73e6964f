package drive

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func TestLookup(t *testing.T) {
	each(t, Options{Quota: 1000, InlineMax: 16}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		mine, theirs, half := strings.Repeat("mine-", 20), strings.Repeat("theirs-", 20), strings.Repeat("half-", 20)
		f.put("/mine", mine)
		if _, _, err := f.Put(ctx, f.bob, "/theirs", strings.NewReader(theirs), PutOptions{Size: -1}); err != nil {
			t.Fatal(err)
		}
		u := f.begin(NewUpload{Name: "half", Folder: "/in", Length: 100, SHA256: digest(half)})
		if _, err := f.send(u, 0, strings.NewReader(half[:40])); err != nil {
			t.Fatal(err)
		}
		look := func(text string, folder Path, name string) Found {
			t.Helper()
			found, err := f.Lookup(ctx, f.alice, Wanted{SHA256: digest(text), Size: int64(len(text)), Folder: folder, Name: name})
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		if found := look(mine, "/new", "again"); found.Node == nil || found.Node.Path != "/new/again" {
			t.Errorf("the drive's own content: %+v", found)
		}
		if found := look(mine, "/new", "again"); found.Node == nil || found.Node.Path != "/new/again" {
			t.Errorf("the same question again: %+v", found)
		}
		if found := look(theirs, "/", "x"); found != (Found{}) {
			t.Errorf("content that only another holds is revealed: %+v", found)
		}
		if found := look(half, "/in", "half"); found.Upload == nil || found.Upload.ID != u.ID || found.Upload.Offset != 40 {
			t.Errorf("an upload under way: %+v", found)
		}
		if found := look(half, "/elsewhere", "half"); found != (Found{}) {
			t.Errorf("an upload to another place: %+v", found)
		}
		f.run("tree /mine=" + mine + " /new/ /new/again=" + mine)
		all, err := f.OpenUploads(ctx, f.alice, 10)
		if err != nil || len(all) != 1 || all[0].ID != u.ID {
			t.Errorf("open uploads: %+v, %v", all, err)
		}
		if all, _ := f.OpenUploads(ctx, f.bob, 10); len(all) != 0 {
			t.Errorf("bob sees %+v", all)
		}
		for what, w := range map[string]Wanted{
			"no hash":   {Size: 5, Name: "x"},
			"half one":  {SHA256: digest("x")[:16], Size: 5, Name: "x"},
			"no name":   {SHA256: digest("x"), Size: 5},
			"a climber": {SHA256: digest("x"), Size: 5, Name: "x", Folder: "/../.."},
		} {
			_, err := f.Lookup(ctx, f.alice, w)
			wantKind(t, what, err, "invalid")
		}
		big := strings.Repeat("b", 700)
		f.put("/big", big)
		_, err = f.Lookup(ctx, f.alice, Wanted{SHA256: digest(big), Size: 700, Name: "big again"})
		wantKind(t, "over quota", err, "full")
	})
}

// proof is the answer of who holds the text.
func (c *Challenge) proof(text string) []byte {
	all := string(c.Nonce)
	for _, r := range c.Ranges {
		all += text[r.Offset : r.Offset+r.Length]
	}
	return digest(all)
}

// Content that another holds is had for a proof of holding it, and for nothing less.
func TestProof(t *testing.T) {
	each(t, Options{Proof: true}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		text := strings.Repeat("a long text that bob has and alice has too ", 10_000)
		if _, _, err := f.Put(ctx, f.bob, "/theirs", strings.NewReader(text), PutOptions{Size: -1}); err != nil {
			t.Fatal(err)
		}
		ask := func() *Challenge {
			t.Helper()
			found, err := f.Lookup(ctx, f.alice, Wanted{SHA256: digest(text), Size: int64(len(text)), Name: "f"})
			if err != nil || found.Challenge == nil {
				t.Fatalf("%+v, %v", found, err)
			}
			return found.Challenge
		}
		wrong := ask()
		_, err := f.Prove(ctx, f.alice, wrong.ID, digest(text))
		wantKind(t, "the hash alone", err, "forbidden")
		_, err = f.Prove(ctx, f.alice, wrong.ID, wrong.proof(text))
		wantKind(t, "a second try", err, "not_found")
		other := ask()
		_, err = f.Prove(ctx, f.bob, other.ID, other.proof(text))
		wantKind(t, "somebody else's challenge", err, "not_found")
		late := ask()
		f.forward(time.Hour)
		_, err = f.Prove(ctx, f.alice, late.ID, late.proof(text))
		wantKind(t, "too late", err, "not_found")
		c := ask()
		node, err := f.Prove(ctx, f.alice, c.ID, c.proof(text))
		if err != nil || node.Path != "/f" {
			t.Fatalf("%+v, %v", node, err)
		}
		if got, err := f.read(f.alice, "/f"); err != nil || got != text {
			t.Errorf("the file differs (%v)", err)
		}
		found, err := f.Lookup(ctx, f.alice, Wanted{SHA256: digest("nobody's"), Size: 1 << 20, Name: "g"})
		if err != nil || found != (Found{}) {
			t.Errorf("what nobody holds: %+v, %v", found, err)
		}
	})
}
