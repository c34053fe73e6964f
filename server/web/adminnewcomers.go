package web

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/pages"
)

// newestPeople is how many of the newest accounts are shown beside the invitations.
const newestPeople = 10

func (h *Web) newcomers(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	return h.showNewcomers(w, r, who, pages.Newcomers{}, nil)
}

// showNewcomers fills in what the page always has.
func (h *Web) showNewcomers(w http.ResponseWriter, r *http.Request, who authn.Principal, v pages.Newcomers, failed error) error {
	v.AdminFrame = adminFrame(r, who, newcomersPath, failed)
	settings := h.accounts.Newcomers()
	registration := settings.Registration
	if registration != authn.RegistrationOpen && registration != authn.RegistrationInvite {
		registration = authn.RegistrationClosed
	}
	v.Registration, v.Verify = "admin.newcomers.registration."+registration, "admin.newcomers.verify."+settings.Verify
	if v.Invite.Uses == "" && v.Invite.Days == "" {
		v.Invite.Uses, v.Invite.Days = "1", "7"
	}
	all, err := h.accounts.Invitations(r.Context())
	if err != nil {
		return err
	}
	v.Invitations, v.NextInvitations = invitationsAfter(all, r.URL.Query().Get("after"))
	newest, err := h.accounts.Users(r.Context(), authn.UserFilter{Order: authn.NewestFirst, Limit: newestPeople})
	if err != nil {
		return err
	}
	if v.Newest, err = h.personsOf(r.Context(), who, newest); err != nil {
		return err
	}
	html, err := h.in(r).Newcomers(v)
	if err != nil {
		return err
	}
	return write(w, adminStatus(w, r, failed), html)
}

// invitationsAfter is a page of invitations, which are newest first: those that were made before the one with the id after.
func invitationsAfter(all []authn.Invitation, after string) (items []pages.Invitation, next string) {
	now := time.Now()
	for _, i := range all {
		if after != "" && i.ID >= after {
			continue
		}
		if len(items) == adminPart {
			return items, withQuery(newcomersPath, "after", items[adminPart-1].ID)
		}
		items = append(items, pages.Invitation{ID: i.ID, Note: i.Note, Uses: i.Uses, Used: i.Used, Created: i.Created, Expires: i.Expires,
			Ended: !i.Expires.After(now) || i.Used >= i.Uses})
	}
	return items, ""
}

// changeNewcomers makes an invitation or an account, or revokes an invitation.
func (h *Web) changeNewcomers(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	switch r.PostForm.Get("action") {
	case "invite":
		return h.invite(w, r, who)
	case "make-user":
		return h.makeUser(w, r, who)
	case "revoke":
		if err := h.administer(r, who).RevokeInvitation(r.Context(), r.PostForm.Get("id")); err != nil {
			return h.showNewcomers(w, r, who, pages.Newcomers{}, err)
		}
		return redirect(w, r, withQuery(newcomersPath, "done", "revoked"))
	}
	return noSuchForm()
}

func (h *Web) invite(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	f := r.PostForm
	v := pages.Newcomers{Invite: pages.InviteForm{Uses: f.Get("uses"), Days: f.Get("days"), Note: f.Get("note")}, Of: "invite"}
	uses, _ := strconv.Atoi(v.Invite.Uses) // what is no number is out of bounds
	days, _ := strconv.Atoi(v.Invite.Days)
	if most := int(authn.MaxInvitationLife / (24 * time.Hour)); days > most {
		days = most + 1 // out of bounds before it is multiplied
	}
	made, code, err := h.administer(r, who).Invite(r.Context(), authn.NewInvitation{Uses: uses, Life: time.Duration(days) * 24 * time.Hour, Note: v.Invite.Note})
	if err != nil {
		return h.showNewcomers(w, r, who, v, err)
	}
	return h.showNewcomers(w, r, who, pages.Newcomers{Made: &pages.MadeInvitation{
		Note: made.Note, Link: h.origin.Base(r) + "/register?invitation=" + url.QueryEscape(code), Uses: made.Uses, Expires: made.Expires,
	}}, nil)
}

// makeUser makes an account with a password that is shown this once.
func (h *Web) makeUser(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	f := r.PostForm
	v := pages.Newcomers{NewUser: pages.NewUserForm{Username: f.Get("username"), Email: f.Get("email"), Quota: f.Get("quota"), Admin: f.Get("admin") != ""}, Of: "make-user"}
	n := authn.NewUser{Registration: authn.Registration{Username: v.NewUser.Username, Email: v.NewUser.Email, Password: authn.MakePassword()}, Role: authn.RoleUser}
	if v.NewUser.Admin {
		n.Role = authn.RoleAdmin
	}
	if v.NewUser.Quota != "" {
		quota, err := parseQuota(v.NewUser.Quota)
		if err != nil {
			return h.showNewcomers(w, r, who, v, err)
		}
		n.Quota = &quota
	}
	u, err := h.administer(r, who).CreateUser(r.Context(), n)
	if err != nil {
		return h.showNewcomers(w, r, who, v, err)
	}
	return h.showNewcomers(w, r, who, pages.Newcomers{MadeUser: &pages.MadeUser{Username: u.Username, Password: n.Password, Address: personAddress(u.ID)}}, nil)
}
