package web

import (
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/server/form"
)

// upload stores the files of a form in a folder, under the next free name if their own is taken.
func (h *Web) upload(w http.ResponseWriter, r *http.Request, who authn.Principal, folder drive.Path) error {
	stored, err := form.Store(r, form.Target{Drives: h.drives, DriveID: who.UserID, Folder: folder, Conflict: drive.Rename})
	switch {
	case err != nil && len(stored) > 0:
		return h.folderProblem(w, r, who, folder, "", &partly{err, pages.Partly{What: "stored", Count: len(stored)}})
	case err != nil:
		return h.folderProblem(w, r, who, folder, "", err)
	}
	return redirect(w, r, driveAddress(folder))
}

// partly is a refusal before which something was done.
type partly struct {
	error
	done pages.Partly
}

func (p *partly) Unwrap() error { return p.error }
