package pages

import "time"

// Details is the page about a file or folder.
type Details struct {
	Frame
	Entry
	Crumbs   []Crumb
	Root     bool // it is the drive itself
	Created  time.Time
	SHA256   string // hexadecimal; empty for a folder
	Kept     int    // versions that are kept
	NewName  string // what was typed as its new name
	Back     string // the folder that holds it
	Versions string // address of its versions
	Rewind   string // address at which a folder goes back to a moment
	Share    ShareForm
}

// Above are the folders that hold it.
func (d Details) Above() []Crumb { return d.Crumbs[:max(0, len(d.Crumbs)-1)] }

// Details renders the page about a file or folder.
func (e *Edition) Details(v Details) ([]byte, error) { return e.render("details", v) }

// Versions is the page with what a file held before.
type Versions struct {
	Frame
	Entry
	Crumbs   []Crumb
	Back     string // the page about the file
	Versions []Version
}

// Above are the folders that hold the file.
func (v Versions) Above() []Crumb { return v.Crumbs[:max(0, len(v.Crumbs)-1)] }

// Version is content that a file held before.
type Version struct {
	ID       string
	Size     int64
	Modified time.Time // of the content
	Replaced time.Time // when newer content took its place
	Address  string    // of the content
	Download string    // address that saves it
}

// Versions renders the page with what a file held before.
func (e *Edition) Versions(v Versions) ([]byte, error) { return e.render("versions", v) }
