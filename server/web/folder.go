package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/sqldb"
)

// partSize is how many files and folders a page lists. A longer folder is shown in parts.
const partSize = 100

// folder shows a folder, or a page about a file or folder. A file's address leads to its content.
func (h *Web) folder(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	path, err := drive.ParsePath(r.PathValue("path"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	switch {
	case q.Has("delete"):
		return h.confirmDelete(w, r, who, path)
	case q.Has("details"):
		return h.details(w, r, who, path)
	case q.Has("versions"):
		return h.versions(w, r, who, path)
	case q.Has("zip"):
		return h.zip(w, r, who, path)
	}
	look := h.look(w, r)
	view, err := h.view(r, who, path, look, q.Get("after"))
	if code, _, _ := fault.Public(err); err != nil && code == "is_file" {
		return redirect(w, r, rawAddress(path))
	}
	if err != nil {
		return err
	}
	if at, err := strconv.ParseInt(q.Get("removed"), 10, 64); err == nil {
		if view.Removed, err = h.removedAt(r, who, at); err != nil {
			return err
		}
	}
	return h.compressed(w, r, func(w http.ResponseWriter) error { return h.showFolder(w, r, http.StatusOK, view) })
}

func (h *Web) showFolder(w http.ResponseWriter, r *http.Request, status int, v pages.Drive) error {
	html, err := h.in(r).Drive(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// folderProblem shows a folder with why nothing, or not all, was done in it.
func (h *Web) folderProblem(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path, newName string, err error) error {
	view, viewErr := h.view(r, who, path, h.look(w, r), "")
	if viewErr != nil {
		return err // what was wrong first says more
	}
	view.Problem, view.NewName = problemOf(r, err, false), newName
	return h.showFolder(w, r, report(w, r, err), view)
}

// look is how somebody looks at folders: as rows or tiles, and in which order.
type look struct {
	grid  bool
	order drive.Order
}

// lookCookie remembers a look. It holds what anybody may set.
const lookCookie = "satchel-look"

// look is what the address says, which is remembered, or else what was remembered. What makes no sense is passed over.
func (h *Web) look(w http.ResponseWriter, r *http.Request) (l look) {
	l.order.By = drive.SortName
	if c, err := r.Cookie(lookCookie); err == nil {
		if words := strings.Split(c.Value, "."); len(words) == 3 {
			l.take(words[0], words[1], words[2])
		}
	}
	q := r.URL.Query()
	if r.Method != http.MethodGet || !q.Has("view") && !q.Has("sort") {
		return l
	}
	l.take(q.Get("view"), q.Get("sort"), q.Get("order"))
	view, order := "list", "asc"
	if l.grid {
		view = "grid"
	}
	if l.order.Descending {
		order = "desc"
	}
	http.SetCookie(w, &http.Cookie{Name: lookCookie, Value: view + "." + string(l.order.By) + "." + order, Path: drivePrefix, MaxAge: 365 * 24 * 3600,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: h.origin.Secure(r)})
	return l
}

func (l *look) take(view, sort, order string) {
	switch view {
	case "grid", "list":
		l.grid = view == "grid"
	}
	if by, err := drive.ParseSort(sort); err == nil && sort != "" {
		l.order = drive.Order{By: by, Descending: order == "desc"}
	}
}

// view is what the page of a folder shows, from a place on.
func (h *Web) view(r *http.Request, who authn.Principal, path drive.Path, l look, after string) (pages.Drive, error) {
	now, err := h.drives.Present(r.Context(), who.UserID) // before it is listed, so that nothing is missed
	if err != nil {
		return pages.Drive{}, err
	}
	list, err := h.drives.List(r.Context(), who.UserID, path, l.order, after, partSize)
	if code, _, _ := fault.Public(err); err != nil && code == "invalid_place" && after != "" { // one of another order, kept in a history
		after = ""
		list, err = h.drives.List(r.Context(), who.UserID, path, l.order, "", partSize)
	}
	if err != nil {
		return pages.Drive{}, err
	}
	usage, err := h.drives.Usage(r.Context(), who.UserID)
	if err != nil {
		return pages.Drive{}, err
	}
	folder := list.Folder
	v := pages.Drive{
		Frame:   pages.Frame{User: who.Username},
		Crumbs:  crumbs(folder.Path),
		Address: driveAddress(folder.Path),
		Path:    string(folder.Path),
		ID:      folder.ID,
		Since:   now.String(),
		Grid:    l.grid,
		Most:    drive.MaxAtOnce,
		Usage:   pages.Usage{Used: usage.Used, Quota: usage.Quota},
		MaxFile: h.drives.MaxFile(),
	}
	v.Columns = columns(v.Address, l.order)
	if folder.Path != drive.Root {
		v.Details = v.Address + "?details"
	}
	if after != "" {
		v.First = v.Address
	}
	if list.Next != "" {
		v.Next = v.Address + "?after=" + url.QueryEscape(list.Next)
	}
	v.Entries = make([]pages.Entry, len(list.Children))
	for i, node := range list.Children {
		v.Entries[i] = entry(node)
	}
	return v, nil
}

// columns are what a listing can be sorted by. The one that it is sorted by leads to the reverse.
func columns(address string, o drive.Order) []pages.Column {
	var all []pages.Column
	for _, by := range [...]drive.Sort{drive.SortName, drive.SortSize, drive.SortKind, drive.SortTime} {
		c := pages.Column{Key: string(by)}
		order := "asc"
		if by == o.By {
			if c.Sorted = "ascending"; o.Descending {
				c.Sorted = "descending"
			} else {
				order = "desc"
			}
		}
		c.Address = address + "?sort=" + string(by) + "&order=" + order
		all = append(all, c)
	}
	return all
}

func entry(n drive.Node) pages.Entry {
	e := pages.Entry{ID: n.ID, Name: n.Name, Folder: n.Folder, Size: n.Size, Modified: n.Modified, MediaType: n.MediaType, Action: driveAddress(n.Path)}
	e.Delete = e.Action + "?delete"
	e.Details = e.Action + "?details"
	if n.Folder {
		e.Address, e.Download = e.Action, e.Action+"?zip"
		return e
	}
	e.Address = viewAddress(n.Path)
	e.Download = rawAddress(n.Path) + "?download"
	if preview.Pictured(n) {
		e.Thumbnail = thumbAddress(n, preview.Small)
	}
	return e
}

// removedAt is what the notice after a removal tells of; nil if there is nothing to undo.
func (h *Web) removedAt(r *http.Request, who authn.Principal, micros int64) (*pages.Removed, error) {
	all, err := h.drives.RemovedAt(r.Context(), who.UserID, sqldb.Time(micros))
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &pages.Removed{Name: all[0].Node.Name, Count: len(all), At: strconv.FormatInt(micros, 10)}, nil
}

// removedAddress is the address of a folder with the notice of a removal.
func removedAddress(folder drive.Path, removed time.Time) string {
	return driveAddress(folder) + "?removed=" + strconv.FormatInt(sqldb.Micros(removed), 10)
}

func (h *Web) confirmDelete(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path) error {
	node, err := h.removable(r.Context(), who, path)
	if err != nil {
		return err
	}
	html, err := h.in(r).Delete(pages.Delete{
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
