package main

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/fault"
)

// each does something to each of several paths, tells what failed, and goes on.
func (a *atPrompt) each(ctx context.Context, paths []string, do func(path string) error) error {
	failed := 0
	for _, p := range paths {
		err := do(p)
		if err == nil {
			continue
		}
		if ctx.Err() != nil || client.Away(err) || fault.Is(err, fault.Unauthenticated) {
			return err
		}
		if len(paths) == 1 {
			return about(p, err)
		}
		failed++
		fmt.Fprintf(a.stderr, "satchel: %s: %s\n", terminal(p), sentence(err))
	}
	if failed > 0 {
		return errSome
	}
	return nil
}

func (a *atPrompt) mkdirCommand() *cobra.Command {
	var parents bool
	cmd := &cobra.Command{
		Use:   "mkdir PATH...",
		Short: "Make folders",
		Args:  usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				return a.each(ctx, args, func(p string) error {
					if parents {
						return c.MkdirAll(ctx, p)
					}
					return c.Mkdir(ctx, p)
				})
			})
		},
		ValidArgsFunction: a.completePaths,
	}
	cmd.Flags().BoolVarP(&parents, "parents", "p", false, "with those above it; one that is there is no error")
	return cmd
}

func (a *atPrompt) rmCommand() *cobra.Command {
	var folders bool
	cmd := &cobra.Command{
		Use:   "rm PATH...",
		Short: "Move files and folders to the trash",
		Args:  usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				return a.each(ctx, args, func(p string) error {
					n, err := c.Stat(ctx, p)
					if err != nil {
						return err
					}
					if n.Folder && !folders {
						return fault.New(fault.Invalid, "rm", n.Path+" is a folder: say --recursive.").WithCode("is_folder")
					}
					return c.Remove(ctx, p)
				})
			})
		},
		ValidArgsFunction: a.completePaths,
	}
	cmd.Flags().BoolVarP(&folders, "recursive", "r", false, "folders with all in them")
	return cmd
}

func (a *atPrompt) mvCommand() *cobra.Command {
	return a.transferCommand("mv", "Move or rename files and folders", (*client.Client).Move)
}

func (a *atPrompt) cpCommand() *cobra.Command {
	return a.transferCommand("cp", "Copy files and folders, on the server", (*client.Client).Copy)
}

func (a *atPrompt) transferCommand(verb, short string, do func(c *client.Client, ctx context.Context, from, to string, overwrite bool) error) *cobra.Command {
	var overwrite bool
	cmd := &cobra.Command{
		Use:   verb + " FROM... TO",
		Short: short,
		Long:  short + ".\n\nTO is the new path, or the folder that they go into if it is there or has a slash at its end.",
		Args:  usageArgs(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, to := args[:len(args)-1], args[len(args)-1]
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				into, err := a.isFolder(ctx, c, to, len(from) > 1)
				if err != nil {
					return err
				}
				return a.each(ctx, from, func(p string) error {
					target := to
					if into {
						target = path.Join(client.Clean(to), path.Base(client.Clean(p)))
					}
					return do(c, ctx, p, target, overwrite)
				})
			})
		},
		ValidArgsFunction: a.completePaths,
	}
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "what is in the way goes to the trash")
	return cmd
}

// isFolder reports whether a target is a folder that things go into. It must be one if several do, or a slash is at its end.
func (a *atPrompt) isFolder(ctx context.Context, c *client.Client, target string, must bool) (bool, error) {
	must = must || strings.HasSuffix(target, "/")
	if client.Clean(target) == "/" {
		return true, nil
	}
	n, err := c.Stat(ctx, target)
	switch {
	case err == nil && (n.Folder || !must):
		return n.Folder, nil
	case err == nil:
		return false, fault.New(fault.Exists, "isFolder", n.Path+" is a file.").WithCode("is_file")
	case !must && fault.Is(err, fault.NotFound):
		return false, nil
	}
	return false, err
}
