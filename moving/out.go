package moving

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// Out is a drive that goes to a folder here.
type Out struct {
	Drives  *drive.Drives
	Drive   string // its id
	User    string // whose it is, for the manifest
	Verify  bool   // whether what is there already is hashed; else size and time of last change are enough
	Replace bool   // whether what is there and differs is replaced; else it fails
	AtOnce  int    // files
	Tell    func(Told)
}

// Run writes the tree of the drive into a folder, which is made if it is not there, and the manifest beside it. Files are whole, durable and have the hash
// on record when they get their names. What only one file is about is told; the error ends all of it, and the same call goes on.
func (o Out) Run(ctx context.Context, folder, manifest string) (sum Sum, err error) {
	before, err := o.Drives.Present(ctx, o.Drive)
	if err != nil {
		return sum, err
	}
	top, err := o.Drives.Stat(ctx, o.Drive, drive.Root)
	if err != nil {
		return sum, err
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return sum, err
	}
	if within, err := isWithin(manifest, folder); err != nil || within {
		return sum, errors.Join(err, fmt.Errorf("the manifest %s must not be in the folder that it is about", manifest))
	}
	m, err := newManifest(manifest, o.User)
	if err != nil {
		return sum, err
	}
	w := &outing{Out: o, manifest: m, tally: tally{tell: o.Tell}}
	w.jobs, ctx = errgroup.WithContext(ctx)
	w.jobs.SetLimit(max(1, o.AtOnce))
	err = w.start(ctx, folder, top)
	if failed := w.jobs.Wait(); failed != nil {
		err = failed // what made the walk end
	}
	if err != nil {
		return w.tally.sum, errors.Join(noSpace(err), m.close())
	}
	after, err := o.Drives.Present(context.WithoutCancel(ctx), o.Drive)
	w.tally.sum.Changed = before != after
	return w.tally.sum, errors.Join(err, m.finish())
}

// isWithin reports whether a file is in a folder that is there.
func isWithin(file, folder string) (bool, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return false, err
	}
	inside, err := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil {
		return false, err
	}
	folder, err = filepath.Abs(folder)
	if err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(folder, inside)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// outing is a run of Out.
type outing struct {
	Out
	manifest *manifestWriter
	tally    tally
	jobs     *errgroup.Group
	folds    bool // two names that differ only in case are one here
}

func (w *outing) start(ctx context.Context, folder string, top drive.Node) error {
	p, err := openPlace(folder)
	if err != nil {
		return err
	}
	if w.folds, err = folding(p.root); err != nil {
		return errors.Join(err, p.root.Close())
	}
	p.end = func(root *os.Root) error { return w.settleFolder(root, top) }
	return w.folder(ctx, top, p)
}

// folding reports whether the file system takes two names for one that differ only in case.
func folding(root *os.Root) (bool, error) {
	name := partPrefix + "case-" + rand.Text() + partSuffix // nobody else's
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	_, err = root.Lstat(strings.ToUpper(name))
	return err == nil, errors.Join(file.Close(), root.Remove(name))
}

// folder writes what is in a folder of the drive, and then the folders in it.
func (w *outing) folder(ctx context.Context, n drive.Node, p *place) (err error) {
	defer func() { err = errors.Join(err, p.release()) }()
	names := map[string]string{}
	var folders []drive.Node
	err = w.Drives.ListParts(ctx, w.Drive, n.Path, drive.AllFields, func(folder drive.Node, part []drive.Node) error {
		if !folder.Folder {
			return errMovedAway()
		}
		for _, c := range part {
			if err := w.nameHere(c.Name, names); err != nil {
				w.told(c, Failed, err)
				continue
			}
			if c.Folder {
				folders = append(folders, c)
				continue
			}
			p.hold()
			w.jobs.Go(func() error { return errors.Join(w.file(ctx, c, p), p.release()) })
		}
		return ctx.Err()
	})
	if fault.Is(err, fault.NotFound) {
		w.told(n, Failed, errMovedAway())
		return nil
	}
	for _, c := range folders {
		if err == nil {
			err = w.enter(ctx, c, p)
		}
	}
	return err
}

func errMovedAway() error {
	return fault.New(fault.NotFound, "moving.Out", "It was moved or removed while the drive was read.")
}

func (w *outing) told(n drive.Node, outcome Outcome, why error) {
	w.tally.add(Told{Path: string(n.Path), Outcome: outcome, Bytes: n.Size, Why: why})
}

// nameHere refuses names that are none here, and those that are another's.
func (w *outing) nameHere(name string, names map[string]string) error {
	if !filepath.IsLocal(name) || filepath.Base(name) != name {
		return fault.New(fault.Invalid, "moving.Out", "Its name cannot be that of a file here.").WithCode("invalid_name")
	}
	if !w.folds {
		return nil
	}
	key := cases.Fold().String(norm.NFC.String(name))
	if other, ok := names[key]; ok {
		return nameTaken(fmt.Sprintf("The file system takes its name for that of %q.", other))
	}
	names[key] = name
	return nil
}

// enter makes a folder here and goes into it.
func (w *outing) enter(ctx context.Context, n drive.Node, p *place) error {
	err := p.root.Mkdir(n.Name, 0o700)
	if err == nil || errors.Is(err, fs.ErrExist) {
		var inner *place
		if inner, err = p.enter(n.Name); err == nil {
			inner.end = func(root *os.Root) error { return w.settleFolder(root, n) }
			if err := w.manifest.add(entry(n)); err != nil {
				return errors.Join(err, inner.release())
			}
			return w.folder(ctx, n, inner)
		}
		if errors.Is(err, fs.ErrExist) || isNoFolder(err) {
			err = nameTaken("Something that is no folder has its name here.")
		}
	}
	if outOfSpace(err) || ctx.Err() != nil {
		return err
	}
	w.told(n, Failed, err)
	return nil
}

// entry is a node in the manifest.
func entry(n drive.Node) Entry {
	e := Entry{
		Path: strings.TrimPrefix(string(n.Path), "/"), Folder: n.Folder, Size: n.Size,
		Created: n.Created.UTC(), Modified: n.Modified.UTC(),
	}
	if !n.Folder {
		e.SHA256, e.Type = hex.EncodeToString(n.SHA256), n.MediaType
	}
	return e
}

// settleFolder makes the names in a folder durable and gives it its time. Some file systems know no folder to be synced.
func (w *outing) settleFolder(root *os.Root, n drive.Node) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return errors.Join(err, f.Close())
	}
	if err := root.Chtimes(".", time.Time{}, n.Modified); err != nil {
		w.told(n, Failed, fmt.Errorf("its time of last change was not kept: %w", err))
	}
	return f.Close()
}
