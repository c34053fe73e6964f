package drive

import (
	"context"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/sqldb"
)

// idBatches are how many ids a query takes: there is a text for each. The list is filled up with what is in it already.
var idBatches = [...]int{1, 16, 256}

// eachByID calls fn for every row of query, which ends in front of a list of ids, in no particular order.
func eachByID(ctx context.Context, q sqldb.Querier, query string, ids []string, fn func(scan sqldb.Scan) error) error {
	for len(ids) > 0 {
		size := idBatches[0]
		for _, n := range idBatches {
			if size < len(ids) {
				size = n
			}
		}
		batch := ids[:min(size, len(ids))]
		ids = ids[len(batch):]
		args := make([]any, size)
		for i := range args {
			args[i] = batch[min(i, len(batch)-1)]
		}
		if err := q.Each(ctx, query+parameters(size), args, fn); err != nil {
			return err
		}
	}
	return nil
}

// parameters is "($1, $2, …)".
func parameters(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		b.WriteString(", $")
		b.WriteString(strconv.Itoa(i))
	}
	return "(" + b.String()[2:] + ")"
}
