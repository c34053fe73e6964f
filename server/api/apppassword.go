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

// appPasswordRoutes is the passwords for programs and devices.
func (a *api) appPasswordRoutes() []route {
	return []route{
		{"GET", v1 + "/app-passwords", inSession(a.listAppPasswords)},
		{"POST", v1 + "/app-passwords", inSession(a.createAppPassword)},
		{"DELETE", v1 + "/app-passwords/{id}", inSession(a.revokeAppPassword)},
	}
}

// appPasswordBody is an app password without its secret.
type appPasswordBody struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Folder     *string    `json:"folder"`      // null: the whole drive, or a folder that is gone
	FolderGone bool       `json:"folder_gone"` // it opens nothing
	ReadOnly   bool       `json:"read_only"`
	Created    time.Time  `json:"created_at"`
	Seen       *time.Time `json:"seen_at"`
	Expires    *time.Time `json:"expires_at"`
}

func (a *api) appPasswordOf(ctx context.Context, userID string, p authn.AppPassword) (appPasswordBody, error) {
	body := appPasswordBody{ID: p.ID, Name: p.Name, ReadOnly: p.ReadOnly, Created: p.Created.UTC(), Seen: timeOrNull(p.Seen), Expires: timeOrNull(p.Expires)}
	if p.Folder == "" {
		return body, nil
	}
	node, err := a.drives.StatID(ctx, userID, p.Folder)
	if fault.Is(err, fault.NotFound) {
		body.FolderGone = true
		return body, nil
	}
	path := string(node.Path)
	body.Folder = &path
	return body, err
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

type appPasswordsBody struct {
	Items []appPasswordBody `json:"items"`
}

func (a *api) listAppPasswords(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	all, err := a.accounts.AppPasswords(r.Context(), p.UserID)
	if err != nil {
		return err
	}
	body := appPasswordsBody{Items: make([]appPasswordBody, 0, len(all))}
	for _, one := range all {
		item, err := a.appPasswordOf(r.Context(), p.UserID, one)
		if err != nil {
			return err
		}
		body.Items = append(body.Items, item)
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

// newAppPasswordBody is an app password with its secret, which is told this once.
type newAppPasswordBody struct {
	AppPassword appPasswordBody `json:"app_password"`
	Username    string          `json:"username"`
	Password    string          `json:"password"`
	URL         string          `json:"url"`  // for WebDAV
	Link        string          `json:"link"` // all three, for a QR code
}

func (a *api) createAppPassword(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var in authn.NewAppPassword
	var proof authn.Proof
	var folder, expires string
	err := readBody(w, r, fields{"name": &in.Name, "folder": &folder, "read_only": &in.ReadOnly, "expires_at": &expires, "password": &proof.Password, "otp": &proof.OTP})
	if err != nil {
		return err
	}
	if expires != "" {
		if in.Expires, err = time.Parse(time.RFC3339, expires); err != nil {
			return invalid("invalid_fields", []fault.Field{{Name: "expires_at", Code: "invalid", Message: "A time is written like 2027-01-31T00:00:00Z."}})
		}
	}
	path, err := pathOf(r, folder)
	if err != nil {
		return err
	}
	if path != drive.Root {
		node, err := a.drives.Stat(r.Context(), p.UserID, path)
		if err == nil && !node.Folder {
			err = fault.New(fault.Invalid, "api.createAppPassword", "This is a file, not a folder.").WithCode("is_file")
		}
		if fault.Is(err, fault.NotFound) { // not this address, which "There is nothing here." would be taken for
			err = fault.New(fault.NotFound, "api.createAppPassword", "There is no such folder.").WithCode("no_such_folder")
		}
		if err != nil {
			return err
		}
		in.Folder = node.ID
	}
	made, secret, err := a.accounts.CreateAppPassword(r.Context(), p, in, proof, a.client(r))
	if err != nil {
		return err
	}
	body := newAppPasswordBody{Username: p.Username, Password: secret, URL: a.origin.Base(r) + a.mount, Link: a.origin.MountLink(r, a.mount, p.Username, secret)}
	if body.AppPassword, err = a.appPasswordOf(r.Context(), p.UserID, made); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusCreated, body)
	return nil
}

func (a *api) revokeAppPassword(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	if err := a.accounts.RevokeAppPassword(r.Context(), p, r.PathValue("id"), a.client(r)); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}
