package web

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/form"
)

// The time of a form into a drop box. A stranger's request has a minute otherwise.
const (
	dropPatience = time.Minute   // for each next byte
	dropLongest  = 6 * time.Hour // for all of it
)

// dropPage is where visitors put files. It tells nothing of what is in the folder.
func (h *Web) dropPage(w http.ResponseWriter, r *http.Request, v *visit, status int, problem error) error {
	q := r.URL.Query()
	sent, _ := strconv.Atoi(q.Get("sent"))
	sending, err := h.sends(r, v)
	if err != nil {
		return err
	}
	if v.share.Spent() && sent == 0 && !sending || q.Has("zip") || q.Has("download") || q.Has("raw") || q.Has("thumb") {
		return fault.New(fault.NotFound, "web.dropPage", "")
	}
	page := pages.Shared{Frame: pages.Frame{User: userOf(r)}, Drop: true, Full: v.share.Spent(), Name: v.share.Name, Address: v.address(v.path), Link: h.origin.Base(r) + v.address(v.path), Endpoint: v.endpoint(),
		Public: !v.share.Protected(), Sent: max(0, min(sent, maxShareForm)), MaxSize: v.largest(h.drives)}
	if problem != nil {
		page.Problem = problemOf(r, problem, false)
	}
	return h.writeShared(w, r, status, page)
}

// maxShareForm bounds the number that an address may have a page say.
const maxShareForm = 1000

// largest is how large a file in a drop box may be, in bytes; 0 is no limit.
func (v *visit) largest(drives *drive.Drives) int64 {
	most := drives.MaxFile()
	if v.share.MaxSize > 0 && (most == 0 || v.share.MaxSize < most) {
		most = v.share.MaxSize
	}
	return most
}

// drop stores the files of a form in a drop box, each under the next free name if its own is taken. Each takes a use of the share, and gives it back if it
// is not stored.
func (h *Web) drop(w http.ResponseWriter, r *http.Request, v *visit) error {
	ok, err := h.passed(r, v)
	if err != nil {
		return err
	}
	if v.share.Kind != drive.ShareDrop || v.share.Spent() || !ok {
		return fault.New(fault.NotFound, "web.drop", "")
	}
	end, err := h.beginTransfer(r, v.share)
	if err != nil {
		return h.dropPage(w, r, v, report(w, r, err), err)
	}
	defer end()
	control := http.NewResponseController(w)
	body := &pacedBody{ReadCloser: r.Body, control: control, alive: &shareWatch{h: h, r: r, node: v.top.ID, asked: time.Now()}, end: time.Now().Add(dropLongest)}
	_ = control.SetWriteDeadline(body.end.Add(dropPatience)) // what cannot set deadlines is no network
	in := r.WithContext(v.ctx)
	in.Body = body
	stored, err := form.Store(in, form.Target{Drives: h.drives, DriveID: v.share.DriveID, Folder: v.top.Path, Conflict: drive.Rename, MaxSize: v.share.MaxSize,
		Before: func() (func(), error) {
			if err := h.drives.TakeShare(r.Context(), v.share.ID); err != nil {
				if fault.Is(err, fault.NotFound) {
					err = fault.New(fault.TooMany, "web.drop", "No more files can be sent here.").WithCode("share_full")
				}
				return nil, err
			}
			return func() { _ = h.drives.ReturnShare(v.ctx, v.share.ID) }, nil // one use less is no harm
		}})
	switch {
	case err != nil && len(stored) > 0:
		err = &partly{err, pages.Partly{What: "stored", Count: len(stored)}}
		return h.dropPage(w, r, v, report(w, r, err), err)
	case err != nil:
		return h.dropPage(w, r, v, report(w, r, err), err)
	}
	return redirect(w, r, v.address(v.path)+"?sent="+strconv.Itoa(len(stored)))
}

// pacedBody gives each next byte of a stranger's body its time, and all of them theirs. It ends with the link.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	alive   *shareWatch
	set     time.Time
	end     time.Time
}

func (b *pacedBody) Read(p []byte) (int, error) {
	now := time.Now()
	if now.Sub(b.set) >= time.Second {
		b.set = now
		until := now.Add(dropPatience)
		if until.After(b.end) {
			until = b.end
		}
		_ = b.control.SetReadDeadline(until)
	}
	if err := b.alive.check(b.alive.r.Context()); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { // net/http reads on behind it, and would take a deadline for the client's leaving
		_ = b.control.SetReadDeadline(time.Time{})
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = &fault.Error{Kind: fault.Timeout, Op: "web.drop", Code: "body_stalled", Err: err}
	}
	return n, err
}
