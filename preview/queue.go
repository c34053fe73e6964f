package preview

import (
	"path"
	"sync"

	"github.com/satchelhq/satchel/drive"
)

// The bounds of a Queue: images whose thumbnails are asked for by a request that waits, and those that are made ahead. What does not fit
// is left: who asks comes again, and what was not made ahead is made when somebody asks.
const (
	maxAsked     = 4000
	maxAskedEach = 1000 // of one drive
	maxAhead     = 20_000
	maxAheadEach = 5000
)

// Queue holds the images whose thumbnails are to be made, in memory. It is told of changes (drive.Options.Changed), so it is there
// before the drives are.
type Queue struct {
	mu    sync.Mutex
	tasks map[image]*task
	asked lane
	ahead lane
	wake  chan struct{} // has one while there is something to do, perhaps
}

// image is a file by its drive and node.
type image struct{ drive, node string }

// task is an image that waits for its turn, or whose thumbnails are being made.
type task struct {
	image
	urgent bool          // in the lane of what is asked for
	begun  bool          // no lane gives it out again
	done   chan struct{} // closed when it was tried
}

// NewQueue makes an empty queue.
func NewQueue() *Queue {
	return &Queue{tasks: map[image]*task{}, asked: newLane(maxAsked, maxAskedEach), ahead: newLane(maxAhead, maxAheadEach), wake: make(chan struct{}, 1)}
}

// Tell takes up what became a file, if its name says that it is an image. It returns at once.
func (q *Queue) Tell(changes []drive.Change) {
	for _, c := range changes {
		if (c.Kind == drive.ChangeCreated || c.Kind == drive.ChangeWritten) && namedLikeImage(path.Base(string(c.Path))) {
			q.add(image{c.DriveID, c.NodeID}, false)
		}
	}
}

// Len is how many images wait, those whose thumbnails are being made among them.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.tasks)
}

// add puts an image into a lane, or finds it there; false if there is no room.
func (q *Queue) add(i image, urgent bool) (*task, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t, there := q.tasks[i]
	switch {
	case there && (t.urgent || t.begun || !urgent):
		return t, true
	case !there:
		t = &task{image: i, done: make(chan struct{})}
	}
	to := &q.ahead
	if urgent {
		to = &q.asked
	}
	if !to.push(t) {
		return nil, false
	}
	t.urgent = urgent
	q.tasks[i] = t
	q.ring()
	return t, true
}

func (q *Queue) ring() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next takes an image out, or answers nil.
func (q *Queue) next() *task {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, from := range [...]*lane{&q.asked, &q.ahead} {
		for t := from.pop(); t != nil; t = from.pop() {
			if t.begun { // it changed the lane
				continue
			}
			t.begun = true
			q.ring() // for the others who make some
			return t
		}
	}
	return nil
}

// done ends a task.
func (q *Queue) done(t *task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.tasks, t.image)
	close(t.done)
}

// lane is tasks in the order in which they came, drives in turn.
type lane struct {
	byDrive         map[string][]*task
	drives          []string
	length          int
	most, mostDrive int
}

func newLane(most, mostDrive int) lane {
	return lane{byDrive: map[string][]*task{}, most: most, mostDrive: mostDrive}
}

func (l *lane) push(t *task) bool {
	of := l.byDrive[t.drive]
	if l.length >= l.most || len(of) >= l.mostDrive {
		return false
	}
	if len(of) == 0 {
		l.drives = append(l.drives, t.drive)
	}
	l.byDrive[t.drive] = append(of, t)
	l.length++
	return true
}

func (l *lane) pop() *task {
	if len(l.drives) == 0 {
		return nil
	}
	id := l.drives[0]
	l.drives = l.drives[1:]
	t, rest := l.byDrive[id][0], l.byDrive[id][1:]
	if len(rest) > 0 {
		l.byDrive[id] = rest
		l.drives = append(l.drives, id)
	} else {
		delete(l.byDrive, id)
	}
	l.length--
	return t
}
