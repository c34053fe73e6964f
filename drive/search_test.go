package drive

import (
	"fmt"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
)

func (f *fixture) search(q Search) (paths string, next string) {
	f.t.Helper()
	h, err := f.Search(f.t.Context(), f.alice, q)
	if err != nil {
		f.t.Fatal(err)
	}
	var all []string
	for _, n := range h.Nodes {
		all = append(all, string(n.Path))
	}
	return strings.Join(all, " "), h.Next
}

func TestSearch(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /Plans\nput /Plans/plan-B.txt 1\nmkdir /Plans/old\nput /Plans/old/PLAN.md 2\nput /stra\u00dfe 3\nput /u\u0308ber 4\nput /\uff21\uff22 5\nput /other 6\n" +
			"put /100% 7\nput /a_b 8\nmkdir /gone\nput /gone/plan 9\nput /gone-plan 9\nrm /gone\nrm /gone-plan")
		if _, _, err := f.Put(t.Context(), f.bob, "/bobs plan", strings.NewReader("x"), PutOptions{Size: 1}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			text string
			in   Path
			want string
		}{
			{"plan", Root, "/Plans/old/PLAN.md /Plans /Plans/plan-B.txt"},
			{"PLAN-b", Root, "/Plans/plan-B.txt"},
			{"plan", "/Plans", "/Plans/old/PLAN.md /Plans/plan-B.txt"},
			{"plan", "/Plans/old", "/Plans/old/PLAN.md"},
			{"STRASSE", Root, "/stra\u00dfe"},
			{"\u00dcB", Root, "/u\u0308ber"}, {"U\u0308b", Root, "/u\u0308ber"},
			{"ab", Root, "/\uff21\uff22"},
			{"%", Root, "/100%"}, {"_", Root, "/a_b"}, {"nothing like it", Root, ""},
		} {
			if got, next := f.search(Search{Text: c.text, In: c.in, Limit: 10}); got != c.want || next != "" {
				t.Errorf("%q in %s: %q (next %q), want %q", c.text, c.in, got, next, c.want)
			}
		}
		for _, text := range []string{"", " ", strings.Repeat("x", 256), "a\x00", "\xff"} {
			_, err := f.Search(t.Context(), f.alice, Search{Text: text, In: Root})
			wantKind(t, fmt.Sprintf("%.5q", text), err, "invalid")
		}
		_, err := f.Search(t.Context(), f.alice, Search{Text: "x", In: Root, After: writePlace(searchPlace{"a", "' OR 1"})})
		wantKind(t, "a place that is none", err, "invalid")
		_, err = f.Search(t.Context(), f.alice, Search{Text: "x", In: "/none"})
		wantKind(t, "in nothing", err, "not_found")
		_, err = f.Search(t.Context(), f.alice, Search{Text: "x", In: "/other"})
		wantKind(t, "in a file", err, "invalid")
	})
}

// More than one query reads, in folders and in the trash, is found a few at a time.
func TestSearchGoesThroughALargeDrive(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.run("mkdir /a\nmkdir /b\nrm /b")
		a, _ := f.Stat(t.Context(), f.alice, "/a")
		gone, _, err := f.TrashList(t.Context(), f.alice, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		const many = 2*searchBatch + 10
		err = f.db.Update(t.Context(), func(tx *sqldb.Tx) error {
			for _, parent := range []string{a.ID, gone[0].Node.ID} {
				for i := range many {
					name := fmt.Sprintf("file %05d", i)
					if _, err := tx.Exec(t.Context(), `INSERT INTO nodes (id, drive_id, parent_id, name, name_key, folder, created_at, modified_at, revision)
						VALUES ($1, $2, $3, $4, $4, TRUE, 0, 0, 1)`, sqldb.NewID(), f.alice, parent, name); err != nil {
						return err
					}
				}
				if _, err := tx.Exec(t.Context(), `UPDATE nodes SET children = $2 WHERE id = $1`, parent, many); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			text        string
			first, want int
		}{{"FILE", 0, many}, {"e 03", 3000, 1000}, {"le 04", 4000, many - 4000}} {
			found := 0
			for after, more := "", true; more; more = after != "" {
				h, err := f.Search(t.Context(), f.alice, Search{Text: c.text, In: Root, After: after, Limit: 700})
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range h.Nodes {
					if want := Path(fmt.Sprintf("/a/file %05d", c.first+found)); n.Path != want {
						t.Fatalf("%s: hit %d is %s", c.text, found, n.Path)
					}
					found++
				}
				after = h.Next
			}
			if found != c.want {
				t.Errorf("%s: %d hits, want %d", c.text, found, c.want)
			}
		}
	})
}

func TestFeed(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		start, err := f.Present(ctx, f.alice)
		if err != nil || start != (Moment{}) {
			t.Fatal(start, err)
		}
		woken, stop := f.Watch(f.alice)
		defer stop()
		f.run("mkdir /a\nmkdir /b\nput /a/f 1\nmv /a/f /b/f\nput /b/f 2\nrm /b/f")
		select {
		case <-woken:
		default:
			t.Error("nobody was woken")
		}
		var kinds []string
		now := start
		for more := true; more; {
			n, err := f.Since(ctx, f.alice, now, 4)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range n.Changes {
				kinds = append(kinds, fmt.Sprintf("%s:%d", c.Kind, len(c.Folders())))
			}
			now, more = n.Now, n.More
		}
		if got := strings.Join(kinds, " "); got != "created:1 created:1 created:1 moved:2 written:0 trashed:1" {
			t.Error(got)
		}
		read, err := ParseMoment(now.String())
		if err != nil || read != now {
			t.Errorf("%v is read as %v, %v", now, read, err)
		}
		if n, err := f.Since(ctx, f.alice, now, 4); err != nil || len(n.Changes) != 0 || n.Now != now {
			t.Errorf("nothing happened: %+v, %v", n, err)
		}
		for what, m := range map[string]Moment{
			"another time": {now.Sequence, now.At + 1}, "to come": {now.Sequence + 1, now.At}, "a change of another time": {2, 1},
		} {
			_, err := f.Since(ctx, f.alice, m, 4)
			wantKind(t, what, err, "gone")
		}
		for _, text := range []string{"", "1", ".", "-1.0", "1.-1", "x.y.z", strings.Repeat("z", 40) + ".1"} {
			_, err := ParseMoment(text)
			wantKind(t, text, err, "invalid")
		}
	})
}
