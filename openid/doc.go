// Package openid signs people in at an OpenID Connect provider: it sends them there, and finds out
// from what comes back who they are there (OpenID Connect Core 1.0, authorization code flow, with PKCE).
//
// A [Provider] believes nothing that it has not checked: the ID token's signature by a key that the provider
// publishes, iss, aud, azp, exp, nonce and at_hash (Core, section 3.1.3.7), and the issuer that the answer names
// (RFC 9207). Whatever it reads has a bounded length and comes within a bounded time, and no redirect is followed.
//
// The provider is asked about itself (Discovery 1.0) when somebody first wants to sign in, again every hour, so that a key
// that the provider withdrew is no longer believed, and a few seconds after an attempt that failed. One that is
// down keeps nothing else from working.
//
// Who may sign in, and which account is whose, is for package authn. What a provider says in words goes to the log only.
package openid
