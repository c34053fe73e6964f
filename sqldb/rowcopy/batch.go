package rowcopy

import (
	"context"
	"fmt"
	"strings"

	"github.com/satchelhq/satchel/sqldb"
)

const (
	maxRows  = 1000 // of a batch, which is a transaction
	maxBytes = 8 << 20
	rowBytes = 64 // what a row counts beside its bytes
)

// maxParameters is of a statement. Postgres takes 65,535, and waits for nothing between rows of one; SQLite takes 32,766, but
// a statement takes longer to prepare than many runs of it.
var maxParameters = map[sqldb.Engine]int{sqldb.SQLite: 500, sqldb.Postgres: 30_000}

// batch gathers rows and writes them together.
type batch struct {
	to         *sqldb.DB
	table      table
	statements []statement
	args       []any
	rows       int
	bytes      int
}

// statement adds so many rows.
type statement struct {
	rows int
	text string
}

func newBatch(to *sqldb.DB, t table) *batch {
	b := &batch{to: to, table: t}
	for n := max(1, min(maxRows, maxParameters[to.Engine()]/len(t.columns))); n > 0; n /= 8 {
		b.statements = append(b.statements, statement{n, t.insert(n)})
	}
	if b.statements[len(b.statements)-1].rows > 1 {
		b.statements = append(b.statements, statement{1, t.insert(1)})
	}
	return b
}

// insert is the statement that adds n rows.
func (t table) insert(n int) string {
	var s strings.Builder
	fmt.Fprintf(&s, "INSERT INTO %s (%s) VALUES ", quoted(t.name), t.names(t.columnNames()))
	for row := range n {
		if row > 0 {
			s.WriteString(", ")
		}
		s.WriteByte('(')
		for i := range t.columns {
			if i > 0 {
				s.WriteString(", ")
			}
			fmt.Fprintf(&s, "$%d", row*len(t.columns)+i+1)
		}
		s.WriteByte(')')
	}
	return s.String()
}

// add takes a row, and writes those that were gathered once they are enough.
func (b *batch) add(ctx context.Context, row []cell) error {
	for i := range row {
		b.args = append(b.args, row[i].value())
		b.bytes += len(row[i].bytes)
	}
	b.rows++
	b.bytes += rowBytes
	if b.rows < maxRows && b.bytes < maxBytes {
		return nil
	}
	return b.write(ctx)
}

// write writes what was gathered in one transaction.
func (b *batch) write(ctx context.Context) error {
	if b.rows == 0 {
		return nil
	}
	err := b.to.Update(ctx, func(tx *sqldb.Tx) error {
		left := b.args
		for _, s := range b.statements {
			for n := s.rows * len(b.table.columns); len(left) >= n; left = left[n:] {
				if _, err := tx.Exec(ctx, s.text, left[:n]...); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write to table %s: %w", b.table.name, err)
	}
	b.args, b.rows, b.bytes = b.args[:0], 0, 0
	return nil
}
