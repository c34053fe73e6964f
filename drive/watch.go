package drive

import "sync"

// watches wakes who waits for changes of a drive that this process makes.
type watches struct {
	mu      sync.Mutex
	byDrive map[string]map[chan struct{}]struct{}
}

func newWatches() *watches { return &watches{byDrive: map[string]map[chan struct{}]struct{}{}} }

func (w *watches) tell(driveID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.byDrive[driveID] {
		select {
		case c <- struct{}{}:
		default: // it is awake already
		}
	}
}

// Watch answers a channel that gets something soon after this process changed a drive; many changes may be one. What another process
// does is not told: ask now and then. stop ends it.
func (s *Drives) Watch(driveID string) (changed <-chan struct{}, stop func()) {
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
