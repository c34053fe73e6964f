package server

import (
	"net/http"

	"github.com/satchelhq/satchel/server/origin"
	"github.com/satchelhq/satchel/sqldb"
)

const requestIDHeader = "X-Request-Id"

// maxRequestID bounds an id that a proxy gave, in bytes.
const maxRequestID = 64

// requestID is the id of a request: a trusted proxy's if it gave one, so that its log and ours tell of the
// same request by the same name; else a new one.
func requestID(r *http.Request, from origin.Origin) string {
	if id := r.Header.Get(requestIDHeader); validRequestID(id) && from.FromProxy(r) {
		return id
	}
	return sqldb.NewID()
}

// validRequestID reports whether an id may stand in a header, a log line and an error body as it is.
func validRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := 0; i < len(id); i++ {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}
