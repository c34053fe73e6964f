package web

import (
	"net/http"
	"strings"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/server/answer"
)

// viewRoutes is looking at files.
func (h *Web) viewRoutes() map[string]answer.Handler {
	return map[string]answer.Handler{
		"GET /view/{path...}":  h.private(h.file),
		"GET /thumb/{path...}": h.private(h.thumb),
	}
}

// thumb sends a file's thumbnail, for an <img>: one that is being made is waited for. Errors are short, since nobody reads them.
func (h *Web) thumb(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	path, err := drive.ParsePath(r.PathValue("path"))
	if err != nil {
		answer.Text(w, r, err)
		return nil
	}
	query := r.URL.Query()
	size, ok := preview.ParseSize(query.Get("size"))
	if !ok {
		answer.Text(w, r, fault.New(fault.Invalid, "web.thumb", ""))
		return nil
	}
	node, thumbnail, err := h.previews.Thumbnail(r.Context(), who.UserID, path, size)
	if err != nil {
		answer.Text(w, r, err)
		return nil
	}
	answer.Picture(w, r, thumbnail.MediaType, thumbnail.Content, query.Get("v") == strings.Trim(node.ETag(), `"`))
	return nil
}
