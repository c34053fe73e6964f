// Package api is the JSON door: /api/v1/ and /.well-known/jwks.json.
//
// routes.go lists every address; the files in openapi/, which are served as
// /api/v1/openapi.json, describe each of them, and a test holds the two
// together. account.go signs people in and out, file.go looks at and moves
// what is on the drive, thumbnail.go shows it, trash.go brings it back. Contents go over tus and WebDAV; upload.go
// finds unfinished uploads and content that need not be sent again.
//
// Bodies are JSON objects of at most 64 KiB, read strictly in body.go: a field that
// nobody knows is refused by its name. Errors are problem+json (package answer).
//
// A request with the page cookie may write, so the server wraps this door in net/http's
// CrossOriginProtection. CORS is the server's too: no answer of this package has its headers.
package api
