package openid

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/satchelhq/satchel/fault"
)

// maxAtOnce bounds the sign-ins that are being completed with one provider at a time: anybody can make us ask it for a code that never was.
const maxAtOnce = 16

// maxCode bounds an authorization code, in bytes. No standard does; real ones stay below 2 KiB.
const maxCode = 8 << 10

// Request is what a sign-in is begun with and completed with. All but Redirect are secrets of this one sign-in.
type Request struct {
	Redirect string // the address at which the provider's answer arrives, as the provider knows it
	State    string
	Nonce    string
	Verifier string // of PKCE: 43 to 128 characters (RFC 7636, section 4.1)
}

// Address is where to send the browser. Busy with code "provider_unavailable".
func (p *Provider) Address(ctx context.Context, r Request) (string, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return "", fault.Wrap(err, "openid.Address")
	}
	config := m.config
	config.RedirectURL = r.Redirect
	return config.AuthCodeURL(r.State, oidc.Nonce(r.Nonce), oauth2.S256ChallengeOption(r.Verifier)), nil
}

// Answer is what the provider sent back with the browser.
type Answer struct {
	Code   string
	Issuer string // RFC 9207; empty if the answer names none
	Error  string // RFC 6749, section 4.1.2.1; empty if there is none
}

// Person is who signed in, as the provider knows them. All but Subject may be empty, and may be chosen by whoever signed in.
type Person struct {
	Subject           string // names the person for ever, at this issuer
	Email             string
	EmailVerified     bool // the provider made sure that the address is theirs
	PreferredUsername string
	Name              string
}

// Complete finds out who signed in. Whoever calls it has made sure that the answer belongs to the request and has not been seen before.
// Forbidden with code "sign_in_cancelled"; Unauthenticated with code "provider_refused" for whatever is not confirmed; Busy with
// code "provider_unavailable", or if many sign-ins are being completed.
func (p *Provider) Complete(ctx context.Context, r Request, a Answer) (Person, error) {
	const op = "openid.Complete"
	if a.Issuer != "" && a.Issuer != p.o.Issuer {
		return Person{}, p.refused(op, fmt.Errorf("the answer is from the issuer %q", a.Issuer))
	}
	switch {
	case a.Error == "access_denied":
		return Person{}, fault.New(fault.Forbidden, op, "The sign-in at "+p.o.Name+" was cancelled, or "+p.o.Name+" does not let you in here.").WithCode("sign_in_cancelled")
	case a.Error == "temporarily_unavailable", a.Error == "server_error":
		return Person{}, p.unavailable(op, fmt.Errorf("it answers %q", a.Error))
	case a.Error != "":
		return Person{}, p.refused(op, fmt.Errorf("it answers %q", a.Error))
	case a.Code == "" || len(a.Code) > maxCode:
		return Person{}, p.refused(op, errors.New("the answer has no code, or one that is too long"))
	}
	m, err := p.discover(ctx)
	if err != nil {
		return Person{}, fault.Wrap(err, op)
	}
	if m.namesIssuer && a.Issuer == "" {
		return Person{}, p.refused(op, errors.New("the provider names the issuer in all its answers, and not in this one"))
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), 2*p.o.Patience)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return Person{}, fault.Wrap(ctx.Err(), op)
	}
	person, err := p.redeem(ctx, m, r, a.Code)
	var answered *oauth2.RetrieveError
	switch {
	case err == nil:
		return person, nil
	case errors.As(err, new(unusable)), errors.As(err, &answered) && answered.Response != nil && answered.Response.StatusCode < http.StatusInternalServerError:
		return Person{}, p.refused(op, err)
	}
	return Person{}, p.unavailable(op, err)
}

// unusable is an answer that came and is not believed. Any other error is an answer that did not come.
type unusable struct{ error }

func (u unusable) Unwrap() error { return u.error }

// redeem turns a code into who the person is.
func (p *Provider) redeem(ctx context.Context, m *metadata, r Request, code string) (Person, error) {
	config := m.config
	config.RedirectURL = r.Redirect
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(r.Verifier))
	if err != nil {
		return Person{}, err
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return Person{}, unusable{errors.New("there is no ID token")}
	}
	id, err := m.verifier.Verify(ctx, raw)
	if err != nil {
		return Person{}, unusable{err}
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return Person{}, unusable{err}
	}
	if err := p.check(id, c, token.AccessToken, r.Nonce); err != nil {
		return Person{}, unusable{err}
	}
	if c.Email == "" && c.PreferredUsername == "" && m.provider.UserInfoEndpoint() != "" {
		// Many providers put the least into the ID token (Core 1.0, section 5.4).
		info, err := m.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return Person{}, fmt.Errorf("userinfo: %w", err)
		}
		if info.Subject != id.Subject { // Core 1.0, section 5.3.2
			return Person{}, unusable{errors.New("userinfo is about somebody else")}
		}
		c = claims{}
		if err := info.Claims(&c); err != nil {
			return Person{}, unusable{err}
		}
	}
	return Person{Subject: id.Subject, Email: c.Email, EmailVerified: bool(c.EmailVerified), PreferredUsername: c.PreferredUsername, Name: c.Name}, nil
}

// maxSubject is how long a subject may be (Core 1.0, section 2).
const maxSubject = 255 // ASCII characters

// check is what the library leaves to us of Core 1.0, sections 2, 3.1.3.7 and 3.1.3.8.
func (p *Provider) check(id *oidc.IDToken, c claims, accessToken, nonce string) error {
	switch {
	case nonce == "" || subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return errors.New("the ID token has another nonce: it is of another sign-in")
	case len(id.Audience) > 1 && c.AuthorizedParty == "", c.AuthorizedParty != "" && c.AuthorizedParty != p.o.ClientID:
		return errors.New("the ID token is for another client (azp)")
	case id.Subject == "" || len(id.Subject) > maxSubject || !printableASCII(id.Subject):
		return errors.New("the ID token has no subject, or one that no issuer may use")
	case id.AccessTokenHash != "":
		return id.VerifyAccessToken(accessToken)
	}
	return nil
}

func printableASCII(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// claims are what is read of an ID token or of userinfo beside what the library knows (Core 1.0, section 5.1).
type claims struct {
	AuthorizedParty   string `json:"azp"`
	Email             string `json:"email"`
	EmailVerified     yes    `json:"email_verified"`
	PreferredUsername string `json:"preferred_username"`
	Name              string `json:"name"`
}

// yes is a boolean that some providers send as a string. Whatever is not clearly true is false.
type yes bool

func (y *yes) UnmarshalJSON(text []byte) error {
	*y = string(text) == `true` || string(text) == `"true"`
	return nil
}
