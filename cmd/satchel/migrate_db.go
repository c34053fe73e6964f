package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/rowcopy"
)

func (p *program) migrateDBCommand() *cobra.Command {
	var from, to string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "migrate-db --to URL",
		Short: "Copy all rows into another database, such as from SQLite to Postgres",
		Long: `Copy all rows into another database, such as from SQLite to Postgres, or back.

Stop every server of both databases first. The target has to be empty; nobody can
serve it until the copy is whole. Each table is compared after it was copied. What
was interrupted goes on when the same command is given again. The source stays as it
is, and so does the content of files, which is not in the database.

A password need not stand on the command line: PGPASSWORD and ~/.pgpass are read.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			if from == "" {
				from = c.Database
			}
			if to == "" {
				return usagef("--to: want the database to fill, such as postgres://satchel@db.example.org/satchel")
			}
			return p.migrateDB(cmd.Context(), asDatabase(from), asDatabase(to), asJSON)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the database to copy, a `URL` or the path of a SQLite file (default: that of the settings)")
	cmd.Flags().StringVar(&to, "to", "", "the database to fill, a `URL` or the path of a SQLite file")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// asDatabase is the URL of a database that may be named by its file.
func asDatabase(name string) string {
	for _, scheme := range []string{"sqlite:", "postgres:", "postgresql:"} {
		if strings.HasPrefix(name, scheme) {
			return name
		}
	}
	return "sqlite:" + name
}

func (p *program) migrateDB(ctx context.Context, from, to string, asJSON bool) (err error) {
	if file, ok := strings.CutPrefix(from, "sqlite:"); ok { // opening it would make it
		if _, err := os.Stat(strings.TrimPrefix(file, "//")); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	source, err := openAlone(ctx, from, sqldb.Options{})
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := openAlone(ctx, to, sqldb.Options{Unlinked: true})
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()

	var rows, count int64
	err = rowcopy.Copy(ctx, source, target, rowcopy.Options{}, func(t rowcopy.Progress) {
		if t.State != rowcopy.Copying {
			rows, count = rows+t.Rows, count+1
		}
		p.tellTable(t, asJSON)
	})
	if errors.Is(err, rowcopy.ErrNotEmpty) {
		return fmt.Errorf("%w. Want a new database, or one that an interrupted migrate-db has begun to fill", err)
	}
	if err != nil || asJSON {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, `%d rows in %d tables are copied and compared.
Serve them with database = %q, and leave data and blobs as they are: content stays where it is.
The database %s is as it was. Do not serve it any more.
`, rows, count, sqldb.Redacted(to), sqldb.Redacted(from))
	return err
}

func (p *program) tellTable(t rowcopy.Progress, asJSON bool) {
	if asJSON {
		_ = json.NewEncoder(p.stdout).Encode(map[string]any{"table": t.Table, "rows": t.Rows, "state": t.State}) // the copy is worth more than its progress
		return
	}
	fmt.Fprintf(p.stdout, "%-20s %10d rows %s\n", t.Table, t.Rows, t.State)
}

// openAlone opens a database that nobody else uses.
func openAlone(ctx context.Context, location string, o sqldb.Options) (*sqldb.DB, error) {
	o.Exclusive, o.MaxConns = true, 1
	db, err := sqldb.Open(ctx, location, o)
	if err != nil {
		return nil, err
	}
	if err := rowcopy.Alone(ctx, db); err != nil {
		if errors.Is(err, rowcopy.ErrInUse) {
			err = fmt.Errorf("%w. Stop every server on it: what they write would be missing in the copy, or in its way", err)
		}
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
