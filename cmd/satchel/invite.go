package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/config"
)

func (p *program) inviteCommand() *cobra.Command {
	return group("invite", "Invitations to make an account",
		p.inviteCreateCommand(), p.inviteListCommand(), p.inviteRevokeCommand())
}

func (p *program) inviteCreateCommand() *cobra.Command {
	var n authn.NewInvitation
	var days int
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make an invitation and print its link, which is shown this once",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			if days < 1 || days > int(authn.MaxInvitationLife/(24*time.Hour)) {
				return usagef("--days %d: want a number from 1 to %d", days, int(authn.MaxInvitationLife/(24*time.Hour)))
			}
			n.Life = time.Duration(days) * 24 * time.Hour
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				i, code, err := in.accounts.Administer(authn.Principal{}, authn.Client{}).Invite(ctx, n)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.stdout, "%s/register?invitation=%s\n%s makes up to %d accounts until %s.\n", base(c), code, i.ID, i.Uses, i.Expires.Format(time.RFC3339))
				return err
			})
		},
	}
	cmd.Flags().IntVar(&n.Uses, "uses", 1, "`NUMBER` of accounts that it makes")
	cmd.Flags().IntVar(&days, "days", 7, "`NUMBER` of days that it is good for")
	cmd.Flags().StringVar(&n.Note, "note", "", "what it is for, for the list")
	return cmd
}

// base is the scheme and host of links.
func base(c *config.Config) string {
	if c.PublicURL != nil {
		return c.PublicURL.String()
	}
	return "http://" + reachable(c.Listen)
}

func (p *program) inviteListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the invitations, newest first",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				all, err := in.accounts.Invitations(ctx)
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "ID\tUSED\tOF\tEXPIRES\tNOTE")
				for _, i := range all {
					fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%q\n", i.ID, i.Used, i.Uses, i.Expires.Format(time.RFC3339), i.Note)
				}
				return table.Flush()
			})
		},
	}
}

func (p *program) inviteRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "End an invitation; accounts that it made stay",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				if err := in.accounts.Administer(authn.Principal{}, authn.Client{}).RevokeInvitation(ctx, args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(p.stdout, "%s is revoked.\n", args[0])
				return err
			})
		},
	}
}
