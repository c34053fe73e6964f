// Package authn knows who is asking: accounts, and the four ways to prove one.
//
//   - Bearer: an access token, a signed JWT of a few minutes (token.go, keys.go),
//     renewed with a rotating refresh token (refresh.go)
//   - Basic: a name with an app password (apppassword.go) or, as long as there is no second factor, with the account's
//     own, for WebDAV and tus clients (basic.go)
//   - Cookie: a page session (page.go), opened by the sign-in form, by a
//     one-time ticket that an app got with its tokens (ticket.go), or by
//     signing in at an OpenID Connect provider (oidcbegin.go, oidcfinish.go,
//     identity.go; what is said to the provider is in package openid)
//
// Each of them ends as a [Principal] in the request's context (principal.go).
// What a principal may touch is decided where the things are: a user's drive has
// the user's id.
//
// A second factor (factor.go) is an authenticator app (totp.go) or a passkey (passkey*.go), with recovery codes
// (recovery.go) for who loses it. On the pages it is a second step, half a sign-in after the first (half.go).
//
// An account is made in register.go, by invitation where that is asked for
// (invite.go); codes prove addresses (code.go) and stand in for a forgotten password
// (reset.go). What people are told leaves by a [Sender] (deliver.go). Names are checked in name.go, a
// password, if there is one, is hashed in password.go and proven in login.go. session.go holds
// what token and page sessions share; admin.go is for those who run the server.
//
// Two rules hold throughout. Secrets are stored as hashes only, but for the signing keys and the secrets
// of authenticator apps, which the server itself needs (totp.go). And every request is decided by the
// rows as they are at that moment, read or known not to have changed (sqldb.Memo), so that a
// sign-out, a new password or a disabled account counts at once on every node.
package authn
