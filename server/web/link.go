package web

import (
	"net/http"
	"time"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// linkRoutes is what opens without credentials, by the code in the address.
func (h *Web) linkRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET /d/{code}/{path...}": h.linked,
	}
}

// linked sends the file that a download link names, to whoever has it. It takes as long as it takes, like every other download, and at
// most as long as a link can live.
func (h *Web) linked(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store") // of a refusal, until there is content
	path, err := drive.ParsePath(r.PathValue("path"))
	if err != nil {
		return err
	}
	driveID, err := h.drives.LinkedDrive(r.Context(), r.PathValue("code"), path)
	if err != nil {
		return err
	}
	owner, err := h.accounts.User(r.Context(), driveID) // a user's drive has the user's id
	if err == nil && owner.Disabled {
		err = fault.New(fault.NotFound, "web.linked", "")
	}
	if err != nil {
		return err
	}
	node, content, err := h.drives.Open(r.Context(), driveID, path)
	if err != nil {
		return err
	}
	defer content.Close()
	if h.handOver(w, r, node, !shows(r)) {
		return nil
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(drive.MaxLinkLife)) // what cannot set deadlines is no network
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")                        // that is what links are for
	serveFile(w, r, node, content)
	return nil
}
