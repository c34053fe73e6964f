// Package authn knows who is asking: accounts, and the four ways to prove one.
//
//   - Bearer: an access token, a signed JWT of a few minutes (token.go, keys.go),
//     renewed with a rotating refresh token (refresh.go)
//   - Basic: a name with an app password (apppassword.go) or with the account's own, for WebDAV and tus clients (basic.go)
//   - Cookie: a page session (page.go), opened by the sign-in form or by a
//     one-time ticket that an app got with its tokens (ticket.go)
//
// Each of them ends as a [Principal] in the request's context (principal.go).
// What a principal may touch is decided where the things are: a user's drive has
// the user's id.
//
// An account is made in register.go, its names are checked in name.go, its
// password is hashed in password.go and proven in login.go. session.go holds
// what token and page sessions share; admin.go is for those who run the server.
//
// Two rules hold throughout. Secrets are stored as hashes only, so that a copy of the
// database opens nothing but the signing keys. And every request is decided by the
// rows as they are at that moment, read or known not to have changed (sqldb.Memo), so that a
// sign-out, a new password or a disabled account counts at once on every node.
package authn
