package api

import (
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/server/answer"
)

func (a *api) thumbnailRoutes() []route {
	return []route{
		{"GET", v1 + "/thumbnails/{path...}", signedIn(a.thumbnail)},
	}
}

// thumbnail answers a small picture of an image.
func (a *api) thumbnail(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	path, err := pathOf(r, r.PathValue("path"))
	if err != nil {
		return err
	}
	query := r.URL.Query()
	size, ok := preview.ParseSize(query.Get("size"))
	if !ok {
		return invalid("invalid_fields", []fault.Field{{Name: "size", Code: "invalid", Message: "160 or 480."}})
	}
	node, thumbnail, err := a.previews.Thumbnail(r.Context(), p.UserID, path, size)
	if err != nil {
		return err
	}
	answer.Picture(w, r, thumbnail.MediaType, thumbnail.Content, query.Get("v") == strings.Trim(node.ETag(), `"`))
	return nil
}
