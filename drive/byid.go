package drive

import (
	"context"
	"strings"

	"github.com/satchelhq/satchel/sqldb"
)

// idBatch is how many ids one query takes.
const idBatch = 1000

// eachByID calls fn for every row of query, which ends in front of the ids that it is about. The rows come in no particular order. ids are
// spelled like ids.
func eachByID(ctx context.Context, q sqldb.Querier, query string, ids []string, fn func(scan sqldb.Scan) error) error {
	// One parameter for all, so that there is one text whatever their number.
	list := `(SELECT value FROM json_each($1))`
	if q.Engine() == sqldb.Postgres {
		list = `(SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))`
	}
	for len(ids) > 0 {
		batch := ids[:min(idBatch, len(ids))]
		ids = ids[len(batch):]
		if err := q.Each(ctx, query+list, []any{`["` + strings.Join(batch, `","`) + `"]`}, fn); err != nil {
			return err
		}
	}
	return nil
}
