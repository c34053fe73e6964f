package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
)

// partSize is how many files and folders a page lists. A longer folder is shown in parts.
const partSize = 1000

// folder shows a folder, or the question before a removal. A file's address leads to its content.
func (h *Web) folder(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	path, err := drive.ParsePath(r.PathValue("path"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if q.Has("delete") {
		return h.confirmDelete(w, r, who, path)
	}
	view, err := h.view(r, who, path, q.Get("after"))
	if code, _, _ := fault.Public(err); err != nil && code == "is_file" {
		return redirect(w, r, rawAddress(path))
	}
	if err != nil {
		return err
	}
	return h.showFolder(w, http.StatusOK, view)
}

func (h *Web) showFolder(w http.ResponseWriter, status int, v pages.Drive) error {
	html, err := h.pages.Drive(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// folderProblem shows a folder with why nothing, or not all, was done in it.
func (h *Web) folderProblem(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path, newName string, err error) error {
	view, viewErr := h.view(r, who, path, "")
	if viewErr != nil {
		return err // what was wrong first says more
	}
	view.Problem, view.NewName = problemOf(r, err, false), newName
	return h.showFolder(w, report(w, r, err), view)
}

// view is what the page of a folder shows, from the first name after the given one.
func (h *Web) view(r *http.Request, who authn.Principal, path drive.Path, after string) (pages.Drive, error) {
	if after != "" {
		if err := drive.CheckName(after); err != nil {
			return pages.Drive{}, err
		}
	}
	folder, nodes, err := h.drives.Page(r.Context(), who.UserID, path, after, partSize+1)
	if err != nil {
		return pages.Drive{}, err
	}
	usage, err := h.drives.Usage(r.Context(), who.UserID)
	if err != nil {
		return pages.Drive{}, err
	}
	base := h.origin.Base(r)
	v := pages.Drive{
		Frame:   pages.Frame{User: who.Username},
		Crumbs:  crumbs(folder.Path),
		Address: driveAddress(folder.Path),
		Path:    string(folder.Path),
		Usage:   pages.Usage{Used: usage.Used, Quota: usage.Quota},
		MaxFile: h.drives.MaxFile(),
		WebDAV:  base + "/dav/",
		Tus:     base + "/files/",
	}
	if after != "" {
		v.First = v.Address
	}
	if len(nodes) > partSize {
		nodes = nodes[:partSize]
		v.Next = v.Address + "?after=" + url.QueryEscape(nodes[partSize-1].Name)
	}
	// A part is a run of names; within it folders come first.
	slices.SortStableFunc(nodes, func(a, b drive.Node) int { return rank(a) - rank(b) })
	v.Entries = make([]pages.Entry, len(nodes))
	for i, node := range nodes {
		v.Entries[i] = entry(node)
	}
	return v, nil
}

func rank(n drive.Node) int {
	if n.Folder {
		return 0
	}
	return 1
}

func entry(n drive.Node) pages.Entry {
	e := pages.Entry{Name: n.Name, Folder: n.Folder, Size: n.Size, Modified: n.Modified, MediaType: n.MediaType, Action: driveAddress(n.Path)}
	e.Delete = e.Action + "?delete"
	if n.Folder {
		e.Address = e.Action
		return e
	}
	e.Address = viewAddress(n.Path)
	e.Download = rawAddress(n.Path) + "?download"
	return e
}

func (h *Web) confirmDelete(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path) error {
	node, err := h.removable(r.Context(), who, path)
	if err != nil {
		return err
	}
	html, err := h.pages.Delete(pages.Delete{
		Frame: pages.Frame{User: who.Username}, Name: node.Name, Folder: node.Folder,
		Action: driveAddress(node.Path), Back: driveAddress(node.Path.Parent()),
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}

func (h *Web) removable(ctx context.Context, who authn.Principal, path drive.Path) (drive.Node, error) {
	if path == drive.Root {
		return drive.Node{}, fault.New(fault.Forbidden, "web.delete", "The drive itself cannot be deleted.")
	}
	return h.drives.Stat(ctx, who.UserID, path)
}
