package web

import (
	"mime"
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

// act does what a form on a folder's page asks for, and shows the folder.
func (h *Web) act(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	path, err := drive.ParsePath(r.PathValue("path"))
	if err != nil {
		return err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == "multipart/form-data" {
		return h.upload(w, r, who, path)
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	switch r.PostForm.Get("action") {
	case "new-folder":
		return h.newFolder(w, r, who, path)
	case "delete":
		return h.delete(w, r, who, path)
	}
	return fault.New(fault.Invalid, "web.act", "The form asks for nothing that can be done here.")
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
	if err := h.drives.Trash(r.Context(), who.UserID, path, drive.Guard{}); err != nil {
		return h.folderProblem(w, r, who, path.Parent(), "", err)
	}
	return redirect(w, r, driveAddress(path.Parent()))
}

// child is the path of name in folder, both within their bounds.
func child(folder drive.Path, name string) (drive.Path, error) {
	if err := drive.CheckName(name); err != nil {
		return "", err
	}
	return drive.ParsePath(string(folder.Join(name)))
}
