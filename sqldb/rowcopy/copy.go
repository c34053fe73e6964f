package rowcopy

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/satchelhq/satchel/sqldb"
)

// State is how far a table is.
type State string

// The states of a table.
const (
	Copying State = "copying" // told now and then
	Copied  State = "copied"  // and compared
	Kept    State = "kept"    // an earlier copy has brought it, and both sides are still the same
)

// Progress is what is told of a table.
type Progress struct {
	Table string
	Rows  int64 // that are there
	State State
	// Digest is a SHA-256 over the rows, the same whatever the engine; not of Copying.
	Digest [sha256.Size]byte
}

// tellRows is after how many rows of a table Copying is told.
const tellRows = 100_000

// Options is how a copy is made. The zero value moves a database.
type Options struct {
	// Online copies the source as it is at one moment, and lets others write to it meanwhile.
	Online bool
	// Without are tables that stay empty.
	Without []string
	// Apart are tables of which each database keeps its own rows, if it has any.
	Apart []string
	// Unfinished leaves the mark on the target, whose rows are whole and linked then, for Finish.
	Unfinished bool
}

// Copy fills the database to with all rows of from and compares each table by its number of rows and a digest over them. While it
// runs, and until it has come to its end, to is marked (see [Whole]). It only reads from, whose schema has to be this Satchel's; to may be
// empty, of the same schema without rows, or what an earlier Copy has left, whole or not: ErrNotEmpty otherwise. The caller has both databases to itself (see [Alone]), but for
// the source of an Online copy; to is opened [sqldb.Options].Unlinked. tell is called for each table.
func Copy(ctx context.Context, from, to *sqldb.DB, o Options, tell func(Progress)) error {
	if at, latest, err := from.Step(ctx); err != nil || at != latest {
		if err == nil {
			err = fmt.Errorf("the source's schema is at step %d and this Satchel's is %d: bring it up to date with satchel migrate, or use the Satchel that it is of", at, latest)
		}
		return err
	}
	if err := Whole(ctx, from); err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	all, err := tables(ctx, from)
	if err != nil {
		return err
	}
	if err := prepare(ctx, to, o.Apart); err != nil {
		if errors.Is(err, ErrNotEmpty) && !o.Online && !o.Unfinished {
			if same, broken := equal(ctx, from, to, all, tell); broken != nil || same {
				return broken // it was killed after its end
			}
		}
		return fmt.Errorf("the target: %w", err)
	}
	there, err := tables(ctx, to)
	if err == nil {
		err = sameTables(all, there)
	}
	if err != nil {
		return err
	}
	every := func(tx *sqldb.Tx) error { return copyTables(ctx, tx, to, all, o, tell) }
	if o.Online {
		err = from.Read(ctx, every)
	} else {
		err = still(ctx, from, all, every)
	}
	if err == nil {
		err = link(ctx, to)
	}
	if err == nil && !o.Unfinished {
		err = Finish(ctx, to)
	}
	return err
}

// equal reports whether a target that is not marked holds just what the source does.
func equal(ctx context.Context, from, to *sqldb.DB, all []table, tell func(Progress)) (same bool, err error) {
	there, err := tables(ctx, to)
	if err != nil || sameTables(all, there) != nil {
		return false, err
	}
	err = still(ctx, from, all, func(tx *sqldb.Tx) error {
		same = true
		for _, t := range all {
			target, err := eachRow(ctx, to, t, nil)
			if err != nil {
				return err
			}
			source, err := eachRow(ctx, tx, t, nil)
			if err != nil {
				return err
			}
			if same = source == target; !same {
				return nil
			}
			tell(Progress{t.name, source.rows, Kept, source.digest})
		}
		return nil
	})
	return same, err
}

func copyTables(ctx context.Context, from *sqldb.Tx, to *sqldb.DB, all []table, o Options, tell func(Progress)) error {
	whole, err := wholeTables(ctx, to)
	if err != nil {
		return err
	}
	for _, t := range all {
		if slices.Contains(o.Without, t.name) || slices.Contains(o.Apart, t.name) {
			continue
		}
		if err := copyTable(ctx, from, to, t, whole, tell); err != nil {
			return err
		}
	}
	return nil
}

// copyTable makes a table of the target what the source's is.
func copyTable(ctx context.Context, from *sqldb.Tx, to *sqldb.DB, t table, whole map[string]content, tell func(Progress)) error {
	if before, ok := whole[t.name]; ok {
		now, err := eachRow(ctx, from, t, nil)
		if err != nil {
			return err
		}
		there := before
		if now == before { // what was restored may have been settled since: then all begin anew, so that they agree
			there, err = eachRow(ctx, to, t, nil)
		}
		if err != nil {
			return err
		}
		if now == there {
			tell(Progress{t.name, now.rows, Kept, now.digest})
			return nil
		}
	}
	if err := empty(ctx, to, t); err != nil {
		return err
	}
	b := newBatch(to, t)
	var n int64
	source, err := eachRow(ctx, from, t, func(row []cell) error {
		if n++; n%tellRows == 0 {
			tell(Progress{Table: t.name, Rows: n, State: Copying})
		}
		return b.add(ctx, row)
	})
	if err == nil {
		err = b.write(ctx)
	}
	if err != nil {
		return err
	}
	target, err := eachRow(ctx, to, t, nil)
	if err != nil {
		return err
	}
	if target != source {
		return fmt.Errorf("table %s was not copied right: %d rows with digest %x became %d with %x", t.name, source.rows, source.digest, target.rows, target.digest)
	}
	if err := markWhole(ctx, to, t, source); err != nil {
		return err
	}
	tell(Progress{t.name, source.rows, Copied, source.digest})
	return nil
}
