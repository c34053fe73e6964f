package web

import (
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
)

const identitiesPath = pages.IdentitiesSection

// identities shows which accounts elsewhere open one's own.
func (h *Web) identities(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showIdentities(w, r, who, http.StatusOK, pages.Identities{})
}

func (h *Web) showIdentities(w http.ResponseWriter, r *http.Request, who authn.Principal, status int, v pages.Identities) error {
	problem := v.Problem
	v.AccountFrame = accountFrame(who, identitiesPath)
	v.Problem = problem
	all, err := h.accounts.Identities(r.Context(), who)
	if err != nil {
		return err
	}
	for _, i := range all {
		v.Items = append(v.Items, pages.Identity{ID: i.ID, Provider: i.Provider, Issuer: i.Issuer, Label: i.Label, Created: i.Created, Used: i.Used})
	}
	if v.HasPassword, err = h.accounts.HasPassword(r.Context(), who); err != nil {
		return err
	}
	for _, p := range h.accounts.Providers() {
		v.Elsewhere = append(v.Elsewhere, pages.Elsewhere{Name: p.Name(), Address: p.ID()})
	}
	html, err := h.in(r).Identities(v)
	if err != nil {
		return err
	}
	return write(w, status, html)
}

// changeIdentities does what a form on the page asks for.
func (h *Web) changeIdentities(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	var err error
	switch f := r.PostForm; f.Get("action") {
	case "link":
		var begun authn.OIDCBegun
		if begun, err = h.accounts.BeginLink(r.Context(), who, f.Get("password"), h.oidcStart(r, f.Get("provider"), identitiesPath)); err == nil {
			return h.onward(w, r, begun)
		}
	case "unlink":
		if err = h.accounts.Unlink(r.Context(), who, f.Get("id"), h.client(r)); err == nil {
			return redirect(w, r, identitiesPath)
		}
	default:
		err = fault.New(fault.Invalid, "web.changeIdentities", "The form asks for nothing that can be done here.")
	}
	return h.showIdentities(w, r, who, report(w, r, err), pages.Identities{AccountFrame: pages.AccountFrame{Frame: pages.Frame{Problem: problemOf(r, err, false)}}})
}
