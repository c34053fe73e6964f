package sqldbtest

import (
	"context"
	"database/sql"
)

// clean empties a database that a test is done with, so that another may have it: a tenth of the work of dropping it and copying a new one.
// It answers false for one that has to be dropped after all: its schema was changed, or it has grown large.
func (s *server) clean(ctx context.Context, name string) (ok bool, err error) {
	pool, err := sql.Open("postgres", s.of(name))
	if err != nil {
		return false, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if _, err := pool.ExecContext(ctx, empty); err != nil {
		return false, err
	}
	var schema string
	var size int64
	if err := pool.QueryRowContext(ctx, state).Scan(&schema, &size); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return schema == s.schema && size < 4<<20, nil
}

// empty deletes every row but the migrations'. The lock waits until whoever was thrown out has gone, and lets no row come after.
const empty = `
SET lock_timeout = '10s';
SET session_replication_role = replica; -- no foreign keys are looked at
DO $$
DECLARE tables text; one regclass;
BEGIN
	PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
	SELECT string_agg(oid::regclass::text, ', ') INTO tables FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace;
	EXECUTE 'LOCK TABLE ' || tables || ' IN ACCESS EXCLUSIVE MODE';
	FOR one IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'schema_steps' LOOP
		EXECUTE 'DELETE FROM ' || one;
	END LOOP;
END $$`

// state tells one schema from another, by the objects and the transactions that changed them last, which copies of a database have in common;
// and how large the tables are.
const state = `
SELECT md5(string_agg(what, ' ' ORDER BY what)), (SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace)
FROM (
	SELECT 'class ' || oid || ' ' || xmin FROM pg_class WHERE oid >= 16384
	UNION ALL SELECT 'column ' || attrelid || ' ' || attnum || ' ' || xmin FROM pg_attribute WHERE attrelid >= 16384
	UNION ALL SELECT 'constraint ' || oid || ' ' || xmin FROM pg_constraint WHERE oid >= 16384
	UNION ALL SELECT 'trigger ' || oid || ' ' || xmin FROM pg_trigger WHERE oid >= 16384
	UNION ALL SELECT 'function ' || oid || ' ' || xmin FROM pg_proc WHERE oid >= 16384
	UNION ALL SELECT 'rule ' || oid || ' ' || xmin FROM pg_rewrite WHERE oid >= 16384
	UNION ALL SELECT 'namespace ' || oid || ' ' || xmin FROM pg_namespace WHERE oid >= 16384
	UNION ALL SELECT 'step ' || number || ' ' || name || ' ' || xmin FROM schema_steps
) AS objects (what)`
