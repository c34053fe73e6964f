package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/fault"
)

func (a *atPrompt) getCommand() *cobra.Command {
	var overwrite bool
	var jobs int
	cmd := &cobra.Command{
		Use:   "get PATH... [LOCAL]",
		Short: "Fetch files and folders from the drive; run again, it goes on where it stopped",
		Long: `Fetch files and folders from the drive, into the folder where you are unless LOCAL says otherwise.

A file takes LOCAL as its name, or goes into the folder LOCAL if that is there or has a slash at its end; - is the
output, of which the bytes are good if the exit code is 0. A folder goes into LOCAL under its own name, and with a slash behind it (/Photos/) what is in it does.

A file takes its name when all of it has come and has the SHA-256 on record; until then .satchel-….part has what came,
with which the same command goes on. What is here already and the same is left alone; what differs stays, unless
--overwrite says otherwise.`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			local := "."
			if len(args) > 1 {
				args, local = args[:len(args)-1], args[len(args)-1]
			}
			if local == "-" {
				return a.patiently(cmd, a.patience, func(ctx context.Context, c *client.Client) error { return a.print(ctx, c, args) })
			}
			return a.transfer(cmd, jobs, func(ctx context.Context, c *client.Client, m *mover) error {
				return m.getAll(ctx, args, local, overwrite)
			})
		},
		ValidArgsFunction: a.completeRemoteThenLocal,
	}
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace files that are here and differ")
	cmd.Flags().IntVarP(&jobs, "jobs", "j", 4, "files that are fetched at once, at most 16")
	a.transferFlags(cmd)
	return cmd
}

// print writes files to the output, one behind the other.
func (a *atPrompt) print(ctx context.Context, c *client.Client, paths []string) error {
	for _, p := range paths {
		n, err := c.Stat(ctx, p)
		if err != nil {
			return err
		}
		if n.Folder {
			return fault.New(fault.Invalid, "get", n.Path+" is a folder.").WithCode("is_folder")
		}
		if err := c.Print(ctx, n, a.stdout); err != nil {
			return err
		}
	}
	return nil
}

// getAll fetches what was named. Only what ends all of it is an error.
func (m *mover) getAll(ctx context.Context, paths []string, local string, overwrite bool) error {
	info, err := os.Stat(local)
	into := err == nil && info.IsDir()
	if !into && (len(paths) > 1 || os.IsPathSeparator(local[len(local)-1])) {
		if err := os.MkdirAll(local, 0o777); err != nil {
			return err
		}
		into = true
	}
	for _, p := range paths {
		n, err := m.c.Stat(ctx, p)
		switch {
		case err == nil && n.Folder:
			err = m.getFolder(ctx, n, local, strings.HasSuffix(p, "/"), overwrite)
		case err == nil:
			folder, name := filepath.Split(local)
			if into {
				folder, name = local, path.Base(n.Path)
			}
			err = m.getFile(n, folder, name, overwrite)
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil || client.Away(err) || fault.Is(err, fault.Unauthenticated) {
			return err
		}
		m.refuse(p, err)
	}
	return nil
}

func (m *mover) getFile(n client.Node, folder, name string, overwrite bool) error {
	if folder == "" {
		folder = "."
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	if err := client.NameHere(name); err != nil {
		return errors.Join(err, root.Close())
	}
	m.get(client.Fetched{Node: n, Local: filepath.Join(folder, name), Into: root}, name, overwrite, func() { _ = root.Close() })
	return nil
}

func (m *mover) getFolder(ctx context.Context, n client.Node, local string, contents, overwrite bool) error {
	target := local
	if name := path.Base(n.Path); !contents && name != "/" {
		if err := client.NameHere(name); err != nil {
			return err
		}
		target = filepath.Join(local, name)
	}
	if err := os.MkdirAll(target, 0o777); err != nil {
		if info, looking := os.Stat(target); looking != nil || !info.IsDir() || !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return err
	}
	return m.c.Fetch(ctx, n.Path, root, func(f client.Fetched) bool {
		if f.Err != nil {
			m.refuse(f.Local, f.Err)
			f.Release()
			return true
		}
		return m.get(f, f.Node.Name, overwrite, f.Release)
	})
}

func (m *mover) get(f client.Fetched, name string, overwrite bool, release func()) bool {
	return m.run(f.Local, f.Node.Size, func(ctx context.Context, observe func(client.Moment)) (client.Done, error) {
		return m.c.Get(ctx, client.Get{From: f.Node, Into: f.Into, Name: name, Overwrite: overwrite, Observe: observe})
	}, release)
}
