package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
)

func (p *program) userAddCommand() *cobra.Command {
	var account authn.Registration
	var role string
	cmd := &cobra.Command{
		Use:   "add USERNAME",
		Short: "Make an account; the password is asked for, or read from a pipe",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			account.Username = args[0]
			if account.Password, err = p.readPassword(cmd.Context()); err != nil {
				return err
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				u, err := in.accounts.CreateUser(ctx, account, authn.Role(role))
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.stdout, "%s (%s) has an account.\n", u.Username, u.Role)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&account.Email, "email", "", "e-mail `ADDRESS`")
	cmd.Flags().StringVar(&account.Phone, "phone", "", "phone `NUMBER`, such as +4930123456")
	cmd.Flags().StringVar(&role, "role", string(authn.RoleUser), "user or admin")
	return cmd
}
