package pages

import "time"

// Shares is the page with what the user has opened to whoever has a link.
type Shares struct {
	AccountFrame
	Items   []Share
	Made    *Share     // that was just made; nil if none was
	Removed bool       // one was just ended
	Form    *ShareForm // that was refused; nil if none was
}

// ShareFields are the refused form and why it was refused.
func (s Shares) ShareFields() ShareFields { return ShareFields{*s.Form, s.Problem} }

// Share is one of them.
type Share struct {
	ID, Name, Link string
	Path, Details  string // where it is and the page about it; empty while it is in the trash
	Drop           bool   // visitors put files into it
	Protected      bool
	Ended          bool // expired or used up
	Uses, Most     int64
	Created        time.Time
	Used, Expires  time.Time
}

// WasUsed reports whether anybody used it.
func (s Share) WasUsed() bool { return !s.Used.IsZero() }

// Ends reports whether it expires.
func (s Share) Ends() bool { return !s.Expires.IsZero() }

// Copyable is its link, to copy.
func (s Share) Copyable() Copyable { return Copyable{"made-link", "shares.link", s.Link} }

// ShareForm is what was filled in to share a file or folder.
type ShareForm struct {
	Path             string
	Of               string // the name of the file or folder
	Folder           bool
	Kind, Name, Most string
	Days             string // until it expires; empty for never
}

// Choices are the times after which a share may expire.
func (f ShareForm) Choices() []Choice {
	all := []Choice{{"", "expiry.never", false}, {"1", "expiry.day", false}, {"7", "expiry.week", false}, {"30", "expiry.month", false}, {"365", "expiry.year", false}}
	for i := range all {
		all[i].Chosen = all[i].Value == f.Days
	}
	return all
}

// ShareFields is a ShareForm with what is wrong with it.
type ShareFields struct {
	ShareForm
	Problem *Problem
}

// ShareFields are the form as it begins.
func (d Details) ShareFields() ShareFields { return ShareFields{d.Share, nil} }

// Shares renders the page with what the user has opened to whoever has a link.
func (e *Edition) Shares(v Shares) ([]byte, error) { return e.render("shares", v) }

// Shared is what somebody sees who has a link.
type Shared struct {
	Frame
	Address  string // of this page
	Link     string // the same with its origin
	Ask      bool   // for the password; nothing else is told then
	Public   bool   // others may be told its name, in the preview that a chat makes of a link
	Drop     bool   // files can be put into it, and nothing is told of what is there
	Full     bool   // no more files
	Sent     int    // how many files were just put into it
	MaxSize  int64  // bytes of the largest file that is taken; 0 is no limit
	Endpoint string // where the script sends files to, by tus

	Name      string
	Folder    bool
	Size      int64 // bytes, of a file
	Modified  time.Time
	MediaType string
	Limited   bool     // downloads are counted
	Crumbs    []Crumb  // the folders above it, from the shared one on
	Download  string   // address that saves it, a folder as a ZIP
	Picture   *Picture // that may stand for it where its link is shown; nil for none
	Viewer    Viewer   // of what a page shows: images or their thumbnails, video, audio, text; empty for nothing
	Raw       string   // address of that content
	Text      string   // of text
	Partly    bool     // the text goes on
	Entries   []Entry  // of a folder
	Next      string   // address of its next part; empty on the last
}

// Picture is a thumbnail by which others show a link.
type Picture struct {
	Address       string // with its origin
	Name          string // of the file that it is of
	MediaType     string // empty while it is not known, like the rest
	Width, Height int    // pixels
}

// Icon is the name of its symbol in templates/icons.html.
func (s Shared) Icon() string { return Entry{Folder: s.Folder, MediaType: s.MediaType}.Icon() }

// Shared renders what somebody sees who has a link.
func (e *Edition) Shared(v Shared) ([]byte, error) { return e.render("shared", v) }
