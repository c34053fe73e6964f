package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) userDisableCommand() *cobra.Command {
	return p.setDisabledCommand("disable", "Keep an account from signing in, at once; its files stay", true, "cannot sign in any more")
}

func (p *program) userEnableCommand() *cobra.Command {
	return p.setDisabledCommand("enable", "Let a disabled account in again", false, "can sign in")
}

func (p *program) setDisabledCommand(verb, short string, disabled bool, done string) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " " + loginArg,
		Short: short,
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				if err := in.accounts.SetDisabled(ctx, args[0], disabled); err != nil {
					return err
				}
				_, err := fmt.Fprintf(p.stdout, "%s %s.\n", args[0], done)
				return err
			})
		},
	}
}
