package server

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/satchelhq/satchel/fault"
)

// rescue turns a panic into a 500 in the door's own style. Where an answer has begun already, the
// connection is cut, so that the client does not take half of it for the whole.
func (s *Server) rescue(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { // a handler that cuts the connection on purpose
				panic(v)
			}
			x := exchangeOf(r.Context())
			s.log.Error("a request panicked", "request_id", x.id, "door", x.door.name, "panic", v, "stack", string(debug.Stack()))
			if x.status != 0 {
				panic(http.ErrAbortHandler)
			}
			x.door.refuse(w, r, fault.As(fault.Internal, "server.rescue", fmt.Errorf("panic: %v", v)))
		}()
		next.ServeHTTP(w, r)
	})
}
