package client

import (
	"context"
	"net/http"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// User is an account.
type User struct {
	ID       string    `json:"id"`
	Username string    `json:"username"`
	Email    string    `json:"email"`
	Phone    string    `json:"phone"`
	Role     string    `json:"role"`
	Created  time.Time `json:"created_at"`
}

// Me is who asks, and how full the drive is.
type Me struct {
	User  User `json:"user"`
	Drive struct {
		Used  int64  `json:"used"`  // bytes
		Quota *int64 `json:"quota"` // bytes; nil is no limit
	} `json:"drive"`
}

// Registration is what an account is made of. Username, or one of the addresses, is enough.
type Registration struct {
	Username   string `json:"username,omitempty"`
	Password   string `json:"password"`
	Email      string `json:"email,omitempty"`
	Phone      string `json:"phone,omitempty"`
	Code       string `json:"code,omitempty"` // that was sent to the address
	Invitation string `json:"invitation,omitempty"`
}

// Register makes an account and signs it in.
func (c *Client) Register(ctx context.Context, r Registration) (Session, error) {
	var in signIn
	err := c.call(ctx, http.MethodPost, "/api/v1/register", nil, r, &in, false)
	return in.session(c.server), err
}

// SendCode has a code sent to an e-mail address or a phone, to register with.
func (c *Client) SendCode(ctx context.Context, to, invitation string) error {
	in := map[string]string{"purpose": "register", "to": to}
	if invitation != "" {
		in["invitation"] = invitation
	}
	return c.call(ctx, http.MethodPost, "/api/v1/codes", nil, in, nil, false)
}

// Login signs in. otp is the code of a second factor, or empty: Unauthenticated with code "otp_required" asks for it.
func (c *Client) Login(ctx context.Context, login, password, otp string) (Session, error) {
	body := map[string]string{"login": login, "password": password}
	if otp != "" {
		body["otp"] = otp
	}
	var in signIn
	err := c.call(ctx, http.MethodPost, "/api/v1/login", nil, body, &in, false)
	return in.session(c.server), err
}

// Logout ends the session on the server. One that has ended already is no error, and with an app password there is none.
func (c *Client) Logout(ctx context.Context) error {
	err := c.call(ctx, http.MethodPost, "/api/v1/logout", nil, nil, nil, true)
	code, _, _ := fault.Public(err)
	if fault.Is(err, fault.Unauthenticated) || err != nil && code == "no_session" {
		return nil
	}
	return err
}

// Me is who asks.
func (c *Client) Me(ctx context.Context) (Me, error) {
	var me Me
	err := c.call(ctx, http.MethodGet, "/api/v1/me", nil, nil, &me, true)
	return me, err
}
