package api

import (
	"fmt"
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/archive"
)

// How many ZIPs one process sends over the API.
const (
	maxZips      = 32
	maxZipsOfOne = 4
)

// zip sends files and folders as a ZIP that is made as it is sent.
func (a *api) zip(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	named := r.URL.Query()["path"]
	if len(named) == 0 || len(named) > drive.MaxAtOnce {
		return invalid("invalid_fields", []fault.Field{{Name: "path", Code: "invalid", Message: fmt.Sprintf("Name 1 to %d files and folders.", drive.MaxAtOnce)}})
	}
	paths := make([]drive.Path, len(named))
	for i, name := range named {
		path, err := pathOf(r, name)
		if err != nil {
			return err
		}
		paths[i] = path
	}
	end, err := a.zips.Begin(p.UserID)
	if err != nil {
		return err
	}
	defer end()
	w.Header().Set("Cache-Control", "no-store")
	return archive.SendPaths(w, r, zipName(), a.drives, p.UserID, paths)
}
