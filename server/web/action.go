package web

import (
	"mime"
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// maxSelection bounds the body of a form with what was chosen, in bytes: drive.MaxAtOnce long names.
const maxSelection = 1 << 20

// act does what a form on a page about the drive asks for, and shows what it did.
func (h *Web) act(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	path, err := drive.ParsePath(r.PathValue("path"))
	if err != nil {
		return err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == "multipart/form-data" {
		return h.upload(w, r, who, path)
	}
	if err := parseFormOf(w, r, maxSelection); err != nil {
		return err
	}
	switch r.PostForm.Get("action") {
	case "new-folder":
		return h.newFolder(w, r, who, path)
	case "delete":
		return h.delete(w, r, who, path)
	case "rename":
		return h.rename(w, r, who, path)
	case "restore-version":
		return h.changeVersion(w, r, who, path, true)
	case "remove-version":
		return h.changeVersion(w, r, who, path, false)
	}
	return h.actOnChosen(w, r, who, path)
}

func (h *Web) newFolder(w http.ResponseWriter, r *http.Request, who authn.Principal, parent drive.Path) error {
	name := strings.TrimSpace(r.PostForm.Get("name"))
	path, err := child(parent, name)
	if err == nil {
		_, err = h.drives.MakeFolder(r.Context(), who.UserID, path, drive.Guard{})
	}
	if err != nil {
		return h.folderProblem(w, r, who, parent, name, err)
	}
	return redirect(w, r, driveAddress(parent))
}

func (h *Web) delete(w http.ResponseWriter, r *http.Request, who authn.Principal, path drive.Path) error {
	return h.deleteAll(w, r, who, path.Parent(), []drive.Path{path})
}

func (h *Web) deleteAll(w http.ResponseWriter, r *http.Request, who authn.Principal, folder drive.Path, paths []drive.Path) error {
	removed, err := h.drives.TrashAll(r.Context(), who.UserID, paths, drive.Guard{})
	if err != nil {
		return h.folderProblem(w, r, who, folder, "", err)
	}
	if len(removed) == 0 {
		return redirect(w, r, driveAddress(folder))
	}
	return redirect(w, r, removedAddress(folder, removed[0].Removed))
}

// child is the path of name in folder, both within their bounds.
func child(folder drive.Path, name string) (drive.Path, error) {
	if err := drive.CheckName(name); err != nil {
		return "", err
	}
	return drive.ParsePath(string(folder.Join(name)))
}

// chosen are the paths of what a form names in a folder.
func chosen(r *http.Request, folder drive.Path) ([]drive.Path, error) {
	names := r.PostForm["item"]
	switch {
	case len(names) == 0:
		return nil, fault.New(fault.Invalid, "web.chosen", "Choose something first.").WithCode("nothing_chosen")
	case len(names) > drive.MaxAtOnce:
		return nil, fault.New(fault.TooLarge, "web.chosen", "At most 1000 files and folders at once.").WithCode("too_many_nodes")
	}
	return children(folder, names)
}

// children are the paths of names in a folder.
func children(folder drive.Path, names []string) ([]drive.Path, error) {
	paths := make([]drive.Path, len(names))
	for i, name := range names {
		var err error
		if paths[i], err = child(folder, name); err != nil {
			return nil, err
		}
	}
	return paths, nil
}
