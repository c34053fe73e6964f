package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) userPasswdCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "passwd " + loginArg,
		Short: "Give an account another password and end its sessions",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := p.readPassword(cmd.Context())
			if err != nil {
				return err
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				if err := in.accounts.SetPassword(ctx, args[0], password); err != nil {
					return err
				}
				_, err := fmt.Fprintf(p.stdout, "%s has a new password and is signed out everywhere.\n", args[0])
				return err
			})
		},
	}
}
