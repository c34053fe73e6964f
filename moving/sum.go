package moving

import "sync"

// Outcome is what became of a file or folder.
type Outcome string

const (
	Moved   Outcome = "moved"
	Same    Outcome = "there already"
	Left    Outcome = "left out" // and nothing is wrong with that
	Failed  Outcome = "failed"
	Damaged Outcome = "damaged" // what the server stored is not what it was
	Noted   Outcome = "noted"   // said of an account; it is no file
)

// Told is what became of one of them, and why.
type Told struct {
	User    string // whose it is, where accounts move
	Path    string // where it came from; empty for the account itself
	To      string // where it went, in a drive; empty if it did not go there
	Outcome Outcome
	Bytes   int64
	Why     error // nil for Moved and Same
}

// Sum is what became of all files.
type Sum struct {
	Moved   int   `json:"moved"`
	Same    int   `json:"there_already"`
	Left    int   `json:"left_out"`
	Failed  int   `json:"failed"`
	Damaged int   `json:"damaged"`
	Bytes   int64 `json:"bytes"` // of those that moved
	// Changed says that the drive changed while it was read, so that what was moved or made meanwhile may be missing.
	Changed bool `json:"changed"`
}

// Add counts what another has.
func (s *Sum) Add(o Sum) {
	s.Moved += o.Moved
	s.Same += o.Same
	s.Left += o.Left
	s.Failed += o.Failed
	s.Damaged += o.Damaged
	s.Bytes += o.Bytes
	s.Changed = s.Changed || o.Changed
}

// tally counts what is told. Nobody is told by two goroutines at once.
type tally struct {
	mu   sync.Mutex
	sum  Sum
	tell func(Told)
}

func (t *tally) add(told Told) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch told.Outcome {
	case Moved:
		t.sum.Moved++
		t.sum.Bytes += told.Bytes
	case Same:
		t.sum.Same++
	case Left:
		t.sum.Left++
	case Failed:
		t.sum.Failed++
	case Damaged:
		t.sum.Damaged++
	}
	if t.tell != nil {
		t.tell(told)
	}
}
