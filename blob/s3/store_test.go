package s3_test

import (
	"testing"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/blob/blobtest"
	"github.com/satchelhq/satchel/blob/s3"
	"github.com/satchelhq/satchel/blob/s3/ledger"
	"github.com/satchelhq/satchel/blob/s3/s3test"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func options(endpoint, prefix string) s3.Options {
	return s3.Options{Bucket: s3test.Bucket, Prefix: prefix, Endpoint: endpoint, Region: s3test.Region, PathStyle: true,
		AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey, PartSize: 5 << 20}
}

func open(t *testing.T, db *sqldb.DB, o s3.Options) *s3.Store {
	t.Helper()
	s, err := s3.Open(t.Context(), ledger.New(db), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// servers are what the store is tested against.
func servers() map[string]func(testing.TB) *s3test.Server {
	return map[string]func(testing.TB) *s3test.Server{"versitygw": s3test.Start, "MinIO": s3test.StartMinIO}
}

// The contract holds against two servers that share no code.
func TestContract(t *testing.T) {
	for name, start := range servers() {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			blobtest.Run(t, func(t *testing.T) blobtest.Harness {
				db := sqldbtest.OpenSQLite(t)
				again := func(t *testing.T) blob.Store { return open(t, db, options(server.Endpoint, t.Name())) }
				return blobtest.Harness{Store: again(t), Reopen: again}
			})
		})
	}
}
