package drive

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestProperties(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("mkdir /d")
		before := f.put("/d/f", "text")
		color := Property{Namespace: "urn:x", Name: "color", Value: "<b xmlns=\"urn:y\">rot &amp; blau</b>", Language: "de"}
		if err := f.PatchProperties(ctx, f.alice, "/d/f", []Property{color, {Namespace: "", Name: "plain", Value: "1"}}, nil, time.Unix(1_000_000, 0), Guard{}); err != nil {
			t.Fatal(err)
		}
		after, _ := f.Stat(ctx, f.alice, "/d/f")
		if after.ETag() != before.ETag() || !after.Modified.Equal(time.Unix(1_000_000, 0)) {
			t.Errorf("ETag %s → %s, modified %v", before.ETag(), after.ETag(), after.Modified)
		}
		if err := f.PatchProperties(ctx, f.alice, "/d/f", nil, []Property{{Name: "plain"}, {Name: "never there"}}, time.Time{}, Guard{}); err != nil {
			t.Fatal(err)
		}
		f.run("cp /d /copy\nput /over x\ncp! /d/f /over\nmv! /over /d/f")
		for _, path := range []Path{"/copy", "/d"} {
			folder, _ := f.Stat(ctx, f.alice, path)
			child, _ := f.Stat(ctx, f.alice, path.Join("f"))
			all, n, err := f.Properties(ctx, []Node{folder, child})
			if err != nil {
				t.Fatal(err)
			}
			if got := all[child.ID]; n != 2 || len(all) != 1 || len(got) != 1 || got[0] != color {
				t.Errorf("properties of %s and its file: %+v, of %d", path, all, n)
			}
		}
		big := Property{Name: "big", Value: strings.Repeat("x", MaxPropertyBytes)}
		wantKind(t, "a huge property", f.PatchProperties(ctx, f.alice, "/d", []Property{big}, nil, time.Time{}, Guard{}), "too_large")
	})
}

// What is said of a file takes space like what is in it, wherever it goes: each test ends with a check of the usage.
func TestPropertiesCountAgainstTheQuota(t *testing.T) {
	each(t, Options{Quota: 1000}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		used := func(what string, want int64) {
			t.Helper()
			if u, err := f.Usage(ctx, f.alice); err != nil || u.Used != want {
				t.Errorf("%s: %d bytes are used, want %d (%v)", what, u.Used, want, err)
			}
		}
		patch := func(path Path, want string, set, remove []Property) {
			t.Helper()
			wantKind(t, "patch "+string(path), f.PatchProperties(ctx, f.alice, path, set, remove, time.Time{}, Guard{}), want)
		}
		note := func(n int) []Property {
			return []Property{{Namespace: "urn:x", Name: "ü", Language: "de", Value: strings.Repeat("é", n)}} // 9 bytes and 2 for each letter
		}
		f.run("mkdir /d\nput /d/f 12345\nput /g 1")
		used("two files", 6)
		patch("/d/f", "", note(20), nil)
		patch("/d", "", note(10), nil)
		used("and properties", 6+49+29)
		patch("/d/f", "", note(5), nil)
		used("and a shorter one", 6+19+29)
		patch("/d/f", "full", note(500), nil)
		patch("/d/f", "", nil, note(0))
		patch("/d/f", "", nil, note(0))
		used("and none", 6+29)
		patch("/d/f", "", note(20), nil)

		f.run("cp /d /e")
		used("a copy has them too", 6+5+2*(49+29))
		f.run("cp0 /d /empty")
		used("and of the folder alone", 6+5+2*(49+29)+29)
		f.run("cp! /d/f /e/f") // the same content, and the properties of the one that is copied
		used("onto another", 6+5+2*(49+29)+29)
		f.run("mv! /g /e/f") // e/f's content is a version now, and its properties are g's, who had none
		used("and moved onto it", 6+5+49+2*29+29)
		f.run("mv /d/f /h\nrm /d\nrm /h")
		used("what is in the trash still counts", 6+5+49+2*29+29)
		f.run("empty-trash /")
		used("what is out of it does not", 1+5+29+29)

		patch("/e/f", "", note(400), nil)
		f.run("cp /e /full want full")
		used("a copy that does not fit", 1+5+29+29+809)
		if _, err := f.Stat(ctx, f.alice, "/full"); err == nil {
			t.Error("a copy that did not fit is there")
		}
	})
}

// Properties from before they counted are counted by the step of the schema that began it.
func TestOldPropertiesAreCounted(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		node := f.put("/f", "12345")
		gone := f.put("/gone", "1")
		for _, id := range []string{node.ID, gone.ID} {
			if _, err := f.db.Exec(t.Context(), `INSERT INTO properties (node_id, namespace, name, language, value) VALUES ($1, 'urn:x', 'ü', '', 'é')`, id); err != nil {
				t.Fatal(err)
			}
		}
		f.run("rm /gone")
		if problems, err := f.Check(t.Context()); err != nil || len(problems) != 1 {
			t.Errorf("the check finds %q (%v), want the usage", problems, err)
		}
		step, err := os.ReadFile("../sqldb/migrations/0004_property_usage." + string(f.db.Engine()) + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.db.Exec(t.Context(), strings.TrimSpace(string(step))); err != nil {
			t.Fatal(err)
		}
		if u, err := f.Usage(t.Context(), f.alice); err != nil || u.Used != 6+2*9 {
			t.Errorf("%d bytes are used (%v)", u.Used, err)
		}
	})
}
