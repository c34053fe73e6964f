package pages

// Pick is the page on which a folder is picked to move or copy into.
type Pick struct {
	Frame
	Copy    bool     // else they are moved
	Action  string   // where all its forms are sent to: the folder that holds them
	Back    string   // that folder
	Items   []string // names of what was chosen
	At      string   // path of the folder that is shown
	Name    string   // of that folder; empty for the root
	Above   []Place  // from the root to it
	Folders []Place  // in it
	Next    string   // where its next part begins; empty on the last
	Here    bool     // they are in it already
}

// Place is a folder to go to.
type Place struct{ Name, Path string }

// Pick renders the page on which a folder is picked.
func (e *Edition) Pick(v Pick) ([]byte, error) { return e.render("pick", v) }

// Search is the page with what was found by name.
type Search struct {
	Frame
	Text    string // what was looked for; empty for nothing yet
	Hits    []Hit
	Further bool   // this is not the first part
	Next    string // address of the next part; empty on the last
}

// Hit is something that was found.
type Hit struct {
	Entry
	Where string // path of the folder that holds it
	In    string // its address
}

// Search renders the page with what was found.
func (e *Edition) Search(v Search) ([]byte, error) { return e.render("search", v) }
