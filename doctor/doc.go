// Package doctor looks at a server as people reach it: whether what stands in front of it lets through what uploads, mounts and pages need. It asks by
// plain HTTP, with an account that is made for it, and says of what is wrong which line changes that.
//
//   - finding.go  what was looked at, and what came of it
//   - remedy.go   the lines to change in nginx, Caddy, Traefik and Cloudflare
//   - way.go      the way to the server: requests, and who asks
//   - reach.go    whether the server is there at all: certificate, clock, signing in, credentials
//   - uploads.go  tus: methods, headers, limits, buffering
//   - mounts.go   WebDAV: methods and headers
//   - pages.go    the cookie, and events as they happen
package doctor
