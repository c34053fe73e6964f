package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/sqldb"
)

const trashPath = "/trash"

// trashRoutes is what was removed.
func (h *Web) trashRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + trashPath:  h.private(h.trash),
		"POST " + trashPath: h.private(h.actOnTrash),
	}
}

// trash lists what was removed, newest first, or asks before all of it is removed for good.
func (h *Web) trash(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if r.URL.Query().Has("empty") {
		return h.confirmPurge(w, r, who, nil)
	}
	v, err := h.trashView(r, who, r.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	return h.showTrash(w, r, http.StatusOK, v)
}

func (h *Web) trashView(r *http.Request, who authn.Principal, after string) (pages.Trash, error) {
	all, next, err := h.drives.TrashList(r.Context(), who.UserID, after, partSize)
	if err != nil {
		return pages.Trash{}, err
	}
	v := pages.Trash{Frame: pages.Frame{User: who.Username}, Further: after != ""}
	if next != "" {
		v.Next = trashPath + "?after=" + url.QueryEscape(next)
	}
	for _, t := range all {
		e := entry(t.Node)
		v.Items = append(v.Items, pages.Trashed{ID: t.Node.ID, Name: t.Node.Name, Folder: t.Node.Folder, Size: t.Node.Size, Icon: e.Icon(),
			Where: string(t.Node.Path.Parent()), Removed: t.Removed, Expires: t.Expires})
	}
	return v, nil
}

func (h *Web) showTrash(w http.ResponseWriter, r *http.Request, status int, v pages.Trash) error {
	html, err := h.in(r).Trash(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// trashProblem shows the trash with why nothing, or not all, was done.
func (h *Web) trashProblem(w http.ResponseWriter, r *http.Request, who authn.Principal, err error) error {
	v, viewErr := h.trashView(r, who, "")
	if viewErr != nil {
		return err
	}
	v.Problem = problemOf(r, err, false)
	return h.showTrash(w, r, report(w, r, err), v)
}

func (h *Web) actOnTrash(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	action := r.PostForm.Get("action")
	switch action {
	case "undo":
		return h.undo(w, r, who)
	case "empty":
		return h.purge(w, r, who, "")
	case "restore", "ask-purge", "purge":
	default:
		return fault.New(fault.Invalid, "web.trash", "The form asks for nothing that can be done here.")
	}
	ids, err := chosenIDs(r)
	if err != nil {
		return h.trashProblem(w, r, who, err)
	}
	switch action {
	case "restore":
		return h.restore(w, r, who, ids)
	case "ask-purge":
		return h.confirmPurge(w, r, who, ids)
	}
	return h.purge(w, r, who, ids...)
}

// chosenIDs are the ids that a form names. None is empty: that would stand for all.
func chosenIDs(r *http.Request) ([]string, error) {
	ids := r.PostForm["item"]
	if len(ids) == 0 {
		return nil, fault.New(fault.Invalid, "web.chosenIDs", "Choose something first.").WithCode("nothing_chosen")
	}
	if len(ids) > drive.MaxAtOnce {
		return nil, fault.New(fault.TooLarge, "web.chosenIDs", "").WithCode("too_many_nodes")
	}
	for _, id := range ids {
		if !sqldb.ValidID(id) {
			return nil, fault.New(fault.NotFound, "web.chosenIDs", "")
		}
	}
	return ids, nil
}

// restore puts things back, and shows the folder of the last one.
func (h *Web) restore(w http.ResponseWriter, r *http.Request, who authn.Principal, ids []string) error {
	var node drive.Node
	for _, id := range ids {
		var err error
		if node, err = h.drives.Restore(r.Context(), who.UserID, id); err != nil {
			return h.trashProblem(w, r, who, err)
		}
	}
	return redirect(w, r, driveAddress(node.Path.Parent()))
}

func (h *Web) purge(w http.ResponseWriter, r *http.Request, who authn.Principal, ids ...string) error {
	for _, id := range ids {
		if err := h.drives.Purge(r.Context(), who.UserID, id); err != nil {
			return h.trashProblem(w, r, who, err)
		}
	}
	return redirect(w, r, trashPath)
}

func (h *Web) confirmPurge(w http.ResponseWriter, r *http.Request, who authn.Principal, ids []string) error {
	html, err := h.in(r).Purge(pages.Purge{Frame: pages.Frame{User: who.Username}, Items: ids})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}

// undo restores what one removal took, and goes back to where that was.
func (h *Web) undo(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	at, err := strconv.ParseInt(r.PostForm.Get("at"), 10, 64)
	if err != nil {
		return fault.New(fault.Invalid, "web.undo", "")
	}
	nodes, err := h.drives.Undo(r.Context(), who.UserID, sqldb.Time(at))
	if err != nil {
		return h.trashProblem(w, r, who, err)
	}
	if len(nodes) == 0 {
		return redirect(w, r, trashPath)
	}
	return redirect(w, r, driveAddress(nodes[0].Path.Parent()))
}
