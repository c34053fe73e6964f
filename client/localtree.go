package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/fault"
)

// Found is a file or an empty folder of a tree, or what is wrong with something in it.
type Found struct {
	Local    string      // where it is here
	To       string      // where it goes on the drive
	Info     fs.FileInfo // nil if Err is set
	There    *Node       // what stands at To, where that was looked up; else nil
	Followed bool        // a symbolic link here stands for what it leads to
	Err      error       // why it cannot be sent; ErrSkipped if it is not meant to be
}

// ErrSkipped is what is left out of a tree though nothing is wrong.
var ErrSkipped = errors.New("left out")

// LocalTree are files and folders here that go to the drive.
type LocalTree struct {
	Root   string // a folder
	To     string // where what is in it goes
	Follow bool   // symbolic links; else they are ErrSkipped
	Look   bool   // whether what is there is looked up, one question a thousand names
	// Surplus hears of what is there and not here, in folders that are both there and here; may be nil, and without Look it hears nothing. What is
	// here and cannot or need not be sent is here.
	Surplus func(Node)
}

// maxDepth is how deep folders may lie in each other, as on the drive.
const maxDepth = 64

// Walk tells of everything in a tree, in no order that matters, until tell answers false. Its own errors are those of the server.
func (c *Client) Walk(ctx context.Context, t LocalTree, tell func(Found) bool) error {
	info, err := os.Stat(t.Root)
	if err != nil {
		tell(Found{Local: t.Root, Err: err})
		return nil
	}
	w := walking{c: c, t: t, tell: tell, missing: !t.Look}
	_, err = w.folder(ctx, t.Root, Clean(t.To), []fs.FileInfo{info})
	return err
}

type walking struct {
	c       *Client
	t       LocalTree
	tell    func(Found) bool
	missing bool // nothing is there, so there is nothing to look up
}

// folder walks a folder. above are those that it is in, and itself. It reports whether to go on.
func (w walking) folder(ctx context.Context, local, to string, above []fs.FileInfo) (bool, error) {
	if len(above) > maxDepth {
		return w.tell(Found{Local: local, To: to, Err: fmt.Errorf("folders lie more than %d deep in each other", maxDepth)}), nil
	}
	entries, err := os.ReadDir(local)
	if err != nil {
		return w.tell(Found{Local: local, To: to, Err: err}), nil
	}
	there, err := w.there(ctx, to)
	if err != nil {
		return false, err
	}
	if len(entries) == 0 {
		w.surplus(to, there, nil)
		return w.tell(Found{Local: local, To: to, Info: above[len(above)-1], There: there[""]}), nil
	}
	taken := map[string]string{} // by their names on the drive
	here := map[string]bool{}    // by the same, whatever is wrong with them
	for _, entry := range entries {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		f := Found{Local: filepath.Join(local, entry.Name()), Followed: w.t.Follow}
		name, err := nameThere(entry.Name())
		here[norm.NFC.String(name)] = true
		if f.To = path.Join(to, "/"+name); err == nil {
			f.Info, err = w.look(f.Local)
		}
		if other, ok := taken[norm.NFC.String(name)]; ok && err == nil {
			err = fault.New(fault.Exists, "client.Walk", fmt.Sprintf("On the drive it has the same name as %q.", other)).WithCode("name_taken")
		}
		if f.Err = err; err != nil {
			f.Info = nil
			if !w.tell(f) {
				return false, nil
			}
			continue
		}
		taken[norm.NFC.String(name)] = entry.Name()
		f.There = there[norm.NFC.String(name)]
		on := true
		if !f.Info.IsDir() {
			on = w.tell(f)
		} else if on, err = w.enter(ctx, f, above); err != nil {
			return false, err
		}
		if !on {
			return false, nil
		}
	}
	w.surplus(to, there, here)
	return true, nil
}

// surplus tells of what is in a folder there, and not here.
func (w walking) surplus(folder string, there map[string]*Node, here map[string]bool) {
	for name, n := range there {
		if w.t.Surplus != nil && name != "" && !here[name] && path.Dir(n.Path) == folder { // whatever the server calls it
			w.t.Surplus(*n)
		}
	}
}

// enter walks a folder in a folder, unless it is one of those that it is in: links can go round.
func (w walking) enter(ctx context.Context, f Found, above []fs.FileInfo) (bool, error) {
	for _, a := range above {
		if os.SameFile(a, f.Info) {
			f.Info, f.Err = nil, fmt.Errorf("%w: it leads back to a folder that it is in", ErrSkipped)
			return w.tell(f), nil
		}
	}
	w.missing = w.missing || f.There == nil || !f.There.Folder
	return w.folder(ctx, f.Local, f.To, append(above[:len(above):len(above)], f.Info))
}

// look says what something in a tree is, or why it stays.
func (w walking) look(local string) (fs.FileInfo, error) {
	info, err := os.Lstat(local)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if !w.t.Follow {
			return nil, fmt.Errorf("%w: a symbolic link (--follow follows them)", ErrSkipped)
		}
		info, err = os.Stat(local)
	}
	switch {
	case err != nil:
		return nil, err
	case IsPart(info.Name()):
		return nil, fmt.Errorf("%w: a file that satchel get has not finished", ErrSkipped)
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil, fault.New(fault.Invalid, "client.Walk", "It is neither a file nor a folder.").WithCode("special_file")
	}
	return info, nil
}

// there are what is in a folder of the drive, by their names in NFC, and the folder itself by "". Nothing is in one that is missing.
func (w walking) there(ctx context.Context, folder string) (map[string]*Node, error) {
	if w.missing {
		return nil, nil
	}
	all := map[string]*Node{"": {Path: folder, Folder: true}}
	for n, err := range w.c.Children(ctx, folder) {
		code, _, _ := fault.Public(err)
		switch {
		case fault.Is(err, fault.NotFound), err != nil && code == "is_file": // what is sent there says so
			return nil, nil
		case err != nil:
			return nil, err
		}
		all[norm.NFC.String(n.Name)] = &n
	}
	return all, nil
}

// nameThere is a name as it goes to the drive. macOS takes names apart (NFD), and nobody else does.
func nameThere(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "?", fault.New(fault.Invalid, "client.nameThere", "Its name is not UTF-8, as names on the drive are.").WithCode("invalid_name")
	}
	if runtime.GOOS == "darwin" {
		name = norm.NFC.String(name)
	}
	return name, nil
}

// Open opens what was found, unless something else has taken its place since: a link, say, that leads elsewhere.
func (f Found) Open() (*os.File, error) {
	look := os.Lstat
	if f.Followed {
		look = os.Stat
	}
	before, err := look(f.Local)
	if err == nil && !before.Mode().IsRegular() {
		err = fault.New(fault.Invalid, "client.Open", "It is no regular file.").WithCode("special_file")
	}
	if err != nil {
		return nil, err
	}
	file, err := os.Open(f.Local)
	if err != nil {
		return nil, err
	}
	after, err := file.Stat()
	if err == nil && !os.SameFile(before, after) {
		err = errChanged
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
