package web

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// boxPrefix and a share's token are where files are sent into a drop box by tus. It is not below the share's own address: there, "files" and
// whatever else is a name that a shared folder may hold.
const boxPrefix = "/drop/"

// BoxUploads speaks tus with somebody who has the link of a drop box, which r's context opens: package tus has it. id is of the upload that r is about, empty if it is
// about none yet; address is the path at which one goes on.
type BoxUploads func(w http.ResponseWriter, r *http.Request, share drive.Share, id, sender string, address func(id string) (string, error))

// How many requests with bytes for drop boxes one process serves at once.
const (
	maxSending     = 96
	maxSendingInto = 32 // one share
	maxSendingBy   = 12 // one address
	sendingWait    = 5 * time.Second
)

// Boxes is the door for uploads into drop boxes.
func (h *Web) Boxes(uploads BoxUploads) http.Handler {
	return answer.Handle(func(w http.ResponseWriter, r *http.Request) error {
		token, upload, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, boxPrefix), "/")
		r.SetPathValue("token", token)
		return h.sendInto(w, r, upload, uploads)
	}, refuseUpload)
}

// refuseUpload is answer.Text with the header that every answer of the protocol has (tus 1.0, "Tus-Resumable").
func refuseUpload(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Tus-Resumable", "1.0.0")
	answer.Text(w, r, err)
}

// sendInto serves uploads into a drop box. The address of an upload is a capability, which nobody has but who began it: the password and what is left of the
// share matter when it begins, and after that only whether the link still opens its folder.
func (h *Web) sendInto(w http.ResponseWriter, r *http.Request, upload string, uploads BoxUploads) error {
	privacy(w)
	v, err := h.visit(r)
	if err != nil {
		return err
	}
	if v.share.Kind != drive.ShareDrop {
		return fault.New(fault.NotFound, "web.sendInto", "")
	}
	var id string
	if upload != "" {
		if id, err = h.drives.DropID(v.ctx, v.share, upload); err != nil {
			return err
		}
	} else if err := h.mayBegin(w, r, v); err != nil {
		return err
	}
	network := h.origin.ClientNetwork(r)
	sender, err := h.drives.DropSender(v.ctx, v.share, network)
	if err != nil {
		return err
	}
	in := r.WithContext(v.ctx)
	if r.Body != nil && r.Body != http.NoBody {
		end, err := h.boxes.begin(v.share.ID, network)
		if err != nil {
			return err
		}
		defer end()
		in.Body = &sentBody{ReadCloser: r.Body, alive: &shareWatch{h: h, r: r, node: v.top.ID, asked: time.Now()}, end: time.Now().Add(dropLongest)}
	}
	uploads(w, in, v.share, id, sender, func(id string) (string, error) {
		address, err := h.drives.DropAddress(v.ctx, v.share, id)
		return v.endpoint() + address, err
	})
	return nil
}

// endpoint is where uploads into a drop box begin.
func (v *visit) endpoint() string { return boxPrefix + v.share.Token + "/" }

// mayBegin asks for what is needed to begin an upload: a share that takes more, and its password, which is on the browser's word (the page took it), or
// the one of Basic credentials of any name. Where uses are counted a browser gets a cookie: for it the page is there still when they are used up,
// so that it can bring what it began to an end.
func (h *Web) mayBegin(w http.ResponseWriter, r *http.Request, v *visit) error {
	if v.share.Spent() {
		return fault.New(fault.NotFound, "web.mayBegin", "")
	}
	ok, err := h.passed(r, v)
	if err != nil {
		return err
	}
	if !ok {
		_, password, sent := r.BasicAuth()
		if !sent {
			return fault.New(fault.Unauthenticated, "web.mayBegin", "This link asks for a password. Open its page and type it, or send it with Basic credentials.").WithCode("share_password")
		}
		if err := h.drives.ProveShare(r.Context(), v.share, password); err != nil {
			return err
		}
	}
	if v.share.Most == 0 {
		return nil
	}
	signed, err := h.drives.SignShare(r.Context(), v.share, "sent", shareMemory)
	if err != nil {
		return err
	}
	h.remember(w, r, shareSentCookie, signed, sharePrefix+v.share.Token)
	return nil
}

// sends reports whether a browser began to send something into a drop box.
func (h *Web) sends(r *http.Request, v *visit) (bool, error) {
	cookie, err := r.Cookie(shareSentCookie)
	if err != nil {
		return false, nil
	}
	return h.drives.ShareSigned(r.Context(), v.share, "sent", cookie.Value)
}

// sentBody ends when the link opens nothing any more, and when it has taken too long. Whoever speaks tus gives each next byte its time.
type sentBody struct {
	io.ReadCloser
	alive *shareWatch
	end   time.Time
}

func (b *sentBody) Read(p []byte) (int, error) {
	if time.Now().After(b.end) {
		return 0, fault.New(fault.Busy, "web.sentBody", "This request has lasted too long. Ask for the offset and go on from there.").WithCode("body_stalled")
	}
	n, err := b.ReadCloser.Read(p)
	if gone := b.alive.check(b.alive.r.Context()); fault.Is(gone, fault.NotFound) {
		return 0, gone
	}
	return n, err
}
