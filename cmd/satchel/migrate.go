package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/rowcopy"
)

func (p *program) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date, as serve does at its start",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			db, err := sqldb.Open(cmd.Context(), c.Database, sqldb.Options{})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			if err := rowcopy.Whole(cmd.Context(), db); err != nil {
				return err
			}
			ran, err := db.Migrate(cmd.Context())
			for _, step := range ran {
				fmt.Fprintln(p.stdout, step)
			}
			if err == nil && len(ran) == 0 {
				fmt.Fprintln(p.stdout, "The schema is up to date.")
			}
			return err
		},
	}
}
