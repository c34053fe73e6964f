package preview

import (
	"path"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/drive"
)

// imageTypes are the media types, and imageNames the extensions, of what package picture reads.
var (
	imageTypes = [...]string{"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/x-ms-bmp", "image/tiff"}
	imageNames = [...]string{".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"}
)

// Pictured reports whether a file may have thumbnails, by what its type or its name says. Whether it has some shows when they are made.
func Pictured(n drive.Node) bool {
	if n.Folder || n.Size == 0 || n.Size > maxSource {
		return false
	}
	media, _, _ := strings.Cut(n.MediaType, ";")
	return slices.Contains(imageTypes[:], strings.ToLower(strings.TrimSpace(media))) || namedLikeImage(n.Name)
}

func namedLikeImage(name string) bool {
	return slices.Contains(imageNames[:], strings.ToLower(path.Ext(name)))
}
