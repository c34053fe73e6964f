package moving

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// In is what comes to a drive.
type In struct {
	Drives  *drive.Drives
	Drive   string     // its id; empty in a dry run for a drive that is not there yet
	User    string     // whose it is, to be told
	To      drive.Path // the folder that it comes to, which is made if it is not there
	Replace bool       // whether a file that is there with other content is replaced, and kept as a version; else what comes fails
	DryRun  bool       // nothing is changed, and told is what would be
	AtOnce  int        // files
	Tell    func(Told)
	// Covered are folders of the drive that something else comes to: what is in their places here was never seen, and stays.
	Covered []drive.Path
	// Own are files and folders that the server keeps its data in. They stay where they are, and nothing below them comes: a folder that holds them, such
	// as the home directory that a dump names, would give its user all accounts and all content.
	Own []string
}

// Folder takes what is in a folder here to the drive. m may be nil; with it, only what it names is taken, and only as it names it. What only one file
// is about is told; the error ends all of it (Full, where the drive is), and the same call goes on.
func (in In) Folder(ctx context.Context, folder string, m *Manifest) (Sum, error) {
	return in.run(ctx, func(ctx context.Context, c *coming, to target) error {
		if err := c.notBelowOwn(folder); err != nil {
			return err
		}
		p, err := openPlace(folder)
		if err != nil {
			return err
		}
		c.manifest = m
		if err := c.folder(ctx, p, to, 0); err != nil {
			return err
		}
		if err := c.jobs.Wait(); err != nil || m == nil {
			return err
		}
		return m.rest(func(e *Entry) {
			if slices.ContainsFunc(c.refused, func(folder string) bool { return strings.HasPrefix(e.Path, folder+"/") }) {
				return // that was told of the folder
			}
			c.tally.add(Told{User: in.User, Path: e.Path, Outcome: Failed, Why: errors.New("it is in the manifest and not in the folder")})
		})
	})
}

// run makes the folder that all comes to, and waits for what walk begins.
func (in In) run(ctx context.Context, walk func(ctx context.Context, c *coming, to target) error) (Sum, error) {
	c := &coming{In: in, tally: tally{tell: in.Tell}}
	c.jobs, ctx = errgroup.WithContext(ctx)
	c.jobs.SetLimit(max(1, in.AtOnce))
	for _, name := range in.Own {
		switch info, err := os.Stat(name); {
		case err == nil:
			c.own = append(c.own, info)
		case !errors.Is(err, fs.ErrNotExist):
			return Sum{}, err
		}
	}
	to, err := c.top(ctx)
	if err == nil {
		err = walk(ctx, c, to)
	}
	if failed := c.jobs.Wait(); failed != nil {
		err = failed // what made the walk end
	}
	return c.tally.sum, err
}

// coming is a run of In.
type coming struct {
	In
	manifest *Manifest
	tally    tally
	jobs     *errgroup.Group
	own      []fs.FileInfo
	refused  []string // folders that were not gone into, for the manifest
}

// target is a folder of the drive that something comes to.
type target struct {
	path    drive.Path
	missing bool // it is not there, nor is anything in it: a dry run has made none
}

// top makes the folder that all comes to, with those above it.
func (c *coming) top(ctx context.Context) (target, error) {
	to := target{drive.Root, c.Drive == ""}
	for _, name := range c.To.Names() {
		next, err := c.makeFolder(ctx, to, name)
		if err != nil {
			return to, err
		}
		to = next
	}
	return to, nil
}

// makeFolder makes a folder of the drive, unless it is there.
func (c *coming) makeFolder(ctx context.Context, in target, name string) (target, error) {
	to := target{in.path.Join(name), in.missing}
	if _, err := drive.ParsePath(string(to.path)); err != nil {
		return to, err
	}
	if to.missing {
		return to, nil
	}
	for {
		n, err := c.Drives.Stat(ctx, c.Drive, to.path)
		switch {
		case err == nil && n.Folder:
			to.path = n.Path
			return to, nil
		case err == nil:
			return to, nameTaken("A file has its name on the drive.")
		case !fault.Is(err, fault.NotFound):
			return to, err
		case c.DryRun:
			to.missing = true
			return to, nil
		}
		_, err = c.Drives.MakeFolder(ctx, c.Drive, to.path, drive.Guard{})
		if !fault.Is(err, fault.Exists) { // somebody else may make it, and remove it
			return to, err
		}
	}
}

// folder takes what is in a folder here, and lets go of it.
func (c *coming) folder(ctx context.Context, p *place, to target, depth int) (err error) {
	defer func() { err = errors.Join(err, p.release()) }()
	entries, err := readFolder(p.root)
	if err != nil {
		c.refuse(p.below, err)
		return nil
	}
	taken := map[string]string{} // by their names on the drive
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		from := p.path(entry.Name())
		info, err := p.root.Lstat(entry.Name())
		if err == nil {
			why := notMeant(info)
			if c.owns(info) {
				why = errOwn
			}
			if why != nil && (why == errOwn || !c.manifest.names(from)) {
				c.tally.add(Told{User: c.User, Path: from, Outcome: Left, Why: why})
				continue
			}
			err = nameThere(entry.Name(), taken)
		}
		if err != nil {
			c.failed(from, err)
			continue
		}
		if info.IsDir() {
			err = c.enter(ctx, p, entry.Name(), to, depth)
		} else {
			err = c.file(ctx, p, entry.Name(), to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errOwn = errors.New("this server keeps its own data in it")

func (c *coming) owns(info fs.FileInfo) bool {
	return slices.ContainsFunc(c.own, func(own fs.FileInfo) bool { return os.SameFile(own, info) })
}

// notBelowOwn refuses a folder that is the server's own, or in one.
func (c *coming) notBelowOwn(folder string) error {
	at, err := filepath.Abs(folder)
	if err == nil {
		at, err = filepath.EvalSymlinks(at)
	}
	for err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(at); err == nil && c.owns(info) {
			return &fs.PathError{Op: "import", Path: folder, Err: errOwn}
		}
		if filepath.Dir(at) == at {
			break
		}
		at = filepath.Dir(at)
	}
	return err
}

// refuse tells of a folder that is not gone into.
func (c *coming) refuse(folder string, why error) {
	c.refused = append(c.refused, folder)
	c.failed(folder, why)
}

func (c *coming) failed(path string, why error) {
	c.tally.add(Told{User: c.User, Path: path, Outcome: Failed, Why: why})
}

// readFolder answers what is in a folder, by name.
func readFolder(root *os.Root) ([]fs.DirEntry, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// notMeant says why something stays though nothing is wrong with it.
func notMeant(info fs.FileInfo) error {
	if info.Mode().IsRegular() && isPart(info.Name()) {
		return errors.New("a file that satchel get or export has not finished")
	}
	return leftOut(info.Mode())
}

// nameThere refuses names that are none on a drive, and those that are another's.
func nameThere(name string, taken map[string]string) error {
	if !utf8.ValidString(name) {
		return fault.New(fault.Invalid, "moving.In", "Its name is not UTF-8, as names on a drive are.").WithCode("invalid_name")
	}
	if err := drive.CheckName(name); err != nil {
		return err
	}
	key := norm.NFC.String(name)
	if other, ok := taken[key]; ok {
		return nameTaken(fmt.Sprintf("On the drive it has the same name as %q.", other))
	}
	taken[key] = name
	return nil
}

// enter takes a folder in a folder. It gets its time when all that is in it has come.
func (c *coming) enter(ctx context.Context, p *place, name string, in target, depth int) error {
	from, path := p.path(name), in.path.Join(name)
	if slices.ContainsFunc(c.Covered, func(by drive.Path) bool { return path.Within(by) && by.Within(path) }) {
		c.tally.add(Told{User: c.User, Path: from, Outcome: Left, Why: errors.New("another folder was in its place")})
		return nil
	}
	if depth+1 >= drive.MaxDepth {
		c.refuse(from, fmt.Errorf("folders lie more than %d deep in each other", drive.MaxDepth))
		return nil
	}
	inner, err := p.enter(name)
	if err != nil {
		c.refuse(from, err)
		return nil
	}
	info, err := inner.root.Stat(".")
	modified := time.Time{}
	if err == nil {
		modified = info.ModTime()
	}
	var e *Entry
	if c.manifest != nil && err == nil {
		if e, err = c.manifest.take(from); err == nil {
			err = e.is(true)
		}
		if err == nil {
			modified = e.Modified
		}
	}
	to := target{}
	if err == nil {
		to, err = c.makeFolder(ctx, in, name)
	}
	if err != nil {
		c.refused = append(c.refused, from)
		return errors.Join(c.settle(from, err), inner.release())
	}
	if !c.DryRun {
		inner.end = func(*os.Root) error { return c.date(ctx, from, to.path, modified) }
	}
	return c.folder(ctx, inner, to, depth+1)
}

// date gives a folder of the drive its time.
func (c *coming) date(ctx context.Context, from string, path drive.Path, modified time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if modified = datable(modified); modified.IsZero() {
		return nil
	}
	n, err := c.Drives.Stat(ctx, c.Drive, path)
	if err == nil && !sameTime(modified, n.Modified) {
		err = c.Drives.PatchProperties(ctx, c.Drive, path, nil, nil, modified, drive.Guard{})
	}
	if err != nil {
		_, sentence, _ := fault.Public(err)
		return c.settle(from, &fault.Error{Kind: fault.KindOf(err), Op: "moving.date", Public: "Its time of last change was not kept. " + sentence, Err: err})
	}
	return nil
}

// datable is a time of last change as a drive may have it: within the years that JSON and HTTP can say, as at every other door; else none. Some file
// systems hold later ones.
func datable(t time.Time) time.Time {
	if year := t.UTC().Year(); year < 1 || year > 9999 {
		return time.Time{}
	}
	return t
}

// settle tells of an error that is one file's own, and answers one that ends all of it: the drive is full, or the database or the store fails.
func (c *coming) settle(path string, err error) error {
	var ofDrive *fault.Error
	if errors.As(err, &ofDrive) {
		switch ofDrive.Kind {
		case fault.Full, fault.Busy, fault.Internal:
			return err
		}
	}
	c.failed(path, err)
	return nil
}
