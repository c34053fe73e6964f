package drive

import "sync"

// flow are the uploads that just go on: the last request for each was one of this process that brought bytes and did not break off, and
// nobody has asked since where to go on. Any other request that brings bytes after the first ones resumes an upload.
type flow struct {
	mu         sync.Mutex
	young, old map[string]struct{}
}

// flowBound is how many uploads each half of flow remembers; the elder half is forgotten when the younger one is full. Of an upload
// that was forgotten, as one that its client left, the next request counts as one that resumes it.
const flowBound = 10_000

func newFlow() *flow { return &flow{young: map[string]struct{}{}} }

// add says that a request for an upload has come to its end.
func (f *flow) add(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.young) >= flowBound {
		f.young, f.old = map[string]struct{}{}, f.young
	}
	f.young[id] = struct{}{}
}

// take reports whether an upload just goes on, and forgets it: how the request that is under way now ends is open.
func (f *flow) take(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, young := f.young[id]
	_, old := f.old[id]
	delete(f.young, id)
	delete(f.old, id)
	return young || old
}

// Asked notes that somebody asks where to go on with an upload, as clients do after a break: whatever comes then resumes it.
func (s *Drives) Asked(uploadID string) { s.flow.take(uploadID) }
