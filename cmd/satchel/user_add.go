package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
)

func (p *program) userAddCommand() *cobra.Command {
	var account authn.NewUser
	var role, quota string
	var admin, generate bool
	cmd := &cobra.Command{
		Use:   "add USERNAME",
		Short: "Make an account; the password is asked for, or read from a pipe",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			account.Username, account.Role = args[0], authn.Role(role)
			if admin {
				if cmd.Flags().Changed("role") && account.Role != authn.RoleAdmin {
					return usagef("--admin and --role %s do not go together", role)
				}
				account.Role = authn.RoleAdmin
			}
			if quota != "" {
				bytes, err := parseQuota(quota)
				if err != nil {
					return err
				}
				account.Quota = &bytes
			}
			if generate {
				account.Password = authn.MakePassword()
			} else if account.Password, err = p.readPassword(cmd.Context()); err != nil {
				return err
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				u, err := in.accounts.Administer(authn.Principal{}, authn.Client{}).CreateUser(ctx, account)
				if err != nil {
					return err
				}
				fmt.Fprintf(p.stdout, "%s (%s) has an account.\n", u.Username, u.Role)
				if generate {
					fmt.Fprintf(p.stdout, "The password is %s\n", account.Password)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&account.Email, "email", "", "e-mail `ADDRESS`")
	cmd.Flags().StringVar(&account.Phone, "phone", "", "phone `NUMBER`, such as +4930123456")
	cmd.Flags().StringVar(&role, "role", string(authn.RoleUser), "user or admin")
	cmd.Flags().BoolVar(&admin, "admin", false, "an administrator: the same as --role admin")
	cmd.Flags().StringVar(&quota, "quota", "", "`SIZE` that the drive may hold, such as 10GiB, or none (default: the setting quota)")
	cmd.Flags().BoolVar(&generate, "generate-password", false, "make up a password and print it, this once")
	return cmd
}
