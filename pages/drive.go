package pages

import (
	"strings"
	"time"
)

// Drive is a folder of the signed-in user's drive.
type Drive struct {
	Frame
	Crumbs  []Crumb // from the root to this folder
	Address string  // of this folder: where its forms are sent to
	Details string  // address of the page about this folder; empty for the root
	Path    string  // of this folder in the drive, "/a/b", for uploads
	ID      string  // of this folder, for events
	Since   string  // the moment before it was listed, for events
	Columns []Column
	Grid    bool    // as tiles
	Entries []Entry // folders first
	First   string  // address of the listing's first part; empty on it
	Next    string  // address of the listing's next part; empty on the last
	Most    int     // how many of them can be acted on at once
	Removed *Removed
	Usage   Usage
	MaxFile int64  // bytes of the largest file that is taken; 0 is no limit
	NewName string // what was typed as a new folder's name
}

// Title is the folder's name; empty for the root.
func (d Drive) Title() string {
	if len(d.Crumbs) == 0 {
		return ""
	}
	return d.Crumbs[len(d.Crumbs)-1].Name
}

// Crumb is a folder on the way from the root. The root's name is empty.
type Crumb struct{ Name, Address string }

// Column is what a listing can be sorted by.
type Column struct {
	Key     string // "name", "size", "kind" or "time"
	Address string // of the listing sorted by it, or the other way round
	Sorted  string // "ascending" or "descending" if the listing is; else empty
}

// Removed is what was moved to the trash last, and can be put back.
type Removed struct {
	Name  string // of one of them
	Count int
	At    string // names the removal in the form that undoes it
}

// Entry is a file or a folder in a listing.
type Entry struct {
	ID        string
	Name      string
	Folder    bool
	Size      int64 // bytes, of a file
	Modified  time.Time
	MediaType string
	Address   string // of the folder, or of the file's content
	Thumbnail string // address of a small picture of an image; empty for what has none
	Download  string // address that saves the file
	Details   string // address of the page about it
	Delete    string // address of the question before the removal
	Action    string // address that takes what is done to it
}

// Icon is the name of the entry's symbol in templates/icons.html.
func (e Entry) Icon() string {
	if e.Folder {
		return "folder"
	}
	class, _, _ := strings.Cut(e.MediaType, "/")
	switch class {
	case "image", "audio", "video":
		return class
	}
	return "file"
}

// Kind is the media type without parameters; empty for a folder.
func (e Entry) Kind() string {
	kind, _, _ := strings.Cut(e.MediaType, ";")
	return kind
}

// Usage is how full a drive is, in bytes. A negative quota is no limit.
type Usage struct{ Used, Quota int64 }

// Limited reports whether there is a quota.
func (u Usage) Limited() bool { return u.Quota >= 0 }

// High is from where on the bar warns: nine tenths.
func (u Usage) High() int64 { return u.Quota / 10 * 9 }

// Drive renders a folder.
func (e *Edition) Drive(v Drive) ([]byte, error) { return e.render("drive", v) }

// Delete asks before a file or folder is removed.
type Delete struct {
	Frame
	Name   string
	Folder bool
	Action string // where the answer is sent to
	Back   string // the folder that holds it
}

// Delete renders the question before a removal.
func (e *Edition) Delete(v Delete) ([]byte, error) { return e.render("delete", v) }
