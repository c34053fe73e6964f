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
	maxGrams = 6               // that it is asked for, of those that begin with the first letter of what is looked for, and with the second
	soonFull = 2 * searchBatch // names that are read in order, hoping for a full page, before the index is asked for the first of many names
)

// namesByGrams asks for no drive, and for no name that an index might know, or Postgres would perhaps read that one. nodes_grams leads to names of the drive that is searched.
const namesByGrams = `FROM nodes n WHERE grams_of_name(n.drive_id, n.name_key) @@ CAST($1 AS tsquery)`

var (
	fewByGrams   = `SELECT n.drive_id, n.name_key, n.id ` + namesByGrams + ` LIMIT ` + strconv.Itoa(fewNames+1)
	firstByGrams = `SELECT n.drive_id, n.name_key, n.id ` + namesByGrams + ` AND (n.name_key || '', n.id) > ($2, $3) ORDER BY n.name_key, n.id LIMIT ` + strconv.Itoa(searchBatch)
)

// lookUp searches by the index of what names hold, which Postgres has. few says that this was all. If the index leads to too many names nothing was found; many says that
// most of them hold what is looked for, so that it is worth asking for the first of them.
func (l *looking) lookUp(ctx context.Context, tx *sqldb.Tx) (few, many bool, err error) {
	query, ok := gramQuery(l.driveID, l.want)
	if !ok || tx.Engine() != sqldb.Postgres {
		return false, false, nil
	}
	found, s, err := l.byGrams(ctx, tx, fewByGrams, query)
	if err != nil || s.read > fewNames {
		return false, s.held > fewNames/2, err
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
	query, _ := gramQuery(l.driveID, l.want)
	found, s, err := l.byGrams(ctx, tx, firstByGrams, query, l.at.Name, l.at.ID)
	if err != nil {
		return err
	}
	l.looked += s.read
	return l.take(ctx, tx, found, s.last, s.read < searchBatch)
}

// seen is what the index led to.
type seen struct {
	read int         // names
	held int         // of them hold what is looked for
	last searchPlace // that was read
}

// byGrams answers the names that are found behind l.at.
func (l *looking) byGrams(ctx context.Context, tx *sqldb.Tx, query string, args ...any) (found []searchPlace, s seen, err error) {
	err = tx.Each(ctx, query, args, func(scan sqldb.Scan) error {
		var driveID string
		if err := scan(&driveID, &s.last.Name, &s.last.ID); err != nil {
			return err
		}
		s.read++
		if driveID != l.driveID || !hasPart(s.last.Name, l.want) {
			return nil
		}
		s.held++
		if s.last.compare(l.at) > 0 {
			found = append(found, s.last)
		}
		return nil
	})
	return found, s, err
}

// compare orders places as the search goes through them.
func (p searchPlace) compare(q searchPlace) int {
	if c := strings.Compare(p.Name, q.Name); c != 0 {
		return c
	}
	return strings.Compare(p.ID, q.ID)
}

// The keys of nodes_grams, as grams_of_name makes them.
const (
	gramLetters = 3 // of a name; fewer at its end
	gramStride  = 2 // letters from one to the next
	gramOwner   = 8 // characters of the drive's id before them
)

// gramQuery is the tsquery for a drive's names that hold a folded text, and for those of which the index does not know what they hold. It may find others. The index
// knows nothing of a single letter, as a key may begin before it: then there is no query.
func gramQuery(driveID, want string) (query string, ok bool) {
	own := driveID[max(0, len(driveID)-gramOwner):]
	letters := []rune(want)
	if len(letters) < gramStride {
		return "", false
	}
	query = lexeme(own)
	for first := range gramStride {
		last := (len(letters) - gramLetters - first) / gramStride // which key is the last with all of its letters
		if len(letters) < gramLetters+first {
			query += "|" + lexeme(own+string(letters[first:])) + ":*"
			continue
		}
		n := min(last+1, maxGrams)
		grams := make([]string, n)
		for i := range grams {
			at := first + gramStride*(i*last/max(1, n-1)) // from the beginning to the end
			grams[i] = lexeme(own + string(letters[at:at+gramLetters]))
		}
		query += "|(" + strings.Join(grams, "&") + ")"
	}
	return query, true
}

// lexeme is a text within a tsquery.
func lexeme(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}
