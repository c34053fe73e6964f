package drive

import (
	"context"
	"strconv"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Search is what is looked for.
type Search struct {
	Text  string // a part of the name, in any case; at most MaxName bytes
	In    Path   // the folder that is searched, with all below it
	After string // Next of an earlier answer to the same; empty for the beginning
	Limit int    // most hits; at most MaxList
}

// Hits is a part of what was found, by name.
type Hits struct {
	Nodes []Node
	Next  string // where to go on; empty if there is no more
}

// The bounds of one Search.
const (
	searchBatch = 2000    // names that one query reads
	climbBatch  = 100     // found names of which at least as many are followed up together
	maxSearched = 200_000 // names that are looked at
)

// Search finds nodes of a drive by a part of their names: whatever the case, whether composed or not, and whether wide or not (full case
// folding of the NFKC form, Unicode Standard, section 3.13). What is in the trash is not found.
//
// Postgres has an index that leads to the names that may be found: up to a thousand of them take as long as in an empty drive, and 30,000 some 40 ms if the page is not full
// sooner. On SQLite the drive's names are read once, in order and from an index alone, until there are enough: 100,000 of them in 0.1 to 0.3 s. A search looks at no more
// than 200,000 at once; in a larger drive the answer may hold few hits, or none, and a place from which to go on.
//
// Invalid with code "invalid_search" for no text or a text that is too long, "invalid_place", and "is_file" for a file to search in; NotFound.
func (s *Drives) Search(ctx context.Context, driveID string, q Search) (h Hits, err error) {
	l := &looking{driveID: driveID, want: fold(q.Text), limit: max(1, min(q.Limit, MaxList)), ways: map[string]*Node{}}
	if strings.TrimSpace(q.Text) == "" || len(q.Text) > MaxName || !storable(q.Text) {
		return h, fault.New(fault.Invalid, "drive.Search", "Say what to look for, in at most "+strconv.Itoa(MaxName)+" bytes.").WithCode("invalid_search")
	}
	if q.After != "" {
		if err := parsePlace(q.After, &l.at); err != nil {
			return h, err
		}
		if !storable(l.at.Name) || !sqldb.ValidID(l.at.ID) {
			return h, invalidPlace()
		}
	}
	in, err := s.Stat(ctx, driveID, q.In)
	if err != nil {
		return h, fault.Wrap(err, "drive.Search")
	}
	if !in.Folder {
		return h, fault.New(fault.Invalid, "drive.Search", "This is a file, not a folder.").WithCode("is_file")
	}
	l.in = in
	start := l.at
	err = s.db.Read(ctx, func(tx *sqldb.Tx) error {
		l.at, l.hits, l.looked, l.done = start, nil, 0, false
		few, many, err := l.lookUp(ctx, tx)
		if few || err != nil {
			return err
		}
		if err := keepOrder(ctx, tx); err != nil {
			return err
		}
		for !l.done && len(l.hits) < l.limit && l.looked < maxSearched {
			next := l.next
			if many && l.looked >= soonFull {
				next, many = l.nextFound, false
			}
			if err := next(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return h, fault.Wrap(err, "drive.Search")
	}
	h.Nodes = l.hits
	if !l.done {
		h.Next = writePlace(l.at)
	}
	return h, nil
}

// looking is a search that is under way.
type looking struct {
	driveID string
	in      Node
	want    string // folded
	limit   int
	at      searchPlace
	hits    []Node
	looked  int
	done    bool
	ways    map[string]*Node // that were read on the way up, with their paths in the searched folder; nil for what is not in it
}

// searchPlace is the node after which a search goes on.
type searchPlace struct {
	Name string `json:"k"` // its key
	ID   string `json:"i"`
}

const nextNames = `SELECT n.name_key, n.id FROM nodes n WHERE n.drive_id = $1 AND (n.name_key, n.id) > ($2, $3) ORDER BY n.name_key, n.id LIMIT `

// next looks at a batch of names.
func (l *looking) next(ctx context.Context, tx *sqldb.Tx) error {
	var found []searchPlace
	read, last := 0, l.at
	err := tx.Each(ctx, nextNames+strconv.Itoa(searchBatch), []any{l.driveID, l.at.Name, l.at.ID}, func(scan sqldb.Scan) error {
		if err := scan(&last.Name, &last.ID); err != nil {
			return err
		}
		read++
		if hasPart(last.Name, l.want) {
			found = append(found, last)
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.looked += read
	return l.take(ctx, tx, found, last, read < searchBatch)
}

// take follows found names up, in order, until there are enough hits. last is where the names end that were looked at, and whole that no others come behind.
func (l *looking) take(ctx context.Context, tx *sqldb.Tx, found []searchPlace, last searchPlace, whole bool) error {
	for len(found) > 0 {
		some := found[:min(len(found), max(climbBatch, l.limit-len(l.hits)))]
		found = found[len(some):]
		ids := make([]string, len(some))
		for i, f := range some {
			ids[i] = f.ID
		}
		if err := l.climb(ctx, tx, ids); err != nil {
			return err
		}
		for i, f := range some {
			n := l.way(f.ID)
			if n == nil || f.ID == l.in.ID {
				continue
			}
			if l.hits = append(l.hits, *n); len(l.hits) == l.limit {
				l.at, l.done = f, whole && len(found) == 0 && i == len(some)-1
				return nil
			}
		}
	}
	l.at, l.done = last, whole
	return nil
}

// climb reads nodes and those above them that were not read yet.
func (l *looking) climb(ctx context.Context, tx *sqldb.Tx, ids []string) error {
	for len(ids) > 0 {
		var above []string
		asked := map[string]bool{}
		err := eachByID(ctx, tx, `SELECT `+nodeColumns+` FROM nodes n WHERE n.id`, ids, func(scan sqldb.Scan) error {
			var row nodeRow
			if err := scan(row.dest()...); err != nil {
				return err
			}
			n := row.node(l.driveID, "")
			l.ways[n.ID] = &n
			if _, known := l.ways[n.ParentID]; !known && n.ParentID != "" && n.ID != l.in.ID && !asked[n.ParentID] {
				asked[n.ParentID] = true
				above = append(above, n.ParentID)
			}
			return nil
		})
		if err != nil {
			return err
		}
		ids = above
	}
	return nil
}

// way is a node that was read, with its path; nil if it is not below the folder that is searched: in another one, or in the trash.
func (l *looking) way(id string) *Node {
	n := l.ways[id]
	switch {
	case n == nil:
		return nil
	case id == l.in.ID:
		n.Path = l.in.Path
	case n.Path != "":
	default:
		above := l.way(n.ParentID)
		if above == nil {
			l.ways[id] = nil
			return nil
		}
		n.Path = above.Path.Join(n.Name)
	}
	return n
}

// hasPart reports whether a name holds a folded text.
func hasPart(name, want string) bool {
	if len(name) < len(want) && plain(name) {
		return false
	}
	return strings.Contains(fold(name), want)
}

// fold is what makes two texts the same to who searches.
func fold(s string) string {
	if plain(s) {
		return strings.ToLower(s)
	}
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
}

// plain reports whether s is ASCII, which folds by itself.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
