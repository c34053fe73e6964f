package drive

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// letters are of several scripts: such as fold to others, to several, or together with their neighbours.
var letters = []rune("abcABCxyz019 ._-'\\%" + "\u00e4\u00c4\u00e9\u00c9\u00df\u1e9e\u017f\u0130\u0131\u0149\u01f0\u0133J\u212a" + "\u0391\u03a3\u03c3\u03c2\u0390\u1f80\u1fb3" +
	"\u0416\u0436\u0419\u0439\u0501\u0500" + "\u62a5\u544a\u6587\u4ef6\u3042\u30ab\u304c\u30f4\uff76\uff9e\uff71\uff21\uff42\uff08\uff09\u3000\u2460\u2167" +
	"\u0e19\u0e33\u0e49\u0e4d\u0e32" + "\u05d0\u05b8\u0628\u064e\u0623\u0915\u094d\u093f" + "\ud55c\u1100\u1161\u11a8" + "\u0300\u0301\u0308\u030c\u0327\u0345\u3099" +
	"\ufb01\ufb03\u2122\u00b2\u2026\u00a0\u202f" + "\U0001f600\u200d\ufe0f\U00020000\U0001d400\u01a0\u1ea0\u0218")

// someName is up to twelve of the letters.
func someName(r *rand.Rand) string {
	name := make([]rune, 1+r.IntN(12))
	for i := range name {
		name[i] = letters[r.IntN(len(letters))]
	}
	return nameKey(string(name))
}

// partOf is something that a search for it finds a name by.
func partOf(r *rand.Rand, name string) string {
	folded := []rune(fold(name))
	from := r.IntN(len(folded))
	return string(folded[from : from+1+r.IntN(len(folded)-from)])
}

// unfound answers which names are not among those that Postgres looks at for a part of them.
func unfound(t *testing.T, db *sqldb.DB, parts [][2]string) (missed []string) {
	t.Helper()
	const driveID = "0123456789abcdefghijklmnop"
	type row struct{ Name, Query string }
	var rows []row
	for _, p := range parts {
		if query, ok := gramQuery(driveID, p[1]); ok {
			rows = append(rows, row{p[0], query})
		}
	}
	list, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	missed, err = sqldb.All(t.Context(), db, `SELECT "Name" FROM json_to_recordset(CAST($2 AS json)) AS t ("Name" TEXT, "Query" TEXT) WHERE NOT grams_of_name($1, "Name") @@ CAST("Query" AS tsquery)`,
		[]any{driveID, string(list)}, func(scan sqldb.Scan) (name string, err error) { return name, scan(&name) })
	if err != nil {
		t.Fatal(err)
	}
	return missed
}

// The index must lead to every name that a search finds: Postgres folds letters as Search does, or says that it cannot.
func TestIndexOfNamesMissesNone(t *testing.T) {
	db := sqldbtest.OpenPostgres(t)
	var parts [][2]string
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		alike := !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z) || unicode.In(r, unicode.Han, unicode.Hangul)
		if name := nameKey("x" + string(r) + "y"); !alike || r%997 == 0 || fold(name) != name {
			parts = append(parts, [2]string{name, fold(name)})
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		name := someName(r)
		parts = append(parts, [2]string{name, partOf(r, name)})
	}
	for some := range slices.Chunk(parts, 20_000) {
		for _, name := range unfound(t, db, some) {
			t.Errorf("%q (%+q) is missed", name, name)
		}
	}
}

// What people call their files is in the index by its letters, and not only among those that every search looks at.
func TestIndexOfNamesKnowsWhatPeopleWrite(t *testing.T) {
	db := sqldbtest.OpenPostgres(t)
	for _, name := range []string{
		"IMG_20260301.jpg", "It's.txt", "Stra\u00dfe.pdf", "\u00dcbersicht", "\u0160koda\u00a0\u0141\u00f3d\u017a", "\u4e2d\u6587\uff08\u4e8c\uff09\uff0c\u62a5\u544a.docx", "\uff26\uff55\uff4c\uff4c",
		"\u65e5\u672c\u8a9e\u304c\u30ac\u30fc\u3093", "\ud55c\uad6d\uc5b4", "\u041f\u0440\u0438\u0432\u0435\u0442", "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac\u03c2", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05dd",
		"\u0645\u064e\u0631\u0652\u062d\u0628\u0627", "\u0939\u093f\u0928\u094d\u0926\u0940", "\u0e19\u0e49\u0e33", "Ti\u1ebfng Vi\u1ec7t", "\U0001f468\u200d\U0001f469 \u2764\ufe0f",
		"Screenshot 3.14.15\u202fPM", norm.NFD.String("r\u00e9sum\u00e9"),
	} {
		if missed := unfound(t, db, [][2]string{{nameKey(name), "no such part"}}); len(missed) != 1 {
			t.Errorf("%q is looked at whatever is looked for", name)
		}
	}
}

// A search answers the same whether names were found by the index or read in order.
func TestSearchFindsWhatNamesHold(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		r := rand.New(rand.NewPCG(2, 2))
		names := map[string]string{}    // by their paths
		f.run("mkdir /QQ\nmkdir /gone") // of letters that no text has
		in, _ := f.Stat(t.Context(), f.alice, "/QQ")
		gone, _ := f.Stat(t.Context(), f.alice, "/gone")
		bobs, _ := f.Stat(t.Context(), f.bob, Root)
		var some []string
		err := f.db.Update(t.Context(), func(tx *sqldb.Tx) error {
			for i := range 150 {
				name := fmt.Sprintf("%s%03d", strings.ReplaceAll(someName(r), "/", "_"), i)
				some = append(some, name)
				names["/QQ/"+name] = name
				for _, at := range [][2]string{{f.alice, in.ID}, {f.alice, gone.ID}, {f.bob, bobs.ID}} {
					if _, err := tx.Exec(t.Context(), `INSERT INTO nodes (id, drive_id, parent_id, name, name_key, folder, created_at, modified_at, revision)
						VALUES ($1, $2, $3, $4, $5, TRUE, 0, 0, 1)`, sqldb.NewID(), at[0], at[1], name, nameKey(name)); err != nil {
						return err
					}
				}
			}
			_, err := tx.Exec(t.Context(), `UPDATE nodes SET children = children + 150 WHERE id IN ($1, $2, $3)`, in.ID, gone.ID, bobs.ID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		f.run("rm /gone")
		for range 40 {
			text := partOf(r, some[r.IntN(len(some))])
			if strings.TrimSpace(text) == "" {
				continue
			}
			var want, got []string
			for path, name := range names {
				if strings.Contains(fold(name), fold(text)) {
					want = append(want, path)
				}
			}
			slices.SortFunc(want, func(a, b string) int { return strings.Compare(nameKey(a), nameKey(b)) })
			for after, more := "", true; more; more = after != "" {
				h, err := f.Search(t.Context(), f.alice, Search{Text: text, In: Root, After: after, Limit: 30})
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range h.Nodes {
					got = append(got, string(n.Path))
				}
				after = h.Next
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q (%+q): %q, want %q", text, text, got, want)
			}
		}
	})
}
