package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/moving"
)

func (p *program) exportCommand() *cobra.Command {
	var out moving.Out
	var user, manifest string
	r := &removal{p: p, verb: "written"}
	cmd := &cobra.Command{
		Use:   "export FOLDER",
		Short: "Write a drive into a plain folder, while servers run",
		Long: `Write a drive into a plain folder, while servers run.

Files and folders come with their names, bytes and times of last change. Each file is
compared with the SHA-256 on record before it takes its name, and the manifest beside
the folder says what there is. Trash, versions, links and properties stay behind.

Run again, it goes on: what is there with the same size and time is left alone, with
--verify only if its SHA-256 is right too. What is there and differs stays unless
--replace is said; nothing is ever removed, and no symbolic link is followed.

The exit code is 0 if all is there, 8 if content is damaged, 6 if some of it stayed
behind or the drive changed meanwhile, and 1 if something ended it before.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if user == "" {
				return usagef("--user: say whose drive")
			}
			if err := r.check(); err != nil {
				return err
			}
			if manifest == "" {
				manifest = moving.ManifestOf(args[0])
			}
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				u, err := in.accounts.UserByLogin(ctx, user)
				if err != nil {
					return err
				}
				out.Drives, out.Drive, out.User, out.AtOnce, out.Tell = in.drives, u.ID, u.Username, r.atOnce, r.tell
				sum, err := out.Run(ctx, args[0], manifest)
				if err == nil && !r.json {
					fmt.Fprintf(p.stdout, "%s says what is in %s.\n", manifest, args[0])
				}
				return r.end(sum, err)
			})
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "whose drive: `"+loginArg+"`")
	cmd.Flags().StringVar(&manifest, "manifest", "", "`FILE` for what was written (default: FOLDER.manifest.jsonl)")
	cmd.Flags().BoolVar(&out.Verify, "verify", false, "hash what is there already, too")
	cmd.Flags().BoolVar(&out.Replace, "replace", false, "replace files that are there and differ")
	r.flags(cmd)
	return cmd
}
