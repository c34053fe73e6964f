package web

import (
	"fmt"
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/form"
)

// upload stores the files of a form in a folder, under the next free name if their own is taken.
func (h *Web) upload(w http.ResponseWriter, r *http.Request, who authn.Principal, folder drive.Path) error {
	stored, err := form.Store(r, form.Target{Drives: h.drives, DriveID: who.UserID, Folder: folder, Conflict: drive.Rename})
	switch {
	case err != nil && len(stored) > 0:
		return h.folderProblem(w, r, who, folder, "", partly(err, len(stored)))
	case err != nil:
		return h.folderProblem(w, r, who, folder, "", err)
	}
	return redirect(w, r, driveAddress(folder))
}

// partly says how far it got before err.
func partly(err error, stored int) error {
	_, sentence, _ := fault.Public(err)
	plural := "files are"
	if stored == 1 {
		plural = "file is"
	}
	return &fault.Error{Kind: fault.KindOf(err), Op: "web.upload", Err: err,
		Public: fmt.Sprintf("%s The first %d %s stored.", sentence, stored, plural)}
}
