package web

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/pages"
)

const (
	drivePrefix = "/drive/"
	rawPrefix   = "/raw/"
	viewPrefix  = "/view/"
	thumbPrefix = "/thumb/"
)

// driveAddress is the address of a folder, or of a node to act on.
func driveAddress(p drive.Path) string { return drivePrefix + escape(p) }

// rawAddress is the address of a file's content.
func rawAddress(p drive.Path) string { return rawPrefix + escape(p) }

// viewAddress is the address of the page that shows a file.
func viewAddress(p drive.Path) string { return viewPrefix + escape(p) }

// thumbAddress is the address of a file's thumbnail, preview.Small or preview.Large. It names the content, so that it may be kept for ever;
// without v it always is the one of the content that there is.
func thumbAddress(n drive.Node, size int) string {
	return thumbPrefix + escape(n.Path) + "?size=" + strconv.Itoa(size) + "&v=" + strings.Trim(n.ETag(), `"`)
}

// escape spells a path for an address (RFC 3986, section 3.3): names keep "?", "#", "%", spaces and
// whatever else they hold.
func escape(p drive.Path) string {
	names := p.Names()
	for i, name := range names {
		names[i] = url.PathEscape(name)
	}
	return strings.Join(names, "/")
}

// crumbs are the folders from the root to p.
func crumbs(p drive.Path) []pages.Crumb {
	all := []pages.Crumb{{Address: driveAddress(drive.Root)}}
	at := drive.Root
	for _, name := range p.Names() {
		at = at.Join(name)
		all = append(all, pages.Crumb{Name: name, Address: driveAddress(at)})
	}
	return all
}
