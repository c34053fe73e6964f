package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/client"
	"github.com/satchelhq/satchel/fault"
)

// putOptions are how files are sent.
type putOptions struct {
	conflict client.Conflict
	sync     bool
	mirror   bool // what is there and not here goes to the trash
	empty    bool // even if nothing is here
	dry      bool
	follow   bool
	resume   *client.Upload
}

func (a *atPrompt) putCommand() *cobra.Command {
	var o putOptions
	var conflict string
	var jobs int
	cmd := &cobra.Command{
		Use:   "put LOCAL... PATH",
		Short: "Send files and folders to the drive; run again, it goes on where it stopped",
		Long: `Send files and folders to the drive.

A file takes PATH as its name, or goes into the folder PATH if that is there or has a slash at its end. A folder goes
into PATH under its own name, and with a slash behind it (Photos/) what is in it does. Folders that are missing are made.

Run again, on this machine or another with the same files, it sends what is missing and nothing twice. Files are told
from each other by their SHA-256, so one that was changed meanwhile is sent anew, and one whose content the drive has
is not sent at all. What a file held before is kept as its version.

With --sync --delete what is in the folder there and not in LOCAL goes to the trash, after all else was sent and only if
nothing failed. If LOCAL holds no file, nothing is sent and nothing removed: it may be a disk that is not mounted.

With - as LOCAL the input becomes the file PATH, of any length, once it has ended. A command in front that fails ends it
too. An input cannot be read again: if this one breaks off, the drive has nothing of it, and the whole line is run anew.`,
		Example: `  satchel put Photos film.bin /
  pg_dump shop | gzip | satchel put - /backups/shop.sql.gz`,
		Args: usageArgs(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch o.conflict = client.Conflict(conflict); {
			case o.conflict != client.Replace && o.conflict != client.Rename && o.conflict != client.Fail:
				return usagef("--conflict %q: want replace, rename or fail", conflict)
			case (o.mirror || o.dry) && !o.sync:
				return usagef("--delete and --dry-run go with --sync")
			case o.empty && !o.mirror:
				return usagef("--allow-empty goes with --delete")
			case o.mirror && len(args) > 2:
				return usagef("--delete takes one folder: what is not in it goes to the trash")
			case o.sync && o.conflict != client.Replace:
				return usagef("--sync and --conflict %s do not go together", conflict)
			}
			if slices.Contains(args[:len(args)-1], "-") {
				return a.putInput(cmd, args, o)
			}
			a.dry = o.dry
			return a.transfer(cmd, jobs, func(ctx context.Context, c *client.Client, m *mover) error {
				return m.putAll(ctx, args[:len(args)-1], args[len(args)-1], o)
			})
		},
		ValidArgsFunction: a.completeLocalThenRemote,
	}
	cmd.Flags().StringVar(&conflict, "conflict", string(client.Replace), "what happens if a name is taken: replace, rename or fail")
	cmd.Flags().BoolVar(&o.sync, "sync", false, "look first what is there, by size and SHA-256, and send only what differs")
	cmd.Flags().BoolVar(&o.mirror, "delete", false, "with --sync: what is there and not here goes to the trash, if all else went well")
	cmd.Flags().BoolVar(&o.empty, "allow-empty", false, "with --delete: even if there is no file here")
	cmd.Flags().BoolVarP(&o.dry, "dry-run", "n", false, "with --sync: only list what would be sent and what would go to the trash")
	cmd.Flags().BoolVar(&o.follow, "follow", false, "follow symbolic links in folders, which are left out otherwise")
	cmd.Flags().IntVarP(&jobs, "jobs", "j", 4, "files that are sent at once, at most 16")
	a.transferFlags(cmd)
	return cmd
}

// putInput sends the input.
func (a *atPrompt) putInput(cmd *cobra.Command, args []string, o putOptions) error {
	if len(args) > 2 || o.sync {
		return usagef("- is the input, which goes alone: satchel put - PATH (a file that is called so is ./-)")
	}
	to := args[1]
	return a.transfer(cmd, 1, func(ctx context.Context, c *client.Client, m *mover) error {
		m.once = true
		into := strings.HasSuffix(to, "/") || client.Clean(to) == "/"
		if !into {
			n, err := c.Stat(ctx, to)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			into = err == nil && n.Folder
		}
		if into {
			return usagef("%s is a folder, and the input has no name: say what the file is to be called there", to)
		}
		m.run("-", unknownSize, func(ctx context.Context, observe func(client.Moment)) (client.Done, error) {
			return c.Pour(ctx, client.Pour{From: a.stdin, To: to, Conflict: o.conflict, Observe: observe})
		}, func() {})
		return nil
	})
}

// putAll sends what was named. Only what ends all of it is an error.
func (m *mover) putAll(ctx context.Context, local []string, to string, o putOptions) error {
	into := len(local) > 1 || strings.HasSuffix(to, "/") || client.Clean(to) == "/"
	if !into {
		n, err := m.c.Stat(ctx, to)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		into = err == nil && n.Folder
	}
	for _, name := range local {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			m.refuse(name, err)
		case info.IsDir():
			err = m.putFolder(ctx, name, to, o)
		case o.mirror:
			return usagef("--delete takes a folder, and %s is a file", name)
		default:
			target := to
			if into {
				target = path.Join(client.Clean(to), nameOf(name))
			}
			err = m.putFile(ctx, client.Found{Local: name, To: target, Info: info, Followed: true}, o)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// nameOf is what a file or folder here is called on the drive.
func nameOf(local string) string {
	if whole, err := filepath.Abs(local); err == nil {
		local = whole // of ".", say
	}
	name := filepath.Base(local)
	if runtime.GOOS == "darwin" { // takes names apart (NFD), which nobody else does
		name = norm.NFC.String(name)
	}
	return name
}

func (m *mover) putFolder(ctx context.Context, local, to string, o putOptions) error {
	target := client.Clean(to)
	if !os.IsPathSeparator(local[len(local)-1]) {
		target = path.Join(target, nameOf(local))
	}
	if o.mirror {
		return m.mirrorFolder(ctx, local, target, o)
	}
	return m.walkFolder(ctx, client.LocalTree{Root: local, To: target, Follow: o.follow, Look: o.sync}, o)
}

func (m *mover) walkFolder(ctx context.Context, tree client.LocalTree, o putOptions) error {
	var failing error
	err := m.c.Walk(ctx, tree, func(f client.Found) bool {
		switch {
		case f.Err != nil:
			m.refuse(f.Local, f.Err)
		case f.Info.IsDir():
			failing = m.putEmptyFolder(ctx, f, o)
		default:
			failing = m.putFile(ctx, f, o)
		}
		return failing == nil
	})
	return errors.Join(err, failing)
}

// putEmptyFolder makes a folder that no file makes.
func (m *mover) putEmptyFolder(ctx context.Context, f client.Found, o putOptions) error {
	if f.There != nil && f.There.Folder {
		return nil
	}
	if o.dry {
		m.look.listed(client.Would, f.Local+"/")
		return nil
	}
	err := m.c.MkdirAll(ctx, f.To)
	if err == nil || client.Away(err) || fault.Is(err, fault.Unauthenticated) {
		return err
	}
	m.refuse(f.Local, err)
	return nil
}

// putFile sends a file when there is a turn.
func (m *mover) putFile(ctx context.Context, f client.Found, o putOptions) error {
	if !f.Info.Mode().IsRegular() {
		m.refuse(f.Local, fault.New(fault.Invalid, "put", "It is neither a file nor a folder.").WithCode("special_file"))
		return nil
	}
	return m.put(ctx, f, o)
}

func (m *mover) put(ctx context.Context, f client.Found, o putOptions) error {
	if !o.sync {
		f.There = nil
	}
	m.run(f.Local, f.Info.Size(), func(ctx context.Context, observe func(client.Moment)) (client.Done, error) {
		p := client.Put{Open: f.Open, To: f.To, Conflict: o.conflict, There: f.There, Resume: o.resume, Observe: observe}
		if o.dry {
			return p.Would(ctx)
		}
		return m.c.Put(ctx, p)
	}, func() {})
	return ctx.Err()
}
