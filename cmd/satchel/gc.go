package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) gcCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "gc",
		Short: "Remove content that nothing refers to any more, as serve does every hour",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error {
				removed, err := in.drives.GC(ctx)
				fmt.Fprintf(p.stdout, "%d blobs and %d orphans removed, %d bytes freed\n", removed.Blobs, removed.Orphans, removed.Bytes)
				return err
			})
		},
	}
}
