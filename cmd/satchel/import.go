package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/satchelhq/satchel/config"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/hooks"
	"github.com/satchelhq/satchel/moving"
	"github.com/satchelhq/satchel/moving/filebrowser"
	"github.com/satchelhq/satchel/moving/sftpgo"
	"github.com/satchelhq/satchel/moving/tusd"
)

// importing is what is asked of import.
type importing struct {
	told                     *removal
	in                       moving.In
	user, to, from, manifest string
	existing                 bool
	only, at                 []string
}

// Where --from says that something comes from.
const (
	fromTusd        = "tusd"
	fromFileBrowser = "filebrowser"
	fromSFTPGo      = "sftpgo"
)

func (p *program) importCommand() *cobra.Command {
	i := &importing{told: &removal{p: p, verb: "imported"}}
	cmd := &cobra.Command{
		Use:   "import FOLDER|FILE",
		Short: "Take a plain folder into a drive, or what another server has, while servers run",
		Long: `Take a plain folder into a drive, or what another server has, while servers run.

  satchel import --user ann FOLDER              what is in a folder, into ann's drive
  satchel import --user ann --from tusd FOLDER  finished uploads of tusd's filestore
  satchel import --from filebrowser FILE        users of File Browser's database, with their files
  satchel import --from sftpgo FILE             users of SFTPGo's dump (dumpdata), with their files

Times of last change are kept, and the bytes are compared by SHA-256 with what the store
gives back, and with the manifest of an export if one is given. Symbolic links, sockets,
pipes and devices stay. Rules for names and sizes, quotas and locks hold as for anybody.

Run again, it goes on: what is there with the same content is left alone. A file that is
there with other content stays, unless --replace is said; then that becomes its version.

The exit code is 0 if all came that was meant to, 6 if some of it stayed behind, and 1 if
something ended it before, such as a drive that is full.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := i.check(); err != nil {
				return err
			}
			c, err := p.settings(cmd)
			if err != nil {
				return err
			}
			i.in.Own = ownData(c)
			return p.withRooms(cmd, func(ctx context.Context, in *rooms) error { return i.run(ctx, in, args[0]) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&i.user, "user", "", "whose drive: `"+loginArg+"`")
	f.StringVar(&i.to, "to", "/", "`FOLDER` of the drive that it comes to, made if it is missing")
	f.StringVar(&i.from, "from", "", "the `SERVER` that it comes from: tusd, filebrowser or sftpgo")
	f.StringVar(&i.manifest, "manifest", "", "`FILE` that satchel export wrote: only what it names comes, and as it says")
	f.BoolVar(&i.in.Replace, "replace", false, "replace files that are there and differ")
	f.BoolVar(&i.in.DryRun, "dry-run", false, "change nothing, and say what would come")
	f.BoolVar(&i.existing, "existing", false, "of filebrowser and sftpgo: who has an account here already gets what is missing, too")
	f.StringSliceVar(&i.only, "only", nil, "of filebrowser and sftpgo: the `USERS` that come, with commas between")
	f.StringArrayVar(&i.at, "at", nil, "of filebrowser and sftpgo: `OLD=NEW` says that the folder OLD of that server is at NEW here")
	i.told.flags(cmd)
	if err := cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions([]string{fromTusd, fromFileBrowser, fromSFTPGo}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
	return cmd
}

// ownData are the files and folders here that the server keeps its data in.
func ownData(c *config.Config) (own []string) {
	for _, blobs := range []string{c.Blobs, c.BlobsFrom} {
		if _, bucket := config.BlobBucket(blobs); blobs != "" && !bucket {
			own = append(own, config.BlobFolder(blobs))
		}
	}
	if file, ok := strings.CutPrefix(c.Database, "sqlite:"); ok {
		own = append(own, file, file+"-wal", file+"-shm", file+"-journal")
	}
	return own
}

func (i *importing) check() (err error) {
	accounts := i.from == fromFileBrowser || i.from == fromSFTPGo
	switch {
	case i.from != "" && i.from != fromTusd && !accounts:
		return usagef("--from %q: want tusd, filebrowser or sftpgo", i.from)
	case !accounts && i.user == "":
		return usagef("--user: say whose drive it comes to")
	case accounts && (i.user != "" || i.to != "/"):
		return usagef("--user and --to: %s says whose drives its files come to", i.from)
	case !accounts && (i.existing || len(i.only) > 0 || len(i.at) > 0):
		return usagef("--existing, --only and --at are for --from filebrowser and --from sftpgo")
	case i.from != "" && i.manifest != "":
		return usagef("--manifest and --from do not go together: a manifest is of satchel export")
	case i.from == fromTusd && i.in.Replace:
		return usagef("--replace and --from tusd do not go together: a name that is taken is numbered")
	}
	for _, at := range i.at {
		if from, to, ok := strings.Cut(at, "="); !ok || from == "" || to == "" {
			return usagef("--at %q: want OLD=NEW", at)
		}
	}
	if i.in.To, err = drive.ParsePath(i.to); err != nil {
		return usagef("--to %q: %s", i.to, sentence(err))
	}
	return i.told.check()
}

func (i *importing) run(ctx context.Context, in *rooms, where string) error {
	ctx = hooks.WithRequest(ctx, func() hooks.Request { return hooks.Request{Door: "import"} }) // for who is asked before
	i.in.Drives, i.in.AtOnce, i.in.Tell = in.drives, i.told.atOnce, i.told.tell
	if i.in.DryRun {
		i.told.dryRun, i.told.verb = true, "would be imported"
	}
	var sum moving.Sum
	var err error
	switch i.from {
	case fromFileBrowser, fromSFTPGo:
		sum, err = i.households(ctx, in, where)
	default:
		sum, err = i.folder(ctx, in, where)
	}
	if code, _, _ := fault.Public(err); err != nil && code == "quota_exceeded" {
		err = fmt.Errorf("%s What came is there. Give the drive more with satchel user quota, and run the same command again", sentence(err))
	}
	return i.told.end(sum, err)
}

// folder takes a folder to one drive.
func (i *importing) folder(ctx context.Context, in *rooms, where string) (sum moving.Sum, err error) {
	u, err := in.accounts.UserByLogin(ctx, i.user)
	if err != nil {
		return sum, err
	}
	i.in.Drive = u.ID
	if i.in.DryRun {
		defer func() { err = errors.Join(err, i.fits(ctx, sum)) }()
	}
	if i.from == fromTusd {
		return i.in.Pieces(ctx, tusd.Uploads(where))
	}
	if i.manifest == "" {
		return i.in.Folder(ctx, where, nil)
	}
	m, err := moving.OpenManifest(i.manifest)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return i.in.Folder(ctx, where, m)
}

// fits says if there is no room for what a dry run has found.
func (i *importing) fits(ctx context.Context, sum moving.Sum) error {
	u, err := i.in.Drives.Usage(ctx, i.in.Drive)
	if free, limited := u.Free(); err == nil && limited && free < sum.Bytes {
		fmt.Fprintf(i.told.p.stderr, "satchel: there is room for %s of it: give the drive more with satchel user quota\n", humanize.IBytes(uint64(free)))
	}
	return err
}

// households takes accounts over, one after the other.
func (i *importing) households(ctx context.Context, in *rooms, where string) (sum moving.Sum, err error) {
	var all []moving.Household
	if i.from == fromFileBrowser {
		all, err = filebrowser.Households(where, filebrowser.Options{Here: i.here})
	} else {
		all, err = sftpgo.Households(where, sftpgo.Options{Here: i.here, Now: time.Now()})
	}
	if err != nil {
		return sum, err
	}
	for _, name := range i.only {
		if !slices.ContainsFunc(all, func(h moving.Household) bool { return h.Name == name }) {
			return sum, usagef("--only %s: there is no such user in %s", name, where)
		}
	}
	m := moving.Households{In: i.in, Accounts: in.accounts, Existing: i.existing}
	for _, h := range all {
		if len(i.only) > 0 && !slices.Contains(i.only, h.Name) {
			continue
		}
		took, err := m.Take(ctx, h)
		sum.Add(took)
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// here is where a folder of the other server is on this machine: of two folders that it is in, the inner one says.
func (i *importing) here(folder string) string {
	here, below := folder, ""
	for _, at := range i.at {
		old, new, _ := strings.Cut(at, "=")
		rel, err := filepath.Rel(old, folder)
		if err != nil || !filepath.IsLocal(rel) || below != "" && len(rel) >= len(below) {
			continue
		}
		if abs, err := filepath.Abs(filepath.Join(new, rel)); err == nil {
			here, below = abs, rel
		}
	}
	return here
}
