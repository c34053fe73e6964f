package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/drive"
)

func (p *program) fsckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fsck",
		Short: "Compare rows with each other and with the stored bytes, and say what is wrong",
		Long: `Compare rows with each other and with the stored bytes, and say what is wrong.

Nothing is changed. What a server that is running changes meanwhile may show up. The
contents of files are not read again: their sizes are compared, and what satchel scrub
has found is told.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				problems, err := in.drives.Check(ctx)
				for _, problem := range problems {
					fmt.Fprintln(p.stdout, problem)
				}
				if err == nil {
					err = in.drives.EachDamaged(ctx, func(d drive.Damaged) error {
						problems = append(problems, d.Blob)
						_, err := fmt.Fprintf(p.stdout, "blob %s: its content is damaged (%s), satchel scrub --known names the files\n", d.Blob, d.Found)
						return err
					})
				}
				if err == nil && len(problems) > 0 {
					err = fmt.Errorf("%d problems", len(problems))
				}
				if err == nil {
					fmt.Fprintln(p.stdout, "no problems")
				}
				return err
			})
		},
	}
}
