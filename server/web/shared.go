package web

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/preview"
)

const (
	sharePassCookie   = "satchel-share"  // that the password was right
	shareResumeCookie = "satchel-resume" // that a download was counted
	shareSentCookie   = "satchel-sent"   // that something is on its way into a drop box
	shareMemory       = 24 * time.Hour   // of all, and how long one download may take
)

// visit is a request of somebody who has a link.
type visit struct {
	ctx   context.Context // reaches what is shared, and nothing else
	share drive.Share
	top   drive.Node // the file or folder that is shared
	path  drive.Path // in the drive, of what is asked for
}

// address is that of something in the share, by its path in the drive.
func (v *visit) address(p drive.Path) string {
	at := sharePrefix + v.share.Token
	if below := p.Below(v.top.Path); below != drive.Root {
		at += "/" + escape(below)
	}
	return at
}

// visit finds what a link opens. Whatever it does not open, any more or for any reason, is NotFound in the same words.
func (h *Web) visit(r *http.Request) (*visit, error) {
	v, err := h.opened(r)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) {
		return nil, fault.New(fault.NotFound, "web.visit", "")
	}
	return v, err
}

// reach is what a link reaches: drive.OpenShare, while its owner counts.
func (h *Web) reach(r *http.Request) (context.Context, drive.Share, drive.Node, error) {
	ctx, share, top, err := h.drives.OpenShare(r.Context(), r.PathValue("token"))
	if err != nil {
		return nil, share, top, err
	}
	owner, err := h.accounts.User(r.Context(), share.DriveID) // a user's drive has the user's id
	if err == nil && owner.Disabled {
		err = fault.New(fault.NotFound, "web.reach", "")
	}
	return ctx, share, top, err
}

func (h *Web) opened(r *http.Request) (*visit, error) {
	ctx, share, top, err := h.reach(r)
	if err != nil {
		return nil, err
	}
	v := &visit{ctx: ctx, share: share, top: top, path: top.Path}
	below, err := drive.ParsePath(r.PathValue("path"))
	if err == nil && below != drive.Root {
		v.path, err = drive.Inside(ctx, below)
	}
	if err == nil && v.path != top.Path && (share.Kind == drive.ShareDrop || !top.Folder) {
		err = fault.New(fault.NotFound, "web.opened", "")
	}
	return v, err
}

// passed reports whether a visitor has typed the share's password, or there is none.
func (h *Web) passed(r *http.Request, v *visit) (bool, error) {
	if !v.share.Protected() {
		return true, nil
	}
	cookie, err := r.Cookie(sharePassCookie)
	if err != nil {
		return false, nil
	}
	return h.drives.ShareSigned(r.Context(), v.share, "open", cookie.Value)
}

// privacy keeps what a link opens out of caches and of what search engines find.
func privacy(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Robots-Tag", "noindex, nofollow")
}

// shared shows what a link opens, or sends it.
func (h *Web) shared(w http.ResponseWriter, r *http.Request) error {
	privacy(w)
	v, err := h.visit(r)
	if err != nil {
		return err
	}
	ok, err := h.passed(r, v)
	if err != nil {
		return err
	}
	if !ok {
		return h.askSharePassword(w, r, v, http.StatusOK, nil)
	}
	if v.share.Kind == drive.ShareDrop {
		return h.dropPage(w, r, v, http.StatusOK, nil)
	}
	q := r.URL.Query()
	switch {
	case q.Has("zip"):
		return h.sendFolder(w, r, v)
	case q.Has("download"), q.Has("raw"):
		return h.sendShared(w, r, v)
	case q.Has("thumb"):
		return h.sendSharedThumb(w, r, v)
	}
	return h.showShared(w, r, v)
}

// actOnShared takes the share's password, or files for a drop box.
func (h *Web) actOnShared(w http.ResponseWriter, r *http.Request) error {
	privacy(w)
	v, err := h.visit(r)
	if err != nil {
		return err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == "multipart/form-data" {
		return h.drop(w, r, v)
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	if v.share.Spent() {
		return fault.New(fault.NotFound, "web.actOnShared", "")
	}
	if err := h.drives.ProveShare(r.Context(), v.share, r.PostForm.Get("password")); err != nil {
		if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.TooMany) {
			return h.askSharePassword(w, r, v, report(w, r, err), err)
		}
		return err
	}
	signed, err := h.drives.SignShare(r.Context(), v.share, "open", shareMemory)
	if err != nil {
		return err
	}
	h.remember(w, r, sharePassCookie, signed, sharePrefix+v.share.Token)
	if v.share.Kind == drive.ShareDrop {
		h.remember(w, r, sharePassCookie, signed, v.endpoint())
	}
	return redirect(w, r, v.address(v.path))
}

func (h *Web) remember(w http.ResponseWriter, r *http.Request, name, value, path string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: path, MaxAge: int(shareMemory / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: h.origin.Secure(r)})
}

// askSharePassword says nothing of what is shared.
func (h *Web) askSharePassword(w http.ResponseWriter, r *http.Request, v *visit, status int, problem error) error {
	if v.share.Spent() {
		return fault.New(fault.NotFound, "web.askSharePassword", "")
	}
	page := pages.Shared{Frame: pages.Frame{User: userOf(r)}, Ask: true, Address: v.address(v.path)}
	if problem != nil {
		page.Problem = problemOf(r, problem, false)
	}
	return h.writeShared(w, r, status, page)
}

func (h *Web) writeShared(w http.ResponseWriter, r *http.Request, status int, page pages.Shared) error {
	html, err := h.in(r).Shared(page)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// showShared is the page of a file or a folder.
func (h *Web) showShared(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.share.Spent() {
		return fault.New(fault.NotFound, "web.showShared", "")
	}
	node, err := h.drives.Stat(v.ctx, v.share.DriveID, v.path)
	if err != nil {
		return err
	}
	page := pages.Shared{Frame: pages.Frame{User: userOf(r)}, Name: node.Name, Folder: node.Folder, Size: node.Size, Modified: node.Modified, MediaType: node.MediaType,
		Address: v.address(node.Path), Link: h.origin.Base(r) + v.address(node.Path), Public: !v.share.Protected(), Limited: v.share.Most > 0}
	if node.ID == v.top.ID {
		page.Name = v.share.Name
	} else {
		page.Crumbs = v.crumbs(node.Path)
	}
	if node.Folder {
		return h.showSharedFolder(w, r, v, page)
	}
	page.Download = page.Address + "?download"
	if !page.Limited { // looking would count as a download
		if err := h.lookAtShared(r.Context(), &page, v, node); err != nil {
			return err
		}
	}
	if page.Public && !page.Limited {
		if page.Picture, err = h.sharedPicture(r, v, node); err != nil {
			return err
		}
	}
	return h.writeShared(w, r, http.StatusOK, page)
}

func (h *Web) showSharedFolder(w http.ResponseWriter, r *http.Request, v *visit, page pages.Shared) error {
	list, err := h.drives.List(v.ctx, v.share.DriveID, v.path, drive.Order{}, r.URL.Query().Get("after"), partSize)
	if fault.Is(err, fault.Invalid) {
		err = fault.New(fault.NotFound, "web.showSharedFolder", "")
	}
	if err != nil {
		return err
	}
	page.Download = page.Address + "?zip"
	if list.Next != "" {
		page.Next = page.Address + "?after=" + url.QueryEscape(list.Next)
	}
	for _, n := range list.Children {
		at := v.address(n.Path)
		e := pages.Entry{Name: n.Name, Folder: n.Folder, Size: n.Size, Modified: n.Modified, MediaType: n.MediaType, Address: at}
		if !n.Folder {
			e.Download = at + "?download"
		}
		if !page.Limited && preview.Pictured(n) {
			e.Thumbnail = v.thumbAddress(n, preview.Small)
		}
		page.Entries = append(page.Entries, e)
	}
	if page.Public && !page.Limited {
		if page.Picture, err = h.sharedPicture(r, v, list.Children...); err != nil {
			return err
		}
	}
	return h.writeShared(w, r, http.StatusOK, page)
}

// crumbs are the folders from the shared one to the one that holds p.
func (v *visit) crumbs(p drive.Path) []pages.Crumb {
	all := []pages.Crumb{{Name: v.share.Name, Address: v.address(v.top.Path)}}
	at, names := v.top.Path, p.Below(v.top.Path).Names()
	for _, name := range names[:max(0, len(names)-1)] {
		at = at.Join(name)
		all = append(all, pages.Crumb{Name: name, Address: v.address(at)})
	}
	return all
}

// sendShared sends a file. It counts as a download, unless it goes on with one that was counted.
func (h *Web) sendShared(w http.ResponseWriter, r *http.Request, v *visit) error {
	node, content, err := h.drives.Open(v.ctx, v.share.DriveID, v.path)
	if code, _, _ := fault.Public(err); err != nil && code == "is_folder" {
		return redirect(w, r, v.address(v.path))
	}
	if err != nil {
		return err
	}
	defer content.Close()
	if err := h.count(w, r, v, node); err != nil {
		return err
	}
	show := r.URL.Query().Has("raw") && shownInline(node.MediaType)
	if v.share.Most == 0 && !v.share.Protected() && h.handOver(w, r, node, !r.URL.Query().Has("raw")) { // whoever has the address could count and pass the password by
		return nil
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(shareMemory)) // what cannot set deadlines is no network
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	defer h.watched(w, r, v, node)()
	serveFileAs(w, r, node, content, show)
	return nil
}

// count takes a download from a share. What counts is asking for a file from its first byte, or for any of it without a cookie which says that this very
// content was counted for this browser within a day. HEAD counts nothing, and is NotFound where GET would be. Where there is no limit the count is only what
// the owner is told: ranges and what a page shows are left out of it.
func (h *Web) count(w http.ResponseWriter, r *http.Request, v *visit, node drive.Node) error {
	switch {
	case r.Method == http.MethodHead && v.share.Spent():
		return fault.New(fault.NotFound, "web.count", "")
	case r.Method == http.MethodHead:
		return nil
	case v.share.Most == 0 && (r.Header.Get("Range") != "" || r.URL.Query().Has("raw")):
		return nil
	case v.share.Most == 0:
		return h.drives.TakeShare(r.Context(), v.share.ID)
	}
	what := "resume " + node.ID + " " + node.ETag()
	if cookie, err := r.Cookie(shareResumeCookie); err == nil && goesOn(r, node) {
		if ok, err := h.drives.ShareSigned(r.Context(), v.share, what, cookie.Value); ok || err != nil {
			return err
		}
	}
	if err := h.drives.TakeShare(r.Context(), v.share.ID); err != nil {
		return err
	}
	signed, err := h.drives.SignShare(r.Context(), v.share, what, shareMemory)
	if err != nil {
		return err
	}
	h.remember(w, r, shareResumeCookie, signed, v.address(node.Path))
	return nil
}

// goesOn reports whether a request asks for one range that does not begin at the first byte, of the content that there is: with an If-Range that does
// not hold it would get the whole (RFC 9110, section 13.1.5).
func goesOn(r *http.Request, node drive.Node) bool {
	if condition := r.Header.Get("If-Range"); condition != "" && condition != node.ETag() {
		return false
	}
	spec, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	first, _, whole := strings.Cut(spec, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	return ok && whole && !strings.Contains(spec, ",") && err == nil && from > 0
}
