package api

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
	"github.com/satchelhq/satchel/server/form"
)

// driveRoutes is what an app does with a drive beside looking and moving.
func (a *api) driveRoutes() []route {
	return []route{
		{"POST", v1 + "/files/{path...}", signedIn(a.uploadForm)},
		{"POST", v1 + "/copy", signedIn(a.copy)},
		{"GET", v1 + "/search", signedIn(a.search)},
		{"GET", v1 + "/changes", signedIn(a.changes)},
		{"GET", v1 + "/versions", signedIn(a.versions)},
		{"DELETE", v1 + "/versions/{id}", signedIn(a.removeVersion)},
		{"POST", v1 + "/versions/{id}/restore", signedIn(a.restoreVersion)},
		{"POST", v1 + "/links/download", signedIn(a.downloadLink)},
	}
}

// storedBody is a file that was stored, with the address of its content.
type storedBody struct {
	nodeBody
	URL string `json:"url,omitempty"`
}

type storedBodies struct {
	Items []storedBody `json:"items"`
}

// uploadForm stores the files of a plain HTML form in a folder.
func (a *api) uploadForm(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	folder, err := pathOf(r, r.PathValue("path"))
	if err != nil {
		return err
	}
	conflict := drive.Conflict(r.URL.Query().Get("conflict"))
	switch conflict {
	case "":
		conflict = drive.Rename
	case drive.Rename, drive.Replace, drive.Fail:
	default:
		return invalid("invalid_fields", []fault.Field{{Name: "conflict", Code: "invalid", Message: "This is rename, replace or fail."}})
	}
	stored, err := form.Store(r, form.Target{Drives: a.drives, DriveID: p.UserID, Folder: folder, Conflict: conflict})
	if err != nil {
		return err
	}
	body := storedBodies{Items: make([]storedBody, 0, len(stored))}
	for _, n := range stored {
		body.Items = append(body.Items, storedBody{nodeOf(r.Context(), n), a.contentURL(r, n.Path, nil)})
	}
	answer.JSON(w, r, http.StatusCreated, body)
	return nil
}

// contentURL is where a file's content is read, by a token or a page session. It is empty for one who is kept to a folder: those credentials
// do not count there, and what is above the folder is none of theirs to know.
func (a *api) contentURL(r *http.Request, path drive.Path, query url.Values) string {
	if drive.Top(r.Context()) != drive.Root {
		return ""
	}
	u := url.URL{Path: "/raw" + string(path), RawQuery: query.Encode()}
	return a.origin.Base(r) + u.String()
}

// hitsBody is a part of what a search found.
type hitsBody struct {
	Items []nodeBody `json:"items"`
	Next  string     `json:"next,omitempty"`
}

func (a *api) search(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	query := r.URL.Query()
	limit, err := limitOf(query)
	if err != nil {
		return err
	}
	in, err := pathOf(r, query.Get("in"))
	if err != nil {
		return err
	}
	hits, err := a.drives.Search(r.Context(), p.UserID, drive.Search{Text: query.Get("q"), In: in, After: query.Get("after"), Limit: limit})
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, hitsBody{nodesOf(r.Context(), hits.Nodes), hits.Next})
	return nil
}

// changeBody is what was done to a file or folder.
type changeBody struct {
	Sequence int64            `json:"sequence"`
	ID       string           `json:"id"`
	Kind     drive.ChangeKind `json:"kind"`
	Path     string           `json:"path"`
	At       time.Time        `json:"at"`
}

type changesBody struct {
	Items []changeBody `json:"items"`
	Since string       `json:"since"` // of the next question
	More  bool         `json:"more"`
}

// changes answers what happened since a moment; without one, which moment it is now.
func (a *api) changes(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	query := r.URL.Query()
	limit, err := limitOf(query)
	if err != nil {
		return err
	}
	var news drive.News
	if since := query.Get("since"); since == "" {
		news.Now, err = a.drives.Present(r.Context(), p.UserID)
	} else {
		var moment drive.Moment
		if moment, err = drive.ParseMoment(since); err != nil {
			return err
		}
		news, err = a.drives.Since(r.Context(), p.UserID, moment, limit)
	}
	if err != nil {
		return err
	}
	body := changesBody{Items: make([]changeBody, 0, len(news.Changes)), Since: news.Now.String(), More: news.More}
	for _, c := range news.Changes {
		body.Items = append(body.Items, changeBody{c.Sequence, c.NodeID, c.Kind, string(c.Path), c.At.UTC()})
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

// versionBody is content that a file held before.
type versionBody struct {
	ID        string    `json:"id"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	MediaType string    `json:"media_type"`
	Modified  time.Time `json:"modified"`
	Replaced  time.Time `json:"replaced"`
	URL       string    `json:"url,omitempty"`
}

type versionsBody struct {
	Items []versionBody `json:"items"`
}

func (a *api) versions(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	path, err := pathOf(r, r.URL.Query().Get("path"))
	if err != nil {
		return err
	}
	all, err := a.drives.Versions(r.Context(), p.UserID, path)
	if err != nil {
		return err
	}
	body := versionsBody{Items: make([]versionBody, 0, len(all))}
	for _, v := range all {
		body.Items = append(body.Items, versionBody{v.ID, v.Size, hex.EncodeToString(v.SHA256), v.MediaType, v.Modified.UTC(), v.Replaced.UTC(),
			a.contentURL(r, path, url.Values{"version": {v.ID}})})
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

func (a *api) restoreVersion(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	node, err := a.drives.RestoreVersion(r.Context(), p.UserID, r.PathValue("id"), drive.Guard{Check: ifMatch(r)})
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, nodeOf(r.Context(), node))
	return nil
}

func (a *api) removeVersion(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	if err := a.drives.RemoveVersion(r.Context(), p.UserID, r.PathValue("id"), drive.Guard{}); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}

// linkBody is an address that opens a file to whoever has it.
type linkBody struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// downloadLink makes an address that an <img> in an app can load.
func (a *api) downloadLink(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var name string
	var seconds int64
	if err := readBody(w, r, fields{"path": &name, "expires_in": &seconds}); err != nil {
		return err
	}
	if err := required("path", name); err != nil {
		return err
	}
	path, err := pathOf(r, name)
	if err != nil {
		return err
	}
	if most := int64(drive.MaxLinkLife / time.Second); seconds < 0 || seconds > most {
		return invalid("invalid_fields", []fault.Field{{Name: "expires_in", Code: "invalid", Message: "A number of seconds, at most " + strconv.FormatInt(most, 10) + "."}})
	}
	node, code, expires, err := a.drives.DownloadLink(r.Context(), p.UserID, path, time.Duration(seconds)*time.Second)
	if err != nil {
		return err
	}
	u := url.URL{Path: "/d/" + code + string(node.Path)}
	answer.JSON(w, r, http.StatusCreated, linkBody{a.origin.Base(r) + u.String(), expires.UTC()})
	return nil
}
