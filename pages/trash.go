package pages

import "time"

// Trash is the page with what was removed.
type Trash struct {
	Frame
	Items   []Trashed
	Further bool   // this is not the first part
	Next    string // address of the next part; empty on the last
}

// Trashed is a removed file or folder.
type Trashed struct {
	ID      string
	Name    string
	Folder  bool
	Size    int64 // bytes, of a file
	Icon    string
	Where   string // path of the folder that held it
	Removed time.Time
	Expires time.Time // when it is removed for good; zero for never
}

// Trash renders the page with what was removed.
func (e *Edition) Trash(v Trash) ([]byte, error) { return e.render("trash", v) }

// Purge asks before something is removed for good.
type Purge struct {
	Frame
	Items []string // ids of what was chosen; empty for everything in the trash
}

// Purge renders the question before something is removed for good.
func (e *Edition) Purge(v Purge) ([]byte, error) { return e.render("purge", v) }
