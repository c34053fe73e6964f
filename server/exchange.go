package server

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/traces"
)

// exchange is a request and its answer as the log and the metrics will tell of it. It is the
// ResponseWriter that the door gets, and it is in the request's context for the gate to fill in.
//
// It hides nothing of the connection's own writer: ReadFrom hands the source down, so that a file
// can go to the socket by sendfile, and Unwrap lets http.ResponseController reach the rest.
type exchange struct {
	http.ResponseWriter
	door   *door
	peer   string // http.Request.RemoteAddr
	stream bool   // of HTTP/2, where a request ends without its connection
	id     string
	user   string          // empty until the gate knows
	status int             // 0 until the header is written
	sent   int64           // bytes of the body
	body   *body           // the request's; nil if it has none
	span   *traces.Request // nil: it is not traced
	route  string          // the pattern of its address, once a door has found it

	writeUntil time.Time // what a door gives each write, on a stream; zero is no limit

	until time.Time // what a stranger's request has
	asked bool      // whether it is a stranger's is known

	begun  atomic.Bool // the answer is on its way
	cancel context.CancelCauseFunc
	cutAt  time.Time // when the watch began to cut it; it alone looks at this
}

type exchangeKey struct{}

func withExchange(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// exchangeOf is the exchange of a request that came in by a Server.
func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// WriteHeader notes the final status; informational ones (1xx) pass. What is refused on a stream loses what has come of its body: it would
// lie in memory, 8 MiB a connection, until the client has read the answer.
func (x *exchange) WriteHeader(status int) {
	x.bind()
	if x.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		x.status = status
		x.begun.Store(true)
		if x.stream && x.body != nil && status >= http.StatusBadRequest {
			_ = x.body.Close()
		}
	}
	x.keep()
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (int, error) {
	x.begin()
	defer x.writing()()
	n, err := x.ResponseWriter.Write(p)
	x.sent += int64(n)
	return n, err
}

// ReadFrom is how io.Copy and http.ServeContent write.
//
//   - What is in memory is written as it lies there: by net/http's own ReadFrom it would be copied once more, after a packet for
//     the header alone.
//   - What goes to a program on this machine (a reverse proxy, say) is copied: sendfile would hand its socket a page at a time, which costs
//     both of them more than the copy.
//   - Everything else is net/http's, which sends a file by sendfile.
func (x *exchange) ReadFrom(src io.Reader) (n int64, err error) {
	x.begin()
	defer x.writing()()
	to, ok := x.ResponseWriter.(io.ReaderFrom)
	if rest := wholeInMemory(src); rest != nil {
		n, err = rest.WriteTo(x.ResponseWriter)
	} else if ok && !x.near() {
		n, err = to.ReadFrom(src)
	} else {
		n, err = io.Copy(struct{ io.Writer }{x.ResponseWriter}, src)
	}
	x.sent += n
	return n, err
}

// near reports whether the client, or the proxy that asks for it, is on this machine.
func (x *exchange) near() bool {
	peer, err := netip.ParseAddrPort(x.peer)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// inMemory is what a *bytes.Reader and its like are, and a file is not.
type inMemory interface {
	io.WriterTo
	Len() int // of what is unread
}

// wholeInMemory is the reader below an io.CopyN that asks for all of it, if that is in memory.
func wholeInMemory(src io.Reader) inMemory {
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		return nil
	}
	if m, ok := limited.R.(inMemory); ok && int64(m.Len()) == limited.N {
		return m
	}
	return nil
}

// Unwrap is what http.ResponseController looks for.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// SetReadDeadline is what http.ResponseController looks for: a door sets its own deadlines.
func (x *exchange) SetReadDeadline(at time.Time) error {
	if x.body != nil {
		return x.body.yield(at)
	}
	return x.setReadDeadline(at)
}

func (x *exchange) setReadDeadline(at time.Time) error {
	return http.NewResponseController(x.ResponseWriter).SetReadDeadline(at)
}

// SetWriteDeadline is what http.ResponseController looks for. On a connection a deadline ends what is being written then, and nothing else; a stream of HTTP/2
// net/http ends at that time though nothing is written, so there it is set while something is.
func (x *exchange) SetWriteDeadline(at time.Time) error {
	control := http.NewResponseController(x.ResponseWriter)
	if !x.stream || !at.IsZero() && !at.After(time.Now()) {
		return control.SetWriteDeadline(at)
	}
	x.writeUntil = at
	return control.SetWriteDeadline(time.Time{})
}

// FlushError is what http.ResponseController looks for.
func (x *exchange) FlushError() error {
	defer x.writing()()
	return http.NewResponseController(x.ResponseWriter).Flush()
}

// writing bounds the time of a write on a stream until done is called.
func (x *exchange) writing() (done func()) {
	if x.writeUntil.IsZero() {
		return func() {}
	}
	control := http.NewResponseController(x.ResponseWriter)
	_ = control.SetWriteDeadline(x.writeUntil) // what cannot set deadlines is no network
	return func() { _ = control.SetWriteDeadline(time.Time{}) }
}

// received is how many bytes of the request's body were read.
func (x *exchange) received() int64 {
	if x.body == nil {
		return 0
	}
	return x.body.taken.Load()
}

// begin notes the status that net/http sends when a body begins without one.
func (x *exchange) begin() {
	x.bind()
	if x.status == 0 {
		x.status = http.StatusOK
		x.begun.Store(true)
		x.keep()
	}
}

// keep takes back what a door says of the connection, if that is other requests' too: no header of HTTP/2 speaks of it (RFC 9113, section
// 8.2.2), and net/http would send all of them away.
func (x *exchange) keep() {
	if x.stream {
		x.Header().Del("Connection")
	}
}
