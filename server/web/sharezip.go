package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/satchelhq/satchel/blob"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/archive"
)

// How many visitors one process serves at once with what takes long.
const (
	maxShareTransfers = 16 // folders as ZIP, and forms into drop boxes
	maxOfOneShare     = 4
)

// transfers are those that run now, by the share's id or by who sends.
type transfers struct {
	most, mostOf int           // at once, and of one share or sender
	wait         time.Duration // after which to try again

	mu  sync.Mutex
	all int
	of  map[string]int
}

func newTransfers(most, mostOf int, wait time.Duration) *transfers {
	return &transfers{most: most, mostOf: mostOf, wait: wait, of: map[string]int{}}
}

// begin answers how to end. Busy while others have all that there are.
func (t *transfers) begin(share string) (end func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all >= t.most || t.of[share] >= t.mostOf {
		return nil, fault.New(fault.Busy, "web.transfers", "Too many people are using this just now. Try again in a minute.").WithCode("shares_busy").WithWait(t.wait)
	}
	t.all++
	t.of[share]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.all--
		if t.of[share]--; t.of[share] == 0 {
			delete(t.of, share)
		}
	}, nil
}

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
		end, err := h.transfers.begin(v.share.ID)
		if err != nil {
			return err
		}
		defer end()
		if err := h.drives.TakeShare(r.Context(), v.share.ID); err != nil {
			return err
		}
	}
	header := w.Header()
	header.Set("Content-Type", "application/zip")
	header.Set("Content-Disposition", disposition(folder.Name+".zip", false))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Accept-Ranges", "none")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	out := archive.NewPatient(w)
	zip, err := archive.New(out)
	if err != nil {
		return err
	}
	defer zip.Discard()
	if err := h.zipFolder(r, v, folder, zip); err != nil {
		level := slog.LevelWarn
		if out.Err() != nil || r.Context().Err() != nil || fault.Is(err, fault.NotFound) {
			level = slog.LevelInfo // the visitor has gone, or the share
		}
		answer.Log(r.Context()).Log(r.Context(), level, "a shared folder broke off", "request_id", answer.RequestID(r.Context()), "share", v.share.ID, "err", err)
		panic(http.ErrAbortHandler)
	}
	out.Done()
	return nil
}

func (h *Web) zipFolder(r *http.Request, v *visit, folder drive.Node, zip *archive.Archive) error {
	alive := &shareWatch{h: h, r: r, folder: folder.ID, asked: time.Now()}
	err := h.drives.ExportFolder(v.ctx, v.share.DriveID, v.path, func(x drive.Exported, content blob.Content) error {
		if err := alive.check(r.Context()); err != nil || x.Gone {
			return err
		}
		name := archive.Name(x.Path)
		if x.Folder {
			name += "/"
		}
		to, err := zip.Create(name, x.Modified)
		if err != nil || x.Folder {
			return err
		}
		n, err := io.Copy(to, alive.reading(content))
		if err == nil && n != x.Size {
			err = fault.New(fault.Internal, "web.zipFolder", "").WithPath(x.Path)
		}
		return err
	})
	if err != nil {
		return err
	}
	return zip.Close()
}

// shareWatch ends what is being sent when its link does not open the folder any more.
type shareWatch struct {
	h      *Web
	r      *http.Request
	folder string // its id
	asked  time.Time
	from   io.Reader
}

func (s *shareWatch) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if time.Since(s.asked) < shareRecheck {
		return nil
	}
	s.asked = time.Now()
	ctx, share, _, err := s.h.reach(s.r)
	if err == nil {
		_, err = s.h.drives.StatID(ctx, share.DriveID, s.folder)
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
