package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func (p *program) keysCommand() *cobra.Command {
	return group("keys", "The keys that sign access tokens", p.keysListCommand(), p.keysRotateCommand())
}

func (p *program) keysListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keys, oldest first",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				keys, err := in.accounts.Keys(ctx)
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "ID\tCREATED\tSTATE")
				for _, k := range keys {
					state := "signs"
					if !k.Retired.IsZero() {
						state = "retired " + k.Retired.Format(time.RFC3339)
					}
					fmt.Fprintf(table, "%s\t%s\t%s\n", k.ID, k.Created.Format(time.RFC3339), state)
				}
				return table.Flush()
			})
		},
	}
}

func (p *program) keysRotateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "Sign with another key from now on",
		Long: `Sign with another key from now on.

The old one signs no more, and stays in /.well-known/jwks.json until the tokens that it
signed have ended, so nobody is signed out. Servers that run go over within a minute.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				key, err := in.accounts.RotateKeys(ctx)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.stdout, "Key %s signs from now on.\n", key.ID)
				return err
			})
		},
	}
}
