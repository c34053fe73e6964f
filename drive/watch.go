package drive

import "sync"

// TopicChanged is what sqldb.DB.Notify tells the ids of drives of that were changed.
const TopicChanged = "drive_changed"

// watches wakes who waits for changes of a drive.
type watches struct {
	mu      sync.Mutex
	byDrive map[string]map[chan struct{}]struct{}
}

func newWatches() *watches { return &watches{byDrive: map[string]map[chan struct{}]struct{}{}} }

// tell wakes who waits for one of some drives, or of any (nil).
func (w *watches) tell(driveIDs []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range driveIDs {
		ring(w.byDrive[id])
	}
	if driveIDs == nil {
		for _, channels := range w.byDrive {
			ring(channels)
		}
	}
}

func ring(channels map[chan struct{}]struct{}) {
	for c := range channels {
		select {
		case c <- struct{}{}:
		default: // it is awake already
		}
	}
}

// Watch answers a channel that gets something soon after a drive was changed, by this process or another; many changes may be one, and where nothing
// changed it may get something too. What another process did may be told late or not at all, also as with SQLite nobody tells it: ask now and then. stop ends it.
func (s *Drives) Watch(driveID string) (changed <-chan struct{}, stop func()) {
	s.listen()
	c := make(chan struct{}, 1)
	w := s.watches
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byDrive[driveID] == nil {
		w.byDrive[driveID] = map[chan struct{}]struct{}{}
	}
	w.byDrive[driveID][c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.byDrive[driveID], c)
		if len(w.byDrive[driveID]) == 0 {
			delete(w.byDrive, driveID)
		}
	}
}

// Told reports whether Watch tells now what other processes change. It does not on SQLite, nor while the connection that tells it is lost.
func (s *Drives) Told() bool { return s.db.Shared() && s.db.Hears() }
