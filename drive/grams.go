package drive

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/sqldb"
)

// The bounds of a look into the index of names.
const (
	fewNames = 1000 // that it may lead to; with more of them a page is soon full of what is read in order
	maxGrams = 8    // that it is asked for
)

// namesByGrams must not find a drive's names by the index that has them in order, though Postgres may think that they are few.
var namesByGrams = `SELECT n.name_key, n.id FROM nodes n WHERE name_grams(n.drive_id, n.name_key) @@ CAST($2 AS tsquery) AND n.drive_id || '' = $1 LIMIT ` +
	strconv.Itoa(fewNames+1)

// lookUp searches by the index of what names hold, which Postgres has. few is false if there is none, or if too many names hold it; then nothing was found.
func (l *looking) lookUp(ctx context.Context, tx *sqldb.Tx) (few bool, err error) {
	if tx.Engine() != sqldb.Postgres {
		return false, nil
	}
	read := 0
	var found []searchPlace
	err = tx.Each(ctx, namesByGrams, []any{l.driveID, gramQuery(l.driveID, l.want)}, func(scan sqldb.Scan) error {
		var f searchPlace
		if err := scan(&f.Name, &f.ID); err != nil {
			return err
		}
		read++
		if f.compare(l.at) > 0 && hasPart(f.Name, l.want) {
			found = append(found, f)
		}
		return nil
	})
	if err != nil || read > fewNames {
		return false, err
	}
	slices.SortFunc(found, searchPlace.compare)
	return true, l.take(ctx, tx, found, l.at, true)
}

// compare orders places as the search goes through them.
func (p searchPlace) compare(q searchPlace) int {
	if c := strings.Compare(p.Name, q.Name); c != 0 {
		return c
	}
	return strings.Compare(p.ID, q.ID)
}

// The keys of nodes_grams, as name_grams makes them.
const (
	gramLetters = 3 // of a name; fewer at its end
	gramOwner   = 8 // characters of the drive's id before them
)

// gramQuery is the tsquery for a drive's names that hold a folded text, and for those of which the index does not know what they hold. It may find others.
func gramQuery(driveID, want string) string {
	own := driveID[max(0, len(driveID)-gramOwner):]
	letters := []rune(want)
	last := len(letters) - gramLetters
	if last < 0 {
		return lexeme(own) + "|" + lexeme(own+want) + ":*"
	}
	n := min(last+1, maxGrams)
	grams := make([]string, n)
	for i := range grams {
		at := i * last / max(1, n-1) // from the beginning to the end
		grams[i] = lexeme(own + string(letters[at:at+gramLetters]))
	}
	return lexeme(own) + "|(" + strings.Join(grams, "&") + ")"
}

// lexeme is a text within a tsquery.
func lexeme(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}
