package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/answer"
)

const (
	sharesPath  = accountPath + "/shares"
	sharePrefix = "/s/"
)

// shareRoutes is what users open to others, and what others see of it.
func (h *Web) shareRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + sharesPath:                         h.private(h.shares),
		"POST " + sharesPath:                        h.private(h.changeShares),
		"GET " + sharePrefix + "{token}":            h.shared,
		"GET " + sharePrefix + "{token}/{path...}":  h.shared,
		"POST " + sharePrefix + "{token}":           h.actOnShared,
		"POST " + sharePrefix + "{token}/{path...}": h.actOnShared,
	}
}

func (h *Web) shares(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showShares(w, r, who, http.StatusOK, pages.Shares{})
}

// changeShares makes a share or ends one.
func (h *Web) changeShares(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	if r.PostForm.Get("action") == "remove" {
		id := r.PostForm.Get("id")
		if err := h.drives.RemoveShare(r.Context(), who.UserID, id); err != nil {
			return err
		}
		if err := h.accounts.RecordShare(r.Context(), who, authn.AuditShareEnded, id, h.client(r)); err != nil {
			return err
		}
		return redirect(w, r, sharesPath+"?removed")
	}
	f := r.PostForm
	form := pages.ShareForm{Path: f.Get("path"), Kind: f.Get("kind"), Name: f.Get("name"), Days: f.Get("days"), Most: f.Get("most")}
	path, err := drive.ParsePath(form.Path)
	if err != nil {
		return err
	}
	node, err := h.drives.Stat(r.Context(), who.UserID, path)
	if err != nil {
		return err
	}
	form.Folder, form.Of = node.Folder, node.Name
	made, err := h.makeShare(r, who, path, form)
	if err != nil {
		return h.showShares(w, r, who, report(w, r, err), pages.Shares{AccountFrame: pages.AccountFrame{Frame: pages.Frame{Problem: problemOf(r, err, false)}}, Form: &form})
	}
	if err := h.accounts.RecordShare(r.Context(), who, authn.AuditShareMade, string(made.Kind)+" of "+string(path)+" ("+made.ID+")", h.client(r)); err != nil {
		return err
	}
	return redirect(w, r, sharesPath+"?made="+made.ID)
}

func (h *Web) makeShare(r *http.Request, who authn.Principal, path drive.Path, form pages.ShareForm) (drive.Share, error) {
	n := drive.NewShare{Kind: drive.ShareKind(form.Kind), Name: form.Name, Password: r.PostForm.Get("password")}
	number := func(name, text string, most int64) (int64, error) {
		if text == "" {
			return 0, nil
		}
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v < 1 || v > most {
			e := fault.New(fault.Invalid, "web.makeShare", "").WithCode("invalid_fields")
			e.Fields = []fault.Field{{Name: name, Code: "invalid", Message: "A whole number, at most " + strconv.FormatInt(most, 10) + "."}}
			return 0, e
		}
		return v, nil
	}
	days, err := number("expires_at", form.Days, 36500)
	if err != nil {
		return drive.Share{}, err
	}
	if days > 0 {
		n.Expires = time.Now().AddDate(0, 0, int(days))
	}
	if n.Most, err = number("max_uses", form.Most, drive.MaxShareUses); err != nil {
		return drive.Share{}, err
	}
	return h.drives.MakeShare(r.Context(), who.UserID, path, n)
}

// showShares fills in what the page always has.
func (h *Web) showShares(w http.ResponseWriter, r *http.Request, who authn.Principal, status int, v pages.Shares) error {
	problem := v.Problem
	v.AccountFrame = accountFrame(who, sharesPath)
	v.Problem, v.Removed = problem, r.URL.Query().Has("removed")
	all, err := h.drives.Shares(r.Context(), who.UserID)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, s := range all {
		item, err := h.shareItem(r.Context(), h.origin.Base(r), s, now)
		if err != nil {
			return err
		}
		if s.ID == r.URL.Query().Get("made") {
			v.Made = &item
		}
		v.Items = append(v.Items, item)
	}
	html, err := h.in(r).Shares(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

func (h *Web) shareItem(ctx context.Context, base string, s drive.Share, now time.Time) (pages.Share, error) {
	item := pages.Share{ID: s.ID, Name: s.Name, Link: base + sharePrefix + s.Token, Drop: s.Kind == drive.ShareDrop, Protected: s.Protected(), Uses: s.Uses, Most: s.Most,
		Created: s.Created, Used: s.Used, Expires: s.Expires, Ended: s.Ended(now) || s.Spent()}
	node, err := h.drives.StatID(ctx, s.DriveID, s.NodeID)
	switch {
	case err == nil:
		item.Path, item.Details = string(node.Path), driveAddress(node.Path)+"?details"
	case !fault.Is(err, fault.NotFound):
		return item, err
	}
	return item, nil
}
