package drive

import (
	"context"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// Fields are what a listing reads of each child beside its name, path, kind, size and time of last change. Each costs about a tenth of
// the whole.
type Fields uint8

const (
	FieldID Fields = 1 << iota
	FieldCreated
	FieldMediaType
	FieldSHA256

	AllFields = FieldID | FieldCreated | FieldMediaType | FieldSHA256
)

// listPart is how many children are read at a time: some 300 KiB.
const listPart = 500

// maxMissed bounds how many names of a folder may come while it is listed.
const maxMissed = 10_000

// ListParts answers the node at path and, if it is a folder, its children sorted by name, a part at a time: fn is called at least once,
// and its slice is used again. No row, connection or snapshot is held while fn runs, so it may wait for a slow client.
//
// Every child that is there all the time is answered once, and none twice. What changes meanwhile may show as it was or as it
// is; where names came to a part that had been answered already, they follow at the end.
//
// NotFound, before fn was called; Busy, if the folder is removed for good meanwhile or changes too fast.
func (s *Drives) ListParts(ctx context.Context, driveID string, path Path, fields Fields, fn func(folder Node, part []Node) error) error {
	return fault.Wrap(s.listParts(ctx, driveID, path, fields, listPart, fn), "drive.ListParts")
}

func (s *Drives) listParts(ctx context.Context, driveID string, path Path, fields Fields, size int, fn func(folder Node, part []Node) error) error {
	folder, err := s.Stat(ctx, driveID, path)
	if err != nil {
		return err
	}
	if !folder.Folder {
		return fn(folder, nil)
	}
	l := &lister{s: s, folder: folder, fields: fields, size: size}
	l.dest = l.row.dest(fields)
	if err := l.each(ctx, func(part []Node) error { return fn(folder, part) }); err != nil {
		return err
	}
	if l.parts[0].sequence == l.parts[len(l.parts)-1].sequence {
		return nil
	}
	missed, err := l.missed(ctx)
	if err != nil || len(missed) == 0 {
		return err
	}
	return fn(folder, missed)
}

// lister reads the children of a folder.
type lister struct {
	s      *Drives
	folder Node
	fields Fields
	size   int
	parts  []listed

	row  childRow
	dest []any // the columns of row that are read
}

// listed is a part that was answered: the keys after the one before it, up to its own, as of a change.
type listed struct {
	upTo     string
	sequence int64
}

// each calls fn for every part. While fn has one, the next is read, and no more than that.
func (l *lister) each(ctx context.Context, fn func(part []Node) error) error {
	ctx, stop := context.WithCancel(ctx)
	read := make(chan error)
	defer func() {
		stop()
		for range read { // until it has ended
		}
	}()
	var parts [2][]Node // one is read into while fn has the other
	go func() {
		defer close(read)
		for i, more := 0, true; more; i++ {
			err := l.next(ctx, &parts[i%2])
			more = err == nil && len(parts[i%2]) == l.size
			select {
			case read <- err:
			case <-ctx.Done():
				return
			}
		}
	}()
	for i := 0; ; i++ {
		err, ok := <-read
		if !ok {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if err := fn(parts[i%2]); err != nil {
			return err
		}
	}
}

// next reads the next part, in a snapshot of its own.
func (l *lister) next(ctx context.Context, nodes *[]Node) error {
	after := ""
	if len(l.parts) > 0 {
		after = l.parts[len(l.parts)-1].upTo
	}
	part := listed{upTo: after}
	err := l.s.db.Read(ctx, func(tx *sqldb.Tx) (err error) {
		if err := keepOrder(ctx, tx); err != nil {
			return err
		}
		if part.sequence, err = l.sequence(ctx, tx); err != nil {
			return err
		}
		if *nodes = (*nodes)[:0]; cap(*nodes) == 0 {
			*nodes = make([]Node, 0, l.size)
		}
		return l.children(ctx, tx, nextPart(l.size), []any{l.folder.ID, after}, nodes)
	})
	if n := len(*nodes); err == nil && n > 0 {
		part.upTo = nameKey((*nodes)[n-1].Name)
	}
	l.parts = append(l.parts, part)
	return err
}

// nextPart is for the children after the key $2. With a parameter for the limit, SQLite would plan anew each time.
func nextPart(size int) string {
	return `n.name_key > $2 ORDER BY n.name_key LIMIT ` + strconv.Itoa(size)
}

// keepOrder makes Postgres read children by the index that has them in order. It plans for a folder of average size, so it would
// rather sort all of a large one anew for each part.
func keepOrder(ctx context.Context, q sqldb.Querier) error {
	if q.Engine() != sqldb.Postgres {
		return nil
	}
	var off string
	return q.Row(ctx, `SELECT set_config('enable_sort', 'off', TRUE)`, nil, &off) // until the transaction ends
}

// sequence is that of the drive's last change. A folder that is gone with all that was in it must not look empty.
func (l *lister) sequence(ctx context.Context, tx *sqldb.Tx) (sequence int64, err error) {
	err = tx.Row(ctx, `SELECT d.sequence FROM drives d JOIN nodes f ON f.id = $2 WHERE d.id = $1`, []any{l.folder.DriveID, l.folder.ID}, &sequence)
	if sqldb.NoRow(err) {
		err = fault.New(fault.Busy, "drive.ListParts", "The folder was removed while it was listed.")
	}
	return sequence, err
}

// missed answers the children whose names came to parts that had been answered already.
func (l *lister) missed(ctx context.Context) (nodes []Node, err error) {
	err = l.s.db.Read(ctx, func(tx *sqldb.Tx) error {
		if _, err := l.sequence(ctx, tx); err != nil {
			return err
		}
		came, err := l.came(ctx, tx)
		if err != nil {
			return err
		}
		for _, key := range came {
			if err := l.children(ctx, tx, `n.name_key = $2`, []any{l.folder.ID, key}, &nodes); err != nil {
				return err
			}
		}
		return nil
	})
	return nodes, err
}

// came answers the keys of names that were free when their part was read, and were taken since. The first change of a name after that
// tells which it was.
func (l *lister) came(ctx context.Context, tx *sqldb.Tx) (keys []string, err error) {
	seen := map[string]bool{}
	last := l.parts[0].sequence
	note := func(name string, sequence int64, free bool) {
		key := nameKey(name)
		if sequence <= l.readAt(key) || seen[key] {
			return
		}
		seen[key] = true
		if free {
			keys = append(keys, key)
		}
	}
	err = tx.Each(ctx, `SELECT sequence, path, from_id, from_name, parent_id FROM changes WHERE drive_id = $1 AND sequence > $2 ORDER BY sequence`,
		[]any{l.folder.DriveID, last}, func(scan sqldb.Scan) error {
			var sequence int64
			var path Path
			var from, to seat
			if err := scan(&sequence, (*string)(&path), &from.folder, &from.name, &to.folder); err != nil {
				return err
			}
			if last++; sequence != last || len(seen) > maxMissed {
				return fault.New(fault.Busy, "drive.ListParts", "The folder changes too fast to be listed.")
			}
			if from.folder == l.folder.ID {
				note(from.name, sequence, false)
			}
			if to.folder == l.folder.ID {
				note(path.Name(), sequence, true)
			}
			return nil
		})
	return keys, err
}

// readAt is the change as of which the part was read that a key belongs to.
func (l *lister) readAt(key string) int64 {
	for _, p := range l.parts {
		if key <= p.upTo {
			return p.sequence
		}
	}
	return l.parts[len(l.parts)-1].sequence
}

// childRow takes the columns of query.
type childRow struct {
	name, id, mediaType     string
	size, modified, created int64
	sha256                  []byte
}

func (r *childRow) dest(fields Fields) []any {
	dest := []any{&r.name, &r.size, &r.modified}
	if fields&FieldID != 0 {
		dest = append(dest, &r.id)
	}
	if fields&FieldCreated != 0 {
		dest = append(dest, &r.created)
	}
	if fields&FieldMediaType != 0 {
		dest = append(dest, &r.mediaType)
	}
	if fields&FieldSHA256 != 0 {
		dest = append(dest, &r.sha256)
	}
	return dest
}

// query is for the columns of children of the folder $1. A folder has a size of -1, which saves a column.
func (fields Fields) query(which string) string {
	columns := `n.name, CASE WHEN n.folder THEN -1 ELSE n.size END, n.modified_at`
	for _, f := range [...]struct {
		field  Fields
		column string
	}{{FieldID, "n.id"}, {FieldCreated, "n.created_at"}, {FieldMediaType, "n.media_type"}, {FieldSHA256, "n.sha256"}} {
		if fields&f.field != 0 {
			columns += ", " + f.column
		}
	}
	return `SELECT ` + columns + ` FROM nodes n WHERE n.parent_id = $1 AND ` + which
}

// children reads children of the folder, which is the first of args, with their paths.
func (l *lister) children(ctx context.Context, tx *sqldb.Tx, which string, args []any, nodes *[]Node) error {
	r, first := &l.row, len(*nodes)
	err := tx.Each(ctx, l.fields.query(which), args, func(scan sqldb.Scan) error {
		if err := scan(l.dest...); err != nil {
			return err
		}
		n := Node{
			ID: r.id, DriveID: l.folder.DriveID, ParentID: l.folder.ID, Name: r.name, Size: r.size, MediaType: r.mediaType,
			SHA256: r.sha256, Created: sqldb.Time(r.created), Modified: sqldb.Time(r.modified),
		}
		if n.Size < 0 {
			n.Folder, n.Size = true, 0
		}
		*nodes = append(*nodes, n)
		return nil
	})
	l.joinPaths((*nodes)[first:])
	return err
}

// joinPaths gives nodes their paths, all of them in one piece of memory.
func (l *lister) joinPaths(nodes []Node) {
	above := string(l.folder.Path)
	if l.folder.Path != Root {
		above += "/"
	}
	var b strings.Builder
	size := len(above) * len(nodes)
	for i := range nodes {
		size += len(nodes[i].Name)
	}
	b.Grow(size)
	for i := range nodes {
		b.WriteString(above)
		b.WriteString(nodes[i].Name)
	}
	all := b.String()
	for i := range nodes {
		n := len(above) + len(nodes[i].Name)
		nodes[i].Path = Path(all[:n])
		all = all[n:]
	}
}
