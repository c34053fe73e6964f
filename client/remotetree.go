package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/satchelhq/satchel/fault"
)

// Fetched is a file of a tree on the drive, with the folder here that it goes to, or what is wrong with something in it.
type Fetched struct {
	Node  Node
	Local string // where it goes, to be shown
	Into  *os.Root
	Err   error

	release func()
}

// Release is called when nothing more is to be done with it: the folder is closed when all of its files are.
func (f Fetched) Release() {
	if f.release != nil {
		f.release()
	}
}

// Fetch walks a folder of the drive, makes its folders here, and tells of its files, until tell answers false. Whatever a server calls
// them, nothing is made outside of into. Its own errors are those of the server.
func (c *Client) Fetch(ctx context.Context, folder string, into *os.Root, tell func(Fetched) bool) error {
	_, err := c.fetch(ctx, folder, into, 1, tell)
	return err
}

func (c *Client) fetch(ctx context.Context, folder string, into *os.Root, depth int, tell func(Fetched) bool) (bool, error) {
	if depth > maxDepth {
		return false, fault.As(fault.Internal, "client.Fetch", fmt.Errorf("the server tells of folders more than %d deep in each other", maxDepth))
	}
	held := newHolds(into)
	defer held.release()
	names := map[string]string{}
	for n, err := range c.Children(ctx, folder) {
		if err != nil {
			return false, err
		}
		f := Fetched{Node: n, Local: filepath.Join(into.Name(), filepath.FromSlash(n.Name)), Into: into}
		f.Err = NameHere(n.Name)
		if key := nameKey(n.Name); f.Err == nil {
			if other, ok := names[key]; ok {
				f.Err = fault.New(fault.Exists, "client.Fetch", fmt.Sprintf("Here it has the same name as %q.", other)).WithCode("name_taken")
			}
			names[key] = n.Name
		}
		on := true
		if f.Err != nil || !n.Folder {
			f.release = held.hold()
			on = tell(f)
		} else if on, err = c.enter(ctx, f, depth, tell); err != nil {
			return false, err
		}
		if !on {
			return false, nil
		}
	}
	return true, nil
}

// enter makes a folder here and fetches what is in it. A symbolic link that is in its place is not followed.
func (c *Client) enter(ctx context.Context, f Fetched, depth int, tell func(Fetched) bool) (bool, error) {
	err := f.Into.Mkdir(f.Node.Name, 0o777)
	if errors.Is(err, fs.ErrExist) {
		var info fs.FileInfo
		if info, err = f.Into.Lstat(f.Node.Name); err == nil && !info.IsDir() {
			err = fault.New(fault.Exists, "client.Fetch", "Something that is no folder has its name here.").WithCode("name_taken")
		}
	}
	var inner *os.Root
	if err == nil {
		inner, err = f.Into.OpenRoot(f.Node.Name)
	}
	if err != nil {
		f.Err = err
		return tell(f), nil
	}
	return c.fetch(ctx, f.Node.Path, inner, depth+1, tell)
}

// NameHere refuses names that are not just a name in a folder of this system.
func NameHere(name string) error {
	bad := name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") || !filepath.IsLocal(name)
	if runtime.GOOS == "windows" {
		bad = bad || strings.ContainsAny(name, `\:*?"<>|`) || strings.TrimRight(name, ". ") != name
	}
	if bad || IsPart(name) {
		return fault.New(fault.Invalid, "client.NameHere", "Its name cannot be that of a file here.").WithCode("invalid_name")
	}
	return nil
}

// nameKey is the same for names that are one name here.
func nameKey(name string) string {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return cases.Fold().String(norm.NFC.String(name))
	}
	return name
}
