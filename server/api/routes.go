package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"github.com/satchelhq/satchel/server/answer"
)

type route struct {
	method  string
	path    string // as net/http's ServeMux spells patterns
	handler answer.Handler
}

// v1 begins the address of everything but the keys.
const v1 = "/api/v1"

// routes is everything that the API answers to. The description lists the same, and a test holds the two together.
func (a *api) routes() []route {
	return slices.Concat(
		a.accountRoutes(),
		a.sessionRoutes(),
		a.factorRoutes(),
		a.appPasswordRoutes(),
		a.fileRoutes(),
		a.driveRoutes(),
		a.thumbnailRoutes(),
		a.shareRoutes(),
		a.rewindRoutes(),
		a.registerRoutes(),
		a.adminRoutes(),
		a.adminUserRoutes(),
		a.overviewRoutes(),
		a.eventRoutes(),
		a.ownDataRoutes(),
		a.identityRoutes(),
		a.documentRoutes(),
	)
}

// accountRoutes is signing in and out.
func (a *api) accountRoutes() []route {
	return []route{
		{"POST", v1 + "/login", a.login},
		{"POST", v1 + "/token/refresh", a.refresh},
		{"POST", v1 + "/logout", signedIn(a.logout)},
		{"GET", v1 + "/me", signedIn(a.me)},
	}
}

// fileRoutes is the drive.
func (a *api) fileRoutes() []route {
	return []route{
		{"GET", v1 + "/files/{path...}", signedIn(a.look)},
		{"DELETE", v1 + "/files/{path...}", signedIn(a.remove)},
		{"POST", v1 + "/folders", signedIn(a.makeFolder)},
		{"GET", v1 + "/zip", signedIn(a.zip)},
		{"POST", v1 + "/move", signedIn(a.move)},
		{"GET", v1 + "/uploads", signedIn(a.listUploads)},
		{"POST", v1 + "/uploads/lookup", signedIn(a.lookup)},
		{"POST", v1 + "/uploads/proof", signedIn(a.prove)},
		{"GET", v1 + "/trash", signedIn(a.listTrash)},
		{"DELETE", v1 + "/trash", signedIn(a.emptyTrash)},
		{"DELETE", v1 + "/trash/{id}", signedIn(a.purge)},
		{"POST", v1 + "/trash/{id}/restore", signedIn(a.restore)},
	}
}

// documentRoutes is what the server says about itself.
func (a *api) documentRoutes() []route {
	return []route{
		{"GET", v1 + "/openapi.json", a.describe},
		{"GET", "/.well-known/jwks.json", a.jwks},
	}
}

// jwks answers the keys with which anybody may verify an access token.
func (a *api) jwks(w http.ResponseWriter, r *http.Request) error {
	keys, err := a.accounts.JWKS(r.Context())
	if err != nil {
		return err
	}
	return public(w, r, "application/jwk-set+json", keys) // RFC 7517, section 8.5
}

// public answers a document that anyone may keep for five minutes.
func public(w http.ResponseWriter, r *http.Request, mediaType string, document []byte) error {
	sum := sha256.Sum256(document)
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document))
	return nil
}
