package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
)

func (p *program) userAppPasswordCommand() *cobra.Command {
	var made authn.NewAppPassword
	var folder string
	var days int
	cmd := &cobra.Command{
		Use:   "app-password " + loginArg,
		Short: "Make a password for one program or device of an account, and print it",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if days > 0 {
				made.Expires = time.Now().AddDate(0, 0, days)
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) (err error) {
				if made.Folder, err = folderID(ctx, in, args[0], folder); err != nil {
					return err
				}
				_, secret, err := in.accounts.CreateAppPasswordFor(ctx, args[0], made)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(p.stdout, secret)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&made.Name, "name", "", "what it is for: an app or a device")
	cmd.Flags().StringVar(&folder, "folder", "/", "the folder that is all it opens")
	cmd.Flags().BoolVar(&made.ReadOnly, "read-only", false, "for reading only")
	cmd.Flags().IntVar(&days, "days", 0, "until it expires; 0 is never")
	return cmd
}

// folderID is the id of a folder in the drive of an account; empty for all of the drive.
func folderID(ctx context.Context, in *rooms, login, folder string) (string, error) {
	path, err := drive.ParsePath(folder)
	if err != nil || path == drive.Root {
		return "", err
	}
	u, err := in.accounts.UserByLogin(ctx, login)
	if err != nil {
		return "", err
	}
	node, err := in.drives.Stat(ctx, u.ID, path)
	if err == nil && !node.Folder {
		err = fmt.Errorf("%s is a file, not a folder", folder)
	}
	return node.ID, err
}
