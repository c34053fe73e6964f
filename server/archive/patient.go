package archive

import (
	"net/http"
	"time"
)

// clientPatience is how long an archive waits for a client that takes nothing.
const clientPatience = 2 * time.Minute

// Patient ends an answer whose client takes nothing for two minutes: it would keep others from theirs.
type Patient struct {
	w       http.ResponseWriter
	control *http.ResponseController
	until   time.Time
	err     error
}

// NewPatient writes to w.
func NewPatient(w http.ResponseWriter) *Patient {
	return &Patient{w: w, control: http.NewResponseController(w)}
}

func (p *Patient) Write(b []byte) (int, error) {
	if now := time.Now(); p.until.Sub(now) < clientPatience-time.Second {
		p.until = now.Add(clientPatience)
		_ = p.control.SetWriteDeadline(p.until) // what cannot set deadlines is no network
	}
	n, err := p.w.Write(b)
	p.err = err
	return n, err
}

// Err is why the client could not be written to; nil if it could.
func (p *Patient) Err() error { return p.err }

// Done takes the deadline back, for the next request of the connection.
func (p *Patient) Done() { _ = p.control.SetWriteDeadline(time.Time{}) }
