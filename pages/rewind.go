package pages

import "time"

// Rewind is the page on which a drive, or a folder of it, is put back to a moment: first it asks for one, then it tells what would happen, and at last that it has.
type Rewind struct {
	Frame
	Folder  string // its path
	Name    string // empty for the drive itself
	Crumbs  []Crumb
	Reach   time.Time // the earliest moment
	Now     time.Time
	Presets []RewindPreset
	Seen    *RewindSeen // what would happen; nil if no moment has been chosen
	Done    *RewindDone // what has happened; nil if nothing has
}

// Root reports whether it is about all of the drive.
func (v Rewind) Root() bool { return v.Name == "" }

// RewindPreset is a moment to choose.
type RewindPreset struct {
	Words   *Message
	At      time.Time
	Address string
}

// RewindSeen is what a rewind would do.
type RewindSeen struct {
	To      string // as the form sends it
	When    time.Time
	Before  string       // the moment that this was found at
	Does    []RewindKind // in the order in which they are told
	Leaves  []RewindKind // what cannot be put back
	Problem *Problem     // why it would be refused now
	Nothing bool         // everything is as it was
	Back    string       // address at which another moment is chosen
}

// RewindKind is one thing that happens with some files and folders.
type RewindKind struct {
	Words *Message // with how many there are
	Items []RewindItem
	More  int // that are not named
}

// RewindItem is one of them.
type RewindItem struct {
	Path string
	From string // where it is before; empty for nowhere else
	Icon string
}

// RewindDone is what a rewind has done.
type RewindDone struct {
	Count, Left int    // files and folders that were put back, and that could not be
	Folder      string // address of what was put back
	Undo        string // address of the way back
}

// FirstMoment and LastMoment bound the input for a moment, in UTC.
func (v Rewind) FirstMoment() string {
	return formatInput(v.Reach.Add(time.Minute - 1).Truncate(time.Minute))
}

// LastMoment is the last minute that has begun.
func (v Rewind) LastMoment() string { return formatInput(v.Now) }

// formatInput is a time for an input (HTML, section 2.3.5.4: a local date and time), in UTC.
func formatInput(t time.Time) string { return t.UTC().Format("2006-01-02T15:04") }

// Rewind renders the page.
func (e *Edition) Rewind(v Rewind) ([]byte, error) { return e.render("rewind", v) }
