package web

import (
	"context"
	"html/template"
	"io"
	"net/http"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/preview"
)

// file shows a file in a page: as far as the browser can show its content without it being part of the page, and else what is known
// of it. A folder's address leads to its listing.
func (h *Web) file(w http.ResponseWriter, r *http.Request, who authn.Principal) error {
	path, err := drive.ParsePath(r.PathValue("path"))
	if err != nil {
		return err
	}
	node, err := h.drives.Stat(r.Context(), who.UserID, path)
	if err != nil {
		return err
	}
	if node.Folder {
		return redirect(w, r, driveAddress(node.Path))
	}
	view := pages.View{
		Frame: pages.Frame{User: who.Username}, Crumbs: crumbs(node.Path.Parent()), Name: node.Name, Viewer: viewerOf(node),
		Size: node.Size, Modified: node.Modified, MediaType: node.MediaType,
		Raw: rawAddress(node.Path), Download: rawAddress(node.Path) + "?download", Delete: driveAddress(node.Path) + "?delete",
	}
	switch view.Viewer {
	case pages.ViewImage, pages.ViewThumbnail:
		if view.Viewer == pages.ViewThumbnail {
			view.Raw = thumbAddress(node, preview.Large)
		}
		err = h.beside(r.Context(), &view, node)
	case pages.ViewText, pages.ViewMarkdown:
		err = h.readText(r.Context(), &view, node, who)
	}
	if err != nil {
		return err
	}
	html, err := h.in(r).View(view)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, html)
}

// beside names the images before and after one.
func (h *Web) beside(ctx context.Context, v *pages.View, node drive.Node) error {
	before, after, err := h.drives.Neighbours(ctx, node, "image")
	if err != nil {
		return err
	}
	link := func(n *drive.Node) *pages.Crumb {
		if n == nil {
			return nil
		}
		return &pages.Crumb{Name: n.Name, Address: viewAddress(n.Path)}
	}
	v.Before, v.After = link(before), link(after)
	return nil
}

// readText gives the page a file's text. What is no text after all is not shown, and Markdown that is too long or too hard is shown as it
// is written.
func (h *Web) readText(ctx context.Context, v *pages.View, node drive.Node, who authn.Principal) error {
	text, partly, ok, err := h.textOf(ctx, who.UserID, node.Path)
	switch {
	case err != nil:
		return err
	case !ok:
		v.Viewer = pages.ViewNothing
		return nil
	}
	v.Partly = partly
	if v.Viewer == pages.ViewMarkdown && !v.Partly {
		html, err := h.previews.Markdown(ctx, []byte(text), viewAddress(node.Path.Parent()), viewPrefix)
		if err == nil {
			v.HTML = template.HTML(html) // made by preview, of elements and links that it knows
			return nil
		}
		if !fault.Is(err, fault.Busy) {
			return err
		}
	}
	v.Viewer, v.Text = pages.ViewText, text
	return nil
}

// textOf reads a file's text, or its beginning if it goes on. ok is false for what is no text.
func (h *Web) textOf(ctx context.Context, driveID string, path drive.Path) (text string, partly, ok bool, err error) {
	node, content, err := h.drives.Open(ctx, driveID, path)
	if err != nil {
		return "", false, false, err
	}
	defer content.Close()
	read, err := io.ReadAll(io.LimitReader(content, preview.MaxText))
	if err != nil {
		return "", false, false, fault.Wrap(err, "web.textOf")
	}
	partly = node.Size > int64(len(read))
	text, ok = decodeText(read, partly)
	return text, partly, ok, nil
}
