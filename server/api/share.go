package api

import (
	"context"
	"net/http"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// shareRoutes is what one opens to whoever has a link. It takes a session, since a link outlives a device's password.
func (a *api) shareRoutes() []route {
	return []route{
		{"GET", v1 + "/shares", inSession(a.listShares)},
		{"POST", v1 + "/shares", inSession(a.makeShare)},
		{"DELETE", v1 + "/shares/{id}", inSession(a.removeShare)},
	}
}

// shareBody is a share as its owner sees it.
type shareBody struct {
	ID        string          `json:"id"`
	URL       string          `json:"url"`
	UploadURL *string         `json:"upload_url"` // for tus; null: it is for downloads
	Kind      drive.ShareKind `json:"kind"`
	Name      string          `json:"name"`
	Path      *string         `json:"path"` // null: it is in the trash
	Protected bool            `json:"protected"`
	Uses      int64           `json:"uses"`
	MaxUses   *int64          `json:"max_uses"`
	MaxSize   *int64          `json:"max_size"`
	Created   time.Time       `json:"created_at"`
	Used      *time.Time      `json:"used_at"`
	Expires   *time.Time      `json:"expires_at"`
}

type sharesBody struct {
	Items []shareBody `json:"items"`
}

func (a *api) shareOf(ctx context.Context, r *http.Request, s drive.Share) (shareBody, error) {
	body := shareBody{ID: s.ID, URL: a.origin.Base(r) + "/s/" + s.Token, Kind: s.Kind, Name: s.Name, Protected: s.Protected(), Uses: s.Uses,
		MaxUses: numberOrNull(s.Most), MaxSize: numberOrNull(s.MaxSize), Created: s.Created.UTC().Truncate(time.Microsecond), Used: timeOrNull(s.Used), Expires: timeOrNull(s.Expires)}
	if s.Kind == drive.ShareDrop {
		uploads := a.origin.Base(r) + "/drop/" + s.Token + "/"
		body.UploadURL = &uploads
	}
	node, err := a.drives.StatID(ctx, s.DriveID, s.NodeID)
	if fault.Is(err, fault.NotFound) {
		return body, nil
	}
	path := string(node.Path)
	body.Path = &path
	return body, err
}

func numberOrNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

func (a *api) listShares(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	all, err := a.drives.Shares(r.Context(), p.UserID)
	if err != nil {
		return err
	}
	body := sharesBody{Items: make([]shareBody, 0, len(all))}
	for _, s := range all {
		item, err := a.shareOf(r.Context(), r, s)
		if err != nil {
			return err
		}
		body.Items = append(body.Items, item)
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

func (a *api) makeShare(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var n drive.NewShare
	var name, expires string
	err := readBody(w, r, fields{"path": &name, "kind": (*string)(&n.Kind), "name": &n.Name, "password": &n.Password, "max_uses": &n.Most, "max_size": &n.MaxSize, "expires_at": &expires})
	if err != nil {
		return err
	}
	if err := required("path", name); err != nil {
		return err
	}
	if expires != "" {
		if n.Expires, err = time.Parse(time.RFC3339, expires); err != nil {
			return invalid("invalid_fields", []fault.Field{{Name: "expires_at", Code: "invalid", Message: "A time is written like 2027-01-31T00:00:00Z."}})
		}
	}
	path, err := pathOf(r, name)
	if err != nil {
		return err
	}
	made, err := a.drives.MakeShare(r.Context(), p.UserID, path, n)
	if err != nil {
		return err
	}
	if err := a.accounts.RecordShare(r.Context(), p, authn.AuditShareMade, string(made.Kind)+" of "+string(path)+" ("+made.ID+")", a.client(r)); err != nil {
		return err
	}
	body, err := a.shareOf(r.Context(), r, made)
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusCreated, body)
	return nil
}

func (a *api) removeShare(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	id := r.PathValue("id")
	if err := a.drives.RemoveShare(r.Context(), p.UserID, id); err != nil {
		return err
	}
	if err := a.accounts.RecordShare(r.Context(), p, authn.AuditShareEnded, id, a.client(r)); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}
