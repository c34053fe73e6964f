package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) userDeleteCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete " + loginArg,
		Short: "Delete an account with all its files",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				if err := p.confirmDelete(cmd.Context(), args[0]); err != nil {
					return err
				}
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				if err := in.accounts.DeleteUser(ctx, args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(p.stdout, "%s is deleted with all files. The next gc frees the space.\n", args[0])
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// confirmDelete has a person type the name again. A script says --yes.
func (p *program) confirmDelete(ctx context.Context, login string) error {
	if !isTerminal(p.stdin) {
		return usagef("user delete removes all files of %s: say --yes", login)
	}
	fmt.Fprintf(p.stderr, "This deletes %s with all files, versions and the trash.\nType the name again: ", login)
	typed, err := p.readLine(ctx, 1<<10)
	if err != nil {
		return err
	}
	if typed != login {
		return usagef("the names differ: nothing was deleted")
	}
	return nil
}
