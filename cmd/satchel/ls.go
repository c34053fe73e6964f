package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/fault"
)

// showSize is a number of bytes as people read it.
func showSize(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// listing is what ls was asked for.
type listing struct {
	long, recursive, human bool
	limit                  int
	told                   int
}

func (a *atPrompt) lsCommand() *cobra.Command {
	var l listing
	cmd := &cobra.Command{
		Use:   "ls [PATH...]",
		Short: "List files and folders of the drive",
		Long: `List files and folders of the drive, folders first and with a slash behind their names.

The long form has the size in bytes, the time of the last change, and the name.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if l.limit < 0 {
				return usagef("--limit %d: want 0 or more", l.limit)
			}
			if len(args) == 0 {
				args = []string{"/"}
			}
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				for _, path := range args {
					if err := a.list(ctx, c, client.Clean(path), &l); client.Away(err) || fault.Is(err, fault.Unauthenticated) {
						return err
					} else if err != nil {
						return about(path, err)
					}
				}
				return nil
			})
		},
		ValidArgsFunction: a.completePaths,
	}
	cmd.Flags().BoolVarP(&l.long, "long", "l", false, "with size and time")
	cmd.Flags().BoolVarP(&l.recursive, "recursive", "R", false, "with all that is in the folders, by their paths")
	cmd.Flags().BoolVar(&l.human, "human", false, "sizes as people read them")
	cmd.Flags().IntVar(&l.limit, "limit", 100_000, "at most this many lines; 0 is all")
	a.jsonFlag(cmd)
	return cmd
}

// errEnough ends a listing at its limit.
var errEnough = errors.New("that is all that was asked for")

func (a *atPrompt) list(ctx context.Context, c *client.Client, path string, l *listing) error {
	err := a.listFolder(ctx, c, path, l)
	code, _, _ := fault.Public(err)
	switch {
	case errors.Is(err, errEnough):
		_, err = fmt.Fprintf(a.stderr, "satchel: there is more: --limit %d ends the list here\n", l.limit)
		return err
	case err != nil && code == "is_file":
		n, err := c.Stat(ctx, path)
		if err != nil {
			return err
		}
		return a.listNode(n, l)
	}
	return err
}

func (a *atPrompt) listFolder(ctx context.Context, c *client.Client, path string, l *listing) error {
	for n, err := range c.Children(ctx, path) {
		if err != nil {
			return err
		}
		if l.limit > 0 && l.told >= l.limit {
			return errEnough
		}
		l.told++
		if err := a.listNode(n, l); err != nil {
			return err
		}
		if l.recursive && n.Folder {
			if err := a.listFolder(ctx, c, n.Path, l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *atPrompt) listNode(n client.Node, l *listing) (err error) {
	if a.json {
		return a.printJSON(n)
	}
	name := n.Name
	if l.recursive {
		name = n.Path
	}
	if name = terminal(name); n.Folder {
		name += "/"
	}
	if !l.long {
		_, err = fmt.Fprintln(a.stdout, name)
		return err
	}
	size := fmt.Sprint(n.Size)
	switch {
	case n.Folder:
		size = "-"
	case l.human:
		size = showSize(n.Size)
	}
	_, err = fmt.Fprintf(a.stdout, "%12s  %s  %s\n", size, n.Modified.Local().Format(time.DateTime), name)
	return err
}
