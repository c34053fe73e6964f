package web

import (
	"bytes"
	"context"
	"image"
	_ "image/jpeg" // what thumbnails are
	_ "image/png"
	"net/http"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/server/answer"
)

// lookAtShared gives the page of a file what of it can be seen there. Markdown is shown as it is written: its pages come from one workshop,
// whose turns are for those who have an account.
func (h *Web) lookAtShared(ctx context.Context, page *pages.Shared, v *visit, node drive.Node) (err error) {
	viewer := viewerOf(node)
	switch {
	case viewer == pages.ViewThumbnail:
		if _, known, none := h.previews.Known(ctx, node, preview.Large); !known || none == nil {
			page.Viewer, page.Raw = viewer, v.thumbAddress(node, preview.Large)
		}
	case viewer == pages.ViewText, viewer == pages.ViewMarkdown:
		var ok bool
		if page.Text, page.Partly, ok, err = h.textOf(v.ctx, v.share.DriveID, node.Path); ok {
			page.Viewer = pages.ViewText
		}
	case shownInline(node.MediaType):
		page.Viewer, page.Raw = viewer, page.Address+"?raw"
	}
	return err
}

// shownInline reports whether a page of strangers shows such content: images but SVG, audio and video, as raw.go sends them.
func shownInline(stored string) bool {
	media, inline := serveAs(stored)
	class, _, _ := strings.Cut(media, "/")
	return inline && (class == "image" || class == "audio" || class == "video")
}

// thumbAddress is the address of a thumbnail in the share. It names the content, so that what keeps pictures asks for one of what is there now.
func (v *visit) thumbAddress(n drive.Node, size int) string {
	return v.address(n.Path) + "?thumb=" + strconv.Itoa(size) + "&v=" + strings.Trim(n.ETag(), `"`)
}

// sendSharedThumb sends the thumbnail of a file that a link opens, where downloads are not counted. Errors are short, since nobody reads them.
// Without a password pages of other origins may show it: some that show a chat take the picture of a link from where it is.
func (h *Web) sendSharedThumb(w http.ResponseWriter, r *http.Request, v *visit) error {
	size, ok := preview.ParseSize(r.URL.Query().Get("thumb"))
	if !ok || v.share.Most > 0 {
		answer.Text(w, r, fault.New(fault.NotFound, "web.sendSharedThumb", ""))
		return nil
	}
	_, thumbnail, err := h.previews.Thumbnail(v.ctx, v.share.DriveID, v.path, size)
	if err != nil {
		answer.Text(w, r, err)
		return nil
	}
	if !v.share.Protected() {
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	answer.Picture(w, r, thumbnail.MediaType, thumbnail.Content, false)
	return nil
}

// maxPictureTries is how many images are asked for a thumbnail that may stand for a folder.
const maxPictureTries = 4

// sharedPicture is the picture that may stand for a link in a chat: a thumbnail of the first of these that has one, or may have one; nil if there is
// none. It waits for none: who asks for the picture has it made.
func (h *Web) sharedPicture(r *http.Request, v *visit, of ...drive.Node) (*pages.Picture, error) {
	tries := 0
	for _, n := range of {
		if !preview.Pictured(n) {
			continue
		}
		if tries++; tries > maxPictureTries {
			break
		}
		thumbnail, known, err := h.previews.Known(r.Context(), n, preview.Large)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		picture := &pages.Picture{Address: h.origin.Base(r) + v.thumbAddress(n, preview.Large), Name: n.Name}
		if known {
			if c, _, err := image.DecodeConfig(bytes.NewReader(thumbnail.Content)); err == nil { // the header alone, and of our own making
				picture.MediaType, picture.Width, picture.Height = thumbnail.MediaType, c.Width, c.Height
			}
		}
		return picture, nil
	}
	return nil, nil
}
