package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
)

func (p *program) userQuotaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "quota " + loginArg + " SIZE|none",
		Short: "Set how much an account's drive may hold, such as 10GiB",
		Args:  usageArgs(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			quota, err := parseQuota(args[1])
			if err != nil {
				return err
			}
			return p.changeUser(cmd, args[0], func(ctx context.Context, d authn.Administration, u authn.User) (string, error) {
				_, err := d.Change(ctx, u.ID, authn.UserChange{Quota: &quota})
				return "has the quota " + showQuota(quota), err
			})
		},
	}
}
