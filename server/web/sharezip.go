package web

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/archive"
)

// How many visitors one process serves at once with what takes long.
const (
	maxShareTransfers = 16 // folders as ZIP, and forms into drop boxes
	maxOfOneShare     = 4
	maxOfOneNetwork   = 6
)

// shareRecheck is how often a ZIP that is being sent asks whether its link still opens anything.
const shareRecheck = 5 * time.Second

// sendFolder sends a folder as a ZIP that is made as it is sent, so it has no length and cannot be resumed; one that breaks off is cut. It counts as one download.
func (h *Web) sendFolder(w http.ResponseWriter, r *http.Request, v *visit) error {
	folder, err := h.drives.Stat(v.ctx, v.share.DriveID, v.path)
	if err == nil && (!folder.Folder || v.share.Spent()) {
		err = fault.New(fault.NotFound, "web.sendFolder", "")
	}
	if err != nil {
		return err
	}
	if r.Method != http.MethodHead {
		end, err := h.beginTransfer(r, v.share)
		if err != nil {
			return err
		}
		defer end()
		if err := h.drives.TakeShare(r.Context(), v.share.ID); err != nil {
			return err
		}
	}
	name := disposition(folder.Name+".zip", false)
	if r.Method == http.MethodHead {
		archive.Head(w, name)
		return nil
	}
	alive := &shareWatch{h: h, r: r, node: folder.ID, asked: time.Now()}
	return archive.Send(w, r, name, "share "+v.share.ID, func(ctx context.Context, zip *archive.Archive) error {
		return h.drives.ExportPaths(v.ctx, v.share.DriveID, []drive.Path{v.path}, func(x drive.Exported, content blob.Content) error {
			if err := alive.check(ctx); err != nil {
				return err
			}
			return zip.Add(x, alive.reading(content))
		})
	})
}

// shareWatch ends what is being sent or received when its link does not open the file or folder any more.
type shareWatch struct {
	h     *Web
	r     *http.Request
	node  string // its id
	asked time.Time
	from  io.Reader
}

// check asks now and then.
func (s *shareWatch) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if time.Since(s.asked) < shareRecheck {
		return nil
	}
	return s.ask()
}

func (s *shareWatch) ask() error {
	s.asked = time.Now()
	ctx, share, _, err := s.h.reach(s.r)
	if err == nil {
		_, err = s.h.drives.StatID(ctx, share.DriveID, s.node)
	}
	return err
}

func (s *shareWatch) reading(from io.Reader) io.Reader { s.from = from; return s }

func (s *shareWatch) Read(p []byte) (int, error) {
	if err := s.check(s.r.Context()); err != nil {
		return 0, err
	}
	return s.from.Read(p)
}
