// Package origin says how the outside sees this server: under which scheme and
// host, and from which address a request came.
//
// Links, redirects, upload locations and the Secure attribute of cookies are all
// made from it, so that they hold behind a reverse proxy. What a proxy says in
// X-Forwarded-Proto, -Host and -For is believed only when the peer that sent
// it is in [Origin.Trusted]: anyone else could write anything there.
package origin
