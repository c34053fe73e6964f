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
	fewNames = 1000            // that it may lead to and are all looked at
	maxGrams = 8               // that it is asked for
	soonFull = 2 * searchBatch // names that are read in order, hoping for a full page, before the index is asked for the first of many names
)

// namesByGrams asks for no drive, and for no name that an index might know, or Postgres would perhaps read that one. nodes_grams leads to names of the drive that is searched.
const namesByGrams = `FROM nodes n WHERE name_grams(n.drive_id, n.name_key) @@ CAST($1 AS tsquery)`

var (
	fewByGrams   = `SELECT n.drive_id, n.name_key, n.id ` + namesByGrams + ` LIMIT ` + strconv.Itoa(fewNames+1)
	firstByGrams = `SELECT n.drive_id, n.name_key, n.id ` + namesByGrams + ` AND (n.name_key || '', n.id) > ($2, $3) ORDER BY n.name_key, n.id LIMIT ` + strconv.Itoa(searchBatch)
)

// lookUp searches by the index of what names hold, which Postgres has. If it leads to too many names nothing was found, and many is true; few if that was the search.
func (l *looking) lookUp(ctx context.Context, tx *sqldb.Tx) (few, many bool, err error) {
	if tx.Engine() != sqldb.Postgres {
		return false, false, nil
	}
	found, _, read, err := l.byGrams(ctx, tx, fewByGrams, gramQuery(l.driveID, l.want))
	if err != nil || read > fewNames {
		return false, true, err
	}
	slices.SortFunc(found, searchPlace.compare)
	return true, false, l.take(ctx, tx, found, l.at, true)
}

// nextFound looks at the next batch of the many names to which the index leads. That takes as long as there are of them, be the batch as small as it may.
func (l *looking) nextFound(ctx context.Context, tx *sqldb.Tx) error {
	var off string
	// Sorting is avoided in this transaction and seems dear, so that Postgres would compile the query.
	if err := tx.Row(ctx, `SELECT set_config('jit', 'off', TRUE)`, nil, &off); err != nil {
		return err
	}
	found, last, read, err := l.byGrams(ctx, tx, firstByGrams, gramQuery(l.driveID, l.want), l.at.Name, l.at.ID)
	if err != nil {
		return err
	}
	l.looked += read
	return l.take(ctx, tx, found, last, read < searchBatch)
}

// byGrams answers the names that are found from l.at on, the last one that was looked at, and how many were.
func (l *looking) byGrams(ctx context.Context, tx *sqldb.Tx, query string, args ...any) (found []searchPlace, last searchPlace, read int, err error) {
	err = tx.Each(ctx, query, args, func(scan sqldb.Scan) error {
		var driveID string
		if err := scan(&driveID, &last.Name, &last.ID); err != nil {
			return err
		}
		read++
		if driveID == l.driveID && last.compare(l.at) > 0 && hasPart(last.Name, l.want) {
			found = append(found, last)
		}
		return nil
	})
	return found, last, read, err
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
