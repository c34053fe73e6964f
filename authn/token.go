package authn

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

const (
	audience  = "satchel"
	tokenType = "at+jwt" // RFC 9068, section 2.1
	// scopeAll is the one scope there is: everything that the account may do. A token of any other
	// scope is refused until something understands it.
	scopeAll = "all"
	// maxToken bounds what is parsed, in bytes. Our own are below 600.
	maxToken = 2048
	// clockSkew is by how much the clocks of two nodes may differ.
	clockSkew = 10 * time.Second
)

// claims are an access token's (RFC 7519, section 4.1; scope: RFC 8693, section 4.2).
type claims struct {
	jwt.RegisteredClaims        // iss, sub (user id), aud, exp, iat, jti
	SessionID            string `json:"sid"`
	Scope                string `json:"scope"`
}

// Validate is called by the parser after the registered claims were checked.
func (c claims) Validate() error {
	if !sqldb.ValidID(c.Subject) || !sqldb.ValidID(c.SessionID) || c.IssuedAt == nil || c.Scope != scopeAll {
		return errors.New("sub, sid, iat or scope is not of ours")
	}
	return nil
}

// accessToken signs a token for a session.
func (a *Accounts) accessToken(ctx context.Context, userID, sessionID string) (string, error) {
	key, err := a.keys.signer(ctx)
	if err != nil {
		return "", err
	}
	now := a.o.Now()
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: a.o.Issuer, Subject: userID, Audience: jwt.ClaimStrings{audience}, ID: sqldb.NewID(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(a.o.AccessTTL)),
		},
		SessionID: sessionID,
		Scope:     scopeAll,
	})
	t.Header["kid"], t.Header["typ"] = key.id, tokenType
	return t.SignedString(key.private)
}

// Bearer answers whose access token it is. Besides the token itself it looks at the session and the account, so
// that a sign-out counts at once. Unauthenticated with code "token_expired", "invalid_token" or "session_ended".
func (a *Accounts) Bearer(ctx context.Context, token string) (Principal, error) {
	c, err := a.parse(ctx, token)
	if err != nil {
		return Principal{}, fault.Wrap(err, "authn.Bearer")
	}
	l, err := a.tokenSession(ctx, sessionKey{c.SessionID, c.Subject})
	if err != nil {
		return Principal{}, fault.Wrap(err, "authn.Bearer")
	}
	a.seen(ctx, l)
	l.Method = MethodBearer
	return l.Principal, nil
}

// parse verifies all that a token says about itself. The algorithm is ours to choose, not the token's
// (RFC 8725, section 3.1).
func (a *Accounts) parse(ctx context.Context, token string) (claims, error) {
	var c claims
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") { // encoding/base64 skips line ends
		return c, invalidToken(errors.New("too long, or not on one line"))
	}
	digest, now := sha256.Sum256([]byte(token)), a.o.Now()
	if known, ok := a.verified.find(ctx, a.keys, digest, now); ok {
		return known, nil
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(a.o.Issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithTimeFunc(a.o.Now), jwt.WithLeeway(clockSkew), jwt.WithStrictDecoding(),
	)
	var unread error // the keys could not be read: not the token's fault
	var kid string
	_, err := parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		if _, critical := t.Header["crit"]; critical || t.Header["typ"] != tokenType {
			return nil, errors.New("not an access token") // RFC 7515, section 4.1.11
		}
		kid, _ = t.Header["kid"].(string)
		public, err := a.keys.verifier(ctx, kid)
		if err != nil {
			unread = err
			return nil, err
		}
		if public == nil {
			return nil, errors.New("unknown key")
		}
		return public, nil
	})
	switch {
	case unread != nil:
		return c, unread
	case errors.Is(err, jwt.ErrTokenExpired):
		e := fault.New(fault.Unauthenticated, "authn.parse", "The access token has expired.").WithCode("token_expired")
		e.Err = err
		return c, e
	case err != nil:
		return c, invalidToken(err)
	}
	a.verified.remember(digest, verifiedToken{claims: c, kid: kid, until: c.ExpiresAt.Add(clockSkew)}, now)
	return c, nil
}

func invalidToken(cause error) error {
	e := fault.New(fault.Unauthenticated, "authn.parse", "The access token is not valid.").WithCode("invalid_token")
	e.Err = cause
	return e
}
