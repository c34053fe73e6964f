package pages

import (
	"html/template"
	"time"
)

// Viewer is how a page shows a file.
type Viewer string

const (
	ViewImage     Viewer = "image"
	ViewThumbnail Viewer = "thumbnail" // an image that browsers do not show
	ViewVideo     Viewer = "video"
	ViewAudio     Viewer = "audio"
	ViewPDF       Viewer = "pdf"
	ViewText      Viewer = "text"
	ViewMarkdown  Viewer = "markdown"
	ViewNothing   Viewer = "nothing" // what is known of the file is all that there is to see
)

// View is a file.
type View struct {
	Frame
	Crumbs    []Crumb // from the root to the folder that holds it
	Name      string
	Viewer    Viewer
	Size      int64 // bytes
	Modified  time.Time
	MediaType string
	Raw       string // address of the content, or of the thumbnail that stands for it
	Download  string // address that saves it
	Delete    string // address of the question before the removal

	Before, After *Crumb // the images beside an image; nil at the ends

	Text   string        // of text
	HTML   template.HTML // of Markdown; it is trusted
	Partly bool          // the text goes on
}

// Folder is the folder that holds the file.
func (v View) Folder() Crumb { return v.Crumbs[len(v.Crumbs)-1] }

// Icon is the name of the file's symbol in templates/icons.html.
func (v View) Icon() string { return Entry{MediaType: v.MediaType}.Icon() }

// View renders a file.
func (e *Edition) View(v View) ([]byte, error) { return e.render("view", v) }
