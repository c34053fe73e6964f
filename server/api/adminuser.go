package api

import (
	"net/http"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/server/answer"
)

// adminUserRoutes is what administrators see and take back of how one opens an account.
func (a *api) adminUserRoutes() []route {
	return []route{
		{"DELETE", v1 + "/admin/users/{id}/second-factor", asAdmin(a.resetUserFactor)},
		{"GET", v1 + "/admin/users/{id}/sessions", asAdmin(a.userSessions)},
		{"GET", v1 + "/admin/users/{id}/app-passwords", asAdmin(a.userAppPasswords)},
		{"DELETE", v1 + "/admin/users/{id}/app-passwords/{app_password}", asAdmin(a.revokeUserAppPassword)},
	}
}

func (a *api) resetUserFactor(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	return a.administered(w, r, a.accounts.Administer(p, a.client(r)).ResetFactor(r.Context(), r.PathValue("id")))
}

func (a *api) userSessions(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	u, err := a.accounts.User(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return a.tellSessions(w, r, authn.Principal{UserID: u.ID, SessionID: p.SessionID})
}

// userAppPasswordBody is another's app password: to which folder it is kept is its owner's business.
type userAppPasswordBody struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Limited  bool       `json:"limited"` // to a folder
	ReadOnly bool       `json:"read_only"`
	Created  time.Time  `json:"created_at"`
	Seen     *time.Time `json:"seen_at"`
	Expires  *time.Time `json:"expires_at"`
}

func (a *api) userAppPasswords(w http.ResponseWriter, r *http.Request, _ authn.Principal) error {
	u, err := a.accounts.User(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	all, err := a.accounts.AppPasswords(r.Context(), u.ID)
	if err != nil {
		return err
	}
	body := pageBody[userAppPasswordBody]{Items: make([]userAppPasswordBody, 0, len(all))}
	for _, p := range all {
		body.Items = append(body.Items, userAppPasswordBody{p.ID, p.Name, p.Folder != "", p.ReadOnly, p.Created.UTC(), timeOrNull(p.Seen), timeOrNull(p.Expires)})
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

func (a *api) revokeUserAppPassword(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	return a.administered(w, r, a.accounts.Administer(p, a.client(r)).RevokeAppPassword(r.Context(), r.PathValue("id"), r.PathValue("app_password")))
}
