package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) userResetFactorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reset-factor " + loginArg,
		Short: "Take every second factor off an account whose owner has lost them all",
		Long: "Removes the authenticator app, the passkeys and the recovery codes of an account: from then on its password alone opens it, also for programs.\n" +
			"Its sessions stay. Be sure that it is the owner who asks.",
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				if err := in.accounts.ResetFactor(ctx, args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(p.stdout, "%s has no second factor any more.\n", args[0])
				return err
			})
		},
	}
}
