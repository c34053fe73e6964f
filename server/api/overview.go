package api

import (
	"net/http"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/server/answer"
)

// overviewRoutes is how the server is doing, and what it receives now.
func (a *api) overviewRoutes() []route {
	return []route{
		{"GET", v1 + "/admin/overview", asAdmin(a.showOverview)},
		{"GET", v1 + "/admin/uploads", asAdmin(a.listTransfers)},
		{"DELETE", v1 + "/admin/uploads/{id}", asAdmin(a.endTransfer)},
	}
}

type overviewBody struct {
	Version string `json:"version"`
	Users   struct {
		All            int64 `json:"all"`
		Disabled       int64 `json:"disabled"`
		Administrators int64 `json:"administrators"`
	} `json:"users"`
	Used  int64      `json:"used"`  // bytes
	Files *filesBody `json:"files"` // null if they were not counted
	// Uploads that are open, parts and chunks among them.
	Uploads int64     `json:"uploads"`
	Store   storeBody `json:"store"`
	Scrub   scrubBody `json:"scrub"`
	Jobs    []jobBody `json:"jobs"`
}

// scrubBody is how content is read again, to see whether it is still what it was.
type scrubBody struct {
	Damaged int64      `json:"damaged"`
	Whole   *time.Time `json:"whole_at"`
	Every   *int64     `json:"every"` // seconds; null if it is never
}

type filesBody struct {
	Files   int64     `json:"files"`
	Folders int64     `json:"folders"`
	Counted time.Time `json:"counted_at"`
}

// storeBody is where content lies; bytes are null where they are not known.
type storeBody struct {
	Ready bool   `json:"ready"`
	Free  *int64 `json:"free"`
	Total *int64 `json:"total"`
}

type jobBody struct {
	Name     string     `json:"name"`
	Node     string     `json:"node"`
	Ended    time.Time  `json:"ended_at"`
	Failures int        `json:"failures"`
	Well     *time.Time `json:"well_at"`
}

func (a *api) showOverview(w http.ResponseWriter, r *http.Request, _ authn.Principal) error {
	o, err := a.overview.Take(r.Context())
	if err != nil {
		return err
	}
	body := overviewBody{Version: o.Version, Used: o.Totals.Used, Uploads: o.Totals.Uploads, Store: storeBody{Ready: !o.StoreFailed}, Jobs: make([]jobBody, 0, len(o.Jobs))}
	body.Users.All, body.Users.Disabled, body.Users.Administrators = o.Users.All, o.Users.Disabled, o.Users.Administrators
	if !o.Totals.Counted.IsZero() {
		body.Files = &filesBody{o.Totals.Files, o.Totals.Folders, o.Totals.Counted.UTC()}
	}
	if o.SpaceKnown {
		body.Store.Free, body.Store.Total = &o.Space.Free, &o.Space.Total
	}
	body.Scrub = scrubBody{Damaged: o.Scrub.Damaged, Whole: timeOrNull(o.Scrub.Whole)}
	if every := int64(o.Scrub.Every / time.Second); every > 0 {
		body.Scrub.Every = &every
	}
	for _, j := range o.Jobs {
		body.Jobs = append(body.Jobs, jobBody{j.Name, j.Node, j.Ended.UTC(), j.Failures, timeOrNull(j.Well)})
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

// transferBody is an unfinished upload of anybody's, without the file's name and place.
type transferBody struct {
	ID      string    `json:"id"`
	User    *nameBody `json:"user"`
	Kind    string    `json:"kind"`
	Type    string    `json:"media_type"`
	Size    *int64    `json:"size"`
	Offset  int64     `json:"offset"`
	Created time.Time `json:"created_at"`
	Active  time.Time `json:"active_at"`
	Expires time.Time `json:"expires_at"`
}

func (a *api) listTransfers(w http.ResponseWriter, r *http.Request, _ authn.Principal) error {
	limit, err := limitOf(r.URL.Query())
	if err != nil {
		return err
	}
	all, err := a.drives.Transfers(r.Context(), r.URL.Query().Get("after"), limit)
	if err != nil {
		return err
	}
	ids := make([]string, len(all))
	for i, t := range all {
		ids[i] = t.DriveID
	}
	names, err := a.accounts.Usernames(r.Context(), ids)
	if err != nil {
		return err
	}
	body := pageBody[transferBody]{Items: make([]transferBody, len(all))}
	for i, t := range all {
		body.Items[i] = transferOf(t, names[t.DriveID])
	}
	if len(all) == limit { // the next page may be empty
		body.Next = all[limit-1].ID
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

func transferOf(t drive.Transfer, username string) transferBody {
	body := transferBody{ID: t.ID, User: nameOf(t.DriveID, username), Kind: string(t.Kind), Type: t.MediaType, Offset: t.Offset,
		Created: t.Created.UTC(), Active: t.Active.UTC(), Expires: t.Expires.UTC()}
	if t.Length >= 0 {
		body.Size = &t.Length
	}
	return body
}

// endTransfer ends an unfinished upload of anybody's. The audit log tells it first.
func (a *api) endTransfer(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	t, err := a.drives.Transfer(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := a.accounts.Administer(p, a.client(r)).RecordUploadEnded(r.Context(), t.DriveID, t.ID); err != nil {
		return err
	}
	return a.administered(w, r, a.drives.EndTransfer(r.Context(), t.ID))
}
