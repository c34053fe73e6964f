package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/server/answer"
)

// nodeBody is a file or a folder.
type nodeBody struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"` // empty for the drive's top folder
	Path      string    `json:"path"`
	Folder    bool      `json:"folder"`
	Size      int64     `json:"size"`                 // bytes
	SHA256    string    `json:"sha256,omitempty"`     // hexadecimal; files only
	MediaType string    `json:"media_type,omitempty"` // files only
	Created   time.Time `json:"created"`
	Modified  time.Time `json:"modified"`
	ETag      string    `json:"etag"`
}

// nodeOf shows a node as one sees it who may be kept to a folder.
func nodeOf(ctx context.Context, n drive.Node) nodeBody {
	body := nodeBody{
		ID: n.ID, Name: n.Name, Path: string(drive.Shown(ctx, n.Path)), Folder: n.Folder, Size: n.Size, ETag: n.ETag(),
		Created:  n.Created.UTC().Truncate(time.Microsecond), // as on record, also of a file that was just made
		Modified: n.Modified.UTC().Truncate(time.Microsecond),
	}
	if body.Path == string(drive.Root) {
		body.Name = ""
	}
	if !n.Folder {
		body.SHA256, body.MediaType = hex.EncodeToString(n.SHA256), n.MediaType
	}
	return body
}

// pathOf reads a path that a request names: one who is kept to a folder names what is in it.
func pathOf(r *http.Request, text string) (drive.Path, error) {
	path, err := drive.ParsePath(text)
	if err != nil {
		return "", err
	}
	return drive.Inside(r.Context(), path)
}

// folderBody is a folder with a page of what is in it.
type folderBody struct {
	nodeBody
	Children []nodeBody `json:"children"`
	Next     string     `json:"next,omitempty"` // the after of the next page, if there is more
}

// The bounds of a page of children.
const (
	defaultLimit = 1000
	maxLimit     = 1000
)

// look answers a file, or a folder with what is in it.
func (a *api) look(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	path, err := pathOf(r, r.PathValue("path"))
	if err != nil {
		return err
	}
	query := r.URL.Query()
	order, err := orderOf(query)
	if err != nil {
		return err
	}
	limit, err := limitOf(query)
	if err != nil {
		return err
	}
	node, err := a.drives.Stat(r.Context(), p.UserID, path)
	if err != nil {
		return err
	}
	if !node.Folder {
		w.Header().Set("ETag", node.ETag())
		answer.JSON(w, r, http.StatusOK, nodeOf(r.Context(), node))
		return nil
	}
	l, err := a.drives.List(r.Context(), p.UserID, path, order, query.Get("after"), limit)
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, folderBody{nodeBody: nodeOf(r.Context(), l.Folder), Children: nodesOf(r.Context(), l.Children), Next: l.Next})
	return nil
}

func nodesOf(ctx context.Context, nodes []drive.Node) []nodeBody {
	bodies := make([]nodeBody, 0, len(nodes))
	for _, n := range nodes {
		bodies = append(bodies, nodeOf(ctx, n))
	}
	return bodies
}

// orderOf reads the query's sort and order.
func orderOf(query url.Values) (o drive.Order, err error) {
	if o.By, err = drive.ParseSort(query.Get("sort")); err != nil {
		return o, err
	}
	switch query.Get("order") {
	case "", "asc":
	case "desc":
		o.Descending = true
	default:
		return o, invalid("invalid_fields", []fault.Field{{Name: "order", Code: "invalid", Message: "This is asc or desc."}})
	}
	return o, nil
}

func limitOf(query url.Values) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, invalid("invalid_fields", []fault.Field{{Name: "limit", Code: "invalid", Message: "A number from 1 to " + strconv.Itoa(maxLimit) + "."}})
	}
	return limit, nil
}

// remove moves a file or a folder into the trash, and answers by what it comes back. If-Match keeps it if it has changed.
func (a *api) remove(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	path, err := pathOf(r, r.PathValue("path"))
	if err != nil {
		return err
	}
	removed, err := a.drives.TrashAll(r.Context(), p.UserID, []drive.Path{path}, drive.Guard{Check: ifMatch(r)})
	if err != nil {
		return err
	}
	if len(removed) == 0 {
		answer.JSON(w, r, http.StatusNoContent, nil)
		return nil
	}
	answer.JSON(w, r, http.StatusOK, trashedOf(r.Context(), removed[0]))
	return nil
}

// ifMatch is the request's If-Match (RFC 9110, section 13.1.1); nil if it has none.
func ifMatch(r *http.Request) func(current *drive.Node) error {
	header := strings.Join(r.Header.Values("If-Match"), ",")
	if header == "" {
		return nil
	}
	return func(current *drive.Node) error {
		for tag := range strings.SplitSeq(header, ",") { // no entity tag of ours holds a comma
			tag = strings.TrimSpace(tag)
			if current != nil && (tag == "*" || tag == current.ETag()) {
				return nil
			}
		}
		return fault.New(fault.Precondition, "api.ifMatch", "")
	}
}

func (a *api) makeFolder(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var name string
	if err := readBody(w, r, fields{"path": &name}); err != nil {
		return err
	}
	if err := required("path", name); err != nil {
		return err
	}
	path, err := pathOf(r, name)
	if err != nil {
		return err
	}
	node, err := a.drives.MakeFolder(r.Context(), p.UserID, path, drive.Guard{})
	if err != nil {
		return err
	}
	address := url.URL{Path: "/api/v1/files" + string(drive.Shown(r.Context(), node.Path))}
	w.Header().Set("Location", address.EscapedPath())
	answer.JSON(w, r, http.StatusCreated, nodeOf(r.Context(), node))
	return nil
}

// move moves or renames. What stands at the target stays there unless overwrite is set, which moves it to the trash.
func (a *api) move(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	return transfer(w, r, http.StatusOK, func(from, to drive.Path, overwrite bool) (drive.Node, error) {
		node, _, err := a.drives.Move(r.Context(), p.UserID, from, to, overwrite, drive.Guard{})
		return node, err
	})
}

// copy is move that leaves the source where it is.
func (a *api) copy(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	return transfer(w, r, http.StatusCreated, func(from, to drive.Path, overwrite bool) (drive.Node, error) {
		node, _, err := a.drives.Copy(r.Context(), p.UserID, from, to, overwrite, true, drive.Guard{})
		return node, err
	})
}

func transfer(w http.ResponseWriter, r *http.Request, status int, do func(from, to drive.Path, overwrite bool) (drive.Node, error)) error {
	var from, to string
	var overwrite bool
	if err := readBody(w, r, fields{"from": &from, "to": &to, "overwrite": &overwrite}); err != nil {
		return err
	}
	if err := required("from", from, "to", to); err != nil {
		return err
	}
	source, err := pathOf(r, from)
	if err != nil {
		return err
	}
	target, err := pathOf(r, to)
	if err != nil {
		return err
	}
	node, err := do(source, target, overwrite)
	if err != nil {
		return err
	}
	answer.JSON(w, r, status, nodeOf(r.Context(), node))
	return nil
}
