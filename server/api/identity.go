package api

import (
	"net/http"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/server/answer"
)

// identityRoutes is the accounts at OpenID Connect providers that open the caller's. They are linked on the pages, since that
// takes a browser.
func (a *api) identityRoutes() []route {
	return []route{
		{"GET", v1 + "/me/identities", inSession(a.listIdentities)},
		{"DELETE", v1 + "/me/identities/{id}", inSession(a.unlink)},
	}
}

type identityBody struct {
	ID        string    `json:"id"`
	Issuer    string    `json:"issuer"`
	Provider  string    `json:"provider"`
	Label     string    `json:"label"`
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"used_at"`
}

type identitiesBody struct {
	Items []identityBody `json:"items"`
}

func (a *api) listIdentities(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	all, err := a.accounts.Identities(r.Context(), p)
	if err != nil {
		return err
	}
	body := identitiesBody{Items: make([]identityBody, 0, len(all))}
	for _, i := range all {
		body.Items = append(body.Items, identityBody{i.ID, i.Issuer, i.Provider, i.Label, i.Created.UTC(), i.Used.UTC()})
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

func (a *api) unlink(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	if err := a.accounts.Unlink(r.Context(), p, r.PathValue("id"), a.client(r)); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}
