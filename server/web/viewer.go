package web

import (
	"mime"
	"path"
	"slices"
	"strings"

	"github.com/satchelhq/satchel/drive"
	"github.com/satchelhq/satchel/pages"
	"github.com/satchelhq/satchel/preview"
)

// shownImages are the image types that browsers show; of others there may be a thumbnail. SVG is one of them: in an <img> a browser runs
// nothing of it and loads nothing for it (SVG Integration, "secure static mode"), and anywhere else raw.go does not let it show.
var shownImages = [...]string{"image/jpeg", "image/png", "image/apng", "image/gif", "image/webp", "image/avif", "image/bmp", "image/x-ms-bmp", "image/x-icon", "image/vnd.microsoft.icon", "image/svg+xml"}

// textTypes are the types beside text/… that are text, and textNames the extensions of what often comes without a type.
var (
	textTypes = [...]string{"application/json", "application/xml", "application/javascript", "application/x-javascript", "application/ecmascript",
		"application/x-sh", "application/x-yaml", "application/yaml", "application/toml", "application/sql", "application/x-httpd-php", "application/x-subrip"}
	textNames = [...]string{".txt", ".md", ".markdown", ".log", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".toml", ".ini", ".conf", ".cfg", ".env",
		".go", ".py", ".js", ".mjs", ".ts", ".tsx", ".jsx", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".java", ".kt", ".rs", ".rb", ".php", ".pl", ".lua", ".swift",
		".sh", ".bash", ".zsh", ".bat", ".ps1", ".sql", ".html", ".htm", ".css", ".scss", ".vue", ".tex", ".diff", ".patch", ".srt", ".vtt", ".properties", ".gitignore"}
)

// viewerOf is how a file is shown, by its type or else its name. Nothing depends on whether that is true: see raw.go for content, and a
// page's text is text.
func viewerOf(n drive.Node) pages.Viewer {
	media, _, err := mime.ParseMediaType(n.MediaType)
	if err != nil {
		media = ""
	}
	class, _, _ := strings.Cut(media, "/")
	ext := strings.ToLower(path.Ext(n.Name))
	switch {
	case slices.Contains(shownImages[:], media):
		return pages.ViewImage
	case preview.Pictured(n):
		return pages.ViewThumbnail
	case class == "video":
		return pages.ViewVideo
	case class == "audio":
		return pages.ViewAudio
	case media == "application/pdf":
		return pages.ViewPDF
	case media == "text/markdown", ext == ".md", ext == ".markdown":
		return pages.ViewMarkdown
	case class == "text", strings.HasSuffix(media, "+json"), strings.HasSuffix(media, "+xml"),
		slices.Contains(textTypes[:], media), slices.Contains(textNames[:], ext):
		return pages.ViewText
	}
	return pages.ViewNothing
}
