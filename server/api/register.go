package api

import (
	"net/http"
	"net/url"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/server/answer"
)

// registerRoutes is making accounts, codes that prove addresses, and what an account is known by.
func (a *api) registerRoutes() []route {
	return []route{
		{"POST", v1 + "/register", a.register},
		{"POST", v1 + "/codes", a.sendCode},
		{"POST", v1 + "/password/reset", a.resetPassword},
		{"PATCH", v1 + "/me", inSession(a.rename)},
		{"POST", v1 + "/me/email", inSession(a.changeEmail)},
		{"POST", v1 + "/me/phone", inSession(a.changePhone)},
		{"GET", v1 + "/admin/invitations", asAdmin(a.listInvitations)},
		{"POST", v1 + "/admin/invitations", asAdmin(a.invite)},
		{"DELETE", v1 + "/admin/invitations/{id}", asAdmin(a.revokeInvitation)},
	}
}

func (a *api) register(w http.ResponseWriter, r *http.Request) error {
	var in authn.Registration
	if err := readBody(w, r, fields{"username": &in.Username, "password": &in.Password,
		"email": &in.Email, "phone": &in.Phone, "code": &in.Code, "invitation": &in.Invitation}); err != nil {
		return err
	}
	s, err := a.accounts.Register(r.Context(), in, a.client(r))
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusCreated, a.signInOf(r, s))
	return nil
}

// codeBody says how long a code is good for and when another one may be asked for, in seconds.
type codeBody struct {
	ExpiresIn   int64 `json:"expires_in"`
	ResendAfter int64 `json:"resend_after"`
}

// sendCode answers the same whether anybody has the address or not.
func (a *api) sendCode(w http.ResponseWriter, r *http.Request) error {
	var in authn.CodeRequest
	if err := readBody(w, r, fields{"purpose": &in.Purpose, "to": &in.To, "invitation": &in.Invitation}); err != nil {
		return err
	}
	if err := required("purpose", in.Purpose, "to", in.To); err != nil {
		return err
	}
	send := func(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
		sent, err := a.accounts.SendCode(r.Context(), p, in, a.client(r))
		if err != nil {
			return err
		}
		answer.JSON(w, r, http.StatusAccepted, codeBody{int64(sent.ExpiresIn / time.Second), int64(sent.ResendAfter / time.Second)})
		return nil
	}
	if in.Purpose == authn.CodeEmail || in.Purpose == authn.CodePhone {
		return inSession(send)(w, r)
	}
	return send(w, r, authn.Principal{})
}

func (a *api) resetPassword(w http.ResponseWriter, r *http.Request) error {
	var to, code, password string
	if err := readBody(w, r, fields{"to": &to, "code": &code, "new_password": &password}); err != nil {
		return err
	}
	if err := required("to", to, "code", code, "new_password", password); err != nil {
		return err
	}
	if err := a.accounts.ResetPassword(r.Context(), to, code, password, a.client(r)); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}

func (a *api) rename(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var proof authn.Proof
	var username string
	if err := readBody(w, r, fields{"username": &username, "password": &proof.Password, "otp": &proof.OTP}); err != nil {
		return err
	}
	if err := required("username", username); err != nil {
		return err
	}
	u, err := a.accounts.Rename(r.Context(), p, username, proof, a.client(r))
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, userOf(u))
	return nil
}

func (a *api) changeEmail(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var proof authn.Proof
	var email, code string
	if err := readBody(w, r, fields{"email": &email, "code": &code, "password": &proof.Password, "otp": &proof.OTP}); err != nil {
		return err
	}
	u, err := a.accounts.ChangeEmail(r.Context(), p, email, code, proof, a.client(r))
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, userOf(u))
	return nil
}

func (a *api) changePhone(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var proof authn.Proof
	var phone, code string
	if err := readBody(w, r, fields{"phone": &phone, "code": &code, "password": &proof.Password, "otp": &proof.OTP}); err != nil {
		return err
	}
	u, err := a.accounts.ChangePhone(r.Context(), p, phone, code, proof, a.client(r))
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, userOf(u))
	return nil
}

type invitationBody struct {
	ID        string    `json:"id"`
	Note      string    `json:"note"`
	Uses      int       `json:"uses"`
	Used      int       `json:"used"`
	CreatedBy string    `json:"created_by"` // id of the administrator; empty for the command line
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

func invitationOf(i authn.Invitation) invitationBody {
	return invitationBody{i.ID, i.Note, i.Uses, i.Used, i.CreatedBy, i.Created.UTC(), i.Expires.UTC()}
}

// newInvitationBody is the one answer that holds the code.
type newInvitationBody struct {
	invitationBody
	Code string `json:"code"`
	URL  string `json:"url"`
}

func (a *api) listInvitations(w http.ResponseWriter, r *http.Request, _ authn.Principal) error {
	all, err := a.accounts.Invitations(r.Context())
	if err != nil {
		return err
	}
	body := struct {
		Items []invitationBody `json:"items"`
	}{Items: make([]invitationBody, 0, len(all))}
	for _, i := range all {
		body.Items = append(body.Items, invitationOf(i))
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

func (a *api) invite(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	uses, seconds, note := int64(1), int64(7*24*time.Hour/time.Second), ""
	if err := readBody(w, r, fields{"uses": &uses, "expires_in": &seconds, "note": &note}); err != nil {
		return err
	}
	// Out of bounds before it is multiplied.
	if most := int64(authn.MaxInvitationLife / time.Second); seconds > most {
		seconds = most + 1
	}
	uses, seconds = min(max(uses, 0), authn.MaxInvitationUses+1), max(seconds, 0)
	i, code, err := a.accounts.Administer(p, a.client(r)).Invite(r.Context(), authn.NewInvitation{Uses: int(uses), Life: time.Duration(seconds) * time.Second, Note: note})
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusCreated, newInvitationBody{invitationOf(i), code, a.origin.Base(r) + "/register?invitation=" + url.QueryEscape(code)})
	return nil
}

func (a *api) revokeInvitation(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	if err := a.accounts.Administer(p, a.client(r)).RevokeInvitation(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}
