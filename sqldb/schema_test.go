package sqldb_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// The rules write their SQL once, so both engines must hold the same tables, columns, keys and indexes.
func TestMigrationsOfBothEnginesMatch(t *testing.T) {
	lite := describe(t, sqldbtest.OpenSQLite(t), sqliteSchema)
	post := describe(t, sqldbtest.OpenPostgres(t), postgresSchema)
	if len(lite) < 100 {
		t.Fatalf("the description of the schema has only %d lines:\n%s", len(lite), strings.Join(lite, "\n"))
	}
	for _, line := range lite {
		if !slices.Contains(post, line) {
			t.Errorf("only on SQLite:   %s", line)
		}
	}
	for _, line := range post {
		if !slices.Contains(lite, line) {
			t.Errorf("only on Postgres: %s", line)
		}
	}
}

// Text sorts by its bytes on both engines. SQLite does so by itself; Postgres must be told for each column.
func TestPostgresTextSortsByItsBytes(t *testing.T) {
	db := sqldbtest.OpenPostgres(t)
	rows := describe(t, db, `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND data_type = 'text' AND table_name <> 'schema_steps' AND collation_name IS DISTINCT FROM 'C'`)
	if len(rows) > 0 {
		t.Errorf("columns without COLLATE \"C\": %s", strings.Join(rows, ", "))
	}
}

func describe(t *testing.T, db *sqldb.DB, query string) []string {
	t.Helper()
	lines, err := sqldb.All(t.Context(), db, query, nil, func(scan sqldb.Scan) (string, error) {
		var line string
		err := scan(&line)
		return line, err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// Both queries describe a schema in the same words, one fact a line.
const sqliteSchema = `
SELECT 'column ' || t.name || '.' || c.name || ' '
    || CASE c.type WHEN 'INTEGER' THEN 'bigint' WHEN 'BLOB' THEN 'bytea' ELSE lower(c.type) END
    || CASE WHEN c."notnull" OR c.pk THEN ' not null' ELSE '' END
    || COALESCE(' default ' || lower(c.dflt_value), '')
FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'
UNION ALL
SELECT 'foreign key ' || t.name || '.' || f."from" || ' to ' || f."table" || '.' || f."to" || ' on delete ' || lower(f.on_delete)
FROM sqlite_master t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'
UNION ALL
SELECT CASE i.origin WHEN 'c' THEN 'index ' || i.name ELSE 'unique' END || ' on ' || t.name || ' ('
    || (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) || ')'
    || CASE WHEN i.origin = 'c' AND i."unique" THEN ' unique' ELSE '' END
FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> 'schema_steps'`

const postgresSchema = `
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type
    || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END
    || COALESCE(' default ' || lower(split_part(column_default, '::', 1)), '')
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'foreign key ' || f.conrelid::regclass || '.' || a.attname || ' to ' || f.confrelid::regclass || '.' || b.attname
    || ' on delete ' || CASE f.confdeltype WHEN 'c' THEN 'cascade' WHEN 'a' THEN 'no action' ELSE f.confdeltype::text END
FROM pg_constraint f
JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = f.confkey[1]
WHERE f.contype = 'f'
UNION ALL
SELECT CASE WHEN c.oid IS NULL THEN 'index ' || i.indexrelid::regclass ELSE 'unique' END || ' on ' || i.indrelid::regclass || ' ('
    || (SELECT string_agg(a.attname, ', ' ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum) || ')'
    || CASE WHEN c.oid IS NULL AND i.indisunique THEN ' unique' ELSE '' END
FROM pg_index i
LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
WHERE i.indrelid::regclass::text <> 'schema_steps'
  AND i.indexrelid::regclass::text <> 'nodes_grams' -- a kind that SQLite has not
  AND i.indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)`
