package api

import (
	"net/http"
	"net/url"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/server/answer"
)

type userBody struct {
	ID            string     `json:"id"`
	Username      string     `json:"username"`
	Email         string     `json:"email"`
	Phone         string     `json:"phone"`
	EmailVerified bool       `json:"email_verified"`
	PhoneVerified bool       `json:"phone_verified"`
	Role          authn.Role `json:"role"`
	CreatedAt     time.Time  `json:"created_at"`
}

func userOf(u authn.User) userBody {
	return userBody{u.ID, u.Username, u.Email, u.Phone, u.EmailVerified, u.PhoneVerified, u.Role, u.Created.UTC()}
}

// signInBody is the answer to registering, signing in and refreshing.
type signInBody struct {
	AccessToken  string   `json:"access_token"`
	TokenType    string   `json:"token_type"`
	ExpiresIn    int64    `json:"expires_in"` // seconds
	RefreshToken string   `json:"refresh_token"`
	User         userBody `json:"user"`
	H5URL        string   `json:"h5_url"` // opens the pages signed in, once, within a minute
}

func (a *api) signInOf(r *http.Request, s authn.SignIn) signInBody {
	return signInBody{
		AccessToken: s.AccessToken, TokenType: "Bearer", ExpiresIn: int64(s.ExpiresIn / time.Second),
		RefreshToken: s.RefreshToken, User: userOf(s.User),
		H5URL: a.origin.Base(r) + "/open?ticket=" + url.QueryEscape(s.Ticket),
	}
}

func (a *api) login(w http.ResponseWriter, r *http.Request) error {
	var in authn.Credentials
	if err := readBody(w, r, fields{"login": &in.Login, "password": &in.Password, "otp": &in.OTP}); err != nil {
		return err
	}
	if err := required("login", in.Login, "password", in.Password); err != nil {
		return err
	}
	s, err := a.accounts.Login(r.Context(), in, a.client(r))
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, a.signInOf(r, s))
	return nil
}

func (a *api) refresh(w http.ResponseWriter, r *http.Request) error {
	var token string
	if err := readBody(w, r, fields{"refresh_token": &token}); err != nil {
		return err
	}
	if err := required("refresh_token", token); err != nil {
		return err
	}
	s, err := a.accounts.Refresh(r.Context(), token, a.client(r))
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, a.signInOf(r, s))
	return nil
}

func (a *api) logout(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	if err := a.accounts.Logout(r.Context(), p, a.client(r)); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}

type meBody struct {
	User  userBody  `json:"user"`
	Drive driveBody `json:"drive"`
}

// driveBody is how full a drive is, in bytes. A null quota is no limit.
type driveBody struct {
	Used  int64  `json:"used"`
	Quota *int64 `json:"quota"`
}

func (a *api) me(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	u, err := a.accounts.User(r.Context(), p.UserID)
	if err != nil {
		return err
	}
	if p.AppPassword != "" { // it opens the drive, and tells no more of its owner than it was made with
		u = authn.User{ID: u.ID, Username: u.Username, Role: u.Role, Created: u.Created}
	}
	usage, err := a.drives.Usage(r.Context(), p.UserID)
	if err != nil {
		return err
	}
	body := meBody{User: userOf(u), Drive: driveBody{Used: usage.Used}}
	if usage.Quota >= 0 {
		body.Drive.Quota = &usage.Quota
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}
