package api

import (
	"net/http"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// sessionRoutes is where the account is signed in, and its password.
func (a *api) sessionRoutes() []route {
	return []route{
		{"GET", v1 + "/sessions", inSession(a.listSessions)},
		{"DELETE", v1 + "/sessions", inSession(a.endSessions)},
		{"DELETE", v1 + "/sessions/{id}", inSession(a.endSession)},
		{"POST", v1 + "/me/password", inSession(a.changePassword)},
	}
}

type sessionBody struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Device    string    `json:"device"`
	UserAgent string    `json:"user_agent"`
	Address   string    `json:"address"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at"`
	Current   bool      `json:"current"`
}

type sessionsBody struct {
	Items []sessionBody `json:"items"`
}

func (a *api) listSessions(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	return a.tellSessions(w, r, p)
}

// tellSessions answers the sessions of an account, and which of them asks.
func (a *api) tellSessions(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	all, err := a.accounts.Sessions(r.Context(), p)
	if err != nil {
		return err
	}
	body := sessionsBody{Items: make([]sessionBody, 0, len(all))}
	for _, s := range all {
		body.Items = append(body.Items, sessionBody{s.ID, s.Kind, s.Device.String(), s.UserAgent, s.Address, s.Created.UTC(), s.Seen.UTC(), s.Current})
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

func (a *api) endSession(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	if err := a.accounts.EndSession(r.Context(), p, r.PathValue("id"), a.client(r)); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}

type endedBody struct {
	Ended int64 `json:"ended"` // sessions
}

// endSessions ends all sessions but this one; with ?all=true this one too.
func (a *api) endSessions(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var all bool
	switch r.URL.Query().Get("all") {
	case "", "false":
	case "true":
		all = true
	default:
		return invalid("invalid_fields", []fault.Field{{Name: "all", Code: "invalid", Message: `This is "true" or "false".`}})
	}
	n, err := a.accounts.EndSessions(r.Context(), p, all, a.client(r))
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, endedBody{n})
	return nil
}

func (a *api) changePassword(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var proof authn.Proof
	var next string
	if err := readBody(w, r, fields{"password": &proof.Password, "otp": &proof.OTP, "new_password": &next}); err != nil {
		return err
	}
	if err := required("new_password", next); err != nil {
		return err
	}
	if err := a.accounts.ChangePassword(r.Context(), p, proof, next, a.client(r)); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}
