package authn

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/openid"
	"github.com/satchelhq/satchel/sqldb"
)

// The cookie that ties a sign-in at a provider to the browser that began it: HttpOnly, SameSite=Lax, Path=/, for OIDCTTL.
const (
	OIDCCookieName       = "satchel-oidc"
	SecureOIDCCookieName = "__Host-satchel-oidc"
)

// OIDCTTL is how long somebody may take to sign in at a provider.
const OIDCTTL = 10 * time.Minute

const (
	// maxOIDC bounds the sign-ins that are under way, maxOIDCNetwork those from one network: the oldest make room for new ones, so that
	// a flood from one network pushes out its own.
	maxOIDC        = 10_000
	maxOIDCNetwork = 200
	// maxOIDCNext bounds the address to go on to that is kept meanwhile, in bytes. A longer one is forgotten.
	maxOIDCNext = 2 << 10
)

// OIDCStart is what a sign-in at a provider begins with.
type OIDCStart struct {
	Provider string // its id
	Callback string // the address at which the provider's answer arrives
	Next     string // where to go on to; given back at the end
	Cookie   string // that the browser has already; empty if none
	Client   Client
}

// OIDCBegun is a sign-in that has begun.
type OIDCBegun struct {
	Address string // where to send the browser
	Cookie  string // that the browser is to keep for OIDCTTL
	Name    string // of the provider
}

// Providers are where people may sign in besides.
func (a *Accounts) Providers() []*openid.Provider { return a.o.Providers }

// OIDCRegisters reports whether signing in at a provider makes an account for who has none.
func (a *Accounts) OIDCRegisters() bool {
	if a.o.OIDCRegistration == "" {
		return a.adjusted.Load().Registration == RegistrationOpen && a.o.Verify != VerifyPhone // no provider is asked for phone numbers
	}
	return a.o.OIDCRegistration == RegistrationOpen
}

// BeginOIDC begins a sign-in. NotFound for a provider that there is not; Busy with code "provider_unavailable".
func (a *Accounts) BeginOIDC(ctx context.Context, s OIDCStart) (OIDCBegun, error) {
	b, err := a.beginOIDC(ctx, s, Principal{})
	return b, fault.Wrap(err, "authn.BeginOIDC")
}

// BeginLink begins a sign-in that ends with the provider's account opening the caller's. Since it will do so from then on, whoever
// only found an open session must not begin it: the password is asked for again, and of an account without one
// that it signed in just now. Forbidden with code "wrong_password" or "sign_in_again", TooMany; the rest as BeginOIDC.
func (a *Accounts) BeginLink(ctx context.Context, p Principal, password string, s OIDCStart) (OIDCBegun, error) {
	if err := a.confirm(ctx, p, password, s.Client); err != nil {
		return OIDCBegun{}, fault.Wrap(err, "authn.BeginLink")
	}
	b, err := a.beginOIDC(ctx, s, p)
	return b, fault.Wrap(err, "authn.BeginLink")
}

func (a *Accounts) beginOIDC(ctx context.Context, s OIDCStart, p Principal) (OIDCBegun, error) {
	provider, err := a.provider(s.Provider)
	if err != nil {
		return OIDCBegun{}, err
	}
	if !secretShape(s.Cookie) {
		s.Cookie, _ = newSecret()
	}
	state, hash := newSecret()
	address, err := provider.Address(ctx, oidcRequest(s.Callback, state, s.Cookie))
	if err != nil {
		return OIDCBegun{}, err
	}
	if len(s.Next) > maxOIDCNext {
		s.Next = ""
	}
	err = a.db.Update(ctx, func(tx *sqldb.Tx) error {
		now, from := a.now(), networkOf(s.Client.Address)
		if _, err := tx.Exec(ctx, `INSERT INTO oidc_sign_ins (state, browser, provider, callback, next, user_id, session_id, network, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, hash, hashSecret(s.Cookie), provider.ID(), s.Callback, s.Next,
			p.UserID, p.SessionID, from, now, now+OIDCTTL.Microseconds()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM oidc_sign_ins WHERE state IN (SELECT state FROM oidc_sign_ins WHERE network = $1
			ORDER BY created_at DESC LIMIT 1000 OFFSET $2)`, from, maxOIDCNetwork); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM oidc_sign_ins WHERE state IN (SELECT state FROM oidc_sign_ins
			ORDER BY created_at DESC LIMIT 1000 OFFSET $1)`, maxOIDC)
		return err
	})
	return OIDCBegun{Address: address, Cookie: s.Cookie, Name: provider.Name()}, err
}

func (a *Accounts) provider(id string) (*openid.Provider, error) {
	for _, p := range a.o.Providers {
		if p.ID() == id {
			return p, nil
		}
	}
	return nil, fault.New(fault.NotFound, "authn.provider", "")
}

// oidcRequest is what a sign-in is begun and completed with. PKCE's verifier and the nonce follow from the state, which travels with the
// browser, and from its cookie, which nobody else sees: a copy of the database completes nobody's sign-in, and neither does a code
// in another browser.
func oidcRequest(callback, state, cookie string) openid.Request {
	derived := func(what string) string {
		mac := hmac.New(sha256.New, []byte(cookie))
		mac.Write([]byte(what + " " + state))
		return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	return openid.Request{Redirect: callback, State: state, Nonce: derived("nonce"), Verifier: derived("verifier")}
}
