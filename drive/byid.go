package drive

import (
	"context"
	"strings"

	"github.com/satchelhq/satchel/sqldb"
)

// idBatch is how many ids one query takes.
const idBatch = 1000

// eachByID calls fn for every row of query, which ends with what has to be one of the ids. The rows come in no particular order. ids are
// spelled like ids.
func eachByID(ctx context.Context, q sqldb.Querier, query string, ids []string, fn func(scan sqldb.Scan) error) error {
	query += q.Engine().Among()
	return inBatches(ids, func(list string) error { return q.Each(ctx, query, []any{list}, fn) })
}

// execByID runs a statement that ends with what has to be one of the ids.
func execByID(ctx context.Context, q sqldb.Querier, statement string, ids []string) error {
	statement += q.Engine().Among()
	return inBatches(ids, func(list string) error {
		_, err := q.Exec(ctx, statement, list)
		return err
	})
}

func inBatches(ids []string, fn func(list string) error) error {
	for len(ids) > 0 {
		batch := ids[:min(idBatch, len(ids))]
		ids = ids[len(batch):]
		if err := fn(`["` + strings.Join(batch, `","`) + `"]`); err != nil {
			return err
		}
	}
	return nil
}
