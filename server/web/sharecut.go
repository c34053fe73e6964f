package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
)

const (
	// smallSending is the size of what is sent before anybody could end its link, in bytes.
	smallSending = 1 << 20
	// shareGather is the least time between two looks at whether a link still opens what is being sent.
	shareGather = 250 * time.Millisecond
)

// watched breaks off the sending of a file soon after its link opens it no more: something was done in the owner's drive, on whatever node, or a while has passed. A file
// goes to its socket without passing by here, so its time to be written ends. end is called when it is sent.
func (h *Web) watched(w http.ResponseWriter, r *http.Request, v *visit, node drive.Node) (end func()) {
	if node.Size <= smallSending {
		return func() {}
	}
	changed, stop := h.drives.Watch(v.share.DriveID)
	ctx, cancel := context.WithCancel(r.Context())
	alive := &shareWatch{h: h, r: r, node: node.ID}
	var watching sync.WaitGroup
	watching.Go(func() {
		for waited(ctx, nil, shareGather) && waited(ctx, changed, shareRecheck) {
			if fault.Is(alive.ask(), fault.NotFound) {
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now()) // what cannot set deadlines is no network
				return
			}
		}
	})
	return func() {
		cancel()
		watching.Wait()
		stop()
	}
}

// waited waits for a time, or until it is woken, and reports whether ctx lives.
func waited(ctx context.Context, wake <-chan struct{}, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-timer.C:
	}
	return true
}
