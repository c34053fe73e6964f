package web

import (
	"net/http"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/archive"
)

// turns bound what visitors do that takes long: how much of it one process does at once, for a share, and for the network of who asks, since
// anybody with an account makes as many links as they like.
type turns struct{ of, by *archive.Turns }

func newTurns(most, mostOf, mostBy int, wait time.Duration) turns {
	return turns{of: archive.NewTurns(most, mostOf, wait), by: archive.NewTurns(most, mostBy, wait)}
}

func (t turns) begin(share, network string) (end func(), err error) {
	ended, err := t.by.Begin(network)
	if err != nil {
		return nil, err
	}
	left, err := t.of.Begin(share)
	if err != nil {
		ended()
		return nil, err
	}
	return func() { left(); ended() }, nil
}

// beginTransfer is a visitor's turn for a ZIP or a form.
func (h *Web) beginTransfer(r *http.Request, share drive.Share) (end func(), err error) {
	return h.transfers.begin(share.ID, h.origin.ClientNetwork(r))
}
