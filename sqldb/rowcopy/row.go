package rowcopy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"unicode/utf8"

	"github.com/satchelhq/satchel/sqldb"
)

// cell is a value of a row, apart from the engine.
type cell struct {
	kind  kind
	null  bool
	whole int64  // of integer, and 0 or 1 of boolean
	bytes []byte // of text and octets
}

// Scan reads what an engine has in a column. SQLite keeps any type anywhere: what is not of the column's is an error, and so is text
// that Postgres takes nowhere, with a zero byte or no UTF-8. See [sql.Scanner].
func (c *cell) Scan(value any) error {
	c.null, c.whole, c.bytes = value == nil, 0, nil
	switch v := value.(type) {
	case nil:
		return nil
	case int64:
		if c.kind == integer || c.kind == boolean && (v == 0 || v == 1) {
			c.whole = v
			return nil
		}
	case bool:
		if c.kind == boolean {
			if v {
				c.whole = 1
			}
			return nil
		}
	case string:
		if c.kind == text {
			c.bytes = []byte(v)
			return c.storable()
		}
	case []byte:
		if c.kind == octets || c.kind == text {
			c.bytes = bytes.Clone(v)
			if c.bytes == nil {
				c.bytes = []byte{}
			}
			return c.storable()
		}
	}
	return fmt.Errorf("a value of type %T stands where %s should", value, c.kind)
}

func (c *cell) storable() error {
	if c.kind == text && (!utf8.Valid(c.bytes) || bytes.IndexByte(c.bytes, 0) >= 0) {
		return fmt.Errorf("the text %.60q has a zero byte or is not UTF-8", c.bytes)
	}
	return nil
}

// value is the cell as a statement takes it.
func (c *cell) value() any {
	switch {
	case c.null:
		return nil
	case c.kind == integer:
		return c.whole
	case c.kind == boolean:
		return c.whole == 1
	case c.kind == text:
		return string(c.bytes)
	}
	return c.bytes
}

// The first byte of a cell in a digest.
const (
	tagNull = iota
	tagNumber
	tagBytes
)

func (c *cell) addTo(h hash.Hash) {
	var head [9]byte
	switch {
	case c.null:
		h.Write(head[:1])
		return
	case c.kind == integer || c.kind == boolean:
		head[0] = tagNumber
		binary.BigEndian.PutUint64(head[1:], uint64(c.whole))
	default:
		head[0] = tagBytes
		binary.BigEndian.PutUint64(head[1:], uint64(len(c.bytes)))
	}
	h.Write(head[:])
	h.Write(c.bytes)
}

// content is what a table holds: so many rows, and their digest in order.
type content struct {
	rows   int64
	digest [sha256.Size]byte
}

// eachRow calls fn, if there is one, for all rows of a table in the order of its key, and answers what they are together. fn must not
// keep the cells.
func eachRow(ctx context.Context, q sqldb.Querier, t table, fn func(row []cell) error) (content, error) {
	row, dest := make([]cell, len(t.columns)), make([]any, len(t.columns))
	for i, c := range t.columns {
		row[i].kind, dest[i] = c.kind, &row[i]
	}
	var all content
	digest := sha256.New()
	err := q.Each(ctx, t.read(), nil, func(scan sqldb.Scan) error {
		if err := scan(dest...); err != nil {
			return fmt.Errorf("table %s, row %d in the order of its key (columns %s): %w", t.name, all.rows+1, t.names(t.columnNames()), err)
		}
		all.rows++
		for i := range row {
			row[i].addTo(digest)
		}
		if fn == nil {
			return nil
		}
		return fn(row)
	})
	digest.Sum(all.digest[:0])
	return all, err
}
