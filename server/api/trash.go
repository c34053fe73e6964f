package api

import (
	"context"
	"net/http"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/sqldb"
)

// trashedBody is what was removed; its path is where it was.
type trashedBody struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Path    string     `json:"path"`
	Folder  bool       `json:"folder"`
	Size    int64      `json:"size"`
	Removed time.Time  `json:"removed"`
	Expires *time.Time `json:"expires"` // when it is removed for good; null for never
}

func trashedOf(ctx context.Context, t drive.Trashed) trashedBody {
	b := trashedBody{t.Node.ID, t.Node.Name, string(drive.Shown(ctx, t.Node.Path)), t.Node.Folder, t.Node.Size, t.Removed.UTC(), nil}
	if !t.Expires.IsZero() {
		expires := t.Expires.UTC()
		b.Expires = &expires
	}
	return b
}

type trashBody struct {
	Items []trashedBody `json:"items"`
	Next  string        `json:"next,omitempty"`
}

// listTrash answers what was removed last, newest first.
func (a *api) listTrash(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	limit, err := limitOf(r.URL.Query())
	if err != nil {
		return err
	}
	all, next, err := a.drives.TrashList(r.Context(), p.UserID, r.URL.Query().Get("after"), limit)
	if err != nil {
		return err
	}
	body := trashBody{Items: make([]trashedBody, 0, len(all)), Next: next}
	for _, t := range all {
		body.Items = append(body.Items, trashedOf(r.Context(), t))
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

// restore puts an item back where it was. A body may name it anew.
func (a *api) restore(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	id, err := trashID(r)
	if err != nil {
		return err
	}
	var name string
	if r.ContentLength != 0 {
		if err := readBody(w, r, fields{"name": &name}); err != nil {
			return err
		}
	}
	node, err := a.drives.RestoreAs(r.Context(), p.UserID, id, name)
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, nodeOf(r.Context(), node))
	return nil
}

func (a *api) purge(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	id, err := trashID(r)
	if err != nil {
		return err
	}
	return a.purged(w, r, p, id)
}

func (a *api) emptyTrash(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	return a.purged(w, r, p, "")
}

func (a *api) purged(w http.ResponseWriter, r *http.Request, p authn.Principal, id string) error {
	if err := a.drives.Purge(r.Context(), p.UserID, id); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}

// trashID is the id in the address. An empty one would mean everything, so it is checked here.
func trashID(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if !sqldb.ValidID(id) {
		return "", fault.New(fault.NotFound, "api.trash", "")
	}
	return id, nil
}
