package web

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
)

// details shows what is known of a file or folder, and what can be done with it.
func (h *Web) details(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path) error {
	return h.showDetails(w, r, who, path, http.StatusOK, nil, "")
}

func (h *Web) showDetails(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path, status int, problem *pages.Problem, newName string) error {
	node, err := h.drives.Stat(r.Context(), who.UserID, path)
	if err != nil {
		return err
	}
	v := pages.Details{
		Frame: pages.Frame{User: who.Username, Problem: problem}, Entry: entry(node), Crumbs: crumbs(node.Path), Created: node.Created,
		SHA256: hex.EncodeToString(node.SHA256), NewName: newName, Root: node.Path == drive.Root,
		Back: driveAddress(node.Path.Parent()), Versions: driveAddress(node.Path) + "?versions", Rewind: rewindAddress(node.Path),
		Share: pages.ShareForm{Path: string(node.Path), Folder: node.Folder, Of: node.Name},
	}
	if v.NewName == "" {
		v.NewName = node.Name
	}
	if !node.Folder {
		all, err := h.drives.Versions(r.Context(), who.UserID, path)
		if err != nil {
			return err
		}
		v.Kept = len(all)
	}
	html, err := h.in(r).Details(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// rename gives a file or folder another name in its folder.
func (h *Web) rename(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path) error {
	name := strings.TrimSpace(r.PostForm.Get("name"))
	to, err := child(path.Parent(), name)
	if err == nil && name != path.Name() {
		_, _, err = h.drives.Move(r.Context(), who.UserID, path, to, false, drive.Guard{})
	}
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return err
		}
		return h.showDetails(w, r, who, path, report(w, r, err), problemOf(r, err, false), name)
	}
	return redirect(w, r, driveAddress(path.Parent()))
}

// versions lists what a file held before.
func (h *Web) versions(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path) error {
	node, err := h.drives.Stat(r.Context(), who.UserID, path)
	if err != nil {
		return err
	}
	if node.Folder {
		return redirect(w, r, driveAddress(path)+"?details")
	}
	all, err := h.drives.Versions(r.Context(), who.UserID, path)
	if err != nil {
		return err
	}
	v := pages.Versions{
		Frame: pages.Frame{User: who.Username}, Entry: entry(node), Crumbs: crumbs(node.Path),
		Back: driveAddress(node.Path) + "?details",
	}
	for _, one := range all {
		address := rawAddress(node.Path) + "?version=" + url.QueryEscape(one.ID)
		v.Versions = append(v.Versions, pages.Version{ID: one.ID, Size: one.Size, Modified: one.Modified, Replaced: one.Replaced,
			Address: address, Download: address + "&download"})
	}
	html, err := h.in(r).Versions(v)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}

// changeVersion restores a version of the file at path, or removes it.
func (h *Web) changeVersion(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path, restore bool) (err error) {
	id := r.PostForm.Get("version")
	if restore {
		_, err = h.drives.RestoreVersion(r.Context(), who.UserID, id, drive.Guard{})
	} else {
		err = h.drives.RemoveVersion(r.Context(), who.UserID, id, drive.Guard{})
	}
	if err != nil {
		return err
	}
	return redirect(w, r, driveAddress(path)+"?versions")
}
