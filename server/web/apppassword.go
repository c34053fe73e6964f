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

const appPasswordsPath = accountPath + "/app-passwords"

// offeredFolders bounds how many folders of the top one are offered to choose from; any other may be typed.
const offeredFolders = 100

// appPasswordRoutes is the passwords for programs and devices.
func (h *Web) appPasswordRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET " + appPasswordsPath:  h.private(h.appPasswords),
		"POST " + appPasswordsPath: h.private(h.changeAppPasswords),
	}
}

func (h *Web) appPasswords(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showAppPasswords(w, r, who, http.StatusOK, pages.AppPasswords{})
}

func (h *Web) changeAppPasswords(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	if r.PostForm.Get("action") == "revoke" {
		err := h.accounts.RevokeAppPassword(r.Context(), who, r.PostForm.Get("id"), h.client(r))
		if err != nil && !fault.Is(err, fault.NotFound) { // it was removed already
			return err
		}
		return h.showAppPasswords(w, r, who, http.StatusOK, pages.AppPasswords{AccountFrame: pages.AccountFrame{Done: pages.Say("app-password.removed")}})
	}
	f := r.PostForm
	form := pages.AppPasswordForm{Name: f.Get("name"), Folder: f.Get("folder"), ReadOnly: f.Get("read_only") != "", Days: f.Get("days")}
	made, err := h.madeAppPassword(r, who, form)
	if err != nil {
		status := reportForm(w, r, err)
		return h.showAppPasswords(w, r, who, status, pages.AppPasswords{
			AccountFrame: pages.AccountFrame{Frame: pages.Frame{Problem: appPasswordProblem(r, err)}}, Form: form,
		})
	}
	return h.showAppPasswords(w, r, who, http.StatusOK, pages.AppPasswords{Made: made})
}

// madeAppPassword makes an app password, and answers it to be shown.
func (h *Web) madeAppPassword(r *http.Request, who authn.Principal, form pages.AppPasswordForm) (*pages.MadeAppPassword, error) {
	made, secret, err := h.makeAppPassword(r, who, form)
	if err != nil {
		return nil, err
	}
	return &pages.MadeAppPassword{Name: made.Name, Username: who.Username, Password: secret, Address: h.origin.Base(r) + h.mount,
		Link: h.origin.MountLink(r, h.mount, who.Username, secret)}, nil
}

// appPasswordProblem puts what is wrong with the folder beside its input.
func appPasswordProblem(r *http.Request, err error) *pages.Problem {
	p := problemOf(r, err, false)
	switch code, sentence, _ := fault.Public(err); {
	case fault.Is(err, fault.NotFound):
		p.Sentence = "There is no such folder."
		p.Fields["folder"] = p.Sentence
	case code == "invalid_name", code == "is_file":
		p.Fields["folder"] = sentence
	}
	return p
}

func (h *Web) makeAppPassword(r *http.Request, who authn.Principal, form pages.AppPasswordForm) (authn.AppPassword, string, error) {
	in := authn.NewAppPassword{Name: form.Name, ReadOnly: form.ReadOnly}
	if form.Days != "" {
		days, err := strconv.Atoi(form.Days)
		if err != nil || days < 1 || days > 36500 {
			return authn.AppPassword{}, "", fault.New(fault.Invalid, "web.makeAppPassword", "").WithCode("invalid_fields")
		}
		in.Expires = time.Now().AddDate(0, 0, days)
	}
	path, err := drive.ParsePath(form.Folder)
	if err != nil {
		return authn.AppPassword{}, "", err
	}
	if path != drive.Root {
		node, err := h.drives.Stat(r.Context(), who.UserID, path)
		if err == nil && !node.Folder {
			err = fault.New(fault.Invalid, "web.makeAppPassword", "This is a file, not a folder.").WithCode("is_file")
		}
		if err != nil {
			return authn.AppPassword{}, "", err
		}
		in.Folder = node.ID
	}
	return h.accounts.CreateAppPassword(r.Context(), who, in, proofOf(r), h.client(r))
}

// showAppPasswords fills in what the page always has.
func (h *Web) showAppPasswords(w http.ResponseWriter, r *http.Request, who authn.Principal, status int, v pages.AppPasswords) error {
	ctx := r.Context()
	done, problem := v.Done, v.Problem
	v.AccountFrame = accountFrame(who, appPasswordsPath)
	v.Done, v.Problem = done, problem
	var err error
	if v.Form.AskPassword, v.Form.AskCode, err = h.accounts.MustConfirm(ctx, who); err != nil {
		return err
	}
	if v.Items, err = h.listAppPasswords(ctx, who); err != nil {
		return err
	}
	top, err := h.drives.List(ctx, who.UserID, drive.Root, drive.Order{}, "", offeredFolders)
	if err != nil {
		return err
	}
	for _, child := range top.Children {
		if child.Folder {
			v.Folders = append(v.Folders, string(child.Path))
		}
	}
	html, err := h.in(r).AppPasswords(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

func (h *Web) listAppPasswords(ctx context.Context, who authn.Principal) ([]pages.AppPassword, error) {
	all, err := h.accounts.AppPasswords(ctx, who.UserID)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	items := make([]pages.AppPassword, 0, len(all))
	for _, p := range all {
		item := pages.AppPassword{ID: p.ID, Name: p.Name, ReadOnly: p.ReadOnly, Created: p.Created, Seen: p.Seen, Expires: p.Expires, Asks: now}
		if p.Folder != "" {
			node, err := h.drives.StatID(ctx, who.UserID, p.Folder)
			switch {
			case err == nil:
				item.Folder = string(node.Path)
			case fault.Is(err, fault.NotFound):
				item.FolderGone = true
			default:
				return nil, err
			}
		}
		items = append(items, item)
	}
	return items, nil
}
