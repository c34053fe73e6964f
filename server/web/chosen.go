package web

import (
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
)

// actOnChosen does what a form asks for with several files and folders of one folder.
func (h *Web) actOnChosen(w http.ResponseWriter, r *http.Request, who authn.Principal, folder drive.Path) error {
	action := r.PostForm.Get("action")
	switch action {
	case "delete-chosen", "choose-move", "choose-copy", "move", "copy", "download":
	default:
		return fault.New(fault.Invalid, "web.act", "The form asks for nothing that can be done here.")
	}
	paths, err := chosen(r, folder)
	if err != nil {
		return h.folderProblem(w, r, who, folder, "", err)
	}
	switch action {
	case "delete-chosen":
		return h.deleteAll(w, r, who, folder, paths)
	case "choose-move", "choose-copy":
		return h.pick(w, r, who, folder, paths, action == "choose-copy")
	case "download":
		return h.download(w, r, who, folder, paths)
	}
	return h.transfer(w, r, who, folder, paths, action == "copy")
}

// transfer moves or copies into a folder, one after the other: what was done before a refusal stays done.
func (h *Web) transfer(w http.ResponseWriter, r *http.Request, who authn.Principal, folder drive.Path, paths []drive.Path, copies bool) error {
	to, err := drive.ParsePath(r.PostForm.Get("to"))
	if err != nil {
		return err
	}
	do, done := h.drives.MoveInto, "moved"
	if copies {
		do, done = h.drives.CopyInto, "copied"
	}
	for i, path := range paths {
		if _, err := do(r.Context(), who.UserID, path, to, drive.Guard{}); err != nil {
			if i > 0 {
				err = &partly{err, pages.Partly{What: done, Count: i, Of: len(paths)}}
			}
			return h.folderProblem(w, r, who, folder, "", err)
		}
	}
	return redirect(w, r, driveAddress(to))
}

// pickPart is how many folders the page shows from which one is picked.
const pickPart = 200

// pick shows the folders into which something may go. The form holds what was chosen, so that the way through the folders takes no script
// and no memory of ours.
func (h *Web) pick(w http.ResponseWriter, r *http.Request, who authn.Principal, from drive.Path, paths []drive.Path, copies bool) error {
	at := from
	if r.PostForm.Has("at") {
		var err error
		if at, err = drive.ParsePath(r.PostForm.Get("at")); err != nil {
			return err
		}
	}
	list, err := h.drives.List(r.Context(), who.UserID, at, drive.Order{}, r.PostForm.Get("after"), pickPart)
	if err != nil {
		return err
	}
	v := pages.Pick{
		Frame: pages.Frame{User: who.Username}, Copy: copies, Action: driveAddress(from), Back: driveAddress(from),
		Items: r.PostForm["item"], At: string(list.Folder.Path), Name: list.Folder.Name, Next: list.Next, Here: at == from && !copies,
	}
	above := drive.Root
	v.Above = []pages.Place{{Path: string(above)}}
	for _, name := range list.Folder.Path.Names() {
		above = above.Join(name)
		v.Above = append(v.Above, pages.Place{Name: name, Path: string(above)})
	}
	taken := map[drive.Path]bool{}
	for _, path := range paths {
		taken[path] = true
	}
	for _, n := range list.Children {
		if !n.Folder {
			v.Next = "" // the files begin
			break
		}
		if !taken[n.Path] { // nothing goes into itself
			v.Folders = append(v.Folders, pages.Place{Name: n.Name, Path: string(n.Path)})
		}
	}
	html, err := h.in(r).Pick(v)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}
